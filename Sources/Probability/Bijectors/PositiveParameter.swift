import Graph

/// Positive numbers of free parameters, for slopes that must not vanish: 1 at 0, and never below `least`.
///
/// p(h) = least + (1 - least) softplus(h + log(e - 1)). Zeros therefore make the identity, and no parameter makes a map
/// whose inverse stretches more than 1 / least.
enum PositiveParameter {
    static let least = 1e-3

    /// p(h)
    static func value(_ h: Tensor) throws(GraphError) -> Tensor {
        try softplus(h + logOfEMinus1) * (1 - least) + least
    }

    /// p(h) - 1 - h, without the cancellation near 0.
    static func excess(_ h: Tensor) throws(GraphError) -> Tensor {
        // softplus(h + log(e - 1)) - 1 = log1p((1 - 1/e) expm1(h)) = h + log1p(expm1(-h) / e).
        let decay = try expm1(-abs(h))
        let ascending = try log1p(decay * inverseE)
        let descending = try log1p(decay * (1 - inverseE)) - h
        let excess = try select(h.greater(than: h.zerosLike()), ascending, descending)
        return try excess - (excess + h) * least
    }

    private static let logOfEMinus1 = 0.5413248546129181
    private static let inverseE = 0.36787944117144233
}
