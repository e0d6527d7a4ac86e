import Configuration
import Graph
import Networks
import Probability

/// What a Gaussian on a latent variable is pushed through: layers of a normalizing flow, or none (`gaussian`).
///
///     VAE(posterior: LatentFlow(PlanarLayers(layers: 16)), prior: LatentFlow(AffineCouplings()))
///
/// is `{"kind": "planar", "layers": 16}` and `"realnvp"` in a configuration.
public struct LatentFlow: Variant {
    /// Nil for the Gaussian itself.
    public let layers: (any FlowLayers)?

    public init(_ layers: any FlowLayers) { self.layers = layers }

    private init() { layers = nil }

    public static let gaussian = LatentFlow()

    public static let kinds: [VariantKind<LatentFlow>] = [
        .init("gaussian", gaussian),
        kind(PlanarLayers()),
        kind(AffineCouplings()),
        kind(InverseAutoregressiveLayers()),
        kind(SplineCouplings()),
    ]

    private static func kind<Layers: FlowLayers>(_ defaults: Layers) -> VariantKind<LatentFlow> {
        .init(Layers.name, defaults) { LatentFlow($0) }
    }

    public var selected: SelectedKind {
        guard let layers else { return SelectedKind("gaussian") }
        return SelectedKind(type(of: layers).name, layers)
    }

    /// The bijectors in the order in which they take draws of the Gaussian to latent variables.
    func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector] {
        try layers?.bijectors(for: shape, context: context, scope) ?? []
    }

    /// - Throws: Where an option cannot have its value; `key` is the flow's own.
    func check(_ key: String) throws { try layers?.check(key) }
}

/// Options of a flow on latent variables, and the bijectors that it consists of.
public protocol FlowLayers: Codable, Sendable {
    /// Of the kind, in configurations.
    static var name: String { get }
    /// Bijectors of rows of `shape`, in the order in which they take noise to latent variables.
    ///
    /// - Parameter context: [rows, features] that they depend on, where there is one.
    func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector]
    /// Throws where an option of the flow `key` is out of range.
    func check(_ key: String) throws
}

/// Planar layers (Rezende and Mohamed 2015). With a context, a dense layer makes the parameters of all of them from it
/// (amortised, as there in section 4); else they have their own.
public struct PlanarLayers: FlowLayers {
    public static let name = "planar"

    public var layers: Int

    public init(layers: Int = 8) { self.layers = layers }

    public func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector] {
        guard let context else { return try (0..<layers).map { try Planar(scope["layer\($0)"]) } }
        let count = Planar.parameterCount(shape.product)
        let parameters = try Dense(layers * count)(context, scope["parameters"]).split(layers, axis: 1)
        return parameters.enumerated().map { Planar(parameters: $1, name: scope["layer\($0)"].path) }
    }

    public func check(_ key: String) throws {
        try checkOption("\(key).layers", layers, (1...1024).contains(layers), "in 1...1024")
    }
}

/// Affine couplings whose halves alternate (Dinh, Sohl-Dickstein and Bengio 2017), given the context beside the half that
/// they keep.
public struct AffineCouplings: FlowLayers {
    public static let name = "realnvp"

    public var layers: Int
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation
    /// The largest logarithm of a layer's scale.
    public var scaleBound: Double

    public init(layers: Int = 4, hidden: [Int] = [64], activation: Activation = .relu, scaleBound: Double = 1) {
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
        self.scaleBound = scaleBound
    }

    public func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector] {
        try (0..<layers).map { index in
            try Coupling(
                .half(index % 2), AffineTransformer(bound: scaleBound), MLP(hidden, activation: activation),
                context: context, scope["layer\(index)"])
        }
    }

    public func check(_ key: String) throws {
        try checkLayers("\(key).", layers, hidden)
        try checkPositive("\(key).scale_bound", scaleBound)
    }
}

/// Inverse autoregressive layers whose orders alternate (Kingma et al. 2016): a draw takes one pass. As a prior its density
/// takes a pass for each latent variable.
public struct InverseAutoregressiveLayers: FlowLayers {
    public static let name = "iaf"

    public var layers: Int
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation
    /// The largest logarithm of a layer's scale.
    public var scaleBound: Double

    public init(layers: Int = 2, hidden: [Int] = [64], activation: Activation = .relu, scaleBound: Double = 1) {
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
        self.scaleBound = scaleBound
    }

    public func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector] {
        try (0..<layers).map { index in
            Inverted(
                try Autoregressive(
                    AffineTransformer(bound: scaleBound, limit: .soft),
                    MADE.alternating(index, hidden: hidden, activation: activation), context: context,
                    scope["layer\(index)"]))
        }
    }

    public func check(_ key: String) throws {
        try checkLayers("\(key).", layers, hidden)
        try checkPositive("\(key).scale_bound", scaleBound)
    }
}

/// Couplings of rational-quadratic splines whose halves alternate (Durkan et al. 2019), given the context beside the half
/// that they keep.
public struct SplineCouplings: FlowLayers {
    public static let name = "nsf"

    public var layers: Int
    public var bins: Int
    /// Outside plus and minus this, a layer is the identity.
    public var tailBound: Double
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation

    public init(
        layers: Int = 4, bins: Int = 8, tailBound: Double = 5, hidden: [Int] = [64], activation: Activation = .relu
    ) {
        self.layers = layers
        self.bins = bins
        self.tailBound = tailBound
        self.hidden = hidden
        self.activation = activation
    }

    public func bijectors(for shape: [Int], context: Tensor?, _ scope: Scope) throws -> [any Bijector] {
        try (0..<layers).map { index in
            try Coupling(
                .half(index % 2), RationalQuadraticSpline(bins: bins, bound: tailBound),
                MLP(hidden, activation: activation), context: context, scope["layer\(index)"])
        }
    }

    public func check(_ key: String) throws {
        try checkLayers("\(key).", layers, hidden)
        try checkOption("\(key).bins", bins, (2...512).contains(bins), "in 2...512")
        try checkPositive("\(key).tail_bound", tailBound)
    }
}
