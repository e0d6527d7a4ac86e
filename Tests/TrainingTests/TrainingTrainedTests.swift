import Foundation
import Pushforward
import Testing

@testable import Training

@Suite struct TrainingTrainedTests {
    private func trained(
        _ model: ConvVAE = smallModel, _ binarization: Binarization = .none, steps: Int = 20
    ) throws -> Trained<ConvVAE> {
        try Training(
            model, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2), binarization: binarization
        ).run(steps: steps, batchSize: 10).finish()
    }

    @Test(arguments: [1, 7, 10, 128]) func theBatchSizeChangesNoByteOfASample(_ batchSize: Int) throws {
        let trained = try trained()
        for output in DecoderOutput.allCases {
            let all = try trained.sample(count: 10, seed: 4, output: output)
            #expect(all.shape == [10, 1, 4, 4])
            #expect(try trained.sample(count: 10, seed: 4, output: output, batchSize: batchSize) == all)
            let part = try trained.sample(3..<9, seed: 4, output: output, batchSize: batchSize)
            #expect(part.bytes == Array(all.bytes[3 * 64..<9 * 64]))
        }
    }

    @Test func samplesDependOnSeedTemperatureAndOutput() throws {
        let trained = try trained()
        let all = [
            try trained.sample(count: 4), try trained.sample(count: 4, seed: 1),
            try trained.sample(count: 4, temperature: 0.5),
            try trained.sample(count: 4, output: .draw), try trained.sample(count: 4, temperature: 0),
        ]
        #expect(Set(all.map(\.bytes)).count == all.count)
        #expect(Set(all[3].doubles) == [0, 1])
        // Without noise all samples are the same.
        let images = stride(from: 0, to: 256, by: 64).map { Array(all[4].bytes[$0..<$0 + 64]) }
        #expect(Set(images).count == 1)
        #expect(try trained.sample(count: 0).shape == [0, 1, 4, 4])
        #expect(message { _ = try trained.sample(count: -1) }.contains("-1"))
        #expect(message { _ = try trained.sample(0..<1, temperature: .nan) }.contains("temperature"))
        #expect(message { _ = try trained.sample((1 << 32)..<(1 << 32 + 1)) }.contains("2^32"))
        #expect(message { _ = try trained.sample(count: 1, batchSize: 0) }.contains("batch"))
    }

    /// Batches beyond what the device likes are cut into parts that are alike.
    @Test func largeBatchesAreCutAndStayTheSame() throws {
        let trained = try trained()
        var ends: [Int] = []
        trained.progress = { done, _ in ends.append(done) }
        let whole = try trained.sample(7..<2507, output: .draw, batchSize: 10_000)
        #expect(ends == [834, 1668, 2500])
        #expect(whole == (try trained.sample(7..<2507, output: .draw, batchSize: 128)))
        let alone = try trained.sample(2506..<2507, output: .draw)
        #expect(whole.shape == [2500, 1, 4, 4] && alone.bytes == Array(whole.bytes.suffix(64)))
    }

    @Test func anOutputThatHasNoRowForEachRowIsAnError() throws {
        let trained = try trained()
        func shapes(_ key: String, rowsOfEach: Int) throws -> [[Int]] {
            try trained.map(key, count: 5, batchSize: 2, seed: 0, indices: { UInt32($0) }) {
                [$0.graph.constant(1, TensorType([rowsOfEach * $0.rows, 3], .float32))]
            }.map(\.shape)
        }
        #expect(try shapes("rows", rowsOfEach: 1) == [[5, 3]])
        let problem = message { _ = try shapes("pairs", rowsOfEach: 2) }
        #expect(problem.contains("pairs") && problem.contains("120 bytes") && problem.contains("one row for each"))
    }

    @Test func codesAndReconstructionsDoNotDependOnTheBatch() throws {
        let (trained, test) = (try trained(), try blobs().test)
        let codes = try trained.encode(test)
        #expect(codes.mean.shape == [20, 2] && codes.standardDeviation?.shape == [20, 2])
        #expect(codes.standardDeviation?.doubles.allSatisfy { $0 > 0 } == true)
        let few = try trained.encode(test[4..<9], batchSize: 2)
        #expect(few.mean.bytes == Array(codes.mean.bytes[4 * 8..<9 * 8]))
        #expect(few.draw.bytes == Array(codes.draw.bytes[4 * 8..<9 * 8]))
        #expect(few.draw != few.mean)
        #expect(try trained.encode(test, seed: 1).draw != codes.draw)
        let reconstructions = try trained.reconstruct(test)
        #expect(reconstructions == (try trained.decode(codes.mean)))
        #expect(try trained.reconstruct(test, batchSize: 3) == reconstructions)
        #expect(
            try trained.decode(codes.mean, output: .draw)
                == (try trained.decode(codes.mean, output: .draw, batchSize: 7)))
        #expect(message { _ = try trained.decode(array([1, 2, 3], [1, 3], .float32)) }.contains("[1, 3]"))
        let foreign = try Dataset(levels: [UInt8](repeating: 0, count: 25), shape: [1, 5, 5])
        #expect(message { _ = try trained.encode(foreign.train) }.contains("[1, 5, 5]"))
    }

    @Test func gridsAndArrays() throws {
        let samples = try trained().sample(count: 6)
        let picture = try samples.grid(columns: 3)
        #expect(picture.width > 12 && picture.height > 8 && picture.channels == 1)
        #expect(samples.array.count == 96 && samples.array == samples.floats)
        #expect(try samples.npy().shape == [6, 1, 4, 4])
    }

    /// The figures against sums made here of one-draw evaluations of single rows.
    @Test func theEvaluationIsItsDefinition() throws {
        let (trained, test) = (try trained(), try blobs().test)
        let all = try trained.evaluate(test, batchSize: 8)
        let each = try (0..<20).map { try trained.evaluate(test[$0..<$0 + 1]) }
        for name in ["negative_elbo", "reconstruction", "kl"] {
            let values = each.compactMap { $0[name]?.value }
            let mean = values.reduce(0, +) / 20
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 19
            let figure = try #require(all[name])
            #expect(isClose(figure.value, mean, 1e-12) && figure.kind == .surrogate && figure.unit == "nats")
            #expect(isClose(figure.standardErrorData, (variance / 20).squareRoot(), 1e-9))
        }
        #expect(all["negative_elbo"]?.standardErrorMonteCarlo == nil && all["kl"]?.standardErrorMonteCarlo == 0)
        #expect(isClose(all.terms.reduce(0) { $0 + $1.value }, all["negative_elbo"]?.value ?? 0, 1e-12))
        #expect(all.count == 20 && all.nonFinite == 0 && all.importanceSamples == 1)
        #expect(all["bits_per_dimension"] == nil && all["negative_log_likelihood"] == nil)
        #expect(all.json.value(at: "figures.kl.kind")?.string == "surrogate")
        #expect(all.json.value(at: "figures.negative_elbo.standard_error_monte_carlo") == .null)
        #expect(all.description.contains("negative_elbo") && !all.description.contains("\n\n"))
    }

    @Test func importanceSamplesTightenTheBoundAndDoNotDependOnChunks() throws {
        let (trained, test) = (try trained(smallModel, .threshold, steps: 300), try blobs().test)
        func value(_ k: Int, _ name: String = "negative_log_likelihood", batchSize: Int = 512) throws
            -> Evaluation.Figure
        {
            try #require(try trained.evaluate(test, importanceSamples: k, batchSize: batchSize)[name])
        }
        let (two, many) = (try value(2), try value(150))
        let elbo = try value(150, "negative_elbo")
        #expect(many.value < two.value && many.value < elbo.value - 0.01)
        #expect(many.kind == .estimate && elbo.kind == .lowerBound)
        #expect(try value(150, batchSize: 1).value == many.value)
        let error = try #require(many.standardErrorMonteCarlo)
        #expect(error > 0 && error < 0.1)
        // The spread over seeds is what the standard error says.
        let seeds = try (0..<12).map { seed in
            try #require(
                try trained.evaluate(test, importanceSamples: 150, seed: UInt64(seed))["negative_log_likelihood"]
            ).value
        }
        let mean = seeds.reduce(0, +) / 12
        let spread = (seeds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 11).squareRoot()
        #expect(spread > error / 2.5 && spread < error * 2.5)
        let bits = try value(150, "bits_per_dimension")
        #expect(isClose(bits.value, many.value / (16 * Foundation.log(2)), 1e-12) && bits.unit == "bits")
        #expect(message { _ = try trained.evaluate(test, importanceSamples: 0) }.contains("importance"))
    }

    @Test func kindsSayWhatAFigureIs() throws {
        let test = try blobs().test
        #expect(try trained(smallModel, .dynamic).evaluate(test)["negative_elbo"]?.kind == .lowerBound)
        var gaussian = smallModel
        gaussian.likelihood = .gaussian
        let figures = try trained(gaussian).evaluate(test)
        #expect(figures["negative_elbo"]?.kind == .lowerBound && figures["bits_per_dimension"] == nil)
        let plain = try Training(Autoencoder(latent: 2, hidden: [4]), on: blobs(), device: .cpu).run(
            steps: 2, batchSize: 10
        )
        .finish().evaluate(test)
        #expect(plain["mean_squared_error"]?.kind == .exact && plain["negative_elbo"] == nil)
    }

    @Test func aNumberThatIsNotFiniteIsCountedAndNotHidden() throws {
        var model = smallModel
        model.likelihood = .gaussian
        let values: [Float] = (0..<32).map { $0 == 20 ? 3e38 : 0.5 }
        let data = try Dataset(rows: values, shape: [1, 4, 4])
        let result = try Training(model, on: data, device: .cpu).trained().evaluate(data.train)
        #expect(result.count == 2 && result.nonFinite == 1)
        #expect(result["negative_elbo"]?.value.isFinite == false)
        #expect(result.json.value(at: "figures.negative_elbo.value") == .null)
    }

    @Test func betaIsOneInEvaluation() throws {
        var heavy = smallModel
        heavy.beta = 100
        let test = try blobs().test
        let (a, b) = (
            try Training(heavy, on: blobs(), device: .cpu).trained().evaluate(test),
            try Training(smallModel, on: blobs(), device: .cpu).trained().evaluate(test)
        )
        #expect(a["negative_elbo"]?.value == b["negative_elbo"]?.value)
    }

    @Test func functionsOfTensorsCompile() throws {
        let energy = { (x: Tensor) in try (x * x).sum() }
        let score = try compile(on: .best) { (x: Tensor) in try -gradient(of: energy, at: x) }
        #expect(try score([1, 2, 3]) == [-2, -4, -6])
        #expect(try score([1, 2]) == [-2, -4])
        let both = try compile(several: { [try $0[0] + $0[1], try $0[0] * $0[1]] })
        #expect(try both.results([array([2], [1]), array([5], [1])]).map(\.doubles) == [[7], [10]])
    }
}
