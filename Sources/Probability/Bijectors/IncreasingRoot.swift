import Graph

/// Where increasing functions of one number, one for each element of `low` and `high`, are 0 between those two; their own
/// first derivatives flow to it from everything that the functions were made of (by the implicit function theorem), and
/// second ones do not.
///
/// Halving comes first, which nothing disturbs: as often as the element type has bits, so that the root is known to a
/// rounding of `high - low`. Two Newton steps make that a rounding of the root as far as the function determines it: its
/// own rounding, over its slope.
///
/// - Parameter function: Values and slopes of all functions at given numbers. The slopes are positive.
func increasingRoot(
    from low: Tensor, to high: Tensor, _ function: (Tensor) throws(GraphError) -> (value: Tensor, slope: Tensor)
) throws(GraphError) -> Tensor {
    let turns = low.scalar == .float64 ? 53 : 24
    let bounds = try loop(count: turns, carry: [low, high]) { (_, bounds) throws(GraphError) -> [Tensor] in
        let middle = try (bounds[0] + bounds[1]) * 0.5
        let isLow = try function(middle).value.less(than: 0)
        return [try select(isLow, middle, bounds[0]), try select(isLow, bounds[1], middle)]
    }
    var root = try (bounds[0] + bounds[1]) * 0.5
    for _ in 0..<2 {
        let (value, slope) = try function(root)
        root = try minimum(maximum(root - value / slope, bounds[0]), bounds[1])
    }
    root = try stopGradient(root)
    // One more Newton step has the root's derivatives. Its value is left out: where the slope is small, it would only add
    // the function's rounding, magnified.
    let (value, slope) = try function(root)
    return try surrogate(value: root, gradient: root - value / stopGradient(slope))
}
