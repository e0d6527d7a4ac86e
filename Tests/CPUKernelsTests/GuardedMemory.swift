import CPUKernels
import Testing

/// Memory for the output of a kernel between two fields of sentinels, which tell whether it wrote outside.
final class GuardedMemory<Element> {
    private static var margin: Int { 256 }
    private static var sentinel: UInt8 { 0xA5 }
    private let bytes: UnsafeMutableRawBufferPointer
    let count: Int

    /// `count` elements, all bytes sentinels, so that an element never written shows too.
    init(_ type: Element.Type = Element.self, count: Int) {
        self.count = count
        bytes = .allocate(byteCount: count * MemoryLayout<Element>.stride + 2 * Self.margin, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: Self.sentinel)
    }

    convenience init(_ values: [Element]) {
        self.init(count: values.count)
        for (i, value) in values.enumerated() { base[i] = value }
    }

    deinit { bytes.deallocate() }

    var base: UnsafeMutablePointer<Element> {
        (bytes.baseAddress! + Self.margin).assumingMemoryBound(to: Element.self)
    }

    var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }

    /// The bytes between the sentinels: equal NaNs are equal here.
    var contents: [UInt8] { Array(bytes[Self.margin..<bytes.count - Self.margin]) }

    var isIntact: Bool {
        bytes.prefix(Self.margin).allSatisfy { $0 == Self.sentinel }
            && bytes.suffix(Self.margin).allSatisfy { $0 == Self.sentinel }
    }
}

/// Runs steps on a fresh pool.
func run(_ steps: [pf_step], threads: Int32) throws {
    let pool = try #require(pf_pool_create(threads))
    defer { pf_pool_destroy(pool) }
    steps.withUnsafeBufferPointer { pf_pool_run(pool, $0.baseAddress, Int64($0.count)) }
}

/// A small generator with a fixed sequence, so that a failure can be repeated.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
