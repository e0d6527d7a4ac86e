import Datasets
import Execution
import Foundation
import Graph
import Models
import Networks
import Probability

extension Trained {
    /// How well the model explains rows: minus the bound on the log-likelihood and its terms, in nats per row, and with
    /// several importance samples an estimate of minus the log-likelihood (Burda et al. 2016, eq. 8).
    ///
    /// Draw k of row i depends on the seed, i and k alone. Sums are taken in float64 on the host.
    public func evaluate(
        _ rows: Datasets.Rows, importanceSamples: Int = 1, seed: UInt64 = 0, batchSize: Int = 512
    ) throws -> Evaluation {
        guard importanceSamples > 0 else {
            throw TrainingError("evaluate", "\(importanceSamples) importance samples", "use at least 1")
        }
        guard batchSize > 0 else {
            throw TrainingError("evaluate", "batches of \(batchSize) rows", "use a batch size of at least 1")
        }
        let isBinary = binarization != .none || rows.isBinary
        var total: AssessedRows?
        // A chunk of draws is decoded side by side; its number takes the step's place among the random numbers.
        for chunk in 0..<((importanceSamples + Self.chunkSize - 1) / Self.chunkSize) {
            let draws = min(Self.chunkSize, importanceSamples - chunk * Self.chunkSize)
            let part = try assessed(rows, draws: draws, chunk: chunk, seed: seed, batchSize: max(batchSize / draws, 1))
            if total == nil { total = part } else { total?.merge(part) }
        }
        guard let total else { throw TrainingError("evaluate", "there are no rows", "give at least one") }
        return total.evaluation(
            count: rows.count, importanceSamples: importanceSamples, isBinary: isBinary, dimensions: rows.rowSize)
    }

    private static var chunkSize: Int { 64 }

    private func assessed(
        _ rows: Datasets.Rows, draws: Int, chunk: Int, seed: UInt64, batchSize: Int
    ) throws -> AssessedRows {
        // What the outputs are is known from a trace, which compiling may skip.
        let graph = Graph()
        let randomness = Randomness(
            seed: graph.input("seed", TensorType([2], .uint32)), step: graph.input("step", TensorType([], .uint32)),
            sample: graph.input("sample", TensorType([1], .uint32)))
        let trace = Trace(graph, precision: precision, randomness: randomness, known: layout.types)
        let sketch = try model.assessment(
            graph.input("x", TensorType([1] + rowShape, precision)), draws: draws, trace.root)

        let outputs = try mapRows(
            "assessment of \(draws) draws", rows, batchSize: batchSize, seed: seed, step: chunk
        ) { x, context in
            let assessment = try model.assessment(x, draws: draws, context.root)
            return assessment.terms.map(\.value) + assessment.others.map(\.value)
                + (assessment.logWeights.map { [$0] } ?? [])
        }
        return AssessedRows(sketch, outputs, draws: draws)
    }
}

/// Sums over the draws of each row, which chunks of draws are merged into.
private struct AssessedRows {
    struct Sums {
        var sum: [Double]
        var squares: [Double]
        /// Values per row: 1 where a term has a closed form.
        var draws: Int
    }

    let names: [String]
    let support: Support
    var terms: [Sums]
    var bound: Sums
    let others: [(name: String, unit: String, values: [Double])]
    /// Running log-sum-exp of the log-weights and of their doubles.
    var logSum: [Double]?
    var logSumOfSquares: [Double]?

    init(_ sketch: Assessment, _ outputs: [HostArray], draws: Int) {
        names = sketch.terms.map(\.name)
        support = sketch.support
        let count = outputs.first?.shape[0] ?? 0
        let values = outputs.prefix(names.count).map(\.doubles)
        terms = values.map { Self.sums($0, rows: count) }
        // The bound's own spread: terms of one draw belong together.
        var bound = [Double](repeating: 0, count: count * draws)
        for term in values {
            let width = count > 0 ? term.count / count : 1
            for index in bound.indices { bound[index] += term[index / draws * width + (width == 1 ? 0 : index % draws)] }
        }
        self.bound = Self.sums(bound, rows: count)
        others = sketch.others.enumerated().map { index, other in
            (name: other.name, unit: other.unit, values: outputs[names.count + index].doubles)
        }
        guard sketch.logWeights != nil, let weights = outputs.last?.doubles else { return }
        logSum = (0..<count).map { logSumExp(weights[$0 * draws..<($0 + 1) * draws]) }
        logSumOfSquares = (0..<count).map { logSumExp(weights[$0 * draws..<($0 + 1) * draws].map { 2 * $0 }[...]) }
    }

