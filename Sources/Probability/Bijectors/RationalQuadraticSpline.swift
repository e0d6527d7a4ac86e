import Foundation
import Graph

/// Monotone rational-quadratic splines on [-bound, bound] with linear tails: outside, the identity (Durkan, Bekasov, Murray
/// and Papamakarios 2019, section 3.1). With all parameters 0 it is the identity everywhere.
///
/// The parameters of an element are the logits of the bins' widths, of their heights, and the unconstrained slopes at the
/// knots between them; at the two edges the slope is 1.
public struct RationalQuadraticSpline: Transformer {
    public var bins: Int
    public var bound: Double
    /// The least width and height of a bin, as a share of the whole interval; less than 1 / bins.
    public var minimumBin: Double
    /// The least slope at a knot; less than 1.
    public var minimumSlope: Double

    public init(bins: Int = 8, bound: Double = 5, minimumBin: Double = 1e-3, minimumSlope: Double = 1e-3) {
        self.bins = bins
        self.bound = bound
        self.minimumBin = minimumBin
        self.minimumSlope = minimumSlope
    }

    public var parameterCount: Int { 3 * bins - 1 }

    /// Equations 4 and 5.
    public func forward(_ z: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let element = try inner(z)
        let bin = try Bin(holding: element.value, axis: 0, of: knots(parameters))
        let position = try (element.value - bin.left[0]) / bin.width
        let rest = try (bin.right[0] - element.value) / bin.width
        let x = try bin.left[1] + bin.height * bin.ratio(position, rest)
        return try element.joined(x, bin.logSlope(position, rest), like: z)
    }

    /// Equations 6 to 8. With eta the share of the bin's height below x and v = d_k (1 - eta) - d_(k+1) eta, the
    /// discriminant over the height's square is v^2 + 4 s^2 eta (1 - eta): a sum of terms that are not negative, so that
    /// rounding cannot leave a root of less than 0; and the root's sum with v is written so that nothing cancels.
    public func inverse(_ x: Tensor, _ parameters: Tensor) throws(GraphError) -> Transformation {
        let element = try inner(x)
        let bin = try Bin(holding: element.value, axis: 1, of: knots(parameters))
        let eta = try (element.value - bin.left[1]) / bin.height
        let above = try (bin.right[1] - element.value) / bin.height
        let v = try bin.left[2] * above - bin.right[2] * eta
        let product = try 4 * bin.slope * bin.slope * eta * above
        let root = try sqrt(v * v + product) + abs(v)
        let upper = try select(v.less(than: 0), product / root, root)
        let lower = try 2 * bin.slope * eta
        let (position, rest) = (try lower / (lower + upper), try upper / (lower + upper))
        let z = try bin.left[0] + bin.width * position
        return try element.joined(z, -bin.logSlope(position, rest), like: x)
    }

    /// x, y and slope at all knots: [bins + 1, 3, rows * elements], so that what goes through the bins runs over long
    /// vectors.
    private func knots(_ parameters: Tensor) throws(GraphError) -> Tensor {
        guard bins >= 2, bound > 0, 0..<1 ~= minimumBin * Double(bins), 0..<1 ~= minimumSlope else {
            throw parameters.graph.error(
                "spline",
                "needs two bins, a positive bound, and bins and slopes that leave room, not \(bins) in +-\(bound) "
                    + "of at least \(minimumBin) and \(minimumSlope)")
        }
        guard parameters.rank >= 2, parameters.shape[1] == parameterCount else {
            throw parameters.graph.error(
                "spline", "of \(bins) bins needs \(parameterCount) parameters for each element, not \(parameters.type)")
        }
        let (rows, elements) = (parameters.shape[0], Array(parameters.shape.dropFirst(2)).product)
        let all = try parameters.reshaped([rows, parameterCount, elements])
        // A softmax whose running sums are divided by the last of them: they ascend, and end in exactly 1.
        let logits = try all.slice(1, 0..<(2 * bins)).reshaped([rows, 2, bins, elements])
        let sums = try exp(logits - stopGradient(logits.max(axes: [2], keepAxes: true))).cumulativeSum(axis: 2)
        let shares = try sums.slice(2, 0..<(bins - 1)) / sums.slice(2, (bins - 1)..<bins)
        let least = try all.graph.constant(
            (1..<bins).map { bound * (2 * minimumBin * Double($0) - 1) }, shape: [bins - 1, 1], all.scalar)
        let places = try shares * (2 * bound * (1 - minimumBin * Double(bins))) + least
        // softplus^-1(1 - minimum), so that 0 stands for a slope of 1.
        let neutral = Foundation.log(Foundation.expm1(1 - minimumSlope))
        let slopes = try softplus(all.slice(1, (2 * bins)..<parameterCount) + neutral) + minimumSlope
        let between = try concatenate(
            [
                places.transposed([2, 1, 0, 3]).reshaped([bins - 1, 2, rows * elements]),
                slopes.transposed([1, 0, 2]).reshaped([bins - 1, 1, rows * elements]),
            ], axis: 1)
        let gap = [Double](repeating: 0, count: 3 * (bins - 1))
        let edges = try all.graph.constant(
            [-bound, -bound, 1] + gap + [bound, bound, 1], shape: [bins + 1, 3, 1], all.scalar)
        return try between.padded(axis: 0, low: 1, high: 1) + edges
    }

