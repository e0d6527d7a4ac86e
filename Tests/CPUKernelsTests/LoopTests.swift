import CPUKernels
import Kernels
import Testing

private let types = [PF_F32, PF_F64, PF_I32, PF_U32, PF_U8, PF_BOOL]
private let operations = (0..<PF_OP_COUNT.rawValue).map { pf_op(rawValue: $0) }
private let levels = (0...pf_isa_best().rawValue).map { pf_isa(rawValue: $0) }

extension SplitMix {
    mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }

    /// An element; floats are special values, moderate or any bits.
    mutating func element(_ type: pf_type) -> Bits {
        let word = next()
        let kind = below(8)
        switch type {
        case PF_BOOL: return word & 1
        case PF_U8: return word & 255
        case PF_I32, PF_U32: return kind < 3 ? UInt64(UInt32(truncatingIfNeeded: below(7) - 3)) : word & 0xffff_ffff
        case PF_F32:
            let special: [Float] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0x1p-132, 0.5, 2.5, 3e9, -3e9]
            if kind == 0 { return bits(special[below(special.count)]) }
            if kind == 1 { return word & 0xffff_ffff }
            return bits(Float(Int64(word >> 40) - (1 << 23)) * 0x1p-20)
        default:
            let special: [Double] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0x1p-1030, 0.5, 2.5, 3e9, -3e9]
            if kind == 0 { return special[below(special.count)].bitPattern }
            return (Double(Int64(word >> 20) - (1 << 43)) * 0x1p-40).bitPattern
        }
    }

    mutating func buffer(_ type: pf_type, _ count: Int) -> Buffer {
        Buffer(type: type, elements: (0..<count).map { _ in element(type) })
    }
}

/// Both pools and all levels against the literal meaning.
func verify(_ loop: Loop, _ comment: String = "") throws {
    let expected = reference(loop)
    for threads in [1, 2] as [Int32] {
        let pool = try #require(pf_pool_create(threads))
        defer { pf_pool_destroy(pool) }
        for level in levels {
            let result = try run(loop, level: level, pool: pool)
            for (b, (have, want)) in zip(result, expected).enumerated() {
                let wrong = have.elements.indices.first { !same(have.elements[$0], want.elements[$0], have.type) }
                if let i = wrong {
                    Issue.record(
                        """
                        \(comment) level \(level.rawValue), \(threads) threads, buffer \(b) (\(have.type)), \
                        element \(i): \(have.elements[i]), not \(want.elements[i]) (bits); \
                        extent \(loop.extent) \(loop.reduction.map { "\($0)" } ?? "")
                        """)
                    return
                }
            }
        }
    }
}

@Suite(.serialized) struct LoopTests {
    /// Every operation on every type, for vectors and for each operand as a constant, at several sizes.
    @Test(arguments: operations)
    func instruction(op: pf_op) throws {
        var random = SplitMix(state: UInt64(op.rawValue) + 17)
        var defined = 0
        for type in types {
            let targets = [PF_OP_CAST, PF_OP_UNIFORM, PF_OP_NORMAL].contains(op) ? types : [type]
            for to in targets {
                let operands = (0..<operandCount(op)).map { operandType(op, type, $0) }
                let isDefined = evaluate(op, type, to, operands.map { _ in 1 }) != nil
                for (size, constant) in [(1, -1), (7, 0), (33, 1), (1025, -1), (2500, 0), (1024, 1)] {
                    var loop = Loop(extent: [size], buffers: operands.map { random.buffer($0, size) }, registers: 5)
                    for (k, operand) in operands.enumerated() {
                        if op == PF_OP_PERMUTE, k == 0 { loop.buffers[0].elements = (0..<size).map { Bits($0 % 50) } }
                        if op == PF_OP_PERMUTE, k == 1 {
                            loop.buffers[1].elements = (0..<size).map { Bits(50 + $0 % 9) }
                        }
                        let load = Access(buffer: k, stride: [1], register: k)
                        let fill = Source.Kind.fill(loop.buffers[k].elements[0])
                        loop.sources.append(
                            Source(kind: k == constant ? fill : .load(load), type: operand, register: k))
                    }
                    loop.instructions = [Instruction(op, type, to: to, dst: 4, src: Array(0..<operands.count))]
                    let out = resultType(op, type, to)
                    loop.buffers.append(Buffer(type: out, elements: .init(repeating: 0, count: size)))
                    loop.stores = [Access(buffer: operands.count, stride: [1], register: 4)]
                    if isDefined {
                        try verify(loop, "op \(op.rawValue) type \(type.rawValue) to \(to.rawValue)")
                    } else {
                        let pool = try #require(pf_pool_create(1))
                        defer { pf_pool_destroy(pool) }
                        #expect(throws: LoopFailure.self) { try run(loop, level: PF_ISA_BASE, pool: pool) }
                    }
                }
                defined += isDefined ? 1 : 0
            }
        }
        #expect(defined > 0)
    }

