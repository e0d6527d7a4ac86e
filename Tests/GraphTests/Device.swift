import Autodiff
import CPUBackend
import CPUKernels
import Compiler
import Execution
import Graph
import Oracle
import Testing

/// Everything that may change speed or memory but no bit of a result.
struct Configuration: CustomStringConvertible {
    var fusion = true
    var memory = CompileOptions.Memory.planned
    var threads = 2
    var level = pf_isa_best()

    var description: String {
        "fusion \(fusion), memory \(memory.rawValue), \(threads) threads, ISA level \(level.rawValue)"
    }

    /// The default first, then every choice of compiler options, then every choice of threads and kernels.
    static var all: [Configuration] {
        var list = [Configuration()]
        for fusion in [true, false] {
            for memory in CompileOptions.Memory.allCases { list.append(Configuration(fusion: fusion, memory: memory)) }
        }
        for threads in [1, 2] {
            for level in 0...pf_isa_best().rawValue {
                list.append(Configuration(threads: threads, level: pf_isa(level)))
            }
        }
        return list
    }
}

/// The CPU with one and with two threads.
struct Devices {
    let backends: [Int: CPUBackend]

    init() throws { backends = [1: try CPUBackend(threads: 1), 2: try CPUBackend(threads: 2)] }

    /// The outputs of `program`, twice in a row, and what was written beyond the end of a buffer.
    func run(
        _ program: Program, _ inputs: [HostArray], _ states: [(String, HostArray)], _ configuration: Configuration
    ) throws -> (outputs: [HostArray], again: [HostArray], broken: [String]) {
        let backend = try #require(backends[configuration.threads])
        guard pf_isa_select(configuration.level) else { throw DeviceError("cpu", "lacks \(configuration.level)") }
        defer { _ = pf_isa_select(pf_isa_best()) }
        let memory = DeviceStates(on: backend)
        for (name, value) in states { try memory.write(name, value) }
        let options = CompileOptions(memory: configuration.memory, fusion: configuration.fusion)
        let compiled = try CompiledProgram(program, states: memory, options: options)
        let outputs = try compiled(inputs)
        return (outputs, try compiled(inputs), compiled.executable.brokenGuards())
    }

    /// Checks `outputs` of a graph in every configuration against the oracle and against each other.
    ///
    /// - Parameter magnitude: what errors are relative to where a tensor's own numbers are smaller, as where terms cancel.
    func check(
        _ graph: Graph, _ outputs: [Tensor], inputs: [[Double]], states: [[Double]] = [], tolerance: Double,
        magnitude: Double = 0, _ title: String
    ) throws {
        func arrays(_ values: [[Double]], _ types: [TensorType]) throws -> [HostArray] {
            try zip(values, types).map { try #require(HostArray($0, shape: $1.shape, $1.scalar)) }
        }
        let expected = try Oracle(graph)(inputs: inputs, states: states, outputs: outputs)
        let arguments = try arrays(inputs, graph.inputs.map(\.type))
        let named = Array(zip(graph.states.map(\.name), try arrays(states, graph.states.map(\.type))))
        let program = Program(graph, outputs: outputs)
        var reference: [HostArray] = []
        for configuration in Configuration.all {
            let (results, again, broken) = try run(program, arguments, named, configuration)
            #expect(broken.isEmpty, "\(title), \(configuration): written beyond the end")
            if reference.isEmpty {
                reference = results
                for (index, (result, expected)) in zip(results, expected).enumerated() {
                    if let difference = result.difference(from: expected, tolerance, magnitude) {
                        Issue.record("\(title), output \(index): \(difference)")
                    }
                }
            }
            for (index, reference) in reference.enumerated() {
                if let difference = results[index].bitDifference(from: reference) {
                    Issue.record("\(title), output \(index), \(configuration): \(difference)")
                }
                if let difference = again[index].bitDifference(from: reference) {
                    Issue.record("\(title), output \(index), second run, \(configuration): \(difference)")
                }
            }
        }
    }
}

extension HostArray {
    /// The first element that is not as the oracle has it. Floats may differ by `tolerance` (of float32; of float64 in
    /// proportion to its precision) relative to the largest of the element, the tensor's mean magnitude and `magnitude`.
    func difference(from expected: [Double], _ tolerance: Double, _ magnitude: Double) -> String? {
        let found = doubles
        guard found.count == expected.count else { return "\(found.count) elements, not \(expected.count)" }
        let isSingle = type.scalar == .float32
        let rounded = isSingle ? expected.map { Double(Float($0)) } : expected
        let finite = rounded.filter(\.isFinite).map(abs)
        let mean = finite.reduce(0) { $0 + $1 / Double(finite.count) }
        let relative = isSingle ? tolerance : max(tolerance * 0x1p-26, 1e-14)
        for (index, (a, b)) in zip(found, rounded).enumerated() {
            if a == b || (a.isNaN && b.isNaN) { continue }
            let allowed =
                relative * max(abs(b), mean.isFinite ? mean : 0, magnitude) + (isSingle ? 0x1p-148 : 0x1p-1073)
            if type.scalar.isFloating, abs(a - b) <= allowed { continue }
            return "element \(index) of \(type) is \(a), not \(b) (off by \(abs(a - b)), allowed \(allowed))"
        }
        return nil
    }

    /// The first element whose bits differ; all NaNs are one.
    func bitDifference(from other: HostArray) -> String? {
        if self == other { return nil }
        guard type == other.type else { return "is \(type), not \(other.type)" }
        let size = type.scalar.byteCount
        for (index, (a, b)) in zip(doubles, other.doubles).enumerated() {
            let same =
                bytes[(index * size)..<((index + 1) * size)] == other.bytes[(index * size)..<((index + 1) * size)]
            if !same && !(a.isNaN && b.isNaN) {
                return "element \(index) of \(type) is \(a), not the same bits as \(b)"
            }
        }
        return nil
    }
}
