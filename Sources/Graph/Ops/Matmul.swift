/// Batched matrix multiplication [batch..., m, k] x [batch..., k, n]; transposes are views of the operands.
enum Matmul {
    static func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        let (a, b) = (inputs[0], inputs[1])
        try TypeError.check(
            a.scalar == b.scalar && a.scalar.isFloating, "needs two tensors of one float type, not \(a) and \(b)")
        try TypeError.check(
            a.rank >= 2 && a.rank == b.rank && a.shape.dropLast(2) == b.shape.dropLast(2),
            "\(a) and \(b) are not matrices under the same batch axes")
        try TypeError.check(
            a.shape[a.rank - 1] == b.shape[b.rank - 2], "inner sizes differ: \(a) and \(b)")
        return TensorType(Array(a.shape.dropLast()) + [b.shape[b.rank - 1]], a.scalar)
    }

    static func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let (a, b) = (context.inputs[0], context.inputs[1])
        let g = try context.cotangent()
        return [try matmul(g, try b.transposed()), try matmul(try a.transposed(), g)]
    }
}

/// [batch..., m, k] x [batch..., k, n] -> [batch..., m, n]; batch axes broadcast.
public func matmul(_ a: Tensor, _ b: Tensor) throws(GraphError) -> Tensor {
    guard a.rank >= 2, b.rank >= 2 else {
        throw a.graph.error("matmul", "\(a.type) and \(b.type) are not both matrices")
    }
    let batchA = Array(a.shape.dropLast(2))
    let batchB = Array(b.shape.dropLast(2))
    let graph = innermost(a, b)
    guard batchA != batchB else { return try graph.apply(.matmul, [a, b]) }
    let batch = try broadcastShape(batchA, batchB, "matmul", graph)
    return try graph.apply(
        .matmul,
        [
            try a.broadcast(to: batch + a.shape.suffix(2)), try b.broadcast(to: batch + b.shape.suffix(2)),
        ])
}
