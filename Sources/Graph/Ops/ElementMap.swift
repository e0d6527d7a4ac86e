/// A strictly increasing map of single elements, each by parameters of its own: what a coupling or an autoregressive flow
/// does to the elements it moves.
///
/// Elements are x [rows, event...], parameters [rows, parameterCount, event...]. A slope and a log-det are those of the
/// direction that is taken.
public enum ElementMap: Hashable, Sendable {
    case affine(AffineMap)
    case spline(SplineMap)

    public var parameterCount: Int {
        switch self {
        case .affine: AffineMap.parameterCount
        case .spline(let map): map.parameterCount
        }
    }

    /// The elements mapped, and the logarithms of the slopes there, [rows, event...] both.
    public func elements(
        _ x: Tensor, _ parameters: Tensor, inverse: Bool
    ) throws(GraphError) -> (value: Tensor, logSlope: Tensor) {
        do {
            try check(x.type, parameters.type)
        } catch {
            throw x.graph.error(name, error.reason)
        }
        switch self {
        case .affine(let map): return try map.elements(x, parameters, inverse: inverse)
        case .spline(let map): return try map.elements(x, parameters, inverse: inverse)
        }
    }

    /// The elements mapped, [rows, event...], and each row's sum of the logarithms of the slopes there, compensated,
    /// [rows]: one kernel where the device has one.
    public func rows(
        _ x: Tensor, _ parameters: Tensor, inverse: Bool
    ) throws(GraphError) -> (value: Tensor, logDet: Tensor) {
        let results = try x.graph.apply(.composite(.map(self, inverse: inverse)), [x, parameters]).results()
        return (results[0], results[1])
    }

    /// The cotangents of x and of the parameters from those of what `rows` gives.
    func gradient(
        _ x: Tensor, _ parameters: Tensor, value: Tensor, logDet: Tensor, inverse: Bool
    ) throws(GraphError) -> [Tensor] {
        let slope = try logDet.reshaped([x.shape[0]] + x.shape.dropFirst().map { _ in 1 }).broadcast(to: x.shape)
        switch self {
        case .affine(let map):
            return try map.gradient(x, parameters, value: value, logSlope: slope, inverse: inverse)
        case .spline(let map):
            return try map.gradient(x, parameters, value: value, logSlope: slope, inverse: inverse)
        }
    }

    var name: String {
        switch self {
        case .affine(let map): map.limit == .tanh ? "affine" : "softAffine"
        case .spline: "spline"
        }
    }

    func check(_ x: TensorType, _ parameters: TensorType) throws(TypeError) {
        if case .spline(let map) = self { try map.check() }
        try TypeError.check(x.scalar.isFloating && x.rank >= 1, "maps rows of floats, not \(x)")
        let expected = TensorType([x.shape[0], parameterCount] + x.shape.dropFirst(), x.scalar)
        try TypeError.check(
            parameters == expected,
            "takes \(parameterCount) parameters for each element of \(x), \(expected), not \(parameters)")
    }
}

/// y = x exp(s) + t for parameters (h, t), with s in -bound ... bound made from h (Dinh, Sohl-Dickstein and Bengio 2017,
/// eq. 7): bounded scales keep the inverse finite.
public struct AffineMap: Hashable, Sendable {
    /// What makes s of h.
    public enum Limit: Hashable, Sendable {
        /// s = bound tanh(h / bound).
        case tanh
        /// s = h / (1 + |h| / bound), as in zuko: its slope falls as 1 / h^2, not exponentially.
        case soft
    }

    /// The largest |s|.
    public var bound: Double
    public var limit: Limit

    public init(bound: Double, limit: Limit = .tanh) {
        self.bound = bound
        self.limit = limit
    }

    static let parameterCount = 2

    /// s and its derivative by h.
    private func logScale(_ parameters: Tensor) throws(GraphError) -> (value: Tensor, rate: Tensor) {
        let h = try parameters.at(0, axis: 1)
        switch limit {
        case .tanh:
            let tangent = try tanh(h / bound)
            return (try tangent * bound, try 1 - tangent * tangent)
        case .soft: return try limited(h, damping: 1 / bound)
        }
    }

    func elements(
        _ x: Tensor, _ parameters: Tensor, inverse: Bool
    ) throws(GraphError) -> (value: Tensor, logSlope: Tensor) {
        let s = try logScale(parameters).value
        let t = try parameters.at(1, axis: 1)
        if inverse { return (try (x - t) * exp(-s), try -s) }
        return (try x * exp(s) + t, s)
    }

    func gradient(
        _ x: Tensor, _ parameters: Tensor, value: Tensor, logSlope: Tensor, inverse: Bool
    ) throws(GraphError) -> [Tensor] {
        let s = try logScale(parameters)
        let ofX = try value * exp(inverse ? -s.value : s.value)
        // Of s forward, of -s inverse.
        let ofScale = try ofX * (inverse ? x - parameters.at(1, axis: 1) : x) + logSlope
        let ofH = try (inverse ? -ofScale : ofScale) * s.rate
        return [ofX, try stacked([ofH, inverse ? -ofX : value], axis: 1)]
    }
}

/// v / (1 + damping |v|) and its derivative.
func limited(_ v: Tensor, damping: Double) throws(GraphError) -> (value: Tensor, rate: Tensor) {
    let factor = try 1 / (1 + abs(v) * damping)
    return (try v * factor, try factor * factor)
}
