import Foundation
import Pushforward
import Testing

@testable import CLI

@Suite struct LatentPathTests {
    private static func length(_ code: [Double]) -> Double { code.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    @Test func aLinearPathIsStraight() {
        let codes = LatentPath.linear.codes(from: [0, 4], to: [2, 0], frames: 5)
        #expect(codes == [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])
    }

    @Test func aSphericalPathKeepsItsLengthAndItsPace() throws {
        let codes = LatentPath.spherical.codes(from: [3, 0, 0], to: [0, 3, 0], frames: 7)
        for (index, code) in codes.enumerated() {
            #expect(abs(Self.length(code) - 3) < 1e-12)
            #expect(abs(atan2(code[1], code[0]) - .pi / 2 * Double(index) / 6) < 1e-12)
        }
        let growing = LatentPath.spherical.codes(from: [1, 0], to: [0, 3], frames: 3)
        #expect(abs(Self.length(growing[1]) - 2) < 1e-12)
    }

    @Test(arguments: [([1.0, 2], [-1.0, -2]), ([0, 0], [1, 1]), ([1, 1], [2, 2]), ([0, 0], [0, 0])])
    func withoutAGreatCircleItIsStraight(_ a: [Double], _ b: [Double]) {
        let spherical = LatentPath.spherical.codes(from: a, to: b, frames: 4)
        #expect(spherical == LatentPath.linear.codes(from: a, to: b, frames: 4))
        #expect(spherical.allSatisfy { $0.allSatisfy(\.isFinite) })
    }
}

@Suite struct ComparisonTests {
    @Test func originalsStandAboveTheirCounterparts() throws {
        let count = Comparison.mostColumns + 2
        let originals = try #require(HostArray((0..<count).map { Float($0 + 1) }, shape: [count, 1, 1, 1]))
        let counterparts = try #require(HostArray((0..<count).map { Float(-$0 - 1) }, shape: [count, 1, 1, 1]))
        let pictures = Comparison.interleaved(originals, counterparts)
        #expect(pictures.shape == [64, 1, 1, 1])
        let rows = stride(from: 0, to: 64, by: 16).map { Array(pictures.floats[$0..<$0 + 16]) }
        #expect(rows[0] == (1...16).map { Float($0) } && rows[1] == (1...16).map { Float(-$0) })
        #expect(rows[2] == [17, 18] + [Float](repeating: 0, count: 14))
        #expect(rows[3] == [-17, -18] + [Float](repeating: 0, count: 14))
    }

    @Test func fewPairsMakeANarrowPicture() throws {
        let images = try #require(HostArray([Float](repeating: 1, count: 3 * 4), shape: [3, 1, 2, 2]))
        #expect(Comparison.interleaved(images, images).shape == [6, 1, 2, 2] && Comparison.columns(3) == 3)
    }
}

@Suite struct NamesTests {
    @Test(arguments: [
        ("fashion-mnist", "runs/vae-fashion-mnist"), ("/data/my.images.npy", "runs/vae-my.images"),
        ("photos/", "runs/vae-photos"), ("table.csv.gz", "runs/vae-table"),
    ])
    func runsAreNamedByModelAndData(_ source: String, _ name: String) {
        #expect(RunName(model: "vae", source: source).first == name)
    }

    @Test(arguments: ["auto", "cpu", "opencl", "opencl:0", "opencl:12"]) func devicesThatThereMayBe(_ name: String) {
        #expect(DeviceName(rawValue: name)?.rawValue == name)
    }

    @Test(arguments: ["", "gpu", "CPU", "cpu:0", "opencl:", "opencl:-1", "opencl:x", "opencl:0:1"])
    func devicesThatThereAreNot(_ name: String) { #expect(DeviceName(rawValue: name) == nil) }

    @Test func checkpointsAreNamedByTheirStep() throws {
        #expect(ValueKind<CheckpointChoice>.checkpoint.read("latest") == .latest)
        #expect(ValueKind<CheckpointChoice>.checkpoint.read("best") == .best)
        #expect(ValueKind<CheckpointChoice>.checkpoint.read("1234") == .step(1234))
        for wrong in ["last", "-1", "1.5", ""] { #expect(ValueKind<CheckpointChoice>.checkpoint.read(wrong) == nil) }
    }

    @Test func numbersAreGrouped() {
        #expect([0, 999, 1000, -1_234_567].map(grouped) == ["0", "999", "1,000", "-1,234,567"])
        #expect([999, 1000, 89_000_000].map(bytes) == ["999 bytes", "1.00 kB", "89.0 MB"])
    }
}

@Suite struct ArrayFileTests {
    @Test(arguments: [("a.png", "png"), ("x/y.NPY", "npy"), ("a.b.npz", "npz")])
    func endingsSayTheFormat(_ path: String, _ format: String) throws {
        #expect(try ArrayFile(path).format.rawValue == format)
    }

    @Test(arguments: ["a", "a.jpg", "png", ".npy/", "dir.npy/file", ""]) func otherEndingsAreRefused(_ path: String) {
        #expect(throws: UsageError.self) { try ArrayFile(path) }
    }

    @Test func pictureOfTooManyOrOfNoImagesIsRefusedBeforeTheWork() throws {
        let file = try ArrayFile("a.png")
        #expect(throws: UsageError.self) { try file.check(count: ArrayFile.mostImages + 1, rowShape: [1, 2, 2]) }
        #expect(throws: TrainingError.self) { try file.check(count: 1, rowShape: [5]) }
        try file.check(count: ArrayFile.mostImages, rowShape: [3, 2, 2])
    }

    @Test func piecesMakeTheSameFileAsTheWhole() throws {
        let folder = try TemporaryFolder()
        let all = try #require(HostArray((0..<30).map { Float($0) }, shape: [10, 3]))
        func rows(_ range: Range<Int>) throws -> HostArray {
            try #require(
                HostArray(Array(all.floats[range.lowerBound * 3..<range.upperBound * 3]), shape: [range.count, 3]))
        }
        for piece in [1, 4, 10, 99] {
            for format in ["npy", "npz"] {
                try ArrayFile(folder("\(piece).\(format)")).write("x", count: 10, piece: piece, rows)
            }
            #expect(try NPYArray(contentsOf: folder("\(piece).npy")) == all.npy())
            #expect(try NPZ(contentsOf: folder("\(piece).npz")).array("x") == all.npy())
        }
        // One that fails half-way leaves nothing.
        #expect(throws: Interrupted.self) {
            try ArrayFile(folder("none.npy")).write("x", count: 10, piece: 4) { range in
                if range.lowerBound > 0 { throw Interrupted() }
                return try rows(range)
            }
        }
        #expect(try folder.contents().keys.filter { $0.contains("none") || $0.hasSuffix(".tmp") }.isEmpty)
    }
}
