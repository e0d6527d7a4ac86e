import Graph

extension Elementwise {
    func evaluate(_ x: [Value], _ type: TensorType) -> Value {
        var operands = [Double](repeating: 0, count: x.count)
        let scalar = x[x.count - 1].type.scalar
        return Value(
            type,
            (0..<type.count).map { position in
                for which in x.indices { operands[which] = x[which].elements[position] }
                switch self {
                case .scalar(let op): return op.evaluate(operands, as: scalar)
                case .cast(let target): return converted(operands[0], from: scalar, to: target)
                case .uniform: return uniformValue(UInt32(operands[0]))
                case .normal: return normalValue(UInt32(operands[0]))
                }
            })
    }
}

/// Floats to integers toward zero, saturating, NaN to 0; integers to integers by their low bits; to bool: not 0.
private func converted(_ value: Double, from source: ScalarType, to target: ScalarType) -> Double {
    if source == .float64 && target == .float32 { return Double(Float(value)) }
    if target.isFloating { return value }
    if target == .bool || source.isFloating { return ScalarLiteral(value, target).value }
    let integer = Int64(value)
    switch target {
    case .int32: return Double(Int32(truncatingIfNeeded: integer))
    case .uint32: return Double(UInt32(truncatingIfNeeded: integer))
    case .uint8: return Double(UInt8(truncatingIfNeeded: integer))
    case .float32, .float64, .bool: return value
    }
}
