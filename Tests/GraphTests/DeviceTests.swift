import Autodiff
import Compiler
import Doctor
import Execution
import Graph
import Testing

/// Every sample and its gradient on the CPU: close to the oracle, and the same bits however it is compiled and run.
///
/// One at a time, because the level of the vector kernels is chosen for the whole process.
@Suite(.serialized) struct DeviceTests {
    let devices: Devices

    init() throws { devices = try Devices() }

    @Test(arguments: OpSample.all + OpSample.gradients)
    func agreesWithTheOracle(_ sample: OpSample) throws {
        for float in [ScalarType.float32, .float64] {
            let trace = try sample.trace(float)
            let values = zip(sample.inputs, sample.values(float))
            let inputs = values.filter { !$0.0.isState }.map(\.1)
            let states = values.filter(\.0.isState).map(\.1)
            try devices.check(
                trace.graph, trace.outputs, inputs: inputs, states: states, tolerance: sample.tolerance, "\(float)")
            guard sample.order > 0, let loss = try trace.outputs.randomProjection(seed: sample.name) else { continue }
            try devices.check(
                trace.graph, try gradient(of: loss, at: trace.differentiable), inputs: inputs, states: states,
                tolerance: 10 * sample.tolerance, "gradient, \(float)")
        }
    }
}

/// The same for graphs that nobody thought of.
extension DeviceTests {
    @Test(arguments: 0..<300)
    func randomGraphsAgreeWithTheOracle(_ seed: Int) throws {
        for float in [ScalarType.float32, .float64] {
            let isSmooth = seed % 2 == 0
            let random = try RandomGraph(seed: seed, float: float, count: 8 + seed % 120 / 4, isSmooth: isSmooth)
            try devices.check(
                random.graph, random.outputs, inputs: random.values(), tolerance: 5e-5, magnitude: 0.01, "\(float)")
            guard isSmooth, let loss = try random.outputs.randomProjection(seed: "loss \(seed)") else { continue }
            let gradients = try gradient(of: loss, at: random.inputs)
            try devices.check(
                random.graph, gradients, inputs: random.values(), tolerance: 5e-4, magnitude: 0.01, "gradient, \(float)"
            )
        }
    }
}
