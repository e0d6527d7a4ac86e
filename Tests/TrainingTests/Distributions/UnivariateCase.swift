import Foundation
import Pushforward
import Testing

/// A distribution of single numbers, its parameters in one row, beside its density as the textbooks have it.
struct UnivariateCase: CustomTestStringConvertible, Sendable {
    let name: String
    /// About where and how wide it is: points for integrals lie at centre + width sinh(t).
    let centre: Double
    let width: Double
    let make: @Sendable (Trace) throws -> any BaseDistribution
    let logDensity: @Sendable (Double) -> Double

    var testDescription: String { name }

    static let halfCount = 1 << 14
    static let step = 40 / Double(halfCount)

    /// Points that are dense in the middle and reach to 1e17 widths, and how much of the line each stands for: with
    /// these weights the trapezoid rule converges exponentially for smooth densities of any tail.
    func grid() -> (x: [Double], weight: [Double]) {
        let t = (-Self.halfCount...Self.halfCount).map { Double($0) * Self.step }
        return (t.map { centre + width * Foundation.sinh($0) }, t.map { width * Foundation.cosh($0) * Self.step })
    }

    /// Points in the middle of the distribution and its distribution function there, of the textbook's density.
    func distributionFunction() -> (points: [Double], values: [Double]) {
        let (x, weight) = grid()
        var (points, values): ([Double], [Double]) = ([], [])
        var total = 0.0
        for (index, x) in x.enumerated() {
            let mass = Foundation.exp(logDensity(x)) * weight[index]
            if (index - Self.halfCount).isMultiple(of: 64), abs(index - Self.halfCount) < 64 * 32 {
                points.append(x)
                values.append(total + mass / 2)
            }
            total += mass
        }
        return (points, values)
    }

    static let all: [UnivariateCase] =
        [normal(1, 0.5), logistic(-1, 0.7), laplace(0.5, 2), normalMixture, logisticMixture]
        + [1, 2.5, 30].map { studentT($0, -0.5, 0.8) }

    static func normal(_ mean: Double, _ deviation: Double) -> UnivariateCase {
        UnivariateCase(name: "normal", centre: mean, width: deviation) { trace in
            try Normal(mean: row(trace, mean), standardDeviation: row(trace, deviation))
        } logDensity: {
            normalLogDensity($0, mean, deviation)
        }
    }

    static func logistic(_ location: Double, _ scale: Double) -> UnivariateCase {
        UnivariateCase(name: "logistic", centre: location, width: scale) { trace in
            try Logistic(location: row(trace, location), scale: row(trace, scale))
        } logDensity: {
            logisticLogDensity($0, location, scale)
        }
    }

    static func laplace(_ location: Double, _ scale: Double) -> UnivariateCase {
        UnivariateCase(name: "Laplace", centre: location, width: scale) { trace in
            try Laplace(location: row(trace, location), scale: row(trace, scale))
        } logDensity: {
            -abs($0 - location) / scale - Foundation.log(2 * scale)
        }
    }

    static func studentT(_ degrees: Double, _ location: Double, _ scale: Double) -> UnivariateCase {
        UnivariateCase(name: "Student t, \(degrees) degrees of freedom", centre: location, width: scale) { trace in
            try StudentT(
                degreesOfFreedom: row(trace, degrees), location: row(trace, location), scale: row(trace, scale))
        } logDensity: {
            let z = ($0 - location) / scale
            let gammas = Foundation.lgamma((degrees + 1) / 2) - Foundation.lgamma(degrees / 2)
            return gammas - 0.5 * Foundation.log(degrees * .pi) - Foundation.log(scale)
                - (degrees + 1) / 2 * Foundation.log1p(z * z / degrees)
        }
    }

    private static let normalMixture = UnivariateCase(name: "mixture of normals", centre: 0, width: 1) { trace in
        try Mixture(
            logits: trace.graph.constant([0.3, -0.9, 1.1].map { $0 + 5 }, shape: [1, 3], trace.precision),
            [(-2, 0.5), (0, 0.25), (1.5, 1)].map {
                try Normal(mean: row(trace, $0.0), standardDeviation: row(trace, $0.1))
            })
    } logDensity: { x in
        let weights = [0.3, -0.9, 1.1].map { Foundation.exp($0) }
        let each = [(-2, 0.5), (0, 0.25), (1.5, 1)].map { Foundation.exp(normalLogDensity(x, $0.0, $0.1)) }
        return Foundation.log(zip(weights, each).map(*).reduce(0, +) / weights.reduce(0, +))
    }

    private static let logisticMixture = UnivariateCase(name: "mixture of logistics", centre: 0, width: 1) { trace in
        try Mixture(
            logits: trace.graph.constant([0, 1], shape: [1, 2], trace.precision),
            [(-1, 0.4), (1, 0.6)].map { try Logistic(location: row(trace, $0.0), scale: row(trace, $0.1)) })
    } logDensity: { x in
        let each = [(-1, 0.4), (1, 0.6)].map { Foundation.exp(logisticLogDensity(x, $0.0, $0.1)) }
        return Foundation.log((each[0] + M_E * each[1]) / (1 + M_E))
    }
}

/// A parameter of a single number for all rows.
private func row(_ trace: Trace, _ value: Double) -> Tensor {
    trace.graph.constant(value, TensorType([1, 1], trace.precision))
}

private func normalLogDensity(_ x: Double, _ mean: Double, _ deviation: Double) -> Double {
    let z = (x - mean) / deviation
    return -0.5 * z * z - Foundation.log(deviation) - 0.5 * Foundation.log(2 * .pi)
}

private func logisticLogDensity(_ x: Double, _ location: Double, _ scale: Double) -> Double {
    let z = abs(x - location) / scale
    return -z - 2 * Foundation.log1p(Foundation.exp(-z)) - Foundation.log(scale)
}
