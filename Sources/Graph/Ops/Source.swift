/// Where values come from.
public enum Source: Hashable, Sendable {
    /// Every element the same.
    case constant(ScalarLiteral)
    case data(ConstantData)
    /// int32 coordinates along an axis.
    case iota(axis: Int)
    /// The host's argument of this number.
    case input(Int)
    /// What the state of this number held before the run.
    case state(Int)
    /// uint32 bits from Philox 4x32-10. Inputs: sample indices uint32 [rows], step uint32 [], seed uint32 [2].
    /// Element e of row r has the counter (e >> 2, sample[r], step, stream), lane e & 3, key seed.
    case randomBits(stream: UInt32)

    var name: String {
        switch self {
        case .constant: "constant"
        case .data: "constant data"
        case .iota: "iota"
        case .input: "input"
        case .state: "state"
        case .randomBits: "randomBits"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        throw TypeError("made by functions of Graph that know its type")
    }
}

/// Numbers that are part of a graph, as bytes in device layout; compared by content.
public struct ConstantData: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(_ values: [Double], _ scalar: ScalarType) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * scalar.byteCount)
        for value in values {
            let bits = ScalarLiteral(value, scalar).bits
            for byte in 0..<scalar.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt64(byte)))) }
        }
        self.bytes = bytes
    }

    public func literal(_ index: Int, _ scalar: ScalarType) -> ScalarLiteral {
        var bits: UInt64 = 0
        for byte in 0..<scalar.byteCount {
            bits |= UInt64(bytes[index * scalar.byteCount + byte]) << (8 * UInt64(byte))
        }
        return ScalarLiteral(bits: bits, scalar)
    }
}

extension Graph {
    /// int32 coordinates 0, 1, ... along `axis`.
    public func iota(_ shape: [Int], axis: Int) throws(GraphError) -> Tensor {
        guard shape.indices.contains(axis) else { throw error("iota", "axis \(axis) does not exist in \(shape)") }
        return append(.source(.iota(axis: axis)), [], [try possible(TensorType(shape, .int32), "iota")])
    }

    /// Random bits of shape [rows, ...]: see `Source.randomBits` for the counter's format.
    public func randomBits(
        _ shape: [Int], stream: UInt32, sample: Tensor, step: Tensor, seed: Tensor
    ) throws(GraphError) -> Tensor {
        guard let rows = shape.first, sample.type == TensorType([rows], .uint32),
            step.type == TensorType([], .uint32), seed.type == TensorType([2], .uint32)
        else {
            throw error(
                "randomBits",
                "shape \(shape) needs sample indices uint32[rows], a step uint32[] and a seed uint32[2], not "
                    + "\(sample.type), \(step.type), \(seed.type)")
        }
        let type = try possible(TensorType(shape, .uint32), "randomBits")
        // The counter has 32 bits for the element of a row.
        guard shape.dropFirst().reduce(1, *) <= Int(UInt32.max) else {
            throw error("randomBits", "rows of \(type) have more than 2^32 elements")
        }
        let operands = [try visible(sample).id, try visible(step).id, try visible(seed).id]
        return append(.source(.randomBits(stream: stream)), operands, [type])
    }
}
