/// Factorisations and solves of many small matrices side by side; the mathematics is in Kernels/include/linalg.h.
public enum LinearAlgebra: Hashable, Sendable {
    /// a [..., n, n], of which the lower triangle is read -> lower L with a = L L^T; NaN if not positive definite.
    case cholesky
    /// a [..., n, n], b [..., n, m] -> x with op(a) x = b.
    case triangularSolve(upper: Bool, transpose: Bool, unitDiagonal: Bool)
    /// a [..., n, n] -> packed L (unit diagonal) and U, permutation int32 [..., n] with a[p] = L U, its sign [...].
    case lu
    /// a [..., m, n], m >= n -> Q [..., m, n], R [..., n, n] with a nonnegative diagonal.
    case qr
    /// a [..., n, n] symmetric, lower triangle read -> ascending eigenvalues [..., n], eigenvectors in columns.
    case eigh

    var name: String {
        switch self {
        case .cholesky: "cholesky"
        case .triangularSolve: "triangularSolve"
        case .lu: "lu"
        case .qr: "qr"
        case .eigh: "eigh"
        }
    }

    var arity: Int {
        switch self {
        case .cholesky, .lu, .qr, .eigh: 1
        case .triangularSolve: 2
        }
    }

    func inferTypes(_ inputs: [TensorType]) throws(TypeError) -> [TensorType] {
        let a = inputs[0]
        try TypeError.check(a.scalar.isFloating && a.rank >= 2, "needs float matrices, not \(a)")
        let (m, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
        let batch = Array(a.shape.dropLast(2))
        if self != .qr { try TypeError.check(m == n, "needs square matrices, not \(a)") }
        switch self {
        case .cholesky: return [a]
        case .triangularSolve:
            let b = inputs[1]
            try TypeError.check(
                b.scalar == a.scalar && b.rank == a.rank && b.shape.dropLast() == a.shape.dropLast(),
                "right-hand side \(b) does not fit \(a)")
            return [b]
        case .lu: return [a, TensorType(batch + [n], .int32), TensorType(batch, a.scalar)]
        case .qr:
            try TypeError.check(m >= n, "needs at least as many rows as columns, not \(a)")
            return [a, TensorType(batch + [n, n], a.scalar)]
        case .eigh: return [TensorType(batch + [n], a.scalar), a]
        }
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        switch self {
        case .cholesky:
            // Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10.
            let l = context.output
            let inner = try matmul(try l.transposed(), try context.cotangent().triangle(.lower))
            let middle = try inner.triangle(.lower) * inner.diagonalWeights(0.5)
            let left = try LinearAlgebra.solve(l, middle, upper: false, transpose: true)
            let full = try LinearAlgebra.solve(l, try left.transposed(), upper: false, transpose: true)
            return [try (full + full.transposed()) * 0.5]
        case .triangularSolve(let upper, let transpose, let unitDiagonal):
            let (a, x) = (context.inputs[0], context.output)
            let b = try LinearAlgebra.solve(
                a, try context.cotangent(), upper: upper, transpose: !transpose, unitDiagonal: unitDiagonal)
            let outer = try transpose ? matmul(x, try b.transposed()) : matmul(b, try x.transposed())
            return [try -outer.triangle(upper ? .upper : .lower, strict: unitDiagonal), b]
        case .lu:
            guard let g = context.cotangents[0] else { return [nil] }
            let lu = context.outputs[0]
            let n = lu.shape[lu.rank - 1]
            let l = try lu.triangle(.lower, strict: true) + lu.identityLike()
            let u = try lu.triangle(.upper)
            let lower = try matmul(try l.transposed(), try g.triangle(.lower, strict: true)).triangle(
                .lower, strict: true)
            let upper = try matmul(try g.triangle(.upper), try u.transposed()).triangle(.upper)
            let left = try LinearAlgebra.solve(lu, lower + upper, upper: false, transpose: true, unitDiagonal: true)
            let rows = try LinearAlgebra.solve(
                lu, try left.transposed(), upper: true, transpose: false, unitDiagonal: false
            )
            .transposed()
            // Row i of the factors came from row p[i] of the matrix.
            let batch = lu.count / Swift.max(n * n, 1)
            let base = try g.graph.iota([batch, n], axis: 0) * g.graph.constant(Double(n), .int32)
            let index = try (base + context.outputs[1].reshaped([batch, n])).reshaped([batch * n])
            return [try rows.reshaped([batch * n, n]).scatterAdded(at: index, count: batch * n).reshaped(lu.shape)]
        case .qr:
            // Walter and Lehmann 2010, "Algorithmic differentiation of linear algebra functions", section 3.
            let (q, r) = (context.outputs[0], context.outputs[1])
            var gq = try q.zerosLike()
            var gr = try r.zerosLike()
            if let g = context.cotangents[0] { gq = g }
            if let g = context.cotangents[1] { gr = try g.triangle(.upper) }
            let m = try matmul(r, try gr.transposed()) - matmul(try gq.transposed(), q)
            let symmetric = try m.triangle(.lower) + m.triangle(.lower, strict: true).transposed()
            let sum = try gq + matmul(q, symmetric)
            return [try LinearAlgebra.solve(r, try sum.transposed(), upper: true).transposed()]
        case .eigh:
            // Giles 2008, "Collected matrix derivative results", section 3.1; equal eigenvalues share no rotation.
            let (w, v) = (context.outputs[0], context.outputs[1])
            let identity = try v.identityLike()
            var inner = try v.zerosLike()
            if let gw = context.cotangents[0] { inner = try identity * gw.expanded(-2) }
            if let gv = context.cotangents[1] {
                let gap = try w.expanded(-2).broadcast(to: v.shape) - w.expanded(-1).broadcast(to: v.shape)
                let apart = try gap.notEqual(to: try gap.zerosLike())
                let inverse = try select(apart, 1 / select(apart, gap, try gap.onesLike()), try gap.zerosLike())
                inner = try inner + inverse * matmul(try v.transposed(), gv)
            }
            let full = try matmul(matmul(v, inner), try v.transposed())
            return [try (full + full.transposed()) * 0.5]
        }
    }

    static func solve(
        _ a: Tensor, _ b: Tensor, upper: Bool, transpose: Bool = false, unitDiagonal: Bool = false
    ) throws(GraphError) -> Tensor {
        try innermost(a, b).apply(
            .linearAlgebra(.triangularSolve(upper: upper, transpose: transpose, unitDiagonal: unitDiagonal)), [a, b])
    }
}

/// The lower Cholesky factor of positive definite matrices [..., n, n]; only the lower triangle is read.
public func cholesky(_ a: Tensor) throws(GraphError) -> Tensor { try a.graph.apply(.linearAlgebra(.cholesky), [a]) }

/// x with a x = b (or a^T x = b) for triangular a [..., n, n] and b [..., n, m].
public func triangularSolve(
    _ a: Tensor, _ b: Tensor, upper: Bool, transpose: Bool = false, unitDiagonal: Bool = false
) throws(GraphError) -> Tensor {
    try LinearAlgebra.solve(a, b, upper: upper, transpose: transpose, unitDiagonal: unitDiagonal)
}

/// L (unit lower) and U in one matrix, the row permutation p (int32) with a[p] = L U, and its sign.
public func lu(_ a: Tensor) throws(GraphError) -> (packed: Tensor, permutation: Tensor, sign: Tensor) {
    let parts = try a.graph.apply(.linearAlgebra(.lu), [a]).results()
    return (parts[0], parts[1], parts[2])
}

/// The sign and the logarithm of the absolute value of determinants of [..., n, n].
public func slogdet(_ a: Tensor) throws(GraphError) -> (sign: Tensor, logAbsDet: Tensor) {
    let (packed, _, sign) = try lu(a)
    let n = a.shape[a.rank - 1]
    let flat = Array(a.shape.dropLast(2)) + [n * n]
    // Elements 0, n + 1, 2 (n + 1) ... of a flattened matrix are its diagonal.
    let diagonal = try packed.reshaped(flat).slice(-1, start: 0, size: n, step: n + 1)
    return (
        try sign * diagonal.sign().product(axis: -1),
        try log(abs(diagonal)).sum(axes: [a.rank - 2], compensated: true)
    )
}

/// Q with orthonormal columns and upper R, a = Q R, for [..., m, n] with m >= n; R's diagonal is nonnegative.
public func qr(_ a: Tensor) throws(GraphError) -> (q: Tensor, r: Tensor) {
    let parts = try a.graph.apply(.linearAlgebra(.qr), [a]).results()
    return (parts[0], parts[1])
}

/// Eigenvalues, ascending, and eigenvectors (columns) of symmetric matrices; only the lower triangle is read.
public func eigh(_ a: Tensor) throws(GraphError) -> (values: Tensor, vectors: Tensor) {
    let parts = try a.graph.apply(.linearAlgebra(.eigh), [a]).results()
    return (parts[0], parts[1])
}

extension Tensor {
    public enum Triangle: Sendable { case lower, upper }

    /// The lower or upper triangle of the last two axes, with or without the diagonal; zeros elsewhere.
    public func triangle(_ side: Triangle, strict: Bool = false) throws(GraphError) -> Tensor {
        guard rank >= 2 else { throw graph.error("triangle", "\(type) is no matrix") }
        let row = try graph.iota(shape, axis: rank - 2)
        let column = try graph.iota(shape, axis: rank - 1)
        let (small, large) = side == .lower ? (column, row) : (row, column)
        let inside = try strict ? small.less(than: large) : small.lessEqual(to: large)
        return try select(inside, self, try zerosLike())
    }

    /// Identity matrices of this tensor's shape.
    public func identityLike() throws(GraphError) -> Tensor {
        guard rank >= 2 else { throw graph.error("identity", "\(type) is no matrix") }
        return try graph.iota(shape, axis: rank - 2).equal(to: try graph.iota(shape, axis: rank - 1)).cast(to: scalar)
    }

    /// `weight` on the diagonal of the last two axes, 1 elsewhere.
    fileprivate func diagonalWeights(_ weight: Double) throws(GraphError) -> Tensor {
        try 1 + identityLike() * (weight - 1)
    }
}
