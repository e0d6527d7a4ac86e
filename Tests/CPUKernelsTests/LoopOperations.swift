// What every operation of pf_loop.h means for one element, from the scalar functions; nil where it is not defined.
import CPUKernels
import Kernels

func evaluate(_ op: pf_op, _ type: pf_type, _ to: pf_type, _ x: [Bits]) -> Bits? {
    switch op {
    case PF_OP_COPY: return x[0]
    case PF_OP_SELECT: return x[0] != 0 ? x[1] : x[2]
    case PF_OP_CAST: return cast(x[0], type, to)
    case PF_OP_UNIFORM, PF_OP_NORMAL:
        let word = UInt32(x[0])
        if to == PF_F32 { return bits(op == PF_OP_UNIFORM ? pf_uniform(word) : pf_normal(word)) }
        return to == PF_F64 ? (op == PF_OP_UNIFORM ? pf_uniform_f64(word) : pf_normal_f64(word)).bitPattern : nil
    case PF_OP_PERMUTE:
        return type == PF_U32 ? Bits(pf_permute(UInt32(x[0]), UInt32(x[1]), UInt32(x[2]), UInt32(x[3]))) : nil
    default: break
    }
    switch type {
    case PF_F32: return single(op, x.map(f32))
    case PF_F64: return double(op, x.map { Double(bitPattern: $0) })
    case PF_I32: return integer(op, x.map { Int32(truncatingIfNeeded: $0) }) { UInt32(bitPattern: $0) }
    case PF_U32: return integer(op, x.map { UInt32(truncatingIfNeeded: $0) }) { $0 }
    case PF_U8: return integer(op, x.map { UInt8(truncatingIfNeeded: $0) }) { UInt32($0) }
    default: return logical(op, x.map { $0 != 0 })
    }
}

func operandCount(_ op: pf_op) -> Int {
    op.rawValue <= PF_OP_COPY.rawValue ? 1 : op.rawValue <= PF_OP_SHIFT_RIGHT.rawValue ? 2 : op == PF_OP_PERMUTE ? 4 : 3
}

func operandType(_ op: pf_op, _ type: pf_type, _ operand: Int) -> pf_type {
    if op == PF_OP_UNIFORM || op == PF_OP_NORMAL { return PF_U32 }
    return op == PF_OP_SELECT && operand == 0 ? PF_BOOL : type
}

func resultType(_ op: pf_op, _ type: pf_type, _ to: pf_type) -> pf_type {
    switch op {
    case PF_OP_UNIFORM, PF_OP_NORMAL, PF_OP_CAST: return to
    case PF_OP_IS_FINITE, PF_OP_LESS, PF_OP_LESS_EQUAL, PF_OP_EQUAL, PF_OP_NOT_EQUAL: return PF_BOOL
    default: return type
    }
}

private func single(_ op: pf_op, _ x: [Float]) -> Bits? {
    let a = x[0]
    switch op {
    case PF_OP_NEG: return bits(-a)
    case PF_OP_ABS: return bits(abs(a))
    case PF_OP_SIGN: return bits(pf_sign(a))
    case PF_OP_EXP: return bits(pf_exp(a))
    case PF_OP_LOG: return bits(pf_log(a))
    case PF_OP_LOG1P: return bits(pf_log1p(a))
    case PF_OP_EXPM1: return bits(pf_expm1(a))
    case PF_OP_SIN: return bits(pf_sin(a))
    case PF_OP_COS: return bits(pf_cos(a))
    case PF_OP_TANH: return bits(pf_tanh(a))
    case PF_OP_SIGMOID: return bits(pf_sigmoid(a))
    case PF_OP_SOFTPLUS: return bits(pf_softplus(a))
    case PF_OP_ERF: return bits(pf_erf(a))
    case PF_OP_SQRT: return bits(a.squareRoot())
    case PF_OP_RSQRT: return bits(1 / a.squareRoot())
    case PF_OP_FLOOR: return bits(a.rounded(.down))
    case PF_OP_CEIL: return bits(a.rounded(.up))
    case PF_OP_ROUND: return bits(a.rounded(.toNearestOrEven))
    case PF_OP_IS_FINITE: return a.isFinite ? 1 : 0
    case PF_OP_ADD: return bits(a + x[1])
    case PF_OP_SUB: return bits(a - x[1])
    case PF_OP_MUL: return bits(a * x[1])
    case PF_OP_DIV: return bits(a / x[1])
    case PF_OP_REM: return bits(a.truncatingRemainder(dividingBy: x[1]))
    case PF_OP_POW: return bits(pf_pow(a, x[1]))
    case PF_OP_MIN: return bits(a.isNaN || a <= x[1] ? a : x[1])
    case PF_OP_MAX: return bits(a.isNaN || a >= x[1] ? a : x[1])
    case PF_OP_MASK: return bits(x[1] > 0 ? a : 0)
    case PF_OP_FMA: return bits(x[2].addingProduct(a, x[1]))
    default: return comparison(op, x)
    }
}

