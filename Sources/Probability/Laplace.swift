import Graph
import Networks

/// Independent Laplace distributions, of density exp(-|x - location| / scale) / (2 scale).
public struct Laplace: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    /// Median and mean, [batch, event...].
    public let location: Tensor
    /// Positive, of the location's shape; the standard deviation is sqrt(2) times it.
    public let scale: Tensor

    /// `scale` broadcasts to the location's shape.
    public init(location: Tensor, scale: Tensor) throws(GraphError) {
        self.location = location
        self.scale = try scale.broadcast(to: location.shape)
    }

    public var support: Support { .real }
    public var mean: Tensor { location }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try location.checkEvent(x, "Laplace")
        return try -(abs((x - location) / scale) + log(scale) + log2).rowSum()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// By the inverse of the distribution function.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let centred = try scope.uniform(location.drawShape(scope)) - 0.5
        let z = try -centred.sign() * log1p(-2 * abs(centred))
        return try location + scale * (temperature == 1 ? z : z * temperature)
    }

    public func entropy() throws(GraphError) -> Tensor { try (log(scale) + (1 + log2)).rowSum() }
}

/// KL(p || q) of two Laplace distributions in closed form, in nats: [batch].
public func klDivergence(_ p: Laplace, _ q: Laplace) throws(GraphError) -> Tensor {
    let distance = try abs(p.location - q.location)
    let rest = try (distance + p.scale * exp(-distance / p.scale)) / q.scale
    return try (rest + log(q.scale) - log(p.scale) - 1).rowSum()
}

/// log(2)
private let log2 = 0.6931471805599453
