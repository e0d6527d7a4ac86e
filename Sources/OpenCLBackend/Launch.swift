import Compiler
import Graph

/// How work is cut for a kind of device. It never changes a bit of a result.
public enum TilePolicy: String, Hashable, Sendable, CaseIterable {
    /// Many small work-items, local memory, barriers.
    case gpu
    /// Work-groups of one work-item that works through a piece in vector loops.
    case cpu
}

/// What the cutting of work may depend on.
struct Target: Hashable, Sendable {
    var policy: TilePolicy
    var computeUnits: Int
    var maxWorkGroupSize: Int
    var localMemoryByteCount: Int
    var tiles = TileChoices.rule
    /// Under `--math fast`, where the device's tensor cores are worth it.
    var tensor: TensorProducts?

    var limits: TileLimits {
        TileLimits(maxWorkGroupSize: maxWorkGroupSize, localMemoryByteCount: localMemoryByteCount)
    }
}

/// Something that a kernel takes.
enum Argument: Hashable, Sendable {
    /// Memory of the schedule from a byte on: PF_IN or PF_OUT in the kernel's parameters (see opencl.h).
    case buffer(BufferID, byteOffset: Int)
    /// The step's workspace from a byte on: likewise.
    case workspace(byteOffset: Int)
    /// Numbers that stay on the device, `long`: likewise.
    case table([Int64])
    case int(Int32)
    case long(Int64)

    static func operand(_ operand: Operand, _ scalar: ScalarType) -> Argument {
        .buffer(operand.buffer, byteOffset: operand.offset * scalar.byteCount)
    }
}

/// One enqueue of a kernel.
struct Launch: Hashable, Sendable {
    var text: KernelText
    var arguments: [Argument]
    /// Work-items along each axis: multiples of `local`. With an axis of 0, nothing is launched.
    var global: [Int]
    var local: [Int]
}

extension Int {
    func dividedUp(by divisor: Int) -> Int { (self + divisor - 1) / divisor }
    func roundedUp(to multiple: Int) -> Int { dividedUp(by: multiple) * multiple }
}
