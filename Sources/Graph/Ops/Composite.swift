/// An operation with a name of its own, defined by a subgraph, for which a device may have one kernel by hand. Where it
/// has none, the subgraph takes its place before fusion; so a kernel can change speed, never a result or a gradient.
public enum Composite: Hashable, Sendable, CustomStringConvertible {
    /// x [..., n] -> softmax(x) along the last axis.
    case softmax
    /// x [..., n] -> log(softmax(x)) along the last axis.
    case logSoftmax
    /// x, cotangent g of the same type -> the cotangent of softmax's operand.
    case softmaxGradient
    /// Likewise for log-softmax.
    case logSoftmaxGradient
    /// x [rows, event...], parameters [rows, count, event...] -> y of x's type, log-det [rows].
    case map(ElementMap, inverse: Bool)
    /// x, parameters, cotangents of y and of the log-det -> those of x and of the parameters.
    case mapGradient(ElementMap, inverse: Bool)

    public var description: String {
        switch self {
        case .softmax: "softmax"
        case .logSoftmax: "logSoftmax"
        case .softmaxGradient: "softmaxGradient"
        case .logSoftmaxGradient: "logSoftmaxGradient"
        case .map(let map, let inverse): map.name + (inverse ? "Inverse" : "Forward")
        case .mapGradient(let map, let inverse): map.name + (inverse ? "InverseGradient" : "ForwardGradient")
        }
    }

    public var arity: Int {
        switch self {
        case .softmax, .logSoftmax: 1
        case .softmaxGradient, .logSoftmaxGradient, .map: 2
        case .mapGradient: 4
        }
    }

    func inferTypes(_ inputs: [TensorType]) throws(TypeError) -> [TensorType] {
        let x = inputs[0]
        switch self {
        case .softmax, .logSoftmax, .softmaxGradient, .logSoftmaxGradient:
            try TypeError.check(x.scalar.isFloating && x.rank > 0, "needs rows of floats, not \(x)")
            try TypeError.check(x.shape[x.rank - 1] > 0, "has no value over an empty axis of \(x)")
            for type in inputs where type != x { throw TypeError("operands \(x) and \(type) differ") }
            return [x]
        case .map(let map, _):
            try map.check(x, inputs[1])
            return [x, TensorType([x.shape[0]], x.scalar)]
        case .mapGradient(let map, _):
            try map.check(x, inputs[1])
            let cotangents = [x, TensorType([x.shape[0]], x.scalar)]
            try TypeError.check(
                Array(inputs.dropFirst(2)) == cotangents, "takes cotangents \(cotangents), not \(inputs.dropFirst(2))")
            return [x, inputs[1]]
        }
    }

    /// What it computes.
    public func subgraph(_ x: [Tensor]) throws(GraphError) -> [Tensor] {
        switch self {
        case .softmax: return [try SoftmaxParts(x[0], axis: -1).softmax()]
        case .logSoftmax: return [try SoftmaxParts(x[0], axis: -1).logSoftmax()]
        case .softmaxGradient:
            let y = try SoftmaxParts(x[0], axis: -1).softmax()
            return [try y * (x[1] - (y * x[1]).sum(axes: [-1], keepAxes: true))]
        case .logSoftmaxGradient:
            let y = try SoftmaxParts(x[0], axis: -1).softmax()
            return [try x[1] - y * x[1].sum(axes: [-1], keepAxes: true)]
        case .map(let map, let inverse):
            let (value, logSlope) = try map.elements(x[0], x[1], inverse: inverse)
            return [value, try logSlope.sum(axes: Array(1..<Swift.max(x[0].rank, 1)), compensated: true)]
        case .mapGradient(let map, let inverse):
            return try map.gradient(x[0], x[1], value: x[2], logDet: x[3], inverse: inverse)
        }
    }

    /// The composite that is the gradient: it recomputes from this one's operands, which stand before the cotangents.
    /// Nil where the subgraph is differentiated.
    private var gradient: Composite? {
        switch self {
        case .softmax: .softmaxGradient
        case .logSoftmax: .logSoftmaxGradient
        case .map(let map, let inverse): .mapGradient(map, inverse: inverse)
        case .softmaxGradient, .logSoftmaxGradient, .mapGradient: nil
        }
    }

    /// The cotangents of the operands, where a composite gives them.
    public func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?]? {
        guard let gradient else { return nil }
        let cotangents = try zip(context.cotangents, context.outputs).map { (cotangent, output) throws(GraphError) in
            if let cotangent { return cotangent }
            return try output.zerosLike()
        }
        return try context.graph.apply(.composite(gradient), context.inputs + cotangents).results()
    }
}

extension Graph {
    /// The graph with composites as their subgraphs, but for those that are wanted as they are.
    ///
    /// - Returns: the graph, and which of its nodes each node of this one is.
    public func dissolved(
        keeping isKept: (Composite, [TensorType]) -> Bool
    ) throws(GraphError) -> (graph: Graph, nodes: [NodeID]) {
        let result = Graph()
        for input in inputs { _ = result.input(input.name, input.type) }
        for state in states { _ = result.state(state.name, state.type) }
        var mapped: [NodeID] = []
        mapped.reserveCapacity(nodes.count)
        // Of dissolved composites.
        var parts: [NodeID: [NodeID]] = [:]
        for (index, node) in nodes.enumerated() {
            let operands = node.inputs.map { mapped[Int($0.index)] }
            if case .composite(let composite) = node.op, !isKept(composite, node.inputs.map { self[$0].type }) {
                let made = try result.placed(node.origins) { () throws(GraphError) in
                    try composite.subgraph(operands.map { result.tensor($0) })
                }
                parts[NodeID(index)] = made.map(\.id)
                mapped.append(made[0].id)
            } else if case .part(let part) = node.op, let known = parts[node.inputs[0]] {
                mapped.append(known[part])
            } else {
                mapped.append(result.placed(node.origins) { result.append(node.op, operands, node.results).id })
            }
        }
        return (result, mapped)
    }

    public var hasComposites: Bool {
        nodes.contains { if case .composite = $0.op { true } else { false } }
    }
}

/// log(softmax(x)) along an axis.
public func logSoftmax(_ x: Tensor, axis: Int = -1) throws(GraphError) -> Tensor {
    // Columns are summed where they stand: turning them would cost more than a kernel gains.
    guard try x.resolved(axis, "logSoftmax") == x.rank - 1 else { return try SoftmaxParts(x, axis: axis).logSoftmax() }
    return try x.graph.apply(.composite(.logSoftmax), [x])
}

/// exp(x) / sum(exp(x)) along an axis, without overflow.
public func softmax(_ x: Tensor, axis: Int = -1) throws(GraphError) -> Tensor {
    guard try x.resolved(axis, "softmax") == x.rank - 1 else { return try SoftmaxParts(x, axis: axis).softmax() }
    return try x.graph.apply(.composite(.softmax), [x])
}

/// exp(x - shift) and its sum along an axis; `shift` is the largest element, so that nothing overflows.
private struct SoftmaxParts {
    let x: Tensor, shift: Tensor, exponentials: Tensor, total: Tensor

    init(_ x: Tensor, axis: Int) throws(GraphError) {
        self.x = x
        shift = try x.finiteMax(axes: [axis])
        exponentials = try exp(x - shift)
        total = try exponentials.sum(axes: [axis], keepAxes: true)
    }

    func softmax() throws(GraphError) -> Tensor { try exponentials / total }
    func logSoftmax() throws(GraphError) -> Tensor { try x - (log(total) + shift) }
}
