import Pushforward

/// Declares inputs on a graph and returns what is to be computed of them.
typealias Tracing = (Trace) throws -> [Tensor]

/// Traces a model part with random numbers for `rows` rows (sample indices from `first`), gives its parameters their
/// first values, and runs it once.
func evaluated(
    rows: Int = 1, first: Int = 0, seed: UInt64 = 0, step: Int = 0, precision: ScalarType = .float64,
    arguments: [HostArray] = [], _ body: Tracing
) throws -> [HostArray] {
    let graph = Graph()
    let sample = try graph.constant((0..<rows).map { Double(first + $0) }, shape: [rows], .uint32)
    let randomness = try Randomness(seed: seed, step: graph.constant(Double(step), .uint32), sample: sample)
    let trace = Trace(graph, precision: precision, randomness: randomness)
    let outputs = try body(trace)
    let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
    let initial = Graph()
    let values = try trace.parameters.initialValues(in: initial, seed: seed)
    if !values.isEmpty { try CompiledProgram(Program(initial, updates: values), states: states).run() }
    return try CompiledProgram(Program(graph, outputs: outputs), states: states)(arguments)
}

/// The message of the error that `body` throws; empty where it throws none.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch {
        return "\(error)"
    }
}

func array(_ values: [Double], _ shape: [Int], _ scalar: ScalarType = .float64) -> HostArray {
    HostArray(values, shape: shape, scalar) ?? HostArray(TensorType(shape, scalar))
}

func isClose(_ a: Double, _ b: Double, _ tolerance: Double = 1e-10) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(a), abs(b))
}

func areClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-10) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { isClose($0, $1, tolerance) }
}
