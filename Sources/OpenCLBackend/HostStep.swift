import Compiler
import Execution

/// A step that the device has no kernel for, run by another backend: operands are read, results written back.
final class HostStep {
    private let step: any Executable
    private let device: OpenCLBackend
    private let operands: [(place: Place, buffer: any Buffer, isWritten: Bool)]

    init(
        _ step: Step, of schedule: Schedule, places: [Place?], backend: OpenCLBackend, options: CompileOptions
    ) throws(DeviceError) {
        device = backend
        let host = backend.host
        // One step has no memory to plan: its workspace is all of the arena, without room for guards.
        var options = options
        options.memory = .planned
        let workspace = host.workspaceByteCount(step.kernel, options)
        let (isolated, bindings) = schedule.isolated(step, workspaceByteCount: workspace)
        var operands: [(place: Place, buffer: any Buffer, isWritten: Bool)] = []
        for id in bindings {
            guard let place = places[id.index] else {
                throw DeviceError(backend.name, "a step's memory was not planned")
            }
            let buffer = try host.allocate(schedule.buffers[id.index].byteCount)
            operands.append((place, buffer, step.writes.contains(id)))
        }
        self.operands = operands
        self.step = try host.compile(isolated, bound: operands.map(\.buffer), options: options)
    }

    func run() throws(DeviceError) {
        for operand in operands where operand.buffer.byteCount > 0 {
            try transfer(operand.buffer.byteCount) { bytes throws(DeviceError) in
                guard let target = bytes.baseAddress else { return }
                try device.read(operand.place.memory, at: operand.place.offset, into: target, bytes.count)
                try device.host.write(UnsafeRawBufferPointer(bytes), to: operand.buffer, at: 0)
            }
        }
        try step.submit()
        for operand in operands where operand.isWritten && operand.buffer.byteCount > 0 {
            try transfer(operand.buffer.byteCount) { bytes throws(DeviceError) in
                try device.host.read(operand.buffer, at: 0, into: bytes)
                try device.writeNow(UnsafeRawBufferPointer(bytes), to: operand.place.memory, at: operand.place.offset)
            }
        }
    }

    private func transfer(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(DeviceError) -> Void
    ) throws(DeviceError) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        defer { bytes.deallocate() }
        try body(bytes)
    }
}
