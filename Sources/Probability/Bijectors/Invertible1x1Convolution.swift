import Graph
import Networks

/// A learned mixing of the channels of images, the same at every place: z = W x in the inverse direction, with
/// W = P L (U + diag(exp(d))) for a fixed random permutation P, unit lower L and strictly upper U, so that its log-det
/// is height * width * sum(d) (Kingma and Dhariwal 2018, section 3.2; there the diagonal also has fixed signs). W
/// starts as P.
///
/// Parameter: `lu` [channels, channels], L below its diagonal, U above and d on it.
public struct Invertible1x1Convolution: Bijector {
    public var name: String { scope.path }
    private let scope: Scope

    /// - Throws: Where another bijector of the trace has the scope.
    public init(_ scope: Scope) throws(GraphError) { self.scope = try scope.claimed() }

    private struct Factors {
        var lower: Tensor
        var upper: Tensor
        /// sum(d), []
        var logDet: Tensor
        /// P
        var permutation: Tensor
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let factors = try factors(z)
        let y = try triangularSolve(
            factors.lower, factors.permutation.transposed(), upper: false, unitDiagonal: true)
        let weight = try triangularSolve(factors.upper, y, upper: true)
        return try mixed(z, weight, logDet: -factors.logDet)
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let factors = try factors(x)
        let weight = try matmul(factors.permutation, matmul(factors.lower, factors.upper))
        return try mixed(x, weight, logDet: factors.logDet)
    }

    private func mixed(_ x: Tensor, _ weight: Tensor, logDet: Tensor) throws(GraphError) -> Mapped {
        let places = Double(x.shape[2] * x.shape[3])
        return Mapped(
            try x.convolved(with: weight.reshaped(weight.shape + [1, 1])),
            logDet: try (logDet * places).broadcast(to: [x.size(0)]))
    }

    private func factors(_ x: Tensor) throws(GraphError) -> Factors {
        guard x.rank == 4 else {
            throw x.graph.error("invertible convolution", "mixes the channels of images, not of \(x.type)")
        }
        let channels = x.shape[1]
        let lu = try scope.parameter("lu", [channels, channels], .zeros)
        let diagonal = try lu.flattened().reshaped([channels * channels])
            .slice(0, start: 0, size: channels, step: channels + 1)
        let identity = try lu.identityLike()
        return Factors(
            lower: try lu.triangle(.lower, strict: true) + identity,
            upper: try lu.triangle(.upper, strict: true) + identity * exp(diagonal),
            logDet: try diagonal.sum(compensated: true), permutation: try permutation(channels, lu))
    }

    /// P [channels, channels], chosen by the scope's path.
    private func permutation(_ channels: Int, _ like: Tensor) throws(GraphError) -> Tensor {
        let image = KeyedPermutation(count: UInt32(channels), key: (Randomness.stream(scope.path, 0), 0))
        var values = [Double](repeating: 0, count: channels * channels)
        for row in 0..<channels { values[row * channels + Int(image(UInt32(row)))] = 1 }
        return try like.graph.constant(values, shape: like.shape, like.scalar)
    }
}
