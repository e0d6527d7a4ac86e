import Foundation
import Pushforward
import Testing

/// Of a normal, at one point.
private func logDensity(_ x: Double, _ mean: Double, _ deviation: Double) -> Double {
    let z: Double = (x - mean) / deviation
    return -0.5 * z * z - Foundation.log(deviation) - 0.5 * Foundation.log(2 * Double.pi)
}

@Suite struct ProbabilityTests {
    private func normal(_ trace: Trace, _ mean: [Double], _ deviation: [Double], _ shape: [Int]) throws -> Normal {
        try Normal(
            mean: trace.graph.constant(mean, shape: shape, .float64),
            standardDeviation: trace.graph.constant(deviation, shape: shape, .float64))
    }

    @Test func normalLogDensityPerRow() throws {
        let (mean, deviation, x) = ([1.0, -2, 0, 3], [0.5, 2, 1, 0.1], [1.5, 0, -0.3, 3.05])
        let y = try evaluated { trace in
            let normal = try self.normal(trace, mean, deviation, [2, 2])
            return [try normal.logProb(trace.graph.constant(x, shape: [2, 2], .float64)), try normal.entropy()]
        }
        let each = (0..<4).map { logDensity(x[$0], mean[$0], deviation[$0]) }
        #expect(areClose(y[0].doubles, [each[0] + each[1], each[2] + each[3]]))
        let entropies = deviation.map { 0.5 * log(2 * .pi * M_E * $0 * $0) }
        #expect(areClose(y[1].doubles, [entropies[0] + entropies[1], entropies[2] + entropies[3]]))
    }

