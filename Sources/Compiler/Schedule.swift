import Graph

/// Memory that outlives a run or is seen from outside.
public enum External: Hashable, Sendable {
    case input(Int)
    case output(Int)
    case state(Int)
    case constant(ConstantData)
}

/// One buffer of a schedule.
public struct BufferInfo: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        /// Number in `Schedule.externals`.
        case external(Int)
        /// Byte offset in the arena.
        case arena(Int)
    }
    public var name: String
    public var byteCount: Int
    public var place: Place
}

/// A kernel with the buffers it touches.
public struct Step: Hashable, Sendable {
    public var kernel: Kernel
    /// What it computes and where in the model that stands.
    public var label: String
    public var reads: [BufferID]
    public var writes: [BufferID]
    public var workspace: BufferID?
}

/// What a device has for kernels, and what they need.
public struct DeviceKernels {
    /// Bytes of scratch memory for a kernel.
    public var workspaceByteCount: (Kernel) -> Int
    /// Whether there is a kernel for a composite of operands of these types.
    public var hasComposite: (Composite, [TensorType]) -> Bool
    /// Which epilogues the kernel of a product or convolution has.
    public var epilogues: (Op) -> EpilogueKinds

    public init(
        workspaceByteCount: @escaping (Kernel) -> Int,
        hasComposite: @escaping (Composite, [TensorType]) -> Bool = CompositeKernel.fits,
        epilogues: @escaping (Op) -> EpilogueKinds = { _ in .biasAndRectification }
    ) {
        self.workspaceByteCount = workspaceByteCount
        self.hasComposite = hasComposite
        self.epilogues = epilogues
    }
}

/// A graph compiled for any device: kernels in order, and where every buffer lies.
public struct Schedule: Hashable, Sendable {
    public internal(set) var steps: [Step] = []
    public internal(set) var buffers: [BufferInfo] = []
    public internal(set) var externals: [External] = []
    public internal(set) var arenaByteCount = 0

    /// Compiles what `outputs` and `updates` need of a graph.
    ///
    /// - Parameters:
    ///   - allocationLimit: bytes that one allocation may have on the device: the arena can be cut into pieces of
    ///     `pieceByteCount(limit:)`, and no buffer lies across a cut.
    ///   - device: what the device has for kernels.
    public init(
        _ graph: Graph, outputs: [NodeID], updates: [(state: NodeID, value: NodeID)] = [],
        options: CompileOptions = CompileOptions(), allocationLimit: Int = .max, device: DeviceKernels
    ) throws {
        let dump = PassDump(options)
        try dump.write("1-trace", describe(graph))
        var (graph, outputs, updates) = (graph, outputs, updates)
        if graph.hasComposites {
            let dissolved = try graph.dissolved { options.composites && device.hasComposite($0, $1) }
            graph = dissolved.graph
            outputs = outputs.map { dissolved.nodes[Int($0.index)] }
            updates = updates.map { (dissolved.nodes[Int($0.state.index)], dissolved.nodes[Int($0.value.index)]) }
        }
        let roots = outputs + updates.flatMap { [$0.state, $0.value] }
        let simplified = Simplified(graph, roots: roots)
        try dump.write("2-simplified", describe(simplified.graph))
        let mappedOutputs = outputs.map { simplified[$0] }
        let small = simplified.graph
        let replaced = Set(updates.map { simplified[$0.state] })
        let mappedUpdates = updates.map { update in
            // A state's old value must be set aside before the state itself is replaced: two may change places.
            let (state, value) = (simplified[update.state], simplified[update.value])
            guard value != state, replaced.contains(value) else { return (state: state, value: value) }
            return (state, small.append(.identity(.stopGradient), [value], [small[value].type]).id)
        }
        let wanted = Set(mappedOutputs + mappedUpdates.filter { $0.state != $0.value }.map(\.value))
        let live = small.reachable(from: wanted)
        let fusion = Fusion(small, roots: wanted, live: live, isEnabled: options.fusion)
        let units = Units(
            small, fusion: fusion, live: live, outputs: mappedOutputs, updates: mappedUpdates,
            kinds: { options.fusion ? device.epilogues($0) : [] })
        let order = units.ordered()
        guard order.count == units.units.count else {
            throw GraphError("compile", "the order of \(units.units.count - order.count) steps is circular")
        }
        try dump.write("3-fused", describe(units, order))

        var lowering = Lowering(units, options: options, device: device)
        for unit in order { try lowering.lower(unit) }
        self = lowering.schedule
        if options.fusion { gatherLoops() }
        plan(options, pieceByteCount: Schedule.pieceByteCount(limit: allocationLimit))
        try dump.write("4-schedule", description)
        try dump.write("5-memory", memoryDescription)
    }

    init() {}
}

extension Graph {
    /// Marks the nodes that `roots` are computed from.
    func reachable(from roots: Set<NodeID>) -> [Bool] {
        var live = [Bool](repeating: false, count: nodes.count)
        for root in roots { live[Int(root.index)] = true }
        for index in nodes.indices.reversed() where live[index] {
            for input in nodes[index].inputs { live[Int(input.index)] = true }
        }
        return live
    }
}
