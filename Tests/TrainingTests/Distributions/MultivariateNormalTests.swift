import Foundation
import Pushforward
import Testing

@Suite struct MultivariateNormalTests {
    /// Two dimensions by hand.
    private struct Plane {
        var mean: [Double]
        /// Lower triangle: a, b, c of [[a, 0], [b, c]].
        var factor: [Double]

        var covariance: [Double] {
            let (a, b, c) = (factor[0], factor[1], factor[2])
            return [a * a, a * b, a * b, b * b + c * c]
        }

        /// By the inverse of the covariance.
        func logDensity(_ x: [Double]) -> Double {
            let s = covariance
            let determinant = s[0] * s[3] - s[1] * s[2]
            let d = [x[0] - mean[0], x[1] - mean[1]]
            let square = (s[3] * d[0] * d[0] - 2 * s[1] * d[0] * d[1] + s[0] * d[1] * d[1]) / determinant
            return -0.5 * square - Foundation.log(2 * .pi) - 0.5 * Foundation.log(determinant)
        }
    }

    private let p = Plane(mean: [0.5, -0.3], factor: [0.8, 0.6, 0.5])
    private let q = Plane(mean: [0, 0.2], factor: [1.1, -0.4, 0.9])

    /// Points of the plane with equal spacing, and the area each stands for.
    private func plane() -> (points: [Double], area: Double) {
        let axis = (0...240).map { -9 + Double($0) * 0.075 }
        return (axis.flatMap { x in axis.flatMap { [x, $0] } }, 0.075 * 0.075)
    }

    private func normal(_ trace: Trace, _ planes: [Plane]) throws -> MultivariateNormal {
        // What stands above the diagonal must not be read.
        let factors: [Double] = planes.flatMap { [$0.factor[0], 99, $0.factor[1], $0.factor[2]] }
        return try MultivariateNormal(
            mean: trace.graph.constant(planes.flatMap(\.mean), shape: [planes.count, 2], trace.precision),
            factor: trace.graph.constant(factors, shape: [planes.count, 2, 2], trace.precision))
    }

