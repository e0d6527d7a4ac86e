import Graph
import Networks
import Probability

/// A normalizing flow from standard normal noise: preprocessing of the data, and layers.
public protocol Flow: DensityModel {
    /// Of a row of data.
    var shape: [Int] { get }
    var preprocessing: Preprocessing { get }
    /// From base values, flat rows [rows, elements], to rows of `shape`.
    ///
    /// - Parameter context: [rows, features] that everything is conditioned on.
    func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector]
}

extension Flow {
    public var takesLevels: Bool { preprocessing.isOfLevels(shape) }

    /// Of the data; of dequantized ones where they are gray levels.
    public func distribution(_ scope: Scope) throws -> Transformed {
        Transformed(
            base: StandardNormal([shape.product]),
            by: try layers(scope, context: nil) + preprocessing.bijectors(shape, scope["preprocessing"]))
    }
}
