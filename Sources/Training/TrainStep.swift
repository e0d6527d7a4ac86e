import Autodiff
import Execution
import Graph
import Models
import Networks

/// Everything that one training step is a function of, besides what lies on the device.
struct TrainStep {
    let input: RowInput
    let rowCount: Int
    let batchSize: Int
    let optimizer: Optimizer
    let maximumGradientNorm: Double?
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

    /// The step as a program. Its input is the learning rate [1]; its output holds the figures named in `figures`.
    func traced(_ model: some Model) throws -> (program: Program, figures: [String]) {
        let graph = Graph()
        let rate = try graph.input("learning rate", TensorType([1], precision)).reshaped([])
        let count = graph.state(Self.countState, TensorType([], .uint32))
        let flag = graph.state(Self.flagState, TensorType([], .uint32))
        let (trace, objective) = try objective(of: model, at: count)
        let loss = try objective.loss()

        let trained = trace.parameters.filter(\.isTrained)
        guard !trained.isEmpty else { throw GraphError("train", "the model has no parameters") }
        var gradients = try gradient(of: loss, at: trained.map(\.tensor))
        let norm = try globalNorm(gradients)
        if let maximumGradientNorm { gradients = try clipped(gradients, norm: norm, to: maximumGradientNorm) }

        let next = try count + count.onesLike()
        let done = try next.cast(to: precision)
        var updates = trace.updates + [(count, next)]
        for (parameter, gradient) in zip(trained, gradients) {
            updates += try optimizer.updates(parameter, gradient: gradient, rate: rate, count: done)
        }
        updates = try gated(updates, flag: flag, watching: [loss, norm])

        var figures: [(name: String, value: Tensor)] = [("loss", loss)]
        for term in objective.terms { figures.append((term.name, try term.value.mean(compensated: true))) }
        figures.append(("gradient_norm", norm))
        let packed = try concatenate(figures.map { try $0.value.reshaped([1]) }, axis: 0)
        return (Program(graph, outputs: [packed], updates: updates), figures.map(\.name))
    }

    /// What parameters that depend on the first batch start as, once all others have their first values: the updates of
    /// a program that runs once. The batch is that of step 0, with its random numbers.
    func firstValues(_ model: some Model) throws -> Program {
        let graph = Graph()
        let (trace, _) = try objective(of: model, at: graph.constant(0, .uint32), isFirstBatch: true)
        return Program(graph, updates: trace.firstValues)
    }

    /// Traces the objective of the batch of step `count`.
    private func objective(
        of model: some Model, at count: Tensor, isFirstBatch: Bool = false
    ) throws -> (trace: Trace, objective: Objective) {
        let row = try rows(at: count)
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
