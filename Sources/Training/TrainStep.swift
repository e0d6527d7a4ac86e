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
        let data = graph.state(Self.dataState, input.type(rows: rowCount))

        let trace = Trace(
            graph, precision: precision, randomness: try Randomness(seed: seed, step: count, sample: row), known: known)
        let x = try input.prepared(data.rows(row.cast(to: .int32)), trace.root)
        let objective = try model.objective(x, trace.root)
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
