import Graph

extension Schedule {
    /// Gathers small loops that do not wait for each other into one step: the updates of all parameters, the norms of
    /// all gradients. Only loops that follow each other are looked at, and each may only make little that others wait
    /// for, so that no large result lives longer than before.
    mutating func gatherLoops() {
        var gathered: [Step] = []
        var run: [Step] = []
        for step in steps {
            if isSmallLoop(step) {
                run.append(step)
            } else {
                gathered += Schedule.gathered(run) + [step]
                run = []
            }
        }
        steps = gathered + Schedule.gathered(run)
    }

    /// Bytes in the arena that a loop may make to be gathered.
    private static let mostBytes = 1 << 16
    /// Buffers that the loops of a step may touch: a device passes each as an address and an offset, 16 bytes, and may
    /// allow no more than 1024 bytes of arguments (CL_DEVICE_MAX_PARAMETER_SIZE of OpenCL 1.2).
    private static let mostBuffers = 60

    private func isSmallLoop(_ step: Step) -> Bool {
        guard case .loops = step.kernel else { return false }
        let made = step.writes.map { id in
            if case .arena = buffers[id.index].place { buffers[id.index].byteCount } else { 0 }
        }
        return made.reduce(0, +) <= Schedule.mostBytes
    }

    /// Loops in rounds: each in the first round that everything it waits for has left behind.
    private static func gathered(_ run: [Step]) -> [Step] {
        var rounds: [[Step]] = []
        // The first round in which a buffer may be read, and the one in which it may be written.
        var readable: [BufferID: Int] = [:], writable: [BufferID: Int] = [:]
        for step in run {
            let round = (step.reads.map { readable[$0] ?? 0 } + step.writes.map { writable[$0] ?? 0 }).max() ?? 0
            for id in step.reads { writable[id] = Swift.max(writable[id] ?? 0, round + 1) }
            for id in step.writes { (readable[id], writable[id]) = (round + 1, round + 1) }
            if round == rounds.count { rounds.append([]) }
            rounds[round].append(step)
        }
        return rounds.flatMap(joined)
    }

    private static func joined(_ round: [Step]) -> [Step] {
        var groups: [[Step]] = []
        for step in round {
            // Devices without float64 leave whole steps to the CPU.
            let place = groups.firstIndex { group in
                group[0].hasFloat64 == step.hasFloat64
                    && Set((group + [step]).flatMap { $0.reads + $0.writes }).count <= mostBuffers
            }
            if let place { groups[place].append(step) } else { groups.append([step]) }
        }
        return groups.map { group in
            guard group.count > 1 else { return group[0] }
            return Step(
                kernel: .loops(group.flatMap(\.loops)), label: "\(group[0].label) and \(group.count - 1) other loops",
                reads: group.flatMap(\.reads), writes: group.flatMap(\.writes), workspace: nil)
        }
    }
}

extension Step {
    fileprivate var loops: [FusedLoop] { if case .loops(let loops) = kernel { loops } else { [] } }
    fileprivate var hasFloat64: Bool { loops.contains(where: \.hasFloat64) }
}
