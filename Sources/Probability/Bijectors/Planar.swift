import Graph
import Networks

/// x = z + u h(w . z + b) with h = tanh (Rezende and Mohamed 2015, eq. 10-12): it moves rows along one direction, by how
/// far they are along another. Rows of other shapes are taken as vectors.
///
/// `forward` is a closed form. The inverse is one equation in one unknown for each row, w . z + b, which has one solution
/// because u is made to keep w . u > -1 (appendix A.1): it is solved to rounding (`increasingRoot`), and
/// differentiable once. A free u = 0 makes the identity, and no parameters a slope below 1e-3: both are this
/// implementation's, whose m is the paper's shifted (`PositiveParameter`).
///
/// Parameters: `u`, `w` [size] and `b` [1]; or numbers of each row, from a network.
public struct Planar: Bijector {
    public let name: String
    private let source: ParameterSource

    /// With parameters of its own.
    ///
    /// - Throws: Where another bijector of the trace has the scope.
    public init(_ scope: Scope) throws(GraphError) {
        name = scope.path
        source = .own(try scope.claimed())
    }

    /// With `parameters` [rows, parameterCount(size)] for every row: u, w and b. Zeros make the identity.
    public init(parameters: Tensor, name: String) {
        self.name = name
        source = .given(parameters)
    }

    /// Numbers that a row of `size` elements needs.
    public static func parameterCount(_ size: Int) -> Int { 2 * size + 1 }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let flat = try z.flattened()
        let layer = try Layer(source, flat)
        let t = try tanh((flat * layer.w).rowDot() + layer.b)
        let slope = try layer.slope(t)
        return Mapped(try (flat + layer.u * t).reshaped(z.shape), logDet: try log(slope).rowSum())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let flat = try x.flattened()
        let layer = try Layer(source, flat)
        // With a = w . z + b: w . x + b = a + (w . u) tanh(a).
        let y = try (flat * layer.w).rowDot() + layer.b
        let reach = try layer.slopeAtZero - 1
        let a = try increasingRoot(from: y - abs(reach), to: y + abs(reach)) { (a) throws(GraphError) in
            let t = try tanh(a)
            return (value: try a + reach * t - y, slope: try layer.slope(t))
        }
        let t = try tanh(a)
        let logDet = try -log(layer.slope(t)).rowSum()
        return Mapped(try (flat - layer.u * t).reshaped(x.shape), logDet: logDet)
    }

    /// Parameters [1 or rows, ...] that can be inverted.
    private struct Layer {
        let u: Tensor
        let w: Tensor
        let b: Tensor
        /// 1 + w . u
        let slopeAtZero: Tensor

        init(_ source: ParameterSource, _ x: Tensor) throws(GraphError) {
            let size = try x.size(1)
            let initializer = Initializer.normal(standardDeviation: 1 / Double(max(size, 1)).squareRoot())
            let parts = try source.parts(
                [("u", size, initializer), ("w", size, initializer), ("b", 1, .normal(standardDeviation: 1))], rowsOf: x
            )
            (w, b) = (parts[1], parts[2])
            let product = try (parts[0] * w).rowDot()
            slopeAtZero = try PositiveParameter.value(product)
            let square = try maximum((w * w).rowDot(), x.constant(1e-30))
            u = try parts[0] + PositiveParameter.excess(product) / square * w
        }

        /// 1 + (w . u) (1 - t^2) as a sum of what is not negative, so that nothing cancels.
        func slope(_ t: Tensor) throws(GraphError) -> Tensor {
            let square = try t * t
            return try square + (1 - square) * slopeAtZero
        }
    }
}

/// Where a bijector's parameters come from: its own, the same for all rows, or numbers that it is given for each.
enum ParameterSource {
    case own(Scope)
    /// [rows, count]
    case given(Tensor)

    /// The parameters by name and size: each [1, size] or [rows, size], for rows x [rows, ...].
    func parts(
        _ parts: [(name: String, size: Int, initializer: Initializer)], rowsOf x: Tensor
    ) throws(GraphError) -> [Tensor] {
        var result: [Tensor] = []
        switch self {
        case .own(let scope):
            for part in parts {
                result.append(try scope.parameter(part.name, [part.size], part.initializer).expanded(0))
            }
        case .given(let numbers):
            let count = parts.reduce(0) { $0 + $1.size }
            guard numbers.shape == [try x.size(0), count] else {
                throw numbers.graph.error(
                    "flow", "needs parameters [\(x.shape[0]), \(count)] for rows \(x.type), not \(numbers.type)")
            }
            var start = 0
            for part in parts {
                result.append(try numbers.slice(1, start..<start + part.size))
                start += part.size
            }
        }
        return result
    }
}

extension Tensor {
    /// The sum of each row of a matrix [rows, size], as [rows, 1].
    func rowDot() throws(GraphError) -> Tensor { try sum(axes: [1], keepAxes: true) }
}
