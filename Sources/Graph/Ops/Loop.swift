/// A counted loop whose body is a graph of its own.
///
/// The node's inputs are the carries' initial values, then what the body captures from outside. Its results are the
/// carries after the last turn; with `keepsHistory`, also each carry's values before every turn, stacked on a new
/// first axis.
public struct Loop: Hashable, Sendable {
    /// A traced body: inputs are the turn (int32 []), the carries, the captures; results are the next carries.
    public struct Body: Hashable, Sendable {
        public var nodes: [Node]
        public var inputs: [TensorType]
        public var results: [NodeID]

        public init(nodes: [Node], inputs: [TensorType], results: [NodeID]) {
            self.nodes = nodes
            self.inputs = inputs
            self.results = results
        }
    }

    public var body: Body
    public var count: Int
    public var carryCount: Int
    public var keepsHistory: Bool

    func inferTypes(_ inputs: [TensorType]) throws(TypeError) -> [TensorType] {
        try TypeError.check(0...TensorType.longestAxis ~= count, "cannot turn \(count) times")
        try TypeError.check(
            carryCount == body.results.count && carryCount <= inputs.count,
            "the body returns \(body.results.count) carries, the loop has \(carryCount)")
        try TypeError.check(
            [TensorType([], .int32)] + inputs == body.inputs, "operands \(inputs) are not what the body takes")
        let carries = Array(inputs.prefix(carryCount))
        for (carry, result) in zip(carries, body.results) where body.nodes[Int(result.index)].type != carry {
            throw TypeError("a carry enters as \(carry) and leaves as \(body.nodes[Int(result.index)].type)")
        }
        return carries + (keepsHistory ? carries.map { TensorType([count] + $0.shape, $0.scalar) } : [])
    }

    public init(body: Body, count: Int, carryCount: Int, keepsHistory: Bool = false) {
        self.body = body
        self.count = count
        self.carryCount = carryCount
        self.keepsHistory = keepsHistory
    }
}

/// Runs `body` `count` times: it gets the turn (int32, scalar) and the carries and returns the next carries, of the same
/// types. Tensors from outside may be used in it. Returns the carries after the last turn.
public func loop(
    count: Int, carry: [Tensor], _ body: (_ turn: Tensor, _ carry: [Tensor]) throws(GraphError) -> [Tensor]
) throws(GraphError) -> [Tensor] {
    guard let first = carry.first else { throw GraphError("loop", "needs at least one carry") }
    let graph = first.graph
    let (traced, captures) = try graph.traceBody(carry.map(\.type), body)
    guard traced.results.count == carry.count else {
        throw graph.error("loop", "the body returns \(traced.results.count) carries, it was given \(carry.count)")
    }
    let loop = Loop(body: traced, count: count, carryCount: carry.count)
    return Array(try graph.apply(.loop(loop), carry + captures).results().prefix(carry.count))
}

extension Graph {
    /// Traces a loop body with carries of the given types; also returns the outer tensors that it uses.
    public func traceBody(
        _ carries: [TensorType], _ body: (_ turn: Tensor, _ carry: [Tensor]) throws(GraphError) -> [Tensor]
    ) throws(GraphError) -> (body: Loop.Body, captures: [Tensor]) {
        let inner = Graph(within: self)
        let turn = inner.input("turn", TensorType([], .int32))
        let inputs = carries.enumerated().map { inner.input("carry \($0)", $1) }
        let results = try body(turn, inputs).map { (result) throws(GraphError) in try inner.visible(result).id }
        let traced = Loop.Body(nodes: inner.nodes, inputs: inner.inputs.map(\.type), results: results)
        return (traced, inner.captured)
    }

    /// Appends a body's nodes with `arguments` (turn, carries, captures) in place of its inputs.
    public func inline(_ body: Loop.Body, _ arguments: [Tensor]) throws(GraphError) -> [Tensor] {
        guard arguments.map(\.type) == body.inputs else {
            throw error("inline", "the body takes \(body.inputs), not \(arguments.map(\.type))")
        }
        var mapped: [NodeID] = []
        mapped.reserveCapacity(body.nodes.count)
        for node in body.nodes {
            if case .source(.input(let index)) = node.op {
                mapped.append(try visible(arguments[index]).id)
            } else {
                mapped.append(append(node.op, node.inputs.map { mapped[Int($0.index)] }, node.results).id)
            }
        }
        return body.results.map { Tensor(self, mapped[Int($0.index)]) }
    }
}
