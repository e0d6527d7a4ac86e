import Graph

/// Takes each element of data through the distribution function of a mixture of logistics, and then through the inverse of
/// the normal's (Meng, Song, Song and Ermon 2020, section 3.1): where the mixture is the element's own distribution, a
/// standard normal results. `inverse`, and so a density, has a closed form; `forward` iterates.
///
/// The parameters of an element are the components' logits, means, and scales before a softplus.
public struct Gaussianization: Transformer {
    public var components: Int
    public var minimumScale: Double

    public init(components: Int = 8, minimumScale: Double = 0.01) {
        self.components = components
        self.minimumScale = minimumScale
    }

    public var parameterCount: Int { 3 * components }

    public func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let z = try Mixture(parameters, self).gaussianized(x)
        return Transformation(z.value, logDerivative: z.logSlope)
    }

    public func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let mixture = try Mixture(parameters, self)
        // The mixture's quantile lies between those of its components, mean + scale * logit(Phi(z)); and the tail of a
        // normal is at least exp(-z^2 / 2 - 2 |z| - 1).
        let reach = try mixture.scales * (z * z * 0.5 + 2 * abs(z) + 1).expanded(1)
        let lower = try (mixture.means - reach).min(axes: [1])
        let upper = try (mixture.means + reach).max(axes: [1])
        let x = try increasingRoot(from: lower, to: upper) { (x) throws(GraphError) in
            let here = try mixture.gaussianized(x)
            return (value: try here.value - z, slope: try exp(here.logSlope))
        }
        return Transformation(x, logDerivative: try -mixture.gaussianized(x).logSlope)
    }

    /// Each [rows, components, event...].
    private struct Mixture {
        let logWeights: Tensor, means: Tensor, scales: Tensor, logScales: Tensor

        init(_ parameters: Tensor, _ transformer: Gaussianization) throws(GraphError) {
            guard transformer.components >= 1, parameters.rank >= 2,
                parameters.shape[1] == transformer.parameterCount
            else {
                throw parameters.graph.error(
                    "gaussianization",
                    "by \(transformer.components) components needs \(transformer.parameterCount) parameters for each "
                        + "element, not \(parameters.type)")
            }
            let parts = try parameters.split(3, axis: 1)
            logWeights = try logSoftmax(parts[0], axis: 1)
            means = parts[1]
            scales = try softplus(parts[2]) + transformer.minimumScale
            logScales = try log(scales)
        }

        func gaussianized(_ x: Tensor) throws(GraphError) -> (value: Tensor, logSlope: Tensor) {
            let u = try (x.expanded(1) - means) / scales
            // log sigmoid(u) and log sigmoid(-u)
            let (below, above) = (try -softplus(-u), try -softplus(u))
            let logLower = try (logWeights + below).logSumExp(axes: [1])
            let logUpper = try (logWeights + above).logSumExp(axes: [1])
            let logDensity = try (logWeights + below + above - logScales).logSumExp(axes: [1])
            let z = try normalQuantile(logLower: logLower, logUpper: logUpper)
            return (z, try logDensity + 0.5 * (z * z + log2Pi))
        }
    }
}
