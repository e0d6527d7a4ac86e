import Foundation
import Pushforward

/// What `train` and `bench` are told about a training, and the configuration that it makes.
enum TrainingOptions {
    static let model = Positional("MODEL", .model, help: "which model; pushforward models lists them")
    static let data = Option(
        "--data", "NAME|PATH", .path,
        help: "a built-in name, a folder of IDX or .png files, or a .npy, .npz, .amat or .csv file")
    static let validationFraction = Option(
        "--validation-fraction", "F", .number(from: 0, below: 1), defaultText: "0",
        help: "part of the training rows to hold out as validation split")
    static let epochs = Option(
        "--epochs", "N", .integer(atLeast: 1), defaultText: "the model's", help: "passes over the data, in total")
    static let steps = Option("--steps", "N", .integer(atLeast: 1), help: "steps in total, instead of epochs")
    static let batchSize = Option(
        "--batch-size", "N", .integer(atLeast: 1), defaultText: "the model's", help: "rows in a step")
    static let learningRate = Option(
        "--learning-rate", "X", .number(atLeast: 0), aliases: ["--lr"], defaultText: "the model's",
        help: "of the optimizer")
    static let optimizer = Option(
        "--optimizer", "O", .choice(Optimizer.kinds.map(\.name)), defaultText: "adam",
        help: "adam, adamw or sgd; --set optimizer.KEY=VALUE sets the rest")
    static let weightDecay = Option(
        "--weight-decay", "X", .number(atLeast: 0), defaultText: "the optimizer's: 0, of adamw 0.01",
        help: "of the optimizer: an L2 term of the gradient, or decoupled (adamw)")
    static let schedule = Option(
        "--lr-schedule", "S", .choice(LearningRateSchedule.kinds.map(\.name)), defaultText: "constant",
        help: "constant; linear or cosine: down to schedule.final_fraction (0) of the rate at the end; plateau: times "
            + "schedule.factor (0.5) after schedule.patience (10) validations without a better loss")
    static let warmupSteps = Option(
        "--lr-warmup-steps", "N", .integer(atLeast: 0), defaultText: "0",
        help: "steps in which the learning rate rises to its value")
    static let validateEvery = Option(
        "--validate-every", "N", .integer(atLeast: 1), defaultText: "an epoch",
        help: "steps between losses on the validation rows, where there are any")
    static let patience = Option(
        "--patience", "N", .integer(atLeast: 1), defaultText: "never",
        help: "stop after so many validations in a row without a better loss")
    static let ema = Option(
        "--ema", "DECAY", .number(between: 0, and: 1), defaultText: "none",
        help: "keep an exponential moving average of the weights, such as 0.999, and use it for what follows")
    static let maxGradNorm = Option(
        "--max-grad-norm", "X", .number(above: 0), defaultText: "no limit",
        help: "scale gradients of a larger global norm down to this")
    static let config = Option("--config", "FILE", .path, help: "a configuration file (JSON, comments allowed)")
    static let settings = Option(
        repeated: "--set", "KEY=VALUE", .assignment,
        help: "one configuration value, such as model.latent=16 or data.binarize=dynamic")

    /// The configuration that `base` becomes by the file and the options that were given.
    ///
    /// - Throws: `UsageError` and `ConfigurationError` where an option, a key or a value is wrong.
    static func configuration(_ arguments: Arguments, over base: RunConfiguration) throws -> RunConfiguration {
        if arguments.given(epochs), arguments.given(steps) {
            throw UsageError("--epochs and --steps are both given; one of them says how long to train")
        }
        let file = try arguments[config].map(tree)
        var result = try Configuration.resolve(
            base, file: file, assignments: assignments(arguments, over: base, file) + arguments[settings])
        guard result.modelName == base.modelName else {
            throw UsageError("the model is \(base.modelName), yet the configuration says \(result.modelName)")
        }
        try check(result)
        if result.steps != nil { result.epochs = nil }
        result.data.source = located(result.data.source)
        // Reading the options into the model's own type finds those that are of no such type.
        _ = try result.catalogModel()
        return result
    }

    /// The defaults of a model in the catalogue.
    static func defaults(_ entry: ModelCatalog.Entry) throws -> RunConfiguration {
        try RunConfiguration(
            model: entry.model, name: entry.name, data: DataConfiguration(source: ""),
            optimizer: .adam(learningRate: entry.learningRate), batchSize: entry.batchSize, epochs: entry.epochs)
    }

