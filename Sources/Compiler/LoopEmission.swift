import Graph

/// Writes one region's scalar program: a register per (node, views in between), loads where a value has memory.
struct LoopEmission {
    private struct Key: Hashable {
        var node: NodeID
        var path: [View]
    }

    private let fusion: Fusion
    private let region: Int
    private var memo: [Key: Int] = [:]
    private var sources: [LoopSource] = []
    private var sourceIndex: [LoopSource: Int] = [:]
    private var instructions: [LoopInstruction] = []

    /// While emitting, instruction registers are negative (-1 is the first); `finished` numbers them after the sources.
    init(_ fusion: Fusion, region: Int) {
        self.fusion = fusion
        self.region = region
    }

    mutating func emit(_ id: NodeID, _ path: [View], _ lowering: inout Lowering) throws(GraphError) -> Int {
        let key = Key(node: id, path: path)
        if let known = memo[key] { return known }
        let register = try make(id, path, &lowering)
        memo[key] = register
        return register
    }

    private func isComputedHere(_ id: NodeID, _ path: [View]) -> Bool {
        if case .value(id) = fusion.regions[region].root, path.isEmpty { return true }
        return fusion.regions[region].members[id] == path
    }

    private mutating func make(_ id: NodeID, _ path: [View], _ lowering: inout Lowering) throws(GraphError) -> Int {
        let node = fusion.graph[id]
        switch node.op {
        case .source(.constant(let literal)):
            if !path.contains(where: { if case .pad = $0 { true } else { false } }) {
                return source(.constant(literal))
            }
        case .source(.iota(let axis)):
            if let map = IndexMap.iota(node.type.shape, axis: axis).applying(path), map.isSingleAxis {
                return source(coordinate(map))
            }
        default: break
        }
        guard !fusion.realized.contains(id) || isComputedHere(id, path) else { return try load(id, path, &lowering) }
        switch node.op {
        case .elementwise(let op):
            let operands = try node.inputs.map { (input) throws(GraphError) in try emit(input, path, &lowering) }
            let typed = fusion.graph[node.inputs[node.inputs.count - 1]].type.scalar
            instructions.append(
                LoopInstruction(op: op, operandType: typed, resultType: node.type.scalar, operands: operands))
            return -instructions.count
        case .view(let view): return try emit(node.inputs[0], [view] + path, &lowering)
        case .identity: return try emit(node.inputs[0], path, &lowering)
        case .source(.randomBits(let stream)):
            let operands = try node.inputs.map { (input) throws(GraphError) in try lowering.operand(input) }
            let rowLength = node.type.shape.dropFirst().reduce(1, *)
            return source(
                .random(
                    stream: stream, sample: operands[0], step: operands[1], seed: operands[2], rowLength: rowLength))
        case .source, .reduce, .concatenate, .rows, .matmul, .convolution, .linearAlgebra, .loop,
            .composite, .part:
            return try load(id, path, &lowering)
        }
    }

    private mutating func load(_ id: NodeID, _ path: [View], _ lowering: inout Lowering) throws(GraphError) -> Int {
        let type = fusion.graph[id].type
        guard let map = IndexMap(type.shape).applying(path) else {
            throw GraphError("compile", "\(id) \(fusion.graph[id].op.name) cannot be read through \(path)")
        }
        return source(.load(Access(buffer: lowering.buffers(of: id)[0], scalar: type.scalar, map: map)))
    }

    private func coordinate(_ map: IndexMap) -> LoopSource {
        for axis in map.shape.indices where map.strides[axis] != 0 && map.shape[axis] > 1 {
            return .index(axis: axis, scale: map.strides[axis], start: map.offset)
        }
        return .constant(ScalarLiteral(Double(map.offset), .int32))
    }

    private mutating func source(_ source: LoopSource) -> Int {
        if let known = sourceIndex[source] { return known }
        sources.append(source)
        sourceIndex[source] = sources.count - 1
        return sources.count - 1
    }

    /// The program with its final register numbers; those in `loop`'s stores and reduction are renumbered too.
    func finished(_ loop: inout FusedLoop) -> ([LoopSource], [LoopInstruction]) {
        func number(_ register: Int) -> Int { register < 0 ? sources.count - 1 - register : register }
        for index in loop.stores.indices { loop.stores[index].register = number(loop.stores[index].register) }
        if let register = loop.reduction?.register { loop.reduction?.register = number(register) }
        let renumbered = instructions.map { instruction in
            var copy = instruction
            copy.operands = instruction.operands.map(number)
            return copy
        }
        return (sources, renumbered)
    }
}
