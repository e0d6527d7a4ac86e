import Graph
import Networks

/// Activation normalization: x = exp(log_scale) * z + shift with a scale and a shift for each channel or each element.
/// They start so that the first batch leaves it with mean 0 and deviation 1, in whichever direction it is taken
/// (Kingma and Dhariwal 2018, section 3.1), and are trained from there.
///
/// Parameters: `log_scale`, `shift`.
public struct ActNorm: Bijector {
    public var name: String { scope.path }
    private let isPerElement: Bool
    private let scope: Scope

    /// - Parameter perElement: Of images, whether every pixel has its own scale and shift instead of every channel.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(perElement: Bool = false, _ scope: Scope) throws(GraphError) {
        isPerElement = perElement
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let shape = parameterShape(z)
        let logScale = try scope.parameter("log_scale", shape) { () throws(GraphError) in
            try -log(moments(z, shape).deviation)
        }
        let shift = try scope.parameter("shift", shape) { () throws(GraphError) in
            let (mean, deviation) = try moments(z, shape)
            return try -mean / deviation
        }
        return try ElementwiseAffine(shift: shift, logScale: logScale).forwardAndLogDet(z)
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let shape = parameterShape(x)
        let logScale = try scope.parameter("log_scale", shape) { () throws(GraphError) in
            try log(moments(x, shape).deviation)
        }
        let shift = try scope.parameter("shift", shape) { () throws(GraphError) in try moments(x, shape).mean }
        return try ElementwiseAffine(shift: shift, logScale: logScale).inverseAndLogDet(x)
    }

    /// Broadcasts to a row.
    private func parameterShape(_ x: Tensor) -> [Int] {
        let row = Array(x.shape.dropFirst())
        return isPerElement ? row : row.enumerated().map { $0.offset == 0 ? $0.element : 1 }
    }

    /// Over the rows, and over the places where `shape` has none of its own. What is all but constant has deviation 1.
    private func moments(_ x: Tensor, _ shape: [Int]) throws(GraphError) -> (mean: Tensor, deviation: Tensor) {
        let axes = [0] + shape.indices.filter { shape[$0] == 1 }.map { $0 + 1 }
        let mean = try x.mean(axes: axes, compensated: true).reshaped(shape)
        let d = try x - mean
        let deviation = try sqrt((d * d).mean(axes: axes, compensated: true)).reshaped(shape)
        // The least deviation that is more than the rounding of values of that size.
        let least = try (abs(mean) + 1) * 1e-6
        return (mean, try select(least.less(than: deviation), deviation, deviation.onesLike()))
    }
}
