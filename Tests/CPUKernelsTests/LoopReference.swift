// A loop described by values, run by the kernels or, literally and one element at a time, by `reference`.
import CPUKernels
import Foundation
import Kernels

/// An element of any type: its bytes, little endian.
typealias Bits = UInt64

struct Access {
    var buffer: Int
    var offset = 0
    var stride: [Int]
    var mask: (low: [Int], high: [Int])?
    var register: Int
}

struct Source {
    enum Kind {
        case fill(Bits)
        case load(Access)
        case index(axis: Int, scale: Int32, start: Int32)
        /// Buffers of uint32.
        case random(sample: Int, step: Int, seed: Int, stream: UInt32, rowLength: Int)
    }
    var kind: Kind
    var type: pf_type
    var register: Int
}

struct Instruction {
    var op: pf_op
    var type: pf_type
    var to: pf_type
    var dst: Int
    var src: [Int]

    init(_ op: pf_op, _ type: pf_type, to: pf_type? = nil, dst: Int, src: [Int]) {
        (self.op, self.type, self.to, self.dst, self.src) = (op, type, to ?? type, dst, src)
    }
}

struct Reduction {
    var mode: pf_reduce_mode
    var kind: pf_reduce_kind
    var axes: Int
    var register: Int
    var buffer: Int
}

struct Buffer {
    var type: pf_type
    var elements: [Bits]
}

struct Loop {
    var extent: [Int]
    var buffers: [Buffer]
    var sources: [Source] = []
    var instructions: [Instruction] = []
    var stores: [Access] = []
    var reduction: Reduction?
    var registers: Int
}

func bytes(_ type: pf_type) -> Int { Int(pf_type_size(type)) }
func isFloat(_ type: pf_type) -> Bool { type == PF_F32 || type == PF_F64 }

extension pf_reduce_kind {
    static let all = (0..<PF_REDUCE_COUNT.rawValue).map { pf_reduce_kind(rawValue: $0) }
    var isSum: Bool { self != PF_REDUCE_MAX && self != PF_REDUCE_MIN }
    var isCompensated: Bool { self == PF_REDUCE_COMPENSATED_SUM || self == PF_REDUCE_COMPENSATED_PAIRS }
    /// Results of a block.
    var parts: Int { self == PF_REDUCE_COMPENSATED_PAIRS ? 2 : 1 }
    func accepts(_ type: pf_type) -> Bool { type != PF_BOOL && (!isCompensated || isFloat(type)) }
}

/// Equal bits, all NaNs being equal.
func same(_ a: Bits, _ b: Bits, _ type: pf_type) -> Bool {
    if a == b { return true }
    if type == PF_F32 { return f32(a).isNaN && f32(b).isNaN }
    return type == PF_F64 && Double(bitPattern: a).isNaN && Double(bitPattern: b).isNaN
}

func f32(_ x: Bits) -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: x)) }
func bits(_ x: Float) -> Bits { Bits(x.bitPattern) }

// MARK: - Running the kernels

enum LoopFailure: Error { case malformed, overrun(buffer: Int) }

