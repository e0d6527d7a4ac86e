import Compiler
import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

/// A model being trained on the rows of a data set: parameters, optimizer and data lie on the device.
///
///     let training = try Training(ConvVAE(latent: 32), on: images, device: .best, seed: 0)
///     try training.run(epochs: 5, batchSize: 128)
///     let trained = try training.finish()
///
/// Equal model, data, seed, batch size and number of steps give equal bits, on any device and with any number of
/// threads.
public final class Training<M: Model> {
    /// As it is trained: adapted to the shape of the rows.
    public let model: M
    public let dataset: Dataset
    public let device: Device
    public let optimizer: Optimizer
    public let seed: UInt64
    public let binarization: Binarization
    public let maximumGradientNorm: Double?
    public let learningRateSchedule: LearningRateSchedule
    public let validation: ValidationPolicy
    /// The decay of the weights' exponential moving average; nil for none.
    public let ema: Double?
    public let precision: ScalarType
    public let options: CompileOptions

    /// Of the steps that follow, before the schedule's factor; begins as the optimizer's.
    public var learningRate: Double
    /// Is told what the user should know, one line at a time.
    public var notice: (String) -> Void = { _ in }
    /// Writes metrics and checkpoints while training runs.
    public var recorder: RunRecorder?

    /// Steps done, of all runs.
    public internal(set) var stepCount = 0
    /// What the validations so far gave.
    public internal(set) var validations = ValidationHistory()
    /// Set by the first run; the same for all.
    public internal(set) var batchSize: Int?

    let states: DeviceStates
    let layout: ModelLayout
    /// The averaged weights by the names of the weights; nil where they are not averaged.
    private(set) var averages: DeviceStates?
    var compiled: CompiledStep?
    var isFinished = false
    /// Keeps the compiled program of validations.
    var validator: Trained<M>?
    /// Where the first number that was not finite came from.
    var nonFinite: String?
    var validationTerms: [(name: String, weight: Double)] = []

    /// - Parameters:
    ///   - optimizer: Its moments start at zero.
    ///   - seed: Of first values, order of rows, and noise.
    ///   - maximumGradientNorm: Gradients of a larger global norm are scaled down to it.
    ///   - schedule: Of the learning rate, to the end of the `run` at hand.
    ///   - validation: Matters where the data have a validation split.
    ///   - ema: Keep an exponential moving average of the weights, of this decay, for the trained model.
    /// - Throws: `GraphError` where the model cannot take the rows, `DeviceError`.
    public init(
        _ model: M, on dataset: Dataset, device: Device = .best, optimizer: Optimizer = .adam(), seed: UInt64 = 0,
        binarization: Binarization = .none, maximumGradientNorm: Double? = nil,
        schedule: LearningRateSchedule = .constant, validation: ValidationPolicy = ValidationPolicy(),
        ema: Double? = nil, precision: ScalarType = .float32, options: CompileOptions = CompileOptions()
    ) throws {
        guard precision.isFloating else {
            throw TrainingError("training", "cannot compute in \(precision.rawValue)", "use float32 or float64")
        }
        guard optimizer.learningRate.isFinite, optimizer.learningRate >= 0 else {
            throw ConfigurationError.badValue(
                "optimizer.learning_rate", value: "\(optimizer.learningRate)", expected: "0 or more")
        }
        if let limit = maximumGradientNorm, !(limit > 0) {
            throw ConfigurationError.badValue("max_grad_norm", value: "\(limit)", expected: "positive")
        }
        if let ema, !(ema > 0 && ema < 1) {
            throw ConfigurationError.badValue("ema", value: "\(ema)", expected: "a number between 0 and 1")
        }
        try schedule.check()
        for (key, value) in [("validate_every", validation.every), ("patience", validation.patience)] {
            guard let value, value < 1 else { continue }
            throw ConfigurationError.badValue(key, value: "\(value)", expected: "an integer of at least 1")
        }
        self.model = try model.adapted(to: dataset.shape).conditioned(on: dataset.train)
        if binarization == .none { try self.model.check(dataset.train) }
        self.dataset = dataset
        self.device = device
        self.optimizer = optimizer
        self.seed = seed
        self.binarization = binarization
        self.maximumGradientNorm = maximumGradientNorm
        learningRateSchedule = schedule
        self.validation = validation
        self.ema = ema
        self.precision = precision
        self.options = options
        learningRate = optimizer.learningRate
        let needsValidation = schedule.needsValidation || validation.patience != nil || validation.every != nil
        guard !needsValidation || dataset.splits.contains(.validation) else {
            throw TrainingError(
                dataset.name, "has no validation rows, by which the training is to go",
                "hold some out (--validation-fraction), or leave out patience, validations and the plateau schedule")
        }
        states = DeviceStates(on: try device.makeBackend())

        let input = RowInput(dataset.train, binarization)
        layout = try ModelLayout(self.model, input, precision)
        try dataset.train.withUnsafeBytes { bytes in
            try states.write(TrainStep.dataState, input.type(rows: dataset.count), bytes)
        }
        let condition = self.model.givenCondition
        if condition.width > 0 { try states.write(TrainStep.conditionState, condition.values(of: dataset.train)) }
        try initialise(input)
        try checkCovariances()
        try initialiseFromFirstBatch(input)
    }

