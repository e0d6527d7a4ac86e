import Graph

/// The standard normal's quantile, the inverse of its distribution function, of a probability p given as log p and
/// log(1 - p), so that both tails keep their digits however far out: to about 1e-15 (Wichura 1988, algorithm AS 241;
/// beyond 38 standard deviations by the asymptotic series of the tail).
func normalQuantile(logLower: Tensor, logUpper: Tensor) throws(GraphError) -> Tensor {
    let half = try (exp(logLower) - exp(logUpper)) * 0.5
    let isCentral = try abs(half).less(than: 0.425)
    let center = try select(isCentral, half, half.zerosLike())
    let near = try center * rational(Wichura.center, 0.180625 - center * center)

    // The smaller tail, and what the formulas of other ranges may see of it.
    let size = try -minimum(logLower, logUpper)
    let r = try sqrt(maximum(size, size.constant(0.5)))
    let middle = try rational(Wichura.middle, minimum(r, r.constant(5)) - 1.6)
    let outer = try rational(Wichura.outer, minimum(maximum(r, r.constant(5)), r.constant(27)) - 5)
    let far = try farQuantile(maximum(size, size.constant(729)))
    let isMiddle = try r.lessEqual(to: r.constant(5).broadcast(to: r.shape))
    let beyond = try select(r.less(than: 27), outer, far)
    let tail = try select(isMiddle, middle, beyond)
    return try select(isCentral, near, select(logUpper.less(than: logLower), tail, -tail))
}

/// t with -log(1 - Phi(t)) = `size`, at least 729. Each turn divides the error by t^2.
private func farQuantile(_ size: Tensor) throws(GraphError) -> Tensor {
    var t = try sqrt(2 * size)
    for _ in 0..<4 {
        let u = try 1 / (t * t)
        // 1 - Phi(t) = phi(t) / t (1 - 1/t^2 + 3/t^4 - 15/t^6 + ...)
        let series = try log1p(u * (u * (3 - 15 * u) - 1))
        t = try sqrt(2 * (size - log(t) - log2Pi / 2 + series))
    }
    return t
}

/// A quotient of polynomials, highest power first.
private func rational(_ c: (top: [Double], bottom: [Double]), _ x: Tensor) throws(GraphError) -> Tensor {
    func polynomial(_ c: [Double]) throws(GraphError) -> Tensor {
        var sum = x.constant(c[0])
        for next in c.dropFirst() { sum = try sum * x + next }
        return sum
    }
    return try polynomial(c.top) / polynomial(c.bottom)
}

/// The coefficients of AS 241's PPND16.
private enum Wichura {
    static let center: (top: [Double], bottom: [Double]) = (
        [
            2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
            1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0,
        ],
        [
            5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
            5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1,
        ]
    )
    static let middle: (top: [Double], bottom: [Double]) = (
        [
            7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
            3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0,
        ],
        [
            1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
            6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1,
        ]
    )
    static let outer: (top: [Double], bottom: [Double]) = (
        [
            2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
            2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0,
        ],
        [
            2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
            1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1,
        ]
    )
}
