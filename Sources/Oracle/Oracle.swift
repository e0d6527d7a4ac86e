import Graph

/// The reference that every device is held to: evaluates a graph node by node in float64 with the C library. Nothing is
/// fused, planned or vectorised, and nothing is shared with Kernels/.
///
/// Inputs, states, constants and what is cast from float64 are rounded to float32 where that is their type; what is
/// computed from them keeps all digits of float64. Integers are exact and wrap.
public struct Oracle {
    private let graph: Graph

    public init(_ graph: Graph) { self.graph = graph }

    /// The values of `outputs`, row-major. `inputs` and `states` are given in the order of their declaration; trailing
    /// ones that no output needs may be left out.
    public func callAsFunction(
        inputs: [[Double]], states: [[Double]] = [], outputs: [Tensor]
    ) throws(GraphError) -> [[Double]] {
        for output in outputs where output.graph !== graph {
            throw GraphError("oracle", "\(output) belongs to another graph")
        }
        let interpreter = Interpreter(
            nodes: graph.nodes, inputs: try Oracle.values(inputs, graph.inputs.map(\.type), "input"),
            states: try Oracle.values(states, graph.states.map(\.type), "state"))
        return try interpreter.values(of: outputs.map(\.id)).map(\.elements)
    }

    private static func values(
        _ given: [[Double]], _ types: [TensorType], _ what: String
    ) throws(GraphError) -> [Value] {
        guard given.count <= types.count else {
            throw GraphError("oracle", "\(given.count) \(what)s are given, the graph has \(types.count)")
        }
        var result: [Value] = []
        for (elements, type) in zip(given, types) {
            guard elements.count == type.count else {
                throw GraphError("oracle", "\(what) \(result.count) is \(type), \(elements.count) numbers are given")
            }
            result.append(Value(type, elements.map { ScalarLiteral($0, type.scalar).value }))
        }
        return result
    }
}

/// A tensor's numbers, row-major. Every element type fits a Double exactly.
struct Value {
    let type: TensorType
    let elements: [Double]

    init(_ type: TensorType, _ elements: [Double]) {
        self.type = type
        self.elements = elements
    }

    /// Each element worked out from its index along the axes.
    init(_ type: TensorType, _ element: ([Int]) -> Double) {
        var elements: [Double] = []
        elements.reserveCapacity(type.count)
        forEachIndex(type.shape) { elements.append(element($0)) }
        self.init(type, elements)
    }

    var shape: [Int] { type.shape }

    subscript(index: [Int]) -> Double {
        var position = 0
        for axis in shape.indices { position = position * shape[axis] + index[axis] }
        return elements[position]
    }

    /// The matrices under the leading axes, one after another.
    func matrices() -> [Matrix] {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        return (0..<shape.dropLast(2).reduce(1, *)).map { which in
            Matrix(rows, columns, Array(elements[(which * rows * columns)..<((which + 1) * rows * columns)]))
        }
    }
}

/// Every index of a shape, the last axis running fastest.
func forEachIndex(_ shape: [Int], _ body: ([Int]) -> Void) {
    guard !shape.contains(0) else { return }
    var index = shape.map { _ in 0 }
    while true {
        body(index)
        var axis = shape.count - 1
        while axis >= 0 {
            index[axis] += 1
            if index[axis] < shape[axis] { break }
            index[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}
