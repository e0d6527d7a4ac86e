import Graph

/// A strictly increasing map of single elements, with parameters that a conditioner gives for each: what a coupling or an
/// autoregressive flow does to the elements it moves (Papamakarios et al. 2021, section 3.1).
public protocol Transformer {
    /// Parameters for each element.
    var parameterCount: Int { get }
    /// x = f(z) and log f'(z), both of the shape of z [rows, event...]. `parameters` is
    /// [rows, parameterCount, event...].
    func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation
    /// z = f^-1(x) and the logarithm of its derivative there, which is minus that of f.
    func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation
    /// As `forward`, with the sum of each row's logarithms.
    func forwardAndLogDet(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped
    /// As `inverse`, with the sum of each row's logarithms.
    func inverseAndLogDet(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped
}

extension Transformer {
    public func forwardAndLogDet(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped {
        try forward(z, parameters).mapped()
    }

    public func inverseAndLogDet(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped {
        try inverse(x, parameters).mapped()
    }
}

/// Where a transformer took elements, and its slope there.
public struct Transformation {
    public var value: Tensor
    /// Of the shape of `value`; nil for a slope of 1 everywhere.
    public var logDerivative: Tensor?

    public init(_ value: Tensor, logDerivative: Tensor?) {
        self.value = value
        self.logDerivative = logDerivative
    }

    /// Sums the slopes of each row.
    func mapped() throws(GraphError) -> Mapped {
        guard let logDerivative else { return Mapped(value, logDet: try value.rowZeros()) }
        return Mapped(value, logDet: try logDerivative.rowSum())
    }
}

/// x = z + t (Dinh, Krueger and Bengio 2015): it keeps volume.
public struct AdditiveTransformer: Transformer {
    public init() {}

    public var parameterCount: Int { 1 }

    public func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        Transformation(try z + parameters.at(0, axis: 1), logDerivative: nil)
    }

    public func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        Transformation(try x - parameters.at(0, axis: 1), logDerivative: nil)
    }
}

/// A transformer that devices have kernels for.
public protocol MappingTransformer: Transformer {
    var map: ElementMap { get }
    /// Whether `map` takes data to the base, so that `forward` is its inverse.
    var mapsToBase: Bool { get }
}

extension MappingTransformer {
    public var parameterCount: Int { map.parameterCount }

    public func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let (value, logSlope) = try map.elements(z, parameters, inverse: mapsToBase)
        return Transformation(value, logDerivative: logSlope)
    }

    public func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let (value, logSlope) = try map.elements(x, parameters, inverse: !mapsToBase)
        return Transformation(value, logDerivative: logSlope)
    }

    public func forwardAndLogDet(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped {
        let (value, logDet) = try map.rows(z, parameters, inverse: mapsToBase)
        return Mapped(value, logDet: logDet)
    }

    public func inverseAndLogDet(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Mapped {
        let (value, logDet) = try map.rows(x, parameters, inverse: !mapsToBase)
        return Mapped(value, logDet: logDet)
    }
}

/// z = x exp(s) + t for parameters (h, t), with s in -bound ... bound made from h (Dinh, Sohl-Dickstein and Bengio 2017,
/// eq. 7): bounded scales keep the inverse finite.
///
/// As there it takes data to the base: trained as a density, z = (x - t) exp(-s) is worse, since all that moves t
/// moves z by as much more as the layer stretches.
public struct AffineTransformer: MappingTransformer {
    /// The largest |s|.
    public var bound: Double
    public var limit: AffineMap.Limit

    public init(bound: Double = 1, limit: AffineMap.Limit = .tanh) {
        self.bound = bound
        self.limit = limit
    }

    public var map: ElementMap { .affine(AffineMap(bound: bound, limit: limit)) }
    public var mapsToBase: Bool { true }
}
