import Graph
import Networks
import Probability

/// A variational autoencoder for images: convolutions and a dense layer to the posterior, their mirror image back.
///
/// With the defaults and 28 x 28 images: conv 4x4 stride 2 (32), ReLU, the same (64), ReLU, dense 256, ReLU,
/// dense 2 x 32; dense 256, ReLU, dense 3136, ReLU, transposed conv 4x4 stride 2 (32), ReLU, the same (1).
public struct ConvVAE: VariationalAutoencoder {
    public static let name = "conv-vae"

    /// [channels, height, width] of an image: training sets it to the data's.
    public var shape: [Int]
    public var latent: Int
    /// Output channels of each convolution; each divides height and width by the stride.
    public var channels: [Int]
    public var kernel: Int
    public var stride: Int
    public var hidden: Int
    public var activation: Activation
    public var likelihood: PixelLikelihood
    public var sigma: Double
    public var beta: Double
    public var klEstimator: KLEstimator
    public var posterior: LatentFlow
    public var prior: LatentFlow

    public init(
        latent: Int = 32, channels: [Int] = [32, 64], kernel: Int = 4, stride: Int = 2, hidden: Int = 256,
        activation: Activation = .relu, likelihood: PixelLikelihood = .bernoulli, sigma: Double = 0.1,
        beta: Double = 1, klEstimator: KLEstimator = .analytic, posterior: LatentFlow = .gaussian,
        prior: LatentFlow = .gaussian, shape: [Int] = [1, 28, 28]
    ) {
        self.shape = shape
        self.latent = latent
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.hidden = hidden
        self.activation = activation
        self.likelihood = likelihood
        self.sigma = sigma
        self.beta = beta
        self.klEstimator = klEstimator
        self.posterior = posterior
        self.prior = prior
    }

    private var stack: ConvolutionStack {
        ConvolutionStack(
            shape: shape, channels: channels, kernel: kernel, stride: stride, hidden: hidden, activation: activation)
    }

    public func adapted(to rowShape: [Int]) throws -> ConvVAE {
        var model = self
        model.shape = rowShape
        try checkOptions(latent: latent, hidden: [hidden], sigma: sigma)
        try posterior.check("posterior")
        try prior.check("prior")
        try model.stack.check(Self.name)
        return model
    }

    public func features(_ x: Tensor, _ scope: Scope) throws -> Tensor { try stack.features(x, scope) }

    public func posterior(_ x: Tensor, _ scope: Scope) throws -> Normal {
        let output = try Dense(2 * latent)(features(x, scope), scope["posterior"]).split(2, axis: 1)
        return try Normal(mean: output[0], logVariance: output[1])
    }

    public func likelihood(_ z: Tensor, _ scope: Scope) throws -> PixelDistribution {
        try likelihood(stack.pixels(z, scope), sigma: sigma, scope)
    }
}
