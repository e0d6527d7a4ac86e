import Foundation
import Pushforward
import Testing

/// What training options do to a run, as a process.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct TrainingRunTests {
    private let folder: TemporaryFolder

    /// Two arcs, 200 rows.
    init() throws {
        folder = try TemporaryFolder()
        var values: [Float] = []
        for row in 0..<200 {
            let (angle, side) = (Double(row) * .pi / 200, Double(row % 2))
            let shift = 0.05 * sin(Double(row) * 1.7)
            values.append(Float((1 - 2 * side) * cos(angle) + side + shift))
            values.append(Float((1 - 2 * side) * sin(angle) + side / 2 - shift))
        }
        try NPYArray(values, shape: [200, 2]).write(to: folder("arcs.npy"))
    }

    private let small = [
        "train", "realnvp", "--data", "arcs.npy", "--set", "model.layers=2", "--set", "model.hidden=[8]",
        "--batch-size", "20", "--validation-fraction", "0.2", "--out", "run",
    ]

    @Test func aTrainingThatDivergesSaysWhere() throws {
        // Each step holds all rows, so that there is a checkpoint after each.
        let result = try Tool.run(
            [
                "train", "realnvp", "--data", "arcs.npy", "--learning-rate", "10", "--set", "model.hidden=[16,16]",
                "--steps", "500", "--out", "run",
            ], in: folder)
        #expect(result.status == 1 && result.output.isEmpty, "\(result.errors)")
        let pattern =
            #/pushforward: step (\d+): \w+ in (the gradient of )?(base|layer\d(/\w+)*) gives (-?inf|NaN) \(row \d+ of the batch, \d+ of the data\); the parameters before it are kept; lower the learning rate, or limit the gradient norm/#
        let match = try #require(try pattern.wholeMatch(in: result.message), "\(result.message)")
        let step = try #require(Int(match.1))
        #expect(step > 0)
        let evaluated = try Tool.done(["evaluate", "run", "--json"], in: folder).json()
        #expect(evaluated["step"]?.int == step && evaluated["best_step"] == .null)
    }

    @Test func patienceStopsAndTheBestCanBeAskedFor() throws {
        let trained = try Tool.done(
            small + ["--lr", "0", "--patience", "2", "--ema", "0.5", "--epochs", "50", "--json"], in: folder)
        #expect(trained.errors.contains("stopped at step 24: 2 validations without a better loss"))
        #expect(trained.errors.contains("validation  40 rows every epoch, patience 2"))
        let json = try trained.json()
        let loss = try #require(json["best_validation_loss"]?.double)
        #expect(json["best_step"]?.int == 8)
        let report = String(decoding: try folder.read("run/report.html"), as: UTF8.self)
        #expect(report.contains("validation/loss") || report.contains("validation"))

        for (choice, step) in [("best", 8), ("latest", 24)] {
            for verb in ["evaluate", "sample"] {
                let call = [verb, "run", "--checkpoint", choice]
                let json = try Tool.done(call + ["--json"], in: folder).json()
                #expect(json["step"]?.int == step && json["checkpoint"]?.string == choice)
                #expect(json["best_step"]?.int == 8 && json["weights"]?.string == "ema")
                if verb == "evaluate", json["split"]?.string == "validation" {
                    let value = try #require(json.value(at: "figures.negative_log_likelihood.value")?.double)
                    #expect(abs(value - loss) < 1e-6 * abs(loss))
                }
                let text = try Tool.done(call, in: folder).output
                let place = choice == "best" ? "the best checkpoint" : "the latest checkpoint, the best is of step 8"
                #expect(text.contains("realnvp after \(step) steps (\(place); averaged weights)"), "\(text)")
            }
        }
        let raw = try Tool.done(["evaluate", "run", "--weights", "raw", "--json"], in: folder).json()
        #expect(raw["weights"]?.string == "raw")
        // More patience is no other training.
        let more = try Tool.done(
            ["train", "realnvp", "--resume", "--patience", "3", "--out", "run", "--json"], in: folder)
        #expect(more.errors.contains("stopped at step 32: 3 validations"))
        let other = try Tool.run(["train", "realnvp", "--resume", "--ema", "0.9", "--out", "run"], in: folder)
        #expect(other.status == 2 && other.message.contains("ema"), "\(other.errors)")
    }

    @Test func withoutValidationRowsThereIsNothingToWaitFor() throws {
        let call = ["train", "realnvp", "--data", "arcs.npy", "--out", "run", "--steps", "3"]
        for option in [["--patience", "2"], ["--lr-schedule", "plateau"], ["--validate-every", "2"]] {
            let result = try Tool.run(call + option, in: folder)
            #expect(result.status == 1 && result.message.contains("--validation-fraction"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder("run")))
        }
        try Tool.done(call + ["--set", "model.layers=2"], in: folder)
        let best = try Tool.run(["sample", "run", "--checkpoint", "best"], in: folder)
        #expect(best.status == 1 && best.message.contains("no best checkpoint"), "\(best.errors)")
        let weights = try Tool.run(["sample", "run", "--weights", "ema"], in: folder)
        #expect(weights.status == 1 && weights.message.contains("no averaged weights"), "\(weights.errors)")
    }

    /// Runs of before there were schedules.
    @Test func olderRunsCanBeRead() throws {
        try Tool.done(small + ["--steps", "3"], in: folder)
        var text = String(decoding: try folder.read("run/config.json"), as: UTF8.self)
        let tree = try JSONTree(parsing: text, source: "")
        guard case .object(var object) = tree else { return }
        for key in ["schedule", "validate_every", "patience", "ema"] { object[key] = nil }
        text = JSONTree.object(object).pretty
        try folder.write(Array(text.utf8), to: "run/config.json")
        try Tool.done(["sample", "run"], in: folder)
        try Tool.done(["train", "realnvp", "--resume", "--steps", "5", "--out", "run"], in: folder)
    }

    @Test func anInterruptedTrainingGoesOnExactly() throws {
        let options =
            small.dropLast(2) + [
                "--steps", "400", "--lr-schedule", "cosine", "--lr-warmup-steps", "50", "--validate-every", "20",
                "--patience", "100000", "--ema", "0.99", "--optimizer", "adamw", "--weight-decay", "0.1",
            ]
        let interrupted = try Tool.run(options + ["--out", "parts"], in: folder) { process in
            for _ in 0..<3000 where (try? folder.read("parts/metrics.jsonl").isEmpty) ?? true { usleep(2000) }
            process.interrupt()
        }
        #expect(interrupted.status == 130, "\(interrupted.errors)")
        try Tool.done(["train", "realnvp", "--resume", "--out", "parts"], in: folder)
        try Tool.done(options + ["--out", "whole"], in: folder)
        let files = ["model.safetensors", "optimizer.safetensors", "ema.safetensors", "state.json"]
        for name in ["metrics.jsonl", "config.json"] + files.map({ "checkpoints/step-00000400/\($0)" }) {
            let (a, b) = (try folder.read("parts/\(name)"), try folder.read("whole/\(name)"))
            #expect(!a.isEmpty && a == b, "\(name)")
        }
        let best = try ["parts", "whole"].map { try folder.contents()["\($0)/checkpoints/best"] }
        #expect(best[0] != nil && best[0] == best[1])
    }
}
