import Foundation
import Pushforward
import Testing

/// Planar, radial and Sylvester flows where it is hard: parameters that ask for what cannot be inverted, and gradients
/// through equations that are solved.
@Suite struct LowRankTests {
    enum Kind: CaseIterable {
        case planar, radial, sylvester

        func count(_ size: Int) -> Int {
            switch self {
            case .planar: Planar.parameterCount(size)
            case .radial: Radial.parameterCount(size)
            case .sylvester: Sylvester.parameterCount(size, units: 2)
            }
        }

        func flow(_ parameters: Tensor) -> any Bijector {
            switch self {
            case .planar: Planar(parameters: parameters, name: "planar")
            case .radial: Radial(parameters: parameters, name: "radial")
            case .sylvester: Sylvester(units: 2, parameters: parameters, name: "sylvester")
            }
        }
    }

    /// What `body` makes of a flow of the kind with these parameters [rows, count], for an input [rows, size].
    private func run(
        _ kind: Kind, _ parameters: [Double], _ x: [Double], size: Int, _ scalar: ScalarType = .float64,
        _ body: (any Bijector, _ parameters: Tensor, _ x: Tensor) throws -> [Tensor]
    ) throws -> [[Double]] {
        let rows = x.count / size
        let arguments = [
            array(parameters, [rows, kind.count(size)], scalar), array(x, [rows, size], scalar),
        ]
        return try evaluated(rows: rows, precision: scalar, arguments: arguments) { trace in
            let inputs = arguments.map { trace.graph.input("input", $0.type) }
            return try body(kind.flow(inputs[0]), inputs[0], inputs[1])
        }.map(\.doubles)
    }

