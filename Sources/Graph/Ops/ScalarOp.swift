#if canImport(Glibc)
    import Glibc
#endif

/// A scalar operation that every device implements; the mathematics is in Kernels/include/scalar.h and random.h.
public enum ScalarOp: String, Hashable, Sendable, CaseIterable {
    case negate, absolute, sign
    case exp, log, log1p, expm1, sin, cos, tanh, sigmoid, softplus, erf, sqrt, rsqrt
    case floor, ceil, round, isFinite, not
    case add, subtract, multiply, divide, remainder, power, minimum, maximum
    case less, lessEqual, equal, notEqual, and, or, xor, shiftLeft, shiftRight
    case select, fusedMultiplyAdd
    /// (i, n, key0, key1): the image of i under a keyed permutation of 0..<n.
    case permute

    public var arity: Int {
        switch self {
        case .negate, .absolute, .sign, .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .sqrt,
            .rsqrt, .floor, .ceil, .round, .isFinite, .not:
            1
        case .add, .subtract, .multiply, .divide, .remainder, .power, .minimum, .maximum, .less, .lessEqual, .equal,
            .notEqual, .and, .or, .xor, .shiftLeft, .shiftRight:
            2
        case .select, .fusedMultiplyAdd: 3
        case .permute: 4
        }
    }

    /// Which element types the operation takes.
    func accepts(_ scalar: ScalarType) -> Bool {
        switch self {
        case .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .sqrt, .rsqrt, .floor, .ceil,
            .round, .isFinite, .power, .fusedMultiplyAdd:
            scalar.isFloating
        case .sign: scalar.isFloating || scalar == .int32
        case .negate, .absolute, .add, .subtract, .multiply, .divide, .remainder, .minimum, .maximum: scalar != .bool
        case .not, .and, .or, .xor: !scalar.isFloating
        case .shiftLeft, .shiftRight: scalar == .int32 || scalar == .uint32
        case .permute: scalar == .uint32
        case .less, .lessEqual, .equal, .notEqual, .select: true
        }
    }

    public var isComparison: Bool {
        switch self {
        case .less, .lessEqual, .equal, .notEqual, .isFinite: true
        case .negate, .absolute, .sign, .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .sqrt,
            .rsqrt, .floor, .ceil, .round, .not, .add, .subtract, .multiply, .divide, .remainder, .power, .minimum,
            .maximum, .and, .or, .xor, .shiftLeft, .shiftRight, .select, .fusedMultiplyAdd, .permute:
            false
        }
    }

    /// The value for operands of type `scalar` (the condition of a select is a bool): for floats in float64 by the C
    /// library, so for the oracle and never for device bits; for integers and bools exact.
    public func evaluate(_ x: [Double], as scalar: ScalarType) -> Double {
        if !scalar.isFloating, let exact = evaluateInteger(x, scalar) { return exact }
        switch self {
        case .negate: return -x[0]
        case .absolute: return Swift.abs(x[0])
        case .sign: return x[0] > 0 ? 1 : (x[0] < 0 ? -1 : x[0])
        case .exp: return Glibc.exp(x[0])
        case .log: return Glibc.log(x[0])
        case .log1p: return Glibc.log1p(x[0])
        case .expm1: return Glibc.expm1(x[0])
        case .sin: return Glibc.sin(x[0])
        case .cos: return Glibc.cos(x[0])
        case .tanh: return Glibc.tanh(x[0])
        case .sigmoid: return x[0] >= 0 ? 1 / (1 + Glibc.exp(-x[0])) : Glibc.exp(x[0]) / (1 + Glibc.exp(x[0]))
        case .softplus: return x[0].isNaN ? x[0] : Swift.max(x[0], 0) + Glibc.log1p(Glibc.exp(-Swift.abs(x[0])))
        case .erf: return Glibc.erf(x[0])
        case .sqrt: return x[0].squareRoot()
        case .rsqrt: return 1 / x[0].squareRoot()
        case .floor: return x[0].rounded(.down)
        case .ceil: return x[0].rounded(.up)
        case .round: return x[0].rounded(.toNearestOrEven)
        case .isFinite: return x[0].isFinite ? 1 : 0
        case .add: return x[0] + x[1]
        case .subtract: return x[0] - x[1]
        case .multiply: return x[0] * x[1]
        case .divide: return x[0] / x[1]
        case .remainder: return Glibc.fmod(x[0], x[1])
        case .power: return Glibc.pow(x[0], x[1])
        case .minimum: return x[0].isNaN || x[1].isNaN ? .nan : (x[1] < x[0] ? x[1] : x[0])
        case .maximum: return x[0].isNaN || x[1].isNaN ? .nan : (x[1] > x[0] ? x[1] : x[0])
        case .less: return x[0] < x[1] ? 1 : 0
        case .lessEqual: return x[0] <= x[1] ? 1 : 0
        case .equal: return x[0] == x[1] ? 1 : 0
        case .notEqual: return x[0] != x[1] ? 1 : 0
        case .select: return x[0] != 0 ? x[1] : x[2]
        case .fusedMultiplyAdd: return Glibc.fma(x[0], x[1], x[2])
        case .permute: return Double(permuted(x.map { UInt32(saturating: $0) }))
        case .not, .and, .or, .xor, .shiftLeft, .shiftRight: return .nan  // not defined for floats
        }
    }

    /// Arithmetic and bits of integers, which wrap; nil for what is the same as for floats.
    private func evaluateInteger(_ x: [Double], _ scalar: ScalarType) -> Double? {
        guard let a = Int64(exactly: x[0]), let b = Int64(exactly: x[x.count - 1]) else { return nil }
        let result: Int64
        switch self {
        case .negate: result = -a
        case .absolute: result = Swift.abs(a)
        case .add: result = a + b
        case .subtract: result = a - b
        case .multiply: result = a &* b
        case .divide: result = b == 0 ? 0 : a / b
        case .remainder: result = b == 0 ? 0 : a % b
        case .not: result = scalar == .bool ? 1 - a : ~a
        case .and: result = a & b
        case .or: result = a | b
        case .xor: result = a ^ b
        case .shiftLeft: result = a << (b & 31)
        case .shiftRight: result = a >> (b & 31)
        case .sign, .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .sqrt, .rsqrt, .floor,
            .ceil,
            .round, .isFinite, .power, .minimum, .maximum, .less, .lessEqual, .equal, .notEqual, .select,
            .fusedMultiplyAdd, .permute:
            return nil
        }
        switch scalar {
        case .int32: return Double(Int32(truncatingIfNeeded: result))
        case .uint32: return Double(UInt32(truncatingIfNeeded: result))
        case .uint8, .bool: return Double(UInt8(truncatingIfNeeded: result))
        case .float32, .float64: return nil
        }
    }
}

/// The keyed permutation of random.h, restated: this is the definition that the tests hold the kernels to.
private func permuted(_ x: [UInt32]) -> UInt32 { KeyedPermutation(count: x[1], key: (x[2], x[3]))(x[0]) }
