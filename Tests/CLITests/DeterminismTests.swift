import Foundation
import Pushforward
import Testing

/// What must be the same bytes however it came about.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct DeterminismTests {
    private static let small = [
        "train", "vae", "--data", "shapes", "--batch-size", "32", "--set", "model.hidden=[32]", "--set",
        "model.latent=4",
    ]

    @Test(arguments: [
        ["--batch-size", "1"], ["--batch-size", "7"], ["--batch-size", "128"], ["--threads", "1"], ["--threads", "2"],
    ])
    func samplesAreTheSameBytes(_ options: [String]) throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        let call = ["sample", run, "--count", "40", "--seed", "5", "--decoder", "draw", "--temperature", "0.9"]
        try Tool.done(call + ["--out", "expected.npy"], in: folder)
        try Tool.done(call + options + ["--out", "samples.npy"], in: folder)
        #expect(try folder.read("samples.npy") == folder.read("expected.npy"))
    }

    @Test func aRangeIsAPartOfAllSamples() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        try Tool.done(["sample", run, "--count", "30", "--out", "all.npy"], in: folder)
        try Tool.done(["sample", run, "--range", "11:30", "--out", "part.npy"], in: folder)
        let (all, part) = (try NPYArray(contentsOf: folder("all.npy")), try NPYArray(contentsOf: folder("part.npy")))
        #expect(part.shape == [19, 1, 28, 28] && Array(all.floats.suffix(19 * 784)) == part.floats)
        try Tool.done(["sample", run, "--count", "30", "--seed", "1", "--out", "other.npy"], in: folder)
        #expect(try NPYArray(contentsOf: folder("other.npy")).floats != all.floats)
    }

    /// Long arrays are decoded in pieces, whose length follows from the batch size.
    @Test func drawsFromTheDecoderAreTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        try Tool.done(["encode", run, "--out", "codes.npy"], in: folder)
        for size in ["64", "700", "2000"] {
            let options = ["--decoder", "draw", "--batch-size", size, "--out", "draws-\(size).npy"]
            try Tool.done(["decode", run, "codes.npy"] + options, in: folder)
            #expect(try folder.read("draws-\(size).npy") == folder.read("draws-64.npy"))
        }
    }

    @Test func trainingIsTheSameBytesForAnyNumberOfThreads() throws {
        let folder = try TemporaryFolder()
        for threads in ["1", "2"] {
            try Tool.done(
                Self.small + ["--steps", "60", "--threads", threads, "--out", "threads-\(threads)"], in: folder)
        }
        try Self.expectEqualRuns("threads-1", "threads-2", step: 60, in: folder)
    }

    @Test func aTrainingInTwoPartsIsTheSameBytes() throws {
        let folder = try TemporaryFolder()
        try Tool.done(Self.small + ["--steps", "120", "--out", "whole"], in: folder)
        try Tool.done(Self.small + ["--steps", "70", "--out", "parts"], in: folder)
        let resumed = try Tool.done(["train", "vae", "--resume", "--steps", "120", "--out", "parts"], in: folder)
        #expect(resumed.errors.contains("step 70"))
        try Self.expectEqualRuns("whole", "parts", step: 120, in: folder)
        #expect(try folder.read("whole/config.json") == folder.read("parts/config.json"))
        #expect(try folder.read("whole/samples.png") == folder.read("parts/samples.png"))
    }

    @Test func anInterruptedTrainingGoesOnWithTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let steps = 1500
        let options = Self.small + ["--steps", "\(steps)"]
        let interrupted = try Tool.run(options + ["--out", "parts"], in: folder) { process in
            // The first line of metrics says that training is under way.
            for _ in 0..<3000 where (try? folder.read("parts/metrics.jsonl").isEmpty) ?? true { usleep(10_000) }
            process.interrupt()
        }
        #expect(interrupted.status == 130 && interrupted.output.isEmpty, "\(interrupted.errors)")
        #expect(interrupted.message == "pushforward: interrupted" && interrupted.errors.contains("--resume"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder("parts/checkpoints"))
        let step = try #require(names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max())
        #expect(step > 0 && step < steps)
        #expect(names.allSatisfy { $0 == "latest" || $0.hasPrefix("step-") }, "nothing half-written: \(names)")

        try Tool.done(["train", "vae", "--resume", "--out", "parts"], in: folder)
        try Tool.done(options + ["--out", "whole"], in: folder)
        try Self.expectEqualRuns("whole", "parts", step: steps, in: folder)
    }

    @Test func interruptedSamplingLeavesNoFile() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        let result = try Tool.run(["sample", run, "--count", "100000", "--out", "many.npy"], in: folder) { process in
            // The file under its temporary name says that sampling is under way.
            for _ in 0..<3000 where try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty {
                usleep(1000)
            }
            process.interrupt()
        }
        #expect(result.status == 130, "\(result.errors)")
        #expect(try folder.contents().isEmpty)
    }

    private static func expectEqualRuns(
        _ first: String, _ second: String, step: Int, in folder: TemporaryFolder,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let checkpoint = "checkpoints/step-" + String(repeating: "0", count: 8 - "\(step)".count) + "\(step)"
        for name in ["metrics.jsonl", "\(checkpoint)/model.safetensors", "\(checkpoint)/optimizer.safetensors"] {
            let (a, b) = (try folder.read("\(first)/\(name)"), try folder.read("\(second)/\(name)"))
            #expect(!a.isEmpty && a == b, "\(name)", sourceLocation: location)
        }
    }
}
