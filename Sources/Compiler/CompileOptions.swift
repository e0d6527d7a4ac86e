/// How a graph is compiled. Every choice but `math` changes speed and memory only, never a bit of the results.
public struct CompileOptions: Hashable, Sendable {
    public enum Math: String, Sendable, Codable, CaseIterable {
        /// The arithmetic contract: the same bits everywhere.
        case exact
        /// Whatever is fastest on the device: other libraries' products, whose sums have an order of their own, and TF32
        /// where a GPU's tensor cores were found right and faster (operands are rounded to 10 bits of mantissa, a relative
        /// error of at most 2^-11 each). `Backend.matmulProvider` says which.
        case fast
    }

    public enum Memory: String, Sendable, CaseIterable {
        /// Buffers share memory as soon as their lifetimes allow.
        case planned
        /// One piece of memory per buffer, with guards around it.
        case separate
        /// As planned, and what is no longer needed is overwritten with NaN.
        case poisoned
    }

    public var math: Math
    public var memory: Memory
    /// Off: every op is a step of its own.
    public var fusion: Bool
    /// Off: composites are compiled as their subgraphs.
    public var composites: Bool
    /// A folder that gets one readable file per compiler pass.
    public var dumpFolder: String?
    /// Names the dumped files.
    public var name: String

    public init(
        math: Math = .exact, memory: Memory = .planned, fusion: Bool = true, composites: Bool = true,
        dumpFolder: String? = nil,
        name: String = "program"
    ) {
        self.math = math
        self.memory = memory
        self.fusion = fusion
        self.composites = composites
        self.dumpFolder = dumpFolder
        self.name = name
    }
}
