import Datasets

/// The part of the plane that a picture shows, and where its points lie in a square of pixels.
struct PlaneWindow {
    typealias Point = Canvas.Point

    let low: Point
    let high: Point
    /// Pixels each way.
    let side: Int

    /// Around points, with a margin; a few far ones do not count. Both axes have one scale unless one range is many times
    /// the other.
    init(around points: [Point], side: Int) {
        var (low, high) = (Point.zero, Point.zero)
        for axis in 0..<2 {
            let sorted = points.map { $0[axis] }.filter(\.isFinite).sorted()
            let spare = sorted.count / 500
            low[axis] = sorted.isEmpty ? -1 : sorted[spare]
            high[axis] = sorted.isEmpty ? 1 : sorted[sorted.count - 1 - spare]
        }
        let middle = (low + high) / 2
        var half = (high - low) / 2 * 1.2
        if half.min() > half.max() / 4 { half = Point(repeating: half.max()) }
        for axis in 0..<2 where half[axis] <= 0 { half[axis] = half.max() > 0 ? half.max() : 1 }
        (self.low, self.high, self.side) = (middle - half, middle + half, side)
    }

    /// y upwards.
    func pixel(_ point: Point) -> Point {
        let place = (point - low) / (high - low) * Double(side)
        return Point(place.x, Double(side) - place.y)
    }

    /// The centres of `count` x `count` cells, from the upper left one on, line by line.
    func cells(_ count: Int) -> [Point] {
        (0..<count * count).map { index in
            let place = Point(Double(index % count) + 0.5, Double(count - 1 - index / count) + 0.5)
            return low + (high - low) * place / Double(count)
        }
    }

    /// Of one of `count` x `count` cells.
    func cellArea(_ count: Int) -> Double { ((high - low) / Double(count)).x * ((high - low) / Double(count)).y }

    /// Ticks at round numbers, and a thin frame.
    func frame(_ canvas: inout Canvas) {
        let end = Double(side) - 0.5
        let ink = Canvas.Colour(repeating: 0.55)
        for axis in 0..<2 {
            for value in ticks(axis) {
                var point = low
                point[axis] = value
                let at = pixel(point)[axis]
                for (from, to) in [(0.5, 7.5), (end, end - 7)] {
                    let ends = axis == 0 ? [Point(at, from), Point(at, to)] : [Point(from, at), Point(to, at)]
                    canvas.line(ends, width: 1, ink)
                }
            }
        }
        canvas.line(
            [Point(0.5, 0.5), Point(end, 0.5), Point(end, end), Point(0.5, end), Point(0.5, 0.5)], width: 1, ink)
    }

    /// Multiples of 1, 2 or 5 times a power of ten, a handful of them.
    private func ticks(_ axis: Int) -> [Double] {
        ChartAxis(covering: [low[axis], high[axis]], ticks: 6, isInteger: false).ticks
    }
}
