import Foundation
import Pushforward
import Testing

@Suite struct TrainingTests {
    @Test func trainingLowersTheLossAndReadsItWhenAsked() throws {
        var losses: [Double] = []
        var indices: [Int] = []
        let training = try Training(smallModel, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2))
        try training.run(epochs: 60, batchSize: 10) { step in
            indices.append(step.index)
            let figures = try step.figures()
            #expect(figures.map(\.name) == ["loss", "reconstruction", "kl", "gradient_norm"])
            #expect(isClose(figures[0].value, figures[1].value + figures[2].value, 1e-5))
            #expect(step.epoch == step.index / 5 && step.stepsPerEpoch == 5)
            losses.append(try step.loss())
        }
        #expect(indices == Array(0..<300) && training.stepCount == 300)
        let (first, last): (Double, Double) = (losses.prefix(20).reduce(0, +), losses.suffix(20).reduce(0, +))
        #expect(last < 0.97 * first)
        let trained = try training.finish()
        let before = try Training(smallModel, on: blobs(), device: .cpu).trained()
        let test = try blobs().test
        let (a, b) = (try trained.evaluate(test), try before.evaluate(test))
        #expect((a["negative_elbo"]?.value ?? .nan) < (b["negative_elbo"]?.value ?? .nan))
        #expect(message { _ = try training.run(steps: 1) }.contains("finished"))
    }

    @Test func everyRowComesOnceInAnEpochAndInAnotherOrderInTheNext() throws {
        // A model whose "loss" is the row's number, and which has something to train.
        let count = 23
        let data = try Dataset(rows: (0..<count).map { Float($0) }, shape: [1])
        var seen: [Double] = []
        try Training(RowNumber(), on: data, device: .cpu, seed: 5).run(epochs: 3, batchSize: 1) {
            seen.append(try $0.figures()[1].value)
        }
        let epochs = (0..<3).map { Array(seen[$0 * count..<($0 + 1) * count]) }
        for epoch in epochs { #expect(epoch.sorted() == (0..<count).map { Double($0) }) }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2] && epochs[0] != epochs[0].sorted())
        var other: [Double] = []
        try Training(RowNumber(), on: data, device: .cpu, seed: 6).run(epochs: 1, batchSize: 1) {
            other.append(try $0.figures()[1].value)
        }
        #expect(other != epochs[0])
    }

    /// The sum of a batch's rows: with all rows in it, always the same; without the last partial batch, never all.
    @Test func theLastPartialBatchIsDropped() throws {
        let data = try Dataset(rows: (0..<7).map { Float($0) }, shape: [1])
        var steps = 0
        let training = try Training(RowNumber(), on: data, device: .cpu)
        try training.run(epochs: 2, batchSize: 3) { _ in steps += 1 }
        #expect(steps == 4)
        #expect(message { try training.run(steps: 1, batchSize: 2) }.contains("batch size"))
    }

    @Test func withFewerRowsThanABatchTheBatchIsTheRows() throws {
        let data = try Dataset(rows: (0..<7).map { Float($0) }, shape: [1])
        let training = try Training(RowNumber(), on: data, device: .cpu)
        var notices: [String] = []
        training.notice = { notices.append($0) }
        var means: [Double] = []
        try training.run(epochs: 2, batchSize: 100) { means.append(try $0.figures()[1].value) }
        #expect(areClose(means, [3, 3], 1e-6) && training.batchSize == 7)
        #expect(notices.count == 1 && notices[0].contains("7") && notices[0].contains("100"))
    }

    @Test(arguments: [1, 2, 3]) func theNumberOfThreadsChangesNoBit(_ threads: Int) throws {
        func bits(_ device: Device) throws -> [[UInt8]] {
            try Training(smallModel, on: blobs(), device: device, seed: 3).run(steps: 12, batchSize: 10).finish().bits()
        }
        #expect(try bits(.cpu(threads: threads)) == bits(.cpu))
    }

    @Test func seedsAndOptionsMatter() throws {
        func bits(
            seed: UInt64 = 0, _ optimizer: Optimizer = .adam(), norm: Double? = nil,
            _ binarization: Binarization = .none
        )
            throws -> [[UInt8]]
        {
            try Training(
                smallModel, on: blobs(), device: .cpu, optimizer: optimizer, seed: seed, binarization: binarization,
                maximumGradientNorm: norm
            ).run(steps: 3, batchSize: 10).finish().bits()
        }
        let all = [
            try bits(), try bits(seed: 1), try bits(.sgd(learningRate: 1e-3)), try bits(norm: 0.1),
            try bits(.adam(), norm: nil, .dynamic), try bits(.adam(), norm: nil, .threshold),
        ]
        #expect(Set(all).count == all.count)
        #expect(try bits() == all[0])
    }

    @Test func theLearningRateMayChangeBetweenSteps() throws {
        let training = try Training(smallModel, on: blobs(), device: .cpu)
        training.learningRate = 0
        let before = try training.trained().bits()
        try training.run(steps: 2, batchSize: 10)
        #expect(try training.trained().bits() == before)
        try training.run(steps: 4, batchSize: 10) { _ in training.learningRate = 1e-3 }
        #expect(try training.trained().bits() != before)
    }

    @Test func aStepThatIsNotFiniteStopsAndKeepsTheState() throws {
        let training = try Training(smallModel, on: blobs(), device: .cpu, optimizer: .sgd(learningRate: 1e-3))
        try training.run(steps: 3, batchSize: 10)
        training.learningRate = 1e30
        // The step with this rate is the last whose gradient is finite: its parameters are absurd.
        var kept: [[UInt8]] = []
        let text = message {
            try training.run(steps: 200, batchSize: 10) { step in
                if step.index == 3 { kept = try training.trained().bits() }
            }
        }
        #expect(text.hasPrefix("step 4: ") && text.contains("inf"))
        #expect(training.stepCount == 4)
        #expect(try training.trained().bits() == kept)
        #expect(message { try training.run(steps: 1, batchSize: 10) }.contains("step 4"))
    }

    @Test func stopEndsARun() throws {
        let training = try Training(smallModel, on: blobs(), device: .cpu)
        try training.run(epochs: 10, batchSize: 10) { if $0.index == 6 { $0.stop() } }
        #expect(training.stepCount == 7)
    }

    @Test func wrongCallsAreErrors() throws {
        let data = try blobs()
        #expect(
            message { _ = try Training(smallModel, on: data, device: .cpu).run(steps: 1, batchSize: 0) }.contains(
                "batch"))
        #expect(
            message { _ = try Training(smallModel, on: data, device: .cpu, optimizer: .adam(learningRate: .nan)) }
                .contains("optimizer.learning_rate"))
        #expect(
            message { _ = try Training(smallModel, on: data, device: .cpu, maximumGradientNorm: 0) }.contains("norm"))
        #expect(message { _ = try Training(smallModel, on: data, device: .cpu, precision: .int32) }.contains("int32"))
        #expect(message { _ = try Training(smallModel, on: data, device: .cpu(threads: 0)) }.contains("threads"))
        #expect(message { _ = try Device(named: "gpu") }.contains("gpu"))
        // A model of one's own that does not fit the data names the place where it breaks.
        let text = message { _ = try Training(TinyVAE(), on: data, device: .cpu) }
        #expect(text.contains("[1, 28, 28]") && text.contains("[1, 1, 4, 4]"))
    }

    @Test func float64TrainsToo() throws {
        let trained = try Training(smallModel, on: blobs(), device: .cpu, precision: .float64).run(
            steps: 3, batchSize: 10
        )
        .finish()
        #expect(try trained.parameters().allSatisfy { $0.value.type.scalar == .float64 })
        #expect(try trained.sample(count: 2).type.scalar == .float64)
    }

    /// Squared errors on centred data: the optimum spans the space of the leading principal components.
    @Test(arguments: [false, true]) func theLinearAutoencoderSpansThePrincipalSubspace(_ tied: Bool) throws {
        // Variances 9, 4 and little, in rotated directions, around a mean far from 0.
        let directions: [[Double]] = [[0.6, 0.8, 0, 0], [-0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        var values: [Float] = []
        for row in 0..<64 {
            let t = Double(row)
            let weights = [3 * sin(t * 1.1), 2 * cos(t * 2.3), 0.3 * sin(t * 3.7), 0.2 * cos(t * 5.1)]
            for k in 0..<4 {
                values.append(Float(5 + zip(weights, directions).reduce(0) { $0 + $1.0 * $1.1[k] }))
            }
        }
        let data = try Dataset(rows: values, shape: [4])
        let model = Autoencoder(architecture: .linear, latent: 2, tied: tied)
        let training = try Training(model, on: data, device: .cpu, optimizer: .adam(learningRate: 0.02))
        try training.run(steps: 1500, batchSize: 64)
        training.learningRate = 1e-3
        let trained = try training.run(steps: 500, batchSize: 64).finish()
        // What is left after projection on the principal plane, by the eigenvalues of the covariance.
        let doubles = values.map { Double($0) }
        let mean = (0..<4).map { k in (0..<64).reduce(0) { $0 + doubles[$1 * 4 + k] } / 64 }
        var covariance = [Double](repeating: 0, count: 16)
        for row in 0..<64 {
            for i in 0..<4 {
                for j in 0..<4 {
                    covariance[i * 4 + j] += (doubles[row * 4 + i] - mean[i]) * (doubles[row * 4 + j] - mean[j]) / 64
                }
            }
        }
        let eigen = try evaluated { trace in
            let (w, v) = try eigh(trace.graph.constant(covariance, shape: [4, 4], .float64))
            return [w, v]
        }
        let least = eigen[0].doubles[0] + eigen[0].doubles[1]
        let error = try trained.evaluate(data.train)["mean_squared_error"]
        #expect(error.map { $0.value * 4 < least * 1.01 && $0.value * 4 > least * 0.999 } == true)
        // Every reconstruction lies in the mean plus the plane of the two leading eigenvectors.
        let y = try trained.reconstruct(data.train).doubles
        let v = eigen[1].doubles
        for row in 0..<64 {
            for minor in 0..<2 {
                let outside = (0..<4).reduce(0) { $0 + (y[row * 4 + $1] - mean[$1]) * v[$1 * 4 + minor] }
                #expect(abs(outside) < 0.05)
            }
        }
    }

    @Test func sparsityAndDenoisingTrain() throws {
        func codes(_ model: Autoencoder) throws -> Double {
            let trained = try Training(model, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2))
                .run(steps: 200, batchSize: 10).finish()
            return try trained.encode(blobs().train).mean.doubles.reduce(0) { $0 + abs($1) }
        }
        let plain = try codes(Autoencoder(latent: 4, hidden: [12]))
        #expect(try codes(Autoencoder(latent: 4, hidden: [12], sparsity: 5)) < 0.5 * plain)
        #expect(try codes(Autoencoder(latent: 4, hidden: [12], corruption: .masking)) > 0)
    }
}

/// Has one parameter, and the mean of the rows as a term.
struct RowNumber: Model {
    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let weight = try scope.parameter("weight", [1], .ones)
        var objective = Objective()
        objective.add("row", try x.rowSum(), weight: 0)
        objective.add("weight", try x.rowSum() * 0 + weight * weight)
        return objective
    }
}

/// The library's example of a model of one's own.
struct TinyVAE: VariationalAutoencoder {
    var latent = 2
    func posterior(_ x: Tensor, _ scope: Scope) throws -> Normal {
        let h = try relu(Dense(400)(x.flattened(), scope["hidden"]))
        return try Normal(mean: Dense(latent)(h, scope["mean"]), logVariance: Dense(latent)(h, scope["log_variance"]))
    }
    func likelihood(_ z: Tensor, _ scope: Scope) throws -> Bernoulli {
        let h = try relu(Dense(400)(z, scope["hidden"]))
        return try Bernoulli(logits: Dense(784)(h, scope["pixels"]).reshaped(1, 28, 28))
    }
}