/// Runs the loop and returns the buffers afterwards. Every buffer stands between guard bytes, which must survive.
func run(_ loop: Loop, level: pf_isa, pool: OpaquePointer) throws -> [Buffer] {
    let guardBytes = 192
    var memory: [UnsafeMutableRawPointer] = []
    defer { memory.forEach { $0.deallocate() } }
    func base(_ i: Int) -> UnsafeMutableRawPointer { memory[i] + guardBytes }
    for buffer in loop.buffers {
        let size = buffer.elements.count * bytes(buffer.type)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size + 2 * guardBytes, alignment: 64)
        raw.initializeMemory(as: UInt8.self, repeating: 0xa5, count: size + 2 * guardBytes)
        memory.append(raw)
        for (i, element) in buffer.elements.enumerated() {
            withUnsafeBytes(of: element) {
                (raw + guardBytes + i * bytes(buffer.type)).copyMemory(
                    from: $0.baseAddress ?? .init(raw), byteCount: bytes(buffer.type))
            }
        }
    }
    func access(_ a: Access) -> pf_access {
        var c = pf_access()
        c.data = base(a.buffer)
        c.offset = Int64(a.offset)
        c.type = loop.buffers[a.buffer].type
        c.reg = UInt16(a.register)
        withUnsafeMutableBytes(of: &c.stride) {
            for (d, s) in a.stride.enumerated() { $0.bindMemory(to: Int64.self)[d] = Int64(s) }
        }
        if let mask = a.mask {
            c.masked = true
            withUnsafeMutableBytes(of: &c.low) {
                for (d, v) in mask.low.enumerated() { $0.bindMemory(to: Int32.self)[d] = Int32(v) }
            }
            withUnsafeMutableBytes(of: &c.high) {
                for (d, v) in mask.high.enumerated() { $0.bindMemory(to: Int32.self)[d] = Int32(v) }
            }
        }
        return c
    }
    let sources = loop.sources.map { source in
        var c = pf_source()
        c.type = source.type
        c.reg = UInt16(source.register)
        switch source.kind {
        case .fill(let bits):
            c.kind = PF_SRC_FILL
            c.bits = bits
        case .load(let a):
            c.kind = PF_SRC_LOAD
            c.access = access(a)
        case .index(let axis, let scale, let start):
            c.kind = PF_SRC_INDEX
            (c.axis, c.scale, c.start) = (Int32(axis), scale, start)
        case .random(let sample, let step, let seed, let stream, let rowLength):
            c.kind = PF_SRC_RANDOM
            c.sample = UnsafePointer(base(sample).assumingMemoryBound(to: UInt32.self))
            c.step = UnsafePointer(base(step).assumingMemoryBound(to: UInt32.self))
            c.seed = UnsafePointer(base(seed).assumingMemoryBound(to: UInt32.self))
            c.stream = stream
            c.row_length = Int64(rowLength)
        }
        return c
    }
    let instructions = loop.instructions.map { i in
        var c = pf_instruction()
        (c.op, c.type, c.to, c.dst) = (
            UInt16(i.op.rawValue), UInt8(i.type.rawValue), UInt8(i.to.rawValue), UInt16(i.dst)
        )
        withUnsafeMutableBytes(of: &c.src) {
            for (k, s) in i.src.enumerated() { $0.bindMemory(to: UInt16.self)[k] = UInt16(s) }
        }
        return c
    }
    let stores = loop.stores.map(access)
    var c = pf_loop()
    c.rank = Int32(loop.extent.count)
    withUnsafeMutableBytes(of: &c.extent) {
        for (d, e) in loop.extent.enumerated() { $0.bindMemory(to: Int64.self)[d] = Int64(e) }
    }
    c.register_count = Int32(loop.registers)
    (c.source_count, c.instruction_count) = (Int32(sources.count), Int32(instructions.count))
    c.store_count = Int32(stores.count)
    if let r = loop.reduction {
        (c.reduction.mode, c.reduction.kind, c.reduction.type) = (r.mode, r.kind, loop.buffers[r.buffer].type)
        (c.reduction.reg, c.reduction.reduced_axes, c.reduction.data) = (
            UInt16(r.register), Int32(r.axes), base(r.buffer)
        )
    }
    _ = pf_isa_select(level)
    let plan = sources.withUnsafeBufferPointer { s in
        instructions.withUnsafeBufferPointer { i in
            stores.withUnsafeBufferPointer { t in
                (c.sources, c.instructions, c.stores) = (s.baseAddress, i.baseAddress, t.baseAddress)
                return pf_loop_prepare(&c)
            }
        }
    }
    guard let plan else { throw LoopFailure.malformed }
    defer { pf_loop_release(plan) }
    pf_pool_run(pool, [pf_loop_step(plan)], 1)

    var result = loop.buffers
    for (b, buffer) in loop.buffers.enumerated() {
        let size = buffer.elements.count * bytes(buffer.type)
        for i in 0..<guardBytes
        where memory[b].load(fromByteOffset: i, as: UInt8.self) != 0xa5
            || memory[b].load(fromByteOffset: guardBytes + size + i, as: UInt8.self) != 0xa5
        {
            throw LoopFailure.overrun(buffer: b)
        }
        for i in buffer.elements.indices {
            var element: Bits = 0
            withUnsafeMutableBytes(of: &element) {
                $0.copyMemory(
                    from: UnsafeRawBufferPointer(start: base(b) + i * bytes(buffer.type), count: bytes(buffer.type)))
            }
            result[b].elements[i] = element
        }
    }
    return result
}

// MARK: - The literal meaning

