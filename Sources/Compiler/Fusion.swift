import Graph

/// What a fused loop computes, before its instructions are written down.
struct Region {
    enum Root: Hashable {
        /// The value of a node at every point of its shape.
        case value(NodeID)
        case reduce(NodeID)
        /// Part `index` of a concatenation, stored where it belongs in the whole.
        case concatenatePart(NodeID, index: Int)
        /// A value stored into an update's or an output's own memory, because it could not be made there.
        case copy(NodeID, to: Destination)
    }

    var root: Root
    /// Nodes whose values are computed and stored on the way, and the views between them and the iteration space.
    var members: [NodeID: [View]] = [:]
    /// Nodes inlined so far; bounds the program's length.
    var size = 0
    /// Whether the iteration runs over the root's elements in row-major order (random numbers need it).
    var isLinear = true
    var hasRandom = false
}

/// Memory outside the arena that a result must end in.
enum Destination: Hashable {
    case output(Int)
    case state(Int)
}

/// Decides which values get memory and which live only in registers: elementwise chains, views and the beginnings of
/// reductions join one loop; a producer whose value is needed elsewhere too is stored by the loop that first needs it.
struct Fusion {
    let graph: Graph
    private(set) var regions: [Region] = []
    /// Nodes whose value has memory, because a region or kernel stores it there.
    private(set) var realized: Set<NodeID> = []
    /// Where a node is read by a region: which one, and the views in between, innermost first.
    private(set) var demands: [NodeID: [Demand]] = [:]
    /// Where a node is read by a kernel, through views in between.
    private var kernelDemands: [NodeID: [KernelDemand]] = [:]

    struct Demand: Hashable {
        var region: Int
        var path: [View]
    }

    private struct KernelDemand: Hashable {
        /// Matrices may have any strides within a matrix; other operands are contiguous.
        var takesStrides: Bool
        var path: [View]
    }

    /// Small tensors (seed, step, sample indices) that a region's random numbers read, per region.
    private(set) var randomReads: [Int: Set<NodeID>] = [:]

    /// Longest program of one loop; also bounds the recursion of its emission.
    private static let sizeLimit = 160

    private let isEnabled: Bool
    private let roots: Set<NodeID>

    init(_ graph: Graph, roots: Set<NodeID>, live: [Bool], isEnabled: Bool) {
        self.graph = graph
        self.isEnabled = isEnabled
        self.roots = roots
        for index in graph.nodes.indices.reversed() where live[index] { decide(NodeID(index)) }
    }

    mutating func addCopy(of node: NodeID, to destination: Destination) -> Int {
        regions.append(Region(root: .copy(node, to: destination)))
        demands[node, default: []].append(Demand(region: regions.count - 1, path: []))
        return regions.count - 1
    }

    private mutating func decide(_ id: NodeID) {
        let node = graph[id]
        switch node.op {
        case .source(let source):
            switch source {
            case .input, .state, .data: break
            case .constant, .iota: decideValue(id, node, recomputes: true)
            case .randomBits:
                decideValue(id, node, recomputes: false)
                for input in node.inputs {
                    kernelDemands[input, default: []].append(KernelDemand(takesStrides: false, path: []))
                }
            }
        case .elementwise: decideValue(id, node, recomputes: false)
        case .view(let view): decideView(id, node, view)
        case .reduce(let reduce):
            let order = ReductionOrder(reduce, graph[node.inputs[0]].type.shape)
            let region = open(.reduce(id))
            regions[region].isLinear = order.isLinear
            demand(node.inputs[0], Demand(region: region, path: order.path))
            realized.insert(id)
        case .concatenate:
            for index in node.inputs.indices {
                demand(node.inputs[index], Demand(region: open(.concatenatePart(id, index: index)), path: []))
            }
            realized.insert(id)
        case .matmul, .rows, .convolution, .linearAlgebra, .loop, .composite:
            let takesStrides = node.op == .matmul
            for input in node.inputs {
                kernelDemands[input, default: []].append(KernelDemand(takesStrides: takesStrides, path: []))
            }
            realized.insert(id)
        case .part: realized.insert(id)
        case .identity:
            // What simplification leaves of these is a copy that someone asked for.
            realized.insert(id)
            demand(node.inputs[0], Demand(region: open(.value(id)), path: []))
        }
    }

