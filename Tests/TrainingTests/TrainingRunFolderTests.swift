import Foundation
import Pushforward
import Testing

@Suite struct TrainingRunFolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func training(_ optimizer: Optimizer = .adam(), seed: UInt64 = 0) throws -> Training<ConvVAE> {
        try Training(smallModel, on: blobs(), device: .cpu, optimizer: optimizer, seed: seed)
    }

    /// A training that records into a run folder of that name, five steps an epoch.
    private func recording(_ name: String, every: Int? = nil, optimizer: Optimizer = .adam()) throws -> Training<
        ConvVAE
    > {
        let training = try training(optimizer)
        let run = RunFolder("\(folder.path)/\(name)")
        try run.create(training.configuration(batchSize: 10), environment: [:])
        training.recorder = try RunRecorder(
            run, policy: RecordingPolicy(metricsEvery: 2, checkpointEvery: every, keep: 3))
        return training
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
    }

    @Test func aRunIsAFolder() throws {
        let training = try recording("run")
        try training.run(epochs: 4, batchSize: 10)
        let run = RunFolder("\(folder.path)/run")
        #expect(run.checkpointSteps() == [10, 15, 20])
        #expect(try run.latestStep() == 20)
        #expect(try run.configuration().modelName == "conv-vae")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/run/checkpoints/latest")
        #expect(files.sorted() == ["model.safetensors", "optimizer.safetensors", "state.json"])
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder.path)/run/checkpoints/latest")
        #expect(target == "step-00000020")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/run/checkpoints").count == 4)
        let lines = try text("run/metrics.jsonl").split(separator: "\n").map {
            try JSONTree(parsing: String($0), source: "")
        }
        #expect(lines.compactMap { $0["step"]?.int } == [2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18, 20])
        #expect(lines.allSatisfy { $0["loss"]?.double != nil && $0["kl"]?.double != nil && $0["seconds"] == nil })
        #expect(try text("run/timing.jsonl").contains("samples_per_second"))
        let all = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/run")
        #expect(all.contains { $0.hasPrefix("events.out.tfevents") })
        #expect(message { try run.create(training.configuration(), environment: [:]) }.contains("exists"))
    }

    @Test(arguments: [Optimizer.adam(), .adamW(), .sgd(learningRate: 1e-3, momentum: 0.9)], [5, 7])
    func resumingContinuesBitForBit(_ optimizer: Optimizer, _ stop: Int) throws {
        let whole = try recording("whole", every: 100, optimizer: optimizer)
        try whole.run(steps: 13, batchSize: 10)
        let first = try recording("parts", every: 100, optimizer: optimizer)
        try first.run(steps: stop, batchSize: 10)
        // Steps after the last checkpoint, as a crash leaves them, in the metrics alone.
        let path = "\(folder.path)/parts/metrics.jsonl"
        try (text("parts/metrics.jsonl") + "{\"step\":\(stop + 1),\"loss\":1}\n{\"ste").write(
            toFile: path, atomically: true, encoding: .utf8)

        let run = RunFolder("\(folder.path)/parts")
        let second = try training(optimizer)
        try second.resume(from: run, batchSize: 10)
        #expect(second.stepCount == stop)
        second.recorder = try RunRecorder(
            run, policy: RecordingPolicy(metricsEvery: 2, checkpointEvery: 100, keep: 3), from: stop)
        try second.run(steps: 13 - stop, batchSize: 10)
        #expect(try second.trained().bits() == whole.trained().bits())
        #expect(try text("parts/metrics.jsonl") == text("whole/metrics.jsonl"))
        for file in ["model", "optimizer"] {
            let name = "checkpoints/step-00000013/\(file).safetensors"
            #expect(
                FileManager.default.contents(atPath: "\(folder.path)/parts/\(name)")
                    == FileManager.default.contents(atPath: "\(folder.path)/whole/\(name)"))
        }
    }

    @Test func resumingAnotherTrainingIsAnError() throws {
        try recording("run").run(epochs: 1, batchSize: 10)
        let run = RunFolder("\(folder.path)/run")
        #expect(message { try training(seed: 1).resume(from: run, batchSize: 10) }.contains("seed"))
        #expect(message { try training().resume(from: run, batchSize: 25) }.contains("batch size"))
        #expect(
            message { try training(.sgd(learningRate: 1, momentum: 0.5)).resume(from: run, batchSize: 10) }.contains(
                "optimizer"))
        let wider = try Training(ConvVAE(latent: 3, channels: [3], hidden: 8), on: blobs(), device: .cpu)
        #expect(message { try wider.resume(from: run, batchSize: 10) }.contains("encoder/posterior"))
        let other = try Training(smallModel, on: blobs(count: 60), device: .cpu)
        #expect(message { try other.resume(from: run, batchSize: 10) }.contains("rows"))
        #expect(message { try training().resume(from: run, step: 3, batchSize: 10) }.contains("step-00000003"))
        #expect(
            message { try training().resume(from: RunFolder("\(folder.path)/none"), batchSize: 10) }.contains(
                "no checkpoint"))
    }

    @Test func savedModelsReadBackTheSame() throws {
        let trained = try training().run(steps: 5, batchSize: 10).finish()
        let path = "\(folder.path)/saved"
        try trained.save(to: path)
        try trained.save(to: path)
        let again = try Trained<ConvVAE>(contentsOf: path, device: .cpu)
        #expect(try again.bits() == trained.bits())
        #expect(again.stepCount == 5 && again.rowShape == [1, 4, 4] && again.dataName == "blobs")
        #expect(try again.sample(count: 3, seed: 2) == (try trained.sample(count: 3, seed: 2)))
        let test = try blobs().test
        #expect(try again.evaluate(test).description == (try trained.evaluate(test).description))
        let precise = try Trained<ConvVAE>(contentsOf: path, device: .cpu, precision: .float64)
        #expect(areClose(try precise.sample(count: 3).doubles, try again.sample(count: 3).doubles, 1e-5))
        let plain = try Training(Autoencoder(architecture: .linear, latent: 2), on: blobs(), device: .cpu).trained()
        #expect(message { try plain.save(to: path) }.contains("conv-vae"))
        #expect(message { _ = try Trained<VAE>(contentsOf: path, device: .cpu) }.contains("conv-vae"))
        #expect(message { _ = try Trained<ConvVAE>(contentsOf: path, step: 4, device: .cpu) }.contains("it has 5"))
        try plain.save(to: "\(folder.path)/plain")
        let plainAgain = try Trained<Autoencoder>(contentsOf: "\(folder.path)/plain", device: .cpu)
        #expect(try plainAgain.bits() == plain.bits())
    }

    @Test func ownModelsSaveToo() throws {
        let data = try Dataset(rows: (0..<784 * 3).map { Float($0 % 2) }, shape: [1, 28, 28])
        let trained = try Training(TinyVAE(latent: 3), on: data, device: .cpu).trained()
        try trained.save(to: "\(folder.path)/tiny")
        let again = try Trained<TinyVAE>(contentsOf: "\(folder.path)/tiny", device: .cpu)
        #expect(again.model.latent == 3)
        #expect(try again.bits() == trained.bits())
    }

    @Test func damagedCheckpointsAreOneLineErrors() throws {
        let trained = try training().run(steps: 2, batchSize: 10).finish()
        let path = "\(folder.path)/saved"
        try trained.save(to: path)
        let file = "\(path)/checkpoints/step-00000002/model.safetensors"
        let whole = try #require(FileManager.default.contents(atPath: file))
        func problem() -> String { message { _ = try Trained<ConvVAE>(contentsOf: path, device: .cpu) } }
        for length in [0, 4, 8, 40, whole.count / 2, whole.count - 1] {
            try whole.prefix(length).write(to: URL(fileURLWithPath: file))
            #expect(problem().contains("model.safetensors") && !problem().contains("\n"), "\(length) bytes")
        }
        try whole.write(to: URL(fileURLWithPath: file))
        #expect(problem() == "")
        try FileManager.default.removeItem(atPath: file)
        #expect(problem().contains("model.safetensors"))
        try whole.write(to: URL(fileURLWithPath: file))
        try Data("{\"step\": ".utf8).write(to: URL(fileURLWithPath: "\(path)/checkpoints/step-00000002/state.json"))
        #expect(problem().contains("state.json"))
        try FileManager.default.removeItem(atPath: "\(path)/checkpoints")
        #expect(problem().contains("no checkpoint"))
        try Data("{".utf8).write(to: URL(fileURLWithPath: "\(path)/config.json"))
        #expect(problem().contains("config.json"))
        try FileManager.default.removeItem(atPath: "\(path)/config.json")
        #expect(problem().contains("is no run"))
        #expect(message { _ = try Trained<ConvVAE>(contentsOf: "\(folder.path)/none") }.contains("does not exist"))
    }

    @Test func whatCannotBeWrittenLeavesTheLastCheckpoint() throws {
        let training = try recording("run")
        try training.run(epochs: 1, batchSize: 10)
        // The folder of checkpoints becomes a file: nothing can be written into it.
        let path = "\(folder.path)/run/checkpoints"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(message { try training.run(epochs: 1, batchSize: 10) }.contains("checkpoints"))
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
        #expect(try Trained<ConvVAE>(contentsOf: "\(folder.path)/run", device: .cpu).stepCount == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).allSatisfy { !$0.hasSuffix(".tmp") })
    }

    @Test func foldersThatCannotBeMadeAreOneLineErrors() throws {
        let training = try training()
        try Data().write(to: URL(fileURLWithPath: "\(folder.path)/file"))
        let configuration = try training.configuration()
        let text = message { try RunFolder("\(folder.path)/file/a/run").create(configuration, environment: [:]) }
        #expect(text.contains("file/a") && text.contains("Not a directory") && !text.contains("\n"))
        try RunFolder("\(folder.path)/new/outer/run").create(configuration, environment: [:])
        #expect(try RunFolder("\(folder.path)/new/outer/run").configuration().seed == 0)
    }

    @Test func aStepThatIsNotFiniteLeavesTheLastGoodCheckpoint() throws {
        let training = try recording("run", every: 2, optimizer: .sgd(learningRate: 1e-3))
        try training.run(steps: 4, batchSize: 10)
        training.learningRate = 1e30
        #expect(message { try training.run(steps: 10, batchSize: 10) }.contains("the parameters before it are kept"))
        let run = RunFolder("\(folder.path)/run")
        #expect(try run.latestStep() == 4)
        #expect(try Trained<ConvVAE>(contentsOf: run.path, device: .cpu).stepCount == 4)
    }
}
