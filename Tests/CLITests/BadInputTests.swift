import Foundation
import Pushforward
import Testing

/// A call that cannot succeed: what is there before it, and how it must end.
struct BadCall: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let status: Int32
    /// Parts of the one line on standard error.
    let parts: [String]
    var environment: [String: String] = [:]
    /// Makes what the call is given and returns its words.
    let prepare: @Sendable (TemporaryFolder) throws -> [String]

    init(
        _ name: String, _ status: Int32, _ parts: [String], environment: [String: String] = [:],
        _ prepare: @escaping @Sendable (TemporaryFolder) throws -> [String]
    ) {
        (testDescription, self.status, self.parts) = (name, status, parts)
        (self.environment, self.prepare) = (environment, prepare)
    }
}

/// Each wrong input: one clear line, the right exit status, nothing written, nothing changed.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct BadInputTests {
    /// A header of IDX images: `count` of 28 x 28.
    private static func images(_ count: UInt8, magic: [UInt8] = [0, 0, 8, 3]) -> [UInt8] {
        magic + [0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28] + [UInt8](repeating: 7, count: Int(count) * 784)
    }

    /// The first `kept` bytes of one stored block (RFC 1951) of at most 65,535 bytes, without the end of the file.
    private static func gzipped(_ bytes: [UInt8], keeping kept: Int) -> [UInt8] {
        let length = [UInt8(bytes.count & 0xff), UInt8(bytes.count >> 8)]
        let block = [1] + length + length.map { ~$0 } + bytes
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + block.prefix(kept)
    }

    private static func train(_ data: String, _ more: [String] = []) -> [String] {
        ["train", "conv-vae", "--data", data, "--steps", "3"] + more
    }

    static let data: [BadCall] = [
        BadCall("no such data", 1, ["shpes", "did you mean shapes", "built in"]) { _ in train("shpes") },
        BadCall("no data named", 2, ["--data", "fashion-mnist", "shapes"]) { _ in ["train", "conv-vae"] },
        BadCall(
            "data not installed", 1, ["fashion-mnist", "not installed"],
            environment: ["PUSHFORWARD_FASHION_MNIST": "/nowhere"]
        ) { _ in train("fashion-mnist") },
        BadCall("an empty folder", 1, ["empty"]) { folder in
            try FileManager.default.createDirectory(atPath: folder("empty"), withIntermediateDirectories: false)
            return train("empty")
        },
        BadCall("a truncated .gz", 1, ["train-images-idx3-ubyte.gz"]) { folder in
            try folder.write(gzipped(images(20), keeping: 9000), to: "idx/train-images-idx3-ubyte.gz")
            return train("idx")
        },
        BadCall("a .gz that is none", 1, ["train-images-idx3-ubyte.gz"]) { folder in
            try folder.write(Array("not at all".utf8), to: "idx/train-images-idx3-ubyte.gz")
            return train("idx")
        },
        BadCall("a wrong magic", 1, ["train-images-idx3-ubyte"]) { folder in
            try folder.write(images(20, magic: [9, 9, 9, 9]), to: "idx/train-images-idx3-ubyte")
            return train("idx")
        },
        BadCall("NaN in an .npy", 1, ["rows.npy", "row 1", "NaN"]) { folder in
            var values = [Float](repeating: 0, count: 3 * 784)
            values[1000] = .nan
            try NPYArray(values, shape: [3, 28, 28]).write(to: folder("rows.npy"))
            return train("rows.npy")
        },
        BadCall("images that convolutions cannot halve", 1, ["conv-vae", "9"]) { folder in
            try NPYArray([Float](repeating: 0, count: 81 * 4), shape: [4, 9, 9]).write(to: folder("nine.npy"))
            return train("nine.npy")
        },
        BadCall("no such split", 1, ["validation"]) { _ in
            ["evaluate", try SharedRun.trained().path, "--split", "validation"]
        },
        BadCall("a row that is not there", 1, ["2000"]) { _ in
            ["interpolate", try SharedRun.trained().path, "--to", "2000", "--out", "x.png"]
        },
    ]

    static let calls: [BadCall] = [
        BadCall("no verb", 2, ["no verb"]) { _ in [] },
        BadCall("an unknown verb", 2, ["trian", "did you mean train"]) { _ in ["trian"] },
        BadCall("an unknown option", 2, ["--epoch", "did you mean --epochs"]) { _ in train("shapes", ["--epoch", "3"])
        },
        BadCall("an unknown model", 2, ["conv-vea", "did you mean conv-vae"]) { _ in
            ["train", "conv-vea", "--data", "shapes"]
        },
        BadCall("an unknown key", 2, ["model.latnet", "did you mean model.latent"]) { _ in
            train("shapes", ["--set", "model.latnet=3"])
        },
        BadCall("a value of the wrong type", 2, ["model.latent", "many"]) { _ in
            train("shapes", ["--set", "model.latent=many"])
        },
        BadCall("a value out of range", 2, ["latent", "0"]) { _ in train("shapes", ["--set", "model.latent=0"]) },
        BadCall("an unknown device", 2, ["--device", "cpi", "did you mean cpu"]) { _ in
            train("shapes", ["--device", "cpi"])
        },
        BadCall("a device that is not there", 1, ["opencl", "--device cpu"]) { _ in
            train("shapes", ["--device", "opencl:99"])
        },
        BadCall("batch 0", 2, ["--batch-size", "'0'", "at least 1"]) { _ in train("shapes", ["--batch-size", "0"]) },
        BadCall("batch 0 by its key", 2, ["batch_size", "at least 1"]) { _ in
            train("shapes", ["--set", "batch_size=0"])
        },
        BadCall("epochs and steps", 2, ["--epochs", "--steps"]) { _ in train("shapes", ["--epochs", "3"]) },
        BadCall("a missing model", 2, ["MODEL", "usage"]) { _ in ["train"] },
        BadCall("a configuration that is no JSON", 2, ["bad.json:1:"]) { folder in
            try folder.write(Array("{\"epochs\" 3}".utf8), to: "bad.json")
            return train("shapes", ["--config", "bad.json"])
        },
        BadCall("no such configuration", 2, ["none.json"]) { _ in train("shapes", ["--config", "none.json"]) },
        BadCall("an output of no known kind", 2, ["samples.jpg", ".png"]) { _ in
            ["sample", try SharedRun.trained().path, "--out", "samples.jpg"]
        },
        BadCall("a kernel that is not there", 2, ["--only", "matnul", "did you mean matmul"]) { _ in
            ["bench", "kernels", "--only", "matnul"]
        },
        BadCall("a chart of no known kind", 2, ["--chart", "'chart.png'", ".svg"]) { _ in
            ["bench", "kernels", "--only", "gather", "--chart", "chart.png"]
        },
        BadCall("a chart in a folder that is not there", 1, ["nowhere/chart.svg", "create its folder"]) { _ in
            ["bench", "kernels", "--only", "gather", "--chart", "nowhere/chart.svg"]
        },
        BadCall("a chart of training", 2, ["--chart", "bench kernels"]) { _ in
            ["bench", "train", "vae", "--data", "shapes", "--chart", "chart.svg"]
        },
        BadCall("one kernel of sampling", 2, ["--only", "bench kernels"]) { _ in
            ["bench", "sample", "vae", "--data", "shapes", "--only", "gather"]
        },
        BadCall("a latent that is not there", 2, ["--latents", "9"]) { _ in
            ["traverse", try SharedRun.trained().path, "--latents", "9", "--out", "x.png"]
        },
        BadCall("an unknown split", 2, ["--split", "tset", "did you mean test"]) { _ in
            ["evaluate", try SharedRun.trained().path, "--split", "tset"]
        },
    ]

    static let runs: [BadCall] = [
        BadCall("no run there", 1, ["nothing", "does not exist"]) { _ in ["sample", "nothing"] },
        BadCall("a folder that is no run", 1, ["photos", "no run"]) { folder in
            try folder.write([1, 2, 3], to: "photos/a.jpg")
            return ["evaluate", "photos"]
        },
        BadCall("a configuration cut short", 1, ["run/config.json"]) { folder in
            try copyRun(to: folder)
            try folder.write(Array(folder.read("run/config.json").prefix(90)), to: "run/config.json")
            return ["sample", "run"]
        },
        BadCall("a checkpoint cut short", 1, ["model.safetensors"]) { folder in
            try copyRun(to: folder)
            let bytes = try folder.read("run/\(checkpoint)/model.safetensors")
            try folder.write(Array(bytes.dropLast(100)), to: "run/\(checkpoint)/model.safetensors")
            return ["sample", "run"]
        },
        BadCall("an empty checkpoint", 1, ["model.safetensors"]) { folder in
            try copyRun(to: folder)
            try folder.write([], to: "run/\(checkpoint)/model.safetensors")
            return ["evaluate", "run"]
        },
        BadCall("a checkpoint of another model", 1, ["model.safetensors", "conv-vae"]) { folder in
            try copyRun(to: folder)
            let other = try TemporaryFolder()
            try Tool.done(
                ["train", "vae", "--data", "shapes", "--steps", "1", "--set", "model.hidden=[8]", "--out", "other"],
                in: other)
            let stranger = try other.read("other/checkpoints/step-00000001/model.safetensors")
            try folder.write(stranger, to: "run/\(checkpoint)/model.safetensors")
            return ["sample", "run"]
        },
        BadCall("a checkpoint that is not there", 1, ["step 7", "40"]) { _ in
            ["sample", try SharedRun.trained().path, "--checkpoint", "7", "--out", "x.png"]
        },
        BadCall("images of another size", 1, ["[1, 16, 16]", "[1, 28, 28]"]) { folder in
            try NPYArray([Float](repeating: 0, count: 512), shape: [2, 16, 16]).write(to: folder("small.npy"))
            return ["encode", try SharedRun.trained().path, "--data", "small.npy", "--out", "codes.npy"]
        },
        BadCall("codes of another size", 1, ["codes.npy", "[2, 3]"]) { folder in
            try NPYArray([Float](repeating: 0, count: 6), shape: [2, 3]).write(to: folder("codes.npy"))
            return ["decode", try SharedRun.trained().path, "codes.npy", "--out", "x.npy"]
        },
        BadCall("log-likelihoods as a picture", 2, ["--out", ".npy, .npz or .csv"]) { _ in
            ["log-prob", try SharedFlow.run(), "--out", "x.png"]
        },
        BadCall("a point that is no number", 1, ["points.csv", "line 2, column 1 is NaN"]) { folder in
            try folder.write(Array("1,2\nnan,3\n".utf8), to: "points.csv")
            return ["log-prob", try SharedFlow.run(), "--data", "points.csv", "--out", "x.npy"]
        },
        BadCall("points of three numbers", 1, ["[3]", "[2]"]) { folder in
            try folder.write(Array("1,2,3\n".utf8), to: "points.csv")
            return ["log-prob", try SharedFlow.run(), "--data", "points.csv", "--out", "x.npy"]
        },
        BadCall("reconstructions of a flow", 1, ["realnvp", "no latent variable"]) { _ in
            ["reconstruct", try SharedFlow.run(), "--out", "x.npy"]
        },
        BadCall("an audit of a VAE", 1, ["conv-vae", "is no flow of data", "realnvp"]) { _ in
            ["audit", try SharedRun.trained().path]
        },
        BadCall("base values of another size", 1, ["codes.npy", "[2, 3]"]) { folder in
            try NPYArray([Float](repeating: 0, count: 6), shape: [2, 3]).write(to: folder("codes.npy"))
            return ["decode", try SharedFlow.run(), "codes.npy", "--out", "x.npy"]
        },
        BadCall("a run that exists", 1, ["run", "exists already", "--resume"]) { folder in
            try copyRun(to: folder)
            return train("shapes", ["--out", "run"])
        },
        BadCall("resumed with other options", 2, ["optimizer.learning_rate", "0.5", "model.latent", "4 -> 9"]) {
            folder in
            try copyRun(to: folder)
            return ["train", "conv-vae", "--resume", "--out", "run", "--lr", "0.5", "--set", "model.latent=9"]
        },
        BadCall("resumed as another model", 2, ["conv-vae", "not of vae"]) { folder in
            try copyRun(to: folder)
            return ["train", "vae", "--resume", "--out", "run"]
        },
        BadCall("nothing to resume", 1, ["runs/vae-shapes", "no such run"]) { _ in
            ["train", "vae", "--resume", "--data", "shapes"]
        },
    ]

    private static let checkpoint = "checkpoints/step-00000040"

    private static func copyRun(to folder: TemporaryFolder) throws {
        try folder.copy(SharedRun.trained().path, to: "run")
    }

    @Test(arguments: data + calls + runs) func isRefused(_ call: BadCall) throws {
        let folder = try TemporaryFolder()
        let words = try call.prepare(folder)
        let before = try folder.contents()
        let result = try Tool.run(words, in: folder, environment: call.environment)
        #expect(result.status == call.status, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(
            result.errors.hasPrefix("pushforward: ") && result.errors.filter { $0 == "\n" }.count == 1,
            "\(result.errors)")
        for part in call.parts { #expect(result.message.contains(part), "\(part) in \(result.message)") }
        #expect(result.message.count < 300 && !result.message.contains("Error("), "\(result.message)")
        let after = try folder.contents()
        #expect(Set(after.keys) == Set(before.keys), "nothing is left behind")
        #expect(after == before, "nothing is changed")
    }

    @Test func anUnknownKeyInAFileIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("{\"model\": {\"hiden\": 3}} // a comment".utf8), to: "c.json")
        let result = try Tool.run(Self.train("shapes", ["--config", "c.json"]), in: folder)
        #expect(result.status == 2 && result.message.contains("model.hiden; did you mean model.hidden"))
    }
}
