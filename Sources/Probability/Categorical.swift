import Graph
import Networks

/// Independent choices of one of K classes. Values are int32 class indices, not one-hot vectors.
public struct Categorical: DistributionWithEntropy {
    /// Log-probabilities but for a constant, [batch, event..., K]; minus infinity is a class that never comes.
    public let logits: Tensor

    public init(logits: Tensor) throws(GraphError) {
        guard logits.rank >= 2, logits.shape[logits.rank - 1] >= 1 else {
            throw logits.graph.error("categorical", "needs logits [rows, ..., classes], not \(logits.shape)")
        }
        self.logits = logits
    }

    public var support: Support { .classes }

    /// How probable each class is, [batch, event..., K].
    public var probabilities: Tensor { get throws(GraphError) { try softmax(logits) } }

    private var classAxis: Int { logits.rank - 1 }

    /// Where the class axis has the class of `x`.
    private func isChosen(_ x: Tensor) throws(GraphError) -> Tensor {
        let shape = x.shape + [logits.shape[classAxis]]
        return try x.graph.iota(shape, axis: classAxis).equal(to: x.expanded(-1))
    }

    /// Of classes x, int32 [batch, event...]; minus infinity where x is no class.
    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        guard x.scalar == .int32 else { throw x.graph.error("categorical", "needs int32 classes, not \(x.type)") }
        try logits.at(0, axis: classAxis).checkEvent(x, "categorical")
        let each = try select(isChosen(x), logSoftmax(logits), logits.constant(-.infinity)).max(axes: [classAxis])
        return try each.rowSum()
    }

    /// Classes, int32 [batch, event...], by the inverse of the distribution function; no gradient flows through them.
    public func sample(_ scope: Scope) throws(GraphError) -> Tensor {
        let weights = try exp(logits - logits.max(axes: [classAxis], keepAxes: true))
        let sums = try weights.cumulativeSum()
        let count = logits.shape[classAxis]
        // u < 1, so u times the last sum is less than it and the last class with any weight is the greatest to come;
        // for the same reason a class without weight never comes.
        let u = try scope.uniform(logits.at(0, axis: classAxis).drawShape(scope)).expanded(-1)
        let threshold = try u * sums.slice(-1, (count - 1)..<count)
        return try sums.lessEqual(to: threshold).cast(to: .int32).sum(axes: [classAxis])
    }

    public func entropy() throws(GraphError) -> Tensor {
        try -(probabilities.timesLog(logSoftmax(logits))).rowSum()
    }
}

extension Tensor {
    /// p log p' for probabilities p and log-probabilities; 0 where p is 0.
    fileprivate func timesLog(_ logarithm: Tensor) throws(GraphError) -> Tensor {
        let isPossible = try constant(0).less(than: self)
        return try select(isPossible, self * select(isPossible, logarithm, zerosLike()), zerosLike())
    }
}

/// KL(p || q) of choices among as many classes in closed form, in nats: [batch]. Infinite where q lacks a class of p.
public func klDivergence(_ p: Categorical, _ q: Categorical) throws(GraphError) -> Tensor {
    let probabilities = try p.probabilities
    let own = try probabilities.timesLog(logSoftmax(p.logits))
    return try (own - probabilities.timesLog(logSoftmax(q.logits))).rowSum()
}
