import Graph
import Networks
import Probability

/// Neural spline flow: monotone rational-quadratic splines, in couplings whose halves alternate or autoregressive with
/// alternating orders (Durkan, Bekasov, Murray and Papamakarios 2019).
public struct NSF: Flow {
    public static let name = "nsf"

    /// How the elements of a row depend on each other in a layer.
    public enum Structure: String, Codable, Sendable, CaseIterable { case coupling, autoregressive }

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var structure: Structure
    public var layers: Int
    /// Of each spline.
    public var bins: Int
    /// Outside plus and minus this, a layer is the identity.
    public var tailBound: Double
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation
    public var preprocessing: Preprocessing
    public var condition: Condition

    public init(
        structure: Structure = .coupling, layers: Int = 5, bins: Int = 8, tailBound: Double = 5,
        hidden: [Int] = [64, 64], activation: Activation = .relu,
        preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.structure = structure
        self.layers = layers
        self.bins = bins
        self.tailBound = tailBound
        self.hidden = hidden
        self.activation = activation
        self.preprocessing = preprocessing
        self.condition = condition
    }

    public func adapted(to rowShape: [Int]) throws -> NSF {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: structure == .coupling ? 2 : 1)
        try checkOption("bins", bins, (2...512).contains(bins), "in 2...512")
        try checkPositive("tail_bound", tailBound)
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let vector = [shape.product]
        switch structure {
        case .coupling:
            let couplings = SplineCouplings(
                layers: layers, bins: bins, tailBound: tailBound, hidden: hidden, activation: activation)
            return shaped(try couplings.bijectors(for: vector, context: context, scope))
        case .autoregressive:
            let spline = RationalQuadraticSpline(bins: bins, bound: tailBound)
            return shaped(
                try (0..<layers).map { index in
                    let conditioner = MADE.alternating(index, hidden: hidden, activation: activation)
                    return try Autoregressive(spline, conditioner, context: context, scope["layer\(index)"])
                })
        }
    }
}
