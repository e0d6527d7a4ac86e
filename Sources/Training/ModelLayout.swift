import Compiler
import Graph
import Models
import Networks

/// What a model keeps on the device, from one trace of its objective.
struct ModelLayout {
    let rowShape: [Int]
    /// In the order of their declaration.
    let parameters: [Parameter]
    let types: [String: TensorType]

    /// Numbers that are trained.
    var parameterCount: Int { parameters.filter(\.isTrained).reduce(0) { $0 + $1.type.count } }

    init(_ model: some Model, _ input: RowInput, _ precision: ScalarType) throws {
        let graph = Graph()
        let randomness = Randomness(
            seed: graph.input("seed", TensorType([2], .uint32)), step: graph.input("step", TensorType([], .uint32)),
            sample: graph.input("sample", TensorType([1], .uint32)))
        let trace = Trace(
            graph, precision: precision, randomness: randomness,
            condition: try model.givenCondition.input(graph, rows: 1, precision))
        let stored = graph.input("x", input.type(rows: 1))
        _ = try model.objective(input.prepared(stored, trace.root), trace.root)
        rowShape = input.shape
        parameters = trace.parameters
        types = Dictionary(uniqueKeysWithValues: parameters.map { ($0.path, $0.type) })
    }
}

extension CompileOptions {
    /// The same for a program of this name, as which its passes are dumped.
    func named(_ name: String) -> CompileOptions {
        var options = self
        options.name = name
        return options
    }
}
