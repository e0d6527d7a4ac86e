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

    /// Test image j is image 2^40 + j, so that neither split moves when the other grows.
    static let firstTestIndex = 1 << 40

    /// The factors of image `index`.
    public static func factors(seed: UInt64, index: Int) -> Factors {
        let key = SplitMix64.value(seed: seed, index: UInt64(truncatingIfNeeded: index))
        func uniform(_ stream: UInt64) -> Double {
            Double(SplitMix64.value(seed: key, index: stream) >> 11) * 0x1p-53
        }
        return Factors(
            kind: Kind.allCases[Int(uniform(0) * 4)], x: 10 + 8 * uniform(1), y: 10 + 8 * uniform(2),
            scale: 5 + 4 * uniform(3), rotation: 2 * .pi * uniform(4))
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
        let (sine, cosine) = sineAndCosine(factors.rotation)
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

    /// Sine and cosine to 1e-12 from sums and products alone: those of the C library differ between machines.
    private static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
        let quarter = (angle / (.pi / 2)).rounded()
        let x = angle - quarter * (.pi / 2)
        guard abs(x) < 1 else { return (0, 1) }
        var (sine, cosine) = (0.0, 0.0)
        // Taylor's series in Horner's form, to x^15 and x^14.
        for k in stride(from: 14.0, through: 2, by: -2) {
            sine = (1 - sine) * x * x / (k * (k + 1))
            cosine = (1 - cosine) * x * x / (k * (k - 1))
        }
        sine = x * (1 - sine)
        cosine = 1 - cosine
        return switch Int(quarter.truncatingRemainder(dividingBy: 4) + 4) % 4 {
        case 0: (sine, cosine)
        case 1: (cosine, -sine)
        case 2: (-sine, -cosine)
        default: (-cosine, sine)
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
        // 2^31 images would be more than memory holds.
        for number in [count, testCount] where number < 1 || number > 1 << 31 {
            throw DatasetError("shapes", "\(number) images cannot be made", "ask for at least 1 in each split")
        }
        return try Dataset(
            name: "shapes", train: Shapes.rows(first: 0, count: count, seed: seed),
            test: Shapes.rows(first: Shapes.firstTestIndex, count: testCount, seed: seed))
    }
}
