import CPUKernels
import Compiler
import Graph

/// Sets the elements of a C array that Swift sees as a tuple.
private func fill<Tuple, Element>(_ tuple: inout Tuple, _ values: [Element]) {
    withUnsafeMutableBytes(of: &tuple) { raw in
        for (index, value) in values.enumerated() {
            raw.storeBytes(of: value, toByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
        }
    }
}

extension Access {
    func arguments(register: Int, _ resolve: Resolve) -> pf_access {
        var result = pf_access()
        result.data = resolve(buffer)
        result.offset = Int64(map.offset)
        fill(&result.stride, map.strides.map(Int64.init))
        fill(&result.low, map.valid.map { Int32(clamping: $0.lowerBound) })
        fill(&result.high, map.valid.map { Int32(clamping: $0.upperBound) })
        result.masked = map.isMasked
        result.type = scalar.cType
        result.reg = UInt16(register)
        return result
    }
}

extension LoopSource {
    func arguments(register: Int, _ resolve: Resolve) -> pf_source {
        var result = pf_source()
        result.reg = UInt16(register)
        switch self {
        case .constant(let literal):
            result.kind = PF_SRC_FILL
            result.type = literal.scalar.cType
            result.bits = literal.bits
        case .load(let access):
            result.kind = PF_SRC_LOAD
            result.type = access.scalar.cType
            result.access = access.arguments(register: register, resolve)
        case .index(let axis, let scale, let start):
            result.kind = PF_SRC_INDEX
            result.type = PF_I32
            (result.axis, result.scale, result.start) = (
                Int32(axis), Int32(truncatingIfNeeded: scale), Int32(truncatingIfNeeded: start)
            )
        case .random(let stream, let sample, let step, let seed, let rowLength):
            result.kind = PF_SRC_RANDOM
            result.type = PF_U32
            result.stream = stream
            result.row_length = Int64(rowLength)
            result.sample = UnsafePointer(sample.pointer(.uint32, resolve)?.assumingMemoryBound(to: UInt32.self))
            result.step = UnsafePointer(step.pointer(.uint32, resolve)?.assumingMemoryBound(to: UInt32.self))
            result.seed = UnsafePointer(seed.pointer(.uint32, resolve)?.assumingMemoryBound(to: UInt32.self))
        }
        return result
    }
}

extension LoopInstruction {
    /// - Parameter mask: the operands, if it masks.
    func arguments(register: Int, mask: [Int]?) -> pf_instruction {
        var result = pf_instruction()
        result.op = UInt16((mask == nil ? op.cOp : PF_OP_MASK).rawValue)
        result.type = UInt8(operandType.cType.rawValue)
        result.to = UInt8(resultType.cType.rawValue)
        result.dst = UInt16(register)
        fill(&result.src, (mask ?? operands).map { UInt16($0) })
        return result
    }
}

extension FusedLoop {
    /// Prepares the loop; nil when memory runs out or the loop has more axes than the kernels take.
    func prepare(_ resolve: Resolve) -> OpaquePointer? {
        guard extents.count <= Int(PF_MAX_RANK) else { return nil }
        let gate = gate
        let masks = LoopMasks(self)
        let cSources = sources.enumerated().map { $1.arguments(register: $0, resolve) }
        let cInstructions = instructions.enumerated()
            .filter { gate?.selections.contains($0.offset) != true && !masks.comparisons.contains($0.offset) }
            .map { $1.arguments(register: sources.count + $0, mask: masks.operands[$0]) }
        let cStores = stores.enumerated().map { index, store in
            store.access.arguments(register: gate?.registers[index] ?? store.register, resolve)
        }
        var loop = pf_loop()
        if let condition = gate?.condition {
            loop.gate = resolve(condition.buffer).map {
                UnsafePointer($0.assumingMemoryBound(to: UInt8.self) + condition.map.offset)
            }
        }
        loop.rank = Int32(extents.count)
        fill(&loop.extent, extents.map(Int64.init))
        loop.register_count = Int32(sources.count + instructions.count)
        loop.source_count = Int32(sources.count)
        loop.instruction_count = Int32(cInstructions.count)
        loop.store_count = Int32(stores.count)
        if let reduction {
            loop.reduction.mode = reductionMode == .rows ? PF_REDUCE_ROWS : PF_REDUCE_COLUMNS
            loop.reduction.kind =
                switch reduction.kind {
                case .sum: PF_REDUCE_SUM
                case .max: PF_REDUCE_MAX
                case .min: PF_REDUCE_MIN
                case .compensatedSum: reduction.leavesPairs ? PF_REDUCE_COMPENSATED_PAIRS : PF_REDUCE_COMPENSATED_SUM
                }
            loop.reduction.type = reduction.scalar.cType
            loop.reduction.reg = UInt16(reduction.register)
            loop.reduction.reduced_axes = Int32(reduction.axes.count)
            loop.reduction.data = resolve(reduction.result)
        }
        return cSources.withUnsafeBufferPointer { sources in
            cInstructions.withUnsafeBufferPointer { instructions in
                cStores.withUnsafeBufferPointer { stores in
                    loop.sources = sources.baseAddress
                    loop.instructions = instructions.baseAddress
                    loop.stores = stores.baseAddress
                    return pf_loop_prepare(&loop)
                }
            }
        }
    }
}
