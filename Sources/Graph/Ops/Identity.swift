/// A value passed on unchanged, with another gradient.
public enum Identity: Hashable, Sendable {
    /// No gradient flows.
    case stopGradient
    /// The first operand's value with the second's gradient.
    case surrogate

    var name: String {
        switch self {
        case .stopGradient: "stopGradient"
        case .surrogate: "surrogate"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        for input in inputs where input != inputs[0] {
            throw TypeError("types differ: \(inputs[0]) and \(input)")
        }
        return inputs[0]
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        switch self {
        case .stopGradient: [nil]
        case .surrogate: [nil, try context.cotangent()]
        }
    }
}

/// `x`, taken as a constant by differentiation.
public func stopGradient(_ x: Tensor) throws(GraphError) -> Tensor {
    try x.graph.apply(.identity(.stopGradient), [x])
}

/// The value of `value` with the gradient of `gradient`: straight-through estimators, for one.
public func surrogate(value: Tensor, gradient: Tensor) throws(GraphError) -> Tensor {
    try innermost(value, gradient).apply(.identity(.surrogate), [value, gradient])
}