    @Test func normalByVarianceAndByDeviationAgree() throws {
        let y = try evaluated { trace in
            let mean = try trace.graph.constant([1, 2], shape: [1, 2], .float64)
            let x = try trace.graph.constant([0.5, 3], shape: [1, 2], .float64)
            let variance = try Normal(mean: mean, logVariance: mean.constant(2 * log(0.3)))
            return [
                try variance.logProb(x), try Normal(mean: mean, standardDeviation: 0.3).logProb(x),
                variance.standardDeviation,
            ]
        }
        #expect(isClose(y[0].doubles[0], y[1].doubles[0]) && areClose(y[2].doubles, [0.3, 0.3]))
        #expect(
            message {
                let trace = Trace()
                _ = try Normal(mean: trace.graph.constant(0, TensorType([1, 1], .float32)), standardDeviation: 0)
            }.contains("not positive"))
    }

    @Test func densitiesIntegrateToOne() throws {
        let count = 20_001
        let grid = (0..<count).map { -20 + 40 * Double($0) / Double(count - 1) }
        let y = try evaluated { trace in
            let normal = try self.normal(
                trace, .init(repeating: 1.5, count: count), .init(repeating: 0.7, count: count), [count, 1])
            return [try exp(normal.logProb(trace.graph.constant(grid, shape: [count, 1], .float64))).sum()]
        }
        #expect(isClose(y[0].doubles[0] * 40 / Double(count - 1), 1, 1e-9))
    }

    @Test(arguments: [0.0, 3, -3, 80, -80, 800, -800]) func bernoulliIsMinusTheCrossEntropy(_ logit: Double) throws {
        let levels = [0, 0.25, 1.0]
        let y = try evaluated(precision: .float32) { trace in
            let bernoulli = Bernoulli(
                logits: try trace.graph.constant([logit, logit, logit], shape: [3, 1], .float32))
            return [
                try bernoulli.logProb(trace.graph.constant(levels, shape: [3, 1], .float32)), try bernoulli.entropy(),
            ]
        }
        // The form that does not overflow: max(l, 0) - l t + log1p(exp(-|l|)).
        let expected = levels.map { -(max(logit, 0) - logit * $0 + log1p(exp(-abs(logit)))) }
        #expect(areClose(y[0].doubles, expected, 1e-6))
        let p = 1 / (1 + exp(-logit))
        let entropy = p > 0 && p < 1 ? -p * log(p) - (1 - p) * log(1 - p) : 0
        #expect(y[1].doubles.allSatisfy { isClose($0, entropy, 1e-5) })
    }

    @Test func deterministicHasAllItsMassAtItsValue() throws {
        let y = try evaluated { trace in
            let value = try trace.graph.constant([1, 2, 3, 4], shape: [2, 2], .float64)
            let other = try trace.graph.constant([1, 2, 3, 5], shape: [2, 2], .float64)
            return [try Deterministic(value).logProb(other), try Deterministic(value).entropy()]
        }
        #expect(y[0].doubles == [0, -.infinity] && y[1].doubles == [0, 0])
    }

    @Test func divergencesAgreeWithTheirIntegrals() throws {
        // KL(N(1, 0.5) || N(-0.5, 2)) by a Riemann sum, and against the standard normal.
        func numeric(_ m1: Double, _ s1: Double, _ m2: Double, _ s2: Double) -> Double {
            var total: Double = 0
            for x in stride(from: -12.0, to: 12, by: 1e-3) {
                let p: Double = logDensity(x, m1, s1)
                total += Foundation.exp(p) * (p - logDensity(x, m2, s2)) * 1e-3
            }
            return total
        }
        let y = try evaluated { trace in
            let p = try self.normal(trace, [1, 0], [0.5, 1], [2, 1])
            let q = try self.normal(trace, [-0.5, 0], [2, 1], [2, 1])
            return [
                try klDivergence(p, q), try klDivergenceFromStandardNormal(p),
                try klDivergence(p, Normal.standard(like: p.mean)),
            ]
        }
        #expect(areClose(y[0].doubles, [numeric(1, 0.5, -0.5, 2), 0], 1e-8))
        #expect(areClose(y[1].doubles, [numeric(1, 0.5, 0, 1), 0], 1e-8))
        #expect(areClose(y[1].doubles, y[2].doubles))
    }

    @Test func drawsHaveTheMomentsAndTheMonteCarloDivergenceItsMean() throws {
        let rows = 20_000
        let y = try evaluated(rows: rows, seed: 3) { trace in
            func filled(_ value: Double) -> Tensor { trace.graph.constant(value, TensorType([rows, 1], .float64)) }
            let p = try Normal(mean: filled(1), standardDeviation: filled(0.5))
            let z = try p.sample(trace.root["p"])
            let bits = try Bernoulli(logits: filled(log(0.3 / 0.7))).sample(trace.root["b"])
            let cold = try p.sample(trace.root["p"], temperature: 0)
            return [z, try monteCarloKLDivergence(p, Normal.standard(like: z), at: z), bits, cold]
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let z = y[0].doubles
        #expect(abs(mean(z) - 1) < 0.02 && abs(mean(z.map { pow($0 - 1, 2) }) - 0.25) < 0.015)
        let exact = 0.5 * (0.25 + 1 - log(0.25) - 1)
        #expect(abs(mean(y[1].doubles) - exact) < 0.03)
        #expect(Set(y[2].doubles) == [0, 1] && abs(mean(y[2].doubles) - 0.3) < 0.02)
        #expect(y[3].doubles.allSatisfy { $0 == 1 })
    }

    @Test func wrongShapesAreErrorsAndNeverBroadcast() {
        let trace = Trace()
        func tensor(_ shape: [Int]) -> Tensor { trace.graph.constant(0, TensorType(shape, .float32)) }
        #expect(message { _ = try Bernoulli(logits: tensor([4, 3])).logProb(tensor([4, 1])) }.contains("[4, 1]"))
        #expect(message { _ = try Normal.standard(like: tensor([4, 3])).logProb(tensor([3])) }.contains("[3]"))
        #expect(message { _ = try Deterministic(tensor([4, 3])).logProb(tensor([1, 3])) }.contains("[1, 3]"))
    }
}
