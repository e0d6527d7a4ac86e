import Graph
import Networks
import Probability

/// A normalizing flow of planar layers (Rezende and Mohamed 2015) as a density of data.
///
/// A planar layer is a closed form in one direction only. Here, as in other libraries that fit planar flows to data, that
/// is from data to noise: training and densities cost one pass, and sampling solves one equation in one unknown for each
/// layer and row, to rounding.
public struct PlanarFlow: Flow {
    public static let name = "planar"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var layers: Int
    public var preprocessing: Preprocessing
    public var condition: Condition

    public init(
        layers: Int = 16, preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [2]
    ) {
        self.shape = shape
        self.layers = layers
        self.preprocessing = preprocessing
        self.condition = condition
    }

    public func adapted(to rowShape: [Int]) throws -> PlanarFlow {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try checkOption("layers", layers, (1...1024).contains(layers), "in 1...1024")
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let planar = try PlanarLayers(layers: layers).bijectors(for: [shape.product], context: context, scope)
        return shaped(planar.map { Inverted($0) })
    }
}