    /// Random words in rows of any length, whole and cut by tiles and reductions.
    @Test(arguments: [1, 2, 3, 4, 5, 20, 32, 63, 784, 1023, 1030, 4099])
    func randomWords(rowLength: Int) throws {
        var random = SplitMix(state: UInt64(rowLength))
        let rows = 3 + 3000 / rowLength
        for split in [false, true] where !split || rowLength % 2 == 0 {
            let extent = split ? [rows, 2, rowLength / 2] : [rows, rowLength]
            let count = rows * rowLength
            var loop = Loop(
                extent: extent, buffers: [random.buffer(PF_U32, rows), random.buffer(PF_U32, 1)], registers: 4)
            loop.buffers += [random.buffer(PF_U32, 2)]
            loop.buffers += [PF_U32, PF_F32].map { Buffer(type: $0, elements: .init(repeating: 9, count: count)) }
            loop.sources = [
                Source(
                    kind: .random(sample: 0, step: 1, seed: 2, stream: 77, rowLength: rowLength), type: PF_U32,
                    register: 0)
            ]
            loop.instructions = [Instruction(PF_OP_NORMAL, PF_U32, to: PF_F32, dst: 1, src: [0])]
            let stride = extent.indices.map { extent[($0 + 1)...].reduce(1, *) }
            loop.stores = [
                Access(buffer: 3, stride: stride, register: 0), Access(buffer: 4, stride: stride, register: 1),
            ]
            try verify(loop)
            let blocks = max(1, (rowLength + 1023) / 1024)
            loop.buffers.append(Buffer(type: PF_F32, elements: .init(repeating: 0, count: rows * blocks)))
            loop.reduction = Reduction(
                mode: PF_REDUCE_ROWS, kind: PF_REDUCE_SUM, axes: extent.count - 1, register: 1, buffer: 5)
            try verify(loop)
        }
    }

