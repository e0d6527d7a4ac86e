import Graph

/// x = a z + b + sum_k w_k tanh(c_k z + d_k) with positive a, w and c: a conic combination of monotone functions (Huang,
/// Krueger, Lacoste and Courville 2018; Papamakarios et al. 2021, section 3.1.2), of which the first reaches all real
/// numbers. Its inverse iterates.
///
/// The parameters of an element are a and b, then the units' w, c and d, before the softplus that makes a, w and c positive.
public struct ConicTransformer: Transformer {
    public var units: Int
    /// Of a: it bounds the inverse's slope.
    public var minimumSlope: Double

    public init(units: Int = 8, minimumSlope: Double = 0.05) {
        self.units = units
        self.minimumSlope = minimumSlope
    }

    public var parameterCount: Int { 2 + 3 * units }

    public func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let parts = try Parts(parameters, self)
        let x = try parts.value(z)
        return Transformation(x.value, logDerivative: x.logSlope)
    }

    public func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let parts = try Parts(parameters, self)
        let total = try parts.weights.sum(axes: [1])
        let (center, reach) = (try (x - parts.shift) / parts.slope, try total / parts.slope)
        let z = try increasingRoot(from: center - reach, to: center + reach) { (z) throws(GraphError) in
            let here = try parts.value(z)
            return (value: try here.value - x, slope: try exp(here.logSlope))
        }
        return Transformation(z, logDerivative: try -parts.value(z).logSlope)
    }

    private struct Parts {
        /// [rows, event...]
        let slope: Tensor, shift: Tensor
        /// [rows, units, event...]
        let weights: Tensor, rates: Tensor, offsets: Tensor

        init(_ parameters: Tensor, _ transformer: ConicTransformer) throws(GraphError) {
            let units = transformer.units
            guard units >= 1, parameters.rank >= 2, parameters.shape[1] == transformer.parameterCount else {
                throw parameters.graph.error(
                    "conic combination",
                    "of \(units) units needs \(transformer.parameterCount) parameters for each element, not "
                        + "\(parameters.type)")
            }
            func part(_ index: Int) throws(GraphError) -> Tensor {
                try parameters.slice(1, (2 + index * units)..<(2 + (index + 1) * units))
            }
            slope = try softplus(parameters.at(0, axis: 1)) + transformer.minimumSlope
            shift = try parameters.at(1, axis: 1)
            weights = try softplus(part(0)) / Double(units)
            rates = try softplus(part(1))
            offsets = try part(2)
        }

        func value(_ z: Tensor) throws(GraphError) -> (value: Tensor, logSlope: Tensor) {
            let t = try tanh(rates * z.expanded(1) + offsets)
            let value = try slope * z + shift + (weights * t).sum(axes: [1])
            return (value, try log(slope + (weights * rates * (1 - t * t)).sum(axes: [1])))
        }
    }
}
