import Autodiff
import CPUBackend
import CPUKernels
import Compiler
import Doctor
import Execution
import Graph
import Oracle
import Testing

/// Everything that may change speed or memory but no bit of a result.
struct Configuration: CustomStringConvertible {
    var fusion = true
    var composites = true
    var memory = CompileOptions.Memory.planned
    var threads = 2
    var level = pf_isa_best()

    var description: String {
        "fusion \(fusion), composites \(composites), memory \(memory.rawValue), \(threads) threads, ISA level \(level.rawValue)"
    }

    /// The default first, then every choice of compiler options, then every choice of threads and kernels.
    static var all: [Configuration] {
        var list = [Configuration()]
        for fusion in [true, false] {
            for memory in CompileOptions.Memory.allCases { list.append(Configuration(fusion: fusion, memory: memory)) }
            // Kernels of composites against their subgraphs.
            list.append(Configuration(fusion: fusion, composites: false))
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
        let options = CompileOptions(
            memory: configuration.memory, fusion: configuration.fusion, composites: configuration.composites)
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
                    let error = result.worstError(from: expected, tolerance: tolerance, magnitude: magnitude)
                    if error.ratio > 1 { Issue.record("\(title), output \(index): \(error.text)") }
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
