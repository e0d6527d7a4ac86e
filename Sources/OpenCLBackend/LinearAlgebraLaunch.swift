import Compiler
import Graph

extension Kernel {
    /// Launches of .linearAlgebra; nil for other kernels.
    func linearAlgebraLaunches(_ target: Target) -> [Launch]? {
        guard case .linearAlgebra(let kind, let scalar, let batch, let m, let n, let operands, let results) = self
        else { return nil }
        // LU of an empty matrix still has a sign to write.
        guard batch > 0, n > 0 || kind == .lu, m > 0 || kind.isSolve == false else { return [] }
        let cut = LinearAlgebraCut(kind, m: m, n: n, target)
        let blocks = kind.isSolve ? m.dividedUp(by: cut.width) : 1
        var text = KernelText(
            headers: [],
            [
                "REAL": scalar.clType, "INDEX": indexType(upTo: batch * max(m, n, 1) * (n + 2)), kind.macro: "1",
                "BATCH": "\(batch)", "M": "\(m)", "N": "\(n)", "LA_GROUP": "\(cut.group)", "SHARE": "\(cut.share)",
            ], body: KernelFile.linalg.text + KernelFile.linearAlgebra.text)
        if case .triangularSolve(let upper, let transpose, let unitDiagonal) = kind {
            let definitions = [
                ("UPPER", upper ? 1 : 0), ("TRANSPOSE", transpose ? 1 : 0), ("UNIT", unitDiagonal ? 1 : 0),
                ("WIDTH", cut.width), ("BLOCKS", blocks),
            ]
            text.definitions += definitions.map { KernelText.Definition(name: $0.0, value: "\($0.1)") }
        }
        var arguments = operands.map { Argument.operand($0, scalar) } + results.map(Argument.result)
        if linearAlgebraWorkspaceByteCount(target) > 0 { arguments.append(.workspace(byteOffset: 0)) }
        if cut.group > 1 { return [Launch(text, arguments, groups: batch, of: cut.group)] }
        return [Launch(text, arguments, items: batch.dividedUp(by: cut.share) * blocks, target)]
    }

    /// What the launches above need; 0 for other kernels.
    func linearAlgebraWorkspaceByteCount(_ target: Target) -> Int {
        guard case .linearAlgebra(let kind, let scalar, let batch, _, let n, _, _) = self else { return 0 }
        return switch kind {
        case .cholesky, .triangularSolve, .lu: 0
        case .qr: (batch * 2 * n * scalar.byteCount).roundedUp(to: 256)
        case .eigh: (batch * (n * n + 2 * n) * scalar.byteCount).roundedUp(to: 256)
        }
    }
}

/// How a batch of matrices is dealt out: `group` work-items share a matrix, or one has `share` matrices for itself, of a
/// triangular solve `width` right-hand sides of each.
private struct LinearAlgebraCut {
    var group = 1
    var share = 1
    var width = 1

    init(_ kind: LinearAlgebra, m: Int, n: Int, _ target: Target) {
        switch target.policy {
        case .cpu:
            // Fused multiply-adds for a work-item: large beside the cost of starting it.
            let share = Double(1 << 16) / max(kind.work(m: m, n: n), 1)
            self.share = max(Int(share), 1)
            // Right-hand sides are independent; 64 of them fill vectors and make up for reading the matrix.
            width = share < 1 ? max(Int(share * Double(m)) / 64 * 64, 64) : m
        case .gpu:
            // Neighbouring work-items take neighbouring right-hand sides, and tiny matrices one each.
            if kind.isSolve || n <= 8 || target.maxWorkGroupSize < 32 { return }
            group = min(max(m * n / 16, 32).roundedDownToPowerOfTwo, target.group / 32 * 32)
        }
    }
}

extension LinearAlgebra {
    fileprivate var macro: String {
        switch self {
        case .cholesky: "CHOLESKY"
        case .triangularSolve: "TRIANGULAR_SOLVE"
        case .lu: "LU"
        case .qr: "QR"
        case .eigh: "EIGH"
        }
    }

    fileprivate var isSolve: Bool {
        if case .triangularSolve = self { true } else { false }
    }

    /// Fused multiply-adds for one matrix, roughly. (No overflow.)
    fileprivate func work(m: Int, n: Int) -> Double {
        let (m, n) = (Double(m), Double(n))
        return switch self {
        case .cholesky: n * n * n / 6 + n * n
        case .triangularSolve: n * (n + 1) / 2 * m
        case .lu: n * n * n / 3 + n * n
        case .qr: 2 * m * n * n + m * n
        case .eigh: 30 * n * n * n + n * n
        }
    }
}
