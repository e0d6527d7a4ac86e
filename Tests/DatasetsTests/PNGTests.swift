import Foundation
import Testing

@testable import Datasets

struct PNGTests {
    private func image(_ width: Int, _ height: Int, _ channels: Int, seed: Int = 0) throws -> PNGImage {
        let levels = (0..<width * height * channels).map {
            UInt8(truncatingIfNeeded: SplitMix64.value(seed: UInt64(seed), index: UInt64($0)))
        }
        return try PNGImage(width: width, height: height, channels: channels, levels: levels)
    }

    // Noise of a megabyte grows in the file: the buffer has to be large enough.
    @Test(arguments: [(1, 1, 1), (7, 5, 1), (5, 7, 3), (1000, 1000, 1), (1, 3000, 3)])
    func roundTrip(width: Int, height: Int, channels: Int) throws {
        let folder = try TemporaryFolder()
        let image = try image(width, height, channels)
        try image.write(to: folder / "a.png")
        #expect(try PNGImage(contentsOf: folder / "a.png") == image)
        #expect(try folder.names == ["a.png"])
    }

    @Test func aFolderOfImages() throws {
        let folder = try TemporaryFolder()
        let images = try (0..<12).map { try image(3, 2, 1, seed: $0) }
        for (k, image) in images.enumerated().reversed() {
            try image.write(to: folder / "\(k < 10 ? "0" : "")\(k).png")
        }
        try folder.write("notes.txt", "x")
        let data = try Dataset.load(folder.path)
        #expect(data.shape == [1, 2, 3])
        #expect(data.train.elements == .gray8(images.flatMap(\.levels)))
    }

    @Test func colourIsPlanarAndGrayJoinsIt() throws {
        let folder = try TemporaryFolder()
        let levels: [UInt8] = [1, 2, 3, 11, 12, 13]
        try PNGImage(width: 2, height: 1, channels: 3, levels: levels).write(to: folder / "a.png")
        try PNGImage(width: 2, height: 1, channels: 1, levels: [7, 8]).write(to: folder / "b.PNG")
        let data = try Dataset.load(folder.path)
        #expect(data.shape == [3, 1, 2])
        #expect(data.train.elements == .gray8([1, 11, 2, 12, 3, 13, 7, 8, 7, 8, 7, 8]))
    }

    /// PNG files of kinds that this library does not write itself.
    @Test(
        arguments: [
            // Gray of 16 bits.
            (
                "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABEAAAAABuG5crAAAAD0lEQVR4nGNgYEhJ+f8fAAXAAscdOXl0AAAAAElFTk"
                    + "SuQmCC",
                1, [0, 100, 255]
            ),
            // Colour with an alpha channel.
            (
                "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAEUlEQVR4nGPgEpH7f+LECQYADZwDlE9FKKsAAAAASU"
                    + "VORK5CYII=",
                3, [10, 20, 30, 0, 0, 0]
            ),
            // Four colours of a palette.
            (
                "iVBORw0KGgoAAAANSUhEUgAAAAQAAAABAgMAAACEUudeAAAADFBMVEUBAgMEBQYHCAkKCwzcYzesAAAACklEQVR4nG"
                    + "OQBgAAHQAcjvT1IQAAAABJRU5ErkJggg==",
                3, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
            ),
            // Gray of one bit.
            (
                "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAQAAAAAzmykZAAAACklEQVR4nGNYAAAAogCh3I2xzAAAAABJRU5ErkJggg"
                    + "==",
                1, [255, 0, 255]
            ),
        ] as [(String, Int, [UInt8])])
    func otherKinds(base64: String, channels: Int, levels: [UInt8]) throws {
        let file = try #require(Data(base64Encoded: base64))
        let image = try PNGImage(parsing: Array(file), "a.png")
        #expect(image.channels == channels)
        #expect(image.levels == levels)
    }

    @Test func wrongFiles() throws {
        let folder = try TemporaryFolder()
        try image(3, 2, 1).write(to: folder / "a.png")
        try image(2, 3, 1).write(to: folder / "b.png")
        expectError("b.png: has 2 x 3 pixels, a.png has 3 x 2", "one size") { try Dataset.load(folder.path) }
        let good = try image(30, 20, 1).encoded()
        try folder.write("b.png", Array(good.dropLast(200)))
        expectError("b.png: is damaged (") { try Dataset.load(folder.path) }
        try folder.write("b.png", "text")
        expectError("b.png: is not a PNG file") { try Dataset.load(folder.path) }
        expectError("4 levels do not fill 3 x 2 x 1") {
            try PNGImage(width: 3, height: 2, channels: 1, levels: [1, 2, 3, 4])
        }
        expectError("2 channels") { try PNGImage(width: 1, height: 1, channels: 2, levels: [1, 2]) }
        expectError("0 x 1") { try PNGImage(width: 0, height: 1, channels: 1, levels: []) }
    }
}

struct ImageGridTests {
    @Test func tiles() throws {
        var grid = ImageGrid(columns: 2)
        grid.gap = 1
        grid.gapLevel = 9
        let picture = try grid.picture([0, 1, 0.5, -1, .nan, 2], shape: [1, 1, 2])
        #expect(picture.width == 7 && picture.height == 5 && picture.channels == 1)
        #expect(
            picture.levels == [
                9, 9, 9, 9, 9, 9, 9,
                9, 0, 255, 9, 128, 0, 9,
                9, 9, 9, 9, 9, 9, 9,
                9, 0, 255, 9, 9, 9, 9,
                9, 9, 9, 9, 9, 9, 9,
            ])
    }

    @Test func colour() throws {
        var grid = ImageGrid(columns: 8)
        grid.gap = 0
        let picture = try grid.picture([0, 0.2, 0.4, 0.6, 0.8, 1], shape: [3, 1, 2])
        #expect(picture.channels == 3)
        #expect(picture.levels == [0, 102, 204, 51, 153, 255])
    }

    @Test func wrongShapes() throws {
        let grid = ImageGrid(columns: 0)
        #expect(grid.columns == 1)
        expectError("[2] is no shape of an image") { try grid.picture([1, 2], shape: [2]) }
        expectError("[2, 1, 1] is no shape") { try grid.picture([1, 2], shape: [2, 1, 1]) }
        expectError("3 values are no whole number of images", "2 per image") {
            try grid.picture([1, 2, 3], shape: [1, 2])
        }
        expectError("0 values") { try grid.picture([], shape: [1, 2]) }
        expectError("too large") { try grid.picture([Float](repeating: 0, count: 50_000), shape: [1, 1]) }
    }
}
