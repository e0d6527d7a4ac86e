import Configuration
import Datasets
import Foundation

/// The files of one run:
///
///     config.json  environment.json  metrics.jsonl  timing.jsonl  events.out.tfevents.*
///     checkpoints/step-00001234/{model,optimizer}.safetensors + state.json, latest -> step-00001234, best -> ...
///
/// A checkpoint is written beside its place and renamed, so that one under its final name is whole.
public struct RunFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public var configurationPath: String { path + "/config.json" }
    public var environmentPath: String { path + "/environment.json" }
    public var metricsPath: String { path + "/metrics.jsonl" }
    public var timingPath: String { path + "/timing.jsonl" }
    var checkpointsPath: String { path + "/checkpoints" }
    var latestPath: String { checkpointsPath + "/latest" }
    var bestPath: String { checkpointsPath + "/best" }

    func checkpointPath(_ step: Int) -> String { checkpointsPath + "/" + Self.checkpointName(step) }

    static func checkpointName(_ step: Int) -> String {
        let digits = "\(step)"
        return "step-" + String(repeating: "0", count: max(8 - digits.count, 0)) + digits
    }

    /// Whether there is anything under this path.
    public var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// Makes the folder with its configuration; throws where it exists already.
    public func create(_ configuration: RunConfiguration, environment: JSONTree) throws {
        if exists {
            throw TrainingError(path, "exists already", "choose another folder, or resume that run")
        }
        do {
            try makeFolder(checkpointsPath)
            try update(configuration, environment: environment)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
    }

    /// Writes the configuration and the environment, replacing earlier ones.
    public func update(_ configuration: RunConfiguration, environment: JSONTree) throws {
        try AtomicFile.write(JSONTree(encoding: configuration).pretty + "\n", to: configurationPath)
        try AtomicFile.write(environment.pretty + "\n", to: environmentPath)
    }

    /// Reads config.json; throws where this is no run.
    public func configuration() throws -> RunConfiguration {
        guard exists else { throw TrainingError(path, "does not exist", "name the folder of a run") }
        guard let text = try? String(contentsOfFile: configurationPath, encoding: .utf8) else {
            throw TrainingError(path, "is no run: it has no readable config.json", "name the folder of a run")
        }
        let broken = { (error: ConfigurationError) in
            TrainingError(configurationPath, "\(error)", "restore the file that the training wrote")
        }
        var tree: JSONTree
        do {
            tree = try JSONTree(parsing: text, source: configurationPath)
        } catch {
            throw broken(error)
        }
        if let version = tree["format_version"]?.int, version > RunConfiguration.currentFormatVersion {
            throw TrainingError(
                configurationPath, "has format version \(version), newer than \(RunConfiguration.currentFormatVersion)",
                "use a newer pushforward")
        }
        // What earlier versions did not know, and did.
        if case .object(var object) = tree, object["schedule"] == nil {
            object["schedule"] = "constant"
            tree = .object(object)
        }
        do {
            return try tree.decoded(as: RunConfiguration.self)
        } catch let error as ConfigurationError {
            throw broken(error)
        }
    }

    /// The steps of all whole checkpoints, ascending.
    public func checkpointSteps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), name == Self.checkpointName(step) else {
                return nil
            }
            return step
        }.sorted()
    }

    /// The step of the checkpoint that a link leads to; nil where there is none.
    private func step(of link: String) -> Int? {
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        return checkpointSteps().first { Self.checkpointName($0) == target }
    }

    /// The step of the least validation loss; nil where the run has none.
    public var bestStep: Int? { step(of: bestPath) }

    /// The step that `latest` leads to, or else the last one there is.
    public func latestStep() throws -> Int {
        if let step = step(of: latestPath) { return step }
        guard let last = checkpointSteps().last else {
            throw TrainingError(path, "has no checkpoint", "train it first")
        }
        return last
    }

    /// Makes a folder, and those around it where they are missing.
    func makeFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o777) == 0 { return }
        let code = errno
        switch code {
        case EEXIST:
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            guard exists, isFolder.boolValue else { throw FileError("write", path, ENOTDIR) }
        case ENOENT:
            let outer = (path as NSString).deletingLastPathComponent
            guard !outer.isEmpty, outer != path else { throw FileError("write", path, code) }
            try makeFolder(outer)
            guard mkdir(path, 0o777) == 0 else { throw FileError("write", path, errno) }
        default: throw FileError("write", path, code)
        }
    }

    /// Writes a checkpoint by `fill` and makes it the latest; then removes all but the last `keep` and the best.
    ///
    /// - Parameter best: The step of the best checkpoint, where it is known.
    func writeCheckpoint(
        _ step: Int, keep: Int, best: Int? = nil, _ fill: (_ folder: String) throws -> Void
    ) throws {
        try makeFolder(checkpointsPath)
        let files = FileManager.default
        let temporary = checkpointsPath + "/.step-\(step)-\(UInt64.random(in: 0 ... .max)).tmp"
        defer { try? files.removeItem(atPath: temporary) }
        try makeFolder(temporary)
        try fill(temporary)
        let final = checkpointPath(step)
        if files.fileExists(atPath: final) {
            // A folder cannot be renamed over another: the old one steps aside first.
            try move(final, to: temporary + ".old")
            defer { try? files.removeItem(atPath: temporary + ".old") }
            try move(temporary, to: final)
        } else {
            try move(temporary, to: final)
        }
        func link(_ path: String, to step: Int) throws {
            let link = temporary + ".link"
            guard symlink(Self.checkpointName(step), link) == 0 else { throw FileError("write", link, errno) }
            try move(link, to: path)
        }
        if let best, best != bestStep, checkpointSteps().contains(best) { try link(bestPath, to: best) }
        try link(latestPath, to: step)
        let kept = [step, bestStep]
        for old in checkpointSteps().filter({ !kept.contains($0) }).dropLast(max(keep - 1, 0)) {
            try? files.removeItem(atPath: checkpointPath(old))
        }
    }

    private func move(_ source: String, to target: String) throws {
        guard rename(source, target) == 0 else { throw FileError("write", target, errno) }
    }
}
