import Graph

/// The Euclidean norm of all gradients together, [].
public func globalNorm(_ gradients: [Tensor]) throws(GraphError) -> Tensor {
    guard let first = gradients.first else { throw GraphError("global norm", "needs at least one gradient") }
    var total = first.graph.constant(0, first.scalar)
    for gradient in gradients { total = try total + (gradient * gradient).sum() }
    return try sqrt(total)
}

/// The gradients scaled down together so that their norm is at most `limit`, as PyTorch's clip_grad_norm_ does it.
public func clipped(_ gradients: [Tensor], norm: Tensor, to limit: Double) throws(GraphError) -> [Tensor] {
    let scale = try minimum(norm.constant(1), limit / (norm + 1e-6))
    return try gradients.map { (gradient) throws(GraphError) in try gradient * scale }
}

/// Updates that take effect only while a flag is down. The flag goes up, and stays up, with the first step in which a
/// watched number is not finite; so the state before that step survives.
///
/// - Parameters:
///   - flag: A uint32 [] state: 0 down, 1 up.
///   - watched: Scalars.
public func gated(
    _ updates: [(state: Tensor, value: Tensor)], flag: Tensor, watching watched: [Tensor]
) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
    var good = try flag.equal(to: flag.zerosLike())
    for value in watched { good = try good & value.isFinite() }
    var result = try updates.map { (update) throws(GraphError) in
        (state: update.state, value: try select(good, update.value, update.state))
    }
    result.append((flag, try select(good, flag.zerosLike(), flag.onesLike())))
    return result
}
