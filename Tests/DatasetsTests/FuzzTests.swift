import Testing

@testable import Datasets

/// Damaged files end in data or in an error, never in a trap or a huge allocation.
struct FuzzTests {
    /// Parses thousands of mutations; some have to fail, and each failure is one line.
    private func fuzz(_ file: [UInt8], header: Int, turns: Int = 4000, parse: ([UInt8]) throws -> Void) {
        var mutations = Mutations(seed: UInt64(file.count))
        var failures = 0
        for _ in 0..<turns {
            do {
                try parse(mutations.mutate(file, header: header))
            } catch let error as DatasetError {
                failures += 1
                #expect(!error.description.contains("\n") && !error.problem.isEmpty)
            } catch {
                Issue.record("\(error)")
            }
        }
        #expect(failures > turns / 10)
    }

    @Test(arguments: [NumPyFiles.float32, NumPyFiles.fortran, NumPyFiles.bigEndian, NumPyFiles.records])
    func npy(file: [UInt8]) {
        fuzz(file, header: 72) { _ = try NPYArray(parsing: $0, "a.npy").rows("a.npy") }
    }

    @Test(arguments: [NumPyFiles.stored, NumPyFiles.compressed]) func npz(file: [UInt8]) {
        fuzz(file, header: file.count) {
            let archive = try NPZ(parsing: $0, "a.npz")
            for name in archive.names { _ = try archive.array(name) }
        }
    }

    @Test func idxFiles() {
        let file = idx([3, 2, 2], (0..<12).map { $0 })
        fuzz(file, header: 16) { _ = try IDX(parsing: $0, "a") }
        fuzz(gzipped(file), header: 40) { _ = try IDX(parsing: Gzip.unpack($0, "a.gz"), "a.gz") }
    }

    @Test func png() throws {
        let levels = (0..<300).map { UInt8(truncatingIfNeeded: $0 * $0) }
        for channels in [1, 3] {
            let file = try PNGImage(width: 10, height: 30 / channels, channels: channels, levels: levels).encoded()
            fuzz(file, header: 60) { _ = try PNGImage(parsing: $0, "a.png") }
        }
    }

    @Test func tables() {
        fuzz(Array("a,label,c\n1,2,3e2\n-4.5,5,6\n".utf8), header: 28) {
            _ = try NumberTable($0, "a.csv", allowsHeader: true)
        }
        fuzz(Array("1 2 3\n4 5.25 6\n".utf8), header: 15) { _ = try NumberTable($0, "a.amat", allowsHeader: false) }
    }
}
