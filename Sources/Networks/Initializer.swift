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
    /// Of rows of D elements, [D, D]: the lower L with L L^T the covariance of the training rows (over their number,
    /// as maximum likelihood has it). NaN where that is singular to working precision.
    case dataCovarianceFactor
    /// What the layer that declares it finds in the first batch; zeros until then. See `Scope.parameter(_:_:from:)`.
    case firstBatch

    /// Whether the first value is made of all training rows.
    public var usesData: Bool {
        switch self {
        case .dataMean, .dataDeviation, .dataCovarianceFactor: true
        case .constant, .uniform, .normal, .firstBatch: false
        }
    }

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
        case .dataMean, .dataDeviation, .dataCovarianceFactor:
            guard let data else { throw graph.error("state \(path)", "is made of data that are not there") }
            let value = try figure(of: data.cast(to: type.scalar))
            guard value.count == type.count else {
                throw graph.error(
                    "state \(path)", "\(type.shape) does not fit rows of the data, \(Array(data.shape.dropFirst()))")
            }
            return try value.reshaped(type.shape)
        }
    }
}

extension Initializer {
    /// A figure of `rows` [rows, ...], for those that are made of all training rows.
    fileprivate func figure(of rows: Tensor) throws(GraphError) -> Tensor {
        if self == .dataCovarianceFactor { return try covarianceFactor(rows) }
        let mean = try rows.mean(axes: [0], compensated: true)
        if self == .dataMean { return mean }
        let d = try rows - mean
        let deviation = try sqrt((d * d).mean(axes: [0], compensated: true))
        // Of equal numbers the mean may be rounded, so their deviation need not be 0.
        let isConstant = try rows.max(axes: [0]).equal(to: rows.min(axes: [0]))
        return try select(isConstant, deviation.onesLike(), deviation)
    }
}

/// The Cholesky factor of the covariance of `rows` [rows, ...]. It comes from a QR factorisation of the centred rows, of
/// which it is R^T: forming the covariance first would square the condition number (Golub and Van Loan, section 5.3).
private func covarianceFactor(_ rows: Tensor) throws(GraphError) -> Tensor {
    let rows = try rows.flattened()
    let (count, size) = (rows.shape[0], rows.shape[1])
    guard count > size else {
        throw rows.graph.error("covariance", "of \(size) elements needs more than as many rows, there are \(count)")
    }
    let r = try qr(rows - rows.mean(axes: [0], keepAxes: true, compensated: true)).r
    // What rounding leaves on the diagonal for an element that depends on the others is no variance.
    let rounding = 64 * (rows.scalar == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne))
    let noise = try (r * r).sum(axes: [0], keepAxes: true) * (rounding * rounding)
    let diagonal = try (r * r * r.identityLike()).sum(axes: [0], keepAxes: true)
    let factor = try r / Double(count).squareRoot()
    return try select(noise.less(than: diagonal), factor, r.constant(.nan)).transposed()
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
