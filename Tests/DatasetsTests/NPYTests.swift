import Foundation
import Testing

@testable import Datasets

struct NPYTests {
    @Test func readsWhatNumPyWrites() throws {
        let float32 = try NPYArray(parsing: NumPyFiles.float32, "a")
        #expect(float32.shape == [2, 3] && float32.values == .float32([0, 0.5, 1, 1.5, 2, 2.5]))
        let fortran = try NPYArray(parsing: NumPyFiles.fortran, "a")
        #expect(fortran.shape == [2, 3, 4] && fortran.values == .float64((0..<24).map { Double($0) }))
        #expect(try NPYArray(parsing: NumPyFiles.bigEndian, "a").values == .int32([1, -2, 300, -400]))
        #expect(try NPYArray(parsing: NumPyFiles.bool, "a").values == .float32([1, 0, 0, 1]))
        #expect(try NPYArray(parsing: NumPyFiles.half, "a").values == .float32([0.5, -1.25]))
        #expect(try NPYArray(parsing: NumPyFiles.uint64, "a").values == .int64([1, 1 << 40]))
    }

    @Test func writesWhatNumPyWrites() throws {
        let array = try NPYArray([0, 0.5, 1, 1.5, 2, 2.5], shape: [2, 3])
        #expect(array.encoded == NumPyFiles.float32)
    }

    @Test(
        arguments: [
            .float32([1, -0.5, .pi, 0, .leastNonzeroMagnitude, 3]), .float64([1, 2, 3, 4, 5, 1e300]),
            .int32([1, -2, 3, 4, 5, .max]),
            .int64([.min, 2, 3, 4, 5, .max]), .uint8([0, 1, 2, 3, 4, 255]),
        ] as [NPYArray.Values], [[6], [2, 3], [1, 6, 1], [3, 1, 2, 1]])
    func roundTrip(values: NPYArray.Values, shape: [Int]) throws {
        let folder = try TemporaryFolder()
        let array = try NPYArray(values, shape: shape)
        #expect(NPYArray.header(type: values.type, shape: shape).count % 64 == 0)
        try array.write(to: folder / "a.npy")
        #expect(try NPYArray(contentsOf: folder / "a.npy") == array)
    }

    @Test func emptyAndScalar() throws {
        for shape in [[0, 3], []] {
            let array = try NPYArray(.float32(shape.isEmpty ? [5] : []), shape: shape)
            #expect(try NPYArray(parsing: array.encoded, "a") == array)
        }
    }

    @Test func wrongFiles() throws {
        let good = NumPyFiles.float32
        func parse(_ file: [UInt8]) throws -> NPYArray { try NPYArray(parsing: file, "a.npy") }
        /// A file with this text as header.
        func headed(_ text: String, _ body: [UInt8] = []) -> [UInt8] {
            NPYArray.magic + [1, 0, UInt8(text.utf8.count), 0] + text.utf8 + body
        }
        expectError("a.npy: is not a .npy file", "numpy.save") { try parse([1, 2, 3]) }
        expectError("within its .npy header") { try parse(Array(good.prefix(60))) }
        expectError("promises <f4[2, 3], 23 bytes follow", "cut short") { try parse(good.dropLast()) }
        expectError("25 bytes follow") { try parse(good + [0]) }
        expectError("header is damaged") { try parse(headed("{'descr': '<f4'}")) }
        expectError("header is damaged") { try parse(headed("nonsense")) }
        expectError("promises") {
            try parse(headed("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", [0]))
        }
        expectError("promises <f4[1099511627776], 1 bytes") {
            try parse(headed("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}", [0]))
        }
        expectError("records") { try parse(NumPyFiles.records) }
        expectError("type <U2, not numbers") { try parse(NumPyFiles.strings) }
        expectError("4 values do not fill the shape [3]") { try NPYArray([1, 2, 3, 4], shape: [3]) }
        expectError("beyond int64") {
            try parse(
                headed("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", [UInt8](repeating: 255, count: 8)))
        }
    }

