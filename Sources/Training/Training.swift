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
    public let precision: ScalarType
    public let options: CompileOptions

    /// Of the steps that follow; begins as the optimizer's.
    public var learningRate: Double
    /// Is told what the user should know, one line at a time.
    public var notice: (String) -> Void = { _ in }
    /// Writes metrics and checkpoints while training runs.
    public var recorder: RunRecorder?

    /// Steps done, of all runs.
    public internal(set) var stepCount = 0
    /// Set by the first run; the same for all.
    public internal(set) var batchSize: Int?

    let states: DeviceStates
    let layout: ModelLayout
    var compiled: CompiledStep?
    var isFinished = false

    /// - Parameters:
    ///   - optimizer: Its moments start at zero.
    ///   - seed: Of first values, order of rows, and noise.
    ///   - maximumGradientNorm: Gradients of a larger global norm are scaled down to it.
    /// - Throws: `GraphError` where the model cannot take the rows, `DeviceError`.
    public init(
        _ model: M, on dataset: Dataset, device: Device = .best, optimizer: Optimizer = .adam(), seed: UInt64 = 0,
        binarization: Binarization = .none, maximumGradientNorm: Double? = nil, precision: ScalarType = .float32,
        options: CompileOptions = CompileOptions()
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
        self.model = try model.adapted(to: dataset.shape).conditioned(on: dataset.train)
        if binarization == .none { try self.model.check(dataset.train) }
        self.dataset = dataset
        self.device = device
        self.optimizer = optimizer
        self.seed = seed
        self.binarization = binarization
        self.maximumGradientNorm = maximumGradientNorm
        self.precision = precision
        self.options = options
        learningRate = optimizer.learningRate
        states = DeviceStates(on: try device.makeBackend())

        let input = RowInput(dataset.train, binarization)
        layout = try ModelLayout(self.model, input, precision)
        try dataset.train.withUnsafeBytes { bytes in
            try states.write(TrainStep.dataState, input.type(rows: dataset.count), bytes)
        }
        let condition = self.model.givenCondition
        if condition.width > 0 { try states.write(TrainStep.conditionState, condition.values(of: dataset.train)) }
        try initialise(input)
        try initialiseFromFirstBatch(input)
    }

    /// Gives all parameters their first values.
    private func initialise(_ input: RowInput) throws {
        let graph = Graph()
        var data: Tensor?
        if layout.parameters.contains(where: { $0.initializer.usesData }) {
            data = try input.decoded(graph.state(TrainStep.dataState, input.type(rows: dataset.count)), precision)
        }
        let updates = try layout.parameters.initialValues(in: graph, seed: seed, data: data)
        try CompiledProgram(
            Program(graph, updates: updates), states: states, options: options.named("initial-values")
        ).run()
    }

    /// The rows that parameters with an initializer `firstBatch` are computed from: so many of the first epoch's, in its
    /// order, whatever the batch size of the training.
    private static var firstBatchSize: Int { 256 }

    /// Gives the parameters that depend on activations their first values.
    private func initialiseFromFirstBatch(_ input: RowInput) throws {
        guard layout.parameters.contains(where: { $0.initializer == .firstBatch }) else { return }
        let step = TrainStep(
            input: input, rowCount: dataset.count, batchSize: min(Self.firstBatchSize, dataset.count),
            optimizer: optimizer, maximumGradientNorm: maximumGradientNorm, seed: seed, precision: precision,
            known: layout.types)
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
    public func trained() throws -> Trained<M> {
        try Trained(
            model, layout: layout, states: states, dataName: dataset.name, seed: seed, stepCount: stepCount,
            binarization: binarization, precision: precision, options: options, optimizer: optimizer,
            batchSize: batchSize)
    }
}
