import Foundation
import Pushforward
import Testing

/// Every verb as a process, on the generated shapes.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct EndToEndTests {
    @Test func trainWritesARunAndSaysWhereThingsAre() throws {
        let trained = try SharedRun.trained()
        #expect(trained.result.status == 0, "\(trained.result.errors)")
        let json = try trained.result.json()
        for key in [
            "run", "model", "parameters", "data", "device", "batch_size", "steps", "seconds", "split", "count",
            "non_finite", "figures", "terms", "samples", "reconstructions", "report",
        ] {
            #expect(json[key] != nil, "\(key) in \(trained.result.output)")
        }
        #expect(json["run"]?.string == "runs/conv-vae-shapes")
        #expect(json["steps"]?.int == 40)
        #expect(json["split"]?.string == "test" && json["count"]?.int == 2000 && json["non_finite"]?.int == 0)
        let elbo = try #require(json.value(at: "figures.negative_elbo.value")?.double)
        #expect(elbo > 30 && elbo < 400)

        for name in ["config.json", "environment.json", "metrics.jsonl", "timing.jsonl", "report.html"] {
            #expect(FileManager.default.fileExists(atPath: "\(trained.path)/\(name)"), "\(name)")
        }
        for key in ["samples", "reconstructions"] {
            let picture = try PNGImage(contentsOf: trained.folder(try #require(json[key]?.string)))
            #expect(Set(picture.levels).count > 10, "\(key) is not blank")
        }
        let latest = "\(trained.path)/checkpoints/latest"
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: latest) == "step-00000040")
    }

    @Test func theSecondRunOfANameGetsANumber() throws {
        let folder = try SharedRun.trained().folder
        let result = try Tool.done(["train", "conv-vae", "--dry-run", "--json"] + SharedRun.options, in: folder)
        #expect(try result.json()["run"]?.string == "runs/conv-vae-shapes-2")
        #expect(!FileManager.default.fileExists(atPath: folder("runs/conv-vae-shapes-2")))
    }

    static let results: [(call: [String], keys: [String])] = [
        (
            ["sample", "--count", "3"],
            ["run", "out", "count", "range", "shape", "seed", "temperature", "decoder", "step"]
        ),
        (["sample", "--range", "2:5", "--decoder", "draw", "--out", "drawn.npz"], ["out", "range"]),
        (["reconstruct", "--range", "0:5"], ["run", "out", "data", "split", "range", "count"]),
        (["reconstruct", "--out", "r.npz"], ["out"]),
        (["interpolate", "--from", "2", "--to", "9", "--path", "spherical"], ["out", "from", "to", "frames", "path"]),
        (["traverse", "--latents", "0,2", "--order", "kl", "--frames", "3"], ["out", "latents", "range", "kl"]),
        (["traverse", "--row", "4", "--out", "t.npy"], ["out", "row"]),
        (["encode"], ["out", "data", "split", "count", "shape", "output"]),
        (["encode", "--output", "parameters", "--split", "train", "--out", "p.npz"], ["out", "shape"]),
        (
            ["evaluate", "--importance-samples", "2"],
            ["model", "data", "split", "count", "non_finite", "importance_samples", "figures", "terms"]
        ),
    ]

    @Test(arguments: results) func verbsOnARunPrintOneObject(_ call: [String], _ keys: [String]) throws {
        let folder = try TemporaryFolder()
        try folder.copy(SharedRun.trained().path, to: "run")
        let result = try Tool.done([call[0], "run", "--json"] + call.dropFirst(), in: folder)
        let json = try result.json()
        for key in keys { #expect(json[key] != nil, "\(key) in \(result.output)") }
        if let out = json["out"]?.string {
            let size = try #require(try? folder.read(out).count, "\(out)")
            #expect(size > 100, "\(out)")
        }
        // The same without --json: text for people, no JSON.
        let text = try Tool.done([call[0], "run"] + call.dropFirst(), in: folder).output
        #expect(!text.isEmpty && !text.hasPrefix("{"))
    }

    @Test func evaluationNamesItsFigures() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        let result = try Tool.done(["evaluate", run, "--importance-samples", "3", "--json"], in: folder)
        #expect(result.errors.hasPrefix("evaluate  100%  6000/6000  "), "\(result.errors)")
        let json = try result.json()
        for key in ["value", "unit", "kind", "standard_error_data", "standard_error_monte_carlo"] {
            #expect(json["figures"]?["negative_log_likelihood"]?[key] != nil, "\(key)")
        }
        // Gray levels as Bernoulli means are no likelihood, and have no bits per dimension.
        #expect(json.value(at: "figures.negative_elbo.kind")?.string == "surrogate")
        #expect(json.value(at: "figures.bits_per_dimension") == nil)
        let terms = try ["reconstruction", "kl"].map { try #require(json.value(at: "terms.\($0).value")?.double) }
        let bound = try #require(json.value(at: "figures.negative_elbo.value")?.double)
        #expect(abs(terms[0] + terms[1] - bound) < 1e-9 * bound)
        let estimate = try #require(json.value(at: "figures.negative_log_likelihood.value")?.double)
        #expect(estimate < bound)
    }

    @Test func decodingCodesIsReconstructing() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        try Tool.done(["encode", run, "--out", "codes.npy"], in: folder)
        try Tool.done(["decode", run, "codes.npy", "--out", "decoded.npy", "--batch-size", "100"], in: folder)
        try Tool.done(["reconstruct", run, "--range", "0:2000", "--out", "reconstructed.npy"], in: folder)
        let decoded = try NPYArray(contentsOf: folder("decoded.npy"))
        #expect(decoded.shape == [2000, 1, 28, 28])
        #expect(try folder.read("decoded.npy") == folder.read("reconstructed.npy"))
        let picture = try Tool.done(["decode", run, "codes.npy", "--json"], in: folder).json()
        #expect(try PNGImage(contentsOf: #require(picture["out"]?.string)).width > 1000)
    }

    @Test func interpolationEndsAtTheReconstructions() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        for path in ["linear", "spherical"] {
            try Tool.done(
                ["interpolate", run, "--from", "3", "--to", "4", "--frames", "5", "--path", path, "--out", "walk.npy"],
                in: folder)
            try Tool.done(["reconstruct", run, "--range", "3:5", "--out", "ends.npy"], in: folder)
            let walk = try NPYArray(contentsOf: folder("walk.npy")).floats
            let ends = try NPYArray(contentsOf: folder("ends.npy")).floats
            #expect(Array(walk.prefix(784)) == Array(ends.prefix(784)), "\(path)")
            #expect(Array(walk.suffix(784)) == Array(ends.suffix(784)), "\(path)")
            #expect(Array(walk[784 * 2..<784 * 3]) != Array(ends.prefix(784)), "\(path)")
        }
    }

    @Test(arguments: ["train", "sample"]) func benchReportsFigures(_ what: String) throws {
        let folder = try TemporaryFolder()
        let options = ["--data", "shapes", "--steps", "3", "--batch-size", "16", "--set", "model.hidden=[16]"]
        let json = try Tool.done(["bench", what, "vae", "--json"] + options, in: folder).json()
        for key in [
            "what", "model", "device", "math", "gemm_provider", "batch_size", "steps", "milliseconds_per_step",
            "samples_per_second", "peak_memory_bytes",
        ] {
            #expect(json[key] != nil, "\(key)")
        }
        #expect(json["what"]?.string == what && json["steps"]?.int == 3 && json["batch_size"]?.int == 16)
        let milliseconds = try #require(json["milliseconds_per_step"]?.double)
        let rate = try #require(json["samples_per_second"]?.double)
        #expect(milliseconds > 0 && abs(rate * milliseconds / 16000 - 1) < 1e-9)
        #expect(try #require(json["peak_memory_bytes"]?.int) > 1 << 20)
        if what == "train" { #expect(try #require(json["gflops_per_second"]?.double) > 0) }
        #expect(try folder.contents().isEmpty)
    }

    @Test func listsSayWhatThereIs() throws {
        let folder = try TemporaryFolder()
        let devices = try Tool.done(["devices", "--json"], in: folder).json()
        #expect(devices["devices"]?.compact.contains("\"cpu\"") == true)
        let models = try Tool.done(["models", "--json"], in: folder).json()
        for name in ["autoencoder", "vae", "conv-vae"] { #expect(models.compact.contains("\"\(name)\"")) }
        let options = try Tool.done(["models", "conv-vae", "--json"], in: folder).json()
        #expect(options["options"]?.compact.contains("model.latent") == true)
        let datasets = try Tool.done(["datasets", "--json"], in: folder).json()
        #expect(datasets.compact.contains("fashion-mnist") && datasets.compact.contains("shapes"))
        for name in ["two-moons", "checkerboard", "gaussian-64"] { #expect(datasets.compact.contains("\"\(name)\"")) }
    }

    /// What other programs are given is what is trained on.
    @Test func dataSetsAreShownAndWritten() throws {
        let folder = try TemporaryFolder()
        let shown = try Tool.done(["datasets", "checkerboard"], in: folder).output
        #expect(shown.contains("rows of 2, 50,000 train, 10,000 test") && shown.contains("entropy 3.465736 nats"))
        let json = try Tool.done(["datasets", "two-moons", "--out", "moons", "--json"], in: folder).json()
        let names = ["train", "train_labels", "test", "test_labels"].map { "moons/\($0).npy" }
        #expect(json["files"] == .array(names.map { .string($0) }) && json["classes"]?.int == 2)
        #expect(json.value(at: "count.test")?.int == 10_000 && json["entropy"] == .null)
        let expected = try Dataset.plane(.twoMoons)
        #expect(try NPYArray(contentsOf: folder("moons/test.npy")).floats == expected.test.floats)
        let again = try Tool.done(["datasets", "moons", "--json"], in: folder).json()
        #expect(again["count"] == json["count"] && again["least"] == json["least"])

        let before = try folder.contents()
        let taken = try Tool.run(["datasets", "rings", "--out", "moons"], in: folder)
        #expect(taken.status == 1 && taken.message.contains("holds files already"))
        let unnamed = try Tool.run(["datasets", "--out", "else"], in: folder)
        #expect(unnamed.status == 2 && unnamed.message.contains("which data set"))
        let unknown = try Tool.run(["datasets", "two-mons"], in: folder)
        #expect(unknown.status == 1 && unknown.message.contains("did you mean two-moons"))
        #expect(try folder.contents() == before)
    }

    @Test(arguments: [
        "train", "sample", "reconstruct", "interpolate", "traverse", "encode", "decode", "evaluate", "log-prob",
        "audit", "bench", "doctor", "devices", "models", "datasets",
    ])
    func everyVerbHasHelp(_ verb: String) throws {
        let folder = try TemporaryFolder()
        let result = try Tool.done([verb, "--help"], in: folder)
        #expect(result.output.contains("Usage: pushforward \(verb)") && result.errors.isEmpty)
        #expect(try Tool.done(["--help"], in: folder).output.contains("\n  \(verb) "))
    }

    /// Rows that are no images: samples beside the rows, no reconstructions.
    @Test func pointsInThePlaneTrainToo() throws {
        let folder = try TemporaryFolder()
        let points = (0..<200).map { Float($0 % 17) / 17 }
        try NPYArray(points, shape: [100, 2]).write(to: folder("points.npy"))
        let options = ["--set", "model.likelihood=gaussian", "--set", "model.hidden=[8]", "--steps", "5"]
        let json = try Tool.done(
            ["train", "vae", "--data", "points.npy", "--validation-fraction", "0.2", "--json"] + options, in: folder
        ).json()
        #expect(json["run"]?.string == "runs/vae-points" && json["split"]?.string == "validation")
        #expect(json["samples"] != nil && json["reconstructions"] == nil && json["density"] == nil)
        let sampled = try Tool.done(["sample", "runs/vae-points", "--json"], in: folder).json()
        #expect(sampled["out"]?.string == "runs/vae-points/samples.npy")
        #expect(try NPYArray(contentsOf: folder("runs/vae-points/samples.npy")).shape == [64, 2])
    }

    @Test func anAutoencoderHasNoSamples() throws {
        let folder = try TemporaryFolder()
        let options = ["--data", "shapes", "--steps", "3", "--set", "model.hidden=[8]"]
        let json = try Tool.done(["train", "autoencoder", "--json"] + options, in: folder).json()
        #expect(json["samples"] == nil && json["reconstructions"] != nil)
        let sampled = try Tool.run(["sample", "runs/autoencoder-shapes", "--out", "s.png"], in: folder)
        #expect(sampled.status == 1 && sampled.message.contains("no prior"))
        #expect(!FileManager.default.fileExists(atPath: folder("s.png")))
    }

    @Test func passesAreDumped() throws {
        let folder = try TemporaryFolder()
        try Tool.done(["sample", SharedRun.trained().path, "--dump-passes", "passes", "--out", "s.npy"], in: folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder("passes"))
        for pass in ["trace", "simplified", "fused", "schedule", "memory"] {
            #expect(names.contains { $0.contains(pass) }, "\(pass) in \(names)")
        }
    }
}
