import Compiler
import Graph

// The scalar operations of fused loops as OpenCL C expressions. Operands are names or literals, never expressions.

extension LoopInstruction {
    func text(_ x: [String]) -> String {
        switch op {
        case .scalar(let op): op.text(x, operandType)
        case .cast(let scalar): castText(x[0], from: operandType, to: scalar)
        case .uniform: "pf_uniform(\(x[0]))"
        case .normal: "pf_normal(\(x[0]))"
        }
    }
}

extension ScalarOp {
    fileprivate func text(_ x: [String], _ scalar: ScalarType) -> String {
        switch self {
        case .negate: scalar.isFloating ? "-\(x[0])" : wrappingText("-", "0", x[0], scalar)
        case .absolute:
            switch scalar {
            case .float32, .float64: "pf_abs(\(x[0]))"
            case .int32: "(int)(\(x[0]) < 0 ? 0u - (uint)\(x[0]) : (uint)\(x[0]))"
            case .uint32, .uint8, .bool: x[0]
            }
        case .sign: scalar.isFloating ? "pf_sign(\(x[0]))" : "(\(x[0]) > 0) - (\(x[0]) < 0)"
        case .exp: "pf_exp(\(x[0]))"
        case .log: "pf_log(\(x[0]))"
        case .log1p: "pf_log1p(\(x[0]))"
        case .expm1: "pf_expm1(\(x[0]))"
        case .sin: "pf_sin(\(x[0]))"
        case .cos: "pf_cos(\(x[0]))"
        case .tanh: "pf_tanh(\(x[0]))"
        case .sigmoid: "pf_sigmoid(\(x[0]))"
        case .softplus: "pf_softplus(\(x[0]))"
        case .erf: "pf_erf(\(x[0]))"
        case .sqrt: "pf_sqrt(\(x[0]))"
        case .rsqrt: "pf_rsqrt(\(x[0]))"
        case .floor: "pf_floor(\(x[0]))"
        case .ceil: "pf_ceil(\(x[0]))"
        case .round: "pf_round(\(x[0]))"
        case .isFinite: "pf_is_finite(\(x[0]))"
        case .not: scalar == .bool ? "\(x[0]) ^ 1" : "(\(scalar.clType))~\(x[0])"
        case .add: scalar.isFloating ? "\(x[0]) + \(x[1])" : wrappingText("+", x[0], x[1], scalar)
        case .subtract: scalar.isFloating ? "\(x[0]) - \(x[1])" : wrappingText("-", x[0], x[1], scalar)
        case .multiply: scalar.isFloating ? "\(x[0]) * \(x[1])" : wrappingText("*", x[0], x[1], scalar)
        case .divide: scalar.isFloating ? "\(x[0]) / \(x[1])" : "pf_div_\(scalar.word)(\(x[0]), \(x[1]))"
        case .remainder: scalar.isFloating ? "pf_fmod(\(x[0]), \(x[1]))" : "pf_rem_\(scalar.word)(\(x[0]), \(x[1]))"
        case .power: "pf_pow(\(x[0]), \(x[1]))"
        case .minimum: scalar.isFloating ? "pf_min(\(x[0]), \(x[1]))" : "\(x[0]) <= \(x[1]) ? \(x[0]) : \(x[1])"
        case .maximum: scalar.isFloating ? "pf_max(\(x[0]), \(x[1]))" : "\(x[0]) >= \(x[1]) ? \(x[0]) : \(x[1])"
        case .less: "\(x[0]) < \(x[1])"
        case .lessEqual: "\(x[0]) <= \(x[1])"
        case .equal: "\(x[0]) == \(x[1])"
        case .notEqual: "\(x[0]) != \(x[1])"
        case .and: "\(x[0]) & \(x[1])"
        case .or: "\(x[0]) | \(x[1])"
        case .xor: "\(x[0]) ^ \(x[1])"
        case .shiftLeft: "pf_shift_left_\(scalar.word)(\(x[0]), \(x[1]))"
        case .shiftRight: "pf_shift_right_\(scalar.word)(\(x[0]), \(x[1]))"
        case .select: "\(x[0]) ? \(x[1]) : \(x[2])"
        case .fusedMultiplyAdd: "pf_fma(\(x[0]), \(x[1]), \(x[2]))"
        case .permute: "pf_permute(\(x[0]), \(x[1]), \(x[2]), \(x[3]))"
        }
    }
}

/// Integers wrap, so they are computed as unsigned ones.
private func wrappingText(_ sign: String, _ a: String, _ b: String, _ scalar: ScalarType) -> String {
    "(\(scalar.clType))((uint)\(a) \(sign) (uint)\(b))"
}

