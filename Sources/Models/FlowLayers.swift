import Graph
import Networks
import Probability

/// What the flows of vectors have in common.
extension DensityModel {
    /// Throws where a flow of `layers` with conditioners of `hidden` widths cannot be made for rows of this shape.
    func check(layers: Int, hidden: [Int], rowShape: [Int], leastElements: Int) throws {
        try checkOption("layers", layers, (1...1024).contains(layers), "in 1...1024")
        try checkOption("hidden", hidden, hidden.allSatisfy { $0 > 0 }, "a list of positive numbers")
        guard rowShape.product >= leastElements else {
            let least = leastElements == 1 ? "one element" : "two elements"
            throw GraphError(Self.name, "needs rows of \(least) at least, not of shape \(rowShape)")
        }
    }

    /// Standard normal vectors through bijectors, and at last in the shape of the rows.
    func flow(_ bijectors: [any Bijector], shape: [Int]) -> Transformed {
        Transformed(base: StandardNormal([shape.product]), by: bijectors + (shape.count == 1 ? [] : [Reshape(shape)]))
    }
}

extension MADE {
    /// The conditioner of layer `index`: orders alternate, so that no element stays the first one.
    static func alternating(_ index: Int, hidden: [Int], activation: Activation) -> MADE {
        MADE(hidden, activation: activation, order: index % 2 == 0 ? .ascending : .reversed)
    }
}
