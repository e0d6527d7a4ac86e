import Autodiff
import Graph
import Networks
import Probability

/// A plain autoencoder: a code for each row and its reconstruction, without a prior.
///
/// The linear one works on centred data, z = W (x - mean), x' = mean + V z with V = W^T if the weights are tied;
/// trained on squared errors it spans the principal subspace (Baldi and Hornik 1989). The others have the layers of
/// `VAE` and `ConvVAE`.
public struct Autoencoder: LatentModel {
    public static let name = "autoencoder"

    public enum Architecture: String, Codable, Sendable, CaseIterable { case linear, mlp, conv }

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]
    public var architecture: Architecture
    public var latent: Int
    /// Linear: the decoder's weights are the encoder's, transposed.
    public var tied: Bool
    /// MLP: widths of the encoder's hidden layers; conv: the last one is the width of the dense layer.
    public var hidden: [Int]
    /// Conv: output channels of each convolution.
    public var channels: [Int]
    public var kernel: Int
    public var stride: Int
    public var activation: Activation
    public var likelihood: PixelLikelihood
    public var sigma: Double
    /// The weight of the code's L1 norm.
    public var sparsity: Double
    public var corruption: Corruption
    public var corruptionLevel: Double
    /// The weight of the squared Frobenius norm of the encoder's Jacobian (Rifai et al. 2011, eq. 2).
    public var contraction: Double

    public init(
        architecture: Architecture = .mlp, latent: Int = 32, tied: Bool = false, hidden: [Int] = [400],
        channels: [Int] = [32, 64], kernel: Int = 4, stride: Int = 2, activation: Activation = .relu,
        likelihood: PixelLikelihood = .gaussian, sigma: Double = 1, sparsity: Double = 0,
        corruption: Corruption = .none, corruptionLevel: Double = 0.3, contraction: Double = 0,
        shape: [Int] = [1, 28, 28]
    ) {
        self.shape = shape
        self.architecture = architecture
        self.latent = latent
        self.tied = tied
        self.hidden = hidden
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.activation = activation
        self.likelihood = likelihood
        self.sigma = sigma
        self.sparsity = sparsity
        self.corruption = corruption
        self.corruptionLevel = corruptionLevel
        self.contraction = contraction
    }

    private var stack: ConvolutionStack {
        ConvolutionStack(
            shape: shape, channels: channels, kernel: kernel, stride: stride, hidden: hidden.last ?? 256,
            activation: activation)
    }

    public func adapted(to rowShape: [Int]) throws -> Autoencoder {
        var model = self
        model.shape = rowShape
        try checkOptions(latent: latent, hidden: hidden, sigma: sigma)
        if architecture == .conv { try model.stack.check(Self.name) }
        let weights = [
            ("sparsity", sparsity), ("contraction", contraction), ("corruption_level", corruptionLevel),
        ]
        for (key, value) in weights { try checkOption(key, value, value >= 0 && value.isFinite, "0 or more") }
        let isProbability = corruption == .masking || corruption == .saltAndPepper
        try checkOption(
            "corruption_level", corruptionLevel, !isProbability || corruptionLevel <= 1, "a probability")
        return model
    }

    public func posterior(_ x: Tensor, _ scope: Scope) throws -> Deterministic {
        switch architecture {
        case .linear:
            let centred = try x.flattened() - scope.state("mean", [shape.product], .dataMean)
            return Deterministic(try matmul(centred, linearWeight(scope).transposed()))
        case .mlp:
            let h = try MLP(hidden, activation: activation)(x.flattened(), scope["hidden"])
            return Deterministic(try Dense(latent)(h, scope["code"]))
        case .conv: return Deterministic(try Dense(latent)(stack.features(x, scope), scope["code"]))
        }
    }

    public func likelihood(_ z: Tensor, _ scope: Scope) throws -> PixelDistribution {
        var output: Tensor
        switch architecture {
        case .linear:
            let weight =
                try tied
                ? linearWeight(scope)
                : scope.parameter("weight", [shape.product, latent], .uniform(fanIn: latent)).transposed()
            output = try matmul(z, weight) + scope.state("mean", [shape.product], .dataMean)
        case .mlp:
            let h = try MLP(hidden.reversed(), activation: activation)(z, scope["hidden"])
            output = try Dense(shape.product)(h, scope["pixels"])
        case .conv: output = try stack.pixels(z, scope)
        }
        return try likelihood(output.rowsReshaped(shape), sigma: sigma, scope)
    }

    /// [latent, inputs]: the encoder's, or one for both.
    private func linearWeight(_ scope: Scope) throws(GraphError) -> Tensor {
        let type = [latent, shape.product]
        let initializer = Initializer.uniform(fanIn: shape.product)
        return try tied
            ? scope.parent["tied"].parameter("weight", type, initializer, shared: true)
            : scope.parameter("weight", type, initializer)
    }

    /// The reconstruction of the clean row from the (corrupted) one, and the penalties that are asked for.
    public func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let input = try corruption(x, level: corruptionLevel, scope["corruption"])
        let code = try encode(input, scope).mean
        var objective = Objective()
        objective.add("reconstruction", try -decode(code, scope).logProb(x))
        if sparsity > 0 { objective.add("sparsity", try abs(code).rowSum(), weight: sparsity) }
        if contraction > 0 {
            objective.add("contraction", try jacobianNorm(of: code, at: input), weight: contraction)
        }
        return objective
    }

    /// The squared Frobenius norm of each row's Jacobian d code / d input, exactly: one reverse sweep per code element,
    /// [rows]. Rows must not depend on each other.
    private func jacobianNorm(of code: Tensor, at input: Tensor) throws(GraphError) -> Tensor {
        var total = input.graph.constant(0, TensorType([try input.size(0)], input.scalar))
        for index in 0..<code.shape[1] {
            let slope = try gradient(of: code.at(index, axis: 1).sum(), at: input)
            total = try total + (slope * slope).rowSum()
        }
        return total
    }

    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        let p = try decode(encode(x, scope).mean, scope)
        let error = try p.mean - x
        let mean = try (error * error).rowSum() / Double(max(shape.product, 1))
        return Assessment(
            terms: [.init("reconstruction", try -p.logProb(x).expanded(1), isDrawn: false)], support: p.support,
            others: [("mean_squared_error", "squared units", mean)])
    }
}
