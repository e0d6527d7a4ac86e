import Graph
import Networks
import Probability

/// How the Kullback-Leibler term of the ELBO is computed in training.
public enum KLEstimator: String, Codable, Sendable, CaseIterable {
    case analytic
    /// log q(z | x) - log p(z) at the draw of z: unbiased, with more variance.
    case monteCarlo = "monte_carlo"
}

/// A latent-variable model with a standard normal prior and a diagonal Gaussian posterior, trained on the evidence
/// lower bound (Kingma and Welling 2014): reconstruction -E[log p(x | z)], summed over the row, plus
/// KL(q(z | x) || p(z)).
///
/// One's own needs only `posterior` and `likelihood`.
public protocol VariationalAutoencoder: LatentModel, GenerativeModel where Posterior == Normal {
    /// The weight of the KL term in training (Higgins et al. 2017); evaluation always takes 1.
    var beta: Double { get }
    var klEstimator: KLEstimator { get }
    /// One draw of the prior per row, of `shape` [rows, ...]; `temperature` multiplies the standard deviation of the
    /// noise that it is made of.
    func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor
}

extension VariationalAutoencoder {
    public var beta: Double { 1 }
    public var klEstimator: KLEstimator { .analytic }

    public func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let q = try encode(x, scope)
        let z = try q.sample(scope["posterior"])
        let kl =
            switch klEstimator {
            case .analytic: try klDivergenceFromStandardNormal(q)
            case .monteCarlo: try monteCarloKLDivergence(q, Normal.standard(like: z), at: z)
            }
        var objective = Objective()
        objective.add("reconstruction", try -decode(z, scope).logProb(x))
        objective.add("kl", kl, weight: beta)
        return objective
    }

    public func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor {
        let noise = try scope.normal(shape)
        return temperature == 1 ? noise : try noise * temperature
    }

    public func sample(
        _ rowShape: [Int], temperature: Double, output: DecoderOutput, _ root: Scope
    ) throws -> Tensor {
        let latent = try latentShape(rowShape, root.precision)
        let z = try priorSample([root.sampleCount()] + latent, temperature: temperature, root["prior"])
        return try decoded(z, output, root)
    }

    /// The ELBO with the closed-form KL, and the log importance weights of every draw (Burda et al. 2016, eq. 8).
    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        let rows = try x.size(0)
        let q = try encode(x, scope)
        let event = Array(q.mean.shape.dropFirst())
        // Draw d of a row is element d of that row's noise: it does not depend on how many draws there are.
        let noise = try scope["posterior"].normal([rows, draws] + event)
        let z = try q.mean.expanded(1) + q.standardDeviation.expanded(1) * noise
        let flat = try z.reshaped([rows * draws] + event)
        let repeated = try x.expanded(1).broadcast(to: [rows, draws] + x.shape.dropFirst())
        let likelihood = try decode(flat, scope)
        let logLikelihood = try likelihood.logProb(try repeated.reshaped([rows * draws] + x.shape.dropFirst()))
            .reshaped([rows, draws])
        // log p(z) - log q(z | x), written so that the noise is not recovered from z.
        let prior = try z.reshaped([rows, draws, event.product])
        let own = try noise.reshaped([rows, draws, event.product])
        let logVariance = try q.logVariance.reshaped([rows, 1, event.product])
        let logRatio = try 0.5 * (own * own - prior * prior + logVariance).sum(axes: [2], compensated: true)
        let kl = try klDivergenceFromStandardNormal(q).reshaped([rows, 1])
        return Assessment(
            terms: [.init("reconstruction", try -logLikelihood, isDrawn: true), .init("kl", kl, isDrawn: false)],
            likelihood: .bound(logWeights: try logLikelihood + logRatio), support: likelihood.support)
    }
}