    /// u = -k w makes w . u as negative as one likes; b = 0 puts the flattest place at the origin.
    @Test(arguments: [0.5, 1, 1.001, 3, 30, 1000]) func planarCanBeInvertedWhateverItsParameters(_ k: Double) throws {
        let line: [Double] = (-20...20).map { Double($0) / 10 }
        let (w0, w1) = (0.6, -0.8)
        let parameters: [Double] = line.flatMap { _ -> [Double] in [-k * w0, -k * w1, w0, w1, 0] }
        let z: [Double] = line.flatMap { place -> [Double] in [w0 * place, w1 * place] }
        let y = try run(.planar, parameters, z, size: 2) { flow, _, z in
            let there = try flow.forwardAndLogDet(z)
            return [there.value, there.logDet]
        }
        let along: [Double] = line.indices.map { w0 * y[0][2 * $0] + w1 * y[0][2 * $0 + 1] }
        for index in 1..<along.count { #expect(along[index - 1] < along[index]) }
        // The slope is 1 + w . u at the origin: never below 1e-3, and there if much less was asked for.
        let least: Double = Foundation.log(1e-3)
        for logDet in y[1] { #expect(logDet >= least - 1e-12) }
        if k >= 30 { #expect(isClose(y[1][20], least, 1e-6)) }
        let back = try run(.planar, parameters, y[0], size: 2) { flow, _, x in
            let back = try flow.inverseAndLogDet(x)
            return [back.value, back.logDet]
        }
        for (there, again) in zip(z, back[0]) { #expect(abs(there - again) < 1e-11) }
        for (there, again) in zip(y[1], back[1]) { #expect(abs(there + again) < 1e-9) }
    }

    @Test(arguments: Kind.allCases) func extremeParametersStayFiniteAndInvertible(_ kind: Kind) throws {
        var numbers = Numbers(seed: 5)
        let (rows, size) = (64, 3)
        let parameters = (0..<rows * kind.count(size)).map { _ in numbers.normal() * 20 }
        let z = (0..<rows * size).map { _ in numbers.normal() * 3 }
        for scalar in [ScalarType.float64, .float32] {
            let there = try run(kind, parameters, z, size: size, scalar) { flow, _, z in
                let there = try flow.forwardAndLogDet(z)
                return [there.value, there.logDet]
            }
            let back = try run(kind, parameters, there[0], size: size, scalar) { flow, parameters, x in
                let back = try flow.inverseAndLogDet(x)
                let total = try back.value.sum() + back.logDet.sum()
                return [back.value, back.logDet] + (try gradient(of: total, at: [parameters, x]))
            }
            #expect((there + back).allSatisfy { $0.allSatisfy { $0.isFinite } })
            let errors: [Double] = zip(z, back[0]).map { abs($0 - $1) / max(1, abs($0)) }
            let worst: Double = errors.max() ?? 1
            let reach: Double = there[0].map { abs($0) }.max() ?? 1
            // Slopes of 1e-3 amplify the rounding of values as large as these, in each of two units.
            let tolerance: Double = scalar == .float64 ? 1e-9 : 0x1p-23 * 1e3
            #expect(worst < tolerance * reach)
        }
    }

    @Test(arguments: Kind.allCases) func zerosAreTheIdentity(_ kind: Kind) throws {
        let z = [0.3, -2, 0, 0, 1, 5]
        let parameters = [Double](repeating: 0, count: 2 * kind.count(3))
        let y = try run(kind, parameters, z, size: 3) { flow, parameters, z in
            let (there, back) = (try flow.forwardAndLogDet(z), try flow.inverseAndLogDet(z))
            let slopes = try gradient(of: there.value.sum() + back.value.sum(), at: parameters)
            return [there.value, there.logDet, back.value, back.logDet, slopes]
        }
        #expect(areClose(y[0], z, 1e-15) && areClose(y[1], [0, 0], 1e-15))
        #expect(areClose(y[2], z, 1e-15) && areClose(y[3], [0, 0], 1e-15))
        #expect(y[4].allSatisfy { $0.isFinite })
    }

    /// Of everything that the inverse gives, by everything that it is made of.
    @Test(arguments: Kind.allCases, [0.7, 4]) func gradientsOfTheInverse(_ kind: Kind, _ spread: Double) throws {
        var numbers = Numbers(seed: 11)
        let (rows, size) = (4, 3)
        let parameters = (0..<rows * kind.count(size)).map { _ in numbers.normal() * spread }
        let x = (0..<rows * size).map { _ in numbers.normal() }
        let weights = (0..<rows * (size + 1)).map { _ in numbers.normal() }
        func total(_ flow: any Bijector, _ x: Tensor) throws -> Tensor {
            let back = try flow.inverseAndLogDet(x)
            let all = try concatenate([back.value, back.logDet.expanded(1)], axis: 1)
            return try (all * x.graph.constant(weights, shape: [rows, size + 1], .float64)).sum()
        }
        let slopes = try run(kind, parameters, x, size: size) { flow, parameters, x in
            try gradient(of: total(flow, x), at: [parameters, x])
        }
        func value(_ parameters: [Double], _ x: [Double]) throws -> Double {
            try run(kind, parameters, x, size: size) { flow, _, x in [try total(flow, x)] }[0][0]
        }
        func difference(_ index: Int, of values: [Double], _ value: ([Double]) throws -> Double) throws -> Double {
            var moved = values
            func shifted(_ step: Double) throws -> Double {
                moved[index] = values[index] + step
                return try value(moved)
            }
            let h = 1e-5
            let (near, far): (Double, Double) = (
                try shifted(h) - shifted(-h), try shifted(2 * h) - shifted(-2 * h)
            )
            return (8 * near - far) / (12 * h)
        }
        for index in parameters.indices {
            let expected = try difference(index, of: parameters) { try value($0, x) }
            #expect(isClose(slopes[0][index], expected, 1e-5), "parameter \(index)")
        }
        for index in x.indices {
            let expected = try difference(index, of: x) { try value(parameters, $0) }
            #expect(isClose(slopes[1][index], expected, 1e-5), "element \(index)")
        }
    }

    @Test func parametersOfTheWrongShapeAreRefused() {
        #expect(
            message {
                let graph = Graph()
                let x = graph.constant(0, TensorType([3, 2], .float32))
                let parameters = graph.constant(0, TensorType([3, 4], .float32))
                _ = try Planar(parameters: parameters, name: "planar").forwardAndLogDet(x)
            }.contains("[3, 5]"))
        #expect(
            message {
                let graph = Graph()
                let x = graph.constant(0, TensorType([3, 2], .float32))
                _ = try Sylvester(units: 3, Trace(graph).root["flow"]).forwardAndLogDet(x)
            }.contains("3 units"))
    }
}
