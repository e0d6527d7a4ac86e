import Graph

/// A value of a model that lives on the device between runs, by its path.
public struct Parameter {
    /// Its name in the graph, on the device and in checkpoints: "encoder/conv1/weight".
    public let path: String
    public let type: TensorType
    public let initializer: Initializer
    /// False for running values that no optimizer touches.
    public let isTrained: Bool
    public let tensor: Tensor
}

/// One pass of tracing a model into a graph: collects its parameters, the updates of its running values, and hands out
/// random numbers.
public final class Trace {
    public let graph: Graph
    /// The element type of parameters and noise: float32 or float64.
    public let precision: ScalarType
    public let randomness: Randomness?
    /// What each row is conditioned on, [rows, width]; nil where nothing is.
    public let condition: Tensor?
    /// Whether this is a training step: what goes by the statistics of a batch does so here alone.
    public let isTraining: Bool
    /// Everything the model declared, in the order of its declaration.
    public private(set) var parameters: [Parameter] = []
    /// New values of running values, to be applied when this trace's program has run.
    public private(set) var updates: [(state: Tensor, value: Tensor)] = []

    /// Of a trace of the first batch: what parameters of the initializer `firstBatch` start as.
    public private(set) var firstValues: [(state: Tensor, value: Tensor)] = []

    private let isFirstBatch: Bool
    private let known: [String: TensorType]?
    private var index: [String: Int] = [:]
    private var draws: [String: Int] = [:]
    private var streams: [UInt32: String] = [:]
    private var claims: Set<String> = []

    /// First components of paths that belong to the training itself.
    public static let reservedNames = ["data", "ema", "optimizer", "training"]

    /// - Parameters:
    ///   - known: What a first trace declared. Anything else is then an error: it would have no value yet.
    ///   - isFirstBatch: Whether parameters are to be given their `firstValues`.
    public init(
        _ graph: Graph = Graph(), precision: ScalarType = .float32, randomness: Randomness? = nil,
        condition: Tensor? = nil, known: [String: TensorType]? = nil, isTraining: Bool = false,
        isFirstBatch: Bool = false
    ) {
        self.graph = graph
        self.precision = precision
        self.randomness = randomness
        self.condition = condition
        self.known = known
        self.isTraining = isTraining
        self.isFirstBatch = isFirstBatch
    }

    /// The scope that all others lie in.
    public var root: Scope { Scope(trace: self, path: "") }

    func declare(
        _ path: String, _ shape: [Int], _ initializer: Initializer, isTrained: Bool, shared: Bool
    ) throws(GraphError) -> Tensor {
        let type = TensorType(shape, precision)
        let kind = isTrained ? "parameter" : "state"
        if let position = index[path] {
            let found = parameters[position]
            guard shared else {
                throw graph.error(
                    "\(kind) \(path)", "is declared twice in one trace; name it differently or say shared: true")
            }
            guard found.type == type, found.isTrained == isTrained else {
                throw graph.error("\(kind) \(path)", "is shared as \(type), but was declared as \(found.type)")
            }
            return found.tensor
        }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !components.contains("") else {
            throw graph.error("\(kind) \(path)", "has an empty name in its path")
        }
        if Self.reservedNames.contains(String(components[0])) {
            throw graph.error("\(kind) \(path)", "begins with a reserved name; choose another than \(components[0])")
        }
        guard shape.allSatisfy({ $0 > 0 }) else {
            throw graph.error("\(kind) \(path)", "cannot have the shape \(shape)")
        }
        if let known {
            guard let expected = known[path] else {
                throw graph.error(
                    "\(kind) \(path)", "is not one of the model's; a trace must declare what the first one did")
            }
            guard expected == type else {
                throw graph.error("\(kind) \(path)", "is declared as \(type), but the model has \(expected)")
            }
        }
        let tensor = graph.state(path, type)
        index[path] = parameters.count
        parameters.append(
            Parameter(path: path, type: type, initializer: initializer, isTrained: isTrained, tensor: tensor))
        return tensor
    }

    func claim(_ path: String) throws(GraphError) {
        guard claims.insert(path).inserted else {
            throw graph.error("scope \(path)", "is used twice in one trace; give each layer a scope of its own")
        }
    }

    func update(_ path: String, to value: Tensor) throws(GraphError) {
        guard let position = index[path], !parameters[position].isTrained else {
            throw graph.error("state \(path)", "is not declared, so it cannot be updated")
        }
        let state = parameters[position].tensor
        guard state.type == value.type else {
            throw graph.error("state \(path)", "holds \(state.type), its new value is \(value.type)")
        }
        guard !updates.contains(where: { $0.state.id == state.id }) else {
            throw graph.error("state \(path)", "is updated twice in one trace")
        }
        updates.append((state, value))
    }

    /// What a parameter starts as, in a trace of the first batch: as it was made when first asked for.
    func firstValue(
        of path: String, _ make: () throws(GraphError) -> Tensor
    ) throws(GraphError) -> Tensor? {
        guard isFirstBatch, let position = index[path] else { return nil }
        let state = parameters[position].tensor
        if let known = firstValues.first(where: { $0.state.id == state.id }) { return known.value }
        let value = try make()
        guard value.type == state.type else {
            throw graph.error("parameter \(path)", "holds \(state.type), its first value is \(value.type)")
        }
        firstValues.append((state, value))
        return value
    }

    func randomSource() throws(GraphError) -> Randomness {
        guard let randomness else { throw graph.error("random numbers", "this trace has none") }
        return randomness
    }

    /// uint32 bits for the next draw of a scope.
    func bits(_ shape: [Int], _ path: String) throws(GraphError) -> Tensor {
        let randomness = try randomSource()
        let ordinal = draws[path, default: 0]
        draws[path] = ordinal + 1
        let stream = Randomness.stream(path, ordinal)
        let name = "draw \(ordinal) of \(path)"
        if let other = streams.updateValue(name, forKey: stream) {
            throw graph.error("random numbers", "\(name) and \(other) have the same stream; rename one of the scopes")
        }
        return try graph.randomBits(
            shape, stream: stream, sample: randomness.sample, step: randomness.step, seed: randomness.seed)
    }
}
