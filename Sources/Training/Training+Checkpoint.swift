import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

extension Training {
    /// The configuration that a run folder of this training gets.
    public func configuration(
        source: String? = nil, validationFraction: Double = 0, batchSize: Int = 128, epochs: Int? = nil,
        steps: Int? = nil
    ) throws -> RunConfiguration {
        try RunConfiguration(
            model: model,
            data: DataConfiguration(
                source: source ?? dataset.name, validationFraction: validationFraction, binarize: binarization),
            optimizer: optimizer, batchSize: batchSize, epochs: epochs, steps: steps, maxGradNorm: maximumGradientNorm,
            schedule: learningRateSchedule, validation: validation, ema: ema, seed: seed, precision: precision,
            math: options.math)
    }

    /// States that only training needs: the optimizer's, and how far it has come.
    private var trainingStates: [String: TensorType] {
        var result: [String: TensorType] = [:]
        for name in states.names
        where name != TrainStep.dataState && name != TrainStep.conditionState && name != TrainStep.flagState
            && layout.types[name] == nil && !name.hasPrefix(Averaging.state(""))
        {
            result[name] = states.type(of: name)
        }
        return result
    }

    func writeCheckpoint(to folder: RunFolder, keep: Int) throws {
        let state = CheckpointState(
            model: M.name, step: stepCount, rowCount: dataset.count, rowShape: dataset.shape, batchSize: batchSize,
            seed: seed, validations: validations)
        let paths = layout.parameters.map(\.path)
        try folder.writeCheckpoint(stepCount, keep: keep, best: validations.best?.step) { temporary in
            try CheckpointTensors.write(paths, of: states, to: temporary + "/" + CheckpointTensors.modelFile)
            if let averages {
                try CheckpointTensors.write(paths, of: averages, to: temporary + "/" + CheckpointTensors.averagesFile)
            }
            try CheckpointTensors.write(
                trainingStates.keys.sorted(), of: states, to: temporary + "/" + CheckpointTensors.optimizerFile)
            try state.write(temporary)
        }
    }

    /// Goes on from a checkpoint of a run, the latest unless one is named, with the very bits that an uninterrupted
    /// training would have. Model, data, optimizer, seed and batch size must be the run's.
    ///
    /// - Parameter batchSize: As given to `run` before the interruption.
    /// - Throws: `TrainingError` where the checkpoint is not whole or belongs to another training.
    public func resume(from folder: RunFolder, step: Int? = nil, batchSize: Int = 128) throws {
        let path = folder.checkpointPath(try step ?? folder.latestStep())
        let state = try CheckpointState.read(path)
        let size = try prepare(batchSize: batchSize)
        let facts: [(String, String, String)] = [
            ("the model", state.model, M.name), ("the seed", "\(state.seed)", "\(seed)"),
            ("the number of rows", "\(state.rowCount)", "\(dataset.count)"),
            ("the shape of a row", "\(state.rowShape)", "\(dataset.shape)"),
            ("the batch size", state.batchSize.map { "\($0)" } ?? "\(size)", "\(size)"),
        ]
        if let (what, theirs, ours) = facts.first(where: { $0.1 != $0.2 }) {
            throw TrainingError(
                path, "\(what) is \(theirs) there and \(ours) here", "resume with the run's own options")
        }
        try CheckpointTensors.readModel(layout, M.name, from: path, into: states)
        if let averages {
            try CheckpointTensors.readModel(
                layout, M.name, from: path, CheckpointTensors.averagesFile, into: averages)
        }
        try CheckpointTensors.readOptimizer(trainingStates, from: path, into: states)
        let count = Int(try states.read(TrainStep.countState).doubles[0])
        guard count == state.step else {
            throw TrainingError(
                path, "its state.json says step \(state.step), its optimizer step \(count)", "take another checkpoint")
        }
        try states.write(TrainStep.flagState, HostArray(TensorType([], .uint32)))
        nonFinite = nil
        stepCount = count
        validations = state.validations ?? ValidationHistory()
    }
}
