import Graph

/// Numbers in host memory, in device layout: what goes into and comes out of a compiled program.
public struct HostArray: Hashable, Sendable {
    public let type: TensorType
    public private(set) var bytes: [UInt8]

    public var shape: [Int] { type.shape }

    /// Zeros.
    public init(_ type: TensorType) {
        self.type = type
        bytes = [UInt8](repeating: 0, count: type.byteCount)
    }

    /// `bytes` must be exactly as many as the type needs; nil otherwise.
    public init?(_ type: TensorType, bytes: [UInt8]) {
        guard bytes.count == type.byteCount else { return nil }
        self.type = type
        self.bytes = bytes
    }

    /// Numbers rounded to the scalar type; a shape of nil is one axis. Nil when the count does not fit the shape.
    public init?(_ values: [Double], shape: [Int]? = nil, _ scalar: ScalarType = .float32) {
        self.init(
            TensorType(shape ?? [values.count], scalar), bytes: ConstantData(values, scalar).bytes)
    }

    /// float32 numbers; nil when the count does not fit the shape.
    public init?(_ values: [Float], shape: [Int]? = nil) {
        self.init(
            TensorType(shape ?? [values.count], .float32), bytes: values.withUnsafeBytes { [UInt8]($0) })
    }

    public init?(_ values: [UInt32], shape: [Int]? = nil) {
        self.init(TensorType(shape ?? [values.count], .uint32), bytes: values.withUnsafeBytes { [UInt8]($0) })
    }

    public init?(_ values: [Int32], shape: [Int]? = nil) {
        self.init(TensorType(shape ?? [values.count], .int32), bytes: values.withUnsafeBytes { [UInt8]($0) })
    }

    /// The elements, converted to float32.
    public var floats: [Float] {
        switch type.scalar {
        case .float32: load(Float.self)
        default: doubles.map { Float($0) }
        }
    }

    /// The elements, converted to float64.
    public var doubles: [Double] {
        switch type.scalar {
        case .float32: load(Float.self).map { Double($0) }
        case .float64: load(Double.self)
        case .int32: load(Int32.self).map { Double($0) }
        case .uint32: load(UInt32.self).map { Double($0) }
        case .uint8, .bool: bytes.map { Double($0) }
        }
    }

    private func load<T>(_: T.Type) -> [T] {
        bytes.withUnsafeBytes { raw in
            [T](unsafeUninitializedCapacity: type.count) { target, count in
                UnsafeMutableRawBufferPointer(target).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: raw[0..<(type.count * MemoryLayout<T>.stride)]))
                count = type.count
            }
        }
    }

    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes(body)
    }

    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        try bytes.withUnsafeMutableBytes(body)
    }
}
