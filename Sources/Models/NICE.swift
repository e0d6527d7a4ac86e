import Graph
import Networks
import Probability

/// A normalizing flow of additive couplings whose halves alternate, and a learned scale for each element at last (Dinh,
/// Krueger and Bengio 2015).
public struct NICE: Flow {
    public static let name = "nice"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var layers: Int
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation
    public var preprocessing: Preprocessing
    public var condition: Condition

    public init(
        layers: Int = 4, hidden: [Int] = [128, 128], activation: Activation = .relu,
        preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
        self.preprocessing = preprocessing
        self.condition = condition
    }

    public func adapted(to rowShape: [Int]) throws -> NICE {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: 2)
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let couplings = try (0..<layers).map { index in
            try Coupling(
                .half(index % 2), AdditiveTransformer(), MLP(hidden, activation: activation), context: context,
                scope["layer\(index)"])
        }
        return shaped(couplings + [try DiagonalScale(scope["scale"])])
    }
}