    private static func tree(_ path: String) throws -> JSONTree {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw UsageError("--config: '\(path)' cannot be read; name a JSON file")
        }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw UsageError("--config: '\(path)' is no text in UTF-8")
        }
        return try JSONTree(parsing: text, source: path)
    }

    /// Options are short names of keys.
    private static func assignments(
        _ arguments: Arguments, over base: RunConfiguration, _ file: JSONTree?
    ) -> [Assignment] {
        var result: [Assignment] = []
        func assign(_ key: String, _ value: JSONTree?) {
            if let value { result.append(Assignment(key: key, value: value)) }
        }
        assign("data.source", arguments[data].map { .string($0) })
        assign("data.validation_fraction", arguments[validationFraction].map { .double($0) })
        assign("batch_size", arguments[batchSize].map { .integer($0) })
        if let kind = arguments[optimizer] {
            // Another optimizer keeps the rate.
            let rate = file?["optimizer"]?["learning_rate"]?.double ?? base.optimizer.learningRate
            assign("optimizer", ["kind": .string(kind), "learning_rate": .double(rate)])
        }
        assign("optimizer.weight_decay", arguments[weightDecay].map { .double($0) })
        assign("schedule", arguments[schedule].map { ["kind": .string($0)] })
        assign("schedule.warmup_steps", arguments[warmupSteps].map { .integer($0) })
        assign("validate_every", arguments[validateEvery].map { .integer($0) })
        assign("patience", arguments[patience].map { .integer($0) })
        assign("ema", arguments[ema].map { .double($0) })
        assign("optimizer.learning_rate", arguments[learningRate].map { .double($0) })
        assign("max_grad_norm", arguments[maxGradNorm].map { .double($0) })
        if let epochs = arguments[epochs] {
            assign("epochs", .integer(epochs))
            assign("steps", .null)
        }
        if let steps = arguments[steps] {
            assign("steps", .integer(steps))
            assign("epochs", .null)
        }
        if arguments.given(Common.seed) { assign("seed", .integer(arguments[Common.seed])) }
        if arguments.given(Common.math) { assign("math", .string(arguments[Common.math].rawValue)) }
        assign("precision", arguments[Common.precision].map { .string($0.rawValue) })
        return result
    }

    private static func check(_ configuration: RunConfiguration) throws(ConfigurationError) {
        func check(_ key: String, _ value: Int?) throws(ConfigurationError) {
            guard let value, value < 1 else { return }
            throw .badValue(key, value: "\(value)", expected: "an integer of at least 1")
        }
        try check("batch_size", configuration.batchSize)
        try check("epochs", configuration.epochs)
        try check("steps", configuration.steps)
        try check("validate_every", configuration.validateEvery)
        try check("patience", configuration.patience)
        try configuration.schedule.check()
        let decay = configuration.optimizer.weightDecay
        guard decay >= 0 else {
            throw .badValue("optimizer.weight_decay", value: "\(decay)", expected: "a number of at least 0")
        }
        if let ema = configuration.ema, !(ema > 0 && ema < 1) {
            throw .badValue("ema", value: "\(ema)", expected: "a number between 0 and 1")
        }
        let rate = configuration.optimizer.learningRate
        guard rate >= 0 else {
            throw .badValue("optimizer.learning_rate", value: "\(rate)", expected: "a number of at least 0")
        }
        if let limit = configuration.maxGradNorm, limit <= 0 {
            throw .badValue("max_grad_norm", value: "\(limit)", expected: "a number above 0")
        }
        let fraction = configuration.data.validationFraction
        guard 0 <= fraction, fraction < 1 else {
            throw .badValue("data.validation_fraction", value: "\(fraction)", expected: "a number from 0 to below 1")
        }
        guard configuration.precision.isFloating else {
            throw .badValue("precision", value: configuration.precision.rawValue, expected: "float32 or float64")
        }
    }

    /// A path is kept in full, so that the run can be used from another folder.
    private static func located(_ source: String) -> String {
        if source.isEmpty || Dataset.catalog.contains(where: { $0.name == source }) { return source }
        return FileManager.default.fileExists(atPath: source) ? URL(fileURLWithPath: source).standardized.path : source
    }
}

extension RunConfiguration {
    /// - Throws: `UsageError` where no data are named.
    func dataset() throws -> Dataset {
        guard !data.source.isEmpty else {
            let names = Dataset.catalog.map(\.name).joined(separator: ", ")
            throw UsageError("--data is missing; name one of \(names), or a path")
        }
        return try Dataset.load(data.source, validationFraction: data.validationFraction)
    }

    func training<M: Model>(_ model: M, on dataset: Dataset, _ arguments: Arguments) throws -> Training<M> {
        var options = arguments.compileOptions
        options.math = math
        return try Training(
            model, on: dataset, device: arguments.device(), optimizer: optimizer, seed: seed,
            binarization: data.binarize, maximumGradientNorm: maxGradNorm, schedule: schedule,
            validation: validation, ema: ema, precision: precision, options: options)
    }

    /// Of the whole training.
    func totalSteps(stepsPerEpoch: Int) -> Int { steps ?? (epochs ?? 1) * stepsPerEpoch }
}
