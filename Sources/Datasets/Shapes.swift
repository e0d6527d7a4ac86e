/// A generated set of images whose factors are known: one white shape on black, anti-aliased, 28 x 28, gray.
///
/// Image i is a pure function of (seed, i), the same on every machine: only arithmetic that IEEE 754 rounds one way
/// makes it. Its factors are drawn independently and uniformly:
///
/// | factor     | range    | meaning                                                                             |
/// | ---------- | -------- | ----------------------------------------------------------------------------------- |
/// | `kind`     | 0...3    | ellipse, square, triangle, cross; also the label                                    |
/// | `x`, `y`   | 10..<18  | the centre in pixels from the left and from the top                                 |
/// | `scale`    | 5..<9    | the radius, in pixels, of the circle around the shape                               |
/// | `rotation` | 0..<2 pi | radians, clockwise; the shapes look the same again after pi, pi/2, 2 pi/3, pi/2     |
public enum Shapes {
    public enum Kind: Int, Sendable, CaseIterable {
        case ellipse, square, triangle, cross
    }

    /// How one image was made.
    public struct Factors: Equatable, Sendable {
        public var kind: Kind
        public var x: Double
        public var y: Double
        public var scale: Double
        public var rotation: Double

        public init(kind: Kind, x: Double, y: Double, scale: Double, rotation: Double) {
            self.kind = kind
            self.x = x
            self.y = y
            self.scale = scale
            self.rotation = rotation
        }

        static let names = ["kind", "x", "y", "scale", "rotation"]

        var values: [Float] { [Float(kind.rawValue), Float(x), Float(y), Float(scale), Float(rotation)] }
    }

    /// Pixels each way.
    public static let size = 28

    /// The factors of image `index`.
    public static func factors(seed: UInt64, index: Int) -> Factors {
        let row = GeneratedRow(seed: seed, index: index)
        return Factors(
            kind: Kind.allCases[row.choice(0, of: 4)], x: 10 + 8 * row.uniform(1), y: 10 + 8 * row.uniform(2),
            scale: 5 + 4 * row.uniform(3), rotation: 2 * .pi * row.uniform(4))
    }

    /// The image with these factors, [28, 28] levels: each pixel's level is the share of it that the shape covers,
    /// from the signed distance to the shape's edge at the pixel's centre.
    public static func draw(_ factors: Factors) -> [UInt8] {
        var levels = [UInt8](repeating: 0, count: size * size)
        levels.withUnsafeMutableBufferPointer { draw(factors, into: $0) }
        return levels
    }

    private static func draw(_ factors: Factors, into levels: UnsafeMutableBufferPointer<UInt8>) {
        // Only the box around the shape can be lit; one pixel more for the soft edge.
        func covered(_ centre: Double) -> Range<Int> {
            guard centre.isFinite, factors.scale.isFinite else { return 0..<0 }
            let reach = abs(factors.scale) + 1
            let low = min(max(centre - reach, 0), Double(size)).rounded(.down)
            let high = min(max(centre + reach, 0), Double(size)).rounded(.up)
            return Int(low)..<Int(high)
        }
        let (sine, cosine) = PortableMath.sineAndCosine(factors.rotation)
        let scale = factors.scale
        for row in covered(factors.y) {
            for column in covered(factors.x) {
                let dx = (Double(column) + 0.5 - factors.x) / scale
                let dy = (Double(row) + 0.5 - factors.y) / scale
                let distance = distance(factors.kind, x: cosine * dx + sine * dy, y: cosine * dy - sine * dx)
                let coverage = min(max(0.5 - distance * scale, 0), 1)
                levels[row * size + column] = UInt8((coverage * 255).rounded())
            }
        }
    }

    /// The signed distance from (x, y), y downwards, to a shape within the unit circle: negative inside.
    private static func distance(_ kind: Kind, x: Double, y: Double) -> Double {
        switch kind {
        case .ellipse:
            // Half-axes 1 and 0.6; to first order: the implicit function over the length of its gradient.
            let (u, v) = (x, y / 0.6)
            let radius = (u * u + v * v).squareRoot()
            let gradient = (u * u + v / 0.6 * (v / 0.6)).squareRoot()
            return gradient > 0 ? radius * (radius - 1) / gradient : -0.6
        case .square:
            return max(abs(x), abs(y)) - 0.5.squareRoot()
        case .triangle:
            // Equilateral, a corner upwards: the farthest of its three edges.
            return max(y, 0.75.squareRoot() * abs(x) - 0.5 * y) - 0.5
        case .cross:
            // Two bars, half-length 0.95 and half-width 0.31.
            let (u, v) = (abs(x), abs(y))
            return min(max(u - 0.95, v - 0.31), max(u - 0.31, v - 0.95))
        }
    }

    /// Images `first` up to `first + count`.
    static func rows(first: Int, count: Int, seed: UInt64) throws(DatasetError) -> Rows {
        let block = 250
        let parts = try concurrently((count + block - 1) / block) { part throws(DatasetError) in
            let indices = first + part * block..<first + min((part + 1) * block, count)
            let factors = indices.map { Shapes.factors(seed: seed, index: $0) }
            var levels = [UInt8](repeating: 0, count: factors.count * size * size)
            levels.withUnsafeMutableBufferPointer { buffer in
                for (k, factors) in factors.enumerated() {
                    draw(factors, into: .init(rebasing: buffer[k * size * size..<(k + 1) * size * size]))
                }
            }
            return (levels: levels, factors: factors)
        }
        let factors = parts.flatMap(\.factors)
        return try Rows(
            .gray8(Array(parts.map(\.levels).joined())), shape: [1, size, size],
            labels: factors.map { Int32($0.kind.rawValue) },
            factors: Rows.Factors(names: Factors.names, values: factors.flatMap(\.values)), place: "shapes")
    }
}

extension Dataset {
    /// Generated images of one shape each with known factors, of shape [1, 28, 28]; see `Shapes`.
    public static func shapes(
        count: Int = 10_000, testCount: Int = 2_000, seed: UInt64 = 0
    ) throws(DatasetError) -> Dataset {
        try generated("shapes", count: count, testCount: testCount) { (first, count) throws(DatasetError) in
            try Shapes.rows(first: first, count: count, seed: seed)
        }
    }
}
