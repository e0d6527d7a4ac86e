import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

/// A compiled train step and what its output means.
struct CompiledStep {
    let program: CompiledProgram
    let figures: [String]
    let stepsPerEpoch: Int
    var learningRate: Double?
}

/// A training step that has been submitted: the device may still be at work on it.
public struct TrainingStep {
    /// Steps before this one.
    public let index: Int
    public let stepsPerEpoch: Int
    /// As the schedule made it.
    public let learningRate: Double
    /// The loss and its terms on the validation rows, where they were taken after this step.
    public let validation: [(name: String, value: Double)]?
    let read: () throws -> [(name: String, value: Double)]
    let end: () -> Void

    /// Full passes over the data before this step.
    public var epoch: Int { index / stepsPerEpoch }

    /// The mean loss of this step's batch; waits for the device.
    public func loss() throws -> Double { try figures()[0].value }

    /// The loss, its terms and the norm of the gradient; waits for the device.
    public func figures() throws -> [(name: String, value: Double)] { try read() }

    /// Lets this step be the last one of the run.
    public func stop() { end() }
}

extension Training {
    /// Trains for so many more passes over the data. `body` is called after each step. A learning rate that falls by a
    /// schedule has fallen by the end of this run.
    @discardableResult
    public func run(
        epochs: Int, batchSize: Int = 128, _ body: (TrainingStep) throws -> Void = { _ in }
    ) throws -> Training {
        let size = try prepare(batchSize: batchSize)
        return try advance(to: stepCount + epochs * (dataset.count / size), body)
    }

    /// Trains for so many more steps; see `run(epochs:)`.
    @discardableResult
    public func run(
        steps: Int, batchSize: Int = 128, _ body: (TrainingStep) throws -> Void = { _ in }
    ) throws -> Training {
        _ = try prepare(batchSize: batchSize)
        return try advance(to: stepCount + steps, body)
    }

    /// Compiles the step for a batch size without running it, and returns how large batches really are: with fewer rows
    /// than a batch, the batch is the rows.
    @discardableResult
    public func prepare(batchSize wanted: Int) throws -> Int {
        guard !isFinished else {
            throw TrainingError("training", "it has been finished", "train further before calling finish")
        }
        guard wanted > 0 else {
            throw ConfigurationError.badValue("batch_size", value: "\(wanted)", expected: "at least 1")
        }
        let size = min(wanted, dataset.count)
        if let batchSize, batchSize != size {
            throw TrainingError(
                "training", "the batch size changes from \(batchSize) to \(size)", "use one batch size for a training")
        }
        if compiled != nil { return size }
        if size < wanted { notice("only \(size) rows: each batch holds all of them instead of \(wanted)") }
        let step = trainStep(batchSize: size)
        let traced = try step.traced(model)
        compiled = CompiledStep(
            program: try CompiledProgram(traced.program, states: states, options: options.named("train-step")),
            figures: traced.figures, stepsPerEpoch: step.stepsPerEpoch)
        batchSize = size
        return size
    }

    func trainStep(batchSize: Int) -> TrainStep {
        TrainStep(
            input: RowInput(dataset.train, binarization), rowCount: dataset.count, batchSize: batchSize,
            optimizer: optimizer, maximumGradientNorm: maximumGradientNorm, averaging: ema.map(Averaging.init),
            seed: seed, precision: precision, known: layout.types)
    }

    private func advance(to total: Int, _ body: (TrainingStep) throws -> Void) throws -> Training {
        guard let compiled else { return self }
        var stopped = false
        var isChecked = true
        while stepCount < total, !stopped, !isOutOfPatience {
            let index = stepCount
            let rate =
                learningRate
                * learningRateSchedule.factor(ofStep: index, of: total, after: validations)
            try setRate(rate)
            try compiled.program.run()
            stepCount += 1
            isChecked = false
            var validated: [(name: String, value: Double)]?
            if isValidated(afterStep: stepCount, stepsPerEpoch: compiled.stepsPerEpoch) {
                let figures = try validate()
                validations.append(figures[0].value, at: stepCount)
                validated = figures
            }
            let step = TrainingStep(
                index: index, stepsPerEpoch: compiled.stepsPerEpoch, learningRate: rate, validation: validated,
                read: { try self.figures(compiled) }, end: { stopped = true })
            try recorder?.stepped(self, step)
            try body(step)
            // The flag on the device keeps the state before a bad step; the host only has to look now and then.
            if stepCount % 64 == 0 {
                try checkFinite()
                isChecked = true
            }
        }
        if !isChecked { try checkFinite() }
        try recorder?.ended(self)
        return self
    }

    private func setRate(_ rate: Double) throws {
        guard let compiled, compiled.learningRate != rate, let value = HostArray([rate], precision) else { return }
        try compiled.program.setInput(0, value)
        self.compiled?.learningRate = rate
    }

    /// The figures of the last step.
    private func figures(_ compiled: CompiledStep) throws -> [(name: String, value: Double)] {
        try checkFinite()
        return Array(zip(compiled.figures, try compiled.program.output(0).doubles)).map { (name: $0, value: $1) }
    }

    /// Throws if a step met a number that is not finite. Such a step and all after it have changed nothing.
    func checkFinite() throws {
        guard try states.read(TrainStep.flagState).doubles[0] != 0 else { return }
        stepCount = Int(try states.read(TrainStep.countState).doubles[0])
        // Without an origin, as where a device's fast mathematics went astray by itself, there is still an error.
        let problem =
            nonFinite ?? (try? nonFiniteOrigin()) ?? "the loss or a gradient is not finite"
        nonFinite = problem
        throw TrainingError(
            "step \(stepCount)", "\(problem); the parameters before it are kept",
            "lower the learning rate, or limit the gradient norm")
    }
}
