import Foundation
import Pushforward
import Testing

/// The plane, unwarped: density and samples are those of a standard normal.
private struct StandardPlane: DensityModel {
    func distribution(_ scope: Scope) throws -> Transformed {
        // Nothing to train is no model; this parameter does nothing.
        let still = try scope.parameter("still", [2], .zeros)
        return Transformed(base: StandardNormal([2]), by: [Shift(by: still)])
    }
}

private struct Shift: Bijector {
    let by: Tensor
    var name: String { "shift" }
    func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped { Mapped(try z + by, logDet: try z.rowSum() * 0) }
    func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped { Mapped(try x - by, logDet: try x.rowSum() * 0) }
    init(by: Tensor) { self.by = by }
}

@Suite struct PlanePicturesTests {
    /// The test rows are eight heaps around the origin, each point with its opposite, so that the origin is in the middle.
    private func pictures() throws -> PlanePictures<StandardPlane> {
        let heaps = try Dataset.plane(.eightGaussians, count: 512, testCount: 450)
        let half = try heaps.test.floats
        let data = try Dataset(rows: heaps.train.floats, shape: [2], test: half + half.map { -$0 })
        let trained = try Training(StandardPlane(), on: data, device: .cpu, optimizer: .adam(learningRate: 1e-9))
            .run(steps: 1, batchSize: 64).finish()
        return try PlanePictures(of: trained, around: data.test)
    }

    private func pixel(_ picture: PNGImage, _ x: Int, _ y: Int) -> [UInt8] {
        let start = (y * picture.width + x) * 3
        return Array(picture.levels[start..<start + 3])
    }

    @Test func aNormalIsBrightInTheMiddleAndHasItsMass() throws {
        let density = try pictures().density()
        #expect(abs(density.mass - 1) < 2e-3 && density.notNumbers == 0)
        #expect(abs(density.brightest - 1 / (2 * .pi)) < 0.005)
        let (middle, corner) = (pixel(density.picture, 256, 256), pixel(density.picture, 3, 3))
        #expect(middle[0] > 245 && middle[1] > 220 && middle[2] < 60, "yellow: \(middle)")
        #expect(corner == [0x44, 0x01, 0x54], "dark violet")
        // Round: the same left, right, above and below.
        let around = [(155, 256), (356, 256), (256, 155), (256, 356)].map { pixel(density.picture, $0.0, $0.1) }
        for other in around.dropFirst() {
            for (a, b) in zip(around[0], other) { #expect(abs(Int(a) - Int(b)) <= 4) }
        }
    }

    @Test func theWarpOfNothingIsTheGridItself() throws {
        let pictures = try pictures()
        #expect(try pictures.hasWarp())
        let picture = try pictures.warp()
        #expect(picture.width == 640 && picture.height == 640)
        func isInked(_ x: Int, _ y: Int) -> Bool { (pixel(picture, x, y).min() ?? 255) < 200 }
        // Between two lines of one family, those of the other are met, as often to the left as to the right, above and below.
        let halves = [0..<320, 320..<640]
        let met =
            halves.map { half in half.count { isInked(332, $0) } }
            + halves.map { half in half.count { isInked($0, 308) } }
        #expect(met.allSatisfy { $0 > 15 && $0 < 100 && abs($0 - met[0]) <= 6 }, "\(met)")
        // Nothing is drawn beyond the grid: the picture reaches to about 4.2, the grid to 3.
        for edge in [20, 620] { #expect(!(20..<620).contains { isInked(edge, $0) || isInked($0, edge) }) }
    }

    @Test func samplesLieBesideTheRows() throws {
        let picture = try pictures().samples()
        #expect(picture.width == 1040 && picture.height == 512)
        func inked(_ columns: Range<Int>, _ lines: Range<Int> = 20..<492) -> Int {
            columns.reduce(0) { sum, x in sum + lines.count { (pixel(picture, x, $0).min() ?? 255) < 230 } }
        }
        #expect(inked(20..<492) > 1000 && inked(548..<1020) > 1000 && inked(513..<527) == 0)
        // The model is no ring of eight: its samples are in the middle, where there are no rows.
        let middle = 206..<306
        #expect(inked(middle, middle) == 0 && inked(734..<834, middle) > 500)
    }

    @Test func othersHaveNoPictures() throws {
        let trained = try Training(smallModel, on: blobs(), device: .cpu).trained()
        #expect(message { _ = try PlanePictures(of: trained, around: blobs().test) }.contains("no points in the plane"))
    }
}
