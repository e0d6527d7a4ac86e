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
/// Either Gaussian may be pushed through a flow. With z_0 ~ q_0(z | x), the Gaussian of `posterior(_:_:)`, and z_K at the
/// end of its flow, KL = E[log q_0(z_0) - sum_k log |det dz_k / dz_(k-1)| - log p(z_K)] (Rezende and Mohamed 2015,
/// eq. 15), which is taken at the draw; p is exact at every z.
///
/// One's own needs only `posterior` and `likelihood`.
public protocol VariationalAutoencoder: LatentModel, GenerativeModel where Posterior == Normal {
    /// The weight of the KL term in training (Higgins et al. 2017); evaluation always takes 1.
    var beta: Double { get }
    /// Of the plain Gaussians; with a flow, the KL term is always drawn.
    var klEstimator: KLEstimator { get }
    /// Takes draws of the Gaussian posterior to z, given `features`; traced in the scope `posterior_flow`.
    var posterior: LatentFlow { get }
    /// Takes standard normals to z; traced in the scope `prior`.
    var prior: LatentFlow { get }
    /// What a flow posterior knows of each row, [rows, features]; `scope` is the encoder's, where `posterior(_:_:)` may
    /// have traced the same. The row itself unless given.
    func features(_ x: Tensor, _ scope: Scope) throws -> Tensor
    /// One draw of the prior per row, of `shape` [rows, ...]; `temperature` multiplies the standard deviation of the
    /// noise that it is made of.
    func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor
}

extension VariationalAutoencoder {
    public var beta: Double { 1 }
    public var klEstimator: KLEstimator { .analytic }
    public var posterior: LatentFlow { .gaussian }
    public var prior: LatentFlow { .gaussian }

    public func features(_ x: Tensor, _ scope: Scope) throws -> Tensor { try x.flattened() }

    public func latentFlow(_ x: Tensor, _ root: Scope) throws -> Chain {
        let shape = Array(try encode(x, root.shared).mean.shape.dropFirst())
        return try posteriorFlow(shape, context: context(x, root), root)
    }

    private func posteriorFlow(_ shape: [Int], context: Tensor?, _ root: Scope) throws -> Chain {
        Chain(try posterior.bijectors(for: shape, context: context, root["posterior_flow"]))
    }

    /// What the flow posterior is given; nil without one.
    private func context(_ x: Tensor, _ root: Scope) throws -> Tensor? {
        posterior.layers == nil ? nil : try features(x, root["encoder"].shared)
    }

    /// p(z) for latent variables of this shape.
    private func priorDistribution(_ shape: [Int], _ root: Scope) throws -> Transformed {
        Transformed(
            base: StandardNormal(shape), by: try prior.bijectors(for: shape, context: nil, root["prior"]))
    }

    private var hasFlow: Bool { posterior.layers != nil || prior.layers != nil }

    public func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let q = try encode(x, scope)
        let draw = try q.sample(scope["posterior"])
        let shape = Array(draw.shape.dropFirst())
        let flow = try posteriorFlow(shape, context: context(x, scope), scope).forwardAndLogDet(draw)
        let z = flow.value
        let kl: Tensor
        if hasFlow {
            kl = try q.logProb(draw) - flow.logDet - priorDistribution(shape, scope).logProb(z)
        } else {
            switch klEstimator {
            case .analytic: kl = try klDivergenceFromStandardNormal(q)
            case .monteCarlo: kl = try monteCarloKLDivergence(q, Normal.standard(like: z), at: z)
            }
        }
        var objective = Objective()
        objective.add("reconstruction", try -decode(z, scope).logProb(x))
        objective.add("kl", kl, weight: beta)
        return objective
    }

    public func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor {
        let noise = try scope.normal(shape)
        let draw = temperature == 1 ? noise : try noise * temperature
        let bijectors = try prior.bijectors(for: Array(shape.dropFirst()), context: nil, scope)
        return try Chain(bijectors).forwardAndLogDet(draw).value
    }

    public func sample(
        _ rowShape: [Int], temperature: Double, output: DecoderOutput, _ root: Scope
    ) throws -> Tensor {
        let latent = try latentShape(rowShape, root.precision)
        let z = try priorSample([root.sampleCount()] + latent, temperature: temperature, root["prior"])
        return try decoded(z, output, root)
    }

    /// The ELBO, with the closed-form KL where there is one, and the log importance weights of every draw (Burda et al.
    /// 2016, eq. 8), with the density that q has at the end of its flow.
    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        let rows = try x.size(0)
        let q = try encode(x, scope)
        let event = Array(q.mean.shape.dropFirst())
        // Draw d of a row is element d of that row's noise: it does not depend on how many draws there are.
        let noise = try scope["posterior"].normal([rows, draws] + event)
        let draw = try q.mean.expanded(1) + q.standardDeviation.expanded(1) * noise
        let context = try context(x, scope)?.repeated(draws)
        let flow = try posteriorFlow(event, context: context, scope)
            .forwardAndLogDet(try draw.reshaped([rows * draws] + event))
        let likelihood = try decode(flow.value, scope)
        let logLikelihood = try likelihood.logProb(x.repeated(draws)).reshaped([rows, draws])
        // log p(z) - log q(z | x), written so that the noise is not recovered from z.
        let own = try noise.reshaped([rows, draws, event.product])
        let logVariance = try q.logVariance.reshaped([rows, 1, event.product])
        var logRatio: Tensor
        if hasFlow {
            let logPrior = try priorDistribution(event, scope).logProb(flow.value).reshaped([rows, draws])
            let logDraw = try -0.5 * (own * own + logVariance + log2Pi).sum(axes: [2], compensated: true)
            logRatio = try logPrior - logDraw + flow.logDet.reshaped([rows, draws])
        } else {
            let prior = try draw.reshaped([rows, draws, event.product])
            logRatio = try 0.5 * (own * own - prior * prior + logVariance).sum(axes: [2], compensated: true)
        }
        let kl = hasFlow ? try -logRatio : try klDivergenceFromStandardNormal(q).reshaped([rows, 1])
        return Assessment(
            terms: [.init("reconstruction", try -logLikelihood, isDrawn: true), .init("kl", kl, isDrawn: hasFlow)],
            likelihood: .bound(logWeights: try logLikelihood + logRatio), support: likelihood.support)
    }
}

extension Tensor {
    /// Each row `count` times, one after another: [rows * count, ...].
    fileprivate func repeated(_ count: Int) throws(GraphError) -> Tensor {
        let (rows, event) = (try size(0), shape.dropFirst())
        return try expanded(1).broadcast(to: [rows, count] + event).reshaped([rows * count] + event)
    }
}
