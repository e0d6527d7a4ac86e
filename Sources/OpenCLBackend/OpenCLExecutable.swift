import COpenCL
import Compiler
import Execution
import Graph

/// A schedule as a list of commands whose arguments are all set; a run only enqueues.
final class OpenCLExecutable: Executable {
    private let backend: OpenCLBackend
    private let steps: [[Command]]
    private let resources: Resources
    let arenaByteCount: Int
    let commandCount: Int

    init(
        _ schedule: Schedule, bound: [OpenCLBuffer], options: CompileOptions, backend: OpenCLBackend
    ) throws(DeviceError) {
        self.backend = backend
        (steps, resources) = try CommandLowering.lower(schedule, bound: bound, options: options, backend: backend)
        arenaByteCount = schedule.arenaByteCount
        commandCount = steps.reduce(0) { $0 + OpenCLExecutable.count($1) }
    }

    func submit() throws(DeviceError) {
        var enqueued = 0
        for commands in steps { try submit(commands, &enqueued) }
        try backend.status.check(clFlush(backend.queue.handle), "the device does not take work")
    }

    func measure() throws(DeviceError) -> [Double] {
        try backend.synchronize()
        var seconds: [Double] = []
        for commands in steps {
            let time = try secondsTaken { () throws(DeviceError) in
                var enqueued = 0
                try submit(commands, &enqueued)
                try backend.synchronize()
            }
            seconds.append(time)
        }
        return seconds
    }

    /// Drivers gather commands until they are flushed; so the device begins while the host goes on.
    private static let commandsPerFlush = 50

    private func submit(_ commands: [Command], _ enqueued: inout Int) throws(DeviceError) {
        let queue = backend.queue.handle
        for command in commands {
            switch command {
            case .kernel(let kernel, let rank, let sizes, let label):
                let answer = clEnqueueNDRangeKernel(queue, kernel, rank, nil, sizes, sizes + 3, 0, nil, nil)
                guard answer == CL_SUCCESS else { throw failure(answer, label) }
                enqueued += 1
                if enqueued % OpenCLExecutable.commandsPerFlush == 0 { clFlush(queue) }
            case .fill(let place, let count, let byte):
                try backend.fill(place.memory, offset: place.offset, byteCount: count, byte: byte)
            case .host(let step): try step.run()
            case .clblast(let step, let label): try step.enqueue(backend, label)
            case .region(let region):
                for turn in 0..<region.count {
                    var number = Int32(truncatingIfNeeded: turn)
                    let answer = clEnqueueFillBuffer(
                        queue, region.turn.memory.handle, &number, 4, region.turn.offset, 4, 0, nil, nil)
                    guard answer == CL_SUCCESS else { throw failure(answer, "a loop") }
                    for copy in region.histories {
                        try backend.copy(
                            copy.from, to: copy.to.advanced(by: turn * copy.byteCount), byteCount: copy.byteCount)
                    }
                    try submit(region.body, &enqueued)
                }
            }
        }
    }

    private static func count(_ commands: [Command]) -> Int {
        commands.reduce(0) { sum, command in
            guard case .region(let region) = command else { return sum + 1 }
            return sum + region.count * (1 + region.histories.count + count(region.body))
        }
    }

    private func failure(_ answer: cl_int, _ label: String) -> DeviceError {
        backend.status.error(answer, "\(label) could not be started")
    }

    func brokenGuards() -> [String] {
        resources.guards.filter { !$0.isIntact(backend) }.map(\.name)
    }
}

/// Memory from a byte on.
struct Place {
    let memory: Memory
    var offset: Int

    func advanced(by count: Int) -> Place { Place(memory: memory, offset: offset + count) }
}

/// What a run does, in order.
enum Command {
    /// `sizes`: three global, then three local sizes.
    case kernel(cl_kernel, rank: cl_uint, sizes: UnsafePointer<Int>, label: String)
    case fill(Place, byteCount: Int, byte: UInt8)
    case host(HostStep)
    case clblast(CLBlastStep, label: String)
    case region(Region)

    struct Region {
        struct Copy {
            var from: Place
            var to: Place
            var byteCount: Int
        }
        var count: Int
        var turn: Place
        var histories: [Copy]
        var body: [Command]
    }
}

/// Bytes beside a buffer that nothing may change.
struct Guard {
    static let byte: UInt8 = 0xA5
    let name: String
    let place: Place

    func isIntact(_ backend: OpenCLBackend) -> Bool {
        var bytes = [UInt8](repeating: 0, count: Schedule.guardByteCount)
        let count = bytes.count
        let isRead: Void? = bytes.withUnsafeMutableBytes { raw in
            raw.baseAddress.flatMap { try? backend.read(place.memory, at: place.offset, into: $0, count) }
        }
        return isRead != nil && bytes.allSatisfy { $0 == Guard.byte }
    }
}

/// What the commands point to, released with the executable.
final class Resources {
    var kernels: [KernelHandle] = []
    var memory: [Memory] = []
    var guards: [Guard] = []
    private var sizes: [UnsafeMutablePointer<Int>] = []

    deinit { for pointer in sizes { pointer.deallocate() } }

    func keep(_ values: [Int]) -> UnsafePointer<Int> {
        let pointer = UnsafeMutablePointer<Int>.allocate(capacity: values.count)
        pointer.initialize(from: values, count: values.count)
        sizes.append(pointer)
        return UnsafePointer(pointer)
    }
}
