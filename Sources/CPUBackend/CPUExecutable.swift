import CPUKernels
import Compiler
import Execution
import Graph

/// A schedule as a list of C steps with all pointers in place; a run allocates nothing.
final class CPUExecutable: Executable {
    private let backend: CPUBackend
    private let arena: CPUBuffer
    private let bound: [CPUBuffer]
    private let resources: Resources
    private let steps: [pf_step]
    /// How many of `steps` there are up to each step of the schedule and with it.
    private let ends: [Int]
    let arenaByteCount: Int
    var commandCount: Int { steps.count }

    init(_ schedule: Schedule, bound: [any Buffer], options: CompileOptions, backend: CPUBackend) throws(DeviceError) {
        self.backend = backend
        var own: [CPUBuffer] = []
        for buffer in bound {
            guard let buffer = buffer as? CPUBuffer else {
                throw DeviceError("cpu", "was given another device's memory")
            }
            own.append(buffer)
        }
        guard own.count == schedule.externals.count else {
            throw DeviceError("cpu", "\(schedule.externals.count) buffers must be bound, not \(own.count)")
        }
        let memory = own
        self.bound = memory
        arenaByteCount = schedule.arenaByteCount
        arena = try CPUBuffer(schedule.arenaByteCount)
        resources = Resources()
        let base = arena.pointer
        var lowering = StepLowering(options: options, resources: resources)
        var (steps, ends): ([pf_step], [Int]) = ([], [])
        for step in try lowering.lower(schedule, arena: base, external: { memory[$0].pointer }) {
            steps += step
            ends.append(steps.count)
        }
        (self.steps, self.ends) = (steps, ends)
    }

    func submit() throws(DeviceError) {
        steps.withUnsafeBufferPointer { pf_pool_run(backend.pool, $0.baseAddress, Int64($0.count)) }
    }

    func measure() throws(DeviceError) -> [Double] {
        var first = 0
        return ends.map { end in
            defer { first = end }
            return steps[first..<end].withUnsafeBufferPointer { part in
                secondsTaken { pf_pool_run(backend.pool, part.baseAddress, Int64(part.count)) }
            }
        }
    }

    func brokenGuards() -> [String] {
        var broken = resources.guards.filter { !CPUBuffer.isGuard($0.pointer, $0.count) }.map(\.name)
        if !arena.isGuardIntact { broken.append("arena") }
        for (index, buffer) in bound.enumerated() where !buffer.isGuardIntact { broken.append("external \(index)") }
        return broken
    }
}

/// What the steps point to, released with the executable.
private final class Resources {
    private var releases: [() -> Void] = []
    var guards: [(name: String, pointer: UnsafeMutableRawPointer, count: Int)] = []

    deinit { for release in releases.reversed() { release() } }

    /// Memory at a fixed place for a kernel's arguments.
    func keep<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        releases.append { pointer.deallocate() }
        return pointer
    }

    func keep<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: Swift.max(values.count, 1))
        pointer.initialize(from: values, count: values.count)
        releases.append { pointer.deallocate() }
        return pointer
    }

    func onRelease(_ body: @escaping () -> Void) { releases.append(body) }
}

/// Turns kernels into C steps.
private struct StepLowering {
    let options: CompileOptions
    let resources: Resources

    /// Each step of the schedule as steps of the pool.
    mutating func lower(
        _ schedule: Schedule, arena: UnsafeMutableRawPointer, external: (Int) -> UnsafeMutableRawPointer
    ) throws(DeviceError) -> [[pf_step]] {
        var pointers: [UnsafeMutableRawPointer] = []
        for buffer in schedule.buffers {
            switch buffer.place {
            case .external(let index): pointers.append(external(index))
            case .arena(let offset):
                pointers.append(arena + offset)
                if options.memory == .separate, schedule.isUsed(BufferID(index: pointers.count - 1)) {
                    let count = Schedule.guardByteCount
                    for place in [arena + (offset - count), arena + (offset + buffer.byteCount)] {
                        CPUBuffer.setGuard(place, count)
                        resources.guards.append((buffer.name, place, count))
                    }
                }
            }
        }
        let resolve: Resolve = { pointers[$0.index] }
        var steps: [[pf_step]] = []
        for step in schedule.steps {
            let workspace = step.workspace.flatMap(resolve)
            steps.append(try lower(step.kernel, step.label, schedule, workspace, resolve))
        }
        return steps
    }

