import Foundation
import Pushforward
import Testing

@Suite struct BatchNormFlowTests {
    /// Normals with means and deviations of their own in each of three channels.
    private func rows(_ count: Int, _ tail: [Int]) -> HostArray {
        var numbers = Numbers(seed: 2)
        let size = tail.reduce(1, *)
        let values = (0..<count * 3 * size).map { index in
            let channel = Double(index / size % 3)
            return 3 * channel - 1 + (0.5 + channel) * numbers.normal()
        }
        return array(values, [count, 3] + tail)
    }

    /// Training steps on one batch, then what the outputs of `then` are without training.
    private func trained(
        on x: HostArray, steps: Int, momentum: Double,
        _ then: (BatchNormFlow, Tensor) throws -> [Tensor]
    ) throws -> (training: [HostArray], states: [HostArray], then: [HostArray]) {
        let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
        let graph = Graph()
        let trace = Trace(graph, precision: .float64, isTraining: true)
        let input = graph.input("x", x.type)
        let mapped = try BatchNormFlow(momentum: momentum, trace.root["norm"]).inverseAndLogDet(input)
        let initial = Graph()
        try CompiledProgram(
            Program(initial, updates: try trace.parameters.initialValues(in: initial, seed: 0)), states: states
        ).run()
        let step = try CompiledProgram(
            Program(graph, outputs: [mapped.value, mapped.logDet], updates: trace.updates), states: states)
        var training: [HostArray] = []
        for _ in 0..<steps { training = try step([x]) }

        let other = Graph()
        let evaluation = Trace(other, precision: .float64)
        let flow = try BatchNormFlow(momentum: momentum, evaluation.root["norm"])
        let outputs = try then(flow, other.input("x", x.type))
        #expect(evaluation.updates.isEmpty)
        let results = try CompiledProgram(Program(other, outputs: outputs), states: states)([x])
        return (training, [try states.read("norm/mean"), try states.read("norm/variance")], results)
    }

    private func moments(_ values: [Double], _ channel: Int, _ size: Int) -> (mean: Double, variance: Double) {
        let own = values.indices.filter { $0 / size % 3 == channel }.map { values[$0] }
        let mean = own.reduce(0, +) / Double(own.count)
        return (mean, own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count))
    }

    @Test(arguments: [[], [2, 2]]) func trainingGoesByTheBatch(_ tail: [Int]) throws {
        let x = rows(50, tail)
        let size = tail.reduce(1, *)
        let (training, states, then) = try trained(on: x, steps: 3, momentum: 0.1) { flow, x in
            let mapped = try flow.inverseAndLogDet(x)
            return [mapped.value, mapped.logDet]
        }
        var (logDet, running) = (0.0, 0.0)
        for channel in 0..<3 {
            let given = moments(x.doubles, channel, size)
            let made = moments(training[0].doubles, channel, size)
            #expect(abs(made.mean) < 1e-12 && isClose(made.variance, given.variance / (given.variance + 1e-5)))
            logDet -= 0.5 * Foundation.log(given.variance + 1e-5) * Double(size)
            // From 0 and 1, a tenth of the way at each of three steps.
            #expect(isClose(states[0].doubles[channel], given.mean * (1 - 0.729)))
            let variance = 0.729 + given.variance * (1 - 0.729)
            #expect(isClose(states[1].doubles[channel], variance))
            running -= 0.5 * Foundation.log(variance + 1e-5) * Double(size)
        }
        #expect(training[1].doubles.allSatisfy { isClose($0, logDet) })
        #expect(then[1].doubles.allSatisfy { isClose($0, running) })
    }

    @Test func evaluationTreatsEachRowAlone() throws {
        let x = rows(6, [])
        let (_, _, y) = try trained(on: x, steps: 40, momentum: 0.3) { flow, x in
            let all = try flow.inverseAndLogDet(x)
            let last = try flow.inverseAndLogDet(x.slice(0, 5..<6))
            return [try all.value.slice(0, 5..<6), last.value, try all.logDet.slice(0, 5..<6), last.logDet]
        }
        #expect(y[0].doubles.map(\.bitPattern) == y[1].doubles.map(\.bitPattern))
        #expect(y[2].doubles.map(\.bitPattern) == y[3].doubles.map(\.bitPattern))
    }

    /// Of rows of two numbers.
    private func covarianceDeterminant(_ values: [Float]) -> Double {
        let (a, b) = (values.indices.filter { $0 % 2 == 0 }, values.indices.filter { $0 % 2 == 1 })
        let (x, y) = (a.map { Double(values[$0]) }, b.map { Double(values[$0]) })
        let count = Double(x.count)
        let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
        func covariance(_ u: [Double], _ meanU: Double, _ v: [Double], _ meanV: Double) -> Double {
            zip(u, v).reduce(0) { $0 + ($1.0 - meanU) * ($1.1 - meanV) } / count
        }
        let both = covariance(x, meanX, y, meanY)
        return covariance(x, meanX, x, meanX) * covariance(y, meanY, y, meanY) - both * both
    }

    /// The whole way: a model that trains, is evaluated, and samples.
    @Test func aModelTrainsWithIt() throws {
        struct Normed: DensityModel {
            func distribution(_ scope: Scope) throws -> Transformed {
                Transformed(
                    base: StandardNormal([2]),
                    by: [
                        try BatchNormFlow(scope["norm0"]), try LULinear(scope["linear"]),
                        try BatchNormFlow(scope["norm1"]),
                    ])
            }
        }
        var numbers = Numbers(seed: 4)
        let values = (0..<400).flatMap { _ -> [Float] in
            let (a, b) = (numbers.normal(), numbers.normal())
            return [Float(5 + 2 * a), Float(-3 + a + 0.5 * b)]
        }
        let training = try Training(
            Normed(), on: Dataset(rows: values, shape: [2]), device: .cpu, optimizer: .adam(learningRate: 0.02))
        try training.run(steps: 800, batchSize: 100)
        let trained = try training.finish()
        let running = try trained.parameters().first { $0.path == "norm1/mean" }?.value.doubles ?? []
        #expect(running.count == 2 && abs(running[0] - 5) < 0.5 && abs(running[1] + 3) < 0.5)
        let rows = try Dataset(rows: values, shape: [2]).train
        let nll = try trained.evaluate(rows)["negative_log_likelihood"]?.value ?? .nan
        // The model is a normal distribution; none is better on these rows than the one with their own covariance.
        let best = 1 + Foundation.log(2 * Double.pi) + 0.5 * Foundation.log(covarianceDeterminant(values))
        #expect(nll > best - 1e-5 && nll < best + 0.05)
        let samples = try trained.sample(count: 2000).doubles
        let means = (0..<2).map { column in
            (0..<2000).reduce(0) { $0 + samples[2 * $1 + column] } / 2000
        }
        #expect(abs(means[0] - 5) < 0.3 && abs(means[1] + 3) < 0.3)
    }
}