    /// What lies inside the bounds, [rows * elements]; 0 stands for the rest.
    private func inner(_ x: Tensor) throws(GraphError) -> Inner {
        let flat = try x.reshaped([x.count])
        let isInside = try abs(flat).less(than: bound)
        return Inner(flat: flat, isInside: isInside, value: try select(isInside, flat, flat.zerosLike()))
    }

    private struct Inner {
        let flat: Tensor, isInside: Tensor, value: Tensor

        func joined(_ y: Tensor, _ logSlope: Tensor, like x: Tensor) throws(GraphError) -> Transformation {
            let slope = try select(isInside, logSlope, logSlope.zerosLike())
            return Transformation(
                try select(isInside, y, flat).reshaped(x.shape), logDerivative: try slope.reshaped(x.shape))
        }
    }

    /// The bin that each element falls into.
    private struct Bin {
        /// x, y and slope at its knots, each [rows * elements].
        let left: [Tensor], right: [Tensor]
        let width: Tensor, height: Tensor
        /// height / width, s in the paper.
        let slope: Tensor

        /// - Parameter axis: Whether `value` [rows * elements] is an x (0) or a y (1).
        init(holding value: Tensor, axis: Int, of knots: Tensor) throws(GraphError) {
            let bins = knots.shape[0] - 1
            let (lefts, rights) = (try knots.slice(0, 0..<bins), try knots.slice(0, 1..<(bins + 1)))
            // All bins are looked at and one is kept: cheaper than to fetch it.
            let first = axis..<(axis + 1)
            let isLeft = try lefts.slice(1, first).lessEqual(to: value)
            let isHere = try (isLeft & value.less(than: rights.slice(1, first))).broadcast(to: lefts.shape)
            func chosen(_ all: Tensor) throws(GraphError) -> [Tensor] {
                let sum = try select(isHere, all, all.zerosLike()).sum(axes: [0])
                return try (0..<3).map { (index) throws(GraphError) in try sum.at(index, axis: 0) }
            }
            left = try chosen(lefts)
            right = try chosen(rights)
            width = try right[0] - left[0]
            height = try right[1] - left[1]
            slope = try height / width
        }

        /// The denominator of equation 4: s + (d_k + d_(k+1) - 2 s) xi (1 - xi), as a sum of positive terms.
        private func denominator(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
            try slope * (xi * xi + rest * rest) + (left[2] + right[2]) * (xi * rest)
        }

        /// The share of the height at the share xi of the width, rest = 1 - xi.
        func ratio(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
            try (slope * (xi * xi) + left[2] * (xi * rest)) / denominator(xi, rest)
        }

        /// The logarithm of equation 5.
        func logSlope(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
            let scale = try slope / denominator(xi, rest)
            let blend = try right[2] * (xi * xi) + 2 * slope * (xi * rest) + left[2] * (rest * rest)
            return try log(scale * scale * blend)
        }
    }
}
