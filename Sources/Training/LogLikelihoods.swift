import Execution
import Graph

/// What a model says of log p(x) for each of some rows, in nats.
public struct LogLikelihoods: Sendable {
    /// `exact` of a flow; of a latent-variable model `lower_bound` with one draw and `estimate` with more.
    public let kind: Evaluation.Kind
    /// One per row.
    public let values: [Double]
    /// What they are sums of, one per row each, such as the base density and the log-det of every layer. Of an estimate:
    /// what its lower bound is the sum of.
    public let parts: [(name: String, values: [Double])]

    /// `log_prob` and the parts by their names, each [rows] and float64.
    public var arrays: [(name: String, array: HostArray)] {
        ([("log_prob", values)] + parts).map { (name: $0.0, array: Self.column($0.1)) }
    }

    /// `values` as [rows], float64.
    public var array: HostArray { Self.column(values) }

    private static func column(_ values: [Double]) -> HostArray {
        let type = TensorType([values.count], .float64)
        return HostArray(values, shape: type.shape, .float64) ?? HostArray(type)
    }

    /// The mean over the rows; NaN or infinite if any row's number is.
    public var mean: Double { statistics.mean }
    /// Of the mean, from the spread over the rows.
    public var standardError: Double { statistics.standardErrorData }
    /// Rows whose number is not finite.
    public var nonFinite: Int { values.count { !$0.isFinite } }

    private var statistics: RowStatistics { RowStatistics(values: values, variances: nil) }
}
