import Foundation
import Pushforward
import Testing

/// A bijector in a shape, as the tests of all bijectors take it.
struct BijectorCase: CustomTestStringConvertible, Sendable {
    let name: String
    /// Of one row.
    let shape: [Int]
    var rows = 5
    /// Whether its log-det is 0 everywhere.
    var keepsVolume = false
    /// Base values are standard normals times this.
    var spread = 1.0
    /// Its inverse iterates: how near it comes in float64 and float32.
    var inverseTolerance: (Double, Double)?
    /// The standard deviation of its parameters.
    var parameterSpread = 0.4
    let make: @Sendable (Scope) throws -> any Bijector

    var testDescription: String { "\(name) \(shape)" }

    var dimensions: Int { shape.reduce(1, *) }

    static var all: [BijectorCase] {
        couplings + splines + autoregressive + mixtures + images + linear + lowRank
    }
}

/// What a bijector makes of some base values, by row.
struct BijectorRun {
    var z: [Double]
    /// f(z) and its log-det.
    var x: [Double]
    var logDet: [Double]
    /// log |det| of the Jacobian by automatic differentiation; empty unless asked for.
    var jacobianLogDet: [Double] = []
    /// f^-1(f(z)) and its log-det.
    var back: [Double]
    var backLogDet: [Double]
    /// log |det| of the inverse's Jacobian by automatic differentiation; empty unless asked for.
    var backJacobianLogDet: [Double] = []

    /// Parameters and base values are random, yet the same in every run and precision.
    init(
        _ test: BijectorCase, _ precision: ScalarType, on device: Device = .cpu(threads: 1), jacobians: Bool = false,
        z given: [Double]? = nil
    ) throws {
        let graph = Graph()
        let type = TensorType([test.rows] + test.shape, precision)
        let trace = Trace(graph, precision: precision)
        let input = graph.input("z", type)
        let bijector = try test.make(trace.root)
        let forward = try bijector.forwardAndLogDet(input)
        // The inverse starts from numbers, not from the graph of the forward map, so that nothing cancels in it.
        let x = graph.input("x", forward.value.type)
        let inverse = try bijector.inverseAndLogDet(x)
        var outputs = [[forward.value, forward.logDet], [inverse.value, inverse.logDet]]
        if jacobians {
            outputs[0].append(try Self.jacobianLogDet(of: forward.value, at: input))
            outputs[1].append(try Self.jacobianLogDet(of: inverse.value, at: x))
        }

        let states = DeviceStates(on: try device.makeBackend())
        var numbers = Numbers(seed: 1)
        for parameter in trace.parameters {
            let spread = parameter.isTrained ? test.parameterSpread : 1
            let values = (0..<parameter.type.count).map { _ in numbers.normal() * spread }
            // States are means and deviations: positive ones do for both.
            let rounded = values.map { Double(Float(parameter.isTrained ? $0 : 0.5 + abs($0))) }
            try states.write(parameter.path, array(rounded, parameter.type.shape, precision))
        }
        z = given ?? (0..<type.count).map { _ in Double(Float(numbers.normal() * test.spread)) }

        func run(_ outputs: [Tensor], _ z: [Double], _ x: [Double]) throws -> [[Double]] {
            let inputs = [array(z, type.shape, precision), array(x, forward.value.shape, precision)]
            return try CompiledProgram(Program(graph, outputs: outputs), states: states)(inputs).map(\.doubles)
        }
        let there = try run(outputs[0], z, z)
        let back = try run(outputs[1], z, there[0])
        self.x = there[0]
        logDet = there[1]
        self.back = back[0]
        backLogDet = back[1]
        if jacobians { (jacobianLogDet, backJacobianLogDet) = (there[2], back[2]) }
    }

    /// log |det dy/dx| of each row, [rows]; rows do not depend on each other.
    private static func jacobianLogDet(of y: Tensor, at x: Tensor) throws -> Tensor {
        let flat = try y.flattened()
        let slopes = try (0..<flat.shape[1]).map { try gradient(of: flat.at($0, axis: 1).sum(), at: x).flattened() }
        return try slogdet(stacked(slopes, axis: 1)).logAbsDet
    }
}

/// Numbers that are the same on every machine.
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (Double(state >> 33) + 0.5) / Double(1 << 31)
    }

    mutating func normal() -> Double {
        Foundation.sqrt(-2 * Foundation.log(uniform())) * Foundation.cos(2 * .pi * uniform())
    }
}
