import Graph
import Networks

/// Independent yes-or-no elements with probability sigmoid(logits).
///
/// `logProb` is x * logit - softplus(logit), summed over the event, also for gray levels x in 0...1: then it is minus
/// the binary cross-entropy, a surrogate that is no probability of the gray levels.
public struct Bernoulli: DistributionWithMean, DistributionWithEntropy {
    /// [batch, event...]
    public let logits: Tensor

    public init(logits: Tensor) { self.logits = logits }

    public var mean: Tensor { get throws(GraphError) { try sigmoid(logits) } }

    public var support: Support { .binary }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try logits.checkEvent(x, "Bernoulli")
        return try (x * logits - softplus(logits)).rowSum()
    }

    /// Zeros and ones; no gradient flows through them.
    public func sample(_ scope: Scope) throws(GraphError) -> Tensor {
        try scope.uniform(logits.drawShape(scope)).less(than: sigmoid(logits)).cast(to: logits.scalar)
    }

    public func entropy() throws(GraphError) -> Tensor { try (softplus(logits) - logits * sigmoid(logits)).rowSum() }
}

/// KL(p || q) in closed form, in nats: [batch].
public func klDivergence(_ p: Bernoulli, _ q: Bernoulli) throws(GraphError) -> Tensor {
    try (sigmoid(p.logits) * (p.logits - q.logits) + softplus(q.logits) - softplus(p.logits)).rowSum()
}
