/// Functions from sums, products and quotients alone, which IEEE 754 rounds one way: those of the C library differ between
/// machines, and generated data should not.
enum PortableMath {
    /// To 1e-12, for angles of few turns.
    static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
        let quarter = (angle / (.pi / 2)).rounded()
        let x = angle - quarter * (.pi / 2)
        guard abs(x) < 1 else { return (0, 1) }
        var (sine, cosine) = (0.0, 0.0)
        // Taylor's series in Horner's form, to x^15 and x^14.
        for k in stride(from: 14.0, through: 2, by: -2) {
            sine = (1 - sine) * x * x / (k * (k + 1))
            cosine = (1 - cosine) * x * x / (k * (k - 1))
        }
        sine = x * (1 - sine)
        cosine = 1 - cosine
        return switch Int(quarter.truncatingRemainder(dividingBy: 4) + 4) % 4 {
        case 0: (sine, cosine)
        case 1: (cosine, -sine)
        case 2: (-sine, -cosine)
        default: (-cosine, sine)
        }
    }

    /// The natural logarithm of a positive number, to 1e-15 relative to the larger of 1 and itself.
    static func log(_ x: Double) -> Double {
        var (significand, exponent) = (x.significand, Double(x.exponent))
        if significand > 1.4 { (significand, exponent) = (significand / 2, exponent + 1) }
        // log m = 2 artanh s, of which s^2 is below 1/34.
        let s = (significand - 1) / (significand + 1)
        var sum = 0.0
        for k in stride(from: 21.0, through: 1, by: -2) { sum = sum * s * s + 1 / k }
        return 2 * s * sum + exponent * 0.6931471805599453
    }

    /// To 1e-15 of itself, for arguments of moderate size.
    static func exp(_ x: Double) -> Double {
        let exponent = (x / 0.6931471805599453).rounded()
        guard abs(exponent) < 1000 else { return x < 0 ? 0 : .infinity }
        let rest = x - exponent * 0.6931471805599453
        var sum = 1.0
        for k in stride(from: 16.0, through: 1, by: -1) { sum = 1 + sum * rest / k }
        return Double(sign: .plus, exponent: Int(exponent), significand: sum)
    }
}
