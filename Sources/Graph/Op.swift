/// Every operation, one closed enum per family. A family's file in Ops/ holds its type rule, its gradient and its test
/// samples; switches over these enums have no `default`, so that a missing case does not compile.
public enum Op: Hashable, Sendable {
    case source(Source)
    case elementwise(Elementwise)
    case reduce(Reduce)
    case view(View)
    case concatenate(axis: Int)
    case rows(RowOp)
    case matmul
    case convolution(Convolution)
    case linearAlgebra(LinearAlgebra)
    case loop(Loop)
    case composite(Composite)
    case identity(Identity)
    /// One of several results of the node that is its input.
    case part(Int)

    /// The op's name in messages and dumps.
    public var name: String {
        switch self {
        case .source(let source): source.name
        case .elementwise(let op): op.name
        case .reduce(let reduce): reduce.name
        case .view(let view): view.name
        case .concatenate: "concatenate"
        case .rows(let rows): rows.name
        case .matmul: "matmul"
        case .convolution(let convolution): convolution.name
        case .linearAlgebra(let kind): kind.name
        case .loop: "loop"
        case .composite(let composite): composite.description
        case .identity(let identity): identity.name
        case .part(let index): "part \(index)"
        }
    }

    /// How many operands the op takes; nil where any number may do.
    private var arity: Int? {
        switch self {
        case .source, .concatenate, .loop: nil
        case .elementwise(.scalar(let op)): op.arity
        case .elementwise(.cast), .elementwise(.uniform), .elementwise(.normal): 1
        case .reduce, .view, .part: 1
        case .rows(.gather), .rows(.scatterAdd): 2
        case .rows(.argsort), .rows(.argmax), .rows(.cumulativeSum): 1
        case .matmul, .convolution: 2
        case .linearAlgebra(let kind): kind.arity
        case .composite(let composite): composite.arity
        case .identity(.stopGradient): 1
        case .identity(.surrogate): 2
        }
    }

    /// The types of the results, for operands of any number and type.
    func inferTypes(_ inputs: [TensorType]) throws(TypeError) -> [TensorType] {
        if let arity {
            try TypeError.check(inputs.count == arity, "takes \(arity) operands, not \(inputs.count)")
        }
        for type in inputs where !type.isPossible { throw TypeError.impossible(type) }
        let results = try applyTypeRule(inputs)
        for type in results where !type.isPossible { throw TypeError.impossible(type) }
        return results
    }

    /// The type rule of the op's family.
    private func applyTypeRule(_ inputs: [TensorType]) throws(TypeError) -> [TensorType] {
        switch self {
        case .source(let source): [try source.inferType(inputs)]
        case .elementwise(let op): [try op.inferType(inputs)]
        case .reduce(let reduce): [try reduce.inferType(inputs)]
        case .view(let view): [try view.inferType(inputs)]
        case .concatenate(let axis): [try Concatenate.inferType(axis, inputs)]
        case .rows(let rows): [try rows.inferType(inputs)]
        case .matmul: [try Matmul.inferType(inputs)]
        case .convolution(let convolution): [try convolution.inferType(inputs)]
        case .linearAlgebra(let kind): try kind.inferTypes(inputs)
        case .loop(let loop): try loop.inferTypes(inputs)
        case .composite(let composite): try composite.inferTypes(inputs)
        case .identity(let identity): [try identity.inferType(inputs)]
        case .part: throw TypeError("made only by Tensor.results")
        }
    }

    /// Cotangents of the inputs from those of the results; nil where no gradient flows. The gradients of loops
    /// and composites are traces of their own and live with the reverse sweep in Autodiff.
    public func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        switch self {
        case .source: []
        case .elementwise(let op): try op.gradient(context)
        case .reduce(let reduce): try reduce.gradient(context)
        case .view(let view): try view.gradient(context)
        case .concatenate(let axis): try Concatenate.gradient(axis, context)
        case .rows(let rows): try rows.gradient(context)
        case .matmul: try Matmul.gradient(context)
        case .convolution(let convolution): try convolution.gradient(context)
        case .linearAlgebra(let kind): try kind.gradient(context)
        case .identity(let identity): try identity.gradient(context)
        case .loop, .composite, .part:
            throw context.graph.error(name, "its gradient is taken by the reverse sweep itself")
        }
    }
}

/// Why operand types do not fit an op; becomes a `GraphError` once the place is known.
struct TypeError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }

    static func impossible(_ type: TensorType) -> TypeError {
        TypeError("\(type) has a negative size or more elements than a tensor can have")
    }

    static func check(_ condition: Bool, _ reason: @autoclosure () -> String) throws(TypeError) {
        if !condition { throw TypeError(reason()) }
    }
}

/// What a gradient rule may look at.
public struct GradientContext {
    public let inputs: [Tensor]
    public let outputs: [Tensor]
    /// One per result; nil where the result does not influence what is differentiated.
    public let cotangents: [Tensor?]

    public init(inputs: [Tensor], outputs: [Tensor], cotangents: [Tensor?]) {
        self.inputs = inputs
        self.outputs = outputs
        self.cotangents = cotangents
    }

    public var graph: Graph { outputs[0].graph }
    public var output: Tensor { outputs[0] }

    /// The cotangent of the only result.
    func cotangent() throws(GraphError) -> Tensor {
        guard let only = cotangents[0] else { return try output.zerosLike() }
        return only
    }
}
