import Autodiff
import Graph

/// How a parameter gets its first value. Random values are a function of the seed and the parameter's path alone.
public enum Initializer: Hashable, Sendable {
    case constant(Double)
    /// Uniform in +-bound.
    case uniform(bound: Double)
    /// Normal with mean 0.
    case normal(standardDeviation: Double)
    /// The mean over the training rows, in the shape of one row.
    case dataMean
    /// The standard deviation over the training rows, in the shape of one row; 1 where they are all equal.
    case dataDeviation
    /// What the layer that declares it finds in the first batch; zeros until then. See `Scope.parameter(_:_:from:)`.
    case firstBatch

    public static let zeros = Initializer.constant(0)
    public static let ones = Initializer.constant(1)

    /// Uniform in +-1/sqrt(fanIn): PyTorch's default for the weights and biases of linear and convolution layers.
    public static func uniform(fanIn: Int) -> Initializer { .uniform(bound: 1 / Double(max(fanIn, 1)).squareRoot()) }

    /// Normal with variance 2 / fanIn (He et al. 2015, eq. 10), for layers before a ReLU.
    public static func kaiming(fanIn: Int) -> Initializer {
        .normal(standardDeviation: (2 / Double(max(fanIn, 1))).squareRoot())
    }

    /// Uniform with variance 2 / (fanIn + fanOut) (Glorot and Bengio 2010, eq. 16).
    public static func xavier(fanIn: Int, fanOut: Int) -> Initializer {
        .uniform(bound: (6 / Double(max(fanIn + fanOut, 1))).squareRoot())
    }
}

extension Initializer {
    /// Whether the first value is computed from all training rows.
    public var needsData: Bool { self == .dataMean || self == .dataDeviation }

    /// The first value of a parameter, traced. `data` is [rows, ...]: all training rows, where there are some.
    func value(
        _ path: String, _ type: TensorType, _ randomness: Randomness, data: Tensor?
    ) throws(GraphError) -> Tensor {
        let graph = randomness.sample.graph
        func bits() throws(GraphError) -> Tensor {
            try graph.randomBits(
                [1] + type.shape, stream: Randomness.stream(path, 0), sample: randomness.sample, step: randomness.step,
                seed: randomness.seed
            ).reshaped(type.shape)
        }
        switch self {
        case .constant(let value): return graph.constant(value, type)
        case .uniform(let bound): return try (bits().uniform(type.scalar) * 2 - 1) * bound
        case .normal(let deviation): return try bits().normal(type.scalar) * deviation
        case .firstBatch: return graph.constant(0, type)
        case .dataMean, .dataDeviation:
            guard let data else {
                throw graph.error("state \(path)", "starts as a figure of data that are not there")
            }
            let rows = try data.cast(to: type.scalar)
            let mean = try rows.mean(axes: [0], compensated: true)
            guard mean.count == type.count else {
                throw graph.error("state \(path)", "\(type.shape) is not the shape \(mean.shape) of a row of the data")
            }
            if self == .dataMean { return try mean.reshaped(type.shape) }
            let d = try rows - mean
            let deviation = try sqrt((d * d).mean(axes: [0], compensated: true))
            // Of equal numbers the mean may be rounded, so their deviation need not be 0.
            let isConstant = try rows.max(axes: [0]).equal(to: rows.min(axes: [0]))
            return try select(isConstant, deviation.onesLike(), deviation).reshaped(type.shape)
        }
    }
}

extension Array<Parameter> {
    /// First values of all, as updates of states of a graph of their own: an initialisation program.
    public func initialValues(
        in graph: Graph, seed: UInt64, data: Tensor? = nil
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        let zero = graph.constant(0, TensorType([1], .uint32))
        let randomness = try Randomness(seed: seed, step: graph.constant(0, .uint32), sample: zero)
        var updates: [(state: Tensor, value: Tensor)] = []
        for parameter in self {
            let value = try parameter.initializer.value(parameter.path, parameter.type, randomness, data: data)
            updates.append((graph.state(parameter.path, parameter.type), value))
        }
        return updates
    }
}
