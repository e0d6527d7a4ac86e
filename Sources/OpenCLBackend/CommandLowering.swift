import COpenCL
import Compiler
import Execution
import Graph

/// Turns a schedule into commands: finds memory, gathers the texts of all kernels into one program, sets arguments.
struct CommandLowering {
    private let options: CompileOptions
    private let backend: OpenCLBackend
    private let target: Target
    private let resources = Resources()
    private var texts: [KernelText] = []
    private var hostStepCount = 0

    /// - Parameter bound: the memory of the schedule's externals.
    /// - Returns: each step's commands.
    static func lower(
        _ schedule: Schedule, bound: [OpenCLBuffer], options: CompileOptions, backend: OpenCLBackend
    ) throws(DeviceError) -> (steps: [[Command]], resources: Resources) {
        var lowering = CommandLowering(options: options, backend: backend)
        lowering.resources.memory += bound.map(\.memory)
        let pending = try lowering.pending(schedule, workspace: nil) { Place(memory: bound[$0].memory, offset: 0) }
        if lowering.hostStepCount > 0 {
            backend.tell("\(backend.name) leaves steps with float64 to the CPU")
        }
        try backend.build(lowering.texts, options)
        var steps: [[Command]] = []
        for step in pending { steps.append(try lowering.commands(step)) }
        return (steps, lowering.resources)
    }

    private init(options: CompileOptions, backend: OpenCLBackend) {
        self.options = options
        self.backend = backend
        target = backend.target(options)
    }

    // MARK: memory

    /// Where each buffer lies; nil for those that no step touches.
    private func places(
        _ schedule: Schedule, workspace: Place?, external: (Int) -> Place
    ) throws(DeviceError) -> [Place?] {
        var pieces: [Memory] = []
        let pieceByteCount = Schedule.pieceByteCount(limit: backend.allocationLimit)
        if workspace == nil, options.memory != .separate {
            for start in stride(from: 0, to: schedule.arenaByteCount, by: pieceByteCount) {
                pieces.append(try makeMemory(min(schedule.arenaByteCount - start, pieceByteCount)))
            }
        }
        var places: [Place?] = []
        for (index, buffer) in schedule.buffers.enumerated() {
            switch buffer.place {
            case .external(let number): places.append(external(number))
            case .arena(let offset):
                guard schedule.isUsed(BufferID(index: index)) else {
                    places.append(nil)
                    continue
                }
                if options.memory == .separate {
                    places.append(try separate(buffer))
                } else if let workspace {
                    places.append(workspace.advanced(by: offset))
                } else {
                    guard buffer.byteCount <= pieceByteCount else {
                        throw backend.beyondLimit(buffer.byteCount, "\(buffer.name): ")
                    }
                    places.append(Place(memory: pieces[offset / pieceByteCount], offset: offset % pieceByteCount))
                }
            }
        }
        return places
    }

    /// Memory that lives as long as the commands: a kernel's arguments do not keep it.
    private func makeMemory(_ byteCount: Int) throws(DeviceError) -> Memory {
        let memory = try backend.makeMemory(byteCount)
        resources.memory.append(memory)
        return memory
    }

    /// Memory for one buffer alone, between guards if wanted.
    private func separate(_ buffer: BufferInfo) throws(DeviceError) -> Place {
        guard backend.options.hasGuards else {
            return Place(memory: try makeMemory(buffer.byteCount), offset: 0)
        }
        let width = Schedule.guardByteCount
        let memory = try makeMemory(buffer.byteCount + 2 * width)
        for offset in [0, width + buffer.byteCount] {
            try backend.fill(memory, offset: offset, byteCount: width, byte: Guard.byte)
            resources.guards.append(Guard(name: buffer.name, place: Place(memory: memory, offset: offset)))
        }
        return Place(memory: memory, offset: width)
    }

    // MARK: commands

    /// A command whose kernel is not built yet.
    private enum Pending {
        case launch(Launch, workspace: Place?, places: [Place?], label: String)
        case ready(Command)
        case region(Command.Region, body: [Pending])
    }

    private mutating func pending(
        _ schedule: Schedule, workspace: Place?, external: (Int) -> Place
    ) throws(DeviceError) -> [[Pending]] {
        let places = try places(schedule, workspace: workspace, external: external)
        var result: [[Pending]] = []
        for step in schedule.steps {
            if step.kernel.isForHost {
                let host = try HostStep(step, of: schedule, places: places, backend: backend, options: options)
                result.append([.ready(.host(host))])
                hostStepCount += 1
                continue
            }
            if let fast = try fastProduct(step.kernel, places) {
                result.append([.ready(.clblast(fast, label: step.label))])
                continue
            }
            let workspace = step.workspace.flatMap { places[$0.index] }
            switch step.kernel {
            case .fill(let id, let byte):
                let count = schedule.buffers[id.index].byteCount
                let place = places[id.index]
                result.append(count > 0 ? [.ready(.fill(try found(place), byteCount: count, byte: byte))] : [])
            case .region(let region):
                result.append([try pending(region, workspace: workspace, places)])
            case .loops, .matmul, .convolution, .gather, .scatterAdd, .argsort, .argmax, .cumulativeSum, .linearAlgebra,
                .composite:
                let launches = step.kernel.launches(target).filter { !$0.global.contains(0) }
                texts += launches.map(\.text)
                result.append(
                    launches.map { .launch($0, workspace: workspace, places: places, label: step.label) })
            }
        }
        return result
    }

