import Compiler
import Configuration
import Datasets
import Execution
import Foundation
import Graph
import Models
import Networks

extension Trained {
    /// Writes the model as a run folder, from which `init(contentsOf:)` and the command line read it. An earlier run of
    /// the same folder gets one checkpoint more.
    public func save(to path: String) throws {
        let folder = RunFolder(path)
        if folder.exists, try !FileManager.default.contentsOfDirectory(atPath: path).isEmpty {
            let present = try folder.configuration()
            guard present.modelName == M.name else {
                throw TrainingError(
                    path, "holds a run of \(present.modelName)", "choose another folder for this \(M.name)")
            }
        }
        try folder.makeFolder(folder.checkpointsPath)
        let configuration = try RunConfiguration(
            model: model, data: DataConfiguration(source: dataName, binarize: binarization), optimizer: optimizer,
            batchSize: trainingBatchSize ?? 128, steps: stepCount, seed: seed, precision: precision, math: options.math)
        try folder.update(configuration, environment: runEnvironment(states.backend, options))
        let state = CheckpointState(
            model: M.name, step: stepCount, rowCount: 0, rowShape: rowShape, batchSize: trainingBatchSize, seed: seed)
        try folder.writeCheckpoint(stepCount, keep: .max) { temporary in
            try CheckpointTensors.write(
                layout.parameters.map(\.path), of: states, to: temporary + "/" + CheckpointTensors.modelFile)
            try state.write(temporary)
        }
    }

    /// Reads a trained model from a run folder.
    ///
    /// - Parameters:
    ///   - step: Of the checkpoint; the latest unless given.
    ///   - weights: The averaged ones where there are any, unless given.
    ///   - precision: To compute in; that of the training unless given.
    ///   - options: Those of the training unless given.
    /// - Throws: `TrainingError` where there is no run, or one of another model; `TrainingError`, `FileError` or
    ///   `SafetensorsError` where the checkpoint is not whole.
    public convenience init(
        contentsOf path: String, step: Int? = nil, weights: Weights? = nil, device: Device = .best,
        precision: ScalarType? = nil,
        options: CompileOptions? = nil
    ) throws {
        let folder = RunFolder(path)
        let configuration = try folder.configuration()
        guard configuration.modelName == M.name else {
            throw TrainingError(
                path, "holds a run of \(configuration.modelName), not of \(M.name)", "read it as what it is")
        }
        let step = try step ?? folder.latestStep()
        let checkpoint = folder.checkpointPath(step)
        guard FileManager.default.fileExists(atPath: checkpoint) else {
            let steps = folder.checkpointSteps().map { "\($0)" }.joined(separator: ", ")
            throw TrainingError(
                folder.path, "has no checkpoint of step \(step)", steps.isEmpty ? "train it first" : "it has \(steps)")
        }
        let state = try CheckpointState.read(checkpoint)
        let precision = precision ?? configuration.precision
        let input = RowInput(shape: state.rowShape, scalar: precision, binarization: configuration.data.binarize)
        let model: M
        do {
            model = try configuration.model(as: M.self).adapted(to: state.rowShape)
        } catch let error as ConfigurationError {
            throw TrainingError(folder.configurationPath, "\(error)", "restore the file that the training wrote")
        }
        let layout = try ModelLayout(model, input, precision)
        let averages = checkpoint + "/" + CheckpointTensors.averagesFile
        let isAveraged = weights != .raw && FileManager.default.fileExists(atPath: averages)
        guard isAveraged || weights != .ema else {
            throw TrainingError(
                checkpoint, "has no averaged weights", "take the raw ones, or train with an average (--ema)")
        }
        let states = DeviceStates(on: try device.makeBackend())
        let file = isAveraged ? CheckpointTensors.averagesFile : CheckpointTensors.modelFile
        try CheckpointTensors.readModel(layout, M.name, from: checkpoint, file, into: states)
        try self.init(
            model, layout: layout, states: states, weights: isAveraged ? .ema : .raw,
            dataName: configuration.data.source, seed: configuration.seed,
            stepCount: state.step, binarization: configuration.data.binarize, precision: precision,
            options: options ?? CompileOptions(math: configuration.math), optimizer: configuration.optimizer,
            batchSize: state.batchSize)
    }
}

/// What a run's results may depend on besides its configuration: environment.json.
public func runEnvironment(_ backend: any Backend, _ options: CompileOptions) -> JSONTree {
    [
        "device": .string(backend.name), "device_description": .string(backend.description),
        "math": .string(options.math.rawValue), "gemm_provider": .string(backend.matmulProvider(options.math)),
        "cores": .number(JSONNumber(ProcessInfo.processInfo.processorCount)),
        "system": .string(ProcessInfo.processInfo.operatingSystemVersionString),
    ]
}