    /// Random programs over random shapes: broadcasts, permutations, negative strides, masks, in place, reductions.
    @Test(arguments: 0..<300)
    func program(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed) &* 0x1234_5677 &+ 99)
        try verify(randomLoop(&random), "seed \(seed)")
    }

    /// More live registers than scratch holds at full length: the tile shrinks, results stay.
    @Test(arguments: [40, 300])
    func manyRegisters(count: Int) throws {
        var random = SplitMix(state: UInt64(count))
        let n = 2100
        var loop = Loop(extent: [1, n], buffers: [random.buffer(PF_F64, n)], registers: count + 1)
        loop.sources = [Source(kind: .load(Access(buffer: 0, stride: [n, 1], register: 0)), type: PF_F64, register: 0)]
        loop.buffers[0].elements = (0..<n).map { Double($0 % 17 - 8).bitPattern }
        for i in 1...count { loop.instructions.append(Instruction(PF_OP_ADD, PF_F64, dst: i, src: [i - 1, 0])) }
        for i in 1..<count { loop.instructions.append(Instruction(PF_OP_MUL, PF_F64, dst: count, src: [count, i])) }
        for mode in [PF_REDUCE_ROWS, PF_REDUCE_COLUMNS] {
            let blocks = mode == PF_REDUCE_ROWS ? 3 : n
            loop.buffers = [loop.buffers[0], Buffer(type: PF_F64, elements: .init(repeating: 0, count: blocks))]
            loop.reduction = Reduction(mode: mode, kind: PF_REDUCE_SUM, axes: 1, register: count, buffer: 1)
            try verify(loop)
        }
    }

    @Test func loadsThatStoresOverwrite() throws {
        // Two buffers exchanged in place, and the old value of the first reduced.
        var random = SplitMix(state: 3)
        let n = 3000
        var loop = Loop(
            extent: [n], buffers: [random.buffer(PF_I32, n), random.buffer(PF_I32, n), random.buffer(PF_I32, 3)],
            registers: 3)
        loop.sources = (0..<2).map {
            Source(kind: .load(Access(buffer: $0, stride: [1], register: $0)), type: PF_I32, register: $0)
        }
        loop.stores = (0..<2).map { Access(buffer: $0, stride: [1], register: 1 - $0) }
        loop.reduction = Reduction(mode: PF_REDUCE_ROWS, kind: PF_REDUCE_SUM, axes: 1, register: 0, buffer: 2)
        try verify(loop)
        // y = x + 1 in place, then z = 2 x.
        loop.reduction = nil
        loop.sources.append(Source(kind: .fill(1), type: PF_I32, register: 2))
        loop.instructions = [
            Instruction(PF_OP_ADD, PF_I32, dst: 1, src: [0, 2]), Instruction(PF_OP_ADD, PF_I32, dst: 2, src: [0, 0]),
        ]
        loop.stores = [Access(buffer: 0, stride: [1], register: 1), Access(buffer: 1, stride: [1], register: 2)]
        try verify(loop)
    }

    /// Results beyond any cache are stored past them, whole lines at a time: what lies before the first line and after
    /// the last one must come along, and nothing else.
    @Test(arguments: [0, 4, 60]) func storesBeyondCachesAreWhole(byteOffset: Int) throws {
        let count = (16 << 20) / 4 + 37, guards = 64
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: count * 4 + byteOffset + 2 * guards, alignment: 64)
        defer { memory.deallocate() }
        let base = try #require(memory.baseAddress) + guards + byteOffset
        let pool = try #require(pf_pool_create(2))
        defer { pf_pool_destroy(pool) }
        var source = pf_source()
        (source.kind, source.type, source.axis, source.scale, source.start) = (PF_SRC_INDEX, PF_I32, 0, 3, 5)
        var store = pf_access()
        (store.data, store.type, store.stride.0) = (base, PF_I32, 1)
        for level in levels {
            _ = memory.initializeMemory(as: UInt8.self, repeating: 0xa5)
            _ = pf_isa_select(level)
            let plan = withUnsafePointer(to: &source) { source in
                withUnsafePointer(to: &store) { store in
                    var loop = pf_loop()
                    (loop.rank, loop.extent.0, loop.register_count) = (1, Int64(count), 1)
                    (loop.sources, loop.source_count, loop.stores, loop.store_count) = (source, 1, store, 1)
                    return pf_loop_prepare(&loop)
                }
            }
            let ready = try #require(plan)
            defer { pf_loop_release(ready) }
            pf_pool_run(pool, [pf_loop_step(ready)], 1)
            let isWhole = (0..<count).allSatisfy {
                base.load(fromByteOffset: $0 * 4, as: Int32.self) == 5 + 3 * Int32(truncatingIfNeeded: $0)
            }
            #expect(isWhole, "level \(level.rawValue)")
            #expect(memory.prefix(guards + byteOffset).allSatisfy { $0 == 0xa5 }, "level \(level.rawValue)")
            #expect(memory.suffix(guards).allSatisfy { $0 == 0xa5 }, "level \(level.rawValue)")
        }
    }

    @Test func malformedProgramsAreRefused() throws {
        let pool = try #require(pf_pool_create(1))
        defer { pf_pool_destroy(pool) }
        var good = Loop(extent: [4], buffers: [Buffer(type: PF_F32, elements: [0, 0, 0, 0])], registers: 2)
        good.sources = [Source(kind: .fill(0), type: PF_F32, register: 0)]
        good.instructions = [Instruction(PF_OP_EXP, PF_F32, dst: 1, src: [0])]
        good.stores = [Access(buffer: 0, stride: [1], register: 1)]
        #expect(try run(good, level: PF_ISA_BASE, pool: pool)[0].elements == [Bits](repeating: bits(1), count: 4))
        let breakages: [(inout Loop) -> Void] = [
            { $0.instructions[0].src = [1] },
            { $0.instructions[0].dst = 2 },
            { $0.instructions[0].op = PF_OP_COUNT },
            { $0.instructions[0].type = PF_F64 },
            { $0.sources[0].type = PF_I32 },
            { $0.sources[0].kind = .index(axis: 0, scale: 1, start: 0) },
            { $0.extent = [-1] },
            { $0.extent = [1 << 40, 1 << 40] },
            { $0.stores[0].mask = ([0], [2]) },
            { $0.reduction = Reduction(mode: PF_REDUCE_COLUMNS, kind: PF_REDUCE_SUM, axes: 1, register: 1, buffer: 0) },
        ]
        for (i, change) in breakages.enumerated() {
            var bad = good
            change(&bad)
            #expect(throws: LoopFailure.self, "breakage \(i)") { try run(bad, level: PF_ISA_BASE, pool: pool) }
        }
    }
}

