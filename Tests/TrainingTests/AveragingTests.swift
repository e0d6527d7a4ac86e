import Foundation
import Pushforward
import Testing

@Suite struct AveragingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func training(ema: Double?, precision: ScalarType = .float64) throws -> Training<ConvVAE> {
        try Training(
            smallModel, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2), ema: ema, precision: precision)
    }

    @Test(arguments: [0.5, 0.99]) func followsItsDefinition(_ decay: Double) throws {
        let training = try training(ema: decay)
        func raw() throws -> [[Double]] { try training.trained(.raw).parameters().map(\.value.doubles) }
        var averages = try raw()
        #expect(try training.trained().parameters().map(\.value.doubles) == averages)
        try training.run(steps: 12, batchSize: 10) { step in
            let d = min(decay, Double(step.index + 1) / Double(step.index + 10))
            for (index, values) in try raw().enumerated() {
                averages[index] = zip(averages[index], values).map { $0 * d + $1 * (1 - d) }
            }
        }
        let trained = try training.finish()
        #expect(trained.weights == .ema)
        for (average, expected) in zip(try trained.parameters(), averages) {
            #expect(areClose(average.value.doubles, expected, 1e-13), "\(average.path)")
        }
        #expect(try raw() != averages)
        // Averaging changes nothing in what is averaged.
        let plain = try self.training(ema: nil).run(steps: 12, batchSize: 10).finish()
        #expect(try plain.bits() == training.trained(.raw).bits() && plain.weights == .raw)
    }

    @Test func runsKeepBothWeights() throws {
        let training = try training(ema: 0.9, precision: .float32)
        let run = RunFolder("\(folder.path)/run")
        try run.create(training.configuration(batchSize: 10), environment: [:])
        #expect(try run.configuration().ema == 0.9)
        training.recorder = try RunRecorder(run)
        try training.run(steps: 6, batchSize: 10)
        func read(_ weights: Weights?) throws -> Trained<ConvVAE> {
            try Trained(contentsOf: run.path, weights: weights, device: .cpu)
        }
        let (averages, raw) = (try read(.ema), try read(.raw))
        #expect(try averages.bits() == training.trained(.ema).bits() && averages.weights == .ema)
        #expect(try raw.bits() == training.trained(.raw).bits() && raw.weights == .raw)
        #expect(try read(nil).bits() == averages.bits() && averages.bits() != raw.bits())

        let plain = try self.training(ema: nil, precision: .float32)
        #expect(message { _ = try plain.trained(.ema) }.contains("not averaged"))
        try plain.trained().save(to: "\(folder.path)/plain")
        let text = message { _ = try Trained<ConvVAE>(contentsOf: "\(folder.path)/plain", weights: .ema, device: .cpu) }
        #expect(text.contains("no averaged weights"))
        // A run without averages cannot be resumed with them.
        try FileManager.default.removeItem(atPath: "\(run.path)/checkpoints/latest/ema.safetensors")
        #expect(
            message { try self.training(ema: 0.9, precision: .float32).resume(from: run, batchSize: 10) }
                .contains("ema.safetensors"))
        for wrong in [0, 1, -0.5, .nan] { #expect(message { _ = try self.training(ema: wrong) }.contains("ema")) }
    }

    @Test func aStepThatIsNotFiniteLeavesTheAverages() throws {
        let training = try Training(
            smallModel, on: blobs(), device: .cpu, optimizer: .sgd(learningRate: 1e-3), ema: 0.5)
        try training.run(steps: 3, batchSize: 10)
        training.learningRate = 1e30
        var kept: [[UInt8]] = []
        #expect(throws: TrainingError.self) {
            try training.run(steps: 200, batchSize: 10) { step in
                if step.index == 3 { kept = try training.trained(.ema).bits() }
            }
        }
        #expect(!kept.isEmpty)
        #expect(try training.trained(.ema).bits() == kept)
    }
}
