import Foundation
import Pushforward
import Testing

/// Activation normalization alone.
private struct Normalized: Flow {
    var shape: [Int] = [1]
    var preprocessing = Preprocessing.none
    var condition = Condition.none
    var perElement = false
    var isForward = false

    func adapted(to rowShape: [Int]) throws -> Normalized {
        var model = self
        model.shape = rowShape
        return model
    }

    func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        let norm = try ActNorm(perElement: perElement, scope["norm"])
        return (shape.count == 1 ? [] : [Reshape(shape)]) + [isForward ? Inverted(norm) : norm]
    }
}

@Suite struct GlowTests {
    private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    /// The base values of rows under a flow, and the rows that these stand for.
    private func thereAndBack<M: DensityModel>(
        _ trained: Trained<M>, _ rows: Rows
    ) throws -> (z: HostArray, x: HostArray) {
        let states = DeviceStates(on: try Device.cpu.makeBackend())
        for parameter in try trained.parameters() { try states.write(parameter.path, parameter.value) }
        let trace = Trace(precision: trained.precision)
        let x = trace.graph.input("x", TensorType([rows.count] + rows.shape, trained.precision))
        let distribution = try trained.model.distribution(trace.root)
        let z = try distribution.itemisedLogProb(x).z
        let program = Program(trace.graph, outputs: [z, try distribution.forward(z)])
        let values = array(rows.floats.map { Double($0) }, x.shape, trained.precision)
        let outputs = try CompiledProgram(program, states: states)([values])
        return (outputs[0], outputs[1])
    }

    @Test(arguments: [false, true], [false, true])
    func afterTheFirstBatchActivationsHaveMeanZeroAndDeviationOne(_ perElement: Bool, _ isForward: Bool) throws {
        var numbers = Numbers(seed: 4)
        // Three channels of two pixels; the last channel is the same everywhere.
        let values: [Float] = (0..<40).flatMap { _ in
            [numbers.normal() * 3 + 7, numbers.normal() * 2 + 1, numbers.normal() * 0.01, numbers.normal(), 5, 5].map {
                Float($0)
            }
        }
        let data = try Dataset(rows: values, shape: [3, 1, 2])
        let model = Normalized(perElement: perElement, isForward: isForward)
        let trained = try Training(model, on: data, device: .cpu, precision: .float64).trained()
        let flat = try thereAndBack(trained, data.train).z.doubles
        let z = (0..<40).map { Array(flat[$0 * 6..<($0 + 1) * 6]) }
        let groups = perElement ? (0..<4).map { [$0] } : [[0, 1], [2, 3]]
        for group in groups {
            let found = moments(z.flatMap { row in group.map { row[$0] } })
            #expect(abs(found.mean) < 1e-12 && isClose(found.deviation, 1, 1e-12))
        }
        // Without a spread there is nothing to scale.
        #expect(z.allSatisfy { $0[4] == 0 && $0[5] == 0 })
    }

    @Test func theFirstBatchIsOfTheFirstEpochsOrder() throws {
        // More rows than the first batch takes, in an order that gives the first ones away.
        let data = try Dataset(rows: (0..<2000).map { Float($0) }, shape: [1])
        func mean(_ seed: UInt64) throws -> Double {
            let trained = try Training(Normalized(), on: data, device: .cpu, seed: seed).trained()
            return try #require(try trained.parameters().first { $0.path == "norm/shift" }).value.doubles[0]
        }
        let means = try (0..<3).map { try mean(UInt64($0)) }
        #expect(Set(means).count == 3 && means.allSatisfy { abs($0 - 999.5) < 150 })
        #expect(try mean(0) == means[0])
    }

    private func small() throws -> Dataset { try Dataset.shapes(count: 64, testCount: 16) }

    private let model = Glow(levels: 2, depth: 2, width: 8)

