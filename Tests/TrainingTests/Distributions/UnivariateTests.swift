import Foundation
import Pushforward
import Testing

/// Every distribution of single numbers against its textbook density: values, integrals, entropies and draws.
@Suite struct UnivariateTests {
    private func logProb(_ test: UnivariateCase, _ x: [Double], _ precision: ScalarType) throws -> [Double] {
        try evaluated(precision: precision, arguments: [array(x, [x.count, 1], precision)]) { trace in
            let x = trace.graph.input("x", TensorType([x.count, 1], precision))
            return [try test.make(trace).logProb(x)]
        }[0].doubles
    }

    @Test(arguments: UnivariateCase.all) func logDensities(_ test: UnivariateCase) throws {
        let x = stride(from: -6.0, through: 6, by: 0.37).map {
            Double(Float(test.centre + test.width * Foundation.sinh($0)))
        }
        let expected = x.map(test.logDensity)
        // Far out a mixture of normals underflows in the textbook's form.
        let isRepresentable = expected.map(\.isFinite)
        func shown(_ values: [Double]) -> [Double] { zip(values, isRepresentable).filter(\.1).map(\.0) }
        #expect(areClose(shown(try logProb(test, x, .float64)), shown(expected), 1e-12))
        #expect(areClose(shown(try logProb(test, x, .float32)), shown(expected), 2e-6))
    }

