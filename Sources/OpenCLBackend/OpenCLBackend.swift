import COpenCL
import Compiler
import Execution
import Foundation
import Graph

/// An OpenCL device behind the seam of all devices, under the arithmetic contract.
///
/// Runs are asynchronous: `submit` and small writes return at once, reads wait. Use one backend from one thread at a time.
public final class OpenCLBackend: Backend {
    /// Choices that change speed, memory and faults, never a bit of a result.
    public struct Options: Sendable {
        /// How work is cut; nil asks the kind of device.
        public var tilePolicy: TilePolicy?
        /// Bytes that one allocation may have at most; nil asks the device.
        public var allocationLimit: Int?
        /// Bytes that the backend may take of the device in all; nil for what the environment variable
        /// `PUSHFORWARD_OPENCL_MEMORY` says, or for all that the device gives.
        public var memoryLimit: Int?
        /// Whether compiled programs are kept.
        public var hasCache = true
        /// Where; nil for the folder of the environment, or the user's (see `ProgramCache.defaultFolder`).
        public var cacheFolder: String?
        /// Whether what `pushforward tune` found for the device is used; nil for yes, unless the environment variable
        /// `PUSHFORWARD_TUNING` says off.
        public var hasTuning: Bool?
        /// How products and convolutions are cut; nil for what was tuned, or else what is known of such devices.
        var tiles: TileChoices?
        /// Whether separate buffers get guards (see `CompileOptions.Memory`); a memory checker sees more without.
        public var hasGuards = true
        /// Whether memory is filled and copied by the commands for it. Oclgrind 21.10 takes what they wrote for
        /// uninitialised, wholly or at an offset; without them the host does it.
        public var hasFills = true

        public init() {}
    }

    public let device: OpenCLDevice
    let options: Options
    /// Its tiles may change between one program and the next.
    var target: Target
    /// What `pushforward tune` found for this device, where that is used, and the file that it is from.
    let tuning: Tuning?
    public let tuningFile: String?
    let status: Status
    let context: Context
    /// Kernels, and the small writes and reads between them.
    let queue: Queue
    /// Large transfers, in step with `queue` by events.
    let transfers: Queue
    /// Runs the steps that the device has no kernel for.
    let host: any Backend
    let cache: ProgramCache
    let account: MemoryAccount
    private let notice: (String) -> Void
    private var told: Set<String> = []
    /// Every kernel that was built so far, and its number in its program.
    var built: [KernelText: (program: ProgramHandle, index: Int)] = [:]
    private var staging: [(event: Event, bytes: UnsafeMutableRawPointer)] = []

    /// - Parameters:
    ///   - host: runs what the device cannot.
    ///   - notice: is told once of each thing that people should know.
    public init(
        _ device: OpenCLDevice, host: any Backend, options: Options = Options(),
        notice: @escaping (String) -> Void = { _ in }
    ) throws(DeviceError) {
        self.device = device
        self.options = options
        self.host = host
        self.notice = notice
        let status = Status(device: device.name)
        self.status = status
        let policy = options.tilePolicy ?? (device.kind == .cpu ? .cpu : .gpu)
        target = Target(
            policy: policy, computeUnits: device.computeUnits, maxWorkGroupSize: device.maxWorkGroupSize,
            localMemoryByteCount: device.localMemoryByteCount)
        (tuning, tuningFile) = try OpenCLBackend.tuning(device, options, notice)
        let seed = TileSeed.choices(for: device)
        target.tiles = (options.tiles ?? tuning?.tiles ?? seed).fitted(to: target.limits, fallback: seed)
        var answer = cl_int(CL_SUCCESS)
        var id: cl_device_id? = device.id
        let opened = clCreateContext(nil, 1, &id, nil, nil, &answer)
        context = Context(try status.made(opened, answer, "the device could not be opened"))
        let first = clCreateCommandQueue(context.handle, device.id, 0, &answer)
        queue = Queue(try status.made(first, answer, "no queue could be made"))
        let second = clCreateCommandQueue(context.handle, device.id, 0, &answer)
        transfers = Queue(try status.made(second, answer, "no queue could be made"))
        if let limit = options.memoryLimit {
            account = MemoryAccount(limit: limit)
        } else {
            account = MemoryAccount(limit: try OpenCLBackend.memoryLimitOfEnvironment(device))
        }
        let folder = options.cacheFolder ?? ProgramCache.defaultFolder(for: device)
        cache = ProgramCache(folder: options.hasCache ? folder : nil, device: device)
    }