private func double(_ op: pf_op, _ x: [Double]) -> Bits? {
    let a = x[0]
    let value: Double
    switch op {
    case PF_OP_NEG: value = -a
    case PF_OP_ABS: value = abs(a)
    case PF_OP_SIGN: value = pf_sign_f64(a)
    case PF_OP_EXP: value = pf_exp_f64(a)
    case PF_OP_LOG: value = pf_log_f64(a)
    case PF_OP_LOG1P: value = pf_log1p_f64(a)
    case PF_OP_EXPM1: value = pf_expm1_f64(a)
    case PF_OP_SIN: value = pf_sin_f64(a)
    case PF_OP_COS: value = pf_cos_f64(a)
    case PF_OP_TANH: value = pf_tanh_f64(a)
    case PF_OP_SIGMOID: value = pf_sigmoid_f64(a)
    case PF_OP_SOFTPLUS: value = pf_softplus_f64(a)
    case PF_OP_ERF: value = pf_erf_f64(a)
    case PF_OP_SQRT: value = a.squareRoot()
    case PF_OP_RSQRT: value = 1 / a.squareRoot()
    case PF_OP_FLOOR: value = a.rounded(.down)
    case PF_OP_CEIL: value = a.rounded(.up)
    case PF_OP_ROUND: value = a.rounded(.toNearestOrEven)
    case PF_OP_IS_FINITE: return a.isFinite ? 1 : 0
    case PF_OP_ADD: value = a + x[1]
    case PF_OP_SUB: value = a - x[1]
    case PF_OP_MUL: value = a * x[1]
    case PF_OP_DIV: value = a / x[1]
    case PF_OP_REM: value = a.truncatingRemainder(dividingBy: x[1])
    case PF_OP_POW: value = pf_pow_f64(a, x[1])
    case PF_OP_MIN: value = a.isNaN || a <= x[1] ? a : x[1]
    case PF_OP_MAX: value = a.isNaN || a >= x[1] ? a : x[1]
    case PF_OP_MASK: value = x[1] > 0 ? a : 0
    case PF_OP_FMA: value = x[2].addingProduct(a, x[1])
    default: return comparison(op, x)
    }
    return value.bitPattern
}

private func comparison<T: Comparable>(_ op: pf_op, _ x: [T]) -> Bits? {
    switch op {
    case PF_OP_LESS: return x[0] < x[1] ? 1 : 0
    case PF_OP_LESS_EQUAL: return x[0] <= x[1] ? 1 : 0
    case PF_OP_EQUAL: return x[0] == x[1] ? 1 : 0
    case PF_OP_NOT_EQUAL: return x[0] != x[1] ? 1 : 0
    default: return nil
    }
}

private func integer<T: FixedWidthInteger>(_ op: pf_op, _ x: [T], _ encode: (T) -> UInt32) -> Bits? {
    let a = x[0]
    let value: T
    switch op {
    case PF_OP_NEG: value = 0 &- a
    case PF_OP_ABS: value = a < 0 ? 0 &- a : a
    case PF_OP_SIGN:
        guard T.isSigned else { return nil }
        value = a.signum()
    case PF_OP_NOT: value = ~a
    case PF_OP_ADD: value = a &+ x[1]
    case PF_OP_SUB: value = a &- x[1]
    case PF_OP_MUL: value = a &* x[1]
    case PF_OP_DIV: value = x[1] == 0 ? 0 : a.dividedReportingOverflow(by: x[1]).partialValue
    case PF_OP_REM: value = x[1] == 0 ? 0 : a.remainderReportingOverflow(dividingBy: x[1]).partialValue
    case PF_OP_MIN: value = min(a, x[1])
    case PF_OP_MAX: value = max(a, x[1])
    case PF_OP_AND: value = a & x[1]
    case PF_OP_OR: value = a | x[1]
    case PF_OP_XOR: value = a ^ x[1]
    case PF_OP_SHIFT_LEFT, PF_OP_SHIFT_RIGHT:
        guard T.bitWidth == 32 else { return nil }
        value = op == PF_OP_SHIFT_LEFT ? a << (x[1] & 31) : a >> (x[1] & 31)
    default: return comparison(op, x)
    }
    return Bits(encode(value))
}

private func logical(_ op: pf_op, _ x: [Bool]) -> Bits? {
    switch op {
    case PF_OP_NOT: return x[0] ? 0 : 1
    case PF_OP_AND: return x[0] && x[1] ? 1 : 0
    case PF_OP_OR: return x[0] || x[1] ? 1 : 0
    case PF_OP_XOR: return x[0] != x[1] ? 1 : 0
    default: return comparison(op, x.map { $0 ? 1 : 0 })
    }
}

private func cast(_ x: Bits, _ from: pf_type, _ to: pf_type) -> Bits {
    if isFloat(from) {
        let value = from == PF_F32 ? Double(f32(x)) : Double(bitPattern: x)
        let whole = value.isNaN ? 0 : Int64(max(-1e18, min(1e18, value)).rounded(.towardZero))
        switch to {
        case PF_F32: return bits(Float(value))
        case PF_F64: return value.bitPattern
        case PF_I32: return Bits(UInt32(bitPattern: Int32(clamping: whole)))
        case PF_U32: return Bits(UInt32(clamping: whole))
        case PF_U8: return Bits(UInt8(clamping: whole))
        default: return value != 0 ? 1 : 0
        }
    }
    let value = from == PF_I32 ? Int64(Int32(truncatingIfNeeded: x)) : Int64(x)
    switch to {
    case PF_F32: return bits(Float(value))
    case PF_F64: return Double(value).bitPattern
    case PF_I32, PF_U32: return Bits(UInt32(truncatingIfNeeded: value))
    case PF_U8: return Bits(UInt8(truncatingIfNeeded: value))
    default: return value != 0 ? 1 : 0
    }
}
