import Graph

/// A graph rebuilt without what cannot matter: dead nodes, identities, views of views, constant arithmetic. Folding is
/// done only where the host's result is the device's to the last bit.
struct Simplified {
    let graph = Graph()
    private var mapped: [NodeID: NodeID] = [:]
    /// The rectified value of each result of a kernel, or its sum with a bias, that has one.
    private var rectified: [NodeID: NodeID] = [:]
    /// How many live nodes and roots read each node of the source.
    private var uses: [Int]

    init(_ source: Graph, roots: [NodeID]) {
        for input in source.inputs { _ = graph.input(input.name, input.type) }
        for state in source.states { _ = graph.state(state.name, state.type) }
        uses = [Int](repeating: 0, count: source.nodes.count)
        for root in roots { uses[Int(root.index)] += 1 }
        for index in source.nodes.indices.reversed() where uses[index] > 0 {
            for input in source.nodes[index].inputs { uses[Int(input.index)] += 1 }
        }
        for index in source.nodes.indices where uses[index] > 0 {
            let node = source.nodes[index]
            let id = NodeID(index)
            mapped[id] = graph.placed(node.origins) { rebuilt(node) }
        }
    }

    subscript(id: NodeID) -> NodeID { mapped[id] ?? id }

    private mutating func rebuilt(_ node: Node) -> NodeID {
        let inputs = node.inputs.map { self[$0] }
        switch node.op {
        case .identity: return inputs[0]
        case .view(let view):
            if uses[Int(node.inputs[0].index)] == 1, let product = transposedProduct(view, inputs[0], node.type) {
                return product
            }
            if let shorter = simplifiedView(view, inputs[0], node.type) { return shorter }
        case .elementwise(let op):
            if let shorter = simplifiedElementwise(op, inputs, node.type) { return shorter }
            if op == .scalar(.select) { return selection(inputs, node) }
        case .reduce(let reduce):
            let type = graph[inputs[0]].type
            if reduce.axes.allSatisfy({ type.shape[$0] == 1 }) {
                return viewed(.reshape(node.type.shape), inputs[0], node.type)
            }
        case .source, .concatenate, .rows, .matmul, .convolution, .linearAlgebra, .loop, .composite, .part: break
        }
        return graph.append(node.op, inputs, node.results).id
    }

    /// A selection. Where a kernel will rectify its result x to y by itself, others who ask whether x is positive ask
    /// y: x is needed no more.
    private mutating func selection(_ inputs: [NodeID], _ node: Node) -> NodeID {
        var inputs = inputs
        let x = graph.positivity(inputs[0])
        if let x, let y = rectified[x] {
            inputs[0] = graph.append(graph[inputs[0]].op, [graph[inputs[0]].inputs[0], y], graph[inputs[0]].results).id
        }
        let id = graph.append(node.op, inputs, node.results).id
        if let x, graph.rectified(id) == x, graph[x].op.takesEpilogue || graph.biasedProduct(x) != nil {
            rectified[x] = id
        }
        return id
    }

    private func literal(_ id: NodeID) -> ScalarLiteral? {
        if case .source(.constant(let literal)) = graph[id].op { return literal }
        return nil
    }

    private func constant(_ literal: ScalarLiteral, _ type: TensorType) -> NodeID {
        graph.append(.source(.constant(literal)), [], [type]).id
    }

    private func viewed(_ view: View, _ input: NodeID, _ type: TensorType) -> NodeID {
        simplifiedView(view, input, type) ?? graph.append(.view(view), [input], [type]).id
    }

    /// A transposed product as the product of the transposed operands, (A B)' = B' A': its elements are the same sums
    /// of the same terms, and readers find them one after another.
    private func transposedProduct(_ view: View, _ input: NodeID, _ type: TensorType) -> NodeID? {
        let operand = graph[input]
        guard case .transpose(let permutation) = view, case .matmul = operand.op else { return nil }
        let rank = permutation.count
        let swapped = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
        guard permutation == swapped else { return nil }
        let factors = operand.inputs.reversed().map { factor in
            let shape = graph[factor].type.shape
            return viewed(view, factor, TensorType(swapped.map { shape[$0] }, type.scalar))
        }
        return graph.append(.matmul, factors, [type]).id
    }

    private func simplifiedView(_ view: View, _ input: NodeID, _ type: TensorType) -> NodeID? {
        let operand = graph[input]
        if let literal = literal(input) {
            if case .pad = view, literal.bits != 0 { return nil }
            return constant(literal, type)
        }
        switch view {
        case .reshape, .broadcast: if operand.type.shape == type.shape { return input }
        case .transpose(let permutation):
            let moved = permutation.filter { type.shape.indices.contains($0) && operand.type.shape[$0] != 1 }
            if permutation == Array(permutation.indices) { return input }
            // Moving axes of size 1 is a reshape.
            if moved == moved.sorted() { return viewed(.reshape(type.shape), input, type) }
        case .slice(let start, let size, let step):
            if operand.type.shape == type.shape && step.allSatisfy({ $0 == 1 }) { return input }
            if let part = slicedPart(operand, start, size, step, type) { return part }
        case .pad, .windows: break
        }
        guard case .view(let inner) = operand.op else { return nil }
        let base = operand.inputs[0]
        switch (view, inner) {
        case (.reshape, .reshape): return viewed(.reshape(type.shape), base, type)
        case (.transpose(let outer), .transpose(let first)):
            return viewed(.transpose(outer.map { first[$0] }), base, type)
        case (.broadcast, .broadcast): return viewed(.broadcast(type.shape), base, type)
        default: return nil
        }
    }

