import CPUKernels
import Testing

/// Float32 operations of which one alone reads what another computes: they run as chains.
@Suite(.serialized) struct LoopChainTests {
    private static let binary = [PF_OP_ADD, PF_OP_SUB, PF_OP_MUL, PF_OP_DIV, PF_OP_MASK]
    private static let unary = [PF_OP_NEG, PF_OP_SQRT]

    /// Each operation after each, with either operand coming down and the other one per element or one for all.
    @Test(arguments: [1, 5, 16, 127, 128, 129, 300, 1025])
    func pairs(size: Int) throws {
        var random = SplitMix(state: UInt64(size))
        for first in Self.binary + Self.unary {
            for second in Self.binary + Self.unary {
                for (isSecondOperand, isConstant) in [(false, false), (true, false), (false, true), (true, true)] {
                    var loop = program(size, constants: isConstant ? 1 : 0, &random)
                    loop.instructions = [
                        instruction(first, dst: 4, 0, 1), instruction(second, dst: 5, 4, 2, turned: isSecondOperand),
                        instruction(first, dst: 6, 5, 3, turned: !isSecondOperand),
                    ]
                    try store(6, of: &loop)
                    try verify(loop, "\(first) \(second) \(isSecondOperand) \(isConstant)")
                }
            }
        }
    }

    /// Programs by chance: results that are read twice, stored on the way, stored in place of what was loaded, reduced;
    /// chains longer than one step holds; other operations and types between.
    @Test(arguments: 0..<60)
    func programs(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed) + 1000)
        let sizes = [1, 15, 64, 130, 1024, 2300]
        let size = sizes[random.below(sizes.count)]
        var loop = program(size, constants: random.below(3), &random)
        let count = 3 + random.below(30)
        for k in 0..<count {
            // Mostly the result of the step before, so that chains grow.
            let left = random.below(4) > 0 && k > 0 ? 3 + k : random.below(4 + k)
            let right = random.below(4 + k)
            let ops = Self.binary + Self.unary + [PF_OP_MAX, PF_OP_ABS]
            loop.instructions.append(
                instruction(
                    ops[random.below(ops.count)], dst: 4 + k, left, right, turned: random.below(2) == 0))
        }
        loop.registers = 4 + count
        for _ in 0..<random.below(3) { try store(4 + random.below(count), of: &loop) }
        if random.below(2) == 0, case .load(let place) = loop.sources[0].kind {
            loop.stores.append(Access(buffer: place.buffer, stride: [1], register: 3 + count))
        } else {
            try store(3 + count, of: &loop)
        }
        try verify(loop, "program \(seed)")
    }

    /// Four float32 operands, the last `constants` of them one element for all.
    private func program(_ size: Int, constants: Int, _ random: inout SplitMix) -> Loop {
        var loop = Loop(extent: [size], buffers: (0..<4).map { _ in random.buffer(PF_F32, size) }, registers: 7)
        for k in 0..<4 {
            let fill = Source.Kind.fill(loop.buffers[k].elements[0])
            let load = Source.Kind.load(Access(buffer: k, stride: [1], register: k))
            loop.sources.append(Source(kind: k >= 4 - constants ? fill : load, type: PF_F32, register: k))
        }
        return loop
    }

    private func instruction(
        _ op: pf_op, dst: Int, _ left: Int, _ right: Int, turned: Bool = false
    ) -> Instruction {
        let operands = operandCount(op) == 1 ? [left] : turned ? [right, left] : [left, right]
        return Instruction(op, PF_F32, dst: dst, src: operands)
    }

    private func store(_ register: Int, of loop: inout Loop) throws {
        let size = try #require(loop.extent.first)
        loop.buffers.append(Buffer(type: PF_F32, elements: .init(repeating: 0, count: size)))
        loop.stores.append(Access(buffer: loop.buffers.count - 1, stride: [1], register: register))
    }
}
