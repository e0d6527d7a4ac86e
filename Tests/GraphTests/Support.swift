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
