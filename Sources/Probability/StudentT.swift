import Graph
import Networks

/// Independent Student t distributions; all three parameters may be learned.
public struct StudentT: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    /// Positive real numbers, of the location's shape: 1 is a Cauchy distribution, infinity would be a normal one.
    public let degreesOfFreedom: Tensor
    /// Median, [batch, event...].
    public let location: Tensor
    /// Positive, of the location's shape.
    public let scale: Tensor

    /// `degreesOfFreedom` and `scale` broadcast to the location's shape.
    public init(degreesOfFreedom: Tensor, location: Tensor, scale: Tensor) throws(GraphError) {
        self.degreesOfFreedom = try degreesOfFreedom.broadcast(to: location.shape)
        self.location = location
        self.scale = try scale.broadcast(to: location.shape)
    }

    public var support: Support { .real }

    /// NaN for one degree of freedom or less, where there is none.
    public var mean: Tensor {
        get throws(GraphError) {
            try select(
                location.constant(1).less(than: degreesOfFreedom), location, location.constant(.nan))
        }
    }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try location.checkEvent(x, "Student t")
        let z = try (x - location) / scale
        let shape = try (degreesOfFreedom + 1) * log1p(z * z / degreesOfFreedom)
        let ratio = try HalfStepRatio(degreesOfFreedom * 0.5).value()
        return try (ratio - log(scale) - 0.5 * (shape + log2Pi)).rowSum()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// For any degrees of freedom n, from two uniforms: the radius of a bivariate t distribution is
    /// sqrt(n (u^(-2/n) - 1)), and each of its coordinates has a t distribution (Bailey 1994, "Polar generation of
    /// random variates with the t-distribution"). `temperature` multiplies the scale.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let shape = try location.drawShape(scope)
        let power = try log(scope.uniform(shape)) / degreesOfFreedom
        // With u^(-1/n) before the root nothing overflows that the draw itself does not.
        let radius = try exp(-power) * sqrt(-degreesOfFreedom * expm1(2 * power))
        let z = try radius * cos(2 * Double.pi * scope.uniform(shape))
        return try location + scale * (temperature == 1 ? z : z * temperature)
    }

    public func entropy() throws(GraphError) -> Tensor {
        let ratio = try HalfStepRatio(degreesOfFreedom * 0.5)
        let digammas = try 0.5 * (degreesOfFreedom + 1) * (ratio.derivative() + 1 / degreesOfFreedom)
        return try (digammas - ratio.value() + log(scale) + 0.5 * log2Pi).rowSum()
    }
}

/// r(a) = log Gamma(a + 1/2) - log Gamma(a) - log(a) / 2 for a > 0, which goes to 0 as -1 / (8 a).
///
/// The log-gammas themselves grow like a log a, so their difference would lose all digits of a large a. Here the
/// recurrence Gamma(a + 1) = a Gamma(a) takes a to x = a + 8, where the Stirling series of the difference,
/// sum over m of (2^(1 - 2m) - 2) B_2m / (2m (2m - 1)) x^(1 - 2m), has an error below 1e-15 after eight terms
/// (Abramowitz and Stegun, 6.1.40; B_2m(1/2) by 23.1.21).
private struct HalfStepRatio {
    private static let series: [Double] = [
        -1.0 / 8, 1.0 / 192, -1.0 / 640, 17.0 / 14336, -31.0 / 18432, 691.0 / 180224, -5461.0 / 425984,
        929569.0 / 15_728_640,
    ]

    private let a: Tensor

    init(_ a: Tensor) { self.a = a }

    func value() throws(GraphError) -> Tensor {
        // (a + 8) / a times the squares of (a + k) / (a + k + 1/2), k = 0 ... 7, in an order that does not overflow.
        var product = try (a + 8) / (a + 0.5) * (a / (a + 0.5))
        for k in 1..<8 {
            let factor = try (a + Double(k)) / (a + (Double(k) + 0.5))
            product = try product * (factor * factor)
        }
        let inverse = try 1 / (a + 8)
        return try 0.5 * log(product) + inverse * Self.polynomial(Self.series, inverse * inverse)
    }

    /// dr / da
    func derivative() throws(GraphError) -> Tensor {
        let inverse = try 1 / (a + 8)
        let square = try inverse * inverse
        let slopes = Self.series.enumerated().map { -Double(2 * $0 + 1) * $1 }
        var total = try square * Self.polynomial(slopes, square) + 0.5 * inverse - 0.5 / a
        for k in 0..<8 { total = try total + 0.5 / ((a + Double(k)) * (a + (Double(k) + 0.5))) }
        return total
    }

    private static func polynomial(_ coefficients: [Double], _ x: Tensor) throws(GraphError) -> Tensor {
        var value = try x.zerosLike()
        for coefficient in coefficients.reversed() { value = try value * x + coefficient }
        return value
    }
}
