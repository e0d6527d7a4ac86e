/// Which numbers a sample's input holds. Domains keep away from points where an op has no derivative.
public enum SampleDomain: Sendable {
    case uniform(ClosedRange<Double>)
    /// Distinct numbers, evenly spread, in random order: no two are close.
    case apart(ClosedRange<Double>)
    /// Magnitudes of the range with random signs: none is close to 0.
    case signed(ClosedRange<Double>)
    /// Random integers of -3...3 plus a fraction of the range.
    case fraction(ClosedRange<Double>)
    case integers(ClosedRange<Int>)
    /// Any 32 bits.
    case bits
    case bools
    /// These, again and again.
    case values([Double])

    /// Numbers at which an implementation is most likely wrong.
    public static let edges = SampleDomain.values(edgeValues)
    static let edgeValues: [Double] = [
        0, -0.0, 1, -1, 0.5, -2, 3, 1e-40, -1e-40, 1.17549435e-38, 1e-10, 1e30, -1e30, 3.4028234e38, -3.4028234e38,
        88.7, -87.4,
        -103, 1.9999999, 255.5, .infinity, -.infinity, .nan,
    ]
    /// The ends and the middle of each integer type.
    static func edges(_ scalar: ScalarType) -> SampleDomain {
        switch scalar {
        case .float32, .float64: edges
        case .int32: .values([0, 1, -1, 2, 7, -7, 31, 33, 65_536, 46_341, -2_147_483_648, 2_147_483_647])
        case .uint32: .values([0, 1, 2, 7, 31, 33, 65_536, 2_147_483_648, 4_294_967_295])
        case .uint8: .values([0, 1, 2, 7, 127, 128, 200, 255])
        case .bool: .values([0, 1])
        }
    }

    func values(_ count: Int, _ generator: inout SampleGenerator) -> [Double] {
        switch self {
        case .uniform(let range): return (0..<count).map { _ in Double.random(in: range, using: &generator) }
        case .apart(let range):
            let places = Array(0..<count).shuffled(using: &generator)
            let width = range.upperBound - range.lowerBound
            return places.map { range.lowerBound + width * (Double($0) + 0.5) / Double(count) }
        case .signed(let range):
            return (0..<count).map { _ in
                let magnitude = Double.random(in: range, using: &generator)
                return Bool.random(using: &generator) ? magnitude : -magnitude
            }
        case .fraction(let range):
            return (0..<count).map { _ in
                Double(Int.random(in: -3...3, using: &generator)) + Double.random(in: range, using: &generator)
            }
        case .integers(let range): return (0..<count).map { _ in Double(Int.random(in: range, using: &generator)) }
        case .bits: return (0..<count).map { _ in Double(UInt32.random(in: 0...(.max), using: &generator)) }
        case .bools: return (0..<count).map { _ in Bool.random(using: &generator) ? 1 : 0 }
        case .values(let values): return (0..<count).map { values[$0 % values.count] }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014), seeded by a text.
public struct SampleGenerator: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: String) {
        state = seed.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
