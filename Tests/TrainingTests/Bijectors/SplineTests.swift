import Foundation
import Pushforward
import Testing

/// One element's spline, from data to base, in plain numbers (Durkan et al. 2019, equations 4 and 5).
private struct Reference {
    let x: [Double], y: [Double], slope: [Double]

    init(_ parameters: ArraySlice<Double>, _ spline: RationalQuadraticSpline) {
        let (bins, bound) = (spline.bins, spline.bound)
        let all = Array(parameters)
        let limit = -log(spline.minimumSlope)
        func limited(_ v: Double, _ limit: Double) -> Double { v / (1 + abs(v) / limit) }
        func knots(_ logits: ArraySlice<Double>) -> [Double] {
            let logits = logits.map { limited($0, limit / 2) }
            let total = logits.reduce(0) { $0 + exp($1) }
            var sum = -bound
            return [-bound]
                + logits.map { logit in
                    let share = spline.minimumBin + (1 - spline.minimumBin * Double(bins)) * exp(logit) / total
                    sum += 2 * bound * share
                    return sum
                }
        }
        x = knots(all[..<bins])
        y = knots(all[bins..<(2 * bins)])
        slope = [1] + all[(2 * bins)...].map { exp(limited($0, limit)) } + [1]
    }

    func callAsFunction(_ z: Double) -> (value: Double, logDerivative: Double) {
        guard let k = x.indices.dropLast().first(where: { x[$0] <= z && z < x[$0 + 1] }) else { return (z, 0) }
        let s: Double = (y[k + 1] - y[k]) / (x[k + 1] - x[k])
        let xi: Double = (z - x[k]) / (x[k + 1] - x[k])
        let product: Double = xi * (1 - xi)
        let denominator: Double = s + (slope[k + 1] + slope[k] - 2 * s) * product
        let numerator: Double = s * xi * xi + slope[k] * product
        let value: Double = y[k] + (y[k + 1] - y[k]) * numerator / denominator
        let blend: Double = slope[k + 1] * xi * xi + 2 * s * product + slope[k] * (1 - xi) * (1 - xi)
        return (value, log(s * s * blend / (denominator * denominator)))
    }
}

@Suite struct SplineTests {
    private let spline = RationalQuadraticSpline(bins: 6, bound: 4)

    private func random(_ rows: Int, spread: Double = 1) -> [Double] {
        var numbers = Numbers(seed: 7)
        return (0..<rows * spline.parameterCount).map { _ in numbers.normal() * spread }
    }

    /// The paper's function, which takes data to the base, or its inverse.
    private func run(
        _ x: [Double], _ parameters: [Double], inverse: Bool = false, precision: ScalarType = .float64
    ) throws -> TransformerRun {
        try TransformerRun(spline, x, parameters, inverse: !inverse, precision: precision)
    }

