import Configuration

/// Figures of a model on some rows, itemised.
public struct Evaluation: Sendable, CustomStringConvertible {
    /// What a figure says about the log-likelihood.
    public enum Kind: String, Codable, Sendable {
        case exact
        /// Of the log-likelihood, so the negative figure is an upper bound.
        case lowerBound = "lower_bound"
        case estimate
        /// No likelihood of the data, such as Bernoulli means on gray levels.
        case surrogate
    }

    public struct Figure: Sendable {
        public let name: String
        /// The mean over the rows; NaN if any row's number is not finite.
        public let value: Double
        public let unit: String
        public let kind: Kind
        /// Of the mean, from the spread over the rows.
        public let standardErrorData: Double
        /// Of the mean, from the draws of latent variables: 0 of a closed form, nil where one draw cannot tell.
        public let standardErrorMonteCarlo: Double?
    }

    /// Rows.
    public let count: Int
    /// Rows with a number that is not finite.
    public let nonFinite: Int
    public let importanceSamples: Int
    public let figures: [Figure]
    /// The parts of the negative bound, which sum to it.
    public let terms: [Figure]

    public subscript(name: String) -> Figure? { (figures + terms).first { $0.name == name } }

    /// The part of the command line's answer that is the evaluation's.
    public var json: JSONTree {
        func number(_ value: Double?) -> JSONTree { value.flatMap { JSONNumber($0) }.map { .number($0) } ?? .null }
        func tree(_ list: [Figure]) -> JSONTree {
            var object = JSONObject()
            for figure in list {
                object[figure.name] = [
                    "value": number(figure.value), "unit": .string(figure.unit), "kind": .string(figure.kind.rawValue),
                    "standard_error_data": number(figure.standardErrorData),
                    "standard_error_monte_carlo": number(figure.standardErrorMonteCarlo),
                ]
            }
            return .object(object)
        }
        return [
            "count": .number(JSONNumber(count)), "non_finite": .number(JSONNumber(nonFinite)),
            "importance_samples": .number(JSONNumber(importanceSamples)), "figures": tree(figures),
            "terms": tree(terms),
        ]
    }

    /// One line per figure.
    public var description: String {
        let all = figures + terms.filter { term in !figures.contains { $0.name == term.name } }
        let width = all.map(\.name.count).max() ?? 0
        var lines = all.map { figure in
            let name = figure.name + String(repeating: " ", count: width - figure.name.count)
            var line = "\(name)  \(rounded(figure.value)) \(figure.unit), \(figure.kind.rawValue)"
            line += ", +-\(rounded(figure.standardErrorData)) over \(count) rows"
            if let error = figure.standardErrorMonteCarlo, error > 0 { line += ", +-\(rounded(error)) over draws" }
            return line
        }
        if nonFinite > 0 { lines.append("\(nonFinite) of \(count) rows are not finite") }
        return lines.joined(separator: "\n")
    }

    private func rounded(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let digits = abs(value) < 1 ? 1e4 : 1e2
        return "\((value * digits).rounded() / digits)"
    }
}

/// The mean of one number per row, and how sure it is.
struct RowStatistics {
    var values: [Double]
    /// Of each row's value, from its draws; nil where one draw cannot tell.
    var variances: [Double]?

    var mean: Double { values.reduce(0, +) / Double(values.count) }

    var standardErrorData: Double {
        let (mean, count) = (mean, Double(values.count))
        guard count > 1 else { return 0 }
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1) / count).squareRoot()
    }

    var standardErrorMonteCarlo: Double? {
        variances.map { $0.reduce(0, +).squareRoot() / Double(values.count) }
    }

    func figure(_ name: String, _ unit: String, _ kind: Evaluation.Kind, scale: Double = 1) -> Evaluation.Figure {
        Evaluation.Figure(
            name: name, value: mean * scale, unit: unit, kind: kind, standardErrorData: standardErrorData * scale,
            standardErrorMonteCarlo: standardErrorMonteCarlo.map { $0 * scale })
    }
}
