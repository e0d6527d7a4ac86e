import Graph
import Networks

/// x = exp(s) z + t with a learned s and t for every element of a row.
///
/// Parameters: `log_scale` and `shift`, in the shape of a row; zeros, the identity, at first.
public struct ElementwiseAffine: Bijector {
    public var name: String { scope.path }
    private let scope: Scope

    /// - Throws: Where another bijector of the trace has the scope.
    public init(_ scope: Scope) throws(GraphError) { self.scope = try scope.claimed() }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let (logScale, shift) = try parameters(z)
        return Mapped(try z * exp(logScale) + shift, logDet: try logScale.total(forRowsOf: z))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let (logScale, shift) = try parameters(x)
        return Mapped(try (x - shift) * exp(-logScale), logDet: try -logScale.total(forRowsOf: x))
    }

    private func parameters(_ x: Tensor) throws(GraphError) -> (logScale: Tensor, shift: Tensor) {
        let shape = Array(x.shape.dropFirst())
        return (try scope.parameter("log_scale", shape, .zeros), try scope.parameter("shift", shape, .zeros))
    }
}

extension Tensor {
    /// The sum of all elements, compensated, for each row of `x`: [rows]. The log-det of what treats all rows alike.
    func total(forRowsOf x: Tensor) throws(GraphError) -> Tensor {
        try sum(compensated: true).broadcast(to: [try x.size(0)])
    }
}