    deinit {
        clFinish(queue.handle)
        clFinish(transfers.handle)
        for pending in staging { pending.bytes.deallocate() }
    }

    private static func tuning(
        _ device: OpenCLDevice, _ options: Options, _ notice: (String) -> Void
    ) throws(DeviceError) -> (Tuning?, file: String?) {
        let isWanted = if let chosen = options.hasTuning { chosen } else { try isTuningOfEnvironment(device) }
        guard isWanted, let file = TuningFile(for: device, cacheFolder: options.cacheFolder)
        else { return (nil, nil) }
        switch file.read() {
        case .nothing: return (nil, nil)
        case .tuning(let tuning): return (tuning, file.path)
        case .ignored(let text):
            notice(text)
            return (nil, nil)
        }
    }

    private static func isTuningOfEnvironment(_ device: OpenCLDevice) throws(DeviceError) -> Bool {
        let variable = "PUSHFORWARD_TUNING"
        switch ProcessInfo.processInfo.environment[variable] ?? "" {
        case "", "on": return true
        case "off": return false
        case let text:
            throw DeviceError(device.name, "\(variable) is \"\(text)\", which is neither on nor off; set or unset it")
        }
    }

    public var name: String { device.name }
    public var description: String { device.description }
    public var allocationLimit: Int { options.allocationLimit ?? device.allocationLimit }
    public var largestUsefulBatch: Int? { device.kind == .cpu ? largestUsefulBatchOfProcessors : nil }

    func tell(_ text: String) {
        if told.insert(text).inserted { notice(text) }
    }

    public func matmulProvider(_ math: CompileOptions.Math) -> String {
        guard math == .fast else { return "pushforward" }
        let own = clblast != nil ? "CLBlast" : "pushforward"
        return tensorCores.products == nil ? own : "TF32 tensor cores, \(own)"
    }

    /// Whether the largest products of `--math fast` are computed in TF32, or why not, for people; on devices that have
    /// tensor cores the first question takes a few seconds.
    public var tensorCoreUse: String { tensorCores.description }

    /// Examined when the first program of `--math fast` is compiled.
    lazy var tensorCores = TensorCores(of: self)

    func target(_ options: CompileOptions) -> Target {
        var result = target
        if options.math == .fast { result.tensor = tensorCores.products }
        return result
    }

    /// Tuned for the device at its first use.
    lazy var clblast: CLBlast? = {
        CLBlast.shared?.tune(device, tuning?.clblast)
        return CLBlast.shared
    }()
    private var temporary: Memory?

    /// Memory that all products use in turn, as the queue is in order. It has an object of its own: CLBlast is faster where
    /// offsets are 0.
    func clblastTemporary(_ byteCount: Int) throws(DeviceError) -> Memory {
        if let temporary, temporary.byteCount >= byteCount { return temporary }
        let made = try makeMemory(byteCount)
        temporary = made
        return made
    }

    // MARK: memory

    private static func memoryLimitOfEnvironment(_ device: OpenCLDevice) throws(DeviceError) -> Int {
        let variable = "PUSHFORWARD_OPENCL_MEMORY"
        guard let text = ProcessInfo.processInfo.environment[variable], !text.isEmpty else { return .max }
        guard let limit = Int(text), limit >= 0 else {
            throw DeviceError(device.name, "\(variable) is \"\(text)\", which is no number of bytes; set or unset it")
        }
        return limit
    }

    public func allocate(_ byteCount: Int) throws(DeviceError) -> any Buffer {
        let memory = try makeMemory(byteCount)
        if byteCount > 0 { try fill(memory, offset: 0, byteCount: byteCount, byte: 0) }
        return OpenCLBuffer(memory, byteCount: byteCount)
    }

    func makeMemory(_ byteCount: Int) throws(DeviceError) -> Memory {
        guard byteCount >= 0, byteCount <= allocationLimit else { throw beyondLimit(byteCount) }
        let size = max(byteCount, 1)
        guard account.used + size <= account.limit else {
            throw status.outOfMemory("\(byteCount) bytes could not be had")
        }
        var answer = cl_int(CL_SUCCESS)
        let made = clCreateBuffer(context.handle, cl_mem_flags(CL_MEM_READ_WRITE), size, nil, &answer)
        let handle = try status.made(made, answer, "\(byteCount) bytes could not be had")
        account.used += size
        return Memory(handle, byteCount: size, account: account)
    }

