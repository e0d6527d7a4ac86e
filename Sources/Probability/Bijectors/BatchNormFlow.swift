import Graph
import Networks

/// Batch normalization as a bijector (Dinh, Sohl-Dickstein and Bengio 2017, section 3.7; Papamakarios, Pavlakou and Murray
/// 2017, appendix B): `inverse` takes data to mean `shift` and standard deviation exp(`log_scale`), by element of a
/// vector or by channel of an image.
///
/// In a trace that trains, `inverse` goes by the mean and variance of its batch, and moves the running ones towards them:
/// rows then depend on each other, and the log-det is the one at the batch's statistics, as in the papers. Everywhere
/// else, and in `forward`, the running ones are constants: a density of single rows. So `inverse` may be traced once in a
/// trace that trains.
///
/// Parameters: `log_scale` and `shift` [channels], zeros at first. States: `mean` and `variance` [channels].
public struct BatchNormFlow: Bijector {
    public var name: String { scope.path }
    private let momentum: Double
    private let epsilon: Double
    private let scope: Scope

    /// - Parameters:
    ///   - momentum: The weight of a batch in the running statistics.
    ///   - epsilon: Is added to variances.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(momentum: Double = 0.1, epsilon: Double = 1e-5, _ scope: Scope) throws(GraphError) {
        guard (0...1).contains(momentum), epsilon > 0 else {
            throw scope.graph.error(
                "batch norm", "needs a momentum in 0...1 and a positive epsilon, not \(momentum) and \(epsilon)")
        }
        self.momentum = momentum
        self.epsilon = epsilon
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let running = try running(z)
        let (logScale, shift) = try parameters(z)
        let slope = try logSlope(logScale, running.variance)
        let x = try (z - shift) * exp(-slope.alongChannels(of: z)) + running.mean.alongChannels(of: z)
        return Mapped(x, logDet: try (-slope).total(perChannelOf: z))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let running = try running(x)
        let (logScale, shift) = try parameters(x)
        let (mean, variance) = scope.trace.isTraining ? try batch(x, moving: running) : running
        let slope = try logSlope(logScale, variance)
        let z = try (x - mean.alongChannels(of: x)) * exp(slope.alongChannels(of: x)) + shift
        return Mapped(z, logDet: try slope.total(perChannelOf: x))
    }

    private func parameters(_ x: Tensor) throws(GraphError) -> (logScale: Tensor, shift: Tensor) {
        let shape = [try x.size(1)]
        let logScale = try scope.parameter("log_scale", shape, .zeros)
        return (logScale, try scope.parameter("shift", shape, .zeros).alongChannels(of: x))
    }

    private func running(_ x: Tensor) throws(GraphError) -> (mean: Tensor, variance: Tensor) {
        let shape = [try x.size(1)]
        return (try scope.state("mean", shape, .zeros), try scope.state("variance", shape, .ones))
    }

    /// The logarithm of the inverse's slope, [channels].
    private func logSlope(_ logScale: Tensor, _ variance: Tensor) throws(GraphError) -> Tensor {
        try logScale - 0.5 * log(variance + epsilon)
    }

    /// The statistics of all rows, towards which the running ones move.
    private func batch(
        _ x: Tensor, moving running: (mean: Tensor, variance: Tensor)
    ) throws(GraphError) -> (mean: Tensor, variance: Tensor) {
        let axes = [0] + Array(2..<max(x.rank, 2))
        let mean = try x.mean(axes: axes, compensated: true)
        let difference = try x - mean.alongChannels(of: x)
        let variance = try (difference * difference).mean(axes: axes, compensated: true)
        try scope.update("mean", to: running.mean + momentum * (mean - running.mean))
        try scope.update("variance", to: running.variance + momentum * (variance - running.variance))
        return (mean, variance)
    }
}

extension Tensor {
    /// Numbers [channels] in the shape in which they broadcast to rows x [rows, channels, ...].
    fileprivate func alongChannels(of x: Tensor) throws(GraphError) -> Tensor {
        try reshaped([1, try x.size(1)] + Array(repeating: 1, count: x.rank - 2))
    }

    /// The sum over the elements of a row of x [rows, channels, ...] of these numbers [channels]: [rows].
    fileprivate func total(perChannelOf x: Tensor) throws(GraphError) -> Tensor {
        try total(forRowsOf: x) * Double(Array(x.shape.dropFirst(2)).product)
    }
}
