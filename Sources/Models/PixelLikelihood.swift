import Graph
import Networks
import Probability

/// The family of p(x | z) that a decoder's output is made into.
public enum PixelLikelihood: String, Codable, Sendable, CaseIterable {
    /// The output is logits. Gray levels in 0...1 are taken as means: a surrogate.
    case bernoulli
    /// The output is the mean; the standard deviation is the option `sigma`.
    case gaussian
    /// The output is the mean; one variance for all elements is learned (Rybkin et al. 2021).
    case learnedGaussian = "learned_gaussian"

    /// The distribution with this decoder output [rows, ...]; a learned variance is the scope's `log_variance`.
    func callAsFunction(_ output: Tensor, sigma: Double, _ scope: Scope) throws(GraphError) -> PixelDistribution {
        switch self {
        case .bernoulli: return .bernoulli(Bernoulli(logits: output))
        case .gaussian: return .gaussian(try Normal(mean: output, standardDeviation: sigma))
        case .learnedGaussian:
            let logVariance = try scope.parameter("log_variance", [1], .zeros)
            return .gaussian(try Normal(mean: output, logVariance: logVariance))
        }
    }
}

/// One of the distributions that `PixelLikelihood` chooses from.
public enum PixelDistribution: DistributionWithMean {
    case bernoulli(Bernoulli)
    case gaussian(Normal)

    private var chosen: any DistributionWithMean {
        switch self {
        case .bernoulli(let bernoulli): bernoulli
        case .gaussian(let normal): normal
        }
    }

    public var mean: Tensor { get throws(GraphError) { try chosen.mean } }
    public var support: Support { chosen.support }
    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor { try chosen.logProb(x) }
    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try chosen.sample(scope) }
}
