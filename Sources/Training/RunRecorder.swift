import Configuration
import Datasets
import Foundation
import Models

/// What a run keeps of its training, and how often.
public struct RecordingPolicy: Sendable {
    /// Steps between lines of metrics.
    public var metricsEvery: Int
    /// Steps between checkpoints; nil for one at the end of every epoch.
    public var checkpointEvery: Int?
    /// How many checkpoints are kept.
    public var keep: Int

    public init(metricsEvery: Int = 50, checkpointEvery: Int? = nil, keep: Int = 2) {
        self.metricsEvery = max(metricsEvery, 1)
        self.checkpointEvery = checkpointEvery.map { max($0, 1) }
        self.keep = max(keep, 1)
    }
}

/// Writes metrics, timings, events and checkpoints of a training into its run folder.
///
/// metrics.jsonl holds no wall time: a resumed run's file equals that of an uninterrupted one.
public final class RunRecorder {
    public let folder: RunFolder
    public let policy: RecordingPolicy
    private let events: EventFile
    private let start = Date()
    private var checkpointed: Int?
    private var timed: (step: Int, seconds: Double)?

    /// Records into an existing run folder from `step` on: what earlier recordings wrote after it is cut off.
    public init(_ folder: RunFolder, policy: RecordingPolicy = RecordingPolicy(), from step: Int = 0) throws {
        self.folder = folder
        self.policy = policy
        checkpointed = step > 0 ? step : nil
        for path in [folder.metricsPath, folder.timingPath] { try Self.truncate(path, after: step) }
        events = try EventFile(in: folder.path, wallTime: start.timeIntervalSince1970)
    }

    /// Keeps the lines whose `step` is at most `step`.
    private static func truncate(_ path: String, after step: Int) throws {
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        let kept = text.split(separator: "\n").filter { line in
            // A line that was cut short by a crash has no step that can be read.
            guard let tree = try? JSONTree(parsing: String(line), source: path) else { return false }
            return (tree["step"]?.int ?? .max) <= step
        }
        try AtomicFile.write(kept.map { $0 + "\n" }.joined(), to: path)
    }

    /// Called after every step.
    func stepped<M>(_ training: Training<M>, _ step: TrainingStep) throws {
        let done = step.index + 1
        let isEpochEnd = done % step.stepsPerEpoch == 0
        if done % policy.metricsEvery == 0 || isEpochEnd || step.validation != nil {
            try record(step, batchSize: training.batchSize ?? 0)
        }
        let isBest = step.validation != nil && training.validations.best?.step == done
        if isBest || policy.checkpointEvery.map({ done % $0 == 0 }) ?? isEpochEnd { try checkpoint(training) }
    }

    /// Called when a run has come to its end.
    func ended<M>(_ training: Training<M>) throws {
        if checkpointed != training.stepCount { try checkpoint(training) }
    }

    private func record(_ step: TrainingStep, batchSize: Int) throws {
        let done = step.index + 1
        let figures = try step.figures() + [(name: "learning_rate", value: step.learningRate)]
        let validation = step.validation ?? []
        var line = JSONObject()
        line["step"] = .number(JSONNumber(done))
        line["epoch"] = JSONNumber(Double(done) / Double(step.stepsPerEpoch)).map { .number($0) } ?? .null
        for (name, value) in figures + validation.map({ (name: "validation_" + $0.name, value: $0.value) }) {
            line[name] = JSONNumber(Float(value)).map { .number($0) } ?? .null
        }
        try append(.object(line), to: folder.metricsPath)

        let seconds = Date().timeIntervalSince(start)
        var timing = JSONObject()
        timing["step"] = .number(JSONNumber(done))
        timing["seconds"] = JSONNumber((seconds * 1e3).rounded() / 1e3).map { .number($0) }
        if let timed, seconds > timed.seconds {
            let rate = Double((done - timed.step) * batchSize) / (seconds - timed.seconds)
            timing["samples_per_second"] = JSONNumber((rate * 10).rounded() / 10).map { .number($0) }
        }
        timed = (done, seconds)
        try append(.object(timing), to: folder.timingPath)
        try events.append(
            step: done, wallTime: Date().timeIntervalSince1970,
            scalars: figures.map { (tag: "train/\($0.name)", value: $0.value) }
                + validation.map { (tag: "validation/\($0.name)", value: $0.value) })
    }

    /// Writes a checkpoint of the training as it is now.
    public func checkpoint<M>(_ training: Training<M>) throws {
        try training.checkFinite()
        try training.writeCheckpoint(to: folder, keep: policy.keep)
        checkpointed = training.stepCount
    }

    private func append(_ line: JSONTree, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("write", path, errno) }
        defer { close(descriptor) }
        let bytes = Array((line.compact + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw FileError("write", path, errno)
            }
        }
    }
}
