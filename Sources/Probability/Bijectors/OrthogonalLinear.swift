import Graph
import Networks

/// x = Q z for an orthogonal matrix Q, the product of Householder reflections (Tomczak and Welling 2016): it keeps volume,
/// and its inverse is its transpose. Rows of other shapes are taken as vectors.
///
/// As many reflections as a row has elements reach every orthogonal matrix of their determinant's sign. Parameter:
/// `vectors` [reflections, size], standard normals at first.
public struct OrthogonalLinear: Bijector {
    public var name: String { scope.path }
    private let reflections: Int?
    private let scope: Scope

    /// - Parameter reflections: As many as a row has elements unless given.
    /// - Throws: Where another bijector of the trace has the scope, or without any reflection.
    public init(reflections: Int? = nil, _ scope: Scope) throws(GraphError) {
        guard reflections ?? 1 > 0 else { throw scope.graph.error("orthogonal", "needs at least one reflection") }
        self.reflections = reflections
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let x = try matmul(z.flattened(), matrix(z).transposed())
        return Mapped(try x.reshaped(z.shape), logDet: try z.rowZeros())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let z = try matmul(x.flattened(), matrix(x))
        return Mapped(try z.reshaped(x.shape), logDet: try x.rowZeros())
    }

    private func matrix(_ x: Tensor) throws(GraphError) -> Tensor {
        let size = Array(x.shape.dropFirst()).product
        let vectors = try scope.parameter("vectors", [reflections ?? size, size], .normal(standardDeviation: 1))
        return try householderProduct(vectors, columns: size)
    }
}

/// The first columns of H_1 H_2 ... H_k with H_i = I - 2 v_i v_i^T / |v_i|^2, for `vectors` v [..., k, size]:
/// [..., size, columns]. Vectors of length 0 reflect nothing.
///
/// The product is I - V^T S^-1 V, where S has |v_i|^2 / 2 on its diagonal and v_i . v_j above it: one triangular solve
/// in place of k steps (Joffrain et al. 2006, "Accumulating Householder transformations, revisited", theorem 2).
func householderProduct(_ vectors: Tensor, columns: Int) throws(GraphError) -> Tensor {
    let gram = try matmul(vectors, vectors.transposed())
    let half = try maximum(gram * 0.5, gram.constant(1e-30))
    let factor = try gram.triangle(.upper, strict: true) + half * gram.identityLike()
    let first = try vectors.slice(-1, 0..<columns)
    let product = try matmul(vectors.transposed(), triangularSolve(factor, first, upper: true))
    return try product.identityLike() - product
}
