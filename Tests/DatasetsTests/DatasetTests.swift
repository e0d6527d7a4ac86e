import Foundation
import Testing

@testable import Datasets

struct RowsTests {
    private func rows() throws -> Rows {
        try Rows(
            .gray8((0..<20).map { $0 * 10 }), shape: [1, 2, 2], labels: [5, 6, 7, 8, 9],
            factors: .init(names: ["a", "b"], values: (0..<10).map { Float($0) }))
    }

    @Test func slicesShareAndCountFromZero() throws {
        let rows = try rows()
        let part = try rows[1..<4][1...]
        #expect(part.count == 2)
        #expect(part.elements == rows.elements)
        #expect(part.floats == (8..<16).map { Float($0 * 10) / 255 })
        #expect(part.labels == [7, 8])
        #expect(part.factors?.values == [4, 5, 6, 7])
        #expect(try part.floats(..<1) == (8..<12).map { Float($0 * 10) / 255 })
        #expect(part.withUnsafeBytes { Array($0) } == (8..<16).map { $0 * 10 })
        #expect(part.mean == 115.0 / 255)
        #expect(part.extent == Float(80) / 255...Float(150) / 255)
        #expect(try rows[0..<0].count == 0)
        #expect(try rows[0..<0].extent == nil)
        #expect(try rows[5...].count == 0)
        #expect(try rows[...2].count == 3)
    }

    @Test func floatsSliceToo() throws {
        let rows = try Dataset(rows: [1, 2, 3, 4, 5, 6], shape: [2])[1...]
        #expect(rows.floats == [3, 4, 5, 6])
        #expect(rows.mean == 4.5)
        #expect(rows.extent == 3...6)
        #expect(rows.withUnsafeBytes { $0.count } == 16)
        #expect(rows.withUnsafeBytes { $0.load(as: Float.self) } == 3)
    }

    @Test func outsideIsAnError() throws {
        let rows = try rows()
        expectError("rows 3..<6: there are 5 rows", "0..<5") { try rows[3..<6] }
        expectError("there are 5 rows") { try rows[6...] }
        expectError("there are 5 rows") { try rows[-1..<2] }
        expectError("there are 2 rows") { try rows[1..<3][0..<3] }
        expectError("row 5: there are 5 rows") { try rows.rows(at: [0, 5]) }
    }

    @Test func gathersAndReshapes() throws {
        let rows = try rows()[1...]
        let picked = try rows.rows(at: [3, 0, 3])
        #expect(picked.floats == [16, 17, 18, 19, 4, 5, 6, 7, 16, 17, 18, 19].map { Float($0 * 10) / 255 })
        #expect(picked.labels == [9, 6, 9])
        #expect(picked.factors?.values == [8, 9, 2, 3, 8, 9])
        #expect(try rows.reshaped([4]).shape == [4])
        #expect(try rows.reshaped([4]).floats == rows.floats)
        expectError("4 elements", "[3]") { try rows.reshaped([3]) }
        expectError("no shape") { try rows.reshaped([-2, -2]) }
    }

    @Test func wrongSizes() throws {
        expectError("mine: 3 values do not divide into rows of shape [2]") {
            try Dataset(rows: [1, 2, 3], shape: [2], name: "mine")
        }
        expectError("holds no rows") { try Dataset(rows: [], shape: [2]) }
        expectError("[0] is no shape") { try Dataset(rows: [1], shape: [0]) }
        expectError("is no shape") { try Dataset(rows: [1], shape: [1 << 40, 1 << 40]) }
        expectError("2 rows but 1 labels") { try Dataset(rows: [1, 2], shape: [1], labels: [1]) }
        expectError("row 0, column 1 is NaN") { try Dataset(rows: [1, .nan], shape: [2]) }
        expectError("(test): row 1, column 0 is infinite") {
            try Dataset(rows: [1], shape: [1], test: [1, .infinity])
        }
        expectError("values", "1 rows of 2 factors") {
            try Rows(.gray8([1]), shape: [1], factors: .init(names: ["a", "b"], values: [1]))
        }
    }

    @Test(arguments: [0, 1, 4095, 4096, 9999]) func findsTheFirstNonFinite(index: Int) {
        var values = [Float](repeating: 1, count: 10_000)
        #expect(firstNonFinite(values) == nil)
        values[index] = .infinity
        values[9999] = .nan
        #expect(firstNonFinite(values) == index)
    }
}

struct DatasetTests {
    @Test func trainIsWhatItMeans() throws {
        let data = try Dataset(rows: [1, 2, 3, 4], shape: [2], test: [5, 6])
        #expect(data.count == 2 && data.shape == [2] && data.splits == [.train, .test])
        #expect(try data[1..<2].floats == [3, 4])
        #expect(try data.test.floats == [5, 6])
        expectError("has no validation split (it has train and test)", "validation fraction") { try data.validation }
        #expect(try Dataset(levels: [0, 255], shape: [1], test: [51]).test.floats == [0.2])
    }