    /// Gives all parameters their first values.
    private func initialise(_ input: RowInput) throws {
        let graph = Graph()
        var data: Tensor?
        if layout.parameters.contains(where: { $0.initializer.usesData }) {
            data = try input.decoded(graph.state(TrainStep.dataState, input.type(rows: dataset.count)), precision)
        }
        var updates = try layout.parameters.initialValues(in: graph, seed: seed, data: data)
        var names = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.path, $0.path) })
        if ema != nil {
            for (parameter, update) in zip(layout.parameters, updates) where parameter.isTrained {
                names[parameter.path] = Averaging.state(parameter.path)
                updates.append((graph.state(Averaging.state(parameter.path), parameter.type), update.value))
            }
        }
        try CompiledProgram(
            Program(graph, updates: updates), states: states, options: options.named("initial-values")
        ).run()
        averages = ema == nil ? nil : states.renamed(names)
    }

    /// The rows that parameters with an initializer `firstBatch` are computed from: so many of the first epoch's, in its
    /// order, whatever the batch size of the training.
    private static var firstBatchSize: Int { 256 }

    /// Gives the parameters that depend on activations their first values.
    private func initialiseFromFirstBatch(_ input: RowInput) throws {
        guard layout.parameters.contains(where: { $0.initializer == .firstBatch }) else { return }
        let step = TrainStep(
            input: input, rowCount: dataset.count, batchSize: min(Self.firstBatchSize, dataset.count),
            optimizer: optimizer, maximumGradientNorm: maximumGradientNorm, averaging: ema.map(Averaging.init),
            seed: seed,
            precision: precision, known: layout.types)
        try CompiledProgram(step.firstValues(model), states: states, options: options.named("first-batch")).run()
    }

    /// Numbers that are trained.
    public var parameterCount: Int { layout.parameterCount }
    public var backend: any Backend { states.backend }
    /// The compiled train step; nil before `prepare` or the first run.
    public var schedule: Schedule? { compiled?.program.schedule }
    /// Pieces of work that a step hands to the device; nil before `prepare` or the first run.
    public var commandCount: Int? { compiled?.program.executable.commandCount }
    /// 0 before `prepare` or the first run.
    public var stepsPerEpoch: Int { compiled?.stepsPerEpoch ?? 0 }

    /// The trained model; this training ends with it.
    public func finish() throws -> Trained<M> {
        isFinished = true
        return try trained()
    }

    /// The model as it is now. It shares the parameters: further training changes them.
    ///
    /// - Parameter weights: The averaged ones where there are any, unless given.
    public func trained(_ weights: Weights? = nil) throws -> Trained<M> {
        if weights == .ema, averages == nil {
            throw TrainingError("training", "its weights are not averaged", "give it a decay: ema: 0.999")
        }
        let averages = weights == .raw ? nil : averages
        return try Trained(
            model, layout: layout, states: averages ?? states, weights: averages == nil ? .raw : .ema,
            dataName: dataset.name, seed: seed, stepCount: stepCount,
            binarization: binarization, precision: precision, options: options, optimizer: optimizer,
            batchSize: batchSize)
    }
}
