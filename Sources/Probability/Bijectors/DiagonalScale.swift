import Graph
import Networks

/// x = z exp(s) with one learned s for each element of a row, 0 at first: what volume-keeping layers end in (Dinh,
/// Krueger and Bengio 2015, section 3.3). Parameter: `log_scale`.
public struct DiagonalScale: Bijector {
    public var name: String { scope.path }
    private let scope: Scope

    /// - Throws: Where another bijector of the trace has the scope.
    public init(_ scope: Scope) throws(GraphError) { self.scope = try scope.claimed() }

    private func logScale(_ x: Tensor) throws(GraphError) -> Tensor {
        try scope.parameter("log_scale", Array(x.shape.dropFirst()), .zeros).broadcast(to: x.shape)
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let s = try logScale(z)
        return Mapped(try z * exp(s), logDet: try s.rowSum())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let s = try -logScale(x)
        return Mapped(try x * exp(s), logDet: try s.rowSum())
    }
}
