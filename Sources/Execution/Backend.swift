import Compiler
import Graph

/// Memory on a device.
public protocol Buffer: AnyObject {
    var byteCount: Int { get }
}

/// A schedule made ready on a device, all arguments bound.
public protocol Executable: AnyObject {
    /// Starts one run. Reads of its results wait for it.
    func submit() throws(DeviceError)
    /// One run that waits after each of the schedule's steps: the seconds of each, for profiles.
    func measure() throws(DeviceError) -> [Double]
    /// Bytes of the memory that the schedule needs besides what was bound to it.
    var arenaByteCount: Int { get }
    /// Pieces of work that one run hands to the device.
    var commandCount: Int { get }
    /// Names of buffers beyond whose ends something was written; empty unless guards were asked for.
    func brokenGuards() -> [String]
}

/// What a device must be able to do. Never a method per op: a schedule is all that it sees.
public protocol Backend: AnyObject {
    /// As the user names it: "cpu", "opencl:0".
    var name: String { get }
    /// One line for people: processor, threads, instruction set.
    var description: String { get }
    /// Who multiplies matrices: recorded with each run and benchmark.
    func matmulProvider(_ math: CompileOptions.Math) -> String
    /// Bytes that one allocation may have.
    var allocationLimit: Int { get }
    /// Rows of a batch beyond which a model's row only gets dearer; nil where it does not.
    var largestUsefulBatch: Int? { get }
    /// Zero-filled memory.
    func allocate(_ byteCount: Int) throws(DeviceError) -> any Buffer
    func write(_ bytes: UnsafeRawBufferPointer, to buffer: any Buffer, at offset: Int) throws(DeviceError)
    /// Waits for runs that write the buffer.
    func read(_ buffer: any Buffer, at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws(DeviceError)
    /// Shared scratch memory that the device's implementation of a kernel needs; the planner finds room for it.
    func workspaceByteCount(_ kernel: Kernel, _ options: CompileOptions) -> Int
    /// Whether the device has a kernel for a composite of operands of these types.
    func hasKernel(for composite: Composite, _ operands: [TensorType]) -> Bool
    /// What the device's kernel of a product or convolution can do to its results.
    func epilogues(for op: Op, _ options: CompileOptions) -> EpilogueKinds
    /// Builds the kernels of several schedules together, where that is quicker than with each `compile`.
    func prepare(_ schedules: [Schedule], options: CompileOptions) throws(DeviceError)
    /// `bound[i]` is the memory of the schedule's external buffer number i.
    func compile(
        _ schedule: Schedule, bound: [any Buffer], options: CompileOptions
    ) throws(DeviceError) -> any Executable
    func synchronize() throws(DeviceError)
    /// Measures what the device can do at most; takes about a second.
    func roofline() throws(DeviceError) -> Roofline
}

/// Of processors: a row costs the same in batches of 64 to 4,096 rows; beyond, activations leave the caches and a row
/// costs up to half as much again.
public let largestUsefulBatchOfProcessors = 1024

extension Backend {
    /// Every composite that kernels are written for.
    public func hasKernel(for composite: Composite, _ operands: [TensorType]) -> Bool {
        CompositeKernel.fits(composite, operands)
    }

    /// What schedules for this device are compiled with.
    public func kernels(_ options: CompileOptions) -> DeviceKernels {
        DeviceKernels(
            workspaceByteCount: { self.workspaceByteCount($0, options) },
            hasComposite: { self.hasKernel(for: $0, $1) },
            epilogues: { self.epilogues(for: $0, options) })
    }

    public func epilogues(for op: Op, _ options: CompileOptions) -> EpilogueKinds { .biasAndRectification }

    /// Nothing to build.
    public func prepare(_ schedules: [Schedule], options: CompileOptions) throws(DeviceError) {}
}

/// A device that cannot do what was asked: which device, what, and what to do about it.
public struct DeviceError: Error, Hashable, Sendable, CustomStringConvertible {
    public let device: String
    public let reason: String

    public init(_ device: String, _ reason: String) {
        self.device = device
        self.reason = reason
    }

    public var description: String { "device \(device): \(reason)" }
}
