/// Refers to a node of one graph.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let index: Int32

    public init(_ index: Int) { self.index = Int32(index) }
    public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
    public var description: String { "%\(index)" }
}

/// One operation applied to earlier nodes.
public struct Node: Hashable, Sendable {
    public let op: Op
    public let inputs: [NodeID]
    /// One type per result; nearly every op has one (`Op.part` picks one of several).
    public let results: [TensorType]
    /// Every place that asked for this node; several when equal nodes merged.
    public internal(set) var origins: [Origin]

    public var type: TensorType { results[0] }
}

/// A value that outlives a run on the device: a parameter, an optimizer moment, a data set.
public struct StateSlot: Sendable, Hashable {
    public let name: String
    public let type: TensorType
}

/// A computation as a flat, append-only array of nodes. Equal nodes are made once, so common subexpressions are free,
/// and an input always stands before its user.
public final class Graph {
    public private(set) var nodes: [Node] = []
    /// Arguments that the host provides for each run, in the order of their declaration.
    public private(set) var inputs: [(name: String, type: TensorType)] = []
    public private(set) var states: [StateSlot] = []

    private struct Key: Hashable {
        let op: Op
        let inputs: [NodeID]
        let results: [TensorType]
    }
    private var interned: [Key: NodeID] = [:]
    private var place = Origin()

    /// The graph around a loop body; nil for a graph of its own.
    private let outer: Graph?
    private let depth: Int
    /// Tensors of the outer graph that this body uses, in the order of their input nodes.
    private(set) var captured: [Tensor] = []
    private var captures: [NodeID: NodeID] = [:]

    public init() {
        outer = nil
        depth = 0
    }

    /// The graph of a loop body inside `outer`.
    init(within outer: Graph) {
        self.outer = outer
        depth = outer.depth + 1
        place = outer.place
    }

    /// The same tensor as seen from this graph: a tensor of an enclosing graph becomes an input of the body.
    public func visible(_ tensor: Tensor) throws(GraphError) -> Tensor {
        if tensor.graph === self { return tensor }
        guard let outer, let visible = try? outer.visible(tensor) else {
            throw error("trace", "\(tensor) belongs to another graph")
        }
        if let known = captures[visible.id] { return Tensor(self, known) }
        let input = input("capture \(captured.count)", visible.type)
        captured.append(visible)
        captures[visible.id] = input.id
        return input
    }

    static func deeper(_ a: Graph, _ b: Graph) -> Graph { a.depth >= b.depth ? a : b }

    public subscript(id: NodeID) -> Node { nodes[Int(id.index)] }

    /// Declares a value that the host provides for each run.
    public func input(_ name: String, _ type: TensorType) -> Tensor {
        inputs.append((name, type))
        return append(.source(.input(inputs.count - 1)), [], [type])
    }

    /// Declares a persistent value; reading it gives what it held before the run.
    public func state(_ name: String, _ type: TensorType) -> Tensor {
        states.append(StateSlot(name: name, type: type))
        return append(.source(.state(states.count - 1)), [], [type])
    }

    /// Appends a node whose result types are already known to be right, or finds its equal.
    public func append(_ op: Op, _ inputs: [NodeID], _ results: [TensorType]) -> Tensor {
        let key = Key(op: op, inputs: inputs, results: results)
        if let found = interned[key] {
            let index = Int(found.index)
            if nodes[index].origins.count < 4, !nodes[index].origins.contains(place) {
                nodes[index].origins.append(place)
            }
            return Tensor(self, found)
        }
        let id = NodeID(nodes.count)
        nodes.append(Node(op: op, inputs: inputs, results: results, origins: [place]))
        interned[key] = id
        return Tensor(self, id)
    }

    /// Checks the op's type rule and appends it.
    public func apply(_ op: Op, _ operands: [Tensor]) throws(GraphError) -> Tensor {
        let operands = try operands.map { (operand) throws(GraphError) in try visible(operand) }
        do {
            let results = try op.inferTypes(operands.map(\.type))
            return append(op, operands.map(\.id), results)
        } catch {
            throw GraphError(op.name, error.reason, at: place)
        }
    }

    /// `type`, if such a tensor can exist.
    func possible(_ type: TensorType, _ operation: String) throws(GraphError) -> TensorType {
        guard type.isPossible else { throw error(operation, TypeError.impossible(type).reason) }
        return type
    }

    public func error(_ operation: String, _ reason: String) -> GraphError {
        GraphError(operation, reason, at: place)
    }

    /// Runs `body` with nodes and errors attributed to a place in the model. A nil scope keeps the current one.
    public func located<R>(
        scope: String? = nil, file: StaticString, line: Int, _ body: () throws(GraphError) -> R
    ) throws(GraphError) -> R {
        let outer = place
        place = Origin(scope: scope ?? outer.scope, file: "\(file)", line: line)
        defer { place = outer }
        return try body()
    }

    /// Attributes what `body` appends to given origins: passes that rebuild a graph keep them.
    public func placed<R, E: Error>(_ origins: [Origin], _ body: () throws(E) -> R) throws(E) -> R {
        let outer = place
        place = origins.first ?? outer
        defer { place = outer }
        return try body()
    }

    /// Attributes what `body` appends to the place of an existing node (a gradient to its op).
    public func located<R>(like id: NodeID, _ body: () throws(GraphError) -> R) throws(GraphError) -> R {
        let outer = place
        place = self[id].origins.first ?? outer
        defer { place = outer }
        return try body()
    }
}

/// The graph that a node of these operands belongs to: the innermost one.
func innermost(_ tensors: Tensor...) -> Graph { innermost(tensors) }

func innermost(_ tensors: [Tensor]) -> Graph {
    tensors.dropFirst().reduce(tensors[0].graph) { Graph.deeper($0, $1.graph) }
}
