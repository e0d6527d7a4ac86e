import Compiler
import Graph

extension CompositeKernel {
    func launches(_ target: Target) -> [Launch] {
        guard rows > 0 else { return [] }
        return switch composite {
        case .softmax: softmaxLaunches("SM_SOFTMAX", target)
        case .logSoftmax: softmaxLaunches("SM_LOG_SOFTMAX", target)
        case .softmaxGradient: softmaxLaunches("SM_SOFTMAX_GRADIENT", target)
        case .logSoftmaxGradient: softmaxLaunches("SM_LOG_SOFTMAX_GRADIENT", target)
        case .map(let map, let inverse): mapLaunches(map, inverse: inverse, gradient: false, target)
        case .mapGradient(let map, let inverse): mapLaunches(map, inverse: inverse, gradient: true, target)
        }
    }

    private var arguments: [Argument] { operands.map { .operand($0, .float32) } + results.map(Argument.result) }

    private func softmaxLaunches(_ kind: String, _ target: Target) -> [Launch] {
        let group = target.policy == .cpu ? 1 : LoopItems.groupSize(target)
        // On CPUs a work-item has a tile: SM_TILE of softmax.h.
        let share = group == 1 ? 2048 / length : 1
        let text = KernelText(
            headers: [.opencl, .scalar],
            [
                "KIND": kind, "ROWS": "\(rows)", "LENGTH": "\(length)", "GROUP": "\(group)",
                "SHARE": "\(share)", "INDEX": indexType(largest: (rows + group) * length),
            ], body: KernelFile.softmax.text + KernelFile.softmaxRows.text)
        if group == 1 { return [Launch(text, arguments, items: rows.dividedUp(by: share), target)] }
        return [Launch(text, arguments, groups: rows.dividedUp(by: group / 32), of: group)]
    }

    private func mapLaunches(_ map: ElementMap, inverse: Bool, gradient: Bool, _ target: Target) -> [Launch] {
        let group = target.policy == .cpu ? 1 : LoopItems.groupSize(target)
        // On CPUs a work-item has some microseconds of work.
        let share = group == 1 ? max(map.elementsOfShare / length, 1) : 1
        let lanes = min(1 << (Int.bitWidth - (length - 1).leadingZeroBitCount), 32)
        let options = map.macros
        func text(_ value: Double) -> String { ScalarLiteral(value, .float32).text }
        let files: [KernelFile] = [.elementMapSums, .elementMap, .elementMapRows]
        let source = KernelText(
            headers: [.opencl, .scalar, .compensated],
            [
                "MAP": options.kind, "INVERSE": inverse ? "1" : "0", "GRADIENT": gradient ? "1" : "0",
                "BOUND": text(options.bound), "SPAN": text(options.span), "DAMPING": text(options.damping),
                "BINS": "\(options.bins)",
                "LEAST": "{" + options.least.map(text).joined(separator: ", ") + "}",
                "PARAMETERS": "\(map.parameterCount)", "ROWS": "\(rows)", "LENGTH": "\(length)",
                "GROUP": "\(group)", "LANES": "\(lanes)", "SHARE": "\(share)", "EM_TILE": group == 1 ? "64" : "1",
                "INDEX": indexType(largest: (rows + group) * map.parameterCount * length),
            ], body: files.map(\.text).joined())
        if group == 1 { return [Launch(source, arguments, items: rows.dividedUp(by: share), target)] }
        let groups = gradient ? (rows * length).dividedUp(by: group) : rows.dividedUp(by: group / lanes)
        return [Launch(source, arguments, groups: groups, of: group)]
    }
}

extension ElementMap {
    /// Elements worth handing to a CPU's work-item of their own.
    fileprivate var elementsOfShare: Int {
        switch self {
        case .affine: 2048
        case .spline: 512
        }
    }

    fileprivate struct Macros {
        var kind: String
        var bound: Double
        var span = 0.0, damping = 0.0
        var bins = 1
        var least = [0.0]
    }

    fileprivate var macros: Macros {
        switch self {
        case .affine(let map):
            Macros(
                kind: map.limit == .tanh ? "EM_AFFINE" : "EM_SOFT_AFFINE", bound: map.bound, damping: 1 / map.bound)
        case .spline(let map):
            Macros(
                kind: "EM_SPLINE", bound: map.bound, span: map.span, damping: map.damping, bins: map.bins,
                least: map.leastPlaces)
        }
    }
}
