import Foundation
import Pushforward
import Testing

/// Gray levels under a uniform density of 0...width, the dequantized data being stretched by as much.
private struct UniformLevels: DensityModel {
    var width = 1.0
    var takesLevels: Bool { true }

    func distribution(_ scope: Scope) throws -> Transformed {
        let scale = scope.graph.constant(1 / width, TensorType([16], scope.precision))
        return Transformed(
            base: UniformBase(width: width, count: 16),
            by: [
                try ElementwiseAffine(shift: scale.zerosLike(), scale: scale, name: "preprocessing"),
                Reshape([1, 4, 4]),
            ])
    }

    /// Training needs something to train.
    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        var objective = Objective()
        objective.add("weight", try scope.parameter("weight", [1], .ones))
        return objective
    }
}

private struct UniformBase: BaseDistribution {
    let width: Double
    let count: Int
    var support: Support { .real }

    func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        let inside = try x.zerosLike().lessEqual(to: x) & x.lessEqual(to: x.onesLike() * width)
        let log = try select(inside, x.zerosLike(), x.zerosLike() - .infinity)
        return try (log - Foundation.log(width)).rowSum()
    }

    func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        try scope.uniform([scope.sampleCount(), count]) * width
    }
}

/// A flow without layers.
private struct Plain: Flow {
    var preprocessing: Preprocessing
    var shape: [Int] = [1]
    var condition = Condition.none

    func adapted(to rowShape: [Int]) throws -> Plain {
        Plain(preprocessing: try preprocessing.resolved(for: rowShape), shape: rowShape)
    }

    func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        _ = try scope.parameter("weight", [1], .ones)
        return shape.count == 1 ? [] : [Reshape(shape)]
    }
}

@Suite struct FlowTests {
    private func trained<M: Model>(_ model: M, on data: Dataset, _ precision: ScalarType = .float32) throws -> Trained<
        M
    > {
        try Training(model, on: data, device: .cpu, precision: precision).trained()
    }

