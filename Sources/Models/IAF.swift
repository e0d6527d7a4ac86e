import Graph
import Networks
import Probability

/// Inverse autoregressive flow: affine layers whose orders alternate, samples in one pass each (Kingma et al. 2016). A
/// density, and so training by likelihood, takes a pass for each element of a row.
public struct IAF: Flow {
    public static let name = "iaf"

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

    public func adapted(to rowShape: [Int]) throws -> IAF {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: 1)
        try checkPositive("scale_bound", scaleBound)
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let inverse = InverseAutoregressiveLayers(
            layers: layers, hidden: hidden, activation: activation, scaleBound: scaleBound)
        return shaped(try inverse.bijectors(for: [shape.product], context: context, scope))
    }
}
