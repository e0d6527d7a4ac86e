import Graph
import Networks
import Probability

/// A normalizing flow from standard normal noise: preprocessing of the data, and layers.
public protocol Flow: DensityModel, ConditionalModel {
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

    /// A standard normal; with a condition a normal whose mean and log-variance are affine functions of it, 0 at first.
    private func base(_ scope: Scope) throws(GraphError) -> any BaseDistribution {
        let size = shape.product
        guard let condition = scope.condition else { return StandardNormal([size]) }
        let weight = try scope.parameter("weight", [2 * size, condition.shape[1]], .zeros)
        let parameters = try matmul(condition, weight.transposed()) + scope.parameter("bias", [2 * size], .zeros)
        let parts = try parameters.split(2, axis: 1)
        return try Normal(mean: parts[0], logVariance: parts[1])
    }

    /// Of the data; of dequantized ones where they are gray levels.
    public func distribution(_ scope: Scope) throws -> Transformed {
        Transformed(
            base: try base(scope["base"]),
            by: try layers(scope, context: scope.condition) + preprocessing.bijectors(shape, scope["preprocessing"]))
    }
}
