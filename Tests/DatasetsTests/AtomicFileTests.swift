import Foundation
import Testing

@testable import Datasets

struct AtomicFileTests {
    private func content(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func writesAndReplaces() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("first", to: folder / "a.txt")
        #expect(try content(folder / "a.txt") == "first")
        try AtomicFile.write("second", to: folder / "a.txt")
        #expect(try content(folder / "a.txt") == "second")
        #expect(try folder.names == ["a.txt"])
    }

    @Test func appendsPieces() throws {
        let folder = try TemporaryFolder()
        var file = try AtomicFile(folder / "b")
        try file.append(Array("ab".utf8))
        try file.append([UInt16(0x6463)])
        #expect(!FileManager.default.fileExists(atPath: folder / "b"))
        try file.commit()
        #expect(try content(folder / "b") == "abcd")
    }

    @Test func whatIsNotCommittedLeavesNothing() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("kept", to: folder / "c")
        do {
            var file = try AtomicFile(folder / "c")
            try file.append(Array("lost".utf8))
            #expect(try folder.names.count == 2)
        }
        #expect(try folder.names == ["c"])
        #expect(try content(folder / "c") == "kept")
    }

    @Test func aFailedRenameCleansUp() throws {
        let folder = try TemporaryFolder()
        let file = try AtomicFile(folder / "d")
        try FileManager.default.createDirectory(atPath: folder / "d", withIntermediateDirectories: false)
        // A non-copyable value cannot be consumed within the closure of #expect(throws:).
        do throws(FileError) {
            try file.commit()
            Issue.record("a folder was replaced")
        } catch {
            #expect(error.code == EISDIR)
        }
        #expect(try folder.names == ["d"])
    }

    @Test func keepsLinksAndPermissions() throws {
        let folder = try TemporaryFolder()
        try folder.write("real", "old")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder / "real")
        try FileManager.default.createSymbolicLink(atPath: folder / "link", withDestinationPath: "real")
        try AtomicFile.write("new", to: folder / "link")
        #expect(try content(folder / "real") == "new")
        let attributes = try FileManager.default.attributesOfItem(atPath: folder / "real")
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder / "link") == "real")
    }

    @Test func errorsSayWhatAndWhere() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: FileError.self) { try AtomicFile.write("x", to: folder / "no/such/file") }
        #expect(
            missing?.description
                == "cannot write \(folder.path)/no/such/file: No such file or directory; create its folder first")
        let isFolder = #expect(throws: FileError.self) { try AtomicFile.write("x", to: folder.path) }
        #expect(isFolder?.code == EISDIR)
        #expect(
            FileError("write", "a\nb", ENOSPC).description.contains("a?b: No space left on device; free some space"))
    }

    @Test func aFullDeviceIsAnErrorAndStaysADevice() throws {
        try #require(FileManager.default.fileExists(atPath: "/dev/full"))
        let error = #expect(throws: FileError.self) { try AtomicFile.write("x", to: "/dev/full") }
        #expect(error?.code == ENOSPC)
        try AtomicFile.write("x", to: "/dev/null")
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func writesToAReadOnlyFolderFail() throws {
        // The superuser may write anywhere but here.
        let error = #expect(throws: FileError.self) { try AtomicFile.write("x", to: "/proc/new-file") }
        #expect(error?.operation == "write")
    }
}
