import Compiler
import Execution
import Foundation
import Graph
import Testing

@testable import OpenCLBackend

/// What a device refuses is an error of one line, after which the backend goes on.
@Suite(.needsOpenCL) struct FaultTests {
    private let devices: Devices
    private let product: Computation

    init() throws {
        devices = try Devices()
        product = try Computation([[40, 60], [60, 50]]) { x in [try tanh(matmul(sin(x[0]), x[1])).sum(axes: [0])] }
    }

    private func expectWork(_ backend: OpenCLBackend, location: SourceLocation = #_sourceLocation) throws {
        expectSameBits(
            try product.results(on: backend), try product.results(on: devices.cpu), location: location)
    }

    @Test func aRefusedProgramIsExplained() throws {
        let folder = try TemporaryFolder()
        let backend = try devices.backend { $0.cacheFolder = folder.path }
        let bad = KernelText(
            headers: [], [:], body: "__kernel void KERNEL(__global float *x) { x[0] = nonsense; }\n")
        let dumped = CompileOptions(dumpFolder: folder.path, name: "bad")
        let text = deviceError { try backend.build([bad], dumped) }
        for part in ["nonsense", "--device cpu", "--dump-passes"] { #expect(text.contains(part), "\(text)") }
        #expect(folder.names == ["bad.6-program.cl"], "no binary is kept")
        #expect(try String(decoding: folder.read("bad.6-program.cl"), as: UTF8.self).contains("= nonsense"))
        #expect(deviceError { _ = try backend.makeKernel(bad) }.contains("not built"))
        #expect(deviceError { try backend.build([bad], CompileOptions()) }.contains("nonsense"), "a second time too")
        try expectWork(backend)
    }

    @Test func aDumpThatCannotBeWrittenIsExplained() throws {
        let backend = try devices.backend()
        let text = deviceError { try backend.build([sine(in: 1)], CompileOptions(dumpFolder: "/proc/none")) }
        #expect(text.contains("/proc/none"))
        try expectWork(backend)
    }

    private func sine(in body: Int) -> KernelText {
        KernelText(headers: [], [:], body: "__kernel void KERNEL(__global float *x) { x[\(body)] = 0.0f; }\n")
    }

    @Test func largerThanTheDeviceAllows() throws {
        let backend = try devices.backend { $0.allocationLimit = 1000 }
        for count in [1001, .max] {
            let text = deviceError { _ = try backend.allocate(count) }
            #expect(text.contains("\(count) bytes") && text.contains("1000 bytes") && text.contains("batch"), "\(text)")
        }
        #expect(deviceError { _ = try backend.allocate(-1) }.contains("-1"))
        #expect(try backend.allocate(1000).byteCount == 1000)
        #expect(try backend.allocate(0).byteCount == 0)
        #expect(devices.device.allocationLimit > 0)
        let own = try devices.backend()
        #expect(deviceError { _ = try own.allocate(own.allocationLimit + 1) }.contains("\(own.allocationLimit) bytes"))
        // A buffer inside a program.
        let large = try Computation([[30], [30]]) { x in
            [try matmul(x[0].reshaped([30, 1]), x[1].reshaped([1, 30])).cumulativeSum(axis: 0).sum()]
        }
        #expect(deviceError { _ = try large.results(on: backend) }.contains("1000 bytes"))
        let small = try Computation([[30]]) { x in [try sin(x[0])] }
        expectSameBits(try small.results(on: backend), try small.results(on: devices.cpu))
    }

    @Test func otherMemoryAndOtherRangesAreErrors() throws {
        let backend = try devices.backend()
        let buffer = try backend.allocate(64)
        var bytes = [UInt8](repeating: 1, count: 64)
        for (offset, count) in [(1, 64), (-1, 4), (64, 1), (.max - 8, 4)] {
            let part = bytes.prefix(count)
            #expect(
                deviceError { try part.withUnsafeBytes { try backend.write($0, to: buffer, at: offset) } }
                    .contains("64 bytes"))
        }
        let foreign = try devices.cpu.allocate(64)
        #expect(
            deviceError { try bytes.withUnsafeMutableBytes { try backend.read(foreign, at: 0, into: $0) } }
                .contains("another device"))
        try bytes.withUnsafeMutableBytes { try backend.read(buffer, at: 0, into: $0) }
        #expect(bytes == [UInt8](repeating: 0, count: 64), "new memory is zero")
    }

    @Test func errorsOfTheDriverSayWhatToDo() {
        let status = Status(device: "opencl:0")
        #expect("\(status.error(-4, "it"))".contains("out of device memory"))
        #expect("\(status.error(-5, "it"))".contains("out of device memory"))
        #expect("\(status.error(-6, "it"))".contains("out of host memory"))
        #expect("\(status.error(-2, "it"))".contains("no longer available"))
        #expect("\(status.error(-45, "it"))".contains("CL_INVALID_PROGRAM_EXECUTABLE"))
        #expect("\(status.error(-9999, "it"))".contains("-9999"))
    }
}
