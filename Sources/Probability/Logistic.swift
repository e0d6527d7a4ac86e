import Graph
import Networks

/// Independent logistic distributions: the distribution function is sigmoid((x - location) / scale).
public struct Logistic: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    /// Median and mean, [batch, event...].
    public let location: Tensor
    /// Positive, of the location's shape; the standard deviation is pi / sqrt(3) times it.
    public let scale: Tensor

    /// `scale` broadcasts to the location's shape.
    public init(location: Tensor, scale: Tensor) throws(GraphError) {
        self.location = location
        self.scale = try scale.broadcast(to: location.shape)
    }

    public var support: Support { .real }
    public var mean: Tensor { location }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try location.checkEvent(x, "logistic")
        // The density is symmetric; of -|z| nothing overflows.
        let z = try abs((x - location) / scale)
        return try -(z + 2 * softplus(-z) + log(scale)).rowSum()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// By the inverse of the distribution function.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let u = try scope.uniform(location.drawShape(scope))
        let z = try log(u) - log1p(-u)
        return try location + scale * (temperature == 1 ? z : z * temperature)
    }

    public func entropy() throws(GraphError) -> Tensor { try (log(scale) + 2).rowSum() }
}
