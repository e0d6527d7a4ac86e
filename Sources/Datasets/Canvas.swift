/// A picture in colour that dots and lines are drawn on, with soft edges. Places are in pixels from the upper left corner,
/// the centre of the first pixel at (0.5, 0.5).
public struct Canvas: Sendable {
    /// Red, green and blue in 0...1.
    public typealias Colour = SIMD3<Float>
    public typealias Point = SIMD2<Double>

    public let width: Int
    public let height: Int
    private var pixels: [Colour]

    public init(width: Int, height: Int, background: Colour = Colour(repeating: 1)) {
        (self.width, self.height) = (width, height)
        pixels = [Colour](repeating: background, count: width * height)
    }

    public subscript(x: Int, y: Int) -> Colour {
        get { pixels[y * width + x] }
        set { pixels[y * width + x] = newValue }
    }

    /// A disc.
    public mutating func dot(_ centre: Point, radius: Double, _ colour: Colour, opacity: Double = 1) {
        let covered = covered(from: centre, to: centre, reach: radius) { place in
            (place - centre).length
        }
        for (index, share) in covered { blend(index, colour, share * opacity) }
    }

    /// A line through points. Where it crosses itself it is not denser. `opacity` is of the piece from a point, given by its
    /// place among them, to the next.
    public mutating func line(
        _ points: [Point], width: Double, _ colour: Colour, opacity: (Int) -> Double = { _ in 1 }
    ) {
        var shares: [Int: Double] = [:]
        for (piece, (a, b)) in zip(points, points.dropFirst()).enumerated() {
            let opacity = opacity(piece)
            let along = b - a
            let square = max((along * along).sum(), 1e-12)
            let covered = covered(from: a, to: b, reach: width / 2) { place in
                let t = min(max(((place - a) * along).sum() / square, 0), 1)
                return (place - a - along * t).length
            }
            for (index, share) in covered { shares[index] = max(shares[index] ?? 0, share * opacity) }
        }
        for (index, share) in shares { blend(index, colour, share) }
    }

    /// The pixels that are nearer than `reach` to a stroke from a to b, and how much of each it covers.
    private func covered(
        from a: Point, to b: Point, reach: Double, distance: (Point) -> Double
    ) -> [(index: Int, share: Double)] {
        func pixels(_ a: Double, _ b: Double, _ count: Int) -> Range<Int> {
            let (low, high) = (min(a, b) - reach - 0.5, max(a, b) + reach + 0.5)
            guard low.isFinite, high.isFinite, high > 0, low < Double(count) else { return 0..<0 }
            return Int(max(low, 0))..<Int(min(high + 1, Double(count)))
        }
        var result: [(index: Int, share: Double)] = []
        for y in pixels(a.y, b.y, height) {
            for x in pixels(a.x, b.x, width) {
                let share = reach + 0.5 - distance(Point(Double(x) + 0.5, Double(y) + 0.5))
                if share > 0 { result.append((y * width + x, min(share, 1))) }
            }
        }
        return result
    }

    private mutating func blend(_ index: Int, _ colour: Colour, _ opacity: Double) {
        pixels[index] += (colour - pixels[index]) * Float(opacity)
    }

    /// Another canvas with its upper left corner at these pixels; what lies outside is left out.
    public mutating func place(_ other: Canvas, x: Int, y: Int) {
        for line in max(0, -y)..<max(0, -y, min(other.height, height - y)) {
            for column in max(0, -x)..<max(0, -x, min(other.width, width - x)) {
                self[x + column, y + line] = other[column, line]
            }
        }
    }

    /// Throws where an extent is not in 1...65535.
    public var image: PNGImage {
        get throws(DatasetError) {
            let levels = pixels.flatMap { colour in
                (0..<3).map { UInt8((min(max(colour[$0], 0), 1) * 255).rounded()) }
            }
            return try PNGImage(width: width, height: height, channels: 3, levels: levels)
        }
    }
}

extension SIMD2<Double> {
    fileprivate var length: Double { (self * self).sum().squareRoot() }
}
