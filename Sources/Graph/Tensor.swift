/// A value being traced: a node of a graph, not numbers. Operations on tensors append nodes; numbers appear when the
/// graph is compiled and run.
public struct Tensor: CustomStringConvertible {
    public let graph: Graph
    public let id: NodeID

    init(_ graph: Graph, _ id: NodeID) {
        self.graph = graph
        self.id = id
    }

    public var type: TensorType { graph[id].type }
    public var shape: [Int] { type.shape }
    public var rank: Int { shape.count }
    public var scalar: ScalarType { type.scalar }
    public var count: Int { type.count }
    public var description: String { "\(id): \(type)" }

    /// The size along an axis; negative axes count from the end.
    public func size(_ axis: Int) throws(GraphError) -> Int {
        shape[try resolved(axis, "size")]
    }

    /// An axis counted from the front.
    func resolved(_ axis: Int, _ operation: String) throws(GraphError) -> Int {
        let type = try graph.possible(type, operation)
        let resolved = axis < 0 ? axis + rank : axis
        guard shape.indices.contains(resolved) else {
            throw graph.error(operation, "axis \(axis) does not exist in \(type)")
        }
        return resolved
    }

    func resolved(_ axes: [Int], _ operation: String) throws(GraphError) -> [Int] {
        var result: [Int] = []
        for axis in axes {
            let one = try resolved(axis, operation)
            if result.contains(one) { throw graph.error(operation, "axis \(axis) is named twice for \(type)") }
            result.append(one)
        }
        return result.sorted()
    }

    /// All results of the op that made this tensor.
    public func results() -> [Tensor] {
        let results = graph[id].results
        return results.count == 1
            ? [self] : results.indices.map { graph.append(.part($0), [id], [results[$0]]) }
    }

    // Constants shaped like a tensor.

    public func constant(_ value: Double) -> Tensor { graph.constant(value, scalar) }
    public func zerosLike() throws(GraphError) -> Tensor { graph.constant(0, type) }
    public func onesLike() throws(GraphError) -> Tensor { graph.constant(1, type) }
}

extension Graph {
    /// The (first) result of a node.
    public func tensor(_ id: NodeID) -> Tensor { Tensor(self, id) }

    /// All results of a node.
    public func results(of id: NodeID) -> [Tensor] { tensor(id).results() }

    /// A tensor whose elements all equal `value`.
    public func constant(_ value: Double, _ type: TensorType) -> Tensor {
        append(.source(.constant(ScalarLiteral(value, type.scalar))), [], [type])
    }

    public func constant(_ value: Double, _ scalar: ScalarType = .float32) -> Tensor {
        constant(value, TensorType([], scalar))
    }

    /// A tensor holding given numbers, rounded to `scalar`.
    public func constant(_ values: [Double], shape: [Int], _ scalar: ScalarType = .float32) throws(GraphError) -> Tensor
    {
        guard values.count == shape.product else {
            throw error("constant", "\(values.count) values do not fill shape \(shape)")
        }
        let type = try possible(TensorType(shape, scalar), "constant")
        return append(.source(.data(ConstantData(values, scalar))), [], [type])
    }
}