    private mutating func open(_ root: Region.Root) -> Int {
        regions.append(Region(root: root))
        return regions.count - 1
    }

    private mutating func demand(_ id: NodeID, _ demand: Demand) {
        if demands[id]?.contains(demand) != true { demands[id, default: []].append(demand) }
    }

    /// A value that a loop can compute in registers.
    private mutating func decideValue(_ id: NodeID, _ node: Node, recomputes: Bool) {
        let wanted = demands[id] ?? []
        var needsMemory = roots.contains(id) || kernelDemands[id] != nil
        if recomputes {
            needsMemory = needsMemory || wanted.contains { !canRecompute(node, $0) }
        } else {
            needsMemory =
                needsMemory || !isEnabled || (wanted.count > 1 && !isCheaperAnew(node))
                || wanted.contains { !canInline(node, $0) }
        }
        if needsMemory {
            realized.insert(id)
            let region = open(.value(id))
            regions[region].size = 1
            noteRandom(node, in: region)
            // Other readers load the value; a source that recomputes may still be inlined where it can.
            if !recomputes {
                for input in node.inputs where !isRandom(node) { demand(input, Demand(region: region, path: [])) }
            }
        } else {
            for one in wanted {
                regions[one.region].size += 1
                noteRandom(node, in: one.region)
                for input in node.inputs where !isRandom(node) && !recomputes { demand(input, one) }
            }
        }
    }

    private mutating func noteRandom(_ node: Node, in region: Int) {
        guard isRandom(node) else { return }
        regions[region].hasRandom = true
        randomReads[region, default: []].formUnion(node.inputs)
    }

    /// Whether reading the one operand again costs no more than reading a stored result: squares, sums with a number.
    private func isCheaperAnew(_ node: Node) -> Bool {
        guard case .elementwise(let op) = node.op, op.isCheap else { return false }
        var operands: Set<NodeID> = []
        for input in node.inputs {
            if case .source(.constant) = graph[input].op { continue }
            var base = input
            while case .view = graph[base].op { base = graph[base].inputs[0] }
            switch graph[base].op {
            case .elementwise: return false
            case .source, .reduce, .view, .concatenate, .rows, .matmul, .convolution, .linearAlgebra, .loop,
                .composite, .identity, .part:
                operands.insert(input)
            }
        }
        return operands.count == 1
    }

    private func isRandom(_ node: Node) -> Bool {
        if case .source(.randomBits) = node.op { return true }
        return false
    }

    /// A constant or a coordinate: may appear under any path that an index expression can follow.
    private func canRecompute(_ node: Node, _ demand: Demand) -> Bool {
        if case .source(.constant) = node.op {
            return !demand.path.contains { if case .pad = $0 { true } else { false } }
        }
        guard case .source(.iota(let axis)) = node.op else { return false }
        return IndexMap.iota(node.type.shape, axis: axis).applying(demand.path)?.isSingleAxis ?? false
    }

    private func canInline(_ node: Node, _ demand: Demand) -> Bool {
        guard regions[demand.region].size < Fusion.sizeLimit else { return false }
        if isRandom(node) { return regions[demand.region].isLinear && demand.path.isEmpty }
        // Under a mask the value would have to be 0 outside; under a repetition it would be computed many times.
        guard let map = IndexMap(node.type.shape).applying(demand.path) else { return false }
        return !map.isMasked && map.shape.product <= node.type.count
    }

