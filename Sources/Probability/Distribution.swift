import Graph
import Networks

/// A distribution over rows: the first axis of every tensor is the batch, all others together are one event. So
/// `logProb` and `entropy` give one number per row, of shape [batch].
///
/// Parameters of one row, [1, event...], describe every row of any batch: so a base distribution whose parameters are
/// learned knows no number of rows. Its `mean` and `entropy` have one row then.
public protocol Distribution {
    /// The log-density, or log-probability, of each row of `x` [batch, event...], in nats: [batch].
    /// Throws where the shape is not the distribution's.
    func logProb(_ x: Tensor) throws(GraphError) -> Tensor
    /// One draw per row, [batch, event...], from the scope's random numbers. Gradients flow through it where the
    /// distribution can be reparameterized.
    func sample(_ scope: Scope) throws(GraphError) -> Tensor
    var support: Support { get }
}

/// What values a distribution gives probability to: it says whether a log-probability is one of discrete data.
public enum Support: Sendable {
    /// Each element is 0 or 1.
    case binary
    /// Each element is one of the classes 0, 1, ...
    case classes
    /// Each element is one of the 256 gray levels k / 255.
    case levels
    /// Real numbers: `logProb` is a log-density.
    case real
    /// A single value.
    case point
}

/// A distribution whose mean has a closed form.
public protocol DistributionWithMean: Distribution {
    /// [batch, event...]
    var mean: Tensor { get throws(GraphError) }
}

/// A distribution whose entropy has a closed form.
public protocol DistributionWithEntropy: Distribution {
    /// In nats: [batch].
    func entropy() throws(GraphError) -> Tensor
}

/// A distribution that flows start from: its noise can be made smaller.
public protocol BaseDistribution: Distribution {
    /// As `sample(_:)`, with the standard deviation of the noise multiplied by `temperature`.
    func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor
}

extension Tensor {
    /// The sum over all axes but the first, compensated: what rounding does to a density is left in its terms.
    public func rowSum() throws(GraphError) -> Tensor {
        try sum(axes: Array(1..<Swift.max(rank, 1)), compensated: true)
    }

    /// Throws unless `x` is [rows, event...] for these parameters of as many rows, or of one.
    func checkEvent(_ x: Tensor, _ distribution: String) throws(GraphError) {
        guard rank >= 1, shape == x.shape || (x.rank >= 1 && shape == [1] + x.shape.dropFirst()) else {
            throw graph.error(
                distribution, "describes rows of shape \(Array(shape.dropFirst())), the value has the shape \(x.shape)")
        }
    }

    /// The shape of one draw per row for these parameters: where one row describes all, a draw for each of the trace's
    /// samples.
    func drawShape(_ scope: Scope) throws(GraphError) -> [Int] {
        try size(0) == 1 ? [scope.sampleCount()] + shape.dropFirst() : shape
    }
}