    func beyondLimit(_ byteCount: Int, _ what: String = "") -> DeviceError {
        DeviceError(
            name,
            "\(what)a buffer of \(byteCount) bytes is more than the \(allocationLimit) bytes that the device allows at "
                + "once; use a smaller batch, or --device cpu")
    }

    func fill(_ memory: Memory, offset: Int, byteCount: Int, byte: UInt8) throws(DeviceError) {
        guard options.hasFills else {
            let bytes = [UInt8](repeating: byte, count: byteCount)
            return try status.check(
                clEnqueueWriteBuffer(
                    queue.handle, memory.handle, cl_bool(CL_TRUE), offset, byteCount, bytes, 0, nil, nil),
                "memory could not be filled")
        }
        var pattern = byte
        try status.check(
            clEnqueueFillBuffer(queue.handle, memory.handle, &pattern, 1, offset, byteCount, 0, nil, nil),
            "memory could not be filled")
    }

    func copy(_ from: Place, to: Place, byteCount: Int) throws(DeviceError) {
        guard options.hasFills else {
            // From the beginning of the memory on: what is written at an offset counts as uninitialised, too.
            var bytes = [UInt8](repeating: 0, count: to.offset + byteCount)
            let isRead = bytes.withUnsafeMutableBytes { raw in
                let (old, new) = (raw.baseAddress, raw.baseAddress.map { $0 + to.offset })
                let first = clEnqueueReadBuffer(
                    queue.handle, to.memory.handle, cl_bool(CL_TRUE), 0, to.offset + byteCount, old, 0, nil, nil)
                let second = clEnqueueReadBuffer(
                    queue.handle, from.memory.handle, cl_bool(CL_TRUE), from.offset, byteCount, new, 0, nil, nil)
                return first == CL_SUCCESS ? second : first
            }
            try status.check(isRead, "memory could not be read")
            return try status.check(
                clEnqueueWriteBuffer(
                    queue.handle, to.memory.handle, cl_bool(CL_TRUE), 0, bytes.count, bytes, 0, nil, nil),
                "memory could not be written")
        }
        try status.check(
            clEnqueueCopyBuffer(
                queue.handle, from.memory.handle, to.memory.handle, from.offset, to.offset, byteCount, 0, nil, nil),
            "memory could not be copied")
    }

    private func own(_ buffer: any Buffer, _ offset: Int, _ count: Int) throws(DeviceError) -> OpenCLBuffer {
        guard let buffer = buffer as? OpenCLBuffer else { throw DeviceError(name, "was given another device's memory") }
        guard offset >= 0, count >= 0, offset + count <= buffer.byteCount else {
            throw DeviceError(name, "\(count) bytes at \(offset) leave a buffer of \(buffer.byteCount) bytes")
        }
        return buffer
    }

    /// Writes up to this many bytes do not wait for runs before them.
    private static let stagedByteCount = 64 << 10
    private static let mostStaged = 64

    public func write(
        _ bytes: UnsafeRawBufferPointer, to buffer: any Buffer, at offset: Int
    ) throws(DeviceError) {
        let target = try own(buffer, offset, bytes.count)
        guard bytes.count > 0, let source = bytes.baseAddress else { return }
        guard bytes.count <= OpenCLBackend.stagedByteCount else {
            return try writeNow(bytes, to: target.memory, at: offset)
        }
        try releaseStaging()
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyMemory(from: source, byteCount: bytes.count)
        var event: cl_event?
        let answer = clEnqueueWriteBuffer(
            queue.handle, target.memory.handle, cl_bool(CL_FALSE), offset, bytes.count, copy, 0, nil, &event)
        guard answer == CL_SUCCESS, let event else {
            copy.deallocate()
            throw status.error(answer, "\(bytes.count) bytes could not be written")
        }
        staging.append((Event(event), copy))
    }

    /// Waits until all that was submitted before is done, and for the write itself.
    func writeNow(_ bytes: UnsafeRawBufferPointer, to memory: Memory, at offset: Int) throws(DeviceError) {
        guard bytes.count > 0, let source = bytes.baseAddress else { return }
        let marker = try markSubmitted()
        var before: cl_event? = marker.handle
        let answer = withExtendedLifetime(marker) {
            clEnqueueWriteBuffer(
                transfers.handle, memory.handle, cl_bool(CL_TRUE), offset, bytes.count, source, 1, &before, nil)
        }
        try status.check(answer, "\(bytes.count) bytes could not be written")
    }