    private func planned(_ plan: OpaquePointer?, _ label: String) throws(DeviceError) -> [pf_step] {
        guard let plan else { throw DeviceError("cpu", "no memory to prepare \(label)") }
        resources.onRelease { pf_plan_release(plan) }
        var first: UnsafePointer<pf_step>?
        let count = pf_plan_steps(plan, &first)
        return Array(UnsafeBufferPointer(start: first, count: Int(count)))
    }

    private mutating func lower(
        _ kernel: Kernel, _ label: String, _ schedule: Schedule, _ workspace: UnsafeMutableRawPointer?,
        _ resolve: Resolve
    ) throws(DeviceError) -> [pf_step] {
        switch kernel {
        case .loops(let loops):
            var steps: [pf_step] = []
            for loop in loops {
                guard let plan = loop.prepare(resolve) else {
                    throw DeviceError("cpu", "\(label) could not be prepared")
                }
                resources.onRelease { pf_loop_release(plan) }
                steps.append(pf_loop_step(plan))
            }
            guard steps.count > 1 else { return steps }
            let all = pf_side_by_side(steps: resources.keep(steps), count: Int64(steps.count))
            return [pf_side_by_side_step(resources.keep(all))]
        case .matmul(let matmul):
            var arguments = matmul.arguments(resolve)
            arguments.a_offsets = UnsafePointer(resources.keep(matmul.a.offsets.map(Int64.init)))
            arguments.b_offsets = UnsafePointer(resources.keep(matmul.b.offsets.map(Int64.init)))
            let kept = resources.keep(arguments)
            if options.math == .fast, pf_blas_available(), let plan = pf_blas_matmul_prepare(kept) {
                return try planned(plan, label)
            }
            return try planned(pf_matmul_prepare(kept, workspace), label)
        case .convolution(let convolution):
            let kept = resources.keep(convolution.arguments(resolve))
            return try planned(pf_convolution_prepare(kept, workspace), label)
        case .gather(let scalar, let table, let index, let result, let tableRows, let count, let rowLength):
            var arguments = pf_gather()
            arguments.table = UnsafeRawPointer(table.pointer(scalar, resolve))
            arguments.index = UnsafePointer(index.pointer(.int32, resolve)?.assumingMemoryBound(to: Int32.self))
            arguments.out = resolve(result)
            (arguments.table_rows, arguments.count) = (Int64(tableRows), Int64(count))
            arguments.row_bytes = Int64(rowLength * scalar.byteCount)
            return [pf_gather_step(resources.keep(arguments))]
        case .scatterAdd(let scalar, let index, let updates, let result, let tableRows, let count, let rowLength):
            var arguments = pf_scatter_add()
            arguments.type = scalar.cType
            arguments.updates = UnsafeRawPointer(updates.pointer(scalar, resolve))
            arguments.index = UnsafePointer(index.pointer(.int32, resolve)?.assumingMemoryBound(to: Int32.self))
            arguments.out = resolve(result)
            arguments.workspace = workspace?.assumingMemoryBound(to: Int32.self)
            (arguments.table_rows, arguments.count, arguments.row_length) = (
                Int64(tableRows), Int64(count), Int64(rowLength)
            )
            var steps = [pf_step](repeating: pf_step(), count: 2)
            let used = pf_scatter_add_steps(resources.keep(arguments), &steps)
            return Array(steps.prefix(Int(used)))
        case .argsort(let scalar, let values, let result, let rows, let length, let descending):
            var arguments = pf_argsort()
            arguments.type = scalar.cType
            arguments.values = UnsafeRawPointer(values.pointer(scalar, resolve))
            arguments.out = resolve(result)?.assumingMemoryBound(to: Int32.self)
            arguments.workspace = workspace?.assumingMemoryBound(to: Int32.self)
            (arguments.rows, arguments.length, arguments.descending) = (Int64(rows), Int64(length), descending)
            return [pf_argsort_step(resources.keep(arguments))]
        case .argmax(let scalar, let values, let result, let rows, let length, let smallest):
            var arguments = pf_argmax()
            arguments.type = scalar.cType
            arguments.values = UnsafeRawPointer(values.pointer(scalar, resolve))
            arguments.out = resolve(result)?.assumingMemoryBound(to: Int32.self)
            (arguments.rows, arguments.length, arguments.smallest) = (Int64(rows), Int64(length), smallest)
            return [pf_argmax_step(resources.keep(arguments))]
        case .cumulativeSum(let scalar, let values, let result, let rows, let length, let reverse, let exclusive):
            var arguments = pf_cumsum()
            arguments.type = scalar.cType
            arguments.values = UnsafeRawPointer(values.pointer(scalar, resolve))
            arguments.out = resolve(result)
            (arguments.rows, arguments.length) = (Int64(rows), Int64(length))
            (arguments.reverse, arguments.exclusive) = (reverse, exclusive)
            return [pf_cumsum_step(resources.keep(arguments))]
        case .linearAlgebra(let kind, let scalar, let batch, let m, let n, let operands, let results):
            var arguments = kind.arguments(scalar, batch: batch, m: m, n: n)
            arguments.a = UnsafeRawPointer(operands[0].pointer(scalar, resolve))
            if operands.count > 1 { arguments.b = UnsafeRawPointer(operands[1].pointer(scalar, resolve)) }
            arguments.out0 = resolve(results[0])
            if results.count > 1 { arguments.out1 = resolve(results[1]) }
            if results.count > 2 { arguments.out2 = resolve(results[2]) }
            arguments.workspace = workspace
            return [pf_linalg_step(resources.keep(arguments))]
        case .composite(let kernel):
            switch kernel.arguments(resolve) {
            case .softmax(let arguments): return [pf_softmax_step(resources.keep(arguments))]
            case .elementMap(let arguments): return [pf_element_map_step(resources.keep(arguments))]
            }
        case .fill(let buffer, let byte):
            let fill = pf_fill(to: resolve(buffer), bytes: Int64(schedule.buffers[buffer.index].byteCount), byte: byte)
            return [pf_fill_step(resources.keep(fill))]
        case .region(let region): return try lower(region, workspace, resolve)
        }
    }

    private mutating func lower(
        _ region: RegionKernel, _ workspace: UnsafeMutableRawPointer?, _ resolve: Resolve
    ) throws(DeviceError) -> [pf_step] {
        guard let turn = resolve(region.turn)?.assumingMemoryBound(to: Int32.self) else { return [] }
        var body: [pf_step] = []
        for history in region.histories {
            let arguments = pf_history(
                from: UnsafeRawPointer(resolve(history.carry)), history: resolve(history.history), turn: turn,
                row_bytes: Int64(history.rowBytes))
            body.append(pf_history_step(resources.keep(arguments)))
        }
        let arena = workspace ?? UnsafeMutableRawPointer(turn)
        let bindings = region.bindings.compactMap(resolve)
        guard bindings.count == region.bindings.count else { throw DeviceError("cpu", "a loop's body is not bound") }
        body += try lower(region.body, arena: arena) { bindings[$0] }.flatMap { $0 }
        var step = pf_step()
        step.body = UnsafePointer(resources.keep(body))
        step.body_count = Int64(body.count)
        step.repeat = Int64(region.count)
        step.counter = turn
        return [step]
    }
}
