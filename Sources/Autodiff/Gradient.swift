import Graph

/// The gradient of a scalar `y` with respect to each of `x`, as new nodes of the same graph: it can be differentiated
/// again. Zero where `y` does not depend on an `x`.
public func gradient(of y: Tensor, at x: [Tensor]) throws(GraphError) -> [Tensor] {
    guard y.rank == 0, y.scalar.isFloating else {
        throw y.graph.error("gradient", "needs a float scalar, not \(y.type); sum it, or use vectorJacobianProduct")
    }
    return try vectorJacobianProduct(of: [y], cotangents: [try y.onesLike()], at: x)
}

/// The gradient of a scalar `y` with respect to `x`.
public func gradient(of y: Tensor, at x: Tensor) throws(GraphError) -> Tensor {
    try gradient(of: y, at: [x])[0]
}

/// The gradient at `x` of a function that returns a scalar.
public func gradient(of f: (Tensor) throws -> Tensor, at x: Tensor) throws -> Tensor {
    try gradient(of: try f(x), at: x)
}

/// Sums over all `y` of cotangent x dy/dx, for each `x`: one reverse sweep.
public func vectorJacobianProduct(
    of y: [Tensor], cotangents: [Tensor], at x: [Tensor]
) throws(GraphError) -> [Tensor] {
    guard let graph = y.first?.graph else { return try x.map { (one) throws(GraphError) in try one.zerosLike() } }
    guard y.count == cotangents.count else {
        throw graph.error("gradient", "\(y.count) values need as many cotangents, not \(cotangents.count)")
    }
    let y = try y.map { (one) throws(GraphError) in try graph.visible(one) }
    let x = try x.map { (one) throws(GraphError) in try graph.visible(one) }
    for (value, cotangent) in zip(y, cotangents) where value.type != cotangent.type {
        throw graph.error("gradient", "cotangent \(cotangent.type) does not fit \(value.type)")
    }
    var sweep = ReverseSweep(graph, from: y.map(\.id), to: x.map(\.id))
    for (value, cotangent) in zip(y, cotangents) { try sweep.accumulate(cotangent, at: value.id) }
    try sweep.run()
    return try x.map { (one) throws(GraphError) in
        if let cotangent = sweep.cotangents[one.id] { return cotangent }
        return try one.zerosLike()
    }
}

/// One pass over the graph from results to inputs, visiting only nodes between the two.
private struct ReverseSweep {
    let graph: Graph
    /// Nodes that depend on one of the `x`.
    private var active: [Bool]
    var cotangents: [NodeID: Tensor] = [:]
    /// Cotangents of the parts of nodes with several results.
    private var partCotangents: [NodeID: [Int: Tensor]] = [:]
    private let last: Int

    init(_ graph: Graph, from y: [NodeID], to x: [NodeID]) {
        self.graph = graph
        last = Int(y.max()?.index ?? -1)
        active = [Bool](repeating: false, count: graph.nodes.count)
        for id in x { active[Int(id.index)] = true }
        for index in graph.nodes.indices where !active[index] {
            active[index] = graph.nodes[index].inputs.contains { active[Int($0.index)] }
        }
    }

    mutating func accumulate(_ cotangent: Tensor, at id: NodeID) throws(GraphError) {
        guard active[Int(id.index)] else { return }
        cotangents[id] = try cotangents[id].map { (sum) throws(GraphError) in try sum + cotangent } ?? cotangent
    }

    mutating func run() throws(GraphError) {
        guard last >= 0 else { return }
        for index in (0...last).reversed() where active[index] {
            let id = NodeID(index)
            let node = graph.nodes[index]
            if case .part(let part) = node.op {
                if let cotangent = cotangents[id] { partCotangents[node.inputs[0], default: [:]][part] = cotangent }
                continue
            }
            let parts = partCotangents[id]
            guard cotangents[id] != nil || parts != nil else { continue }
            let several = node.results.count > 1
            let incoming = several ? node.results.indices.map { parts?[$0] } : [cotangents[id]]
            let context = GradientContext(
                inputs: node.inputs.map { graph.tensor($0) }, outputs: graph.results(of: id), cotangents: incoming)
            let outgoing = try graph.located(like: id) { () throws(GraphError) -> [Tensor?] in
                if case .loop(let loop) = node.op { return try loop.gradient(context) }
                if case .composite(let composite) = node.op {
                    if let gradient = try composite.gradient(context) { return gradient }
                    return try composite.subgraphGradient(context)
                }
                return try node.op.gradient(context)
            }
            for (input, cotangent) in zip(node.inputs, outgoing) {
                if let cotangent { try accumulate(cotangent, at: input) }
            }
        }
    }
}

extension Composite {
    /// The gradient of the subgraph. It is taken in a graph of its own, where the operands are inputs: outside, one may be
    /// computed from another.
    fileprivate func subgraphGradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let inner = Graph()
        let operands = context.inputs.map { inner.input("operand", $0.type) }
        let floats = operands.indices.filter { operands[$0].scalar.isFloating }
        var (results, pushed, cotangents): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
        for (result, cotangent) in zip(try subgraph(operands), context.cotangents) {
            guard let cotangent else { continue }
            results.append(result)
            pushed.append(inner.input("cotangent", cotangent.type))
            cotangents.append(cotangent)
        }
        let pulled = try vectorJacobianProduct(of: results, cotangents: pushed, at: floats.map { operands[$0] })
        let body = Loop.Body(nodes: inner.nodes, inputs: inner.inputs.map(\.type), results: pulled.map(\.id))
        var gradients = [Tensor?](repeating: nil, count: operands.count)
        for (index, cotangent) in zip(floats, try context.graph.inline(body, context.inputs + cotangents)) {
            gradients[index] = cotangent
        }
        return gradients
    }
}