    @Test func logDensitiesByOneFactorAndByOnePerRow() throws {
        let x = [0.4, 1.0, -2, 0.25]
        func run(_ precision: ScalarType) throws -> [[Double]] {
            try evaluated(precision: precision) { trace in
                let x = try trace.graph.constant(x, shape: [2, 2], precision)
                let covariance = try trace.graph.constant(p.covariance, shape: [1, 2, 2], precision)
                let one = try normal(trace, [p])
                return [
                    try one.logProb(x), try normal(trace, [p, q]).logProb(x),
                    try MultivariateNormal(mean: one.mean, covariance: covariance).logProb(x),
                    try MultivariateNormal(mean: normal(trace, [p, q]).mean, factor: one.factor).logProb(x),
                    // A factor times -1 is the same distribution.
                    try MultivariateNormal(mean: one.mean, factor: -one.factor).logProb(x),
                ]
            }.map(\.doubles)
        }
        let (a, b) = (Array(x[0..<2]), Array(x[2..<4]))
        let shifted = Plane(mean: q.mean, factor: p.factor)
        let expected = [
            [p.logDensity(a), p.logDensity(b)], [p.logDensity(a), q.logDensity(b)],
            [p.logDensity(a), p.logDensity(b)], [p.logDensity(a), shifted.logDensity(b)],
            [p.logDensity(a), p.logDensity(b)],
        ]
        for (found, expected) in zip(try run(.float64), expected) { #expect(areClose(found, expected, 1e-12)) }
        for (found, expected) in zip(try run(.float32), expected) { #expect(areClose(found, expected, 1e-5)) }
    }

    @Test func integralEntropyAndDivergence() throws {
        let (points, area) = plane()
        let count = points.count / 2
        let y = try evaluated(arguments: [array(points, [count, 2])]) { trace in
            let x = trace.graph.input("x", TensorType([count, 2], .float64))
            let (p, q) = (try normal(trace, [p]), try normal(trace, [q]))
            let both = try normal(trace, [self.p, self.q])
            let mixture = try Mixture(
                logits: trace.graph.constant([0.2, 1], shape: [1, 2], .float64), [p, q])
            return [
                try exp(p.logProb(x)).sum(), try p.entropy(), try klDivergence(p, q), try klDivergence(both, q),
                try exp(mixture.logProb(x)).sum(), try both.entropy(), try klDivergence(both, normal(trace, [self.p])),
                try klDivergence(p, both), try mixture.mean,
            ]
        }.map(\.doubles)
        #expect(isClose(y[0][0] * area, 1, 1e-6) && isClose(y[4][0] * area, 1, 1e-6))
        func integral(_ p: Plane, _ value: ([Double], Double) -> Double) -> Double {
            stride(from: 0, to: points.count, by: 2).reduce(0) { sum, index in
                let x = [points[index], points[index + 1]]
                let logDensity = p.logDensity(x)
                return sum + Foundation.exp(logDensity) * value(x, logDensity) * area
            }
        }
        let entropies = [integral(p) { -$1 }, integral(q) { -$1 }]
        let (there, back) = (integral(p) { $1 - q.logDensity($0) }, integral(q) { $1 - p.logDensity($0) })
        #expect(areClose(y[1], [entropies[0]], 1e-6) && areClose(y[5], entropies, 1e-6))
        #expect(areClose(y[2], [there], 1e-6) && areClose(y[3], [there, 0], 1e-6) && there > 0.2)
        #expect(areClose(y[6], [0, back], 1e-6) && areClose(y[7], [0, there], 1e-6))
        let weight = Foundation.exp(1) / (Foundation.exp(0.2) + Foundation.exp(1))
        #expect(areClose(y[8], zip(p.mean, q.mean).map { $0 + weight * ($1 - $0) }))
    }

    /// Every projection of a normal is normal.
    @Test(arguments: [false, true]) func drawsHaveTheDensity(_ perRow: Bool) throws {
        let directions: [[Double]] = [[1, 0], [0, 1], [0.7, -0.6], [0.5, 0.9]]
        func deviation(_ a: [Double]) -> Double {
            let s = p.covariance
            return Foundation.sqrt(a[0] * a[0] * s[0] + 2 * a[0] * a[1] * s[1] + a[1] * a[1] * s[3])
        }
        let distances = try GoodnessOfFit.distances(points: normalPoints, normalPoints.map(normalCDF)) { trace in
            var normal = try normal(trace, [p])
            if perRow {
                let shape = [GoodnessOfFit.drawCount, 2, 2]
                normal = try MultivariateNormal(mean: normal.mean, factor: normal.factor.broadcast(to: shape))
            }
            let centred = try normal.sample(trace.root) - normal.mean
            return try directions.map { direction in
                let a = try trace.graph.constant(direction, shape: [1, 2], .float32)
                return try (centred * a).sum(axes: [1]) / deviation(direction)
            } + [centred.at(1, axis: 1) * (1.02 / deviation([0, 1]))]
        }
        #expect(distances.dropLast().allSatisfy { $0 < GoodnessOfFit.criticalDistance }, "\(distances)")
        #expect(distances[4] > GoodnessOfFit.criticalDistance)
    }

    @Test func aRowDependsOnItsIndexAlone() throws {
        func draws(_ rows: Range<Int>, temperature: Double = 1) throws -> [Double] {
            try evaluated(rows: rows.count, first: rows.lowerBound) { trace in
                [try normal(trace, [p]).sample(trace.root, temperature: temperature)]
            }[0].doubles
        }
        let all = try draws(0..<9)
        #expect(try draws(3..<5) == Array(all[6..<10]))
        let cold = try draws(0..<9, temperature: 0.5)
        #expect(areClose(cold, all.enumerated().map { 0.5 * ($1 + p.mean[$0 % 2]) }))
    }

    @Test func wrongShapesAreErrors() {
        let trace = Trace()
        func tensor(_ shape: [Int]) -> Tensor { trace.graph.constant(0, TensorType(shape, .float32)) }
        func normal(_ mean: [Int], _ factor: [Int]) throws -> MultivariateNormal {
            try MultivariateNormal(mean: tensor(mean), factor: tensor(factor))
        }
        #expect(message { _ = try normal([2], [1, 2, 2]) }.contains("[2]"))
        #expect(message { _ = try normal([4, 2], [3, 2, 2]) }.contains("[3, 2, 2]"))
        #expect(message { _ = try normal([4, 2], [1, 2, 3]) }.contains("[1, 2, 3]"))
        #expect(message { _ = try normal([4, 2], [1, 2, 2]).logProb(tensor([5, 2])) }.contains("[5, 2]"))
        #expect(message { _ = try normal([1, 2], [1, 2, 2]).logProb(tensor([5, 3])) }.contains("[5, 3]"))
        let wider = { try klDivergence(normal([1, 2], [1, 2, 2]), normal([1, 3], [1, 3, 3])) }
        #expect(message { _ = try wider() }.contains("2 from 3 dimensions"))
    }
}
