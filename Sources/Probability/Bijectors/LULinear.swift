import Graph
import Networks

/// x = P L U z + t: any linear map whose determinant and inverse are cheap, by its LU decomposition (Oliva et al. 2018,
/// section 3.1; Kingma and Dhariwal 2018, eq. 10). Rows of other shapes are taken as vectors.
///
/// P is a fixed permutation, L lower triangular with ones on its diagonal, U upper triangular with a positive one:
/// log |det| is the sum of the logarithms of U's diagonal, and the inverse two triangular solves for all rows at once.
/// Parameters: `weight` [size, size], which holds L below its diagonal and U on and above it (the diagonal becomes
/// positive), and `bias` [size]; zeros, so that only P acts, at first.
public struct LULinear: Bijector {
    public var name: String { scope.path }
    private let permutation: Permutation.Order
    private let scope: Scope

    /// - Parameter permutation: P; drawn by the scope's path unless given.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(permutation: Permutation.Order? = nil, _ scope: Scope) throws(GraphError) {
        self.permutation = permutation ?? .shuffled(seed: Randomness.stream(scope.path, 0))
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let (lower, upper, bias) = try parameters(z)
        let y = try matmul(matmul(z.flattened(), upper.values.transposed()), lower.values.transposed())
        let x = try y.permuted(permutation.sources(y.size(1))) + bias
        return Mapped(try x.reshaped(z.shape), logDet: try upper.logDiagonal.total(forRowsOf: z))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let (lower, upper, bias) = try parameters(x)
        let y = try (x.flattened() - bias).permuted(permutation.sources(bias.size(0)).inverse)
        let z = try upper.solve(lower.solve(y))
        return Mapped(try z.reshaped(x.shape), logDet: try -upper.logDiagonal.total(forRowsOf: x))
    }

    private func parameters(
        _ x: Tensor
    ) throws(GraphError) -> (lower: TriangularMatrix, upper: TriangularMatrix, bias: Tensor) {
        let size = Array(x.shape.dropFirst()).product
        let weight = try scope.parameter("weight", [size, size], .zeros)
        let bias = try scope.parameter("bias", [size], .zeros)
        return (try TriangularMatrix(unitLowerOf: weight), try TriangularMatrix(.upper, of: weight), bias)
    }
}