    @Test func isThePapersFunction() throws {
        let x = stride(from: -4.5, through: 4.5, by: 0.125).map { $0 }
        let parameters = random(x.count)
        let y = try run(x, parameters)
        for row in x.indices {
            let own = parameters[(row * spline.parameterCount)..<((row + 1) * spline.parameterCount)]
            let expected = Reference(own, spline)(x[row])
            #expect(
                isClose(y.value[row], expected.value, 1e-12)
                    && isClose(y.logDerivative[row], expected.logDerivative, 1e-11))
        }
    }

    @Test func isTheIdentityAtFirst() throws {
        let x = stride(from: -6, through: 6, by: 0.1).map { $0 }
        for inverse in [false, true] {
            let y = try run(x, .init(repeating: 0, count: x.count * spline.parameterCount), inverse: inverse)
            #expect(areClose(y.value, x, 1e-14) && y.logDerivative.allSatisfy { abs($0) < 1e-14 })
        }
    }

    @Test func goesThroughItsKnots() throws {
        let one = random(1)
        let reference = Reference(one[...], spline)
        let parameters = reference.x.flatMap { _ in one }
        let there = try run(reference.x, parameters)
        #expect(
            areClose(there.value, reference.y, 1e-12)
                && areClose(there.logDerivative.map { exp($0) }, reference.slope, 1e-11))
        let back = try run(reference.y, parameters, inverse: true)
        #expect(areClose(back.value, reference.x, 1e-12))
        #expect(areClose(back.logDerivative.map { exp(-$0) }, reference.slope, 1e-11))
    }

    @Test(arguments: [ScalarType.float32, .float64]) func tailsAreTheIdentity(_ precision: ScalarType) throws {
        let x = [-1e4, -5, -4, 4, 4.5, 1e4]
        for inverse in [false, true] {
            let y = try run(x, random(x.count), inverse: inverse, precision: precision)
            #expect(y.value == x && y.logDerivative.allSatisfy { $0 == 0 } && y.valueByX.allSatisfy { $0 == 1 })
        }
    }

    @Test func ascends() throws {
        let x = (0...2000).map { -5 + Double($0) / 200 }
        let one = random(1, spread: 3)
        for inverse in [false, true] {
            let y = try run(x, x.flatMap { _ in one }, inverse: inverse)
            #expect(zip(y.value, y.value.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    /// Parameters of 50 either way, at places all over and right beside the edges, in float32.
    @Test func saturatedParametersStayFinite() throws {
        let places = (0...64).map { -4.5 + Double($0) * 9 / 64 }
        let x =
            places + [-4.0.nextUp, 4.0.nextDown].map { Double(Float($0)) } + [Double(Float(4).nextDown), 1e4, -1e4]
        var numbers = Numbers(seed: 3)
        let parameters = (0..<x.count * spline.parameterCount).map { _ in numbers.uniform() < 0.5 ? -50.0 : 50 }
        for inverse in [false, true] {
            let y = try run(x, parameters, inverse: inverse, precision: .float32)
            #expect(y.all.allSatisfy { $0.allSatisfy(\.isFinite) })
            let exact = try run(x, parameters, inverse: inverse)
            for (single, double) in zip(y.value, exact.value) { #expect(abs(single - double) < 2e-3) }
        }
    }

    /// Places all over, and within some roundings of all knots and both edges; parameters up to the least bins and slopes.
    /// What one rounding explains is its size for numbers within the bounds, for z, and for y by the steepest slope that
    /// the inverse has within some roundings of it: 50 million where a bin is flattest.
    @Test(arguments: [ScalarType.float32, .float64], [1.0, 5, 50])
    func comesBackAsFarAsItsSlopesAllow(_ precision: ScalarType, _ spread: Double) throws {
        let epsilon = precision == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
        var numbers = Numbers(seed: 11)
        var (x, parameters): ([Double], [Double]) = ([], [])
        for _ in 0..<12 {
            let own = (0..<spline.parameterCount).map { _ in
                spread == 50 ? (numbers.uniform() < 0.5 ? -50.0 : 50) : Double(Float(numbers.normal() * spread))
            }
            let knots = Reference(own[...], spline).x.flatMap { knot in
                (-2...2).map { knot + Double($0) * 4 * epsilon }
            }
            let places = knots + (0...60).map { -4.2 + 8.4 * Double($0) / 60 } + [1e4, -1e4]
            x += precision == .float64 ? places : places.map { Double(Float($0)) }
            parameters += places.flatMap { _ in own }
        }
        let y = try run(x, parameters, precision: precision).value
        let back = try run(y, parameters, inverse: true, precision: precision).value
        // Slopes are those of float64, where y is exact, all around it.
        let slopes = try [-16, 0, 16].map { step in
            try run(y.map { $0 + step * epsilon }, parameters, inverse: true).valueByX
        }
        for row in x.indices {
            let slope = slopes.map { $0[row] }.max() ?? 1
            let explained = epsilon * (max(4, abs(x[row])) + max(4, abs(y[row])) * slope)
            #expect(abs(back[row] - x[row]) <= 32 * explained, "at \(x[row]) to \(y[row]), slope \(slope)")
            if precision == .float64, slope < 1e3 { #expect(abs(back[row] - x[row]) < 1e-10) }
        }
    }

    @Test func gradientsAreThoseOfDifferences() throws {
        let x = [-3.2, -0.7, 0.4, 1.9, 3.6]
        let parameters = random(x.count)
        for inverse in [false, true] {
            try TransformerRun.checkSlopes(spline, x, parameters, inverse: inverse, step: 1e-6, tolerance: 1e-7)
        }
    }

    @Test func whatCannotWorkSaysSo() {
        func trying(_ spline: RationalQuadraticSpline, _ count: Int) -> String {
            message {
                let graph = Graph()
                let parameters = graph.input("parameters", TensorType([3, count, 1], .float32))
                _ = try spline.forward(graph.input("x", TensorType([3, 1], .float32)), parameters)
            }
        }
        #expect(trying(RationalQuadraticSpline(bins: 1), 2).contains("two bins"))
        #expect(trying(RationalQuadraticSpline(bins: 4, minimumBin: 0.25), 11).contains("leave room"))
        #expect(trying(RationalQuadraticSpline(bins: 4, minimumSlope: 1e-7), 11).contains("slopes"))
        #expect(trying(RationalQuadraticSpline(bins: 4), 12).contains("11 parameters"))
    }
}