    @Test(arguments: [1.0, 2, 0.25], [1, 20]) func aUniformModelOfLevelsTakesEightBits(_ width: Double, _ draws: Int)
        throws
    {
        let data = try blobs()
        let exact = try trained(UniformLevels(width: width), on: data, .float64)
            .evaluate(data.test, importanceSamples: draws)
        let bits = try #require(exact["bits_per_dimension"])
        #expect(isClose(bits.value, 8, 1e-14) && bits.unit == "bits")
        #expect(
            "\(exact)".split(separator: "\n").contains {
                $0.hasPrefix("bits_per_dimension") && $0.contains(" 8.0 bits")
            })
        #expect(bits.kind == (draws == 1 ? .lowerBound : .estimate))
        #expect(exact["negative_elbo"]?.kind == .lowerBound)
        let single = try trained(UniformLevels(width: width), on: data).evaluate(data.test, importanceSamples: draws)
        #expect(isClose(single["bits_per_dimension"]?.value ?? .nan, 8, 1e-7))
        #expect(exact.terms.map(\.name) == ["base", "reshape", "preprocessing", "dequantization"])
        #expect(isClose(exact.terms.reduce(0) { $0 + $1.value }, exact["negative_elbo"]?.value ?? .nan, 1e-12))
    }

    @Test func samplesOfLevelsAreLevels() throws {
        let samples = try trained(UniformLevels(), on: blobs()).sample(count: 200)
        let levels = samples.doubles.map { $0 * 255 }
        #expect(levels.allSatisfy { abs($0 - $0.rounded()) < 1e-4 && 0...255 ~= $0.rounded() })
        // 3200 draws of 256 levels miss few of them.
        #expect(Set(levels.map { Int($0.rounded()) }).count > 250)
        // Noise beyond 0...1 becomes the nearest level.
        let clipped = try trained(Plain(preprocessing: .dequantize), on: blobs()).sample(count: 50)
        #expect(
            clipped.doubles.contains(0) && clipped.doubles.contains(1) && clipped.doubles.allSatisfy { 0...1 ~= $0 })
    }

    /// bits = -log p(x) / (D ln 2) - log2(1 - 2 lambda) + 8 + mean(log2 s(x) + log2(1 - s(x))) for x in logit space
    /// (Papamakarios, Pavlakou and Murray 2017, appendix E).
    @Test(arguments: [nil, 0.05, 1e-3]) func bitsOfLogitsAreThePublishedFormula(_ lambda: Double?) throws {
        let data = try blobs()
        let model = Plain(preprocessing: .logit(LogitPreprocessing(lambda: lambda)))
        let trained = try trained(model, on: data, .float64)
        let bits = try #require(try trained.evaluate(data.test, seed: 3)["bits_per_dimension"])
        let (rows, size) = (data.test0.count / 16, 16)
        let noise = try evaluated(rows: rows, seed: 3) { trace in
            [try trace.root["dequantization"].uniform([rows, size])]
        }[0].doubles
        let lambda = lambda ?? 1e-6
        var total = 0.0
        for (level, u) in zip(data.test0, noise) {
            let y = (Double(level) + u) / 256
            let p = lambda + (1 - 2 * lambda) * y
            let x = log(p / (1 - p))
            let s = 1 / (1 + exp(-x))
            total += (0.5 * x * x + 0.5 * log(2 * .pi)) / log(2.0) + log2(s) + log2(1 - s)
        }
        let expected = total / Double(rows * size) - log2(1 - 2 * lambda) + 8
        #expect(isClose(bits.value, expected, 1e-9) && bits.kind == .lowerBound)
        #expect(
            try trained.evaluate(data.test).terms.map(\.name) == ["base", "preprocessing", "reshape", "dequantization"])
    }

    @Test func importanceSamplesTightenTheBoundOnLevels() throws {
        let data = try blobs()
        let trained = try trained(Plain(preprocessing: .logit(LogitPreprocessing(lambda: 0.05))), on: data)
        let one = try trained.evaluate(data.test)
        let many = try trained.evaluate(data.test, importanceSamples: 100)
        let estimate = try #require(many["negative_log_likelihood"])
        #expect(estimate.kind == .estimate && estimate.value < (many["negative_elbo"]?.value ?? .nan))
        #expect(isClose((many["bits_per_dimension"]?.value ?? .nan) * 16 * log(2), estimate.value, 1e-12))
        #expect(one["negative_log_likelihood"] == nil && one["negative_elbo"]?.standardErrorMonteCarlo == nil)
        #expect((many["negative_elbo"]?.standardErrorMonteCarlo ?? 0) > 0)
        #expect(many["dequantization"]?.standardErrorMonteCarlo == 0)
    }

    @Test func everyTrainingStepDequantizesAnew() throws {
        let data = try Dataset(levels: [UInt8](repeating: 100, count: 16 * 8), shape: [1, 4, 4])
        let training = try Training(
            Plain(preprocessing: .dequantize), on: data, device: .cpu, optimizer: .sgd(learningRate: 1e-3))
        var bases: [Double] = []
        try training.run(steps: 3, batchSize: 8) { bases.append(try $0.figures()[1].value) }
        #expect(Set(bases).count == 3)
    }

    /// Columns of mean 3 and deviation 2, and a constant one.
    @Test func standardizationIsOfTheTrainingRowsAndUndone() throws {
        let values: [Float] = (0..<40).flatMap { [$0 % 2 == 0 ? 1 : 5, 0.1] }
        let data = try Dataset(rows: values, shape: [2], test: [3, 0.1, 5, 1.1])
        let trained = try trained(Plain(preprocessing: .automatic), on: data, .float64)
        #expect(trained.model.preprocessing == .standardize)
        let states = Dictionary(uniqueKeysWithValues: try trained.parameters().map { ($0.path, $0.value.doubles) })
        #expect(areClose(states["preprocessing/mean"] ?? [], [3, Double(Float(0.1))], 1e-12))
        #expect(areClose(states["preprocessing/deviation"] ?? [], [2, 1], 1e-12))
        let evaluation = try trained.evaluate(data.test)
        // z is (0, 0) and (1, 1); the first column is twice as wide.
        let expected = log(2 * .pi) + log(2.0) + 0.5
        #expect(isClose(evaluation["negative_log_likelihood"]?.value ?? .nan, expected, 1e-7))
        #expect(evaluation["negative_log_likelihood"]?.kind == .exact && evaluation["bits_per_dimension"] == nil)
        #expect(evaluation.terms.map(\.name) == ["base", "preprocessing"])
        #expect(isClose(evaluation["preprocessing"]?.value ?? .nan, log(2.0), 1e-12))
        let samples = try trained.sample(count: 4000).doubles
        for (column, (mean, deviation)) in [(3.0, 2.0), (0.1, 1.0)].enumerated() {
            let drawn = stride(from: column, to: samples.count, by: 2).map { samples[$0] }
            let average = drawn.reduce(0, +) / 4000
            let spread = (drawn.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 4000).squareRoot()
            #expect(abs(average - mean) < 0.08 * deviation && abs(spread - deviation) < 0.06 * deviation)
        }
    }

    @Test func preprocessingIsResolvedAndChecked() throws {
        func resolved(_ text: String, _ shape: [Int]) throws -> Preprocessing {
            try JSONTree(parsing: text, source: "test").decoded(as: Preprocessing.self).resolved(for: shape)
        }
        #expect(try resolved("\"automatic\"", [1, 4, 4]) == .dequantize)
        #expect(try resolved("\"automatic\"", [4]) == .standardize)
        #expect(try resolved("\"none\"", [1, 4, 4]) == Preprocessing.none)
        #expect(try resolved("\"logit\"", [1, 4, 4]) == .logit(LogitPreprocessing(lambda: 1e-6)))
        #expect(try resolved("\"logit\"", [3, 4, 4]) == .logit(LogitPreprocessing(lambda: 0.05)))
        #expect(try resolved("{\"kind\": \"logit\", \"lambda\": 0.1}", [3, 4, 4]) == .logit(.init(lambda: 0.1)))
        #expect(
            message { _ = try resolved("{\"kind\": \"logit\", \"lambda\": 0.5}", [3, 4, 4]) }.contains(
                "model.preprocessing.lambda"))
        // The run's configuration says what it came to.
        let training = try Training(RealNVP(layers: 2, hidden: [4]), on: blobs(), device: .cpu)
        #expect(try training.configuration().model.value(at: "preprocessing.kind")?.string == "dequantize")
        let floats = try Dataset(rows: (0..<32).map { Float($0) / 40 }, shape: [1, 4, 4])
        #expect(
            message { _ = try Training(RealNVP(), on: floats, device: .cpu) }.contains(
                "model.preprocessing=standardize"))
        let levels = try Dataset(rows: (0..<32).map { Float($0) / 255 }, shape: [1, 4, 4])
        _ = try Training(RealNVP(layers: 2, hidden: [4]), on: levels, device: .cpu)
    }
}

extension Dataset {
    /// The levels of `blobs().test`.
    fileprivate var test0: [UInt8] { (try? test.withUnsafeBytes { Array($0) }) ?? [] }
}
