import Graph
import Networks

/// Independent normals with a mean and a variance for every element (a diagonal Gaussian).
public struct Normal: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    public let mean: Tensor
    /// log(sigma^2), of the mean's shape.
    public let logVariance: Tensor
    public let standardDeviation: Tensor

    /// `logVariance` broadcasts to the mean's shape [batch, event...].
    public init(mean: Tensor, logVariance: Tensor) throws(GraphError) {
        self.mean = mean
        self.logVariance = try logVariance.broadcast(to: mean.shape)
        standardDeviation = try exp(self.logVariance * 0.5)
    }

    /// `standardDeviation` is positive and broadcasts to the mean's shape [batch, event...].
    public init(mean: Tensor, standardDeviation: Tensor) throws(GraphError) {
        self.mean = mean
        self.standardDeviation = try standardDeviation.broadcast(to: mean.shape)
        logVariance = try log(self.standardDeviation) * 2
    }

    /// The same standard deviation for all elements.
    public init(mean: Tensor, standardDeviation: Double) throws(GraphError) {
        guard standardDeviation > 0 else {
            throw mean.graph.error("normal", "its standard deviation \(standardDeviation) is not positive")
        }
        try self.init(mean: mean, standardDeviation: mean.constant(standardDeviation))
    }

    /// Mean 0 and variance 1 of the shape and type of `x`.
    public static func standard(like x: Tensor) throws(GraphError) -> Normal {
        try Normal(mean: x.zerosLike(), logVariance: x.zerosLike())
    }

    public var support: Support { .real }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try mean.checkEvent(x, "normal")
        let d = try x - mean
        return try -0.5 * (d * d * exp(-logVariance) + logVariance + log2Pi).rowSum()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// `temperature` multiplies the standard deviation.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let noise = try scope.normal(mean.drawShape(scope))
        return try mean + standardDeviation * (temperature == 1 ? noise : noise * temperature)
    }

    public func entropy() throws(GraphError) -> Tensor { try 0.5 * (logVariance + (1 + log2Pi)).rowSum() }
}

/// Independent standard normals in rows of a given shape, for any number of rows: where most flows start.
public struct StandardNormal: BaseDistribution {
    /// Of one row.
    public let shape: [Int]

    public init(_ shape: [Int]) { self.shape = shape }

    public var support: Support { .real }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        guard Array(x.shape.dropFirst()) == shape else {
            throw x.graph.error("normal", "describes rows of shape \(shape), the value has the shape \(x.shape)")
        }
        return try -0.5 * (x * x + log2Pi).rowSum()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// One draw for each of the trace's samples.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let noise = try scope.normal([scope.sampleCount()] + shape)
        return temperature == 1 ? noise : try noise * temperature
    }
}

/// log(2 pi)
package let log2Pi = 1.8378770664093453
