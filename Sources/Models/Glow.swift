import Graph
import Networks
import Probability

/// A normalizing flow for images: at each level a squeeze, steps of activation normalization, invertible 1x1
/// convolution and affine coupling, and a split that gives half of the channels to the base (Kingma and Dhariwal 2018).
public struct Glow: Flow {
    public static let name = "glow"

    /// Channels, height and width of an image: training sets it to the data's.
    public var shape: [Int]
    public var levels: Int
    /// Steps at each level.
    public var depth: Int
    /// Channels between the convolutions of each conditioner.
    public var width: Int
    /// The largest logarithm of a coupling's scale.
    public var scaleBound: Double
    public var preprocessing: Preprocessing
    public var condition: Condition

    public init(
        levels: Int = 2, depth: Int = 8, width: Int = 64, scaleBound: Double = 1,
        preprocessing: Preprocessing = .automatic, condition: Condition = .none, shape: [Int] = [1, 28, 28]
    ) {
        self.shape = shape
        self.levels = levels
        self.depth = depth
        self.width = width
        self.scaleBound = scaleBound
        self.preprocessing = preprocessing
        self.condition = condition
    }

    public func adapted(to rowShape: [Int]) throws -> Glow {
        var model = self
        model.shape = rowShape
        model.preprocessing = try preprocessing.resolved(for: rowShape)
        try checkOption("levels", levels, (1...16).contains(levels), "in 1...16")
        try checkOption("depth", depth, (1...1024).contains(depth), "in 1...1024")
        try checkOption("width", width, width > 0, "at least 1")
        try checkPositive("scale_bound", scaleBound)
        guard rowShape.count == 3 else {
            throw GraphError(Self.name, "needs images [channels, height, width], not rows of shape \(rowShape)")
        }
        guard rowShape[1] % (1 << levels) == 0, rowShape[2] % (1 << levels) == 0 else {
            throw GraphError(
                Self.name,
                "images of \(rowShape[1]) x \(rowShape[2]) pixels do not divide by 2 \(levels) times; choose fewer "
                    + "levels, or pad or crop them")
        }
        return model
    }

    public func layers(_ scope: Scope, context: Tensor?) throws -> [any Bijector] {
        try level(0, shape, scope, context)
    }

    /// From flat base values to the images of a level, [channels, height, width], which the levels after it are part of.
    private func level(
        _ index: Int, _ image: [Int], _ root: Scope, _ context: Tensor?
    ) throws -> [any Bijector] {
        let scope = root["level\(index)"]
        let squeezed = [4 * image[0], image[1] / 2, image[2] / 2]
        let transformer = AffineTransformer(bound: scaleBound)
        var bijectors: [any Bijector] = [Reshape(squeezed)]
        if index + 1 < levels {
            let kept = [squeezed[0] / 2, squeezed[1], squeezed[2]]
            let within = Chain(try level(index + 1, kept, root, context))
            bijectors = [
                try FactorOut(
                    within, shape: squeezed, transformer, ConvolutionConditioner(width: 0), context: context,
                    scope["split"])
            ]
        }
        for step in (0..<depth).reversed() {
            let scope = scope["step\(step)"]
            let parts: [any Bijector] = [
                try Coupling(
                    .half(0), transformer, ConvolutionConditioner(width: width), context: context, scope["coupling"]),
                try Invertible1x1Convolution(scope["mixing"]), try ActNorm(scope["norm"]),
            ]
            bijectors.append(Chain(parts, name: scope.path))
        }
        return bijectors + [Squeeze()]
    }
}
