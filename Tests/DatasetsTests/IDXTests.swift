import Foundation
import Testing

@testable import Datasets

struct IDXTests {
    private let pixels = (0..<24).map { UInt8($0 * 10) }

    @Test(arguments: [false, true]) func aFolderWithTestAndLabels(isPacked: Bool) throws {
        let folder = try TemporaryFolder()
        func write(_ name: String, _ file: [UInt8]) throws {
            try folder.write(name + (isPacked ? ".gz" : ""), isPacked ? gzipped(file) : file)
        }
        try write("train-images-idx3-ubyte", idx([2, 3, 4], pixels))
        try write("train-labels-idx1-ubyte", idx([2], [7, 9]))
        try write("t10k-images-idx3-ubyte", idx([1, 3, 4], Array(pixels[12...])))
        let data = try Dataset.load(folder.path)
        #expect(data.shape == [1, 3, 4])
        #expect(data.splits == [.train, .test])
        #expect(data.train.elements == .gray8(pixels))
        #expect(data.train.labels == [7, 9])
        #expect(try data.test.elements == .gray8(Array(pixels[12...])))
        #expect(try data.test.labels == nil)
    }

    @Test func aSingleFileOfAnyName() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("letters-images.idx3-ubyte", idx([2, 3, 4], pixels))
        try folder.write("letters-labels.idx1-ubyte.gz", gzipped(idx([2], [1, 2])))
        for place in [folder.path, path] {
            let data = try Dataset.load(place)
            #expect(data.splits == [.train])
            #expect(data.train.labels == [1, 2])
        }
        expectError("no test split", "use another split") { try Dataset.load(path).test }
    }

    @Test func colourHasChannels() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("colour-idx4-ubyte", idx([2, 3, 2, 2], pixels))
        #expect(try Dataset.load(path).shape == [3, 2, 2])
    }

    @Test func wrongFiles() throws {
        let folder = try TemporaryFolder()
        func load(_ file: [UInt8]) throws -> Dataset { try Dataset.load(folder.write("a-idx3-ubyte", file)) }
        expectError("a-idx3-ubyte", "not an IDX file", "0x89504e47") { try load([0x89, 0x50, 0x4e, 0x47, 0, 0]) }
        expectError("type 0x0d", ".npy") { try load([0, 0, 0x0d, 1, 0, 0, 0, 0]) }
        expectError("within its header") { try load([0, 0, 8, 3, 0, 0, 0, 1]) }
        expectError("[2, 3, 4] promises 24 bytes, 23 follow", "fetch") {
            try load(idx([2, 3, 4], Array(pixels[1...])))
        }
        expectError("24 bytes, 25 follow") { try load(idx([2, 3, 4], pixels + [0])) }
        expectError("holds no rows") { try load(idx([0, 3, 4], [])) }
        expectError("no shape of a row") { try load(idx([0, 0, 4], [])) }
        expectError("more than memory can hold") {
            try load(idx([Int(UInt32.max), Int(UInt32.max), Int(UInt32.max)], pixels))
        }
        expectError("is empty") { try load([]) }
    }

    @Test func wrongLabels() throws {
        let folder = try TemporaryFolder()
        try folder.write("train-images-idx3-ubyte", idx([2, 3, 4], pixels))
        try folder.write("train-labels-idx1-ubyte", idx([3], [1, 2, 3]))
        expectError("3 labels for the 2 rows") { try Dataset.load(folder.path) }
        try folder.write("train-labels-idx1-ubyte", idx([1, 2], [1, 2]))
        expectError("not labels") { try Dataset.load(folder.path) }
    }

    @Test func wrongFolders() throws {
        let folder = try TemporaryFolder()
        try folder.write("train-labels-idx1-ubyte", idx([2], [1, 2]))
        expectError("no file of IDX images") { try Dataset.load(folder.path) }
        try folder.write("a-train-images-idx3-ubyte", idx([2, 3, 4], pixels))
        try folder.write("b-train-images-idx3-ubyte", idx([2, 3, 4], pixels))
        expectError("2 files of IDX images", "name one file") { try Dataset.load(folder.path) }
        try folder.write("c/train-images-idx3-ubyte", idx([2, 3, 4], pixels))
        try folder.write("c/t10k-images-idx3-ubyte", idx([2, 4, 3], pixels))
        expectError("test rows have shape [1, 4, 3], its training rows [1, 3, 4]") {
            try Dataset.load(folder / "c")
        }
    }
}

struct GzipTests {
    private let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }

    @Test func membersAndPadding() throws {
        let packed = gzipped(content)
        #expect(try Gzip.unpack(packed, "a") == content)
        #expect(try Gzip.unpack(packed + gzipped([1, 2]) + [0, 0, 0], "a") == content + [1, 2])
        #expect(try Gzip.unpack(gzipped([]), "a") == [])
    }

    @Test func wrongFiles() throws {
        let packed = gzipped(content)
        expectError("a.gz: is not a gzip file") { try Gzip.unpack([1, 2, 3], "a.gz") }
        for size in [2, 5, 11, 1000, packed.count - 9, packed.count - 1] {
            expectError("a.gz: is cut short", "fetch it again") { try Gzip.unpack(Array(packed.prefix(size)), "a.gz") }
        }
        expectError("other bytes after") { try Gzip.unpack(packed + [5], "a.gz") }
        var flipped = packed
        flipped[5000] ^= 1
        expectError("damaged", "check") { try Gzip.unpack(flipped, "a.gz") }
    }

    @Test func aFalseNameIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("train-images-idx3-ubyte.gz", idx([1, 2, 2], [1, 2, 3, 4]))
        expectError("train-images-idx3-ubyte.gz: is not a gzip file") { try Dataset.load(path) }
        try folder.write("train-images-idx3-ubyte.gz", gzipped(Array("something else".utf8)))
        expectError("not an IDX file") { try Dataset.load(folder.path) }
    }
}
