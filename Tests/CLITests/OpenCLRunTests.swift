import Foundation
import Pushforward
import Testing

extension Trait where Self == ConditionTrait {
    fileprivate static var needsTool: Self {
        .enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests")
    }
    fileprivate static var needsOpenCL: Self {
        .enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device")
    }
}

/// A training that is over in no time.
private func training(_ model: String, batchSize: Int = 32, steps: Int, device: String, out: String) -> [String] {
    let sizes = ["vae": ["model.hidden=[32]"], "conv-vae": ["model.channels=[4]", "model.hidden=32"]]
    let settings = (sizes[model, default: []] + ["model.latent=4"]).flatMap { ["--set", $0] }
    return ["train", model, "--data", "shapes", "--batch-size", "\(batchSize)", "--steps", "\(steps)"] + settings
        + ["--device", device, "--out", out]
}

/// Runs on an OpenCL device are the CPU's, byte for byte.
///
/// One after the other: each process compiles much.
@Suite(.serialized, .needsTool, .needsOpenCL) struct OpenCLRunTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: ["vae", "conv-vae"]) func trainingAndSamplingAreTheSameBytes(_ model: String) throws {
        for device in ["cpu", "opencl"] {
            try Tool.done(training(model, steps: 50, device: device, out: device), in: folder)
        }
        let checkpoint = "checkpoints/step-00000050"
        let files = ["metrics.jsonl", "\(checkpoint)/model.safetensors", "\(checkpoint)/optimizer.safetensors"]
        for name in files + ["samples.png", "reconstructions.png"] {
            let (cpu, openCL) = (try folder.read("cpu/\(name)"), try folder.read("opencl/\(name)"))
            #expect(!cpu.isEmpty && cpu == openCL, "\(name)")
        }
        let call = ["sample", "cpu", "--count", "130", "--seed", "3", "--decoder", "draw"]
        try Tool.done(call + ["--device", "cpu", "--out", "cpu.npy"], in: folder)
        for size in ["1", "7", "128"] {
            try Tool.done(call + ["--device", "opencl", "--batch-size", size, "--out", "\(size).npy"], in: folder)
            #expect(try folder.read("\(size).npy") == folder.read("cpu.npy"), "batches of \(size)")
        }
    }

    /// Both compile and keep the same programs at once; later runs take theirs.
    @Test func processesShareTheCacheOfPrograms() throws {
        let environment = ["PUSHFORWARD_CACHE": folder("cache")]
        func call(_ out: String) -> [String] { training("vae", steps: 3, device: "opencl", out: out) }
        var second: Tool.Result?
        let first = try Tool.run(call("first"), in: folder, environment: environment) { _ in
            second = try Tool.run(call("second"), in: folder, environment: environment)
        }
        #expect(first.status == 0 && second?.status == 0, "\(first.errors)\(second?.errors ?? "")")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder("cache"))
        #expect(!names.isEmpty && names.allSatisfy { $0.hasSuffix(".clbin") }, "\(names)")
        let third = try Tool.run(call("third"), in: folder, environment: environment)
        #expect(third.status == 0, "\(third.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("cache")).sorted() == names.sorted())
        let model = "checkpoints/step-00000003/model.safetensors"
        for other in ["second", "third"] {
            #expect(try folder.read("first/\(model)") == folder.read("\(other)/\(model)"))
        }
    }

    /// Training one row at a time takes little memory, evaluating it afterwards takes more than there is.
    @Test func outOfMemoryKeepsTheRun() throws {
        let call = training("vae", batchSize: 1, steps: 5, device: "opencl", out: "run")
        func limited(_ bytes: String, _ words: [String]) throws -> Tool.Result {
            try Tool.run(words, in: folder, environment: ["PUSHFORWARD_OPENCL_MEMORY": bytes])
        }
        let none = try limited("100000", call)
        #expect(none.status == 1 && none.message.contains("out of device memory"), "\(none.errors)")
        #expect(try folder.contents().isEmpty, "a training that cannot begin leaves nothing")
        let result = try limited(outOfMemoryBytes, call)
        #expect(result.status == 1 && result.output.isEmpty, "\(result.errors)")
        for part in ["opencl:0", "out of device memory", "--device cpu"] {
            #expect(result.message.contains(part), "\(result.errors)")
        }
        #expect(try folder.contents()["run/report.html"] == nil)
        try Tool.done(call + ["--resume"], in: folder)
        try Tool.done(["sample", "run", "--device", "cpu", "--count", "4", "--out", "samples.npy"], in: folder)
    }

    @Test(arguments: ["many", "-1", "1e9"]) func aLimitThatIsNoNumberIsAnError(_ limit: String) throws {
        let call = training("vae", steps: 1, device: "opencl", out: "run")
        let result = try Tool.run(call, in: folder, environment: ["PUSHFORWARD_OPENCL_MEMORY": limit])
        #expect(result.status == 1)
        for part in ["PUSHFORWARD_OPENCL_MEMORY", "\"\(limit)\"", "opencl:0"] {
            #expect(result.message.contains(part), "\(result.errors)")
        }
    }

    @Test func aDeviceTooManyIsAnError() throws {
        let call = training("vae", steps: 1, device: "opencl:99", out: "run")
        let result = try Tool.run(call, in: folder)
        #expect(result.status == 1 && result.message.contains("opencl:99"), "\(result.errors)")
        #expect(result.message.contains("pushforward devices"), "\(result.errors)")
    }
}

/// The data take 7.8 MB, training by single rows below 9 MB in all, the evaluation above 11 MB.
private let outOfMemoryBytes = "10500000"

/// A computer without any OpenCL driver.
@Suite(.needsTool) struct NoOpenCLTests {
    private let folder: TemporaryFolder
    private let environment: [String: String]

    init() throws {
        folder = try TemporaryFolder()
        let drivers = folder.hidden("drivers")
        try FileManager.default.createDirectory(atPath: drivers, withIntermediateDirectories: true)
        environment = ["OCL_ICD_VENDORS": drivers, "OCL_ICD_FILENAMES": ""]
    }

    @Test func devicesListsTheCPU() throws {
        let result = try Tool.run(["devices", "--json"], in: folder, environment: environment)
        #expect(result.status == 0, "\(result.errors)")
        guard case .array(let devices) = try result.json()["devices"] else {
            Issue.record("no devices: \(result.output)")
            return
        }
        #expect(devices.count == 1 && devices.first?["name"] == "cpu" && devices.first?["is_default"] == true)
    }

    @Test func autoIsTheCPU() throws {
        let call = training("vae", steps: 2, device: "auto", out: "run")
        let result = try Tool.run(call, in: folder, environment: environment)
        #expect(result.status == 0 && !result.errors.contains("opencl"), "\(result.errors)")
        #expect(try folder.contents()["run/samples.png"] != nil)
    }

    @Test(arguments: ["opencl", "opencl:1"]) func openCLIsAnError(_ name: String) throws {
        let call = training("vae", steps: 2, device: name, out: "run")
        let result = try Tool.run(call, in: folder, environment: environment)
        #expect(result.status == 1 && result.output.isEmpty)
        for part in ["there is no OpenCL device", "pocl-opencl-icd", "--device cpu"] {
            #expect(result.message.contains(part), "\(result.errors)")
        }
        #expect(try folder.contents().isEmpty)
    }
}
