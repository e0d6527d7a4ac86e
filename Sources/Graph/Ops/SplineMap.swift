import Foundation

/// Monotone rational-quadratic splines on [-bound, bound] with linear tails: outside, the identity (Durkan, Bekasov, Murray
/// and Papamakarios 2019, section 3.1). With all parameters 0 it is the identity everywhere.
///
/// The parameters of an element are the logits of the bins' widths, of their heights, and the logarithms of the slopes at
/// the knots between them, none yet limited: v becomes v / (1 + |v| / limit), as in zuko. At the two edges the slope is 1.
public struct SplineMap: Hashable, Sendable {
    public var bins: Int
    public var bound: Double
    /// The least width and height of a bin, as a share of the whole interval; less than 1 / bins.
    public var minimumBin: Double
    /// The least slope at a knot, in 1e-6 ..< 1; the largest is 1 / minimumSlope, and so is the ratio of two bins' shares
    /// beyond `minimumBin`.
    public var minimumSlope: Double

    public init(bins: Int, bound: Double, minimumBin: Double, minimumSlope: Double) {
        self.bins = bins
        self.bound = bound
        self.minimumBin = minimumBin
        self.minimumSlope = minimumSlope
    }

    public var parameterCount: Int { 3 * bins - 1 }
    /// What the running shares of the bins are stretched to.
    public var span: Double { 2 * bound * (1 - minimumBin * Double(bins)) }
    /// What is added to them then, at the knots between the bins.
    public var leastPlaces: [Double] { (1..<bins).map { bound * (2 * minimumBin * Double($0) - 1) } }
    /// 1 over the limit of a slope's logarithm; that of a bin's logit is half as far.
    public var damping: Double { -1 / Foundation.log(minimumSlope) }

    func check() throws(TypeError) {
        try TypeError.check(
            bins >= 2 && bound > 0 && 0..<1 ~= minimumBin * Double(bins) && 1e-6..<1 ~= minimumSlope,
            "needs two bins, a positive bound, and bins and slopes that leave room, not \(bins) in +-\(bound) "
                + "of at least \(minimumBin) and \(minimumSlope)")
    }

    /// Equations 4 to 8.
    func elements(
        _ x: Tensor, _ parameters: Tensor, inverse: Bool
    ) throws(GraphError) -> (value: Tensor, logSlope: Tensor) {
        let element = try Inner(x, bound)
        let bin = try Bin(holding: element.value, axis: inverse ? 1 : 0, of: Knots(self, parameters).ends())
        let (position, rest) = try bin.position(of: element.value, inverse: inverse)
        let logSlope = try bin.logSlope(position, rest)
        let y = try inverse ? bin.left[0] + bin.width * position : bin.left[1] + bin.height * bin.ratio(position, rest)
        return (
            try select(element.isInside, y, element.flat).reshaped(x.shape),
            try element.orZero(inverse ? -logSlope : logSlope).reshaped(x.shape)
        )
    }