    @Test(arguments: UnivariateCase.all) func integralsAreOneAndEntropiesAreTheirs(_ test: UnivariateCase) throws {
        let (x, weight) = test.grid()
        let logProb = try logProb(test, x, .float64)
        let masses = zip(logProb, weight).map { Foundation.exp($0) * $1 }
        #expect(isClose(masses.reduce(0, +), 1, 1e-6))
        let numeric = zip(masses, logProb).reduce(0) { $0 - ($1.0 > 0 ? $1.0 * $1.1 : 0) }
        for precision in [ScalarType.float64, .float32] {
            let entropy = try evaluated(precision: precision) { trace in
                let distribution = try test.make(trace)
                guard let distribution = distribution as? any DistributionWithEntropy else {
                    return []
                }
                return [try distribution.entropy()]
            }
            #expect(entropy.isEmpty == test.name.contains("mixture"))
            for entropy in entropy { #expect(isClose(entropy.doubles[0], numeric, 2e-6)) }
        }
    }

    @Test(arguments: UnivariateCase.all) func drawsHaveTheDensityAndAWrongScaleIsSeen(_ test: UnivariateCase) throws {
        let (points, values) = test.distributionFunction()
        let distances = try GoodnessOfFit.distances(points: points, values) { trace in
            let draws = try test.make(trace).sample(trace.root)
            let centred = try draws - test.centre
            return [draws, try centred * 1.02 + test.centre, try centred / 1.02 + test.centre]
        }
        let critical = GoodnessOfFit.criticalDistance
        #expect(distances[0] < critical && distances[1] > critical && distances[2] > critical, "\(distances)")
    }

    @Test(arguments: UnivariateCase.all) func aRowDependsOnItsIndexAloneAndTemperatureScales(
        _ test: UnivariateCase
    ) throws {
        func draws(_ rows: Range<Int>, temperature: Double? = nil) throws -> [Double] {
            try evaluated(rows: rows.count, first: rows.lowerBound, seed: 7) { trace in
                let distribution = try test.make(trace)
                let sample = try temperature.map { try distribution.sample(trace.root, temperature: $0) }
                return [try sample ?? distribution.sample(trace.root)]
            }[0].doubles
        }
        let all = try draws(0..<20)
        #expect(Set(all).count == 20 && all.allSatisfy(\.isFinite))
        #expect(try draws(5..<9) == Array(all[5..<9]) && draws(0..<20, temperature: 1) == all)
        let cold = try draws(0..<20, temperature: 0.25)
        if test.name.contains("mixture") {
            #expect(zip(cold, all).allSatisfy { $0 != $1 })
        } else {
            #expect(areClose(cold, all.map { test.centre + 0.25 * ($0 - test.centre) }, 1e-12))
        }
    }

    /// From nearly no degrees of freedom to so many that the normal distribution cannot be told apart.
    @Test func studentTForAllDegreesOfFreedom() throws {
        let degrees = [1e-3, 0.1, 1, 3, 50, 1e4, 1e8, 1e15]
        func run(_ precision: ScalarType) throws -> [[Double]] {
            try evaluated(precision: precision) { trace in
                let graph = trace.graph
                let zeros = graph.constant(0, TensorType([degrees.count, 1], precision))
                let t = try StudentT(
                    degreesOfFreedom: graph.constant(degrees, shape: [degrees.count, 1], precision), location: zeros,
                    scale: zeros.onesLike())
                return [try t.logProb(zeros + 1.5), try t.entropy(), try t.mean]
            }.map(\.doubles)
        }
        let expected = degrees.map { degrees in
            degrees > 1e6
                ? -0.5 * 1.5 * 1.5 - 0.5 * Foundation.log(2 * .pi)
                : UnivariateCase.studentT(degrees, 0, 1).logDensity(1.5)
        }
        let double = try run(.float64)
        #expect(areClose(Array(double[0].prefix(5)), Array(expected.prefix(5)), 1e-13))
        #expect(areClose(double[0], expected, 1e-8))
        let single = try run(.float32)
        #expect(areClose(single[0], double[0], 1e-6) && areClose(single[1], double[1], 1e-6))
        #expect(isClose(double[1][7], 0.5 * (1 + Foundation.log(2 * .pi)), 1e-12))
        #expect(double[2].prefix(3).allSatisfy(\.isNaN) && double[2].dropFirst(3).allSatisfy { $0 == 0 })
    }

    @Test func degreesOfFreedomHaveAGradient() throws {
        let slope = try evaluated { trace in
            let degrees = trace.graph.constant(2.5, TensorType([1, 1], .float64))
            let t = try StudentT(
                degreesOfFreedom: degrees, location: degrees.zerosLike(), scale: degrees.onesLike())
            return [try gradient(of: t.logProb(degrees.constant(1.7).reshaped([1, 1])).sum(), at: degrees)]
        }[0].doubles[0]
        func value(_ degrees: Double) -> Double { UnivariateCase.studentT(degrees, 0, 1).logDensity(1.7) }
        #expect(isClose(slope, (value(2.5 + 1e-5) - value(2.5 - 1e-5)) / 2e-5, 1e-8))
    }

    @Test func uniformBoxes() throws {
        let cells = 1000
        let x = (0..<cells).map { -5 + (Double($0) + 0.5) / 100 }
        let y = try evaluated(rows: 5000, seed: 1, precision: .float32) { trace in
            func row(_ values: [Double]) throws -> Tensor {
                try trace.graph.constant(values, shape: [1, values.count], .float32)
            }
            let box = try Uniform(low: row([-1, 2]), high: row([3, 2.5]))
            let side = try Uniform(low: row([-1]), high: row([3]))
            let draws = try box.sample(trace.root)
            return try [
                box.logProb(trace.graph.constant([-1, 2.5, 0, 2.6], shape: [2, 2], .float32)), box.entropy(),
                box.mean, side.logProb(trace.graph.constant(x, shape: [cells, 1], .float32)), draws,
                box.logProb(draws), box.sample(trace.root, temperature: 0.5),
            ].map { try $0.cast(to: .float64) }
        }.map(\.doubles)
        #expect(areClose([y[0][0]], [-Foundation.log(2)], 1e-6) && y[0][1] == -.infinity)
        #expect(areClose(y[1], [Foundation.log(2)], 1e-6) && areClose(y[2], [1, 2.25], 1e-6))
        #expect(isClose(y[3].reduce(0) { $0 + Foundation.exp($1) } / 100, 1, 1e-6))
        #expect(y[5].allSatisfy { $0.isFinite })
        let cold = stride(from: 0, to: y[6].count, by: 2).map { y[6][$0] }
        #expect(cold.allSatisfy { $0 > 0 && $0 < 2 } && (cold.max() ?? 0) > 1.99 && (cold.min() ?? 1) < 0.01)
        let points = (-1...5).map { Double($0) / 2 }
        let distances = try GoodnessOfFit.distances(points: points, points.map { ($0 + 1) / 4 }) { trace in
            let low = trace.graph.constant(-1, TensorType([1, 1], .float32))
            let draws = try Uniform(low: low, high: low + 4).sample(trace.root)
            return [draws, try (draws - 1) * 1.02 + 1]
        }
        #expect(distances[0] < GoodnessOfFit.criticalDistance && distances[1] > GoodnessOfFit.criticalDistance)
    }
}
