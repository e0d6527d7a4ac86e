import Testing

@testable import Datasets

struct CanvasTests {
    /// How dark each pixel is, in 0...1.
    private func ink(_ canvas: Canvas) -> [Double] {
        (0..<canvas.width * canvas.height).map { Double(1 - canvas[$0 % canvas.width, $0 / canvas.width].x) }
    }

    @Test func aDotHasItsAreaAndPlace() {
        for (x, y, radius) in [(10.0, 10, 4.0), (8.3, 11.7, 3), (10.5, 10.5, 1.5)] {
            var canvas = Canvas(width: 20, height: 24)
            canvas.dot(.init(x, y), radius: radius, .zero)
            let ink = ink(canvas)
            let mass = ink.reduce(0, +)
            #expect(abs(mass / (Double.pi * radius * radius) - 1) < 0.06, "\(mass)")
            let centreX = ink.enumerated().reduce(0) { $0 + $1.element * (Double($1.offset % 20) + 0.5) } / mass
            let centreY = ink.enumerated().reduce(0) { $0 + $1.element * (Double($1.offset / 20) + 0.5) } / mass
            #expect(abs(centreX - x) < 0.05 && abs(centreY - y) < 0.05)
        }
    }

    @Test func aLineHasItsWidthAndIsNoDenserWhereItCrossesItself() {
        var canvas = Canvas(width: 40, height: 40)
        canvas.line([.init(5, 5), .init(35, 35), .init(35, 5), .init(5, 35)], width: 2, .zero) { $0 == 0 ? 0.5 : 0.4 }
        #expect(ink(canvas).max().map { abs($0 - 0.5) < 1e-6 } == true)
        #expect(abs(ink(canvas)[20 * 40 + 35] - 0.4) < 0.05)
        var straight = Canvas(width: 40, height: 40)
        straight.line([.init(5, 5), .init(35, 25)], width: 2, .zero)
        let length = (30.0 * 30 + 20 * 20).squareRoot()
        #expect(abs(ink(straight).reduce(0, +) / (2 * length + .pi) - 1) < 0.03)
    }

    @Test func whatLiesOutsideIsLeftOut() throws {
        var canvas = Canvas(width: 6, height: 4)
        canvas.dot(.init(-100, 2), radius: 3, .zero)
        canvas.dot(.init(.nan, 2), radius: 3, .zero)
        canvas.line([.init(1, -5), .init(1e300, .infinity)], width: 1, .zero)
        #expect(ink(canvas).allSatisfy { $0 == 0 })
        canvas.line([.init(-1e6, 2), .init(1e6, 2)], width: 1, .zero)
        #expect(abs(ink(canvas).reduce(0, +) - 6) < 1e-3)
        var other = Canvas(width: 3, height: 3, background: .zero)
        other[0, 0] = .init(1, 0, 0)
        canvas.place(other, x: 4, y: -1)
        #expect(canvas[4, 0] == .zero && canvas[5, 1] == .zero && canvas[3, 0] == .one)
        let image = try canvas.image
        #expect(image.width == 6 && image.height == 4 && image.channels == 3)
        #expect(Array(image.levels.suffix(3)) == [255, 255, 255])
    }
}
