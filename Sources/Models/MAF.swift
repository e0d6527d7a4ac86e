import Graph
import Networks
import Probability

/// Masked autoregressive flow: affine layers whose orders alternate, exact densities in one pass each (Papamakarios,
/// Pavlakou and Murray 2017). A sample takes a pass for each element of a row.
public struct MAF: Flow {
    public static let name = "maf"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var layers: Int
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation
    /// The largest logarithm of a layer's scale.
    public var scaleBound: Double
    public var preprocessing: Preprocessing
    public var condition: Condition

    public init(
        layers: Int = 5, hidden: [Int] = [64, 64], activation: Activation = .relu, scaleBound: Double = 3,
        preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
        self.scaleBound = scaleBound
        self.preprocessing = preprocessing
        self.condition = condition
    }

    public func adapted(to rowShape: [Int]) throws -> MAF {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: 1)
        try checkPositive("scale_bound", scaleBound)
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let bijectors = try (0..<layers).map { index in
            try Autoregressive(
                AffineTransformer(bound: scaleBound, limit: .soft),
                MADE.alternating(index, hidden: hidden, activation: activation), context: context,
                scope["layer\(index)"])
        }
        return shaped(bijectors)
    }
}
