import Pushforward

/// What a training is about to do.
struct TrainingSummary {
    let steps: Int
    private(set) var json: JSONTree
    /// A few lines for people.
    let text: String

    init<M: Model>(_ training: Training<M>, _ configuration: RunConfiguration, _ folder: String) {
        let dataset = training.dataset
        let batchSize = training.batchSize ?? configuration.batchSize
        steps = configuration.totalSteps(stepsPerEpoch: training.stepsPerEpoch)
        json = [
            "run": .string(folder), "model": .string(configuration.modelName),
            "parameters": .integer(training.parameterCount), "data": .string(configuration.data.source),
            "rows": .integer(dataset.count),
            "row_shape": .integers(dataset.shape), "device": .string(training.backend.name),
            "device_description": .string(training.backend.description), "math": .string(configuration.math.rawValue),
            "precision": .string(configuration.precision.rawValue), "seed": .integer(configuration.seed),
            "batch_size": .integer(batchSize), "steps_per_epoch": .integer(training.stepsPerEpoch),
            "steps": .integer(steps), "kernels": (training.schedule?.steps.count).map { .integer($0) } ?? .null,
        ]
        let length =
            configuration.steps == nil
            ? "\(counted(configuration.epochs ?? 1, "epoch")) of \(counted(training.stepsPerEpoch, "step"))"
            : counted(steps, "step")
        let optimizer = "\(configuration.optimizer.kindName) \(configuration.optimizer.learningRate)"
        let schedule = configuration.schedule == .constant ? "" : ", \(configuration.schedule.selected.name) rate"
        let averages = configuration.ema.map { ", averaged weights \($0)" } ?? ""
        var validation = "none"
        if let rows = try? dataset.validation {
            validation = "\(grouped(rows.count)) rows every "
            validation += configuration.validateEvery.map { counted($0, "step") } ?? "epoch"
            validation += configuration.patience.map { ", patience \($0)" } ?? ""
        }
        text = columns([
            ("model", "\(configuration.modelName), \(counted(training.parameterCount, "parameter"))"),
            ("data", "\(configuration.data.source), \(grouped(dataset.count)) rows of \(sizes(dataset.shape))"),
            ("device", training.backend.description),
            (
                "training",
                "\(length), batch \(batchSize), \(optimizer)\(schedule)\(averages), seed \(configuration.seed)"
            ),
            ("validation", validation),
            ("run", folder),
        ])
    }

    /// With the best of the validations, where there were any.
    func validated(by validations: ValidationHistory) -> TrainingSummary {
        guard let best = validations.best else { return self }
        var result = self
        result.json = json.adding(["best_step": .integer(best.step), "best_validation_loss": .double(best.loss)])
        return result
    }
}

extension Optimizer {
    /// As configurations call it.
    fileprivate var kindName: String {
        switch self {
        case .adam: "adam"
        case .adamW: "adamw"
        case .sgd: "sgd"
        }
    }
}
