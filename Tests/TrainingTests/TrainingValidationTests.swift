import Foundation
import Pushforward
import Testing

@Suite struct TrainingValidationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// 40 rows to train on and 10 to validate on: four steps of 10 an epoch.
    private func training(
        _ optimizer: Optimizer = .adam(learningRate: 1e-2), schedule: LearningRateSchedule = .constant,
        every: Int? = nil, patience: Int? = nil, ema: Double? = nil
    ) throws -> Training<ConvVAE> {
        try Training(
            smallModel, on: blobs().holdingOut(validationFraction: 0.2), device: .cpu, optimizer: optimizer,
            schedule: schedule, validation: ValidationPolicy(every: every, patience: patience), ema: ema)
    }

    private func record(_ training: Training<ConvVAE>, _ name: String, keep: Int = 2, from step: Int = 0) throws {
        let run = RunFolder("\(folder.path)/\(name)")
        if step == 0 { try run.create(training.configuration(batchSize: 10), environment: [:]) }
        training.recorder = try RunRecorder(run, policy: RecordingPolicy(metricsEvery: 3, keep: keep), from: step)
    }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }

    @Test func theLossIsTakenOnTheHeldOutRows() throws {
        let training = try training()
        try record(training, "run")
        var seen: [Int: [(name: String, value: Double)]] = [:]
        try training.run(epochs: 2, batchSize: 10) { step in
            if let validation = step.validation { seen[step.index + 1] = validation }
        }
        #expect(seen.keys.sorted() == [4, 8])
        let last = try #require(seen[8])
        #expect(last.map(\.name) == ["loss", "reconstruction", "kl"])
        #expect(isClose(last[0].value, last[1].value + last[2].value, 1e-12))
        // The same as evaluating the rows, whose terms have the same closed form or noise of their own.
        let evaluation = try training.trained().evaluate(training.dataset.validation, importanceSamples: 1)
        #expect(isClose(last[2].value, evaluation["kl"]?.value ?? .nan, 1e-5))
        #expect(training.validations.entries.map(\.loss) == [seen[4]?[0].value, last[0].value])

        let lines = try String(decoding: bytes("run/metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
            try JSONTree(parsing: String($0), source: "")
        }
        #expect(lines.compactMap { $0["step"]?.int } == [3, 4, 6, 8])
        #expect(lines.map { $0["validation_loss"] != nil } == [false, true, false, true])
        #expect(lines[3]["validation_kl"]?.double.map { isClose($0, last[2].value, 1e-6) } == true)
        #expect(lines.allSatisfy { $0["learning_rate"]?.double == 0.01 })
    }

    @Test func equalWeightsGiveEqualLosses() throws {
        let training = try training(.adam(learningRate: 0), every: 1)
        try training.run(steps: 3, batchSize: 10)
        let losses = training.validations.entries.map(\.loss)
        #expect(losses.count == 3 && Set(losses).count == 1)
        // Nor does validating touch the training.
        let data = try Dataset(
            levels: blobs().holdingOut(validationFraction: 0.2).train.levels, shape: [1, 4, 4], name: "rows")
        let plain = try Training(smallModel, on: data, device: .cpu, optimizer: .adam(learningRate: 1e-2))
        let validated = try self.training(every: 1)
        #expect(
            try validated.run(steps: 5, batchSize: 10).trained().bits()
                == plain.run(steps: 5, batchSize: 10).trained().bits())
    }

    @Test func theBestCheckpointIsKept() throws {
        let training = try training()
        try record(training, "run", keep: 1)
        try training.run(epochs: 1, batchSize: 10)
        let bits = try training.trained().bits()
        // Steps of this size lead away from the data.
        training.learningRate = 1
        try training.run(epochs: 3, batchSize: 10)
        #expect(training.validations.best?.step == 4 && training.validations.countSinceBest == 3)
        let run = RunFolder("\(folder.path)/run")
        #expect(run.checkpointSteps() == [4, 16] && run.bestStep == 4)
        #expect(try Trained<ConvVAE>(contentsOf: run.path, step: run.bestStep, device: .cpu).bits() == bits)
        #expect(try Trained<ConvVAE>(contentsOf: run.path, device: .cpu).stepCount == 16)
    }

    @Test func patienceEndsATraining() throws {
        let impatient = try training(.adam(learningRate: 0), patience: 2)
        try record(impatient, "run")
        try impatient.run(epochs: 10, batchSize: 10)
        #expect(impatient.stepCount == 12 && impatient.isOutOfPatience)
        try impatient.run(epochs: 1, batchSize: 10)
        #expect(impatient.stepCount == 12)
        // The counter is resumed with the rest.
        let second = try training(.adam(learningRate: 0), patience: 3)
        try second.resume(from: RunFolder("\(folder.path)/run"), step: 12, batchSize: 10)
        try second.run(epochs: 10, batchSize: 10)
        #expect(second.stepCount == 16)
        for wrong in [ValidationPolicy(patience: 1), ValidationPolicy(every: 5)] {
            let text = message { _ = try Training(smallModel, on: blobs(), device: .cpu, validation: wrong) }
            #expect(text.contains("no validation rows"))
        }
        #expect(message { _ = try training(patience: 0) }.contains("patience"))
    }

    struct Crash: Error {}

    /// A training that dies at some step goes on from its last checkpoint as if nothing had been.
    @Test(arguments: [LearningRateSchedule.plateau(factor: 0.3, patience: 1), .cosine(warmupSteps: 5)], [5, 9, 14])
    func resumingIsExact(_ schedule: LearningRateSchedule, _ crash: Int) throws {
        func make() throws -> Training<ConvVAE> {
            try training(.adam(learningRate: 0.3), schedule: schedule, patience: 50, ema: 0.9)
        }
        let whole = try make()
        try record(whole, "whole")
        try whole.run(steps: 18, batchSize: 10)

        let first = try make()
        try record(first, "parts")
        #expect(throws: Crash.self) {
            try first.run(steps: 18, batchSize: 10) { if $0.index + 1 == crash { throw Crash() } }
        }
        let second = try make()
        let run = RunFolder("\(folder.path)/parts")
        try second.resume(from: run, batchSize: 10)
        #expect(second.stepCount < crash && second.stepCount > 0)
        #expect(second.validations.entries.count == second.stepCount / 4)
        try record(second, "parts", from: second.stepCount)
        try second.run(steps: 18 - second.stepCount, batchSize: 10)

        #expect(second.validations == whole.validations)
        let names = ["model.safetensors", "optimizer.safetensors", "ema.safetensors", "state.json"]
        for name in ["metrics.jsonl"] + names.map({ "checkpoints/step-00000018/\($0)" }) {
            #expect(try bytes("parts/\(name)") == bytes("whole/\(name)"), "\(name)")
        }
        #expect(run.bestStep == RunFolder("\(folder.path)/whole").bestStep && run.bestStep != nil)
        if case .plateau = schedule {
            let text = String(decoding: try bytes("whole/metrics.jsonl"), as: UTF8.self)
            #expect(text.contains("\"learning_rate\": 0.09,"), "the rate has fallen")
        }
    }
}

extension Rows {
    fileprivate var levels: [UInt8] { withUnsafeBytes { Array($0) } }
}
