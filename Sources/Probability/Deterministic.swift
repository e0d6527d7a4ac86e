import Graph
import Networks

/// All probability at one value: the code of a plain autoencoder.
public struct Deterministic: DistributionWithMean, DistributionWithEntropy {
    /// [batch, event...]
    public let value: Tensor

    public init(_ value: Tensor) { self.value = value }

    public var mean: Tensor { value }
    public var support: Support { .point }

    /// 0 at the value, minus infinity elsewhere.
    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try value.checkEvent(x, "deterministic")
        let same = try x.equal(to: value)
        return try select(same, x.zerosLike(), x.graph.constant(-.infinity, x.type)).rowSum()
    }

    public func sample(_ scope: Scope) -> Tensor { value }

    public func entropy() throws(GraphError) -> Tensor {
        value.graph.constant(0, TensorType([try value.size(0)], value.scalar))
    }
}
