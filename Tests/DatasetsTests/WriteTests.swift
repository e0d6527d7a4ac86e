import Foundation
import Testing

@testable import Datasets

/// Data sets written as folders of arrays.
@Suite struct WriteTests {
    @Test func floatsComeBack() throws {
        let folder = try TemporaryFolder()
        let data = try Dataset(
            name: "mine", train: Rows(.float([1, 2, 3, 4, 5, 6]), shape: [2], labels: [7, 8, 9]),
            validation: Rows(.float([-1, 0.5]), shape: [2]), test: Rows(.float([0, 0, 1, 1]), shape: [2]))
        let names = try data.write(to: folder / "out")
        #expect(names == ["train.npy", "train_labels.npy", "validation.npy", "test.npy"])
        #expect(try folder.names == ["out"], "nothing temporary is left")
        let read = try Dataset.load(folder / "out")
        #expect(read.train.elements == .float([1, 2, 3, 4, 5, 6]) && read.train.shape == [2])
        #expect(try read.validation.floats == [-1, 0.5] && read.test.floats == [0, 0, 1, 1])
        let labels = try NPYArray(contentsOf: folder / "out/train_labels.npy")
        guard case .int32(let values) = labels.values else {
            Issue.record("int32")
            return
        }
        #expect(values == [7, 8, 9] && labels.shape == [3])
    }

    /// A slice is written as what it shows; levels stay levels.
    @Test func imagesAndFactorsComeBack() throws {
        let folder = try TemporaryFolder()
        let shapes = try Dataset.shapes(count: 5, testCount: 2)
        let part = try Dataset(name: "part", train: shapes[1..<4])
        #expect(try part.write(to: folder / "out/") == ["train.npy", "train_labels.npy", "train_factors.npy"])
        let read = try Dataset.load(folder / "out")
        let expected = try Rows(.gray8(Array(shapes.train.withUnsafeBytes { $0[784..<4 * 784] })), shape: [1, 28, 28])
        #expect(read.train.elements == expected.elements && read.train.shape == [1, 28, 28])
        let factors = try NPYArray(contentsOf: folder / "out/train_factors.npy")
        #expect(factors.shape == [3, 5] && factors.floats == part.train.factors?.values)
    }

    @Test func filesThatAreThereStay() throws {
        let folder = try TemporaryFolder()
        let data = try Dataset(rows: [1, 2], shape: [1])
        try folder.write("taken/notes.txt", "mine")
        expectError("taken", "holds files already", "choose another") { try data.write(to: folder / "taken") }
        let file = try folder.write("file", "mine")
        #expect(throws: FileError("write", file, ENOTDIR)) { try data.write(to: file) }
        let missing = folder / "absent/out"
        #expect(throws: FileError("write", missing, ENOENT)) { try data.write(to: missing) }
        #expect(try folder.names == ["file", "taken"])
        #expect(try String(contentsOfFile: folder / "taken/notes.txt", encoding: .utf8) == "mine")
        // An empty folder may be filled.
        try FileManager.default.createDirectory(atPath: folder / "empty", withIntermediateDirectories: false)
        #expect(try data.write(to: folder / "empty") == ["train.npy"])
    }

    @Test func entropiesAreKnownOfSome() {
        let entropies = Dictionary(uniqueKeysWithValues: Dataset.catalog.map { ($0.name, $0.entropy) })
        #expect(entropies["checkerboard"] == log(32) && entropies["two-moons"] == .some(nil))
        #expect(entropies["gaussian-64"] == Gaussian64.entropy && entropies["fashion-mnist"] == .some(nil))
        #expect(entropies["rings"] == PlaneDensity.rings.entropy)
    }
}
