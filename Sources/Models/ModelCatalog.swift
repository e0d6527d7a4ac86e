/// The models that go by a name.
public enum ModelCatalog {
    public struct Entry: Sendable {
        public let name: String
        /// What it is, in one line.
        public let summary: String
        /// With the defaults of all options.
        public let model: any Model
        /// Every option in the order of the model's own, with what it means in one line.
        public let options: [(key: String, meaning: String)]
        /// How long it trains unless told otherwise.
        public let epochs: Int
        public let batchSize: Int
        public let learningRate: Double
    }

    public static let entries: [Entry] = [
        Entry(
            name: Autoencoder.name,
            summary: "plain autoencoder: linear (PCA), MLP or convolutional; no prior, no samples",
            model: Autoencoder(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("architecture", "linear, mlp or conv"),
                ("latent", "size of the code"),
                ("tied", "linear: the decoder's weights are the encoder's, transposed"),
                (
                    "hidden",
                    "mlp: widths of the encoder's hidden layers, reversed in the decoder; conv: width of the dense layer"
                ),
                ("channels", "conv: output channels of each convolution"),
                ("kernel", "conv: kernel size"),
                ("stride", "conv: stride; must divide the image once per convolution"),
                ("activation", activations),
                ("likelihood", likelihoods),
                ("sigma", "standard deviation of the gaussian likelihood; 1 gives squared errors"),
                ("sparsity", "weight of the code's L1 norm"),
                ("corruption", "noise to be removed: none, gaussian, masking or salt_and_pepper"),
                ("corruption_level", "standard deviation or probability of that noise"),
                ("contraction", "weight of the squared Frobenius norm of the encoder's Jacobian"),
            ], epochs: 5, batchSize: 128, learningRate: 1e-3),
        Entry(
            name: VAE.name, summary: "variational autoencoder with dense layers", model: VAE(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("latent", "size of the latent variable"),
                ("hidden", "widths of the encoder's hidden layers, the decoder's in reverse"),
                ("activation", activations),
            ] + variationalOptions, epochs: 10, batchSize: 128, learningRate: 1e-3),
        Entry(
            name: ConvVAE.name, summary: "variational autoencoder with convolutions, for images", model: ConvVAE(),
            options: [
                ("shape", "channels, height and width of an image; training takes the data's"),
                ("latent", "size of the latent variable"),
                ("channels", "output channels of each convolution"),
                ("kernel", "kernel size"),
                ("stride", "stride; must divide the image once per convolution"),
                ("hidden", "width of the dense layer"),
                ("activation", activations),
            ] + variationalOptions, epochs: 5, batchSize: 128, learningRate: 1e-3),
        Entry(
            name: Gaussian.name,
            summary: "one Gaussian with full covariance, fitted in closed form: the baseline of every density model",
            model: Gaussian(),
            options: [("shape", "shape of a row; training takes the data's")],
            epochs: 1, batchSize: 512, learningRate: 0),
        Entry(
            name: RealNVP.name, summary: "normalizing flow of affine couplings: exact density, samples in one pass",
            model: RealNVP(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("layers", "affine couplings; they keep the halves of a row by turns"),
                ("hidden", "widths of the hidden layers of each conditioner"),
                ("activation", activations),
                ("scale_bound", "largest logarithm of a coupling's scale"),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 50, batchSize: 512, learningRate: 1e-3),
        Entry(
            name: Glow.name,
            summary:
                "normalizing flow with convolutions, for images: several scales, exact density, samples in one pass",
            model: Glow(),
            options: [
                ("shape", "channels, height and width of an image; training takes the data's"),
                ("levels", "scales; height and width are halved at each"),
                ("depth", "steps of normalization, 1x1 convolution and coupling at each level"),
                ("width", "channels between the convolutions of each conditioner"),
                ("scale_bound", "largest logarithm of a coupling's scale"),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 10, batchSize: 64, learningRate: 1e-3),
        Entry(
            name: PlanarFlow.name,
            summary: "normalizing flow of planar layers: exact density in one pass, samples by solving equations",
            model: PlanarFlow(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("layers", "planar layers"),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 100, batchSize: 512, learningRate: 5e-3),
        Entry(
            name: NICE.name, summary: "normalizing flow of additive couplings and a learned diagonal scale",
            model: NICE(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("layers", "additive couplings; they keep the halves of a row by turns"),
                ("hidden", "widths of the hidden layers of each conditioner"),
                ("activation", activations),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 50, batchSize: 512, learningRate: 1e-3),
        Entry(
            name: MAF.name,
            summary: "masked autoregressive flow: density in one pass, a sample in one for each element", model: MAF(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("layers", "affine autoregressive layers; every second one takes the elements in reverse"),
                ("hidden", "widths of the hidden layers of each conditioner"),
                ("activation", activations),
                ("scale_bound", "largest logarithm of a layer's scale"),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 50, batchSize: 512, learningRate: 1e-3),
        Entry(
            name: IAF.name,
            summary: "inverse autoregressive flow: samples in one pass, a density in one for each element",
            model: IAF(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("layers", "affine autoregressive layers; every second one takes the elements in reverse"),
                ("hidden", "widths of the hidden layers of each conditioner"),
                ("activation", activations),
                ("scale_bound", "largest logarithm of a layer's scale"),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 50, batchSize: 512, learningRate: 1e-3),
        Entry(
            name: NSF.name,
            summary: "neural spline flow: couplings or autoregressive layers of rational-quadratic splines",
            model: NSF(),
            options: [
                ("shape", "shape of a row; training takes the data's"),
                ("structure", "coupling or autoregressive"),
                ("layers", "spline layers; halves or orders alternate"),
                ("bins", "of each spline"),
                ("tail_bound", "outside plus and minus this, splines are the identity"),
                ("hidden", "widths of the hidden layers of each conditioner"),
                ("activation", activations),
                ("preprocessing", preprocessing),
                ("condition", conditions),
            ], epochs: 50, batchSize: 512, learningRate: 1e-3),
    ]

    public static func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

    private static let activations = "relu, gelu, tanh, softplus, sigmoid, silu, leaky_relu or identity"
    private static let conditions = "none, label or factors: what the data say of each row, given to every layer"
    private static let preprocessing =
        "none, standardize, dequantize (gray levels) or logit (of gray levels, option lambda); training takes dequantize "
        + "for images, else standardize"
    private static let likelihoods = "bernoulli, gaussian (fixed sigma) or learned_gaussian (one learned variance)"
    private static let variationalOptions = [
        ("likelihood", likelihoods),
        ("sigma", "standard deviation of the gaussian likelihood"),
        ("beta", "weight of the KL term in training"),
        ("kl_estimator", "KL term in training: analytic or monte_carlo (always, where there is a flow)"),
        ("posterior", "what q(z | x) is pushed through: gaussian (nothing), planar, realnvp, iaf or nsf"),
        ("prior", "what p(z) is a standard normal through: gaussian (nothing), planar, realnvp, iaf or nsf"),
    ]
}