    private func fastProduct(_ kernel: Kernel, _ places: [Place?]) throws(DeviceError) -> CLBlastStep? {
        guard case .matmul(let matmul) = kernel, options.math == .fast, !matmul.takesTensorCores(target)
        else { return nil }
        guard let library = backend.clblast else {
            backend.tell("libclblast1 is not installed; --math fast multiplies matrices with our own kernels")
            return nil
        }
        let (a, b, c) = (places[matmul.a.buffer.index], places[matmul.b.buffer.index], places[matmul.c.index])
        return try CLBlastStep(matmul, library, a: try found(a), b: try found(b), c: try found(c), backend)
    }

    private mutating func pending(
        _ region: RegionKernel, workspace: Place?, _ places: [Place?]
    ) throws(DeviceError) -> Pending {
        let turn = try found(places[region.turn.index])
        var histories: [Command.Region.Copy] = []
        for history in region.histories where history.rowBytes > 0 {
            let from = try found(places[history.carry.index])
            let to = try found(places[history.history.index])
            histories.append(Command.Region.Copy(from: from, to: to, byteCount: history.rowBytes))
        }
        var bindings: [Place] = []
        for id in region.bindings { bindings.append(try found(places[id.index])) }
        // A body without memory of its own has no workspace; any place will do.
        let body = try pending(region.body, workspace: workspace ?? turn) { bindings[$0] }.flatMap { $0 }
        return .region(Command.Region(count: region.count, turn: turn, histories: histories, body: []), body: body)
    }

    private func commands(_ pending: [Pending]) throws(DeviceError) -> [Command] {
        var result: [Command] = []
        for item in pending {
            switch item {
            case .ready(let command): result.append(command)
            case .region(var region, let body):
                region.body = try commands(body)
                result.append(.region(region))
            case .launch(let launch, let workspace, let places, let label):
                let kernel = try backend.makeKernel(launch.text)
                var index: cl_uint = 0
                for argument in launch.arguments {
                    try set(argument, of: kernel, at: &index, workspace: workspace, places)
                }
                resources.kernels.append(kernel)
                func padded(_ sizes: [Int]) -> [Int] { sizes + [Int](repeating: 1, count: 3 - sizes.count) }
                let sizes = resources.keep(padded(launch.global) + padded(launch.local))
                result.append(
                    .kernel(kernel.handle, rank: cl_uint(launch.global.count), sizes: sizes, label: label))
            }
        }
        return result
    }

    private func set(
        _ argument: Argument, of kernel: KernelHandle, at index: inout cl_uint, workspace: Place?, _ places: [Place?]
    ) throws(DeviceError) {
        func set<T: BitwiseCopyable>(_ value: T) throws(DeviceError) {
            var value = value
            try backend.status.check(
                clSetKernelArg(kernel.handle, index, MemoryLayout<T>.size, &value), "an argument could not be set")
            index += 1
        }
        func set(_ place: Place) throws(DeviceError) {
            try set(place.memory.handle as cl_mem?)
            try set(cl_ulong(place.offset))
        }
        switch argument {
        case .buffer(let id, let offset): try set(try found(places[id.index]).advanced(by: offset))
        case .workspace(let offset): try set(try found(workspace).advanced(by: offset))
        case .int(let value): try set(value)
        case .long(let value): try set(value)
        case .table(let values):
            let memory = try makeMemory(values.count * MemoryLayout<Int64>.size)
            try backend.writeNow(values, to: memory)
            try set(Place(memory: memory, offset: 0))
        }
    }

    private func found(_ place: Place?) throws(DeviceError) -> Place {
        guard let place else { throw DeviceError(backend.name, "a kernel's memory was not planned") }
        return place
    }
}

extension Schedule {
    /// Of all kernels that run on the device.
    func kernelTexts(_ target: Target) -> [KernelText] {
        steps.filter { !$0.kernel.isForHost }.flatMap { step in
            if case .region(let region) = step.kernel { return region.body.kernelTexts(target) }
            return step.kernel.launches(target).map(\.text)
        }
    }
}

extension Kernel {
    /// Enqueues that do the work; none for what needs no kernel.
    func launches(_ target: Target) -> [Launch] {
        switch self {
        case .loops(let loops): FusedLoop.launches(loops, target)
        case .matmul(let matmul): matmul.launches(target)
        case .convolution(let convolution): convolution.launches(target)
        case .gather, .scatterAdd, .argsort, .argmax, .cumulativeSum: rowLaunches(target) ?? []
        case .linearAlgebra: linearAlgebraLaunches(target) ?? []
        case .composite(let kernel): kernel.launches(target)
        case .region, .fill: []
        }
    }

    func workspaceByteCount(_ target: Target) -> Int {
        switch self {
        case .loops, .composite, .fill: 0
        case .matmul(let matmul): matmul.workspaceByteCount(target)
        case .convolution(let convolution): convolution.workspaceByteCount(target)
        case .gather, .scatterAdd, .argsort, .argmax, .cumulativeSum: rowWorkspaceByteCount(target)
        case .linearAlgebra: linearAlgebraWorkspaceByteCount(target)
        case .region(let region): region.body.arenaByteCount
        }
    }

    /// Whether the device has no kernel for it: float64 is the CPU's, because the contract's float64 functions are.
    var isForHost: Bool {
        switch self {
        case .loops(let loops): loops.contains(where: \.hasFloat64)
        case .matmul(let matmul): matmul.scalar == .float64
        case .convolution(let convolution): convolution.scalar == .float64
        case .gather(let scalar, _, _, _, _, _, _), .scatterAdd(let scalar, _, _, _, _, _, _),
            .argsort(let scalar, _, _, _, _, _), .argmax(let scalar, _, _, _, _, _),
            .cumulativeSum(let scalar, _, _, _, _, _, _), .linearAlgebra(_, let scalar, _, _, _, _, _):
            scalar == .float64
        case .composite, .region, .fill: false
        }
    }
}