    @Test func holdsOut() throws {
        let data = try Dataset(rows: (0..<1000).map { Float($0) }, shape: [1], labels: (0..<1000).map { $0 }, test: [1])
        let split = try data.holdingOut(validationFraction: 0.1)
        let (train, validation) = (split.train.floats, try split.validation.floats)
        #expect(validation.count == 100 && train.count == 900)
        #expect(Set(train + validation).count == 1000)
        #expect(train == train.sorted() && validation == validation.sorted())
        #expect(split.train.labels == train.map { Int32($0) })
        #expect(try split.test.count == 1)
        // A frozen choice: earlier results stay comparable. It is spread over all rows.
        #expect(Array(validation.prefix(5)) == [2, 4, 32, 33, 41])
        #expect(try data.holdingOut(validationFraction: 0).splits == [.train, .test])
        for fraction in [-0.1, 1, 1.5, .nan] {
            expectError("not in 0..<1") { try data.holdingOut(validationFraction: fraction) }
        }
        expectError("leaves no validation rows") { try data.holdingOut(validationFraction: 0.0001) }
        expectError("leaves no training rows") { try data.holdingOut(validationFraction: 0.9999) }
        expectError("already") { try split.holdingOut(validationFraction: 0.1) }
    }

    @Test func namesAndNearNames() throws {
        expectError("fashon-mnist: is neither", "did you mean fashion-mnist?", "fashion-mnist, shapes") {
            try Dataset.load("fashon-mnist")
        }
        expectError("did you mean shapes?") { try Dataset.load("Shape") }
        let far = #expect(throws: DatasetError.self) { try Dataset.load("/no/such/thing") }
        #expect(far?.description.contains("did you mean") == false)
        let names = Dataset.catalog.map(\.name)
        #expect(names.prefix(3) == ["fashion-mnist", "shapes", "two-moons"] && names.last == "gaussian-64")
        #expect(Set(names).count == names.count && names.count == 10)
        let shapes = Dataset.catalog[1]
        #expect(shapes.isInstalled && shapes.installation == nil && !shapes.summary.contains("\n"))
    }

    @Test func aFolderOfSplits() throws {
        let folder = try TemporaryFolder()
        try folder.write("x_train.csv", "1,2\n3,4\n")
        try folder.write("y_train.csv", "1\n2\n")
        #expect(try Dataset.load(folder.path).splits == [.train])
        try folder.write("x_test.csv", "5,6\n")
        try folder.write("x_valid.csv", "7,8\n")
        let data = try Dataset.load(folder.path, validationFraction: 0)
        #expect(data.train.floats == [1, 2, 3, 4])
        #expect(try data.test.floats == [5, 6] && data.validation.floats == [7, 8])
        try folder.write("more.csv", "7,8\n")
        expectError("more.csv has no part of its own", "name one file") { try Dataset.load(folder.path) }
    }

    @Test func foldersOfImages() throws {
        let folder = try TemporaryFolder()
        for (split, level) in [("train", 1), ("test", 2)] as [(String, UInt8)] {
            let image = try PNGImage(width: 1, height: 1, channels: 1, levels: [level])
            try folder.write("\(split)/a.png", image.encoded())
        }
        let data = try Dataset.load(folder.path)
        #expect(data.train.elements == .gray8([1]))
        #expect(try data.test.elements == .gray8([2]))
    }

    @Test func reshapes() throws {
        let folder = try TemporaryFolder()
        try folder.write("a_train.csv", "1,2,3,4\n")
        try folder.write("a_test.csv", "5,6,7,8\n")
        let data = try Dataset.load(folder.path, shape: [1, 2, 2])
        #expect(data.shape == [1, 2, 2])
        #expect(try data.test.shape == [1, 2, 2])
        expectError("cannot take the shape [3]") { try Dataset.load(folder.path, shape: [3]) }
    }

    @Test func wrongPlaces() throws {
        let folder = try TemporaryFolder()
        expectError(folder.path, "is an empty folder") { try Dataset.load(folder.path) }
        try folder.write("notes.txt", "x")
        expectError("no data of a known format", ".npy") { try Dataset.load(folder.path) }
        expectError("notes.txt: is of no known format") { try Dataset.load(folder / "notes.txt") }
        try folder.write("a/x_test.csv", "1\n")
        try folder.write("a/x_valid.csv", "1\n")
        expectError("holds no training rows") { try Dataset.load(folder / "a") }
        expectError("mem", "cannot be read") { try InputFile.read("/proc/self/mem/x") }
        expectError("not a regular file") { try InputFile.read("/dev/null") }
        for name in ["a.npy", "a.npz", "a.csv", "a.amat"] {
            try folder.write(name, "")
            expectError("\(name): is empty") { try Dataset.load(folder / name) }
        }
        // A link to the folder it stands in ends, at the latest, where the system follows no further.
        try FileManager.default.createSymbolicLink(atPath: folder / "train", withDestinationPath: ".")
        expectError("train") { try Dataset.load(folder.path) }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may read every file"))
    func unreadableFiles() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a.npy", NumPyFiles.float32)
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        expectError("cannot be read: Permission denied", "permissions") { try Dataset.load(path) }
    }
}
