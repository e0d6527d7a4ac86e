/// The type of one tensor element. A `bool` takes one byte, 0 or 1.
///
/// `float16` and `bfloat16` exist only as storage types of files; they become `float32` when read.
public enum ScalarType: String, Sendable, Hashable, Codable, CaseIterable {
    case float32, float64, int32, uint32, uint8, bool

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float64: 8
        case .float32, .int32, .uint32: 4
        case .uint8, .bool: 1
        }
    }

    public var isFloating: Bool { self == .float32 || self == .float64 }
    public var isInteger: Bool { self == .int32 || self == .uint32 || self == .uint8 }
}

/// The static type of a tensor: how its elements are stored and how many there are along each axis.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
    public var shape: [Int]
    public var scalar: ScalarType

    public init(_ shape: [Int], _ scalar: ScalarType) {
        self.shape = shape
        self.scalar = scalar
    }

    public var rank: Int { shape.count }
    public var count: Int { shape.product }
    public var byteCount: Int { [count, scalar.byteCount].product }

    /// No axis of a tensor is longer: devices count along an axis in 32 bits.
    static let longestAxis = Int(Int32.max)
    private static let mostElements = 1 << 48

    /// Whether a tensor of this shape can be thought of at all: no size is negative or beyond what indices can count.
    var isPossible: Bool {
        shape.allSatisfy { 0 <= $0 && $0 <= TensorType.longestAxis }
            && shape.map { Swift.max($0, 1) }.product <= TensorType.mostElements
    }
    public var description: String { "\(scalar.rawValue)\(shape)" }
}

extension Collection<Int> {
    /// The product of the elements; 1 when there are none, `Int.max` when it does not fit.
    public var product: Int {
        reduce(1) {
            let (product, overflow) = $0.multipliedReportingOverflow(by: $1)
            return overflow ? .max : product
        }
    }
}

extension [Int] {
    /// Strides, in elements, of a contiguous row-major tensor of this shape.
    public var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: count)
        for axis in indices.reversed().dropFirst() { strides[axis] = strides[axis + 1] &* self[axis + 1] }
        return strides
    }
}

/// One element's value as raw bits, so that constants compare and hash by what the device will see.
public struct ScalarLiteral: Hashable, Sendable {
    public let scalar: ScalarType
    /// The element's bytes, little endian, in the low end.
    public let bits: UInt64

    public init(_ value: Double, _ scalar: ScalarType) {
        self.scalar = scalar
        switch scalar {
        case .float32: bits = UInt64(Float(value).bitPattern)
        case .float64: bits = value.bitPattern
        case .int32: bits = UInt64(UInt32(bitPattern: Int32(saturating: value)))
        case .uint32: bits = UInt64(UInt32(saturating: value))
        case .uint8: bits = UInt64(UInt8(saturating: value))
        case .bool: bits = value != 0 ? 1 : 0
        }
    }

    public init(bits: UInt64, _ scalar: ScalarType) {
        self.scalar = scalar
        self.bits = bits
    }

    public var value: Double {
        switch scalar {
        case .float32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .float64: Double(bitPattern: bits)
        case .int32: Double(Int32(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .uint32: Double(UInt32(truncatingIfNeeded: bits))
        case .uint8, .bool: Double(UInt8(truncatingIfNeeded: bits))
        }
    }
}

extension FixedWidthInteger {
    /// Toward zero, clamped to the range; NaN becomes 0. The rule of every float-to-integer cast.
    public init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if value <= Double(Self.min) {
            self = .min
        } else if value >= Double(Self.max) {
            self = .max
        } else {
            self = Self(value)
        }
    }
}
