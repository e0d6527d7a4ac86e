import Glibc

/// The densities in the plane that flows are tried on, at the scale of FFJORD's examples (Grathwohl et al. 2019,
/// `toy_data.py`): within about +-4.
///
/// Point i is a pure function of (seed, i), the same on every machine; its label is the part that it was drawn from.
public enum PlaneDensity: String, Sendable, CaseIterable {
    /// Two half circles of radius 2, each reaching into the other, with normal noise of 0.2; two labels.
    case twoMoons = "two-moons"
    /// Four circles of radius 0.75, 1.5, 2.25 and 3 around the origin, the radius with normal noise of 0.08; four labels.
    case rings
    /// Five bent arms; five labels.
    case pinwheel
    /// Normals of standard deviation sqrt(1/8), their centres evenly on a circle of radius sqrt(8); eight labels.
    case eightGaussians = "eight-gaussians"
    /// Uniform on the eight black fields, of side 2, of a board that reaches from -4 to 4; eight labels.
    case checkerboard
    /// A spiral of one and a half turns, with normal noise of 0.2; no labels.
    case swissRoll = "swiss-roll"
    /// Two spirals of one and a half turns, one the other turned by half a circle; two labels.
    case spirals

    static let radii = [0.75, 1.5, 2.25, 3]
    static let radiusNoise = 0.08
    static let modeNoise = 0.125.squareRoot()

    static let modes = (0..<8).map { mode in
        let (sine, cosine) = PortableMath.sineAndCosine(.pi / 4 * Double(mode))
        return (x: 8.0.squareRoot() * cosine, y: 8.0.squareRoot() * sine)
    }

    /// What it is, in a few words.
    var summary: String {
        switch self {
        case .twoMoons: "two half circles, each reaching into the other"
        case .rings: "four circles around one centre, entropy known"
        case .pinwheel: "five bent arms"
        case .eightGaussians: "eight normals on a circle, entropy known"
        case .checkerboard: "uniform on eight fields of a board, entropy known"
        case .swissRoll: "one spiral"
        case .spirals: "two spirals"
        }
    }

    /// Point `index`, [2].
    public func point(seed: UInt64, index: Int) -> [Double] { point(GeneratedRow(seed: seed, index: index)).values }

    func point(_ row: GeneratedRow) -> (values: [Double], label: Int?) {
        let u = row.uniform(0)
        switch self {
        case .twoMoons:
            let moon = row.choice(1, of: 2)
            let (sine, cosine) = PortableMath.sineAndCosine(.pi * u)
            let noise = row.normals(2)
            let (x, y) = moon == 0 ? (2 * cosine - 1, 2 * sine - 0.2) : (1 - 2 * cosine, 0.8 - 2 * sine)
            return ([x + 0.2 * noise.0, y + 0.2 * noise.1], moon)
        case .rings:
            let ring = row.choice(1, of: Self.radii.count)
            let radius = Self.radii[ring] + Self.radiusNoise * row.normals(2).0
            let (sine, cosine) = PortableMath.sineAndCosine(2 * .pi * u)
            return ([radius * cosine, radius * sine], ring)
        case .pinwheel:
            let arm = row.choice(1, of: 5)
            let noise = row.normals(2)
            let (along, across) = (1 + 0.3 * noise.0, 0.1 * noise.1)
            let (sine, cosine) = PortableMath.sineAndCosine(
                2 * .pi / 5 * Double(arm) + 0.25 * PortableMath.exp(along))
            return ([2 * (along * cosine + across * sine), 2 * (across * cosine - along * sine)], arm)
        case .eightGaussians:
            let mode = row.choice(1, of: 8)
            let noise = row.normals(2)
            return (
                [Self.modes[mode].x + Self.modeNoise * noise.0, Self.modes[mode].y + Self.modeNoise * noise.1], mode
            )
        case .checkerboard:
            // In steps of 2^-22, which a Float has everywhere on the board: rounding takes no point out of its field.
            func within(_ u: Double) -> Double { (u * 0x1p23).rounded(.down) * 0x1p-22 }
            let field = row.choice(1, of: 8)
            let (column, line) = (field / 2, 2 * (field % 2) + field / 2 % 2)
            return ([Double(2 * column - 4) + within(u), Double(2 * line - 4) + within(row.uniform(2))], field)
        case .swissRoll:
            let angle = 1.5 * .pi * (1 + 2 * u)
            let (sine, cosine) = PortableMath.sineAndCosine(angle)
            let noise = row.normals(2)
            return ([(angle * cosine + noise.0) / 5, (angle * sine + noise.1) / 5], nil)
        case .spirals:
            let arm = row.choice(1, of: 2)
            let angle = 3 * .pi * u.squareRoot()
            let (sine, cosine) = PortableMath.sineAndCosine(angle)
            let (side, noise) = (arm == 0 ? 1.0 : -1.0, row.normals(4))
            let x = side * (0.5 * row.uniform(2) - angle * cosine) / 3
            let y = side * (0.5 * row.uniform(3) + angle * sine) / 3
            return ([x + 0.1 * noise.0, y + 0.1 * noise.1], arm)
        }
    }

