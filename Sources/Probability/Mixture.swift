import Graph
import Networks

/// A row is drawn from one of K distributions of a family, chosen at random for each row.
public struct Mixture<Component: Distribution>: Distribution {
    /// Log-probabilities of the components but for a constant, [batch, K], or [1, K] for all rows.
    public let logits: Tensor
    /// K distributions of rows of one shape.
    public let components: [Component]
    public let support: Support

    public init(logits: Tensor, _ components: [Component]) throws(GraphError) {
        guard let first = components.first, logits.rank == 2, logits.shape[1] == components.count else {
            throw logits.graph.error(
                "mixture", "needs logits [rows, components] of its \(components.count) components, not \(logits.shape)")
        }
        self.logits = logits
        self.components = components
        support = first.support
    }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        let each = try components.map { (component) throws(GraphError) in try component.logProb(x) }
        return try (stacked(each, axis: 1) + logSoftmax(logits)).logSumExp(axes: [1])
    }

    /// Each component draws a row in the scope of its number, of which the one that is chosen remains. No gradient flows
    /// to the logits.
    public func sample(_ scope: Scope) throws(GraphError) -> Tensor {
        try chosen(scope) { (component, scope) throws(GraphError) in try component.sample(scope) }
    }

    private func chosen(
        _ scope: Scope, _ draw: (Component, Scope) throws(GraphError) -> Tensor
    ) throws(GraphError) -> Tensor {
        let choice = try Categorical(logits: logits).sample(scope["choice"])
        var result = try draw(components[0], scope["0"])
        let aligned = try choice.reshaped([choice.count] + result.shape.dropFirst().map { _ in 1 })
        for (index, component) in components.enumerated().dropFirst() {
            let isChosen = try aligned.equal(to: aligned.constant(Double(index)))
            result = try select(isChosen, draw(component, scope["\(index)"]), result)
        }
        return result
    }
}

extension Mixture: BaseDistribution where Component: BaseDistribution {
    /// `temperature` is that of the components; it does not change how often they are chosen.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        try chosen(scope) { (component, scope) throws(GraphError) in
            try component.sample(scope, temperature: temperature)
        }
    }
}

extension Mixture: DistributionWithMean where Component: DistributionWithMean {
    public var mean: Tensor {
        get throws(GraphError) {
            let weights = try softmax(logits)
            var total: Tensor?
            for (index, component) in components.enumerated() {
                let mean = try component.mean
                let weight = try weights.at(index, axis: 1)
                let part = try mean * weight.reshaped(weight.shape + mean.shape.dropFirst().map { _ in 1 })
                total = try total.map { (sum) throws(GraphError) in try sum + part } ?? part
            }
            guard let total else { throw logits.graph.error("mixture", "has no components") }
            return total
        }
    }
}