func reference(_ loop: Loop) -> [Buffer] {
    var result = loop.buffers
    let count = loop.extent.reduce(1, *)
    var reduced: [Bits] = []
    for linear in 0..<count {
        var coordinate = loop.extent
        var rest = linear
        for d in loop.extent.indices.reversed() {
            coordinate[d] = rest % loop.extent[d]
            rest /= loop.extent[d]
        }
        func position(_ a: Access) -> Int { a.offset + zip(coordinate, a.stride).map { $0 * $1 }.reduce(0, +) }
        var registers = [Bits](repeating: 0, count: loop.registers)
        for source in loop.sources {
            switch source.kind {
            case .fill(let bits): registers[source.register] = bits
            case .load(let a):
                let outside = a.mask.map { mask in
                    coordinate.indices.contains { coordinate[$0] < mask.low[$0] || coordinate[$0] >= mask.high[$0] }
                }
                registers[source.register] = outside == true ? 0 : loop.buffers[a.buffer].elements[position(a)]
            case .index(let axis, let scale, let start):
                registers[source.register] = Bits(UInt32(bitPattern: start &+ scale &* Int32(coordinate[axis])))
            case .random(let sample, let step, let seed, let stream, let rowLength):
                let word = { (b: Int, i: Int) in UInt32(loop.buffers[b].elements[i]) }
                registers[source.register] = Bits(
                    pf_random(
                        UInt32(linear % rowLength), word(sample, linear / rowLength), word(step, 0), stream,
                        word(seed, 0), word(seed, 1)))
            }
        }
        for i in loop.instructions {
            registers[i.dst] = evaluate(i.op, i.type, i.to, i.src.map { registers[$0] }) ?? 0
        }
        for store in loop.stores { result[store.buffer].elements[position(store)] = registers[store.register] }
        if let r = loop.reduction { reduced.append(registers[r.register]) }
    }
    if let r = loop.reduction { reduce(r, reduced, loop.extent, &result[r.buffer]) }
    return result
}

private func reduce(_ r: Reduction, _ values: [Bits], _ extent: [Int], _ result: inout Buffer) {
    let inner = r.mode == PF_REDUCE_COLUMNS ? extent[extent.count - 1] : 1
    let last = r.mode == PF_REDUCE_COLUMNS ? extent.count - 1 : extent.count
    let length = extent[(last - r.axes)..<last].reduce(1, *)
    let outer = extent[..<(last - r.axes)].reduce(1, *)
    let type = result.type
    let identity: Bits
    if r.kind.isSum {
        identity = 0
    } else {
        let lowest = r.kind == PF_REDUCE_MAX
        switch type {
        case PF_F32: identity = bits(lowest ? -.infinity : .infinity)
        case PF_F64: identity = (lowest ? -Double.infinity : .infinity).bitPattern
        case PF_I32: identity = Bits(UInt32(bitPattern: lowest ? Int32.min : .max))
        case PF_U32: identity = lowest ? 0 : Bits(UInt32.max)
        default: identity = lowest ? 0 : 255
        }
    }
    func add(_ a: Bits, _ b: Bits) -> Bits { evaluate(PF_OP_ADD, type, type, [a, b]) ?? 0 }
    func subtract(_ a: Bits, _ b: Bits) -> Bits { evaluate(PF_OP_SUB, type, type, [a, b]) ?? 0 }
    func combine(_ a: Bits, _ b: Bits) -> Bits {
        if r.kind == PF_REDUCE_SUM { return add(a, b) }
        let before = r.kind == PF_REDUCE_MAX ? [b, a] : [a, b]
        let first = evaluate(PF_OP_LESS, type, type, before) == 1 || evaluate(PF_OP_NOT_EQUAL, type, type, [a, a]) == 1
        return first ? a : b
    }
    // Lanes of compensated sums; those of others have no rest.
    typealias Lane = (value: Bits, rest: Bits)
    func take(_ a: Lane, _ x: Bits) -> Lane {
        guard r.kind.isCompensated else { return (combine(a.value, x), 0) }
        let total = add(a.value, x)
        let taken = subtract(total, a.value)
        let error = add(subtract(a.value, subtract(total, taken)), subtract(x, taken))
        return (total, add(a.rest, error))
    }
    func join(_ a: Lane, _ b: Lane) -> Lane { take((a.value, add(a.rest, b.rest)), b.value) }
    func results(_ a: Lane) -> [Bits] {
        guard r.kind.isCompensated else { return [a.value] }
        let total = add(a.value, a.rest)
        let isFinite = evaluate(PF_OP_IS_FINITE, type, PF_BOOL, [total]) == 1
        if r.kind == PF_REDUCE_COMPENSATED_SUM { return [isFinite ? total : a.value] }
        return [a.value, isFinite ? a.rest : 0]
    }
    let blocks = max(1, (length + 1023) / 1024)
    for o in 0..<outer {
        for block in 0..<blocks {
            for c in 0..<inner {
                var lanes = [Lane?](repeating: nil, count: 32)
                for e in (block * 1024)..<max(block * 1024, min(length, block * 1024 + 1024)) {
                    let value = values[(o * length + e) * inner + c]
                    lanes[e % 32] = lanes[e % 32].map { take($0, value) } ?? (value, 0)
                }
                var tree = lanes.map { $0 ?? (identity, 0) }
                for half in [16, 8, 4, 2, 1] {
                    tree = (0..<half).map { join(tree[$0], tree[$0 + half]) }
                }
                for (part, value) in results(tree[0]).enumerated() {
                    result.elements[((o * blocks + block) * r.kind.parts + part) * inner + c] = value
                }
            }
        }
    }
}
