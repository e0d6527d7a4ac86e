import Graph
import Networks

/// Normals with a full covariance L L^T, for rows that are vectors.
public struct MultivariateNormal: DistributionWithMean, DistributionWithEntropy, BaseDistribution {
    /// [batch, D], or [1, D] for all rows.
    public let mean: Tensor
    /// Lower triangular L, [batch, D, D], or [1, D, D] for all rows.
    public let factor: Tensor

    /// - Parameter factor: Only its lower triangle is read. The diagonal may have any sign but must not be 0.
    public init(mean: Tensor, factor: Tensor) throws(GraphError) {
        guard mean.rank == 2, factor.rank == 3, factor.shape.dropFirst() == [mean.shape[1], mean.shape[1]],
            mean.shape[0] == factor.shape[0] || mean.shape[0] == 1 || factor.shape[0] == 1
        else {
            throw mean.graph.error(
                "multivariate normal",
                "needs a mean [rows, D] and a factor [rows, D, D] of as many rows or one, not \(mean.shape) and "
                    + "\(factor.shape)")
        }
        self.mean = try mean.broadcast(to: [Swift.max(mean.shape[0], factor.shape[0]), mean.shape[1]])
        self.factor = try factor.triangle(.lower)
    }

    /// By positive definite matrices [batch, D, D] or [1, D, D], of which the lower triangle is read. Log-densities are
    /// NaN where they are not positive definite.
    public init(mean: Tensor, covariance: Tensor) throws(GraphError) {
        try self.init(mean: mean, factor: cholesky(covariance))
    }

    public var support: Support { .real }

    private var dimensions: Int { mean.shape[1] }

    /// log |det L|: [batch], or [1] with one factor.
    private func logDeterminant() throws(GraphError) -> Tensor {
        // Elements 0, D + 1, 2 (D + 1) ... of a flattened matrix are its diagonal.
        let diagonal = try factor.flattened().slice(1, start: 0, size: dimensions, step: dimensions + 1)
        return try log(abs(diagonal)).rowSum()
    }

    /// L^-1 d for d [rows, D].
    private func whitened(_ d: Tensor) throws(GraphError) -> Tensor {
        guard factor.shape[0] == 1 else {
            return try triangularSolve(factor, d.expanded(2), upper: false).reshaped(d.shape)
        }
        // One factor: the rows are the right-hand sides of one system.
        return try triangularSolve(factor, d.transposed().expanded(0), upper: false).at(0, axis: 0).transposed()
    }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor {
        try mean.checkEvent(x, "multivariate normal")
        let z = try whitened(x - mean)
        return try -0.5 * (z * z + log2Pi).rowSum() - logDeterminant()
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// mean + L eps for standard normal eps times `temperature`.
    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        let shape = try mean.drawShape(scope)
        let noise = try scope.normal(shape)
        let scaled = temperature == 1 ? noise : try noise * temperature
        let spread =
            factor.shape[0] == 1
            ? try matmul(scaled, factor.at(0, axis: 0).transposed())
            : try matmul(factor, scaled.expanded(2)).reshaped(shape)
        return try mean + spread
    }

    public func entropy() throws(GraphError) -> Tensor {
        try (logDeterminant() + 0.5 * (1 + log2Pi) * Double(dimensions)).broadcast(to: [mean.shape[0]])
    }

    /// KL(self || q), in nats: [batch].
    fileprivate func divergence(from q: MultivariateNormal) throws(GraphError) -> Tensor {
        let rows = Swift.max(mean.shape[0], q.mean.shape[0])
        let shift = try q.whitened((mean - q.mean).broadcast(to: [rows, dimensions]))
        let batch = Swift.max(factor.shape[0], q.factor.shape[0])
        let matrices = [batch, dimensions, dimensions]
        let ratio = try triangularSolve(
            q.factor.broadcast(to: matrices), factor.broadcast(to: matrices), upper: false)
        let squares = try (shift * shift).rowSum() + (ratio * ratio).rowSum() - Double(dimensions)
        return try 0.5 * squares + q.logDeterminant() - logDeterminant()
    }
}

/// KL(p || q) of two normals with full covariances in closed form, in nats: [batch].
public func klDivergence(_ p: MultivariateNormal, _ q: MultivariateNormal) throws(GraphError) -> Tensor {
    guard p.mean.shape[1] == q.mean.shape[1] else {
        throw p.mean.graph.error(
            "multivariate normal", "the divergence is of \(p.mean.shape[1]) from \(q.mean.shape[1]) dimensions")
    }
    return try p.divergence(from: q)
}
