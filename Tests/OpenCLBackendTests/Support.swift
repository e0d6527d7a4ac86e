import CPUBackend
import Compiler
import Doctor
import Execution
import Foundation
import Graph
import Testing

@testable import OpenCLBackend

/// Where there is no OpenCL device, what needs one is skipped, and the output says so.
extension Trait where Self == ConditionTrait {
    static var needsOpenCL: Self { .enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device") }
}

/// The first OpenCL device, and the CPU that its results are compared to.
struct Devices {
    let device: OpenCLDevice
    let cpu: CPUBackend

    init() throws {
        device = try #require(OpenCLDevice.all().first)
        cpu = try CPUBackend(threads: 2)
    }

    /// A new backend, as another process would have it.
    func backend(
        _ adjust: (inout OpenCLBackend.Options) -> Void = { _ in }, notice: @escaping (String) -> Void = { _ in }
    ) throws -> OpenCLBackend {
        var options = OpenCLBackend.Options()
        adjust(&options)
        return try OpenCLBackend(device, host: cpu, options: options, notice: notice)
    }
}

/// A program with the numbers that it is run on.
struct Computation {
    var program: Program
    var inputs: [HostArray]
    var states: [(name: String, value: HostArray)] = []

    /// A function of float32 inputs, which get numbers of their own.
    init(_ shapes: [[Int]], _ body: ([Tensor]) throws -> [Tensor]) throws {
        let graph = Graph()
        let tensors = shapes.enumerated().map { graph.input("x\($0)", TensorType($1, .float32)) }
        program = Program(graph, outputs: try body(tensors))
        inputs = try shapes.enumerated().map { try numbers($1, seed: $0) }
    }

    init(_ program: Program, inputs: [HostArray] = [], states: [(name: String, value: HostArray)] = []) {
        self.program = program
        self.inputs = inputs
        self.states = states
    }

    /// Compiled, with its states set.
    func compiled(
        on backend: any Backend, _ options: CompileOptions = CompileOptions()
    ) throws -> CompiledProgram {
        let memory = DeviceStates(on: backend)
        for (name, value) in states { try memory.write(name, value) }
        return try CompiledProgram(program, states: memory, options: options)
    }

    func results(on backend: any Backend, _ options: CompileOptions = CompileOptions()) throws -> [HostArray] {
        try compiled(on: backend, options)(inputs)
    }

    /// What the backend's program cache keys it by, if it is one program.
    func source(for backend: OpenCLBackend) throws -> String {
        let options = CompileOptions()
        let schedule = try Schedule(
            program.graph, outputs: program.outputs.map(\.id), options: options, device: backend.kernels(options))
        return ProgramText(kernels: schedule.kernelTexts(backend.target)).source
    }
}

/// Numbers between -1 and 1.
func numbers(_ shape: [Int], seed: Int = 0) throws -> HostArray {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { Float(($0 &* 2_654_435_761 &+ seed &* 40_503) & 0xFFFF) / 32768 - 1 }
    return try #require(HostArray(values, shape: shape))
}

func expectSameBits(
    _ found: [HostArray], _ expected: [HostArray], _ title: String = "",
    location: SourceLocation = #_sourceLocation
) {
    #expect(found.count == expected.count, sourceLocation: location)
    for (index, (a, b)) in zip(found, expected).enumerated() {
        guard let difference = a.bitDifference(from: b) else { continue }
        Issue.record("\(title) result \(index): \(difference)", sourceLocation: location)
    }
}

/// The error that `body` must throw, which must be one line that names the device.
func deviceError(
    _ body: () throws -> Void, location: SourceLocation = #_sourceLocation
) -> String {
    do { try body() } catch {
        let text = "\(error)"
        #expect(error is DeviceError, "\(text)", sourceLocation: location)
        #expect(text.contains("opencl:0") && !text.contains("\n"), "\(text)", sourceLocation: location)
        return text
    }
    Issue.record("no error", sourceLocation: location)
    return ""
}

/// A folder that is removed with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = "\(FileManager.default.temporaryDirectory.path)/pushforward-opencl-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
}
