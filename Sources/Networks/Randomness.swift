import Graph

/// What the random numbers of a trace are a function of, besides the place in the model that draws them.
///
/// Element e of row r of a draw comes from Philox 4x32-10 with key `seed`, counter (e >> 2, sample[r], step, stream)
/// and lane e & 3.
public struct Randomness {
    /// uint32 [2]: the low and the high half of the seed.
    public var seed: Tensor
    /// uint32 []: the training step, or whatever tells repeated draws apart.
    public var step: Tensor
    /// uint32 [rows]: the index of each row's data or sample.
    public var sample: Tensor

    public init(seed: Tensor, step: Tensor, sample: Tensor) {
        self.seed = seed
        self.step = step
        self.sample = sample
    }

    /// With the seed as a constant of the graph.
    public init(seed: UInt64, step: Tensor, sample: Tensor) throws(GraphError) {
        let halves = [Double(UInt32(truncatingIfNeeded: seed)), Double(UInt32(truncatingIfNeeded: seed >> 32))]
        self.init(seed: try sample.graph.constant(halves, shape: [2], .uint32), step: step, sample: sample)
    }

    /// The stream of the `ordinal`-th draw (from 0) of a scope: the 32-bit FNV-1a hash of the path's UTF-8 bytes, a
    /// zero byte, and the ordinal as four bytes, little endian. A frozen format: files of samples depend on it.
    public static func stream(_ path: String, _ ordinal: Int) -> UInt32 {
        var hash: UInt32 = 0x811c_9dc5
        func mix(_ byte: UInt8) { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        for byte in path.utf8 { mix(byte) }
        mix(0)
        for shift in stride(from: 0, to: 32, by: 8) {
            mix(UInt8(truncatingIfNeeded: UInt32(truncatingIfNeeded: ordinal) >> UInt32(shift)))
        }
        return hash
    }
}
