import Graph
import Networks

/// x = z + Q R h(S Q^T z + b) with h = tanh, Q [size, units] with orthonormal columns, and upper triangular R and S
/// [units, units] (van den Berg et al. 2018, eq. 7-9): a planar flow of several units. Rows of other shapes are taken as
/// vectors.
///
/// It can be inverted where every product of the diagonals of R and S is above -1 (theorem 2): both are hyperbolic
/// tangents, as in the authors' programs. `forward` is a closed form, with log |det| = sum log(1 + h' r_ii s_ii). The
/// inverse takes the units from the last to the first, each one equation in one unknown, as R and S are triangular; it is
/// solved to rounding (`increasingRoot`), and differentiable once. Q is a product of Householder reflections (section 3.2).
///
/// Parameters: `reflections` [count, size], `triangles` [units, units] (R on and above the diagonal, S transposed below),
/// `diagonal` (of S) and `bias` [units]; or numbers of each row, from a network.
public struct Sylvester: Bijector {
    public let name: String
    public let units: Int
    public let reflections: Int
    private let source: ParameterSource

    /// With parameters of its own.
    ///
    /// - Parameters:
    ///   - units: At most as many as a row has elements.
    ///   - reflections: As many as units unless given.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(units: Int, reflections: Int? = nil, _ scope: Scope) throws(GraphError) {
        name = scope.path
        self.units = units
        self.reflections = reflections ?? units
        source = .own(try scope.claimed())
    }

    /// With `parameters` [rows, parameterCount] for every row, in the order in which they are listed above.
    public init(units: Int, reflections: Int? = nil, parameters: Tensor, name: String) {
        self.name = name
        self.units = units
        self.reflections = reflections ?? units
        source = .given(parameters)
    }

    /// Numbers that a row of `size` elements needs.
    public static func parameterCount(_ size: Int, units: Int, reflections: Int? = nil) -> Int {
        (reflections ?? units) * size + units * (units + 2)
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let flat = try z.flattened()
        let layer = try Layer(self, flat)
        let t = try tanh(layer.inner.applied(to: flat.applied(layer.q.transposed())) + layer.bias)
        let x = try flat + layer.outer.applied(to: t).applied(layer.q)
        return Mapped(try x.reshaped(z.shape), logDet: try log(layer.slopes(t)).rowSum())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let flat = try x.flattened()
        let layer = try Layer(self, flat)
        let y = try flat.applied(layer.q.transposed())
        // v = Q^T z solves y = v + R tanh(S v + b); unit i depends on those from i on.
        var (v, t): ([Tensor], [Tensor]) = ([], [])
        for unit in (0..<units).reversed() {
            var rest = try y.slice(1, unit..<unit + 1)
            var offset = try layer.bias.slice(1, unit..<unit + 1)
            for (index, later) in ((unit + 1)..<units).enumerated() {
                rest = try rest - layer.outer.element(unit, later) * t[index]
                offset = try offset + layer.inner.element(unit, later) * v[index]
            }
            let (r, s) = (try layer.outer.element(unit, unit), try layer.inner.element(unit, unit))
            let (target, shift) = (rest, offset)
            let root = try increasingRoot(from: target - abs(r), to: target + abs(r)) { (v) throws(GraphError) in
                let t = try tanh(s * v + shift)
                return (value: try v + r * t - target, slope: try 1 + r * s * (1 - t * t))
            }
            v.insert(root, at: 0)
            t.insert(try tanh(s * root + shift), at: 0)
        }
        let bent = try concatenate(t, axis: 1)
        let z = try flat - layer.outer.applied(to: bent).applied(layer.q)
        return Mapped(try z.reshaped(x.shape), logDet: try -log(layer.slopes(bent)).rowSum())
    }

    /// Parameters of all rows, or of each, that can be inverted.
    private struct Layer {
        /// Q^T, [1 or rows, units, size]
        let q: Tensor
        let outer: UpperTriangle
        let inner: UpperTriangle
        /// [1 or rows, units]
        let bias: Tensor

        init(_ flow: Sylvester, _ x: Tensor) throws(GraphError) {
            let (size, units, count) = (try x.size(1), flow.units, flow.reflections)
            guard units > 0, units <= size, count > 0 else {
                throw x.graph.error(
                    "sylvester", "cannot have \(units) units and \(count) reflections for rows of \(size) elements")
            }
            let small = Initializer.normal(standardDeviation: 1 / Double(size).squareRoot())
            let parts = try flow.source.parts(
                [
                    ("reflections", count * size, .normal(standardDeviation: 1)), ("triangles", units * units, small),
                    ("diagonal", units, small), ("bias", units, .normal(standardDeviation: 1)),
                ], rowsOf: x)
            let rows = try parts[0].size(0)
            q = try householderProduct(parts[0].reshaped([rows, count, size]), columns: units).transposed()
            let triangles = try parts[1].reshaped([rows, units, units])
            outer = try UpperTriangle(
                triangles, diagonal: parts[1].slice(1, start: 0, size: units, step: units + 1))
            inner = try UpperTriangle(triangles.transposed(), diagonal: parts[2])
            bias = parts[3]
        }

        /// 1 + h' r_ii s_ii, [rows, units].
        func slopes(_ t: Tensor) throws(GraphError) -> Tensor {
            try 1 + outer.diagonal * inner.diagonal * (1 - t * t)
        }
    }

    /// [1 or rows, units, units] with a diagonal in (-1, 1).
    private struct UpperTriangle {
        let values: Tensor
        /// [1 or rows, units]
        let diagonal: Tensor

        init(_ free: Tensor, diagonal: Tensor) throws(GraphError) {
            // The bound leaves every slope 1e-3 at least.
            self.diagonal = try tanh(diagonal) * (1 - PositiveParameter.least / 2)
            values = try free.triangle(.upper, strict: true) + free.identityLike() * self.diagonal.expanded(1)
        }

        /// [1 or rows, 1]
        func element(_ row: Int, _ column: Int) throws(GraphError) -> Tensor {
            try values.at(row, axis: 1).slice(1, column..<column + 1)
        }

        /// Each row of x [rows, units] multiplied by the matrix.
        func applied(to x: Tensor) throws(GraphError) -> Tensor { try x.applied(values.transposed()) }
    }
}

extension Tensor {
    /// Rows [rows, m] by one matrix [1, m, n], or by one for each, [rows, m, n]: [rows, n].
    fileprivate func applied(_ matrix: Tensor) throws(GraphError) -> Tensor {
        if try matrix.size(0) == 1 { return try matmul(self, matrix.at(0, axis: 0)) }
        return try matmul(expanded(1), matrix).at(0, axis: 1)
    }
}
