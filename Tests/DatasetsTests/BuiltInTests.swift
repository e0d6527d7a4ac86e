import Foundation
import Testing

@testable import Datasets

private let isInstalled = Dataset.catalog.first { $0.name == "fashion-mnist" }?.isInstalled ?? false

struct FashionMNISTTests {
    @Test(.enabled(if: isInstalled, "install it: sudo apt-get install dataset-fashion-mnist"))
    func isWhatWasPublished() throws {
        let data = try Dataset.load("fashion-mnist")
        #expect(data.name == "fashion-mnist")
        #expect(data.count == 60_000 && data.shape == [1, 28, 28])
        #expect(try data.test.count == 10_000)
        #expect(data.train.labels?.prefix(6) == [9, 0, 0, 3, 0, 2])
        #expect(try data.test.labels?.first == 9)
        for digit: Int32 in 0..<10 { #expect(data.train.labels?.filter { $0 == digit }.count == 6000) }
        #expect(abs(data.train.mean - 0.2860) < 5e-5)
        #expect(data.train.extent == 0...1)
    }

    @Test func absentItNamesItsPackage() throws {
        let folder = try TemporaryFolder()
        let none = folder / "none"
        expectError("fashion-mnist: is not installed", none, "sudo apt-get install dataset-fashion-mnist") {
            try Dataset.fashionMNIST(root: none)
        }
        expectError("fashion-mnist: is not installed", none, "unset PUSHFORWARD_FASHION_MNIST") {
            try Dataset.fashionMNIST(root: nil, variable: none)
        }
        expectError(folder.path, "train-images-idx3-ubyte") { try Dataset.fashionMNIST(root: folder.path) }
    }

    @Test func elsewhere() throws {
        let folder = try TemporaryFolder()
        try folder.write("train-images-idx3-ubyte", idx([1, 1, 2], [1, 2]))
        #expect(try Dataset.fashionMNIST(root: folder.path, variable: "/nowhere").train.elements == .gray8([1, 2]))
        #expect(try Dataset.fashionMNIST(root: nil, variable: folder.path).name == "fashion-mnist")
    }
}

struct ShapesTests {
    @Test func sizesAndRanges() throws {
        let data = try Dataset.load("shapes")
        #expect(data.count == 10_000 && data.shape == [1, 28, 28])
        #expect(try data.test.count == 2_000)
        let factors = try #require(data.train.factors)
        #expect(factors.names == ["kind", "x", "y", "scale", "rotation"])
        let ranges: [Range<Float>] = [0..<4, 10..<18, 10..<18, 5..<9, 0..<6.2832]
        for (k, range) in ranges.enumerated() {
            let values = stride(from: k, to: factors.values.count, by: 5).map { factors.values[$0] }
            #expect(values.allSatisfy(range.contains), "\(factors.names[k])")
            // Uniform: the mean of 10,000 is within five standard errors of the middle.
            let (length, integers) = (range.upperBound - range.lowerBound, k == 0)
            let middle = (range.lowerBound + range.upperBound) / 2 - (integers ? 0.5 : 0)
            #expect(abs(values.reduce(0, +) / 10_000 - middle) < 5 * length / 12.0.squareRoot().float / 100)
        }
        #expect(data.train.labels == stride(from: 0, to: factors.values.count, by: 5).map { Int32(factors.values[$0]) })
        #expect(data.train.extent == 0...1)
    }

    @Test func anImageDependsOnSeedAndIndexAlone() throws {
        let few = try Dataset.shapes(count: 7, testCount: 3, seed: 5)
        let many = try Dataset.shapes(count: 600, testCount: 5, seed: 5)
        #expect(few.train.floats == (try many[..<7].floats))
        #expect(try few.test.floats == many.test[..<3].floats)
        #expect(try few.train.floats != Dataset.shapes(count: 7, testCount: 3, seed: 6).train.floats)
        #expect(try few.test[0..<1].floats != few[0..<1].floats)
        #expect(try many[599...].floats == Shapes.draw(Shapes.factors(seed: 5, index: 599)).map { Float($0) / 255 })
        // Frozen: results on it stay comparable.
        let sum = try Dataset.shapes(count: 100, testCount: 1).train.withUnsafeBytes { bytes in
            bytes.reduce(UInt64(0)) { ($0 &* 31) &+ UInt64($1) }
        }
        #expect(sum == 6_834_974_880_810_627_526)
    }

    @Test(arguments: Shapes.Kind.allCases) func theImageShowsTheFactors(kind: Shapes.Kind) {
        // Area of each shape within the unit circle.
        let cross = 4 * 0.95 * 0.31 * 2 - 4 * 0.31 * 0.31
        let area: Double =
            switch kind {
            case .ellipse: 0.6 * .pi
            case .square: 2
            case .triangle: 0.75 * 3.0.squareRoot()
            case .cross: cross
            }
        for (x, y, scale, rotation) in [(14, 14, 8, 0), (12.3, 15.1, 6.5, 1), (17, 10.5, 7, 4), (13, 13, 9, 6.1)] {
            let levels = Shapes.draw(.init(kind: kind, x: x, y: y, scale: scale, rotation: rotation))
            var (mass, centreX, centreY) = (0.0, 0.0, 0.0)
            for (k, level) in levels.enumerated() {
                let light = Double(level) / 255
                mass += light
                centreX += light * (Double(k % 28) + 0.5)
                centreY += light * (Double(k / 28) + 0.5)
            }
            #expect(abs(centreX / mass - x) < 0.06 && abs(centreY / mass - y) < 0.06)
            #expect(abs(mass / (area * scale * scale) - 1) < 0.03)
        }
    }

    @Test func rotationTurnsTheShape() {
        func draw(_ kind: Shapes.Kind, _ rotation: Double) -> [UInt8] {
            Shapes.draw(.init(kind: kind, x: 14, y: 14, scale: 8, rotation: rotation))
        }
        func distance(_ a: [UInt8], _ b: [UInt8]) -> Int { zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0 }
        let turns: [(Shapes.Kind, Double)] = [(.ellipse, 1), (.square, 0.5), (.triangle, 2 / 3.0), (.cross, 0.5)]
        for (kind, turn) in turns {
            #expect(distance(draw(kind, 0.3), draw(kind, 0.3 + turn * .pi)) <= 1)
            #expect(distance(draw(kind, 0.3), draw(kind, 0.3 + turn * .pi / 2)) > 100)
        }
        // Clockwise: an ellipse that lies, turned by an eighth, falls to the right.
        let turned = draw(.ellipse, .pi / 4)
        #expect(turned[18 * 28 + 18] > 200 && turned[18 * 28 + 9] < 50)
        for angle in [Double.infinity, .nan, 1e300] { #expect(draw(.square, angle).count == 784) }
    }

    @Test func wrongCounts() {
        expectError("shapes: 0 rows") { try Dataset.shapes(count: 0) }
        expectError("cannot be made") { try Dataset.shapes(testCount: .max) }
    }
}

extension Double {
    fileprivate var float: Float { Float(self) }
}