/// From float: toward zero, saturating. To bool: x != 0. Integers keep their low bits.
private func castText(_ x: String, from: ScalarType, to: ScalarType) -> String {
    if to == .bool { return "\(x) != 0" }
    if from == .float32, to.isInteger { return "pf_f32_to_\(to == .uint8 ? "u8" : to.word)(\(x))" }
    return "(\(to.clType))\(x)"
}

extension ScalarType {
    /// In names of scalar.h: that of the 32-bit integer that arithmetic is done in.
    fileprivate var word: String { self == .int32 ? "i32" : "u32" }
}

extension ScalarLiteral {
    var text: String {
        switch scalar {
        case .float32, .float64: "as_float(0x\(String(bits & 0xffff_ffff, radix: 16))u)"
        case .int32: "as_int(0x\(String(bits & 0xffff_ffff, radix: 16))u)"
        case .uint32: "\(bits & 0xffff_ffff)u"
        case .uint8, .bool: "(uchar)\(bits & 0xff)"
        }
    }
}

extension FusedLoop.Reduction {
    /// The type of lanes: sums of integers wrap, so they are unsigned.
    var lane: ScalarType { kind == .sum && scalar == .int32 ? .uint32 : scalar }

    // A lane is named by the variable, or element of an array, that holds it; of a compensated sum a second holds the
    // compensation.
    private var hasRest: Bool { kind == .compensatedSum }
    private func rest(_ lane: String) -> String {
        let end = lane.firstIndex(of: "[") ?? lane.endIndex
        return lane[..<end] + "_rest" + lane[end...]
    }
    /// All that holds a lane.
    func parts(_ lane: String) -> [String] { hasRest ? [lane, rest(lane)] : [lane] }

    /// Declares lanes, or arrays of them.
    func declaration(_ lanes: String..., type: String? = nil) -> String {
        "\(type ?? lane.clType) \(lanes.flatMap(parts).joined(separator: ", "));"
    }
    /// A lane that has taken one value at most.
    func setting(_ lane: String, _ value: String) -> String {
        "\(lane) = \(value);" + (hasRest ? " \(rest(lane)) = 0.0f;" : "")
    }
    func copying(_ lane: String, _ from: String) -> String {
        zip(parts(lane), parts(from)).map { "\($0) = \($1);" }.joined(separator: " ")
    }

    /// One step of the order in pf_loop.h, of scalars or vectors: a lane takes a value.
    func taking(_ a: String, _ value: String, type: String? = nil) -> String {
        let nan = scalar.isFloating ? " | (\(a) != \(a))" : ""
        switch kind {
        case .sum: return "\(a) = \(a) + \(value);"
        case .max: return "\(a) = ((\(a) > \(value))\(nan)) ? \(a) : \(value);"
        case .min: return "\(a) = ((\(a) < \(value))\(nan)) ? \(a) : \(value);"
        case .compensatedSum: return "PF_TAKE(\(type ?? lane.clType), \(a), \(rest(a)), \(value));"
        }
    }

    /// Likewise: a lane takes another.
    func joining(_ a: String, _ b: String, type: String? = nil) -> String {
        guard hasRest else { return taking(a, b) }
        return "PF_JOIN(\(type ?? lane.clType), \(a), \(rest(a)), \(b), \(rest(b)));"
    }

    /// Writes a block's result from its last lane: to `place` in row `block` of rows of `width` results.
    func storing(_ lane: String, to results: String, _ block: String, width: Int = 1, place: String = "0") -> String {
        func put(_ row: String, _ value: String) -> String {
            let index = width == 1 ? row : "(\(row)) * \(width) + \(place)"
            return "\(results)[\(index)] = \(self.lane.memoryValue(value));"
        }
        guard hasRest else { return put(block, lane) }
        guard leavesPairs else { return put(block, "pf_total(\(lane), \(rest(lane)))") }
        return "{ \(put("2 * (\(block))", lane)) \(put("2 * (\(block)) + 1", "pf_rest(\(lane), \(rest(lane)))")) }"
    }

    /// What a lane without elements holds.
    var identity: ScalarLiteral {
        switch kind {
        case .sum, .compensatedSum: ScalarLiteral(0, lane)
        case .max: ScalarLiteral(-Double.infinity, lane)
        case .min: ScalarLiteral(Double.infinity, lane)
        }
    }

    /// What a lane holds before its first element, which it leaves as it is: for sums of floats -0.
    var neutral: ScalarLiteral {
        switch kind {
        case .sum, .compensatedSum: scalar.isFloating ? ScalarLiteral(-0.0, lane) : identity
        case .max, .min: identity
        }
    }
}
