import Autodiff
import Execution
import Graph
import Models
import Networks

/// A traced training step and what its parts mean.
struct TracedStep {
    let program: Program
    /// The names of the figures in the output.
    let figures: [String]
    /// What must be finite: the loss, and the norm of the gradient.
    let watched: [Tensor]
    /// The indices of the batch's rows, uint32 [batchSize].
    let rows: Tensor

    static let normScope = "gradient_norm"
}

/// Everything that one training step is a function of, besides what lies on the device.
struct TrainStep {
    let input: RowInput
    let rowCount: Int
    let batchSize: Int
    let optimizer: Optimizer
    let maximumGradientNorm: Double?
    let averaging: Averaging?
    let seed: UInt64
    let precision: ScalarType
    let known: [String: TensorType]

    /// States of the training itself.
    static let dataState = "data"
    static let conditionState = "data/condition"
    static let countState = "training/step"
    static let flagState = "training/non_finite"

    /// Full batches in one pass over the rows.
    var stepsPerEpoch: Int { rowCount / batchSize }

    /// The step as a program. Its input is the learning rate [1]; its output holds the figures.
    func traced(_ model: some Model) throws -> TracedStep {
        let graph = Graph()
        let rate = try graph.input("learning rate", TensorType([1], precision)).reshaped([])
        let count = graph.state(Self.countState, TensorType([], .uint32))
        let flag = graph.state(Self.flagState, TensorType([], .uint32))
        let row = try rows(at: count)
        let (trace, objective) = try objective(of: model, rows: row, step: count)
        let loss = try objective.loss()

        let trained = trace.parameters.filter(\.isTrained)
        guard !trained.isEmpty else { throw GraphError("train", "the model has no parameters") }
        var gradients = try gradient(of: loss, at: trained.map(\.tensor))
        let norm = try graph.located(scope: TracedStep.normScope, file: #fileID, line: #line) {
            () throws(GraphError) in try globalNorm(gradients)
        }
        if let maximumGradientNorm { gradients = try clipped(gradients, norm: norm, to: maximumGradientNorm) }

        let next = try count + count.onesLike()
        let done = try next.cast(to: precision)
        var updates = trace.updates + [(count, next)]
        for (parameter, gradient) in zip(trained, gradients) {
            updates += try optimizer.updates(parameter, gradient: gradient, rate: rate, count: done)
        }
        if let averaging { updates += try averaging.updates(trained, after: updates, count: done) }
        updates = try gated(updates, flag: flag, watching: [loss, norm])

        var figures: [(name: String, value: Tensor)] = [("loss", loss)]
        for term in objective.terms { figures.append((term.name, try term.value.mean(compensated: true))) }
        figures.append(("gradient_norm", norm))
        let packed = try concatenate(figures.map { try $0.value.reshaped([1]) }, axis: 0)
        return TracedStep(
            program: Program(graph, outputs: [packed], updates: updates), figures: figures.map(\.name),
            watched: [loss, norm], rows: row)
    }

    /// What parameters that depend on the first batch start as, once all others have their first values: the updates of
    /// a program that runs once. The batch is that of step 0, with its random numbers.
    func firstValues(_ model: some Model) throws -> Program {
        let graph = Graph()
        let count = graph.constant(0, .uint32)
        let (trace, _) = try objective(of: model, rows: rows(at: count), step: count, isFirstBatch: true)
        let averages = trace.parameters.filter { averaging != nil && $0.isTrained }.compactMap { parameter in
            trace.firstValues.first { $0.state.id == parameter.tensor.id }.map {
                (state: graph.state(Averaging.state(parameter.path), parameter.type), value: $0.value)
            }
        }
        return Program(graph, updates: trace.firstValues + averages)
    }

    /// Traces the objective of a batch.
    private func objective(
        of model: some Model, rows row: Tensor, step count: Tensor, isFirstBatch: Bool = false
    ) throws -> (trace: Trace, objective: Objective) {
        let data = count.graph.state(Self.dataState, input.type(rows: rowCount))
        let place = try row.cast(to: .int32)
        let conditions = model.givenCondition.type(rows: rowCount).map { count.graph.state(Self.conditionState, $0) }
        let trace = Trace(
            count.graph, precision: precision, randomness: try Randomness(seed: seed, step: count, sample: row),
            condition: try conditions?.rows(place).cast(to: precision), known: known, isTraining: true,
            isFirstBatch: isFirstBatch)
        let x = try input.prepared(data.rows(place), trace.root)
        return (trace, try model.objective(x, trace.root))
    }

    /// The data rows of step `count`, uint32 [batchSize]: a stretch of the epoch's keyed permutation.
    private func rows(at count: Tensor) throws(GraphError) -> Tensor {
        let graph = count.graph
        func number(_ value: Int) -> Tensor { graph.constant(Double(value), .uint32) }
        let epoch = try count / number(stepsPerEpoch)
        let first = try count % number(stepsPerEpoch) * number(batchSize)
        let position = try graph.iota([batchSize], axis: 0).cast(to: .uint32) + first
        return try permute(position, count: number(rowCount), key: (number(Int(shuffleKey)), epoch))
    }

    /// Both halves of the seed in 32 bits; a seed below 2^32 is its own key.
    private var shuffleKey: UInt32 {
        UInt32(truncatingIfNeeded: seed) ^ UInt32(truncatingIfNeeded: seed >> 32) &* 0x9e37_79b9
    }
}
