import Graph
import Networks

/// x = T z + t for a triangular matrix T with a positive diagonal (the linear part of an autoregressive flow:
/// Papamakarios et al. 2021, section 3.2). Rows of other shapes are taken as vectors.
///
/// Both directions cost one pass over the matrix for all rows; log |det T| is the sum of the logarithms of the diagonal.
/// Parameters: `weight` [size, size], of which the triangle counts (its diagonal becomes positive), and `bias` [size];
/// zeros, the identity, at first.
public struct TriangularLinear: Bijector {
    public var name: String { scope.path }
    private let triangle: Tensor.Triangle
    private let scope: Scope

    /// - Throws: Where another bijector of the trace has the scope.
    public init(triangle: Tensor.Triangle = .lower, _ scope: Scope) throws(GraphError) {
        self.triangle = triangle
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let (matrix, bias) = try parameters(z)
        let x = try matmul(z.flattened(), matrix.values.transposed()) + bias
        return Mapped(try x.reshaped(z.shape), logDet: try matrix.logDiagonal.total(forRowsOf: z))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let (matrix, bias) = try parameters(x)
        let z = try matrix.solve(x.flattened() - bias)
        return Mapped(try z.reshaped(x.shape), logDet: try -matrix.logDiagonal.total(forRowsOf: x))
    }

    private func parameters(_ x: Tensor) throws(GraphError) -> (matrix: TriangularMatrix, bias: Tensor) {
        let size = Array(x.shape.dropFirst()).product
        let weight = try scope.parameter("weight", [size, size], .zeros)
        return (try TriangularMatrix(triangle, of: weight), try scope.parameter("bias", [size], .zeros))
    }
}

/// A triangle of a free matrix [size, size], made invertible.
struct TriangularMatrix {
    let values: Tensor
    /// Of each element of the diagonal, [size].
    let logDiagonal: Tensor
    private let isUpper: Bool

    /// The diagonal is made positive.
    init(_ triangle: Tensor.Triangle, of weight: Tensor) throws(GraphError) {
        let size = try weight.size(0)
        let diagonal = try PositiveParameter.value(
            weight.reshaped([size * size]).slice(0, start: 0, size: size, step: size + 1))
        values = try weight.triangle(triangle, strict: true) + weight.identityLike() * diagonal
        logDiagonal = try log(diagonal)
        isUpper = triangle == .upper
    }

    /// A lower triangle with ones on the diagonal.
    init(unitLowerOf weight: Tensor) throws(GraphError) {
        values = try weight.triangle(.lower, strict: true) + weight.identityLike()
        logDiagonal = weight.graph.constant(0, TensorType([try weight.size(0)], weight.scalar))
        isUpper = false
    }

    /// z with T z = x for each of the rows x [rows, size]. They are the columns of one system, so the matrix is read once
    /// for all of them.
    func solve(_ x: Tensor) throws(GraphError) -> Tensor {
        try triangularSolve(values, x.transposed(), upper: isUpper).transposed()
    }
}
