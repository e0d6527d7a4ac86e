import Graph
import Networks

/// Convolutions that shrink an image, a dense layer, and their mirror image: what the convolutional models share.
struct ConvolutionStack {
    /// [channels, height, width]
    var shape: [Int]
    /// Output channels of each convolution.
    var channels: [Int]
    var kernel: Int
    var stride: Int
    var hidden: Int
    var activation: Activation

    /// Each convolution divides height and width by the stride exactly, and its mirror image multiplies them by it.
    private var padding: Int { (kernel - stride + 1) / 2 }
    private var outputPadding: Int { 2 * padding - (kernel - stride) }
    private var reduction: Int { channels.reduce(1) { product, _ in product * stride } }
    /// The shape after the last convolution.
    private var inner: [Int] { [channels.last ?? shape[0], shape[1] / reduction, shape[2] / reduction] }

    /// Throws, in the name of `model`, where the sizes do not work out.
    func check(_ model: String) throws {
        try checkOption("stride", stride, (1...8).contains(stride), "in 1...8")
        try checkOption(
            "kernel", kernel, kernel >= stride && (stride > 1 || kernel % 2 == 1),
            stride > 1 ? "at least the stride \(stride)" : "an odd number with a stride of 1")
        try checkOption(
            "channels", channels, channels.allSatisfy { $0 > 0 } && (1...16).contains(channels.count),
            "a list of 1 to 16 positive numbers")
        guard shape.count == 3 else {
            throw GraphError(model, "needs images [channels, height, width], not rows of shape \(shape)")
        }
        guard shape[1] % reduction == 0, shape[2] % reduction == 0 else {
            throw GraphError(
                model,
                "images of \(shape[1]) x \(shape[2]) pixels do not divide by \(stride) \(channels.count) times; "
                    + "pad or crop them, or choose other channels or stride")
        }
    }

    /// [rows, channels, height, width] -> [rows, hidden]
    func features(_ x: Tensor, _ scope: Scope) throws(GraphError) -> Tensor {
        var h = x
        for (index, count) in channels.enumerated() {
            let layer = Conv2D(count, kernel: kernel, stride: stride, padding: padding)
            h = try activation(layer(h, scope["conv\(index + 1)"]))
        }
        return try activation(Dense(hidden)(h.flattened(), scope["hidden"]))
    }

    /// [rows, latent] -> [rows, channels, height, width], without an activation at the end.
    func pixels(_ z: Tensor, _ scope: Scope) throws(GraphError) -> Tensor {
        var h = try activation(Dense(hidden)(z, scope["hidden"]))
        h = try activation(Dense(inner.product)(h, scope["features"])).rowsReshaped(inner)
        let counts = channels.dropLast().reversed() + [shape[0]]
        for (index, count) in counts.enumerated() {
            let layer = ConvTranspose2D(
                count, kernel: kernel, stride: stride, padding: padding, outputPadding: outputPadding)
            h = try layer(h, scope["conv\(index + 1)"])
            if index < counts.count - 1 { h = try activation(h) }
        }
        return h
    }
}