// MARK: - Random loops

/// A view of a new buffer: axes in a random order, with gaps, some reversed; for loads also broadcasts and masks.
private func randomAccess(
    _ random: inout SplitMix, _ extent: [Int], _ type: pf_type, register: Int, load: Bool, buffers: inout [Buffer]
) -> Access {
    var stride = [Int](repeating: 0, count: extent.count)
    var order = Array(extent.indices)
    if random.below(3) == 0 { order.shuffle(using: &random) }
    var next = random.below(6) == 0 ? 2 : 1
    var offset = random.below(3) == 0 ? random.below(5) : 0
    var span = offset + 1
    var mask: (low: [Int], high: [Int])?
    if load, random.below(5) == 0 {
        let low = extent.map { random.below(2) == 0 ? 0 : random.below($0 + 2) - 1 }
        mask = (low, extent.map { random.below(2) == 0 ? $0 : random.below($0 + 3) })
    }
    for d in order.reversed() {
        if load, random.below(4) == 0 { continue }
        let reversed = random.below(6) == 0
        stride[d] = reversed ? -next : next
        let reach = next * max(0, extent[d] - 1)
        if reversed { offset += reach }
        span += reach
        next *= max(1, extent[d]) + (random.below(8) == 0 ? 1 : 0)
    }
    buffers.append(random.buffer(type, span))
    return Access(buffer: buffers.count - 1, offset: offset, stride: stride, mask: mask, register: register)
}

