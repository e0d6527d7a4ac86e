import Foundation
import Pushforward
import Testing

@testable import CLI

@Suite struct ShardNumbersTests {
    private static let rows = HostArray(TensorType([0, 2, 3], .float32))

    @Test(arguments: [(0..<1, 1), (0..<10, 3), (5..<14, 3), (7..<8, 100), (3..<1003, 1), (0..<1 << 32, Int.max)])
    func shardsAreTheRangeCut(_ range: Range<Int>, _ size: Int) throws {
        let shards = try Shards(range, size: size, of: Self.rows)
        let all = ShardPart.all.of(shards)
        #expect(all.count == shards.count && all.first?.lowerBound == range.lowerBound)
        #expect(all.last?.upperBound == range.upperBound && all.dropLast().allSatisfy { $0.count == size })
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(all.allSatisfy { !$0.isEmpty } && all.map(Shards.name).sorted() == all.map(Shards.name))
    }

    @Test(arguments: 1...12) func partsTakeEachShardOnce(_ count: Int) throws {
        let shards = try Shards(0..<100, size: 9, of: Self.rows)
        let parts = (1...count).map { ShardPart(index: $0, count: count).of(shards) }
        #expect(parts.joined().sorted { $0.lowerBound < $1.lowerBound } == (0..<shards.count).map { shards[$0] })
        let sizes = parts.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }

    @Test func millionsOfFilesAreRefused() throws {
        #expect(try Shards(0..<2_000_000, size: 2, of: Self.rows).count == 1_000_000)
        #expect(throws: UsageError.self) { try Shards(0..<2_000_001, size: 2, of: Self.rows) }
    }

    @Test func aShardIsAnNPYFile() throws {
        let shards = try Shards(0..<10, size: 4, of: Self.rows)
        let file = try NPYArray([Float](repeating: 0, count: 12), shape: [2, 2, 3]).encoded
        #expect(file.count == shards.byteCount(8..<10) && file.starts(with: shards.header(8..<10)))
        #expect(Shards.name(65536..<131072) == "samples-0000065536-0000131072.npy")
        #expect(Shards.name(0..<1 << 32) == "samples-0000000000-4294967296.npy")
    }

    @Test(arguments: ["1/1", "3/8", "8/8"]) func partsAreRead(_ text: String) {
        #expect(ValueKind<ShardPart>.part.read(text)?.description == text)
    }

    @Test(arguments: ["", "1", "0/2", "3/2", "-1/2", "1/0", "1/2/3", "a/b", "1:2", "1.5/2"])
    func noPartsAreRefused(_ text: String) { #expect(ValueKind<ShardPart>.part.read(text) == nil) }
}

/// `sample --shard-size`: a folder of files instead of one.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct ShardTests {
    private static func sample(_ words: [String], in folder: TemporaryFolder) throws -> Tool.Result {
        try Tool.run(["sample", SharedRun.trained().path] + words, in: folder)
    }

