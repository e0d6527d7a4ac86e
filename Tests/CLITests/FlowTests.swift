import Foundation
import Pushforward
import Testing

/// A small realnvp trained on the built-in two moons, once for all tests.
enum SharedFlow {
    static let options = [
        "--data", "two-moons", "--steps", "60", "--set", "model.layers=4", "--set", "model.hidden=[16]", "--lr", "0.01",
    ]

    private static let shared = Result {
        let folder = try TemporaryFolder()
        return SharedRun.Trained(
            folder: folder, result: try Tool.run(["train", "realnvp", "--json"] + options, in: folder))
    }

    static func trained() throws -> SharedRun.Trained { try shared.get() }

    static func run() throws -> String { try trained().folder("runs/realnvp-two-moons") }
}

/// What the verbs do with a flow.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct FlowTests {
    private func array(_ folder: TemporaryFolder, _ name: String) throws -> NPYArray {
        try NPYArray(contentsOf: folder(name))
    }

    /// Three points as a file.
    private func points(_ folder: TemporaryFolder) throws -> String {
        try NPYArray([0, 1, 0.5, -1, -2, 0.25], shape: [3, 2]).write(to: folder("points.npy"))
        return "points.npy"
    }

    @Test func trainingInThePlaneLeavesPictures() throws {
        let trained = try SharedFlow.trained()
        #expect(trained.result.status == 0, "\(trained.result.errors)")
        let json = try trained.result.json()
        #expect(json["split"]?.string == "test" && json["count"]?.int == 10_000)
        for (name, width) in [("density", 512), ("samples", 1040), ("warp", 640)] {
            let path = try #require(json[name]?.string, "\(name)")
            #expect(path == "runs/realnvp-two-moons/\(name).png")
            let picture = try PNGImage(contentsOf: trained.folder(path))
            #expect(picture.width == width && Set(picture.levels).count > 20, "\(name)")
        }
        let page = String(decoding: try trained.folder.read("runs/realnvp-two-moons/report.html"), as: UTF8.self)
        #expect(page.components(separatedBy: "<img class=\"smooth\"").count == 4)
        #expect(page.contains("mass shown"))
        let likelihood = try #require(json.value(at: "figures.negative_log_likelihood.value")?.double)
        #expect(likelihood > 2 && likelihood < 3.5, "\(likelihood)")
    }

    @Test func logProbWritesOneNumberPerRow() throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        let call = ["log-prob", run, "--data", try points(folder), "--json", "--out"]
        let json = try Tool.done(call + ["a.npy"], in: folder).json()
        for key in ["run", "model", "data", "split", "count", "step", "out", "importance_samples", "standard_error"] {
            #expect(json[key] != nil, "\(key)")
        }
        #expect(json["kind"]?.string == "exact" && json["unit"]?.string == "nats" && json["non_finite"]?.int == 0)
        let values = try array(folder, "a.npy")
        #expect(values.shape == [3])
        guard case .float64(let numbers) = values.values else {
            Issue.record("float64")
            return
        }
        #expect(abs(try #require(json["mean"]?.double) - numbers.reduce(0, +) / 3) < 1e-12)

        // The same numbers in every format; their parts in the one that can hold them.
        try Tool.done(call + ["a.csv"], in: folder)
        let lines = String(decoding: try folder.read("a.csv"), as: UTF8.self).split(separator: "\n")
        #expect(lines.first == "log_prob" && lines.dropFirst().map { Double($0) } == numbers)
        try Tool.done(call + ["a.npz"], in: folder)
        let archive = try NPZ(contentsOf: folder("a.npz"))
        #expect(archive.names == ["log_prob", "base", "preprocessing", "layer3", "layer2", "layer1", "layer0"])
        var sums = [0.0, 0, 0]
        for name in archive.names.dropFirst() {
            guard case .float64(let part) = try archive.array(name).values else { continue }
            sums = zip(sums, part).map(+)
        }
        for (sum, number) in zip(sums, numbers) { #expect(abs(sum - number) < 1e-12) }

        // Points as text; batches change nothing.
        try folder.write(Array("x,y\n0,1\n0.5,-1\n-2,0.25\n".utf8), to: "points.csv")
        try Tool.done(
            ["log-prob", run, "--data", "points.csv", "--batch-size", "2", "--out", "b.npy"], in: folder)
        #expect(try folder.read("a.npy") == folder.read("b.npy"))
    }

    @Test func logProbAgreesWithEvaluate() throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        let evaluated = try Tool.done(["evaluate", run, "--json"], in: folder).json()
        let result = try Tool.done(["log-prob", run, "--json", "--out", "l.npy"], in: folder)
        let json = try result.json()
        #expect(json["count"]?.int == 10_000 && json["split"]?.string == "test")
        let figure = try #require(evaluated.value(at: "figures.negative_log_likelihood"))
        let (mean, error) = (try #require(json["mean"]?.double), try #require(json["standard_error"]?.double))
        #expect(abs(mean + (figure["value"]?.double ?? 0)) < 1e-12)
        #expect(abs(error - (figure["standard_error_data"]?.double ?? 0)) < 1e-12)
        let text = try Tool.done(["log-prob", run, "--split", "test", "--out", "l.npy"], in: folder).output
        #expect(text.contains("nats, exact") && text.contains("l.npy"))
    }

    @Test func logProbNamesWhatIsNoLikelihood() throws {
        let folder = try TemporaryFolder()
        let run = try SharedRun.trained().path
        try Tool.done(["sample", run, "--count", "4", "--out", "four.npy"], in: folder)
        let call = ["log-prob", run, "--data", "four.npy", "--json", "--out", "l.npz", "--importance-samples"]
        let json = try Tool.done(call + ["5"], in: folder).json()
        // Gray levels as Bernoulli means are no likelihood.
        #expect(json["kind"]?.string == "surrogate" && json["importance_samples"]?.int == 5)
        #expect(try NPZ(contentsOf: folder("l.npz")).names == ["log_prob", "reconstruction", "kl"])
    }

    @Test func auditJudgesEveryLayer() throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        let call = ["audit", run, "--count", "20", "--device", "cpu"]
        let json = try Tool.done(call + ["--json"], in: folder).json()
        #expect(
            json.keys == [
                "run", "model", "data", "split", "count", "precision", "step", "checkpoint", "best_step", "weights",
                "epsilon", "iterations", "last_change", "is_invertible", "places", "worst_layer", "verdict",
            ])
        #expect(json["count"]?.int == 20 && json["split"]?.string == "test" && json["is_invertible"]?.bool == true)
        let places = try #require(json["places"]?.array)
        #expect(places.map { $0["place"]?.string } == ["held_out", "prior", "far_10", "far_10000"])
        for place in places {
            #expect(
                place.keys == [
                    "place", "rows", "non_finite", "is_invertible", "round_trip_error", "relative_error",
                    "conditioning", "roundings", "log_det_gap", "layers",
                ])
            #expect(place["rows"]?.int == 20 && place["non_finite"]?.int == 0)
            let layers = try #require(place["layers"]?.array)
            let names = (0..<4).map { "layer\($0)" }
            let isFar = place["place"]?.string?.hasPrefix("far") == true
            #expect(Set(layers.map { $0["name"]?.string }) == Set(names + (isFar ? [] : ["preprocessing"])))
            for layer in layers {
                #expect(
                    layer.keys == [
                        "name", "kind", "is_preprocessing", "inverse_error", "roundings", "amplification",
                        "largest_singular_value", "smallest_singular_value", "condition_number", "log_det_gap",
                        "non_finite",
                    ])
                let (largest, smallest) = (
                    try #require(layer["largest_singular_value"]?.double),
                    try #require(layer["smallest_singular_value"]?.double)
                )
                #expect(smallest > 0 && smallest <= largest)
                #expect(try #require(layer.value(at: "inverse_error.largest")?.double) < 1)
            }
        }
        #expect(json.value(at: "worst_layer.reason")?.string == "condition_number")
        let worst = try #require(json.value(at: "worst_layer.name")?.string)

        // Batches change nothing; seeds do.
        let again = try Tool.done(call + ["--json", "--batch-size", "7"], in: folder).json()
        #expect(again == json)
        #expect(try Tool.done(call + ["--json", "--seed", "1"], in: folder).json() != json)

        let text = try Tool.done(call, in: folder).output
        for part in ["held out, 20 rows", "prior, 20 rows", "far x10,", "far x10000,", "amplification", "round trip:"] {
            #expect(text.contains(part), "\(part)")
        }
        let last = try #require(text.split(separator: "\n").last)
        #expect(last.hasPrefix("invertible, to ") && last.contains("worst layer: \(worst) (Coupling"))
        #expect(json["verdict"]?.string == String(last))
        let double = try Tool.done(call + ["--json", "--precision", "float64"], in: folder).json()
        #expect(double["precision"]?.string == "float64")
        let error = double["places"]?.array?[0].value(at: "round_trip_error.largest")?.double
        #expect(try #require(error) < 1e-10)
    }

    @Test func codesGoThereAndBack() throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        let json = try Tool.done(
            ["encode", run, "--data", points(folder), "--json", "--out", "z.npy"], in: folder
        ).json()
        #expect(json["shape"]?.compact == "[3, 2]")
        try Tool.done(["decode", run, "z.npy", "--out", "x.npy"], in: folder)
        let (there, back) = (try array(folder, "points.npy").floats, try array(folder, "x.npy").floats)
        for (x, y) in zip(there, back) { #expect(abs(x - y) < 1e-4) }
        #expect(try array(folder, "z.npy").floats != there)
    }

    @Test(arguments: ["linear", "spherical"]) func interpolationGoesFromRowToRow(_ path: String) throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        try Tool.done(
            [
                "interpolate", run, "--data", points(folder), "--from", "0", "--to", "2", "--frames", "5", "--path",
                path,
                "--out", "walk.npz",
            ], in: folder)
        let walk = try NPZ(contentsOf: folder("walk.npz"))
        let (frames, codes) = (try walk.array("frames").floats, try walk.array("codes").floats)
        #expect(frames.count == 10)
        for (x, y) in zip(Array(frames[0..<2]) + frames[8..<10], [0, 1, -2, 0.25] as [Float]) {
            #expect(abs(x - y) < 1e-4)
        }
        // In base space the middle lies between the ends, or on a circle: with a length between theirs.
        let ends = zip(codes[0..<2], codes[8..<10]).map { ($0 + $1) / 2 }
        let gap = zip(codes[4..<6], ends).map { abs($0 - $1) }.max() ?? 0
        #expect(path == "linear" ? gap < 1e-5 : gap > 1e-3)
        func length(_ code: ArraySlice<Float>) -> Float { code.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        if path == "spherical" {
            #expect(abs(length(codes[4..<6]) - (length(codes[0..<2]) + length(codes[8..<10])) / 2) < 1e-5)
        }
    }

    @Test func withoutTemperatureASampleIsTheImageOfTheBaseMean() throws {
        let (folder, run) = (try TemporaryFolder(), try SharedFlow.run())
        try NPYArray([0, 0], shape: [1, 2]).write(to: folder("zero.npy"))
        try Tool.done(["decode", run, "zero.npy", "--out", "image.npy"], in: folder)
        try Tool.done(["sample", run, "--count", "1", "--temperature", "0", "--out", "cold.npy"], in: folder)
        #expect(try folder.read("image.npy") == folder.read("cold.npy"))
    }

    /// A table of features with a label among them, and a part of it held out.
    @Test func tablesTrainToo() throws {
        let folder = try TemporaryFolder()
        let lines = (0..<60).map { row in
            let x = Double(row * 37 % 60) / 30 - 1
            return "\(x),\(row % 3),\(x * x + Double(row % 7) / 20),\(0.5 - x)"
        }
        try folder.write(Array((["a,class,b,c"] + lines).joined(separator: "\n").utf8), to: "table.csv")
        let call = [
            "train", "realnvp", "--data", "table.csv", "--validation-fraction", "0.25", "--steps", "5", "--json",
            "--set", "model.layers=2", "--set", "model.hidden=[8]", "--out",
        ]
        let first = try Tool.done(call + ["one"], in: folder).json()
        #expect(first["split"]?.string == "validation" && first["count"]?.int == 15)
        #expect(first["density"] == nil, "three columns are no plane")
        // The rows held out are the same whenever the same file is read.
        let second = try Tool.done(call + ["two", "--seed", "3"], in: folder).json()
        #expect(second["count"]?.int == 15)
        for split in ["validation", "train"] {
            try Tool.done(["log-prob", "one", "--split", split, "--out", "\(split).csv"], in: folder)
        }
        let all = try Tool.done(["log-prob", "one", "--data", "table.csv", "--out", "all.csv"], in: folder)
        #expect(all.output.contains("60 rows"))
        func numbers(_ name: String) throws -> [String] {
            String(decoding: try folder.read(name), as: UTF8.self).split(separator: "\n").dropFirst().map(String.init)
        }
        let parts = try numbers("validation.csv") + numbers("train.csv")
        #expect(parts.sorted() == (try numbers("all.csv")).sorted() && parts.count == 60)
    }
}

extension JSONTree {
    /// Of an object, in their order.
    fileprivate var keys: [String] { if case .object(let object) = self { object.keys } else { [] } }

    fileprivate var array: [JSONTree]? { if case .array(let elements) = self { elements } else { nil } }
}