private func randomLoop(_ random: inout SplitMix) -> Loop {
    let lengths = [0, 1, 1, 2, 3, 4, 5, 7, 10, 16, 17, 32, 33, 64, 100, 256, 300, 700, 1025, 2100]
    var extent: [Int] = []
    for _ in 0..<random.below(5) {
        let length = lengths[random.below(12) == 0 ? 0 : 1 + random.below(lengths.count - 1)]
        if extent.reduce(1, *) * length <= 12_000 { extent.append(length) }
    }
    var loop = Loop(extent: extent, buffers: [], registers: 24)
    var type: [pf_type?] = Array(repeating: nil, count: 24)
    let mode = [PF_REDUCE_NONE, PF_REDUCE_ROWS, PF_REDUCE_COLUMNS][random.below(extent.isEmpty ? 2 : 3)]

    var register = 0
    var inPlace: [Access] = []
    for _ in 0..<(1 + random.below(4)) {
        let chosen = [PF_F32, PF_F32, PF_F32, PF_F64, PF_I32, PF_U32, PF_U8, PF_BOOL][random.below(8)]
        let access = randomAccess(
            &random, extent, chosen, register: register, load: random.below(2) == 0, buffers: &loop.buffers)
        loop.sources.append(Source(kind: .load(access), type: chosen, register: register))
        let injective = zip(access.stride, extent).allSatisfy { $0 != 0 || $1 <= 1 }
        if injective, access.mask == nil { inPlace.append(access) }
        type[register] = chosen
        register += 1
    }
    loop.sources.append(Source(kind: .fill(bits(0.75)), type: PF_F32, register: register))
    type[register] = PF_F32
    register += 1
    if !extent.isEmpty, random.below(2) == 0 {
        loop.sources.append(
            Source(
                kind: .index(axis: random.below(extent.count), scale: 3, start: -5), type: PF_I32, register: register))
        type[register] = PF_I32
        register += 1
    }
    let count = extent.reduce(1, *)
    if mode != PF_REDUCE_COLUMNS, random.below(4) == 0 {
        let rowLength = max(1, [1, 6, extent.last ?? 1, count][random.below(4)])
        loop.buffers += [
            random.buffer(PF_U32, count / rowLength + 1), random.buffer(PF_U32, 1), random.buffer(PF_U32, 2),
        ]
        let b = loop.buffers.count
        loop.sources.append(
            Source(
                kind: .random(sample: b - 3, step: b - 2, seed: b - 1, stream: 5, rowLength: rowLength), type: PF_U32,
                register: register))
        type[register] = PF_U32
        register += 1
    }
    for _ in 0..<random.below(14) {
        let op = operations[random.below(operations.count)]
        let operand = types[random.below(6)]
        let to = types[random.below(6)]
        let wanted = (0..<operandCount(op)).map { operandType(op, operand, $0) }
        let candidates = wanted.map { want in type.indices.filter { type[$0] == want } }
        guard op != PF_OP_PERMUTE, candidates.allSatisfy({ !$0.isEmpty }),
            evaluate(op, operand, to, wanted.map { _ in 1 }) != nil
        else { continue }
        // Sometimes over a register that is in use, of any type.
        let dst = random.below(3) == 0 ? random.below(register) : min(register, 23)
        let src = candidates.map { $0[random.below($0.count)] }
        loop.instructions.append(Instruction(op, operand, to: to, dst: dst, src: src))
        type[dst] = resultType(op, operand, to)
        register = min(23, max(register, dst + 1))
    }
    for _ in 0..<random.below(4) {
        let from = random.below(register)
        guard let kind = type[from] else { continue }
        if let same = inPlace.firstIndex(where: { loop.buffers[$0.buffer].type == kind }), random.below(2) == 0 {
            var access = inPlace.remove(at: same)
            access.register = from
            loop.stores.append(access)
        } else {
            loop.stores.append(
                randomAccess(&random, extent, kind, register: from, load: false, buffers: &loop.buffers))
        }
    }
    if mode != PF_REDUCE_NONE {
        let from = random.below(register)
        let reduction = pf_reduce_kind.all[random.below(pf_reduce_kind.all.count)]
        guard let kind = type[from], reduction.accepts(kind) else { return loop }
        let inner = mode == PF_REDUCE_COLUMNS ? 1 : 0
        let axes = random.below(extent.count - inner + 1)
        let last = extent.count - inner
        let length = extent[(last - axes)..<last].reduce(1, *)
        let results =
            extent[..<(last - axes)].reduce(1, *) * max(1, (length + 1023) / 1024) * reduction.parts
            * (inner == 1 ? extent[last] : 1)
        loop.buffers.append(Buffer(type: kind, elements: .init(repeating: 0, count: results)))
        loop.reduction = Reduction(
            mode: mode, kind: reduction, axes: axes, register: from, buffer: loop.buffers.count - 1)
    }
    return loop
}
