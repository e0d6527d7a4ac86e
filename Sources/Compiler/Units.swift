import Graph

/// The pieces of work of a schedule, regions and kernels, with who waits for whom. Here regions are merged and results
/// are placed directly into outputs and states, as far as the order allows.
struct Units {
    enum Unit: Hashable {
        case region(Int)
        case kernel(NodeID)
    }

    let graph: Graph
    var fusion: Fusion
    private(set) var units: [Unit] = []
    /// Where a node's value is stored instead of the arena.
    private(set) var destinations: [NodeID: Destination] = [:]
    /// Units that must come after a unit although they read nothing of it: they overwrite a state it reads.
    private(set) var later: [Unit: Set<Unit>] = [:]

    /// What kernels do to their results before they store them.
    private(set) var epilogues: [NodeID: FoldedEpilogue] = [:]

    private var merged: Set<Int> = []
    private var readers: [NodeID: Set<Unit>] = [:]
    private var producers: [NodeID: Unit] = [:]
    private var written: [Unit: [NodeID]] = [:]
    /// For ordering: the node that a unit came from.
    private var positions: [Unit: Int] = [:]

    init(
        _ graph: Graph, fusion: Fusion, live: [Bool], outputs: [NodeID], updates: [(state: NodeID, value: NodeID)],
        kinds: (Op) -> EpilogueKinds
    ) {
        self.graph = graph
        self.fusion = fusion
        for index in graph.nodes.indices where live[index] {
            switch graph.nodes[index].op {
            case .matmul, .rows, .convolution, .linearAlgebra, .loop, .composite: add(.kernel(NodeID(index)), at: index)
            case .source, .elementwise, .view, .reduce, .concatenate, .part, .identity: break
            }
        }
        for index in self.fusion.regions.indices { add(.region(index), at: rootPosition(index)) }
        foldEpilogues(kinds)
        connect()
        mergeRegions()
        place(outputs: outputs, updates: updates)
    }

    private mutating func add(_ unit: Unit, at position: Int) {
        units.append(unit)
        positions[unit] = position
    }

    private func rootPosition(_ region: Int) -> Int {
        switch fusion.regions[region].root {
        case .value(let id), .reduce(let id), .concatenatePart(let id, _): Int(id.index)
        case .copy: graph.nodes.count
        }
    }

    /// The node whose unit makes a node's value: parts belong to their producer.
    private func maker(_ id: NodeID) -> NodeID {
        if case .part = graph[id].op { return graph[id].inputs[0] }
        return id
    }

    private mutating func connect() {
        readers = [:]
        producers = [:]
        written = [:]
        for unit in units {
            switch unit {
            case .kernel(let id):
                let epilogue = epilogues[id]
                let result = epilogue?.result ?? id
                producers[result] = unit
                written[unit, default: []].append(result)
                for input in graph[id].inputs + (epilogue?.operands ?? []) {
                    readers[maker(fusion.resolved(input).base), default: []].insert(unit)
                }
            case .region(let index):
                let region = fusion.regions[index]
                switch region.root {
                case .value(let id), .reduce(let id):
                    producers[id] = unit
                    written[unit, default: []].append(id)
                case .concatenatePart(let id, _):
                    // Several parts make one node: readers wait for each of them.
                    written[unit, default: []].append(id)
                case .copy: break
                }
                for member in region.members.keys {
                    producers[member] = unit
                    written[unit, default: []].append(member)
                }
                for read in fusion.randomReads[index] ?? [] {
                    readers[maker(fusion.resolved(read).base), default: []].insert(unit)
                }
            }
        }
        for (node, list) in fusion.demands {
            guard fusion.hasMemory(node) else { continue }
            for one in list where !merged.contains(one.region) {
                readers[maker(node), default: []].insert(.region(one.region))
            }
        }
    }

    private func successors(_ unit: Unit) -> Set<Unit> {
        var result = later[unit] ?? []
        for node in written[unit] ?? [] { result.formUnion(readers[node] ?? []) }
        result.remove(unit)
        return result
    }

    /// Whether `to` must wait for `from`, other than directly if `indirectly`.
    private func reaches(_ from: Unit, _ to: Unit, indirectly: Bool = false) -> Bool {
        var stack = Array(successors(from))
        if indirectly { stack.removeAll { $0 == to } }
        var seen = Set(stack)
        while let unit = stack.popLast() {
            if unit == to { return true }
            for next in successors(unit) where seen.insert(next).inserted { stack.append(next) }
        }
        return false
    }

    /// Lets kernels do what a loop over their results alone would: add a bias, rectify, mask.
    private mutating func foldEpilogues(_ kinds: (Op) -> EpilogueKinds) {
        for region in fusion.regions.indices {
            guard let epilogue = FoldedEpilogue(region, of: fusion),
                kinds(graph[epilogue.kernel].op).contains(epilogue.kind)
            else { continue }
            epilogues[epilogue.kernel] = epilogue
            fusion.close(region, operands: epilogue.operands.map { fusion.resolved($0).base })
            merged.insert(region)
            units.removeAll { $0 == .region(region) }
        }
    }

    private mutating func mergeRegions() {
        while mergeOnce() {}
        while mergeSiblingsOnce() {}
    }

    /// Merges each region that can be into a reader of its results; whether there was any.
    private mutating func mergeOnce() -> Bool {
        let count = merged.count
        // Later producers first: a chain then collapses into its last consumer.
        let order = fusion.regions.indices.sorted { rootPosition($0) > rootPosition($1) }
        for producer in order where !merged.contains(producer) {
            guard case .value(let root) = fusion.regions[producer].root else { continue }
            // A reader of something that the region stores on its way will do as well: an optimizer's new moment is gated
            // for its state, and read ungated by the parameter's update.
            let onTheWay = fusion.regions[producer].members.filter { $1.isEmpty }.keys.sorted()
            let readings = ([root] + onTheWay).flatMap { fusion.demands[$0] ?? [] }
            for one in readings where one.region != producer && !merged.contains(one.region) {
                guard fusion.canMerge(producer, into: one.region, path: one.path),
                    !reaches(.region(producer), .region(one.region), indirectly: true)
                else { continue }
                merge(producer, into: one.region, path: one.path)
                break
            }
        }
        return merged.count > count
    }

