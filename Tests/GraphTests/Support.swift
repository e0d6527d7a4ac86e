import Graph
import Oracle
import Testing

extension OpSample: CustomTestStringConvertible {
    public var testDescription: String { name }

    /// Numbers for the sample's operands as the oracle takes them.
    func evaluate(_ graph: Graph, at values: [[Double]], _ outputs: [Tensor]) throws -> [[Double]] {
        let operands = zip(inputs, values)
        return try Oracle(graph)(
            inputs: operands.filter { !$0.0.isState }.map(\.1), states: operands.filter(\.0.isState).map(\.1),
            outputs: outputs)
    }
}

extension Sequence where Element == Tensor {
    /// The sum of all float elements, each times a fixed random weight: a scalar that depends on all of them.
    func randomProjection(seed: String) throws -> Tensor? {
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
