import CPUBackend
import Compiler
import Doctor
import Execution
import Foundation
import Graph
import OpenCLBackend
import Testing

/// Where there is no OpenCL device, what needs one is skipped, and the output says so.
extension Trait where Self == ConditionTrait {
    static var needsOpenCL: Self { .enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device") }
}

/// The op table and random graphs on the first OpenCL device, whose work is cut once as for a GPU and once as for a CPU:
/// the bits of the CPU backend, and near the oracle.
@Suite(.needsOpenCL) struct OpenCLTests {
    /// Cases whose kernels are built together.
    static let portions: [Range<Int>] = stride(from: 0, to: samples.count, by: 60).map {
        $0..<min($0 + 60, samples.count)
    }
    static let samples = OpSample.all + OpSample.gradients

    let reference: CPUBackend
    let device: OpenCLDevice

    init() throws {
        reference = try CPUBackend()
        device = try #require(OpenCLDevice.all().first)
    }

    private func backend(_ policy: TilePolicy) throws -> OpenCLBackend {
        var options = OpenCLBackend.Options()
        options.tilePolicy = policy
        return try OpenCLBackend(device, host: reference, options: options)
    }

    private func examine(_ cases: [Doctor.Case], _ policy: TilePolicy) throws {
        let backend = try backend(policy)
        for memory in [CompileOptions.Memory.planned, .separate] {
            let doctor = Doctor(backend, reference: reference, options: CompileOptions(memory: memory))
            try doctor.prepare(cases)
            for item in cases {
                let finding = try doctor.examine(item)
                if !finding.isSound { Issue.record("\(policy) tiles, \(memory): \(finding.complaint)") }
            }
        }
    }

    @Test(arguments: portions, TilePolicy.allCases)
    func samplesHaveTheBitsOfTheCPU(_ portion: Range<Int>, _ policy: TilePolicy) throws {
        try examine(try OpenCLTests.samples[portion].flatMap { try Doctor.Case.all(of: $0, .float32) }, policy)
    }

    /// What the device has no kernel for.
    @Test func float64RunsOnTheCPU() throws {
        let some = OpenCLTests.samples.enumerated().filter { $0.offset % 7 == 0 }.map(\.element)
        try examine(try some.flatMap { try Doctor.Case.all(of: $0, .float64) }, .cpu)
    }
}

/// What tools/oclgrind asks for by environment variables.
private enum MemoryChecker {
    private static let environment = ProcessInfo.processInfo.environment
    /// The tiles to check; nil where nobody asks.
    static let policy = environment["PUSHFORWARD_MEMORY_CHECKER"].flatMap(TilePolicy.init)
    static let samples = OpenCLTests.samples.filter { sample in
        environment["PUSHFORWARD_SAMPLES"].map { sample.name.contains($0) } ?? true
    }

    /// Stands between the checker's own words, in the same stream.
    static func tell(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}

extension OpenCLTests {
    /// One case after the other, each value in a buffer of its own without guards, so that a checker sees what leaves it,
    /// and in a context of its own, because Oclgrind takes memory that is used again for uninitialised.
    @Test(.enabled(if: MemoryChecker.policy != nil, "for tools/oclgrind"))
    func kernelsKeepToTheirMemory() throws {
        var options = OpenCLBackend.Options()
        options.tilePolicy = MemoryChecker.policy
        options.hasCache = false
        options.hasGuards = false
        options.hasFills = false
        MemoryChecker.tell("device: \(device.description)")
        for item in try MemoryChecker.samples.flatMap({ try Doctor.Case.all(of: $0, .float32) }) {
            MemoryChecker.tell("case: \(item.name)")
            let backend = try OpenCLBackend(device, host: reference, options: options)
            let doctor = Doctor(backend, reference: reference, options: CompileOptions(memory: .separate))
            let finding = try doctor.examine(item)
            if finding.bitDifference != nil { MemoryChecker.tell("other bits: \(finding.complaint)") }
            if finding.worstError > 1 { Issue.record("\(finding.complaint)") }
        }
    }
}
