import Configuration
import Datasets
import Execution
import Foundation
import Graph
import Models

/// Where a training stood: state.json of a checkpoint.
struct CheckpointState: Codable {
    var formatVersion = RunConfiguration.currentFormatVersion
    var model: String
    /// Steps done; the place in the epoch follows from it.
    var step: Int
    var rowCount: Int
    var rowShape: [Int]
    /// Nil before the first step.
    var batchSize: Int?
    var seed: UInt64
    /// Nil in checkpoints of before there were any.
    var validations: ValidationHistory?

    static func read(_ folder: String) throws -> CheckpointState {
        let path = folder + "/state.json"
        let text = try readText(path, folder)
        do {
            return try JSONTree(parsing: text, source: path).decoded(as: CheckpointState.self)
        } catch let error as ConfigurationError {
            throw TrainingError(path, "\(error)", "take another checkpoint")
        }
    }

    private static func readText(_ path: String, _ folder: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw TrainingError(folder, "is no checkpoint: it has no readable state.json", "take another checkpoint")
        }
        return text
    }

    func write(_ folder: String) throws {
        try AtomicFile.write(JSONTree(encoding: self).pretty + "\n", to: folder + "/state.json")
    }
}

/// The tensors of a checkpoint: model.safetensors, optimizer.safetensors and, where weights are averaged,
/// ema.safetensors, which is as model.safetensors.
enum CheckpointTensors {
    static let modelFile = "model.safetensors"
    static let averagesFile = "ema.safetensors"
    static let optimizerFile = "optimizer.safetensors"

    static func write(_ names: [String], of states: DeviceStates, to path: String) throws {
        try TensorFile.write(try names.map { (name: $0, value: try states.read($0)) }, to: path)
    }

    /// Reads a model's parameters. Every one must be there in its shape, and nothing else.
    /// They are rounded to the precision of the layout.
    static func readModel(
        _ layout: ModelLayout, _ name: String, from folder: String, _ file: String = modelFile,
        into states: DeviceStates
    ) throws {
        let path = folder + "/" + file
        let file = try TensorFile(contentsOf: path)
        let foreign = TrainingError(
            path, "is not a checkpoint of this \(name)", "name the run's own folder, or train again")
        for parameter in layout.parameters {
            guard let stored = file[parameter.path] else {
                throw TrainingError(path, "lacks \(parameter.path), so it \(foreign.problem)", foreign.remedy)
            }
            guard stored.shape == parameter.type.shape, stored.type.scalar.isFloating else {
                throw TrainingError(
                    path, "has \(parameter.path) as \(stored.type), this \(name) as \(parameter.type)", foreign.remedy)
            }
        }
        if let stranger = file.names.first(where: { layout.types[$0] == nil }) {
            throw TrainingError(path, "holds \(stranger), so it \(foreign.problem)", foreign.remedy)
        }
        for parameter in layout.parameters {
            let stored = file[parameter.path]?.converted(to: parameter.type.scalar)
            if let stored { try states.write(parameter.path, stored) }
        }
    }

    /// Reads what the optimizer keeps; `expected` are the states that the train step has.
    static func readOptimizer(_ expected: [String: TensorType], from folder: String, into states: DeviceStates) throws {
        let path = folder + "/" + optimizerFile
        let file = try TensorFile(contentsOf: path)
        for (name, type) in expected.sorted(by: { $0.key < $1.key }) {
            guard let stored = file[name], stored.type == type else {
                throw TrainingError(
                    path, "has no \(name) of type \(type): it belongs to another optimizer or model",
                    "resume with the run's own options")
            }
            try states.write(name, stored)
        }
    }
}
