import Execution
import Foundation
import Models
import Probability

/// Sums over the draws of each row, into which chunks of draws are merged; then figures are made of them.
struct AssessedRows {
    private struct Sums {
        var sum: [Double]
        var squares: [Double]
        /// Values per row.
        var draws: Int
        /// False for closed forms, which are the same in every chunk.
        var isDrawn: Bool

        /// `values` is [rows, draws].
        init(_ values: [Double], rows: Int, isDrawn: Bool) {
            let width = rows > 0 ? values.count / rows : 1
            let ranges = (0..<rows).map { $0 * width..<($0 + 1) * width }
            sum = ranges.map { values[$0].reduce(0, +) }
            squares = ranges.map { values[$0].reduce(0) { $0 + $1 * $1 } }
            draws = width
            self.isDrawn = isDrawn
        }

        mutating func merge(_ other: Sums) {
            guard isDrawn else { return }
            sum = zip(sum, other.sum).map(+)
            squares = zip(squares, other.squares).map(+)
            draws += other.draws
        }

        var statistics: RowStatistics {
            let n = Double(draws)
            let means = sum.map { $0 / n }
            guard isDrawn else { return RowStatistics(values: means, variances: means.map { _ in 0 }) }
            guard draws > 1 else { return RowStatistics(values: means, variances: nil) }
            let variances = zip(squares, means).map { squares, mean in max(squares / n - mean * mean, 0) / (n - 1) }
            return RowStatistics(values: means, variances: variances)
        }
    }

    /// Running log-sum-exps of the log-weights of each row, and of their doubles.
    private struct Weights {
        var sum: [Double]
        var squares: [Double]

        mutating func merge(_ other: Weights) {
            sum = zip(sum, other.sum).map { logSumExp([$0, $1]) }
            squares = zip(squares, other.squares).map { logSumExp([$0, $1]) }
        }
    }

    private let rows: Int
    private let names: [String]
    private let support: Support
    private var terms: [Sums]
    private var bound: Sums
    private let others: [(name: String, unit: String, values: [Double])]
    private var weights: Weights?
    private var isExact = false

    /// - Parameter outputs: The values of the sketch's terms, its other figures and its weights, in this order.
    init(_ sketch: Assessment, _ outputs: [HostArray], rows: Int, draws: Int) {
        self.rows = rows
        names = sketch.terms.map(\.name)
        support = sketch.support
        let values = outputs.prefix(names.count).map(\.doubles)
        terms = zip(sketch.terms, values).map { Sums($1, rows: rows, isDrawn: $0.isDrawn) }
        // Terms of one draw belong together: the bound has a spread of its own.
        var total = [Double](repeating: 0, count: rows * draws)
        for (term, values) in zip(sketch.terms, values) {
            for index in total.indices { total[index] += values[term.isDrawn ? index : index / draws] }
        }
        bound = Sums(total, rows: rows, isDrawn: sketch.terms.contains { $0.isDrawn })
        others = zip(sketch.others, outputs.dropFirst(sketch.terms.count)).map {
            (name: $0.name, unit: $0.unit, values: $1.doubles)
        }
        switch sketch.likelihood {
        case .none: break
        case .exact: isExact = true
        case .bound:
            let logWeights = outputs.last?.doubles ?? []
            let ranges = (0..<rows).map { $0 * draws..<($0 + 1) * draws }
            weights = Weights(
                sum: ranges.map { logSumExp(logWeights[$0]) },
                squares: ranges.map { logSumExp(logWeights[$0].map { 2 * $0 }) })
        }
    }

    mutating func merge(_ other: AssessedRows) {
        for index in terms.indices { terms[index].merge(other.terms[index]) }
        bound.merge(other.bound)
        if let theirs = other.weights { weights?.merge(theirs) }
    }

    /// What the sum of the terms is. `isBinary` says whether the data are zeros and ones.
    private func kind(isBinary: Bool) -> Evaluation.Kind {
        support == .binary && !isBinary ? .surrogate : weights == nil ? .exact : .lowerBound
    }

    /// Minus the log-likelihood of each row, estimated from several draws; nil where it is not.
    private func estimate(
        importanceSamples: Int, isBinary: Bool
    ) -> (statistics: RowStatistics, kind: Evaluation.Kind)? {
        guard let weights, importanceSamples > 1 else { return nil }
        let k = Double(importanceSamples)
        // The delta method: the variance of log(mean of w) is that of w over its squared mean, over k.
        let variances = zip(weights.sum, weights.squares).map { sum, squares in
            max(exp(squares - 2 * sum) * k - 1, 0) / (k - 1)
        }
        return (
            RowStatistics(values: weights.sum.map { log(k) - $0 }, variances: variances),
            kind(isBinary: isBinary) == .surrogate ? .surrogate : .estimate
        )
    }

    /// Nil where the rows have no likelihood.
    func logLikelihoods(importanceSamples: Int, isBinary: Bool) -> LogLikelihoods? {
        guard isExact || weights != nil else { return nil }
        let best =
            estimate(importanceSamples: importanceSamples, isBinary: isBinary)
            ?? (bound.statistics, kind(isBinary: isBinary))
        return LogLikelihoods(
            kind: best.kind, values: best.statistics.values.map { -$0 },
            parts: zip(names, terms).map { (name: $0, values: $1.statistics.values.map { -$0 }) })
    }

    /// - Parameters:
    ///   - isBinary: Whether the data are zeros and ones.
    ///   - dimensions: Of one row.
    func evaluation(importanceSamples: Int, isBinary: Bool, dimensions: Int) -> Evaluation {
        let kind = self.kind(isBinary: isBinary)
        var figures: [Evaluation.Figure] = []
        let bound = self.bound.statistics
        var best = (statistics: bound, kind: kind)
        if isExact { figures.append(bound.figure("negative_log_likelihood", "nats", kind)) }
        if let estimate = estimate(importanceSamples: importanceSamples, isBinary: isBinary) {
            best = estimate
            figures.append(best.statistics.figure("negative_log_likelihood", "nats", best.kind))
        }
        if weights != nil {
            figures.append(bound.figure("negative_elbo", "nats", kind))
            if support == .levels || (support == .binary && kind != .surrogate) {
                figures.append(
                    best.statistics.figure(
                        "bits_per_dimension", "bits", best.kind, scale: 1 / (Double(dimensions) * log(2))))
            }
        }
        let ledger = zip(names, terms).map { $1.statistics.figure($0, "nats", kind) }
        let rest = others.map { RowStatistics(values: $0.values, variances: nil).figure($0.name, $0.unit, .exact) }
        let nonFinite = (0..<rows).filter { row in
            !(bound.values[row].isFinite && best.statistics.values[row].isFinite
                && others.allSatisfy { $0.values[row].isFinite })
        }
        return Evaluation(
            count: rows, nonFinite: nonFinite.count, importanceSamples: importanceSamples,
            figures: figures + ledger + rest, terms: ledger)
    }
}

/// log(sum(exp(x))); NaN if any is, minus infinity if all are.
private func logSumExp(_ values: some Sequence<Double>) -> Double {
    var peak = -Double.infinity
    for value in values {
        if value.isNaN { return value }
        peak = max(peak, value)
    }
    guard peak.isFinite else { return peak }
    return peak + log(values.reduce(0) { $0 + exp($1 - peak) })
}