    /// The cotangents in closed form. For a place u at the share xi of its bin let y = F(u) and L = log F'(u). Forward, they
    /// have the given cotangents. Inverse, where u has the cotangent a and -L has b, y gets c = (a - b dL/du) / F'(u), and
    /// the knots get what they would if F had the cotangent -c and L had -b.
    func gradient(
        _ x: Tensor, _ parameters: Tensor, value: Tensor, logSlope: Tensor, inverse: Bool
    ) throws(GraphError) -> [Tensor] {
        let element = try Inner(x, bound)
        let (ofValue, ofLog) = (try value.reshaped([x.count]), try logSlope.reshaped([x.count]))
        let knots = try Knots(self, parameters)
        let bin = try Bin(holding: element.value, axis: inverse ? 1 : 0, of: knots.ends(withShares: true))
        let (xi, rest) = try bin.position(of: element.value, inverse: inverse)
        let (s, d0, d1) = (bin.slope, bin.left[2], bin.right[2])
        let (denominator, blend) = (try bin.denominator(xi, rest), try bin.blend(xi, rest))
        let scale = try s / denominator
        let slope = try scale * scale * blend
        // dL/du
        let bend = try ((d1 - s) * xi + (s - d0) * rest) / blend - (rest - xi) * (d0 + d1 - 2 * s) / denominator
        let logBend = try 2 * bend / bin.width
        let ofX = try inverse ? (ofValue - ofLog * logBend) / slope : ofValue * slope + ofLog * logBend
        let (ofF, ofL) = try inverse ? (-ofX, -ofLog) : (ofValue, ofLog)
        // Through xi, over the width.
        let ofU = try inverse ? -ofValue : ofX
        let (ahead, behind, product) = (try xi * xi, try rest * rest, try xi * rest)
        let hump = try product / denominator
        let lift = try ofF * bin.height * hump
        // Through s = height / width, times s.
        let ofS =
            try lift * scale * (d1 * ahead - d0 * behind)
            + 2 * ofL * (hump * (d0 + d1) + product * (s / blend))
        let (byWidth, byHeight) = (try ofS / bin.width, try ofS / bin.height)
        let below = try bin.ratio(xi, rest)
        let above = try (s * behind + d1 * product) / denominator
        let left = [try byWidth - ofU * rest, try ofF * above - byHeight]
        let right = [try -(ofU * xi + byWidth), try ofF * below + byHeight]
        let slopes = [
            try lift * above + ofL * (behind / blend - 2 * hump), try ofL * (ahead / blend - 2 * hump) - lift * below,
        ]
        // The share c of the bins below a knot rises by p (1 - c) with the limited logit of a bin below it, whose own share is
        // p, and falls by p c with that of one above it.
        let logits = try (0..<2).map { (axis) throws(GraphError) -> Tensor in
            let (first, last) = (bin.left[3 + axis], bin.right[3 + axis])
            let factor = try span / knots.totals[axis]
            let before = try element.orZero((left[axis] * (1 - first) + right[axis] * (1 - last)) * factor)
            let here = try element.orZero((right[axis] * (1 - last) - left[axis] * first) * factor)
            let after = try element.orZero(-(left[axis] * first + right[axis] * last) * factor)
            return try knots.rates[axis] * select(bin.isHere, here, select(bin.isBefore, before, after))
        }
        // The inner knots are the left ends of all bins but the first, and the right ends of all but the last.
        let ends = try (0..<2).map { (side) throws(GraphError) -> Tensor in
            let isEnd = try bin.isHere.slice(0, (1 - side)..<(bins - side))
            let own = try element.orZero(slopes[side]) * knots.slopeRates
            return try select(isEnd, own, own.zerosLike())
        }
        let all = try concatenate(logits + [ends[0] + ends[1]], axis: 0)
        let rows = parameters.shape[0]
        let ofParameters = try all.reshaped([parameterCount, rows, x.count / Swift.max(rows, 1)])
        return [
            try select(element.isInside, ofX, ofValue).reshaped(x.shape),
            try ofParameters.transposed([1, 0, 2]).reshaped(parameters.shape),
        ]
    }
}

/// What lies inside the bounds, [rows * elements]; 0 stands for the rest.
private struct Inner {
    let flat: Tensor, isInside: Tensor, value: Tensor

    init(_ x: Tensor, _ bound: Double) throws(GraphError) {
        flat = try x.reshaped([x.count])
        isInside = try abs(flat).less(than: bound)
        value = try select(isInside, flat, flat.zerosLike())
    }

    func orZero(_ y: Tensor) throws(GraphError) -> Tensor { try select(isInside, y, y.zerosLike()) }
}

/// The knots of each element's spline, and what they come from. What goes through the bins runs over long vectors.
private struct Knots {
    private let map: SplineMap
    /// How the bins' shares, not yet divided by their totals, rise with their logits: widths and heights, each
    /// [bins, rows * elements].
    let rates: [Tensor]
    /// The sums of these shares, [rows * elements] each.
    let totals: [Tensor]
    /// At the inner knots, [bins - 1, rows * elements], and how they rise with their parameters.
    private let slopes: Tensor
    let slopeRates: Tensor
    /// Of the widths and heights before each inner knot, [bins - 1, 2, rows * elements].
    private let shares: Tensor

    init(_ map: SplineMap, _ parameters: Tensor) throws(GraphError) {
        self.map = map
        let bins = map.bins
        let (rows, elements) = (parameters.shape[0], Array(parameters.shape.dropFirst(2)).product)
        let count = rows * elements
        let all = try parameters.reshaped([rows, map.parameterCount, elements])
        // A softmax whose running sums are divided by the last of them: they ascend, and end in exactly 1.
        let logits = try all.slice(1, 0..<(2 * bins)).reshaped([rows, 2, bins, elements])
        let (each, risen) = try limitedExp(logits, damping: 2 * map.damping)
        let sums = try each.cumulativeSum(axis: 2)
        rates = try (0..<2).map { (axis) throws(GraphError) in
            try risen.at(axis, axis: 1).transposed([1, 0, 2]).reshaped([bins, count])
        }
        totals = try (0..<2).map { (axis) throws(GraphError) in
            try sums.at(axis, axis: 1).at(bins - 1, axis: 1).reshaped([count])
        }
        let ratios = try sums.slice(2, 0..<(bins - 1)) / sums.slice(2, (bins - 1)..<bins)
        shares = try ratios.transposed([2, 1, 0, 3]).reshaped([bins - 1, 2, count])
        let logSlopes = try all.slice(1, (2 * bins)..<map.parameterCount).transposed([1, 0, 2])
        (slopes, slopeRates) = try limitedExp(logSlopes.reshaped([bins - 1, count]), damping: map.damping)
    }

