import Foundation
import Pushforward
import Testing

/// Closed forms of KL(p || q) against sums and integrals of the textbook's densities.
@Suite struct DivergenceTests {
    private func constant(_ trace: Trace, _ values: [Double]) throws -> Tensor {
        try trace.graph.constant(values, shape: [1, values.count], trace.precision)
    }

    @Test(arguments: [(0.5, 2.0, -1.0, 0.7), (1, 0.3, 1, 0.4), (0, 1, 30, 1)])
    func laplace(_ a: Double, _ b: Double, _ c: Double, _ d: Double) throws {
        let (p, q) = (UnivariateCase.laplace(a, b), UnivariateCase.laplace(c, d))
        let y = try evaluated { trace in
            func laplace(_ location: Double, _ scale: Double) throws -> Laplace {
                try Laplace(location: constant(trace, [location]), scale: constant(trace, [scale]))
            }
            let p = try laplace(a, b)
            return [try klDivergence(p, laplace(c, d)), try klDivergence(p, p)]
        }.map(\.doubles)
        let (x, weight) = p.grid()
        let numeric = zip(x, weight).reduce(0.0) { sum, point in
            let logDensity = p.logDensity(point.0)
            guard logDensity > -700 else { return sum }
            return sum + Foundation.exp(logDensity) * (logDensity - q.logDensity(point.0)) * point.1
        }
        // The integral's points miss the kink at q's location.
        #expect(isClose(y[0][0], numeric, 1e-4) && abs(y[1][0]) < 1e-15)
    }

    @Test func uniform() throws {
        let y = try evaluated { trace in
            func box(_ low: [Double], _ high: [Double]) throws -> Uniform {
                try Uniform(low: constant(trace, low), high: constant(trace, high))
            }
            let p = try box([0, -1], [1, 2])
            return [
                try klDivergence(p, box([-1, -1], [1.5, 3])), try klDivergence(p, box([-1, -0.9], [1.5, 3])),
                try klDivergence(p, box([-1, -1], [0.9, 3])), try klDivergence(p, p),
            ]
        }.map(\.doubles)
        #expect(areClose(y[0], [Foundation.log(2.5) + Foundation.log(4 / 3.0)]))
        #expect(y[1] == [.infinity] && y[2] == [.infinity] && y[3] == [0])
    }

    @Test func categorical() throws {
        let (a, b) = ([0.5, -Double.infinity, -1, 2], [1, 0, 0.25, -0.5])
        func probabilities(_ logits: [Double]) -> [Double] {
            let weights = logits.map { Foundation.exp($0) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
        let y = try evaluated { trace in
            let (p, q) = (
                try Categorical(logits: constant(trace, a)), try Categorical(logits: constant(trace, b))
            )
            return [try klDivergence(p, q), try klDivergence(p, p), try klDivergence(q, p)]
        }.map(\.doubles)
        let expected = zip(probabilities(a), probabilities(b)).reduce(0) { sum, pair in
            pair.0 > 0 ? sum + pair.0 * Foundation.log(pair.0 / pair.1) : sum
        }
        #expect(areClose(y[0], [expected]) && areClose(y[1], [0]) && y[2] == [.infinity])
    }

    @Test func bernoulli() throws {
        let (a, b) = ([0.5, -3, 40], [-1, 2.5, 1])
        let y = try evaluated { trace in
            let (p, q) = (Bernoulli(logits: try constant(trace, a)), Bernoulli(logits: try constant(trace, b)))
            return [try klDivergence(p, q), try klDivergence(p, p)]
        }.map(\.doubles)
        let expected = zip(a, b).reduce(0.0) { sum, logits in
            let (p, q) = (1 / (1 + Foundation.exp(-logits.0)), 1 / (1 + Foundation.exp(-logits.1)))
            let no = 1 / (1 + Foundation.exp(logits.0))
            return sum + p * Foundation.log(p / q) + no * Foundation.log(no / (1 - q))
        }
        #expect(areClose(y[0], [expected]) && areClose(y[1], [0]))
    }

    /// Where there is no closed form: of a mixture and of a normal, whose entropy is known.
    @Test func monteCarloEntropies() throws {
        let rows = 100_000
        let y = try evaluated(rows: rows, seed: 5) { trace in
            let normal = try Normal(mean: constant(trace, [1]), standardDeviation: 0.5)
            let far = try Normal(mean: constant(trace, [41]), standardDeviation: 0.5)
            // Components that do not overlap: the choice adds its own entropy.
            let mixture = try Mixture(logits: constant(trace, [0, Foundation.log(3.0)]), [normal, far])
            return try [
                monteCarloEntropy(normal, at: normal.sample(trace.root["normal"])),
                monteCarloEntropy(mixture, at: mixture.sample(trace.root["mixture"])),
            ].map { try $0.mean() }
        }.map { $0.doubles[0] }
        let entropy = 0.5 * Foundation.log(2 * .pi * M_E * 0.25)
        let choice = Foundation.log(4.0) - 0.75 * Foundation.log(3.0)
        // Standard errors are 0.0022 and 0.0027.
        #expect(abs(y[0] - entropy) < 0.015 && abs(y[1] - entropy - choice) < 0.018)
    }
}
