import Graph
import Networks

/// Independent uniforms between two bounds: a box.
public struct Uniform: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    /// [batch, event...]
    public let low: Tensor
    /// Above `low`, of its shape.
    public let high: Tensor

    /// `high` broadcasts to the shape of `low` and is greater everywhere.
    public init(low: Tensor, high: Tensor) throws(GraphError) {
        self.low = low
        self.high = try high.broadcast(to: low.shape)
    }

    public var support: Support { .real }

    public var mean: Tensor { get throws(GraphError) { try low + (high - low) * 0.5 } }

    /// Minus infinity outside; the box is closed.
    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try low.checkEvent(x, "uniform")
        let isInside = try low.lessEqual(to: x) & x.lessEqual(to: high)
        return try select(isInside, -log(high - low), x.constant(-.infinity)).rowSum()
    }

    /// Within the bounds, also after rounding.
    public func sample(_ scope: Scope) throws(GraphError) -> Tensor {
        try maximum(low, minimum(high, sample(scope, temperature: 1)))
    }

    /// `temperature` multiplies the distance from the middle.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let centred = try scope.uniform(low.drawShape(scope)) - 0.5
        return try mean + (high - low) * (temperature == 1 ? centred : centred * temperature)
    }

    public func entropy() throws(GraphError) -> Tensor { try log(high - low).rowSum() }
}

/// KL(p || q) of two boxes in closed form, in nats: [batch]. Infinite where p reaches out of q.
public func klDivergence(_ p: Uniform, _ q: Uniform) throws(GraphError) -> Tensor {
    let isInside = try q.low.lessEqual(to: p.low) & p.high.lessEqual(to: q.high)
    let difference = try log(q.high - q.low) - log(p.high - p.low)
    return try select(isInside, difference, p.low.constant(.infinity)).rowSum()
}
