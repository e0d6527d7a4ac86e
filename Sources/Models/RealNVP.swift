import Graph
import Networks
import Probability

/// A normalizing flow of affine couplings whose halves alternate (Dinh, Sohl-Dickstein and Bengio 2017).
public struct RealNVP: Flow {
    public static let name = "realnvp"

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
        layers: Int = 8, hidden: [Int] = [128, 128], activation: Activation = .relu, scaleBound: Double = 1,
        preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
        self.scaleBound = scaleBound
        self.condition = condition
        self.preprocessing = preprocessing
    }

    public func adapted(to rowShape: [Int]) throws -> RealNVP {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: 2)
        try checkPositive("scale_bound", scaleBound)
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let couplings = AffineCouplings(
            layers: layers, hidden: hidden, activation: activation, scaleBound: scaleBound)
        return shaped(try couplings.bijectors(for: [shape.product], context: context, scope))
    }
}
