/// A permutation of 0..<count chosen by a 64-bit key: the order of a data set in one epoch. The host's statement of
/// `pf_permute` in Kernels/include/random.h: eight rounds of a Feistel network on the smallest power of two that holds
/// `count` (256 at least, as such networks reach the permutations of smaller domains unevenly), repeated until the value
/// lies below `count`.
public struct KeyedPermutation: Sendable {
    public let count: UInt32
    public let key: (UInt32, UInt32)

    public init(count: UInt32, key: (UInt32, UInt32)) {
        self.count = count
        self.key = key
    }

    /// The image of `index`; an index outside 0..<count is its own image.
    public func callAsFunction(_ index: UInt32) -> UInt32 {
        guard index < count, count >= 2 else { return index }
        let bits = Swift.max(8, UInt32.bitWidth - (count - 1).leadingZeroBitCount)
        let lowBits = UInt32(bits / 2)
        let lowMask: UInt32 = (1 << lowBits) - 1
        let highMask: UInt32 = (1 << (UInt32(bits) - lowBits)) - 1
        var value = index
        repeat {
            var low = value & lowMask
            var high = value >> lowBits
            for round in 0..<UInt32(8) {
                // Even rounds change the low half, odd ones the high half.
                if round % 2 == 0 {
                    low = (low ^ mixed(high, round)) & lowMask
                } else {
                    high = (high ^ mixed(low, round)) & highMask
                }
            }
            value = high << lowBits | low
        } while value >= count
        return value
    }

    private func mixed(_ half: UInt32, _ round: UInt32) -> UInt32 {
        var hash = (half &+ key.0 &+ round &* 0x9e37_79b9) &* 0xd251_1f53
        hash = ((hash ^ hash >> 15) &+ key.1 &+ round &* 0xbb67_ae85) &* 0xcd9e_8d57
        hash = (hash ^ hash >> 13) &* 0x9e37_79b1
        return hash ^ hash >> 16
    }
}
