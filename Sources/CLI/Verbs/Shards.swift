import Foundation
import Pushforward

/// A range of samples in shards of equally many, the last one shorter.
struct Shards {
    let range: Range<Int>
    let size: Int
    /// No samples, but of their type.
    private let none: HostArray

    /// As many files as a folder can hold and still be worked with.
    static let mostShards = 1_000_000

    /// - Throws: `UsageError` where these are too many.
    init(_ range: Range<Int>, size: Int, of none: HostArray) throws(UsageError) {
        (self.range, self.size, self.none) = (range, size, none)
        guard count <= Self.mostShards else {
            throw UsageError(
                "--shard-size: \(size) makes \(grouped(count)) files of \(counted(range.count, "sample")); "
                    + "at most \(grouped(Self.mostShards)) are allowed")
        }
    }

    var count: Int { (range.count - 1) / size + 1 }

    subscript(index: Int) -> Range<Int> {
        let first = range.lowerBound + index * size
        return first..<first + min(size, range.upperBound - first)
    }

    var type: String { none.npyType }
    private var rowShape: [Int] { Array(none.shape.dropFirst()) }
    var rowByteCount: Int { TensorType(rowShape, none.type.scalar).byteCount }

    /// The bytes of a shard before its samples.
    func header(_ shard: Range<Int>) -> [UInt8] { NPYArray.header(type: type, shape: [shard.count] + rowShape) }

    func byteCount(_ shard: Range<Int>) -> Int { header(shard).count + shard.count * rowByteCount }

    /// `samples-0000065536-0000131072.npy`: names sort as the samples do; indices are below 2^32.
    static func name(_ shard: Range<Int>) -> String {
        String(format: "samples-%010ld-%010ld.npy", shard.lowerBound, shard.upperBound)
    }
}

/// Which shards are this process's: every `count`-th from the `index`-th on, counted from 1.
struct ShardPart: Equatable, Sendable, CustomStringConvertible {
    let index: Int
    let count: Int

    static let all = ShardPart(index: 1, count: 1)

    var description: String { "\(index)/\(count)" }

    func of(_ shards: Shards) -> [Range<Int>] {
        stride(from: index - 1, to: shards.count, by: count).map { shards[$0] }
    }
}

extension ValueKind where Value == ShardPart {
    static var part: Self {
        Self("K/N with integers 1 <= K <= N") { text in
            let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.count == 2, let index = numbers[0], let count = numbers[1], 1 <= index, index <= count else {
                return nil
            }
            return ShardPart(index: index, count: count)
        }
    }
}

/// A folder of shards with shards.json, which says what they are.
///
/// A shard gets its name when it is whole. So a call that was interrupted goes on where it ended, and several
/// processes can share a folder.
struct ShardFolder {
    let path: String
    let shards: Shards
    /// All that the bytes of the samples depend on, and how they are cut.
    let manifest: JSONTree

    static let manifestName = "shards.json"

    init(_ path: String, _ shards: Shards, samples: JSONTree) throws(UsageError) {
        guard (try? ArrayFile(path)) == nil else {
            throw UsageError("--out: with --shard-size it is a folder, and '\(path)' looks like a file")
        }
        (self.path, self.shards) = (path, shards)
        let cut: JSONTree = [
            "format_version": 1, "dtype": .string(shards.type), "shard_size": .integer(shards.size),
        ]
        manifest = cut.adding(samples)
    }

    func path(_ shard: Range<Int>) -> String { "\(path)/\(Shards.name(shard))" }

    private var manifestPath: String { "\(path)/\(Self.manifestName)" }

    /// Whether there are shards of this very call already.
    ///
    /// - Throws: where there is anything else.
    func isBegun() throws -> Bool {
        let files = FileManager.default
        var isFolder: ObjCBool = false
        guard files.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
        guard isFolder.boolValue else { throw FileError("write", path, ENOTDIR) }
        if !files.fileExists(atPath: manifestPath) {
            // Another process may be about to begin: its hidden temporary file is nobody's, its manifest is looked at.
            let names = try files.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }
            guard names.isEmpty || names.contains(Self.manifestName) else {
                throw TrainingError(
                    path, "holds other files and no \(Self.manifestName)", "choose another folder with --out")
            }
            if names.isEmpty { return false }
        }
        let present: JSONTree
        do {
            present = try JSONTree(parsing: String(contentsOfFile: manifestPath, encoding: .utf8), source: manifestPath)
        } catch {
            throw TrainingError(manifestPath, "cannot be read", "choose another folder with --out, or remove this one")
        }
        let differences = present.differences(to: manifest)
        guard differences.isEmpty else {
            throw TrainingError(
                path, "holds shards of another call (\(differences.joined(separator: ", ")))",
                "choose another folder with --out")
        }
        return true
    }

    /// Makes the folder and its manifest.
    func begin() throws {
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw FileError("write", path, errno) }
        if try isBegun() { return }
        do {
            try AtomicFile.write(manifest.pretty + "\n", to: manifestPath)
        } catch {
            // Only where it is empty.
            rmdir(path)
            throw error
        }
        // Of several processes that begin at once the last one's manifest stays.
        _ = try isBegun()
    }

    enum State { case absent, broken, whole }

    /// Whether a shard is there; whole is one with the right header and size.
    func state(_ shard: Range<Int>) throws -> State {
        guard let file = FileHandle(forReadingAtPath: path(shard)) else { return .absent }
        let header = shards.header(shard)
        guard try file.seekToEnd() == shards.byteCount(shard) else { return .broken }
        try file.seek(toOffset: 0)
        return try file.read(upToCount: header.count).map { $0.elementsEqual(header) } == true ? .whole : .broken
    }

    /// - Throws: where the disk has no place for these shards.
    func checkSpace(for pending: [Range<Int>]) throws {
        let needed = pending.reduce(0) { $0 + shards.byteCount($1) }
        let isThere = FileManager.default.fileExists(atPath: path)
        let place = isThere ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
        var disk = statvfs()
        // What cannot be asked, or counts no blocks, is tried.
        guard statvfs(place, &disk) == 0, disk.f_blocks > 0 else { return }
        let free = Int(
            clamping: UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize)).partialValue)
        guard needed <= free else {
            throw TrainingError(
                path, "\(bytes(needed)) are to be written and \(bytes(free)) are free",
                "free some space, ask for fewer samples, or share them among several disks with --shard")
        }
    }
}

extension Range<Int> {
    func shifted(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}

extension Trained {
    /// Tells one set of parameters from another: FNV-1a, 64 bits, of their paths and bytes, in hexadecimal.
    func weightsHash() throws -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        for (path, value) in try parameters() {
            add(path.utf8)
            add(value.bytes)
        }
        return String(format: "%016lx", hash)
    }
}
