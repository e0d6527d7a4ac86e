import Datasets
import Execution
import Foundation
import Models

/// Pictures of a model of points in the plane, over the part of the plane where `rows` lie.
///
///     let pictures = try PlanePictures(of: trained, around: data.test)
///     try pictures.density().picture.write(to: "density.png")
public struct PlanePictures<M: Model> {
    private typealias Point = Canvas.Point

    private let trained: Trained<M>
    private let rows: Rows
    private let points: [Canvas.Point]

    /// Points that are drawn, at most.
    private static var mostPoints: Int { 4000 }
    private static var side: Int { 512 }

    /// - Throws: `TrainingError` where the model's rows are no points in the plane.
    public init(of trained: Trained<M>, around rows: Rows) throws {
        guard trained.rowShape == [2], rows.shape == [2] else {
            throw TrainingError(
                "pictures", "rows of shape \(trained.rowShape) are no points in the plane", "use rows of shape [2]")
        }
        self.trained = trained
        self.rows = rows
        points = Self.points(rows.floats.map { Double($0) })
    }

    private static func points(_ values: [Double]) -> [Canvas.Point] {
        stride(from: 0, to: values.count, by: 2).map { Canvas.Point(values[$0], values[$0 + 1]) }
    }

    /// Places all over the rows, where there are more than can be drawn.
    private var shown: [Canvas.Point] {
        let step = max(points.count / Self.mostPoints, 1)
        return stride(from: 0, to: points.count, by: step).prefix(Self.mostPoints).map { points[$0] }
    }

    private var blue: Canvas.Colour { Canvas.Colour(rgb: 0x1f5fbf) }
    private var orange: Canvas.Colour { Canvas.Colour(rgb: 0xd9600a) }
    private var gray: Canvas.Colour { Canvas.Colour(repeating: 0.75) }

    private func scatter(_ points: [Canvas.Point], _ window: PlaneWindow, _ colour: Canvas.Colour) -> Canvas {
        var canvas = Canvas(width: window.side, height: window.side)
        for point in points { canvas.dot(window.pixel(point), radius: 1.4, colour, opacity: 0.4) }
        window.frame(&canvas)
        return canvas
    }
}

extension PlanePictures where M: GenerativeModel {
    /// Rows on the left, as many samples on the right.
    public func samples(seed: UInt64 = 0) throws -> PNGImage {
        let window = PlaneWindow(around: points, side: Self.side)
        let shown = shown
        let samples = try Self.points(trained.sample(count: shown.count, seed: seed, output: .draw).doubles)
        let gap = 16
        var canvas = Canvas(width: 2 * Self.side + gap, height: Self.side)
        canvas.place(scatter(shown, window, blue), x: 0, y: 0)
        canvas.place(scatter(samples, window, orange), x: Self.side + gap, y: 0)
        return try canvas.image
    }
}

extension PlanePictures where M: DensityModel {
    /// A heat map of p(x).
    public struct Density {
        public let picture: PNGImage
        /// The density that the brightest colour means, and all above it.
        public let brightest: Double
        /// The sum of p(x) over the picture's area: 1 where the model puts all its mass there and the cells resolve it.
        public let mass: Double
        /// Places where p(x) is no number; they are white.
        public let notNumbers: Int
    }

    /// p(x) at the centres of 256 x 256 cells.
    public func density() throws -> Density {
        let cells = 256
        let window = PlaneWindow(around: points, side: 2 * cells)
        let centres = window.cells(cells)
        let places = try Rows(.float(centres.flatMap { [Float($0.x), Float($0.y)] }), shape: [2], place: "cells")
        let density = try trained.logProb(places, batchSize: 1024).doubles.map { exp($0) }
        let known = density.filter { !$0.isNaN }.sorted()
        // A few cells of a narrow ridge do not darken all others.
        let brightest = known.isEmpty ? 1 : max(known[(known.count - 1) * 998 / 1000], known[known.count - 1] / 10)
        var canvas = Canvas(width: window.side, height: window.side)
        for y in 0..<window.side {
            for x in 0..<window.side {
                let value = Self.between(density, cells, Double(x) / 2 - 0.25, Double(y) / 2 - 0.25)
                canvas[x, y] = ColourMap.colour(brightest > 0 ? value / brightest : value)
            }
        }
        return Density(
            picture: try canvas.image, brightest: brightest,
            mass: known.reduce(0, +) * window.cellArea(cells), notNumbers: density.count - known.count)
    }

    /// The value at a place between the centres of cells, which count from 0.
    private static func between(_ values: [Double], _ cells: Int, _ x: Double, _ y: Double) -> Double {
        let last = Double(cells - 1)
        let (x, y) = (min(max(x, 0), last), min(max(y, 0), last))
        let (left, top) = (min(Int(x), cells - 2), min(Int(y), cells - 2))
        let (right, down) = (x - Double(left), y - Double(top))
        func line(_ start: Int) -> Double { values[start] + (values[start + 1] - values[start]) * right }
        let (above, below) = (line(top * cells + left), line((top + 1) * cells + left))
        return above + (below - above) * down
    }
}

extension PlanePictures where M: EncodingModel {
    /// Whether codes are points in the plane too, of which there is a grid.
    public func hasWarp() throws -> Bool { try trained.latentShape() == [2] }

    /// What the model makes of a regular grid of base values (or codes) from -3 to 3 at steps of 1/4, over the rows: lines
    /// of an even first coordinate in one colour, of an even second one in the other, those far out fainter.
    public func warp() throws -> PNGImage {
        let window = PlaneWindow(around: points, side: 640)
        var canvas = Canvas(width: window.side, height: window.side)
        for point in shown { canvas.dot(window.pixel(point), radius: 1.2, gray, opacity: 0.5) }
        let levels = (-12...12).map { Double($0) / 4 }
        let steps = 481
        let along = (0..<steps).map { -3 + 6 * Double($0) / Double(steps - 1) }
        var codes: [Double] = []
        for level in levels { for t in along { codes += [level, t] } }
        for level in levels { for t in along { codes += [t, level] } }
        guard let grid = HostArray(codes, shape: [codes.count / 2, 2], trained.precision) else {
            throw TrainingError("pictures", "\(codes.count) numbers are no array of codes", "report this")
        }
        let images = try Self.points(trained.decode(grid, batchSize: 1024).doubles)
        // The outer lines first, so that the inner ones lie above.
        for index in (0..<2 * levels.count).sorted(by: {
            (abs(levels[$0 % levels.count]), $0) > (abs(levels[$1 % levels.count]), $1)
        }) {
            let level = levels[index % levels.count]
            let line = images[index * steps..<(index + 1) * steps].map(window.pixel)
            canvas.line(line, width: 1.3, index < levels.count ? blue : orange) { piece in
                0.15 + 0.85 * exp(-(level * level + along[piece] * along[piece]) / 4)
            }
        }
        window.frame(&canvas)
        return try canvas.image
    }
}