    private mutating func merge(_ producer: Int, into consumer: Int, path: [View]) {
        fusion.merge(producer, into: consumer, path: path)
        merged.insert(producer)
        units.removeAll { $0 == .region(producer) }
        positions[.region(consumer)] = Swift.max(
            positions[.region(consumer)] ?? 0, positions[.region(producer)] ?? 0)
        connect()
    }

    /// Merges regions that wait for nothing of each other and read the same elements, which are then read once: a draw
    /// from a Gaussian and its KL divergence. Whether there were any.
    private mutating func mergeSiblingsOnce() -> Bool {
        let count = merged.count
        for node in fusion.demands.keys.sorted() where fusion.hasMemory(node) {
            let readings = (fusion.demands[node] ?? []).filter { !merged.contains($0.region) }
            for one in readings where !merged.contains(one.region) {
                guard case .value = fusion.regions[one.region].root, let space = fusion.space(one.region) else {
                    continue
                }
                for other in readings where other.region != one.region && other.path == one.path {
                    guard !merged.contains(other.region), fusion.space(other.region) == space,
                        fusion.readsEachElement(of: node, one.path, space),
                        fusion.canMerge(one.region, into: other.region, path: []),
                        !reaches(.region(one.region), .region(other.region)),
                        !reaches(.region(other.region), .region(one.region))
                    else { continue }
                    merge(one.region, into: other.region, path: [])
                    break
                }
            }
        }
        return merged.count > count
    }

    private mutating func place(outputs: [NodeID], updates: [(state: NodeID, value: NodeID)]) {
        for (index, id) in outputs.enumerated() {
            if canPlace(id) { destinations[id] = .output(index) } else { copy(id, to: .output(index)) }
        }
        var placeable: [(state: NodeID, value: NodeID, destination: Destination)] = []
        for (state, value) in updates where state != value {
            guard case .source(.state(let slot)) = graph[state].op else { continue }
            if canPlace(value) {
                placeable.append((state, value, .state(slot)))
            } else {
                overwrite(state, with: value, .state(slot))
            }
        }
        // What is copied is ordered by now, so placing sees all that must wait.
        for (state, value, destination) in placeable {
            let readers = readers[state] ?? []
            guard canPlace(value), let unit = producers[value], readsInPlace(unit, state: state, value: value),
                !readers.contains(where: { $0 != unit && reaches(unit, $0) })
            else {
                overwrite(state, with: value, destination)
                continue
            }
            destinations[value] = destination
            letReaders(of: state, goBefore: unit)
        }
    }

    /// Replaces a state by a copy of a value, once all readers of the old one are done.
    private mutating func overwrite(_ state: NodeID, with value: NodeID, _ destination: Destination) {
        letReaders(of: state, goBefore: copy(value, to: destination))
    }

    private mutating func letReaders(of state: NodeID, goBefore unit: Unit) {
        for reader in readers[state] ?? [] where reader != unit { later[reader, default: []].insert(unit) }
    }

    private func canPlace(_ id: NodeID) -> Bool {
        guard fusion.realized.contains(id), destinations[id] == nil else { return false }
        if case .part = graph[id].op { return false }
        if case .loop = graph[id].op { return false }
        return true
    }

    /// Whether a unit may write `value` over `state`: it does not read the state, or only the very element it writes.
    private func readsInPlace(_ unit: Unit, state: NodeID, value: NodeID) -> Bool {
        guard readers[state]?.contains(unit) == true else { return true }
        guard case .region(let index) = unit, fusion.randomReads[index]?.contains(state) != true else { return false }
        let path: [View]
        if case .value(value) = fusion.regions[index].root {
            path = []
        } else if let member = fusion.regions[index].members[value] {
            path = member
        } else {
            return false
        }
        return (fusion.demands[state] ?? []).allSatisfy { $0.region != index || $0.path == path }
    }

    @discardableResult
    private mutating func copy(_ id: NodeID, to destination: Destination) -> Unit {
        let region = fusion.addCopy(of: id, to: destination)
        let unit = Unit.region(region)
        add(unit, at: graph.nodes.count)
        readers[maker(id), default: []].insert(unit)
        return unit
    }

    /// All units, each after those it waits for, otherwise in the order of the trace.
    func ordered() -> [Unit] {
        var waiting: [Unit: Int] = [:]
        var next: [Unit: Set<Unit>] = [:]
        for unit in units {
            next[unit] = successors(unit)
            for successor in next[unit] ?? [] { waiting[successor, default: 0] += 1 }
        }
        func priority(_ unit: Unit) -> (Int, Int) {
            switch unit {
            case .region(let index): (positions[unit] ?? 0, index)
            case .kernel(let id): (positions[unit] ?? 0, Int(id.index))
            }
        }
        var ready = units.filter { waiting[$0, default: 0] == 0 }
        var result: [Unit] = []
        while !ready.isEmpty {
            var best = 0
            for index in ready.indices where priority(ready[index]) < priority(ready[best]) { best = index }
            let unit = ready.remove(at: best)
            result.append(unit)
            for successor in next[unit] ?? [] {
                waiting[successor, default: 0] -= 1
                if waiting[successor] == 0 { ready.append(successor) }
            }
        }
        return result
    }
}
