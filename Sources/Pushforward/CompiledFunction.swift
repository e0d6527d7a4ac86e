import Compiler
import Execution
import Graph
import Training

/// A function of tensors, compiled for a device once for every combination of argument types that it is called with.
///
///     let energy = { (x: Tensor) in try (x * x).sum() }
///     let score = try compile(on: .best) { (x: Tensor) in try -gradient(of: energy, at: x) }
///     print(try score([1, 2, 3]))     // [-2.0, -4.0, -6.0]
public final class CompiledFunction {
    private let states: DeviceStates
    private let options: CompileOptions
    private let body: ([Tensor]) throws -> [Tensor]
    private var programs: [[TensorType]: CompiledProgram] = [:]

    init(on device: Device, options: CompileOptions, _ body: @escaping ([Tensor]) throws -> [Tensor]) throws {
        states = DeviceStates(on: try device.makeBackend())
        self.options = options
        self.body = body
    }

    /// All results for these arguments.
    public func results(_ arguments: [HostArray]) throws -> [HostArray] {
        let types = arguments.map(\.type)
        if let program = programs[types] { return try program(arguments) }
        let graph = Graph()
        let outputs = try body(types.enumerated().map { graph.input("argument \($0)", $1) })
        for output in outputs { _ = try graph.visible(output) }
        let program = try CompiledProgram(Program(graph, outputs: outputs), states: states, options: options)
        programs[types] = program
        return try program(arguments)
    }

    /// The only result, or the first of several.
    public func callAsFunction(_ arguments: HostArray...) throws -> HostArray {
        guard let first = try results(arguments).first else { throw GraphError("call", "the function has no result") }
        return first
    }

    /// The first result of a function of one vector, as numbers.
    public func callAsFunction(_ values: [Float]) throws -> [Float] {
        let type = TensorType([values.count], .float32)
        guard let argument = HostArray(type, bytes: values.withUnsafeBytes { Array($0) }) else {
            throw GraphError("call", "\(values.count) numbers do not fill \(type)")
        }
        return try callAsFunction(argument).floats
    }
}

/// Compiles a function of one tensor; it is traced when it is first called with a shape.
public func compile(
    on device: Device = .best, options: CompileOptions = CompileOptions(), _ body: @escaping (Tensor) throws -> Tensor
) throws -> CompiledFunction {
    try CompiledFunction(on: device, options: options) { [try body($0[0])] }
}

/// Compiles a function of several tensors with several results.
public func compile(
    on device: Device = .best, options: CompileOptions = CompileOptions(),
    several body: @escaping ([Tensor]) throws -> [Tensor]
) throws -> CompiledFunction {
    try CompiledFunction(on: device, options: options, body)
}