    /// The shards of a folder by their names, in order.
    private static func names(_ path: String, in folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder(path)).filter { $0.hasSuffix(".npy") }.sorted()
    }

    /// Which file it is and when it was written: a file that is written again is another.
    private static func identity(_ path: String) throws -> [Int] {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return [Int(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }

    /// Of an .npy file of 28 x 28 images.
    private static let headerSize = 128

    private static let options = ["--range", "11:72", "--seed", "5", "--temperature", "0.9", "--decoder", "draw"]

    @Test(arguments: [("1", "64"), ("7", "3"), ("20", "16"), ("20", "256"), ("61", "7"), ("1000", "1")])
    func shardsAreTheBytesOfOneFile(_ size: String, _ batch: String) throws {
        let folder = try TemporaryFolder()
        #expect(try Self.sample(Self.options + ["--out", "one.npy"], in: folder).status == 0)
        let call = Self.options + ["--shard-size", size, "--batch-size", batch, "--out", "shards", "--json"]
        let json = try Self.sample(call, in: folder).json()
        let names = try Self.names("shards", in: folder)
        #expect(json["shards"]?.int == names.count && json["written"]?.int == names.count && json["kept"]?.int == 0)
        #expect(json["out"]?.string == "shards" && json["count"]?.int == 61)

        let shards = try names.map { try NPYArray(contentsOf: folder("shards/\($0)")) }
        #expect(shards.dropLast().allSatisfy { $0.shape == [Int(size) ?? 0, 1, 28, 28] })
        let one = try folder.read("one.npy")
        let joined = try names.map { try folder.read("shards/\($0)") }.flatMap { $0.dropFirst(Self.headerSize) }
        #expect(joined.count == 61 * 784 * 4 && Array(one.dropFirst(Self.headerSize)) == joined)
        #expect(try folder.contents().count == names.count + 3, "one.npy, the folder and shards.json, no other file")
    }

    @Test func partsShareAFolder() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "50", "--shard-size", "6", "--out"]
        for part in ["2/3", "1/3", "3/3"] {
            let json = try Self.sample(call + ["parts", "--shard", part, "--json"], in: folder).json()
            #expect(json["shard"]?.string == part && json["written"]?.int == 3 && json["shards"]?.int == 9)
        }
        #expect(try Self.sample(call + ["whole"], in: folder).status == 0)
        for name in try Self.names("whole", in: folder) + ["shards.json"] {
            #expect(try folder.read("parts/\(name)") == folder.read("whole/\(name)"), "\(name)")
        }
        let part = try Self.sample(call + ["one", "--shard", "2/3"], in: folder)
        #expect(part.output == "18 samples in 3 of 9 shards: one\n")
        #expect(try Self.names("one", in: folder) == [6..<12, 24..<30, 42..<48].map(Shards.name))
    }

    @Test func anInterruptedCallGoesOn() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "20000", "--shard-size", "200", "--out", "shards"]
        let run = try SharedRun.trained().path
        let interrupted = try Tool.run(["sample", run] + call, in: folder) { process in
            let third = folder("shards/" + Shards.name(400..<600))
            for _ in 0..<5000 where !FileManager.default.fileExists(atPath: third) { usleep(1000) }
            process.interrupt()
        }
        #expect(interrupted.status == 130 && interrupted.output.isEmpty, "\(interrupted.errors)")
        let finished = try Self.names("shards", in: folder)
        #expect((3..<100).contains(finished.count))
        #expect(interrupted.errors.contains("\(finished.count) of 100 shards are whole"), "\(interrupted.errors)")
        #expect(try folder.contents().count == finished.count + 2, "the folder and shards.json, nothing half-written")
        let before = try finished.map { try Self.identity(folder("shards/\($0)")) }

        let resumed = try Self.sample(call + ["--json"], in: folder)
        #expect(resumed.errors.contains("\(finished.count) of 100 shards are there already: kept"))
        #expect(try resumed.json()["written"]?.int == 100 - finished.count)
        #expect(try finished.map { try Self.identity(folder("shards/\($0)")) } == before)
        let checked = try Self.sample(call + ["--verify-all", "--json"], in: folder).json()
        #expect(try checked["equal"] == .array(Self.names("shards", in: folder).map { .string($0) }))
    }

    @Test func brokenShardsAreWrittenAgain() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "40", "--shard-size", "10", "--out", "shards"]
        #expect(try Self.sample(call, in: folder).status == 0)
        let whole = try folder.contents()
        let names = try Self.names("shards", in: folder)
        try #require(names.count == 4)
        try folder.write(Array(folder.read("shards/\(names[0])").dropLast(1)), to: "shards/\(names[0])")
        var bytes = try folder.read("shards/\(names[1])")
        bytes[30] ^= 1
        try folder.write(bytes, to: "shards/\(names[1])")
        try FileManager.default.removeItem(atPath: folder("shards/\(names[2])"))
        let kept = try Self.identity(folder("shards/\(names[3])"))

        let checked = try Self.sample(call + ["--verify", "--json"], in: folder)
        #expect(checked.status == 1 && checked.message.contains("not whole: 2"), "\(checked.errors)")
        #expect(checked.message.contains("not there: 1"), "\(checked.errors)")
        #expect(try checked.json()["broken"] == .array(names.prefix(2).map { .string($0) }))

        let again = try Self.sample(call + ["--json"], in: folder)
        #expect(again.errors.contains("1 of 4 shards are there already") && again.errors.contains("written again: 2"))
        #expect(try again.json()["written"]?.int == 3)
        #expect(try folder.contents() == whole)
        #expect(try Self.identity(folder("shards/\(names[3])")) == kept)
    }

    @Test(arguments: [
        ["--seed", "1"], ["--temperature", "0.5"], ["--decoder", "draw"], ["--count", "41"], ["--range", "1:41"],
        ["--shard-size", "11"], ["--precision", "float64"], ["--math", "fast"],
    ])
    func anotherCallIsRefused(_ change: [String]) throws {
        let folder = try TemporaryFolder()
        #expect(try Self.sample(["--count", "40", "--shard-size", "10", "--out", "shards"], in: folder).status == 0)
        let before = try folder.contents()
        let count = change[0] == "--count" || change[0] == "--range" ? [] : ["--count", "40"]
        let size = change[0] == "--shard-size" ? [] : ["--shard-size", "10"]
        let key = ["--count": "range", "--precision": "dtype"][change[0]]
        let name = key ?? String(change[0].dropFirst(2)).replacing("-", with: "_")
        for more in [[], ["--verify"]] {
            let result = try Self.sample(change + count + size + more + ["--out", "shards"], in: folder)
            #expect(result.status == 1 && result.output.isEmpty, "\(result.errors)")
            #expect(result.message.contains("another call (\(name): "), "\(result.message)")
        }
        #expect(try folder.contents() == before)
    }

    @Test func anotherModelIsRefused() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "4", "--shard-size", "2", "--out", "shards"]
        #expect(try Self.sample(call, in: folder).status == 0)
        let before = try folder.contents()
        // As many steps of the same model, from another seed.
        let other = try TemporaryFolder()
        let train = ["train", "conv-vae", "--steps", "40", "--seed", "1", "--out", "other"]
        try Tool.done(train + SharedRun.options, in: other)
        let result = try Tool.run(["sample", other("other")] + call, in: folder)
        #expect(result.status == 1 && result.message.contains("another call (weights: "), "\(result.errors)")
        #expect(!result.message.contains("step"))
        #expect(try folder.contents() == before)
    }

    /// One byte of one sample: in a shard that is always drawn anew, and in one that only `--verify-all` is sure to.
    @Test(arguments: [(0, "--verify"), (19, "--verify"), (8, "--verify-all")])
    func aWrongByteIsFound(_ shard: Int, _ option: String) throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "99", "--shard-size", "5", "--batch-size", "2", "--out", "shards"]
        #expect(try Self.sample(call, in: folder).status == 0)
        #expect(try Self.sample(call + [option], in: folder).status == 0)
        let names = try Self.names("shards", in: folder)
        try #require(names.count == 20)
        let name = names[shard]
        var bytes = try folder.read("shards/\(name)")
        bytes[bytes.count - 784 * 4] ^= 1
        try folder.write(bytes, to: "shards/\(name)")
        let before = try folder.contents()
        let result = try Self.sample(call + [option, "--json"], in: folder)
        let sample = shard == 19 ? 98 : shard * 5 + 4
        #expect(result.status == 1 && result.message.contains("\(name) from sample \(sample) on"), "\(result.errors)")
        let json = try result.json()
        #expect(json["different"] == [.string(name)])
        guard case .array(let equal) = json["equal"] else {
            Issue.record("no list of equal shards")
            return
        }
        #expect(equal.count == (option == "--verify" ? 7 : 19))
        #expect(try folder.contents() == before)
    }

    @Test func aFullDiskKeepsTheShardsBefore() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "30", "--shard-size", "10", "--out", "shards"]
        #expect(try Self.sample(call + ["--shard", "3/3"], in: folder).status == 0)
        try FileManager.default.createSymbolicLink(
            atPath: folder("shards/" + Shards.name(10..<20)), withDestinationPath: "/dev/full")
        let full = try Self.sample(call, in: folder)
        #expect(full.status == 1 && full.output.isEmpty)
        #expect(full.message.contains("0020.npy: No space left"), "\(full.errors)")
        #expect(full.errors.contains("2 of 3 shards are whole"), "\(full.errors)")
        try FileManager.default.removeItem(atPath: folder("shards/" + Shards.name(10..<20)))
        #expect(try Self.sample(call + ["--json"], in: folder).json()["kept"]?.int == 2)
        #expect(try Self.sample(call + ["--verify-all"], in: folder).status == 0)
    }

    @Test func moreThanADiskHoldsIsRefused() throws {
        let folder = try TemporaryFolder()
        let call = ["--count", "4096000000", "--shard-size", "4096000000", "--precision", "float64", "--out", "shards"]
        // There is no second shard, but the folder is begun; the first one finds no place even if it is tried.
        #expect(try Self.sample(call + ["--shard", "2/2"], in: folder).output == "0 samples in 0 of 1 shard: shards\n")
        try FileManager.default.createSymbolicLink(
            atPath: folder("shards/" + Shards.name(0..<4_096_000_000)), withDestinationPath: "/dev/full")
        let before = try folder.contents()
        let result = try Self.sample(call, in: folder)
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.hasPrefix("pushforward: shards: 25.7 TB are to be written and "), "\(result.errors)")
        #expect(try folder.contents() == before)
    }

    /// Thirty-two megabytes of samples pass through no more memory than a hundredth of them.
    @Test func memoryDoesNotGrowWithTheNumberOfSamples() throws {
        let folder = try TemporaryFolder()
        try NPYArray((0..<200).map { Float($0 % 17) / 17 }, shape: [100, 2]).write(to: folder("points.npy"))
        let train = ["train", "vae", "--data", "points.npy", "--steps", "2", "--set", "model.hidden=[4]"]
        try Tool.done(train + ["--set", "model.likelihood=gaussian", "--out", "run"], in: folder)
        func peak(_ count: String) throws -> Int {
            var peak = 0
            let words = ["sample", "run", "--count", count, "--shard-size", "100000", "--out", "shards-\(count)"]
            let result = try Tool.run(words, in: folder) { process in
                while process.isRunning {
                    let status = try? String(
                        contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
                    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
                    peak = max(
                        peak, line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
                    usleep(1000)
                }
            }
            #expect(result.status == 0, "\(result.errors)")
            return peak
        }
        let (few, many) = (try peak("40000"), try peak("4000000"))
        #expect(few > 0 && many < few + 8192, "\(few) kB, then \(many) kB")
    }

    static let refused: [BadCall] = [
        BadCall("no shard size", 2, ["--shard-size", "'0'", "at least 1"]) { _ in try call(["--shard-size", "0"]) },
        BadCall("a part of nothing", 2, ["--shard", "give --shard-size"]) { _ in try call(["--shard", "1/2"]) },
        BadCall("a check of nothing", 2, ["--verify", "give --shard-size"]) { _ in try call(["--verify"]) },
        BadCall("no part", 2, ["'3/2'", "K/N", "1 <= K <= N"]) { _ in try call(["--shard-size", "8", "--shard", "3/2"])
        },
        BadCall("samples beyond the last", 2, ["no sample 4294967296", "2^32"]) { _ in
            try call(["--range", "0:4294967297", "--shard-size", "4294967297"])
        },
        BadCall("samples beyond all", 2, ["2^32"]) { _ in try call(["--count", "\(Int.max)", "--out", "x.npy"]) },
        BadCall("a file for a folder", 1, ["out: Not a directory"]) { folder in
            try folder.write([1, 2, 3], to: "out")
            return try call(["--shard-size", "8"])
        },
        BadCall("a folder below a file", 1, ["file/out: Not a directory"]) { folder in
            try folder.write([1, 2, 3], to: "file")
            return try call(["--shard-size", "8", "--out", "file/out"])
        },
        BadCall("a folder in none", 1, ["nowhere/out: No such file"]) { _ in
            try call(["--shard-size", "8", "--out", "nowhere/out"])
        },
        BadCall("the name of a file", 2, ["samples.npy", "folder"]) { _ in
            try call(["--shard-size", "8", "--out", "samples.npy"])
        },
        BadCall("a folder of other things", 1, ["out", "no shards.json"]) { folder in
            try folder.write([1, 2, 3], to: "out/photo.jpg")
            return try call(["--shard-size", "8"])
        },
        BadCall("a manifest cut short", 1, ["out/shards.json", "cannot be read"]) { folder in
            try folder.write(Array("{\"seed\": ".utf8), to: "out/shards.json")
            return try call(["--shard-size", "8"])
        },
        BadCall("a check of no folder", 1, ["out", "no shards", "without --verify"]) { _ in
            try call(["--shard-size", "8", "--verify"])
        },
        BadCall("a model without a prior", 1, ["no prior"]) { folder in
            let options = ["--data", "shapes", "--steps", "1", "--set", "model.hidden=[8]", "--out", "run"]
            try Tool.done(["train", "autoencoder"] + options, in: folder)
            return ["sample", "run", "--shard-size", "8", "--out", "out"]
        },
    ]

    private static func call(_ words: [String]) throws -> [String] {
        ["sample", try SharedRun.trained().path] + words + (words.contains("--out") ? [] : ["--out", "out"])
    }

    @Test(arguments: refused) func isRefused(_ call: BadCall) throws { try BadInputTests().isRefused(call) }
}