    private static func sums(_ values: [Double], rows: Int) -> Sums {
        let width = rows > 0 ? values.count / rows : 1
        let ranges = (0..<rows).map { $0 * width..<($0 + 1) * width }
        return Sums(
            sum: ranges.map { values[$0].reduce(0, +) }, squares: ranges.map { values[$0].reduce(0) { $0 + $1 * $1 } },
            draws: width)
    }

    mutating func merge(_ other: AssessedRows) {
        func merged(_ a: Sums, _ b: Sums) -> Sums {
            // A closed form is the same in every chunk.
            if a.draws == 1, b.draws == 1, a.sum == b.sum { return a }
            return Sums(
                sum: zip(a.sum, b.sum).map(+), squares: zip(a.squares, b.squares).map(+), draws: a.draws + b.draws)
        }
        terms = zip(terms, other.terms).map(merged)
        bound = merged(bound, other.bound)
        if let mine = logSum, let theirs = other.logSum { logSum = zip(mine, theirs).map { logSumExp([$0, $1]) } }
        if let mine = logSumOfSquares, let theirs = other.logSumOfSquares {
            logSumOfSquares = zip(mine, theirs).map { logSumExp([$0, $1]) }
        }
    }

    private func statistics(_ sums: Sums, isDrawn: Bool) -> RowStatistics {
        let n = Double(sums.draws)
        let means = sums.sum.map { $0 / n }
        var variances: [Double]?
        if !isDrawn {
            variances = means.map { _ in 0 }
        } else if sums.draws > 1 {
            variances = zip(sums.squares, means).map { squares, mean in max(squares / n - mean * mean, 0) / (n - 1) }
        }
        return RowStatistics(values: means, variances: variances)
    }

    func evaluation(count: Int, importanceSamples: Int, isBinary: Bool, dimensions: Int) -> Evaluation {
        let isSurrogate = support == .binary && !isBinary
        let kind: Evaluation.Kind = isSurrogate ? .surrogate : logSum == nil ? .exact : .lowerBound
        let isDrawn = logSum != nil
        var figures: [Evaluation.Figure] = []
        let bound = statistics(self.bound, isDrawn: isDrawn)
        var best = bound
        var bestKind = kind
        if let logSum, let logSumOfSquares, importanceSamples > 1 {
            let k = Double(importanceSamples)
            // The delta method: the variance of log(mean of w) is that of w over its squared mean, over k.
            let variances = zip(logSum, logSumOfSquares).map { sum, squares in
                max(exp(squares - 2 * sum) * k - 1, 0) / (k - 1)
            }
            best = RowStatistics(values: logSum.map { Foundation.log(k) - $0 }, variances: variances)
            bestKind = isSurrogate ? .surrogate : .estimate
            figures.append(best.figure("negative_log_likelihood", "nats", bestKind))
        }
        if isDrawn { figures.append(bound.figure("negative_elbo", "nats", kind)) }
        if isDrawn, support == .binary, !isSurrogate {
            let scale = 1 / (Double(dimensions) * Foundation.log(2))
            figures.append(best.figure("bits_per_dimension", "bits", bestKind, scale: scale))
        }
        let ledger = zip(names, terms).map { name, sums in
            statistics(sums, isDrawn: isDrawn && (sums.draws > 1 || name == "reconstruction")).figure(name, "nats", kind)
        }
        figures += ledger
        for other in others {
            figures.append(RowStatistics(values: other.values, variances: nil).figure(other.name, other.unit, .exact))
        }
        let finite = (0..<count).filter { row in
            bound.values[row].isFinite && best.values[row].isFinite && others.allSatisfy { $0.values[row].isFinite }
        }
        return Evaluation(
            count: count, nonFinite: count - finite.count, importanceSamples: importanceSamples, figures: figures,
            terms: ledger)
    }
}

/// log(sum(exp(x))), also where all are minus infinity.
private func logSumExp(_ values: ArraySlice<Double>) -> Double {
    guard let peak = values.max(), peak.isFinite else { return values.max() ?? -.infinity }
    return peak + Foundation.log(values.reduce(0) { $0 + Foundation.exp($1 - peak) })
}
