import Foundation
import Pushforward
import Testing

/// Places that cannot be written to.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct FullDiskTests {
    @Test(arguments: ["png", "npy", "npz"]) func aFullDeviceIsAnError(_ ending: String) throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(atPath: folder("full.\(ending)"), withDestinationPath: "/dev/full")
        let result = try Tool.run(["sample", SharedRun.trained().path, "--out", "full.\(ending)"], in: folder)
        #expect(result.status == 1 && result.message.contains("full.\(ending): No space left"), "\(result.errors)")
    }

    @Test func fullStandardOutputIsAnError() throws {
        let folder = try TemporaryFolder()
        let result = try Tool.run(["models"], in: folder, output: "/dev/full")
        #expect(result.status == 1 && result.message.contains("standard output: No space left"), "\(result.errors)")
    }

    /// Even root cannot make a folder below a file.
    @Test(arguments: [
        ["train", "vae", "--data", "shapes", "--steps", "1", "--out", "file/run"],
        ["sample", "RUN", "--out", "file/samples.npy"],
        ["encode", "RUN", "--out", "file/codes.npz", "--output", "parameters"],
        ["reconstruct", "RUN", "--out", "nowhere/r.png"],
    ])
    func aPlaceThatCannotBeWrittenToIsAnError(_ words: [String]) throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], to: "file")
        let run = try SharedRun.trained().path
        let result = try Tool.run(words.map { $0 == "RUN" ? run : $0 }, in: folder)
        #expect(result.status == 1 && result.message.hasPrefix("pushforward: "), "\(result.errors)")
        #expect(result.message.contains("file/") || result.message.contains("nowhere/"), "\(result.message)")
        #expect(try folder.contents() == ["file": [1, 2, 3]])
    }

    private static let small = ["train", "vae", "--data", "shapes", "--batch-size", "16", "--set", "model.hidden=[8]"]

    @Test(.enabled(if: SmallDisk.isAvailable, "mounting a small file system needs root"))
    func trainingOnAFullDiskKeepsNoPartOfARun() throws {
        let folder = try TemporaryFolder()
        let disk = try SmallDisk(at: folder("disk"), kilobytes: 64)
        let result = try Tool.run(Self.small + ["--steps", "3", "--out", "disk/run"], in: folder)
        #expect(result.status == 1 && result.message.contains("No space left"), "\(result.errors)")
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder("disk"))
        #expect(!names.contains { $0.contains("step-") || $0.hasSuffix(".tmp") }, "\(names)")
        withExtendedLifetime(disk) {}
    }

    @Test(.enabled(if: SmallDisk.isAvailable, "mounting a small file system needs root"))
    func aDiskThatFillsUpKeepsTheLastCheckpoint() throws {
        let folder = try TemporaryFolder()
        let disk = try SmallDisk(at: folder("disk"), kilobytes: 2048)
        try Tool.done(Self.small + ["--steps", "3", "--out", "disk/run"], in: folder)
        let checkpoint = "disk/run/checkpoints/step-00000003/model.safetensors"
        let before = try folder.read(checkpoint)
        let figures = try Tool.done(["evaluate", "disk/run", "--json"], in: folder).output
        disk.fill()
        let result = try Tool.run(["train", "vae", "--resume", "--steps", "6", "--out", "disk/run"], in: folder)
        #expect(result.status == 1 && result.message.contains("No space left"), "\(result.errors)")
        #expect(try folder.read(checkpoint) == before)
        #expect(try Tool.done(["evaluate", "disk/run", "--json"], in: folder).output == figures)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder("disk/run/checkpoints"))
        #expect(Set(names) == ["latest", "step-00000003"])
    }

    @Test(.enabled(if: SmallDisk.isAvailable, "mounting a read-only file system needs root"))
    func aReadOnlyFolderIsAnError() throws {
        let folder = try TemporaryFolder()
        let disk = try SmallDisk(at: folder("disk"), kilobytes: 2048)
        try Tool.done(Self.small + ["--steps", "3", "--out", "disk/run"], in: folder)
        try disk.makeReadOnly()
        let before = try folder.contents()
        for words in [
            Self.small + ["--steps", "1", "--out", "disk/new"], ["sample", "disk/run"],
            ["train", "vae", "--resume", "--steps", "6", "--out", "disk/run"],
        ] {
            let result = try Tool.run(words, in: folder)
            #expect(result.status == 1 && result.message.contains(/[Rr]ead.only/), "\(result.errors)")
            #expect(result.message.contains("disk/"), "\(result.message)")
        }
        #expect(try folder.contents() == before)
        try Tool.done(["sample", "disk/run", "--out", "samples.png"], in: folder)
    }
}

/// A file system of a few kilobytes in memory.
private final class SmallDisk {
    private let path: String

    static let isAvailable: Bool = {
        guard getuid() == 0, let folder = try? TemporaryFolder() else { return false }
        return (try? SmallDisk(at: folder("probe"), kilobytes: 64)) != nil
    }()

    init(at path: String, kilobytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else { throw POSIXError(.EPERM) }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Leaves no byte free.
    func fill() {
        let descriptor = open(path + "/filler", O_WRONLY | O_CREAT, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        while zeros.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) > 0 {}
        close(descriptor)
    }

    func makeReadOnly() throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else { throw POSIXError(.EPERM) }
    }
}
