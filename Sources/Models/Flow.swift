import Configuration
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

/// What the flows of vectors have in common.
extension Flow {
    /// Throws where a flow of `layers` with conditioners of `hidden` widths cannot be made for rows of this shape.
    func check(layers: Int, hidden: [Int], rowShape: [Int], leastElements: Int) throws {
        try checkLayers("", layers, hidden)
        guard rowShape.product >= leastElements else {
            let least = leastElements == 1 ? "one element" : "two elements"
            throw GraphError(Self.name, "needs rows of \(least) at least, not of shape \(rowShape)")
        }
    }

    /// Bijectors of vectors, and at last the shape of the rows.
    func shaped(_ bijectors: [any Bijector]) -> [any Bijector] {
        bijectors + (shape.count == 1 ? [] : [Reshape(shape)])
    }
}

/// Throws where a number of layers or widths of conditioners cannot be; `prefix` stands before the options' keys.
func checkLayers(_ prefix: String, _ layers: Int, _ hidden: [Int]) throws(ConfigurationError) {
    try checkOption("\(prefix)layers", layers, (1...1024).contains(layers), "in 1...1024")
    try checkOption("\(prefix)hidden", hidden, hidden.allSatisfy { $0 > 0 }, "a list of positive numbers")
}

extension MADE {
    /// The conditioner of layer `index`: orders alternate, so that no element stays the first one.
    static func alternating(_ index: Int, hidden: [Int], activation: Activation) -> MADE {
        MADE(hidden, activation: activation, order: index % 2 == 0 ? .ascending : .reversed)
    }
}
