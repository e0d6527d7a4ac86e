import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

extension Trained {
    /// How well the model explains rows: minus the bound on the log-likelihood and its terms, in nats per row, and with
    /// several importance samples an estimate of minus the log-likelihood (Burda et al. 2016, eq. 8).
    ///
    /// Draw k of row i depends on the seed, i and k alone. Sums are taken in float64 on the host.
    public func evaluate(
        _ rows: Rows, importanceSamples: Int = 1, seed: UInt64 = 0, batchSize: Int = 512
    ) throws -> Evaluation {
        try assessed(rows, importanceSamples: importanceSamples, seed: seed, batchSize: batchSize)
            .evaluation(
                importanceSamples: importanceSamples, isBinary: binarization != .none || rows.isBinary,
                dimensions: rows.rowSize)
    }

    /// log p(x) of each row, [rows] in nats: exact of a flow; of a latent-variable model the evidence lower bound, or with
    /// several importance samples an estimate (Burda et al. 2016, eq. 8), in float64.
    public func logProb(
        _ rows: Rows, importanceSamples: Int = 1, seed: UInt64 = 0, batchSize: Int = 512
    ) throws -> HostArray {
        try logLikelihoods(rows, importanceSamples: importanceSamples, seed: seed, batchSize: batchSize).array
    }

    /// As above, for points such as `[[0, 1], [2, 3]]`.
    public func logProb(_ points: [[Float]], importanceSamples: Int = 1, seed: UInt64 = 0) throws -> HostArray {
        if let index = points.firstIndex(where: { $0.count != rowShape.product }) {
            throw TrainingError(
                M.name,
                "point \(index) has \(points[index].count) numbers, but it was trained on rows of shape \(rowShape)",
                "give points of that shape")
        }
        let rows = try Rows(.float(points.flatMap { $0 }), shape: rowShape, place: "points")
        return try logProb(rows, importanceSamples: importanceSamples, seed: seed)
    }

    /// As `logProb`, itemised.
    ///
    /// - Throws: `TrainingError` of a model that gives rows no probability.
    public func logLikelihoods(
        _ rows: Rows, importanceSamples: Int = 1, seed: UInt64 = 0, batchSize: Int = 512
    ) throws -> LogLikelihoods {
        let assessed = try self.assessed(
            rows, importanceSamples: importanceSamples, seed: seed, batchSize: batchSize)
        let isBinary = binarization != .none || rows.isBinary
        guard let result = assessed.logLikelihoods(importanceSamples: importanceSamples, isBinary: isBinary) else {
            throw TrainingError(M.name, "gives rows no probability", "use a flow or a VAE, or evaluate this model")
        }
        return result
    }

    private func assessed(
        _ rows: Rows, importanceSamples: Int, seed: UInt64, batchSize: Int
    ) throws -> AssessedRows {
        guard importanceSamples > 0 else {
            throw ConfigurationError.badValue(
                "importance_samples", value: "\(importanceSamples)", expected: "at least 1")
        }
        guard batchSize > 0 else {
            throw ConfigurationError.badValue("batch_size", value: "\(batchSize)", expected: "at least 1")
        }
        guard rows.count > 0 else { throw TrainingError("evaluate", "there are no rows", "give at least one") }
        if binarization == .none { try model.check(rows) }
        var total: AssessedRows?
        // A chunk of draws is decoded side by side; its number takes the step's place among the random numbers.
        let chunks = (importanceSamples + Self.chunkSize - 1) / Self.chunkSize
        for chunk in 0..<chunks {
            let draws = min(Self.chunkSize, importanceSamples - chunk * Self.chunkSize)
            let part = try assessed(
                rows, draws: draws, chunk: (chunk, chunks), seed: seed, batchSize: max(batchSize / draws, 1))
            total?.merge(part)
            total = total ?? part
        }
        guard let total else {
            throw TrainingError("evaluate", "nothing was drawn", "use at least 1 importance sample")
        }
        return total
    }

    private static var chunkSize: Int { 64 }

    private func assessed(
        _ rows: Rows, draws: Int, chunk: (index: Int, count: Int), seed: UInt64, batchSize: Int
    ) throws -> AssessedRows {
        // What the outputs are is known from a trace, which compiling may skip.
        let graph = Graph()
        let randomness = Randomness(
            seed: graph.input("seed", TensorType([2], .uint32)), step: graph.input("step", TensorType([], .uint32)),
            sample: graph.input("sample", TensorType([1], .uint32)))
        let trace = Trace(
            graph, precision: precision, randomness: randomness,
            condition: try model.givenCondition.input(graph, rows: 1, precision), known: layout.types)
        let sketch = try model.assessment(
            graph.input("x", TensorType([1] + rowShape, precision)), draws: draws, trace.root)

        let outputs = try mapRows(
            "assessment of \(draws) draws", rows, batchSize: batchSize, seed: seed, step: chunk.index, stage: chunk
        ) { x, context in
            let assessment = try model.assessment(x, draws: draws, context.root)
            return assessment.terms.map(\.value) + assessment.others.map(\.value)
                + assessment.logWeights
        }
        return AssessedRows(sketch, outputs, rows: rows.count, draws: draws)
    }
}

extension Assessment {
    /// One tensor, where the likelihood is bounded.
    fileprivate var logWeights: [Tensor] { if case .bound(let weights) = likelihood { [weights] } else { [] } }
}
