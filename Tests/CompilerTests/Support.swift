import CPUBackend
import Compiler
import Execution
import Graph

/// Compiles a program of float32 inputs and returns its schedule.
func schedule(
    _ shapes: [[Int]], _ options: CompileOptions = CompileOptions(),
    _ body: ([Tensor]) throws -> [Tensor]
) throws -> Schedule {
    let graph = Graph()
    let inputs = shapes.enumerated().map { graph.input("x\($0)", TensorType($1, .float32)) }
    let backend = try CPUBackend(threads: 1)
    return try Schedule(
        graph, outputs: try body(inputs).map(\.id), options: options, device: backend.kernels(options))
}

/// Runs a program of float32 inputs.
func run(
    _ inputs: [HostArray], _ options: CompileOptions = CompileOptions(), _ body: ([Tensor]) throws -> [Tensor]
) throws -> [HostArray] {
    let graph = Graph()
    let tensors = inputs.enumerated().map { graph.input("x\($0)", $1.type) }
    let states = DeviceStates(on: try CPUBackend(threads: 2))
    let program = try CompiledProgram(Program(graph, outputs: try body(tensors)), states: states, options: options)
    return try program(inputs)
}
