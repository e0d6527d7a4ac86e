import Foundation
import Pushforward

/// Writes the shards of a folder, or holds them against samples that are drawn anew.
struct ShardWork {
    let folder: ShardFolder
    let part: ShardPart
    let batchSize: Int
    let console: Console
    /// The samples of a range, [count, ...].
    let draw: (Range<Int>) throws -> HostArray

    private var mine: [Range<Int>] { part.of(folder.shards) }

    /// Writes what is not there yet, and reports so.
    ///
    /// - Parameter result: What there is to say of samples however they are written.
    func write(_ result: JSONTree) throws {
        let mine = mine
        let isBegun = try folder.isBegun()
        let states = try mine.map { isBegun ? try folder.state($0) : .absent }
        let pending = zip(mine, states).filter { $1 != .whole }.map(\.0)
        try folder.checkSpace(for: pending)
        if !isBegun {
            // What keeps the model from drawing any sample shows while nothing is written.
            if let first = pending.first { _ = try draw(first.prefix(batchSize)) }
            try folder.begin()
        }
        let (kept, broken) = (mine.count - pending.count, states.count { $0 == .broken })
        if kept > 0 { console.notice("\(grouped(kept)) of \(counted(mine.count, "shard")) are there already: kept") }
        if broken > 0 { console.notice("shards that are not whole and are written again: \(grouped(broken))") }
        var written = 0
        do {
            try each(of: pending, "sample") { shard, work, done in
                try ArrayFile(folder.path(shard)).write("samples", count: shard.count, piece: work.piece) { piece in
                    try work.done(piece.shifted(by: done)) { try draw(piece.shifted(by: shard.lowerBound)) }
                }
                written += 1
            }
        } catch {
            console.notice(
                "\(grouped(kept + written)) of \(counted(mine.count, "shard")) are whole; "
                    + "the same call goes on with the rest")
            throw error
        }
        let shards: JSONTree = ["written": .integer(written), "kept": .integer(kept)]
        try console.report(result.adding(about).adding(shards)) { _ in "\(text): \(folder.path)" }
    }

    private var about: JSONTree {
        [
            "shard_size": .integer(folder.shards.size), "shards": .integer(folder.shards.count),
            "shard": .string(part.description),
        ]
    }

    /// `2,555,904 samples in 39 of 153 shards`
    private var text: String {
        let (mine, all) = (mine, folder.shards.count)
        let samples = counted(mine.reduce(0) { $0 + $1.count }, "sample")
        return "\(samples) in \(mine.count < all ? "\(grouped(mine.count)) of " : "")\(counted(all, "shard"))"
    }

    /// What shards turned out to be.
    struct Check {
        var absent = 0
        var broken: [Range<Int>] = []
        /// Drawn anew, with these bytes; or with others, from some sample on.
        var equal: [Range<Int>] = []
        var different: [(shard: Range<Int>, sample: Int)] = []

        var json: JSONTree {
            func names(_ shards: [Range<Int>]) -> JSONTree { .array(shards.map { .string(Shards.name($0)) }) }
            return [
                "absent": .integer(absent), "broken": names(broken), "equal": names(equal),
                "different": names(different.map(\.shard)),
            ]
        }

        /// What is wrong, and what to do about it; nil where all is well.
        func error(_ path: String) -> TrainingError? {
            var problems: [String] = []
            if let (shard, sample) = different.first {
                problems.append(
                    "shards that differ from what the model draws: \(grouped(different.count)) "
                        + "(first: \(Shards.name(shard)) from sample \(sample) on)")
            }
            if let first = broken.first {
                problems.append("not whole: \(grouped(broken.count)) (first: \(Shards.name(first)))")
            }
            if absent > 0 { problems.append("not there: \(grouped(absent))") }
            guard !problems.isEmpty else { return nil }
            return TrainingError(
                path, problems.joined(separator: ", "),
                (different.isEmpty ? "" : "remove what differs; ") + "the same call without --verify writes what lacks")
        }
    }

    /// How many shards are drawn anew unless all are.
    private static let few = 8

    /// Looks at the size and header of every shard, draws all or a few of them anew, and reports how they are.
    ///
    /// - Throws: also where one is not as it should be.
    func verify(all: Bool, _ result: JSONTree) throws {
        guard try folder.isBegun() else {
            throw TrainingError(folder.path, "holds no shards", "write them first, by the same call without --verify")
        }
        let states = try Dictionary(grouping: mine) { try folder.state($0) }
        var check = Check(absent: states[.absent]?.count ?? 0, broken: states[.broken] ?? [])
        let whole = states[.whole] ?? []
        try each(of: all ? whole : Self.some(of: whole), "verify") { shard, work, done in
            if let sample = try firstDifference(in: shard, work, done) {
                check.different.append((shard, sample))
            } else {
                check.equal.append(shard)
            }
        }
        try console.report(result.adding(about).adding(check.json)) { _ in
            "\(text), \(grouped(check.equal.count)) of them drawn anew and equal: \(folder.path)"
        }
        if let error = check.error(folder.path) { throw error }
    }

    /// The first, the last and others at random, which another time are others.
    private static func some(of shards: [Range<Int>]) -> [Range<Int>] {
        guard shards.count > few else { return shards }
        let others = (1..<shards.count - 1).shuffled().prefix(few - 2).sorted()
        return ([0] + others + [shards.count - 1]).map { shards[$0] }
    }

    /// The first sample of a shard that is not what the model draws.
    private func firstDifference(in shard: Range<Int>, _ work: PieceWork, _ done: Int) throws -> Int? {
        let path = folder.path(shard)
        guard let file = FileHandle(forReadingAtPath: path) else { throw FileError("read", path, errno) }
        try file.seek(toOffset: UInt64(folder.shards.header(shard).count))
        for first in stride(from: 0, to: shard.count, by: work.piece) {
            let piece = first..<min(first + work.piece, shard.count)
            let expected = try work.done(piece.shifted(by: done)) { try draw(piece.shifted(by: shard.lowerBound)) }
            let stored = try file.read(upToCount: expected.bytes.count) ?? Data()
            let place = stored.withUnsafeBytes { stored in
                expected.withUnsafeBytes { stored.firstDifference(from: $0) }
            }
            if let place { return shard.lowerBound + first + place / folder.shards.rowByteCount }
        }
        return nil
    }

    /// Works on one shard after another with one progress bar.
    ///
    /// - Parameter body: Gets the samples that are done before.
    private func each(
        of shards: [Range<Int>], _ title: String, _ body: (Range<Int>, PieceWork, _ done: Int) throws -> Void
    ) throws {
        guard !shards.isEmpty else { return }
        let total = shards.reduce(0) { $0 + $1.count }
        let work = PieceWork(title, count: total, batchSize: batchSize, console)
        var done = 0
        for shard in shards {
            try body(shard, work, done)
            done += shard.count
        }
        work.finish()
    }
}

extension UnsafeRawBufferPointer {
    /// How many bytes are those of another buffer before one is not; nil where all are.
    fileprivate func firstDifference(from other: UnsafeRawBufferPointer) -> Int? {
        if let start = baseAddress, let others = other.baseAddress, count == other.count,
            memcmp(start, others, count) == 0
        {
            return nil
        }
        let place = zip(self, other).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        return place ?? (count == other.count ? nil : Swift.min(count, other.count))
    }
}
