import Graph
import Networks
import Probability

/// A normalizing flow of additive couplings whose halves alternate, and a learned scale for each element at last (Dinh,
/// Krueger and Bengio 2015).
public struct NICE: DensityModel {
    public static let name = "nice"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var layers: Int
    /// Widths of the hidden layers of each conditioner.
    public var hidden: [Int]
    public var activation: Activation

    public init(
        layers: Int = 4, hidden: [Int] = [128, 128], activation: Activation = .relu, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.layers = layers
        self.hidden = hidden
        self.activation = activation
    }

    public func adapted(to rowShape: [Int]) throws -> NICE {
        var model = self
        model.shape = rowShape
        try check(layers: layers, hidden: hidden, rowShape: rowShape, leastElements: 2)
        return model
    }

    public func distribution(_ scope: Scope) throws -> Transformed {
        let couplings = try (0..<layers).map { index in
            try Coupling(
                .half(index % 2), AdditiveTransformer(), MLP(hidden, activation: activation), scope["layer\(index)"])
        }
        return flow(couplings + [try DiagonalScale(scope["scale"])], shape: shape)
    }
}