    private mutating func decideView(_ id: NodeID, _ node: Node, _ view: View) {
        let source = graph[node.inputs[0]].type.shape
        let needs = kernelDemands[id] ?? []
        let wanted = demands[id] ?? []
        let fits =
            needs.allSatisfy { need in
                guard let map = IndexMap(source).applying([view] + need.path), !map.isMasked else { return false }
                return map.isContiguous || need.takesStrides
            } && wanted.allSatisfy { IndexMap(source).applying([view] + $0.path) != nil }
        guard roots.contains(id) || !fits else {
            for need in needs {
                kernelDemands[node.inputs[0], default: []].append(
                    KernelDemand(takesStrides: need.takesStrides, path: [view] + need.path))
            }
            for one in wanted { demand(node.inputs[0], Demand(region: one.region, path: [view] + one.path)) }
            return
        }
        realized.insert(id)
        let region = open(.value(id))
        demand(node.inputs[0], Demand(region: region, path: [view]))
    }

    /// Lets region `consumer` compute and store what region `producer` would have; see `Units` for when this is sound.
    mutating func merge(_ producer: Int, into consumer: Int, path: [View]) {
        guard case .value(let root) = regions[producer].root else { return }
        regions[consumer].members[root] = path
        for (member, inner) in regions[producer].members { regions[consumer].members[member] = inner + path }
        regions[consumer].size += regions[producer].size
        regions[consumer].hasRandom = regions[consumer].hasRandom || regions[producer].hasRandom
        if let reads = randomReads.removeValue(forKey: producer) {
            randomReads[consumer, default: []].formUnion(reads)
        }
        for (node, list) in demands where list.contains(where: { $0.region == producer }) {
            var updated: [Demand] = []
            for one in list {
                let moved = one.region == producer ? Demand(region: consumer, path: one.path + path) : one
                if !updated.contains(moved) { updated.append(moved) }
            }
            demands[node] = updated
        }
        for (member, path) in regions[consumer].members {
            demands[member]?.removeAll { $0 == Demand(region: consumer, path: path) }
        }
    }

    /// Whether a region, through these views, is all that reads a value.
    func isReadOnly(by region: Int, _ id: NodeID, through path: [View] = []) -> Bool {
        demands[id] == [Demand(region: region, path: path)] && kernelDemands[id] == nil && !roots.contains(id)
    }

    /// A region whose work a kernel does reads nothing any more; the kernel reads `operands`.
    mutating func close(_ region: Int, operands: [NodeID]) {
        for node in Array(demands.keys) { demands[node]?.removeAll { $0.region == region } }
        for operand in operands {
            kernelDemands[operand, default: []].append(KernelDemand(takesStrides: false, path: []))
        }
    }

    /// The node with memory that an operand is a view of, and the views.
    func resolved(_ id: NodeID) -> (base: NodeID, path: [View]) {
        var base = id
        var path: [View] = []
        while !realized.contains(base), case .view(let view) = graph[base].op {
            path.insert(view, at: 0)
            base = graph[base].inputs[0]
        }
        return (base, path)
    }

    /// Whether a value lies in memory: stored by some step, or there from the beginning.
    func hasMemory(_ id: NodeID) -> Bool {
        if realized.contains(id) { return true }
        switch graph[id].op {
        case .source(let source):
            switch source {
            case .input, .state, .data: return true
            case .constant, .iota, .randomBits: return false
            }
        default: return false
        }
    }

    /// Whether a value that a region computes on its way is read anywhere else.
    func isReadElsewhere(_ member: NodeID) -> Bool {
        roots.contains(member) || kernelDemands[member] != nil || !(demands[member] ?? []).isEmpty
    }

    /// The shape that a region iterates over in row-major order; nil where it does in another.
    func space(_ region: Int) -> [Int]? {
        guard regions[region].isLinear else { return nil }
        return switch regions[region].root {
        case .value(let id): graph[id].type.shape
        case .reduce(let id): graph[graph[id].inputs[0]].type.shape
        case .concatenatePart, .copy: nil
        }
    }

