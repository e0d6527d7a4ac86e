import Configuration
import Graph
import Networks
import Probability

/// The variational autoencoder of Kingma and Welling 2014 with dense layers: rows of any shape are flattened,
/// 784-400-20 for 28 x 28 images.
public struct VAE: VariationalAutoencoder {
    public static let name = "vae"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var latent: Int
    /// Widths of the encoder's hidden layers; the decoder has them in reverse.
    public var hidden: [Int]
    public var activation: Activation
    public var likelihood: PixelLikelihood
    public var sigma: Double
    public var beta: Double
    public var klEstimator: KLEstimator
    public var posterior: LatentFlow
    public var prior: LatentFlow

    public init(
        latent: Int = 20, hidden: [Int] = [400], activation: Activation = .relu,
        likelihood: PixelLikelihood = .bernoulli, sigma: Double = 0.1, beta: Double = 1,
        klEstimator: KLEstimator = .analytic, posterior: LatentFlow = .gaussian, prior: LatentFlow = .gaussian,
        shape: [Int] = [1, 28, 28]
    ) {
        self.shape = shape
        self.latent = latent
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.sigma = sigma
        self.beta = beta
        self.klEstimator = klEstimator
        self.posterior = posterior
        self.prior = prior
    }

    public func adapted(to rowShape: [Int]) throws -> VAE {
        var model = self
        model.shape = rowShape
        try checkOptions(latent: latent, hidden: hidden, sigma: sigma)
        try posterior.check("posterior")
        try prior.check("prior")
        return model
    }

    public func features(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try MLP(hidden, activation: activation)(x.flattened(), scope["hidden"])
    }

    public func posterior(_ x: Tensor, _ scope: Scope) throws -> Normal {
        let output = try Dense(2 * latent)(features(x, scope), scope["posterior"]).split(2, axis: 1)
        return try Normal(mean: output[0], logVariance: output[1])
    }

    public func likelihood(_ z: Tensor, _ scope: Scope) throws -> PixelDistribution {
        let h = try MLP(hidden.reversed(), activation: activation)(z, scope["hidden"])
        let output = try Dense(shape.product)(h, scope["pixels"]).rowsReshaped(shape)
        return try likelihood(output, sigma: sigma, scope)
    }
}

/// Throws where options that several models have are out of range.
func checkOptions(latent: Int, hidden: [Int], sigma: Double) throws(ConfigurationError) {
    try checkOption("latent", latent, latent > 0, "at least 1")
    try checkOption("hidden", hidden.first { $0 < 1 } ?? 1, hidden.allSatisfy { $0 > 0 }, "at least 1")
    try checkOption("sigma", sigma, sigma > 0 && sigma.isFinite, "positive")
}

/// Throws where an option of a model has a value that it cannot have.
func checkOption<Value>(
    _ key: String, _ value: Value, _ isAllowed: Bool, _ expected: String
) throws(ConfigurationError) {
    if !isAllowed { throw .badValue("model.\(key)", value: "\(value)", expected: expected) }
}

/// Throws where a bound is not a number above 0.
func checkPositive(_ key: String, _ value: Double) throws(ConfigurationError) {
    try checkOption(key, value, value > 0 && value.isFinite, "a positive number")
}
