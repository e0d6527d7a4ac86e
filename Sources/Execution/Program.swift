import Compiler
import Graph

/// A traced computation with what it gives back and which states it replaces.
public struct Program {
    public let graph: Graph
    /// Read by the host after a run.
    public var outputs: [Tensor]
    /// New values of states (tensors made by `Graph.state`), all taking effect together at the end of a run.
    public var updates: [(state: Tensor, value: Tensor)]

    public init(_ graph: Graph, outputs: [Tensor] = [], updates: [(state: Tensor, value: Tensor)] = []) {
        self.graph = graph
        self.outputs = outputs
        self.updates = updates
    }
}

/// Persistent values on one device by name, shared by all programs that name them.
public final class DeviceStates {
    public let backend: any Backend
    private var buffers: [String: (type: TensorType, buffer: any Buffer)] = [:]

    public init(on backend: any Backend) { self.backend = backend }

    public var names: [String] { buffers.keys.sorted() }
    public func type(of name: String) -> TensorType? { buffers[name]?.type }

    /// The memory of a state, made (zero) at its first use. The same name must always have the same type.
    func buffer(_ name: String, _ type: TensorType) throws -> any Buffer {
        if let known = buffers[name] {
            guard known.type == type else {
                throw GraphError("state \(name)", "is used as \(type), but holds \(known.type)")
            }
            return known.buffer
        }
        let buffer = try backend.allocate(type.byteCount)
        buffers[name] = (type, buffer)
        return buffer
    }

    /// Sets a state, making it if needed.
    public func write(_ name: String, _ value: HostArray) throws {
        let buffer = try buffer(name, value.type)
        try value.withUnsafeBytes { bytes in try backend.write(bytes, to: buffer, at: 0) }
    }

    /// Sets a state from memory owned by the caller, without a copy in between.
    public func write(_ name: String, _ type: TensorType, _ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count == type.byteCount else {
            throw GraphError("state \(name)", "\(bytes.count) bytes do not fill \(type)")
        }
        try backend.write(bytes, to: try buffer(name, type), at: 0)
    }

    /// What a state holds now.
    public func read(_ name: String) throws -> HostArray {
        guard let (type, buffer) = buffers[name] else { throw GraphError("state \(name)", "does not exist") }
        var result = HostArray(type)
        try result.withUnsafeMutableBytes { bytes in try backend.read(buffer, at: 0, into: bytes) }
        return result
    }

    /// The same memory by other names: what `names` leads to, by its key.
    public func renamed(_ names: [String: String]) -> DeviceStates {
        let result = DeviceStates(on: backend)
        result.buffers = names.compactMapValues { buffers[$0] }
        return result
    }

    public func remove(_ name: String) { buffers[name] = nil }
}

/// A program compiled for a device, its inputs, outputs and states bound once; then it is only replayed.
public final class CompiledProgram {
    public let schedule: Schedule
    public let inputTypes: [(name: String, type: TensorType)]
    public let outputTypes: [TensorType]
    public let executable: any Executable
    private let backend: any Backend
    private let inputs: [any Buffer]
    private let outputs: [any Buffer]

    public init(
        _ program: Program, states: DeviceStates, options: CompileOptions = CompileOptions()
    ) throws {
        let backend = states.backend
        self.backend = backend
        let schedule = try Schedule(
            program.graph, outputs: program.outputs.map(\.id),
            updates: program.updates.map { (state: $0.state.id, value: $0.value.id) }, options: options,
            allocationLimit: backend.allocationLimit, device: backend.kernels(options))
        self.schedule = schedule
        inputTypes = program.graph.inputs
        outputTypes = program.outputs.map(\.type)
        inputs = try program.graph.inputs.map { try backend.allocate($0.type.byteCount) }
        outputs = try program.outputs.map { try backend.allocate($0.type.byteCount) }
        var bound: [any Buffer] = []
        for external in schedule.externals {
            switch external {
            case .input(let index): bound.append(inputs[index])
            case .output(let index): bound.append(outputs[index])
            case .state(let index):
                let slot = program.graph.states[index]
                bound.append(try states.buffer(slot.name, slot.type))
            case .constant(let data):
                let buffer = try backend.allocate(data.bytes.count)
                try data.bytes.withUnsafeBytes { bytes in try backend.write(bytes, to: buffer, at: 0) }
                bound.append(buffer)
            }
        }
        executable = try backend.compile(schedule, bound: bound, options: options)
    }

    /// Sets an argument for the runs that follow.
    public func setInput(_ index: Int, _ value: HostArray) throws {
        guard inputTypes.indices.contains(index), inputTypes[index].type == value.type else {
            let expected = inputTypes.indices.contains(index) ? "\(inputTypes[index].type)" : "no input"
            throw GraphError("input \(index)", "expects \(expected), not \(value.type)")
        }
        try value.withUnsafeBytes { bytes in try backend.write(bytes, to: inputs[index], at: 0) }
    }

    /// Starts one run without waiting for it.
    public func run() throws { try executable.submit() }

    /// A result of the last run; waits for it.
    public func output(_ index: Int) throws -> HostArray {
        var result = HostArray(outputTypes[index])
        try result.withUnsafeMutableBytes { bytes in try backend.read(outputs[index], at: 0, into: bytes) }
        return result
    }

    /// Sets all inputs, runs, and reads all outputs.
    public func callAsFunction(_ arguments: [HostArray]) throws -> [HostArray] {
        guard arguments.count == inputTypes.count else {
            throw GraphError("run", "takes \(inputTypes.count) inputs, not \(arguments.count)")
        }
        for (index, argument) in arguments.enumerated() { try setInput(index, argument) }
        try run()
        return try outputTypes.indices.map { try output($0) }
    }
}
