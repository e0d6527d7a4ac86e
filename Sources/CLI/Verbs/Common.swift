import Pushforward

/// Options that several verbs share.
enum Common {
    static let device = Option(
        "--device", "D", .device, default: DeviceName.auto, help: "where to compute: auto, cpu, opencl or opencl:N")
    static let math = Option(
        "--math", "M", .choice(CompileOptions.Math.self), default: .exact,
        help: "exact: the same bits on every device; fast: whatever is fastest")
    static let precision = Option(
        "--precision", "P", .choice(Precision.self), defaultText: "float32, or the run's", help: "float32 or float64")
    static let threads = Option(
        "--threads", "N", .integer(atLeast: 1), defaultText: "all cores",
        help: "how many threads work; never changes a bit of a result")
    static let seed = Option("--seed", "N", .seed, default: 0, help: "of all random numbers")
    static let dumpPasses = Option(
        "--dump-passes", "DIR", .path, defaultText: "none",
        help: "write what each compiler pass made into this folder")
    static let json = Option(flag: "--json", help: "print one JSON object on standard output")

    /// Of every verb that computes.
    static let execution: [any AnyOption] = [device, math, precision, threads, dumpPasses, json]

    static let run = Positional("RUN", .path, help: "the folder of a run, as train writes it")
    static let checkpoint = Option(
        "--checkpoint", "C", .checkpoint, default: .latest,
        help: "latest, best (by the validation loss), or the step of a checkpoint")
    static let weights = Option(
        "--weights", "W", .choice(Weights.self), defaultText: "ema where there are any",
        help: "ema: averaged over the training; raw: as the optimizer left them")
    static let out = Option(
        "--out", "PATH", .path, defaultText: "in the run's folder", help: "a .png, .npy or .npz file to write")
    static let batchSize = Option(
        "--batch-size", "N", .integer(atLeast: 1), default: 256,
        help: "how many rows are computed at once, at most; never changes a byte of a result")

    static let data = Option(
        "--data", "NAME|PATH", .path, defaultText: "the run's", help: "the rows to work on: a built-in name or a path")
    static let split = Option(
        "--split", "S", .choice(Dataset.Split.self), defaultText: "test, else validation, else train",
        help: "train, validation or test")
}

/// The precisions that a model can be computed in.
enum Precision: String, CaseIterable, Sendable {
    case float32, float64

    var scalar: ScalarType { self == .float32 ? .float32 : .float64 }
}

/// A device as the command line names it.
struct DeviceName: RawRepresentable, Equatable, Sendable {
    let rawValue: String

    static let auto = DeviceName(name: "auto")

    /// Nil for what is no device's name.
    init?(rawValue: String) {
        let parts = rawValue.split(separator: ":", omittingEmptySubsequences: false)
        let isIndexed = parts.count == 2 && parts[0] == "opencl" && Int(parts[1]).map { $0 >= 0 } == true
        guard isIndexed || Self.names.contains(rawValue) else { return nil }
        self.init(name: rawValue)
    }

    private init(name: String) { rawValue = name }

    static let names = ["auto", "cpu", "opencl"]

    func device(threads: Int?) throws(DeviceError) -> Device { try Device(named: rawValue, threads: threads) }
}

extension ValueKind where Value == DeviceName {
    static var device: Self {
        Self("one of auto, cpu, opencl, opencl:N", choices: DeviceName.names) { DeviceName(rawValue: $0) }
    }
}

/// Which checkpoint of a run.
enum CheckpointChoice: Equatable, Sendable, CustomStringConvertible {
    case latest, best
    case step(Int)

    var description: String {
        switch self {
        case .latest: "latest"
        case .best: "best"
        case .step(let step): "\(step)"
        }
    }

    /// The step of the checkpoint in a run.
    func step(in folder: RunFolder) throws -> Int {
        switch self {
        case .latest: return try folder.latestStep()
        case .step(let step): return step
        case .best:
            guard let step = folder.bestStep else {
                throw TrainingError(
                    folder.path, "has no best checkpoint, because it was trained without validation rows",
                    "use --checkpoint latest, or train with --validation-fraction")
            }
            return step
        }
    }
}

extension ValueKind where Value == CheckpointChoice {
    static var checkpoint: Self {
        Self("latest, best or a number of steps", choices: ["latest", "best"]) { text in
            if text == "latest" { return .latest }
            if text == "best" { return .best }
            guard let step = Int(text), step >= 0 else { return nil }
            return .step(step)
        }
    }
}

extension Arguments {
    func device() throws(DeviceError) -> Device { try self[Common.device].device(threads: self[Common.threads]) }

    var compileOptions: CompileOptions {
        CompileOptions(math: self[Common.math], dumpFolder: self[Common.dumpPasses])
    }
}
