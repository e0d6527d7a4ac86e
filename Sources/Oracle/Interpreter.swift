import Graph

/// Evaluates the nodes of a graph, or of a loop's body, for given inputs.
struct Interpreter {
    let nodes: [Node]
    let inputs: [Value]
    let states: [Value]

    /// The (first) results of the wanted nodes; only what they need is evaluated.
    func values(of wanted: [NodeID]) throws(GraphError) -> [Value] {
        var needed = [Bool](repeating: false, count: nodes.count)
        for id in wanted { needed[Int(id.index)] = true }
        for index in nodes.indices.reversed() where needed[index] {
            for input in nodes[index].inputs { needed[Int(input.index)] = true }
        }
        var results = [[Value]](repeating: [], count: nodes.count)
        for index in nodes.indices where needed[index] {
            results[index] = try evaluate(nodes[index]) { results[Int($0.index)] }
        }
        return wanted.map { results[Int($0.index)][0] }
    }

    private func evaluate(_ node: Node, _ results: (NodeID) -> [Value]) throws(GraphError) -> [Value] {
        let x = node.inputs.map { results($0)[0] }
        let type = node.type
        switch node.op {
        case .source(let source): return [try evaluate(source, x, type)]
        case .elementwise(let op): return [op.evaluate(x, type)]
        case .reduce(let reduce): return [reduce.evaluate(x[0], type)]
        case .view(let view): return [view.evaluate(x[0], type)]
        case .concatenate(let axis): return [concatenated(x, axis, type)]
        case .rows(let rows): return [rows.evaluate(x, type)]
        case .matmul: return [matrixProduct(x[0], x[1], type)]
        case .convolution(let convolution): return [convolution.evaluate(x[0], x[1], type)]
        case .linearAlgebra(let kind): return kind.evaluate(x, node.results)
        case .loop(let loop): return try evaluate(loop, x, node.results)
        case .composite(let composite): return try evaluate(composite, x)
        case .identity: return [x[0]]
        case .part(let index): return [results(node.inputs[0])[index]]
        }
    }

    private func evaluate(_ source: Source, _ x: [Value], _ type: TensorType) throws(GraphError) -> Value {
        switch source {
        case .constant(let literal): return Value(type, [Double](repeating: literal.value, count: type.count))
        case .data(let data): return Value(type, (0..<type.count).map { data.literal($0, type.scalar).value })
        case .iota(let axis): return Value(type) { Double($0[axis]) }
        case .input(let index):
            guard inputs.indices.contains(index) else { throw GraphError("oracle", "input \(index) is not given") }
            return inputs[index]
        case .state(let index):
            guard states.indices.contains(index) else { throw GraphError("oracle", "state \(index) is not given") }
            return states[index]
        case .randomBits(let stream):
            let (sample, step, seed) = (x[0].elements, x[1].elements, x[2].elements)
            let rowLength = type.shape.dropFirst().reduce(1, *)
            return Value(
                type,
                (0..<type.count).map { position in
                    let element = position % rowLength
                    let counter = [UInt32(element >> 2), UInt32(sample[position / rowLength]), UInt32(step[0]), stream]
                    return Double(philox(counter, key: seed.map { UInt32($0) })[element & 3])
                })
        }
    }

    private func evaluate(_ composite: Composite, _ x: [Value]) throws(GraphError) -> [Value] {
        let graph = Graph()
        let results = try composite.subgraph(x.map { graph.input("operand", $0.type) })
        return try Interpreter(nodes: graph.nodes, inputs: x, states: []).values(of: results.map(\.id))
    }

    private func evaluate(_ loop: Loop, _ x: [Value], _ types: [TensorType]) throws(GraphError) -> [Value] {
        var carries = Array(x.prefix(loop.carryCount))
        let captures = Array(x.dropFirst(loop.carryCount))
        var histories = [[Double]](repeating: [], count: loop.carryCount)
        for turn in 0..<loop.count {
            for index in carries.indices { histories[index] += carries[index].elements }
            let arguments = [Value(TensorType([], .int32), [Double(turn)])] + carries + captures
            let body = Interpreter(nodes: loop.body.nodes, inputs: arguments, states: [])
            carries = try body.values(of: loop.body.results)
        }
        guard loop.keepsHistory else { return carries }
        return carries + zip(types.dropFirst(loop.carryCount), histories).map { Value($0, $1) }
    }
}