    @Test func glowLearnsAndStaysInvertible() throws {
        let data = try small()
        let training = try Training(model, on: data, device: .cpu, optimizer: .adam(learningRate: 2e-3))
        let before = try #require(try training.trained().evaluate(data.test)["bits_per_dimension"]).value
        let trained = try training.run(steps: 40, batchSize: 32).finish()
        let after = try trained.evaluate(data.test)
        let bits = try #require(after["bits_per_dimension"])
        #expect(bits.value < before - 0.5 && bits.kind == .lowerBound)
        #expect(after.terms.map(\.name).suffix(3) == ["level0/step1", "level0/split", "dequantization"])

        // Test rows come back from their base values to 1e-4.
        let back = try thereAndBack(trained, data.test).x.doubles
        let rows = try data.test.floats
        #expect(back.count == 16 * 784 && zip(back, rows).allSatisfy { abs($0 - Double($1)) < 1e-4 })
        #expect(try trained.sample(count: 3).shape == [3, 1, 28, 28])
    }

    @Test func glowResumesWithTheSameBits() throws {
        let data = try small()
        let folder = try TemporaryFolder()
        func training(_ seed: UInt64 = 2) throws -> Training<Glow> {
            try Training(model, on: data, device: .cpu, seed: seed)
        }
        let whole = try training().run(steps: 4, batchSize: 16).finish().bits()
        #expect(try training().run(steps: 4, batchSize: 16).finish().bits() == whole)
        #expect(try training(3).run(steps: 4, batchSize: 16).finish().bits() != whole)
        let run = RunFolder("\(folder.path)/run")
        let first = try training()
        try run.create(first.configuration(batchSize: 16), environment: [:])
        first.recorder = try RunRecorder(run, policy: RecordingPolicy(metricsEvery: 1, checkpointEvery: 2, keep: 3))
        try first.run(steps: 2, batchSize: 16)
        let second = try training()
        try second.resume(from: run, batchSize: 16)
        #expect(try second.run(steps: 2, batchSize: 16).finish().bits() == whole)
    }

    /// What the conditioners are given beside the image reaches couplings and splits.
    @Test func everyConditionerSeesTheContext() throws {
        func logDets(_ value: Double) throws -> [Double] {
            let trace = Trace(precision: .float64)
            let x = trace.graph.constant(0.5, TensorType([1, 1, 4, 4], .float64))
            let context = trace.graph.constant(value, TensorType([1, 3], .float64))
            let glow = Glow(levels: 2, depth: 1, width: 3, shape: [1, 4, 4])
            let flow = Transformed(base: StandardNormal([16]), by: try glow.layers(trace.root, context: context))
            let outputs = try flow.itemisedLogProb(x).logDets.map(\.value)
            let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
            var numbers = Numbers(seed: 2)
            for parameter in trace.parameters {
                let values = (0..<parameter.type.count).map { _ in 0.4 * numbers.normal() }
                try states.write(parameter.path, array(values, parameter.type.shape))
            }
            return try CompiledProgram(Program(trace.graph, outputs: outputs), states: states)([]).map { $0.doubles[0] }
        }
        let (a, b) = (try logDets(0), try logDets(1))
        // Squeeze, the step and the split of the first level.
        #expect(a[0] == b[0] && a[1] != b[1] && a[2] != b[2])
    }

    @Test func whatGlowCannotTakeSaysSo() {
        #expect(message { _ = try Glow(levels: 3).adapted(to: [1, 28, 28]) }.contains("28 x 28"))
        #expect(message { _ = try Glow().adapted(to: [784]) }.contains("[784]"))
        #expect(message { _ = try Glow(levels: 0).adapted(to: [1, 28, 28]) }.contains("model.levels"))
        #expect(message { _ = try Glow(depth: 0).adapted(to: [1, 28, 28]) }.contains("model.depth"))
        #expect(message { _ = try Glow(width: 0).adapted(to: [1, 28, 28]) }.contains("model.width"))
        #expect(message { _ = try Glow(scaleBound: 0).adapted(to: [1, 28, 28]) }.contains("model.scale_bound"))
    }
}
