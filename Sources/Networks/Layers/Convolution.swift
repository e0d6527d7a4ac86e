import Graph

/// 2-D convolution of [rows, channels, height, width]; weights [out, in / groups, kernel, kernel] as in PyTorch.
///
/// Parameters: `weight`, `bias`, both uniform in +-1/sqrt(fan-in) at first, fan-in = in / groups * kernel^2, or zero.
public struct Conv2D: Codable, Sendable {
    public var channels: Int
    public var kernel: Int
    public var stride: Int
    public var padding: Int
    public var dilation: Int
    public var groups: Int
    public var bias: Bool
    public var startsAtZero: Bool

    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1,
        bias: Bool = true, startsAtZero: Bool = false
    ) {
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.bias = bias
        self.startsAtZero = startsAtZero
    }

    public func callAsFunction(
        _ x: Tensor, _ scope: Scope, file: StaticString = #fileID, line: Int = #line
    ) throws(GraphError) -> Tensor {
        try scope.located(x.graph, file, line) { () throws(GraphError) -> Tensor in
            guard x.rank == 4, channels > 0, kernel > 0, groups > 0, x.shape[1] % groups == 0 else {
                throw x.graph.error(
                    "convolution",
                    "takes [rows, channels, height, width] to \(channels) channels in \(groups) groups, not \(x.type)")
            }
            let inputs = x.shape[1] / groups
            let initializer = startsAtZero ? Initializer.zeros : .uniform(fanIn: inputs * kernel * kernel)
            let weight = try scope.parameter("weight", [channels, inputs, kernel, kernel], initializer)
            let y = try x.convolved(
                with: weight, stride: [stride, stride], padding: [padding, padding], dilation: [dilation, dilation],
                groups: groups)
            return bias ? try y + scope.parameter("bias", [channels], initializer).reshaped([channels, 1, 1]) : y
        }
    }
}

/// Transposed 2-D convolution of [rows, channels, height, width], the gradient of `Conv2D` with respect to its input;
/// weights [in, out / groups, kernel, kernel] as in PyTorch's ConvTranspose2d.
///
/// Parameters: `weight`, `bias`, both uniform in +-1/sqrt(fan-in) at first. The fan-in is PyTorch's, which takes it
/// from the second axis of the weights: out / groups * kernel^2.
public struct ConvTranspose2D: Codable, Sendable {
    public var channels: Int
    public var kernel: Int
    public var stride: Int
    public var padding: Int
    public var outputPadding: Int
    public var dilation: Int
    public var groups: Int
    public var bias: Bool

    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true
    ) {
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
        self.dilation = dilation
        self.groups = groups
        self.bias = bias
    }

    public func callAsFunction(
        _ x: Tensor, _ scope: Scope, file: StaticString = #fileID, line: Int = #line
    ) throws(GraphError) -> Tensor {
        try scope.located(x.graph, file, line) { () throws(GraphError) -> Tensor in
            guard x.rank == 4, channels > 0, kernel > 0, groups > 0, channels % groups == 0 else {
                throw x.graph.error(
                    "transposed convolution",
                    "takes [rows, channels, height, width] to \(channels) channels in \(groups) groups, not \(x.type)")
            }
            let outputs = channels / groups
            let initializer = Initializer.uniform(fanIn: outputs * kernel * kernel)
            let weight = try scope.parameter("weight", [x.shape[1], outputs, kernel, kernel], initializer)
            let y = try x.transposeConvolved(
                with: weight, stride: [stride, stride], padding: [padding, padding],
                outputPadding: [outputPadding, outputPadding], dilation: [dilation, dilation], groups: groups)
            return bias ? try y + scope.parameter("bias", [channels], initializer).reshaped([channels, 1, 1]) : y
        }
    }
}