    /// The log-density of a point [2], in nats; nil where it has no closed form.
    public func logProb(_ point: [Double]) -> Double? {
        let (x, y) = (point[0], point[1])
        switch self {
        case .checkerboard:
            let (column, line) = ((x / 2).rounded(.down), (y / 2).rounded(.down))
            let isBlack = (column + line).truncatingRemainder(dividingBy: 2) == 0
            return max(abs(column + 0.5), abs(line + 0.5)) < 2 && isBlack ? -log(32) : -.infinity
        case .eightGaussians:
            let variance = Self.modeNoise * Self.modeNoise
            let exponents = Self.modes.map { mode -> Double in
                let (dx, dy) = (mode.x - x, mode.y - y)
                return -(dx * dx + dy * dy) / (2 * variance)
            }
            return logSumExp(exponents) - log(8 * 2 * .pi * variance)
        case .rings:
            // The radius has its density twice over: a draw below 0 is a point on the other side.
            let radius = (x * x + y * y).squareRoot()
            let variance = Self.radiusNoise * Self.radiusNoise
            let exponents = Self.radii.flatMap { ring -> [Double] in
                let (near, far) = (ring - radius, ring + radius)
                return [-near * near / (2 * variance), -far * far / (2 * variance)]
            }
            let normalizer = Double(Self.radii.count) * (2 * .pi).squareRoot() * Self.radiusNoise
            return logSumExp(exponents) - log(normalizer * 2 * .pi * radius)
        case .twoMoons, .pinwheel, .swissRoll, .spirals: return nil
        }
    }

    /// The differential entropy in nats, below which no model's expected negative log-likelihood can be; nil where
    /// `logProb` is. To 1e-9.
    public var entropy: Double? {
        switch self {
        case .checkerboard: log(32)
        case .eightGaussians:
            // Trapezoids on a smooth function that vanishes at the borders: their error falls faster than any power.
            quadrature(over: -6...6, steps: 240) { x in
                quadrature(over: -6...6, steps: 240) { y in surprise(logProb([x, y]) ?? 0) }
            }
        case .rings:
            // In polar coordinates the density depends on the radius alone.
            quadrature(over: 1e-9...4, steps: 800) { 2 * .pi * $0 * surprise(logProb([$0, 0]) ?? 0) }
        case .twoMoons, .pinwheel, .swissRoll, .spirals: nil
        }
    }
}

/// -p log p
private func surprise(_ logProb: Double) -> Double { logProb < -700 ? 0 : -exp(logProb) * logProb }

private func quadrature(over range: ClosedRange<Double>, steps: Int, _ f: (Double) -> Double) -> Double {
    let step = (range.upperBound - range.lowerBound) / Double(steps)
    let inner = (1..<steps).reduce(0) { $0 + f(range.lowerBound + Double($1) * step) }
    return step * (inner + (f(range.lowerBound) + f(range.upperBound)) / 2)
}

private func logSumExp(_ values: [Double]) -> Double {
    guard let peak = values.max(), peak.isFinite else { return -.infinity }
    return peak + log(values.reduce(0) { $0 + exp($1 - peak) })
}

extension Dataset {
    /// Generated points of a density in the plane, rows of shape [2].
    public static func plane(
        _ density: PlaneDensity, count: Int = 50_000, testCount: Int = 10_000, seed: UInt64 = 0
    ) throws(DatasetError) -> Dataset {
        try generated(density.rawValue, count: count, testCount: testCount) { (first, count) throws(DatasetError) in
            try Rows.generated(
                first: first, count: count, shape: [2], seed: seed, place: density.rawValue, density.point)
        }
    }
}
