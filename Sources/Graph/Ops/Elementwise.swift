/// Operations that make element i of the result from element i of the operands.
public enum Elementwise: Hashable, Sendable, CustomStringConvertible {
    case scalar(ScalarOp)
    /// To bool: x != 0. Float to integer: toward zero, saturating, NaN to 0.
    case cast(ScalarType)
    /// uint32 bits to a uniform in (0, 1).
    case uniform(ScalarType)
    /// uint32 bits to a standard normal, by the inverse of its distribution function.
    case normal(ScalarType)

    public var description: String { name }

    var name: String {
        switch self {
        case .scalar(let op): op.rawValue
        case .cast(let scalar): "cast to \(scalar.rawValue)"
        case .uniform: "uniform"
        case .normal: "normal"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        for input in inputs where input.shape != inputs[0].shape {
            throw TypeError("shapes differ: " + inputs.map { "\($0)" }.joined(separator: " and "))
        }
        let shape = inputs[0].shape
        switch self {
        case .scalar(let op):
            let values = op == .select ? Array(inputs.dropFirst()) : inputs
            if op == .select {
                try TypeError.check(inputs[0].scalar == .bool, "the condition must be bool, not \(inputs[0])")
            }
            for value in values {
                try TypeError.check(
                    value.scalar == values[0].scalar,
                    "element types differ: " + values.map { "\($0)" }.joined(separator: " and "))
            }
            try TypeError.check(op.accepts(values[0].scalar), "not defined for \(values[0])")
            return TensorType(shape, op.isComparison ? .bool : values[0].scalar)
        case .cast(let scalar): return TensorType(shape, scalar)
        case .uniform(let scalar), .normal(let scalar):
            try TypeError.check(
                inputs[0].scalar == .uint32 && scalar.isFloating, "makes floats of uint32 bits, not of \(inputs[0])")
            return TensorType(shape, scalar)
        }
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let y = context.output
        switch self {
        case .uniform, .normal: return [nil]
        case .cast(let scalar):
            let x = context.inputs[0]
            guard scalar.isFloating, x.scalar.isFloating else { return [nil] }
            return [try context.cotangent().cast(to: x.scalar)]
        case .scalar(let op):
            guard y.scalar.isFloating else { return context.inputs.map { _ in nil } }
            return try derivatives(of: op, context.inputs, y, try context.cotangent())
        }
    }
}

/// The derivative rules, as graph nodes of the operands `x`, the result `y` and its cotangent `g`.
private func derivatives(
    of op: ScalarOp, _ x: [Tensor], _ y: Tensor, _ g: Tensor
) throws(GraphError) -> [Tensor?] {
    switch op {
    case .negate: return [try -g]
    case .absolute: return [try g * x[0].sign()]
    case .exp: return [try g * y]
    case .log: return [try g / x[0]]
    case .log1p: return [try g / (1 + x[0])]
    case .expm1: return [try g * (y + 1)]
    case .sin: return [try g * cos(x[0])]
    case .cos: return [try -(g * sin(x[0]))]
    case .tanh: return [try g * (1 - y * y)]
    case .sigmoid: return [try g * (y * (1 - y))]
    case .softplus: return [try g * sigmoid(x[0])]
    case .erf: return [try g * (1.1283791670955126 * exp(-(x[0] * x[0])))]
    case .sqrt: return [try g * 0.5 / y]
    case .rsqrt: return [try g * -0.5 * (y / x[0])]
    case .sign, .floor, .ceil, .round, .isFinite, .not, .less, .lessEqual, .equal, .notEqual, .and, .or, .xor,
        .shiftLeft, .shiftRight, .permute:
        return x.map { _ in nil }
    case .add: return [g, g]
    case .subtract: return [g, try -g]
    case .multiply: return [try g * x[1], try g * x[0]]
    case .divide:
        let first = try g / x[1]
        return [first, try -(first * y)]
    case .remainder:
        let quotient = try x[0] / x[1]
        let whole = try select(quotient.less(than: 0), ceil(quotient), floor(quotient))
        return [g, try -(g * whole)]
    case .power:
        // x^0 has slope 0 in x, also at x = 0, where x^-1 must not appear; where x <= 0 the slope in the exponent is
        // taken as 0.
        let one = try x[1].onesLike()
        let zero = try x[0].zerosLike()
        let exponent = try select(x[1].equal(to: zero), one, x[1])
        let positive = try zero.less(than: x[0])
        let safe = try select(positive, x[0], one)
        return [
            try g * (x[1] * pow(x[0], exponent - one)),
            try g * select(positive, y * log(safe), zero),
        ]
    case .minimum, .maximum:
        // Of equal values the first is the result, so the first takes the gradient.
        let second = try op == .minimum ? x[1].less(than: x[0]) : x[0].less(than: x[1])
        let zero = try g.zerosLike()
        return [try select(second, zero, g), try select(second, g, zero)]
    case .select:
        let zero = try g.zerosLike()
        return [nil, try select(x[0], g, zero), try select(x[0], zero, g)]
    case .fusedMultiplyAdd: return [try g * x[1], try g * x[0], g]
    }
}