    /// x, y and slope at all knots, and with `withShares` the shares of the widths and heights before them:
    /// [bins + 1, 3 or 5, rows * elements].
    func ends(withShares: Bool = false) throws(GraphError) -> Tensor {
        let (bins, bound) = (map.bins, map.bound)
        let least = try shares.graph.constant(map.leastPlaces, shape: [bins - 1, 1, 1], shares.scalar)
        let places = try shares * map.span + least
        let between = try concatenate([places, slopes.expanded(1)] + (withShares ? [shares] : []), axis: 1)
        let (first, last) = ([-bound, -bound, 1, 0, 0], [bound, bound, 1, 1, 1])
        let count = between.shape[1]
        let gap = [Double](repeating: 0, count: count * (bins - 1))
        let edges = try shares.graph.constant(
            first.prefix(count) + gap + last.prefix(count), shape: [bins + 1, count, 1], shares.scalar)
        return try between.padded(axis: 0, low: 1, high: 1) + edges
    }
}

/// exp(v / (1 + damping |v|)) and its derivative.
private func limitedExp(_ v: Tensor, damping: Double) throws(GraphError) -> (value: Tensor, rate: Tensor) {
    let exponent = try limited(v, damping: damping)
    let value = try exp(exponent.value)
    return (value, try value * exponent.rate)
}

/// The bin that each element falls into.
private struct Bin {
    /// x, y, slope and whatever the knots hold at its ends, each [rows * elements].
    let left: [Tensor], right: [Tensor]
    let width: Tensor, height: Tensor
    /// height / width, s in the paper.
    let slope: Tensor
    /// Whether each bin is the one, or comes before it: [bins, rows * elements].
    let isHere: Tensor, isBefore: Tensor

    /// - Parameter axis: Whether `value` [rows * elements] is an x (0) or a y (1).
    init(holding value: Tensor, axis: Int, of knots: Tensor) throws(GraphError) {
        let bins = knots.shape[0] - 1
        let (lefts, rights) = (try knots.slice(0, 0..<bins), try knots.slice(0, 1..<(bins + 1)))
        // All bins are looked at and one is kept: cheaper than to fetch it.
        let isHere = try lefts.at(axis, axis: 1).lessEqual(to: value) & value.less(than: rights.at(axis, axis: 1))
        let isHereForAll = try isHere.expanded(1).broadcast(to: lefts.shape)
        func chosen(_ all: Tensor) throws(GraphError) -> [Tensor] {
            let sum = try select(isHereForAll, all, all.zerosLike()).sum(axes: [0])
            return try (0..<knots.shape[1]).map { (index) throws(GraphError) in try sum.at(index, axis: 0) }
        }
        left = try chosen(lefts)
        right = try chosen(rights)
        width = try right[0] - left[0]
        height = try right[1] - left[1]
        slope = try height / width
        self.isHere = isHere
        isBefore = try rights.at(axis, axis: 1).lessEqual(to: value)
    }

    /// The share of the bin's width that lies before an element, and the rest.
    ///
    /// Inverse, equations 6 to 8: with eta the share of the bin's height below y and v = d_k (1 - eta) - d_(k+1) eta, the
    /// discriminant over the height's square is v^2 + 4 s^2 eta (1 - eta): a sum of terms that are not negative, so that
    /// rounding cannot leave a root of less than 0; and the root's sum with v is written so that nothing cancels.
    func position(of value: Tensor, inverse: Bool) throws(GraphError) -> (share: Tensor, rest: Tensor) {
        guard inverse else { return (try (value - left[0]) / width, try (right[0] - value) / width) }
        let eta = try (value - left[1]) / height
        let above = try (right[1] - value) / height
        let v = try left[2] * above - right[2] * eta
        let product = try 4 * slope * slope * eta * above
        let root = try sqrt(v * v + product) + abs(v)
        let upper = try select(v.less(than: 0), product / root, root)
        let lower = try 2 * slope * eta
        return (try lower / (lower + upper), try upper / (lower + upper))
    }

    /// The denominator of equation 4: s + (d_k + d_(k+1) - 2 s) xi (1 - xi), as a sum of positive terms.
    func denominator(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
        try slope * (xi * xi + rest * rest) + (left[2] + right[2]) * (xi * rest)
    }

    /// What equation 5 has in brackets.
    func blend(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
        try right[2] * (xi * xi) + 2 * slope * (xi * rest) + left[2] * (rest * rest)
    }

    /// The share of the height at the share xi of the width, rest = 1 - xi.
    func ratio(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
        try (slope * (xi * xi) + left[2] * (xi * rest)) / denominator(xi, rest)
    }

    /// The logarithm of equation 5.
    func logSlope(_ xi: Tensor, _ rest: Tensor) throws(GraphError) -> Tensor {
        let scale = try slope / denominator(xi, rest)
        return try log(scale * scale * blend(xi, rest))
    }
}