    /// What lies in one part of a concatenation is taken from there.
    private func slicedPart(_ whole: Node, _ start: [Int], _ size: [Int], _ step: [Int], _ type: TensorType) -> NodeID?
    {
        guard case .concatenate(let axis) = whole.op else { return nil }
        var first = 0
        for part in whole.inputs {
            let end = first + graph[part].type.shape[axis]
            if first <= start[axis], start[axis] + (size[axis] - 1) * step[axis] < end {
                var within = start
                within[axis] -= first
                return viewed(.slice(start: within, size: size, step: step), part, type)
            }
            first = end
        }
        return nil
    }

    /// The sum of what was padded with zeros to the one and the other side, as gradients of halves are, is a
    /// concatenation.
    private func joinedPads(_ inputs: [NodeID], _ type: TensorType) -> NodeID? {
        guard case .view(.pad(let low, let high)) = graph[inputs[0]].op,
            case .view(.pad(let otherLow, let otherHigh)) = graph[inputs[1]].op
        else { return nil }
        let axes = low.indices.filter { low[$0] + high[$0] + otherLow[$0] + otherHigh[$0] > 0 }
        guard axes.count == 1, let axis = axes.first else { return nil }
        let (one, other) = (graph[inputs[0]].inputs[0], graph[inputs[1]].inputs[0])
        let sizes = [one, other].map { graph[$0].type.shape[axis] }
        let parts: [NodeID]
        if low[axis] == 0, otherHigh[axis] == 0, high[axis] == sizes[1], otherLow[axis] == sizes[0] {
            parts = [one, other]
        } else if otherLow[axis] == 0, high[axis] == 0, otherHigh[axis] == sizes[0], low[axis] == sizes[1] {
            parts = [other, one]
        } else {
            return nil
        }
        return graph.append(.concatenate(axis: axis), parts, [type]).id
    }

    private func simplifiedElementwise(_ op: Elementwise, _ inputs: [NodeID], _ type: TensorType) -> NodeID? {
        let literals = inputs.map(literal)
        switch op {
        case .uniform, .normal: return nil
        case .cast(let scalar):
            if graph[inputs[0]].type.scalar == scalar { return inputs[0] }
            guard let value = literals[0]?.value else { return nil }
            return constant(ScalarLiteral(value, scalar), type)
        case .scalar(let op):
            switch op {
            case .multiply:
                if literals[1]?.value == 1 { return inputs[0] }
                if literals[0]?.value == 1 { return inputs[1] }
            case .divide: if literals[1]?.value == 1 { return inputs[0] }
            case .add:
                if literals[1]?.value == 0 { return inputs[0] }
                if literals[0]?.value == 0 { return inputs[1] }
                if let whole = joinedPads(inputs, type) { return whole }
            case .subtract: if literals[1]?.value == 0 { return inputs[0] }
            case .negate:
                if case .elementwise(.scalar(.negate)) = graph[inputs[0]].op { return graph[inputs[0]].inputs[0] }
            case .select:
                if let condition = literals[0] { return condition.value != 0 ? inputs[1] : inputs[2] }
                if inputs[1] == inputs[2] { return inputs[1] }
            default: break
            }
            guard op.foldsExactly, !literals.contains(nil) else { return nil }
            let values = literals.map { $0?.value ?? 0 }
            let operandType = graph[inputs[inputs.count - 1]].type.scalar
            let result = op.evaluate(values, as: operandType)
            if operandType.isInteger {
                let limit =
                    operandType == .int32
                    ? (-2_147_483_648.0, 2_147_483_647.0) : (0.0, operandType == .uint8 ? 255.0 : 4_294_967_295.0)
                guard result >= limit.0, result <= limit.1 else { return nil }
            }
            return constant(ScalarLiteral(result, type.scalar), type)
        }
    }
}

extension ScalarOp {
    /// Whether float64 arithmetic, rounded once to the element type, is exactly the device's result.
    fileprivate var foldsExactly: Bool {
        switch self {
        case .negate, .absolute, .sqrt, .floor, .ceil, .round, .add, .subtract, .multiply, .divide, .minimum, .maximum,
            .less, .lessEqual, .equal, .notEqual, .select:
            true
        case .sign, .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .rsqrt, .isFinite, .not,
            .remainder, .power, .and, .or, .xor, .shiftLeft, .shiftRight, .fusedMultiplyAdd, .permute:
            false
        }
    }
}
