extension Schedule {
    /// Whether any step touches a buffer; the plan gives no place to others.
    public func isUsed(_ id: BufferID) -> Bool {
        steps.contains { $0.reads.contains(id) || $0.writes.contains(id) || $0.workspace == id }
    }

    /// One step as a schedule of its own, for another device.
    ///
    /// - Returns: the schedule, and the buffers of this one that its externals are.
    public func isolated(_ step: Step, workspaceByteCount: Int) -> (schedule: Schedule, bindings: [BufferID]) {
        var result = Schedule()
        result.buffers = buffers.map { BufferInfo(name: $0.name, byteCount: $0.byteCount, place: .arena(0)) }
        var bindings: [BufferID] = []
        for id in step.reads + step.writes where !bindings.contains(id) {
            result.buffers[id.index].place = .external(bindings.count)
            result.externals.append(.input(bindings.count))
            bindings.append(id)
        }
        var only = step
        only.workspace = nil
        if workspaceByteCount > 0 {
            only.workspace = BufferID(index: result.buffers.count)
            result.buffers.append(
                BufferInfo(name: "workspace", byteCount: workspaceByteCount, place: .arena(0)))
            result.arenaByteCount = workspaceByteCount
        }
        result.steps = [only]
        return (result, bindings)
    }
}