    @Test func asData() throws {
        let folder = try TemporaryFolder()
        func load(_ values: NPYArray.Values, _ shape: [Int]) throws -> Dataset {
            try NPYArray(values, shape: shape).write(to: folder / "a.npy")
            return try Dataset.load(folder / "a.npy")
        }
        let levels = (0..<24).map { UInt8($0) }
        #expect(try load(.uint8(levels), [2, 3, 4]).shape == [1, 3, 4])
        #expect(try load(.uint8(levels), [2, 3, 4]).train.elements == .gray8(levels))
        #expect(try load(.uint8(levels), [4, 6]).shape == [6])
        #expect(try load(.uint8(levels), [24]).shape == [1])
        #expect(try load(.uint8(levels), [2, 3, 2, 2]).shape == [3, 2, 2])
        #expect(try load(.int32([1, 2]), [2, 1]).train.floats == [1, 2])
        #expect(try load(.float64([1, 2]), [2, 1]).train.floats == [1, 2])
        // Channels last: [1, 5, 2, 3] holds pixel p's channel c at 3 p + c.
        let colour = try load(.uint8((0..<30).map { UInt8($0) }), [1, 5, 2, 3])
        #expect(colour.shape == [3, 5, 2])
        let planes = stride(from: 0, to: 30, by: 3).map { UInt8($0) }
        #expect(colour.train.elements == .gray8(planes + planes.map { $0 + 1 } + planes.map { $0 + 2 }))

        expectError("a.npy: row 1, column 2 is NaN", "replace or drop") {
            try load(.float32([1, 2, 3, 4, 5, .nan]), [2, 3])
        }
        expectError("row 0, column 1 is infinite") { try load(.float32([1, -.infinity]), [1, 2]) }
        expectError("row 0, column 0 is infinite") { try load(.float64([1e300]), [1, 1]) }
        expectError("a.npy: is no .npz file", "leave the key out") { try Dataset.load(folder / "a.npy", key: "x") }
        expectError("has shape []") { try load(.float32([1]), []) }
        expectError("has shape [1, 1, 1, 1, 1]") { try load(.float32([1]), [1, 1, 1, 1, 1]) }
        expectError("no rows") { try load(.float32([]), [0, 2]) }
    }
}

struct NPZTests {
    private let train = (0..<32).map { UInt8($0 % 7) }

    @Test(arguments: [NumPyFiles.stored, NumPyFiles.compressed]) func readsWhatNumPyWrites(file: [UInt8]) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a.npz", file)
        let archive = try NPZ(contentsOf: path)
        #expect(archive.names == ["x_train", "x_test", "y_train"])
        let data = try Dataset.load(path)
        #expect(data.shape == [1, 4, 4])
        #expect(data.train.elements == .gray8(train))
        #expect(data.train.labels == [3, 5])
        #expect(try data.test.elements == .gray8(train[..<16].map { $0 + 1 }))
        #expect(try Dataset.load(path, key: "x_test").count == 1)
        expectError("no array x_tes", "did you mean x_test?", "x_train, x_test, y_train") {
            try Dataset.load(path, key: "x_tes")
        }
    }

    @Test func roundTrip() throws {
        let folder = try TemporaryFolder()
        let arrays = [
            (name: "samples", array: try NPYArray([1, 2, 3, 4], shape: [2, 2])),
            (name: "index", array: try NPYArray(.int32([-1, 1]), shape: [2])),
            (name: "levels", array: try NPYArray(.uint8([]), shape: [0])),
        ]
        try NPZ.write(arrays, to: folder / "a.npz")
        let archive = try NPZ(contentsOf: folder / "a.npz")
        #expect(archive.names == ["samples", "index", "levels"])
        for (name, array) in arrays { #expect(try archive.array(name) == array) }
        expectError("none of them", "by its key", "samples, index, levels") { try Dataset.load(folder / "a.npz") }
        #expect(try Dataset.load(folder / "a.npz", key: "samples").shape == [2])
        expectError("given twice") { try NPZ.encode([arrays[0], arrays[0]]) }
    }

    @Test func theOnlyArrayIsTheData() throws {
        let folder = try TemporaryFolder()
        try NPZ.write([("whatever", NPYArray([1, 2], shape: [2, 1]))], to: folder / "a.npz")
        #expect(try Dataset.load(folder / "a.npz").train.floats == [1, 2])
    }

    @Test func wrongFiles() throws {
        expectError("a.npz: is not a .npz file") { try NPZ(parsing: [1, 2, 3, 4], "a.npz") }
        let file = NumPyFiles.compressed
        expectError("directory is missing", "cut short") { try NPZ(parsing: file.dropLast(30), "a.npz") }
        expectError("no arrays") { try NPZ(parsing: NPZ.encode([]).withPrefix([0x50, 0x4b]), "a.npz") }
        // The entry's signature, its deflated stream, and an element, which only the checksum guards.
        for (file, offset) in [(file, 2), (file, 90), (NumPyFiles.stored, 200)] {
            var damaged = file
            damaged[offset] ^= 0x10
            expectError("a.npz (x_train): is damaged") { try NPZ(parsing: damaged, "a.npz").array("x_train") }
        }
    }
}

extension [UInt8] {
    fileprivate func withPrefix(_ prefix: [UInt8]) -> [UInt8] { prefix + self }
}