    func writeNow(_ values: [Int64], to memory: Memory) throws(DeviceError) {
        let bytes = UnsafeMutableBufferPointer<Int64>.allocate(capacity: values.count)
        defer { bytes.deallocate() }
        _ = bytes.initialize(from: values)
        try writeNow(UnsafeRawBufferPointer(bytes), to: memory, at: 0)
    }

    /// Gives back the copies whose writes are over, and waits for the oldest when there are many.
    private func releaseStaging() throws(DeviceError) {
        guard staging.count >= OpenCLBackend.mostStaged else { return }
        var oldest: cl_event? = staging[0].event.handle
        try status.check(clWaitForEvents(1, &oldest), "the device failed while it was written to")
        let open = staging.firstIndex { !$0.event.isOver } ?? staging.count
        for pending in staging.prefix(open) { pending.bytes.deallocate() }
        staging.removeFirst(open)
    }

    public func read(
        _ buffer: any Buffer, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) throws(DeviceError) {
        let source = try own(buffer, offset, bytes.count)
        guard bytes.count > 0, let target = bytes.baseAddress else { return try synchronize() }
        try read(source.memory, at: offset, into: target, bytes.count)
    }

    func read(
        _ memory: Memory, at offset: Int, into bytes: UnsafeMutableRawPointer, _ count: Int
    ) throws(DeviceError) {
        let marker = try markSubmitted()
        var before: cl_event? = marker.handle
        let answer = withExtendedLifetime(marker) {
            clEnqueueReadBuffer(
                transfers.handle, memory.handle, cl_bool(CL_TRUE), offset, count, bytes, 1, &before, nil)
        }
        try status.check(answer, "the device's results could not be read")
    }

    /// An event after all that `queue` holds now.
    private func markSubmitted() throws(DeviceError) -> Event {
        var event: cl_event?
        let answer = clEnqueueMarkerWithWaitList(queue.handle, 0, nil, &event)
        let marker = Event(try status.made(event, answer, "the device's queues could not be joined"))
        try status.check(clFlush(queue.handle), "the device does not take work")
        return marker
    }

    public func synchronize() throws(DeviceError) {
        try status.check(clFinish(queue.handle), "the device failed while it computed")
    }

    // MARK: programs

    /// On CPUs rows of less than 128 elements are quicker in loops, which compilers make vectors over many rows of (softmax
    /// of 64: 0.9 of their time); gradients are not, nor are maps of elements.
    public func hasKernel(for composite: Composite, _ operands: [TensorType]) -> Bool {
        guard CompositeKernel.fits(composite, operands) else { return false }
        return target.policy == .gpu || operands.count > 1 || operands[0].shape.last ?? 0 >= 128
    }

    /// CLBlast's products have none.
    public func epilogues(for op: Op, _ options: CompileOptions) -> EpilogueKinds {
        op != .matmul || options.math != .fast || clblast == nil ? .biasAndRectification : []
    }

    public func workspaceByteCount(_ kernel: Kernel, _ options: CompileOptions) -> Int {
        kernel.isForHost ? 0 : kernel.workspaceByteCount(target(options))
    }

    public func prepare(_ schedules: [Schedule], options: CompileOptions) throws(DeviceError) {
        let target = target(options)
        try build(schedules.flatMap { $0.kernelTexts(target) }, options)
    }

    public func compile(
        _ schedule: Schedule, bound: [any Buffer], options: CompileOptions
    ) throws(DeviceError) -> any Executable {
        var memory: [OpenCLBuffer] = []
        for buffer in bound { memory.append(try own(buffer, 0, 0)) }
        guard memory.count == schedule.externals.count else {
            throw DeviceError(name, "\(schedule.externals.count) buffers must be bound, not \(memory.count)")
        }
        return try OpenCLExecutable(schedule, bound: memory, options: options, backend: self)
    }
}

final class OpenCLBuffer: Buffer {
    let memory: Memory
    let byteCount: Int

    init(_ memory: Memory, byteCount: Int) {
        self.memory = memory
        self.byteCount = byteCount
    }
}