    /// Whether a loop over `space` reads another element of a node at every point.
    func readsEachElement(of node: NodeID, _ path: [View], _ space: [Int]) -> Bool {
        guard let map = IndexMap(graph[node].type.shape).applying(path), map.shape == space else { return false }
        return zip(map.shape, map.strides).allSatisfy { $0 == 1 || $1 != 0 }
    }

    func canMerge(_ producer: Int, into consumer: Int, path: [View]) -> Bool {
        guard isEnabled, case .value(let root) = regions[producer].root, path.allSatisfy(\.isBijective) else {
            return false
        }
        if case .view = graph[root].op { return false }
        // A coordinate can be worked out anew only where the views leave it on one axis.
        if case .source(.iota) = graph[root].op, !canRecompute(graph[root], Demand(region: consumer, path: path)) {
            return false
        }
        if regions[producer].size + regions[consumer].size > Fusion.sizeLimit { return false }
        if case .copy = regions[consumer].root { return false }
        if regions[producer].hasRandom && !(regions[consumer].isLinear && path.isEmpty) { return false }
        // Another view of the value in the same loop would read it before it is stored.
        guard (demands[root] ?? []).allSatisfy({ $0.region != consumer || $0.path == path }) else { return false }
        for (member, inner) in regions[producer].members {
            for reading in demands[member] ?? [] where reading.region == consumer && reading.path != inner + path {
                return false
            }
        }
        // What the producer reads must still be readable behind the further views.
        for (node, list) in demands {
            for one in list where one.region == producer {
                let further = Demand(region: consumer, path: one.path + path)
                let readable = IndexMap(graph[node].type.shape).applying(further.path) != nil
                if !readable && !canRecompute(graph[node], further) { return false }
                if case .source(.iota) = graph[node].op, !canRecompute(graph[node], further) { return false }
            }
        }
        // The consumer must run over exactly the producer's elements.
        return IndexMap(graph[root].type.shape).applying(path) != nil
    }
}

extension IndexMap {
    /// The coordinate along one axis, as if it were stored with stride 1 along it.
    static func iota(_ shape: [Int], axis: Int) -> IndexMap {
        var map = IndexMap(shape)
        map.strides = shape.indices.map { $0 == axis ? 1 : 0 }
        return map
    }

    /// Whether the value depends on at most one coordinate and no mask.
    var isSingleAxis: Bool {
        !isMasked && shape.indices.filter { strides[$0] != 0 && shape[$0] > 1 }.count <= 1
    }
}

/// The iteration space of a reduction: kept axes before the last reduced one, the reduced axes, the other kept axes.
struct ReductionOrder {
    let permutation: [Int]
    let reduced: Range<Int>

    init(_ reduce: Reduce, _ shape: [Int]) {
        let last = reduce.axes.last ?? shape.count
        let kept = shape.indices.filter { !reduce.axes.contains($0) }
        let before = kept.filter { $0 < last }
        permutation = before + reduce.axes + kept.filter { $0 > last }
        reduced = before.count..<(before.count + reduce.axes.count)
    }

    /// Whether rows are reduced where they stand.
    var isLinear: Bool { reduced.upperBound == permutation.count && permutation == Array(permutation.indices) }

    /// The view of the operand that is iterated over.
    var path: [View] { permutation == Array(permutation.indices) ? [] : [.transpose(permutation)] }
}

extension Elementwise {
    /// Whether it costs about as much as a load.
    fileprivate var isCheap: Bool {
        switch self {
        case .cast: true
        case .uniform, .normal: false
        case .scalar(let op):
            switch op {
            case .negate, .absolute, .sign, .floor, .ceil, .round, .isFinite, .not, .add, .subtract, .multiply,
                .minimum,
                .maximum, .less, .lessEqual, .equal, .notEqual, .and, .or, .xor, .shiftLeft, .shiftRight, .select,
                .fusedMultiplyAdd:
                true
            case .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .sqrt, .rsqrt, .divide,
                .remainder, .power, .permute:
                false
            }
        }
    }
}
