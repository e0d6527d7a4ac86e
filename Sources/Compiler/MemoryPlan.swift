import Graph

extension Schedule {
    /// Alignment of every buffer in the arena, bytes.
    static let alignment = 256
    /// Bytes kept free around each buffer when memory is separate.
    public static let guardByteCount = 256

    /// Gives every buffer of its own a place in the arena. Buffers share memory when their lifetimes (first to last step
    /// that touches them) do not meet; a result takes over the memory of an operand that dies in the step that makes it,
    /// element for element.
    mutating func plan(_ options: CompileOptions, pieceByteCount: Int) {
        var life = lifetimes()
        switch options.memory {
        case .separate:
            var offset = Schedule.guardByteCount
            for index in buffers.indices where life[index] != nil {
                buffers[index].place = .arena(offset)
                offset += aligned(buffers[index].byteCount) + Schedule.guardByteCount
            }
            arenaByteCount = offset
        case .planned, .poisoned:
            let owner = shareInPlace(&life)
            place(life, owner, pieceByteCount)
            if options.memory == .poisoned { poison(life, owner) }
        }
    }

    private func aligned(_ bytes: Int) -> Int {
        (Swift.max(bytes, 1) + Schedule.alignment - 1) / Schedule.alignment * Schedule.alignment
    }

    /// First and last step that touches each buffer of the arena.
    private func lifetimes() -> [ClosedRange<Int>?] {
        var life = [ClosedRange<Int>?](repeating: nil, count: buffers.count)
        for (index, step) in steps.enumerated() {
            for id in step.reads + step.writes + [step.workspace].compactMap({ $0 }) {
                guard case .arena = buffers[id.index].place else { continue }
                life[id.index] = (life[id.index]?.lowerBound ?? index)...index
            }
        }
        return life
    }

    /// Lets results of fused loops take over operands that die there. Returns, for each buffer, the one whose memory it
    /// uses; lifetimes of owners grow accordingly.
    private func shareInPlace(_ life: inout [ClosedRange<Int>?]) -> [Int] {
        var owner = Array(buffers.indices)
        for (index, step) in steps.enumerated() {
            guard case .loops(let loops) = step.kernel else { continue }
            var taken: Set<Int> = []
            for loop in loops where loop.reduction == nil {
                for store in loop.stores {
                    let result = store.access.buffer.index
                    guard case .arena = buffers[result].place, owner[result] == result,
                        life[result]?.lowerBound == index
                    else { continue }
                    for source in loop.sources {
                        guard case .load(let access) = source else { continue }
                        let operand = owner[access.buffer.index]
                        guard case .arena = buffers[operand].place, let lived = life[operand],
                            lived.upperBound == index,
                            lived.lowerBound < index, !taken.contains(operand),
                            access.scalar.byteCount == store.access.scalar.byteCount, access.map == store.access.map,
                            buffers[operand].byteCount == buffers[result].byteCount,
                            owner[access.buffer.index] != result, let extended = life[result],
                            step.reads.count(where: { owner[$0.index] == operand }) == 1
                        else { continue }
                        owner[result] = operand
                        life[operand] = lived.lowerBound...extended.upperBound
                        taken.insert(operand)
                        break
                    }
                }
            }
        }
        return owner
    }

    /// Bytes of a piece of the arena where one allocation may have `limit` bytes.
    public static func pieceByteCount(limit: Int) -> Int { Swift.max(limit / alignment, 1) * alignment }

    /// Largest first, each at the lowest offset that is free throughout its life and in one piece of the arena. (A buffer
    /// that is larger than a piece begins one; the device will say that it cannot have it.)
    private mutating func place(_ life: [ClosedRange<Int>?], _ owner: [Int], _ pieceByteCount: Int) {
        let owners = buffers.indices.filter { owner[$0] == $0 && life[$0] != nil }
        let order = owners.sorted { (buffers[$1].byteCount, $0) < (buffers[$0].byteCount, $1) }
        var placed: [(offset: Int, end: Int, life: ClosedRange<Int>)] = []
        for index in order {
            guard let lived = life[index] else { continue }
            let size = aligned(buffers[index].byteCount)
            func uncut(_ offset: Int) -> Int {
                let left = pieceByteCount - offset % pieceByteCount
                return size <= left || left == pieceByteCount ? offset : offset + left
            }
            var offset = 0
            for other in placed where other.life.overlaps(lived) {
                if offset + size <= other.offset { break }
                offset = uncut(Swift.max(offset, other.end))
            }
            buffers[index].place = .arena(offset)
            let position = placed.firstIndex { $0.offset > offset } ?? placed.count
            placed.insert((offset, offset + size, lived), at: position)
            arenaByteCount = Swift.max(arenaByteCount, offset + size)
        }
        for index in buffers.indices where owner[index] != index && life[index] != nil {
            var root = owner[index]
            while owner[root] != root { root = owner[root] }
            buffers[index].place = buffers[root].place
        }
    }

    /// Overwrites memory with NaN as soon as its last user has run.
    private mutating func poison(_ life: [ClosedRange<Int>?], _ owner: [Int]) {
        var poisoned: [Step] = []
        for (index, step) in steps.enumerated() {
            poisoned.append(step)
            for buffer in buffers.indices where owner[buffer] == buffer && life[buffer]?.upperBound == index {
                let id = BufferID(index: buffer)
                poisoned.append(
                    Step(kernel: .fill(id, byte: 0xFF), label: "poison", reads: [], writes: [id], workspace: nil))
            }
        }
        steps = poisoned
    }
}
