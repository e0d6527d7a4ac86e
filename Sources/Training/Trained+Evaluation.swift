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
        guard importanceSamples > 0 else {
            throw ConfigurationError.badValue(
                "importance_samples", value: "\(importanceSamples)", expected: "at least 1")
        }
        guard batchSize > 0 else {
            throw ConfigurationError.badValue("batch_size", value: "\(batchSize)", expected: "at least 1")
        }
        guard rows.count > 0 else { throw TrainingError("evaluate", "there are no rows", "give at least one") }
        if binarization == .none { try model.check(rows) }
        let isBinary = binarization != .none || rows.isBinary
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
        return total.evaluation(importanceSamples: importanceSamples, isBinary: isBinary, dimensions: rows.rowSize)
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
