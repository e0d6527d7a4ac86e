import Graph

extension Sequence where Element == Tensor {
    /// The sum of all float elements, each times a fixed random weight: a scalar that depends on all of them; nil when
    /// there are none.
    public func randomProjection(seed: String) throws -> Tensor? {
        var generator = SampleGenerator(seed: seed)
        var total: Tensor?
        for tensor in self where tensor.scalar.isFloating {
            let weights = (0..<tensor.count).map { _ in Double.random(in: 0.5...1.5, using: &generator) }
                .map { Bool.random(using: &generator) ? $0 : -$0 }
            let weighted = try tensor * tensor.graph.constant(weights, shape: tensor.shape, tensor.scalar)
            total = try total.map { try $0 + weighted.sum() } ?? weighted.sum()
        }
        return total
    }
}
