import Graph

/// z with f(z) = `target`, element by element, for a strictly increasing f and bounds with f(lower) <= target <= f(upper).
///
/// Bisection in a counted loop finds it, whatever f's curvature; no gradient flows there. Two Newton steps from it then
/// carry the gradients of the implicit function, right to the third order, to whatever f and `target` depend on.
///
/// - Parameter f: The value and the slope's logarithm at a point.
func increasingRoot(
    _ target: Tensor, between lower: Tensor, and upper: Tensor,
    of f: (Tensor) throws(GraphError) -> (value: Tensor, logSlope: Tensor)
) throws(GraphError) -> Tensor {
    let count = target.scalar == .float64 ? 52 : 32
    let last = try loop(count: count, carry: [lower, upper]) { (_, carry) throws(GraphError) -> [Tensor] in
        let middle = try 0.5 * (carry[0] + carry[1])
        let isBelow = try f(middle).value.less(than: target)
        return [try select(isBelow, middle, carry[0]), try select(isBelow, carry[1], middle)]
    }
    var z = try stopGradient(0.5 * (last[0] + last[1]))
    for _ in 0..<2 {
        let here = try f(z)
        z = try z - (here.value - target) * exp(-here.logSlope)
    }
    return z
}
