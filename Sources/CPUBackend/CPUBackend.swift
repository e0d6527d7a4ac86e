import CPUKernels
import Compiler
import Execution
import Foundation
import Graph

/// The processor as a device: all cores, vector kernels in C, the arithmetic contract.
///
/// Runs are synchronous: when `submit` returns, they are done. Use one backend from one thread at a time.
public final class CPUBackend: Backend {
    public let name = "cpu"
    public let threads: Int
    let pool: OpaquePointer

    /// - Parameter threads: how many threads work, the caller among them; nil takes every processor available. The
    ///   number never changes a bit of any result.
    public init(threads: Int? = nil) throws(DeviceError) {
        let wanted = threads ?? ProcessInfo.processInfo.activeProcessorCount
        guard (1...1024).contains(wanted) else {
            throw DeviceError("cpu", "\(wanted) threads cannot work; choose 1 to 1024")
        }
        guard let pool = pf_pool_create(Int32(wanted)) else {
            throw DeviceError("cpu", "\(wanted) threads could not be started; choose fewer with --threads")
        }
        self.pool = pool
        self.threads = Int(pf_pool_threads(pool))
    }

    deinit { pf_pool_destroy(pool) }

    public var description: String {
        let level =
            switch pf_isa_current() {
            case PF_ISA_AVX512: "AVX-512"
            case PF_ISA_AVX2: "AVX2"
            default: "baseline"
            }
        return "CPU, \(threads) \(threads == 1 ? "thread" : "threads"), \(level) kernels"
    }

    public func matmulProvider(_ math: CompileOptions.Math) -> String {
        math == .fast && pf_blas_available() ? String(cString: pf_blas_description()) : "pushforward"
    }

    /// OpenBLAS leaves the mask to a loop, and so do gradients of convolutions: their pixels are stored in an order in
    /// which reading the mask, too, costs more than the loop.
    public func epilogues(for op: Op, _ options: CompileOptions) -> EpilogueKinds {
        let hasMask =
            switch op {
            case .matmul: options.math == .exact || !pf_blas_available()
            case .convolution(let convolution): convolution.direction == .forward
            default: false
            }
        return hasMask ? [.biasAndRectification, .mask] : .biasAndRectification
    }

    public let allocationLimit = Int.max
    public let largestUsefulBatch: Int? = largestUsefulBatchOfProcessors

    public func allocate(_ byteCount: Int) throws(DeviceError) -> any Buffer { try CPUBuffer(byteCount) }

    public func write(
        _ bytes: UnsafeRawBufferPointer, to buffer: any Buffer, at offset: Int
    ) throws(DeviceError) {
        let target = try own(buffer, offset, bytes.count)
        if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
    }

    public func read(
        _ buffer: any Buffer, at offset: Int, into bytes: UnsafeMutableRawBufferPointer
    ) throws(DeviceError) {
        let source = try own(buffer, offset, bytes.count)
        bytes.baseAddress?.copyMemory(from: source, byteCount: bytes.count)
    }

    private func own(
        _ buffer: any Buffer, _ offset: Int, _ count: Int
    ) throws(DeviceError) -> UnsafeMutableRawPointer {
        guard let buffer = buffer as? CPUBuffer else { throw DeviceError("cpu", "was given another device's memory") }
        guard offset >= 0, count >= 0, offset + count <= buffer.byteCount else {
            throw DeviceError("cpu", "\(count) bytes at \(offset) leave a buffer of \(buffer.byteCount) bytes")
        }
        return buffer.pointer + offset
    }

    public func synchronize() throws(DeviceError) {}

    public func workspaceByteCount(_ kernel: Kernel, _ options: CompileOptions) -> Int {
        switch kernel {
        case .loops, .gather, .argmax, .cumulativeSum, .composite, .fill: 0
        case .matmul(let matmul): withUnsafePointer(to: matmul.arguments { _ in nil }) { Int(pf_matmul_workspace($0)) }
        case .convolution(let convolution):
            withUnsafePointer(to: convolution.arguments { _ in nil }) { Int(pf_convolution_workspace($0)) }
        case .scatterAdd(_, _, _, _, let tableRows, let count, _): (tableRows + 1 + count) * 4
        case .argsort(_, _, _, let rows, let length, _): rows * length * 4
        case .linearAlgebra(let kind, let scalar, let batch, let m, let n, _, _):
            withUnsafePointer(to: kind.arguments(scalar, batch: batch, m: m, n: n)) { Int(pf_linalg_workspace($0)) }
        case .region(let region): region.body.arenaByteCount
        }
    }

    public func compile(
        _ schedule: Schedule, bound: [any Buffer], options: CompileOptions
    ) throws(DeviceError) -> any Executable {
        try CPUExecutable(schedule, bound: bound, options: options, backend: self)
    }
}

/// Aligned, zero-filled host memory with a guard at either end.
final class CPUBuffer: Buffer {
    static let guardByteCount = 64
    private static let guardByte: UInt8 = 0xA5
    /// Of x86-64 and most others.
    private static let hugePageByteCount = 2 << 20

    let byteCount: Int
    let pointer: UnsafeMutableRawPointer
    private let base: UnsafeMutableRawPointer

    init(_ byteCount: Int) throws(DeviceError) {
        let guardCount = CPUBuffer.guardByteCount
        let rounded = (byteCount + 63) / 64 * 64
        var memory: UnsafeMutableRawPointer?
        // Kernels walk over large arrays with large strides: with small pages they would wait for addresses.
        let isLarge = rounded >= 2 * CPUBuffer.hugePageByteCount
        let alignment = isLarge ? CPUBuffer.hugePageByteCount : 64
        guard byteCount >= 0, posix_memalign(&memory, alignment, rounded + 2 * guardCount) == 0, let memory else {
            throw DeviceError(
                "cpu", "\(byteCount) bytes of memory could not be had; use a smaller batch, or close other programs")
        }
        if isLarge { madvise(memory, rounded + 2 * guardCount, MADV_HUGEPAGE) }
        self.byteCount = byteCount
        base = memory
        pointer = memory + guardCount
        memset(memory, Int32(CPUBuffer.guardByte), guardCount)
        memset(pointer, 0, byteCount)
        memset(pointer + byteCount, Int32(CPUBuffer.guardByte), rounded - byteCount + guardCount)
    }

    deinit { free(base) }

    /// Whether nothing was written before the first or behind the last byte.
    var isGuardIntact: Bool {
        CPUBuffer.isGuard(base, CPUBuffer.guardByteCount)
            && CPUBuffer.isGuard(pointer + byteCount, CPUBuffer.guardByteCount)
    }

    static func setGuard(_ pointer: UnsafeMutableRawPointer, _ count: Int) { memset(pointer, Int32(guardByte), count) }

    static func isGuard(_ pointer: UnsafeMutableRawPointer, _ count: Int) -> Bool {
        UnsafeRawBufferPointer(start: pointer, count: count).allSatisfy { $0 == guardByte }
    }
}
