import Pushforward

/// Work on many rows in pieces of whole batches, with progress, that Ctrl-C ends between two pieces.
final class PieceWork {
    /// Rows in a piece.
    let piece: Int
    private let progress: ProgressBar

    init(_ title: String, count: Int, batchSize: Int, _ console: Console) {
        // Small enough to react and to be held in memory, large enough that looking up does not show.
        piece = max(1024 / batchSize, 1) * batchSize
        progress = ProgressBar(title, total: count, unit: "rows", console: console)
    }

    /// Does one piece.
    func done<Result>(_ range: Range<Int>, _ work: () throws -> Result) throws -> Result {
        try Interrupt.check()
        let result = try work()
        progress.update(range.upperBound)
        return result
    }

    func finish() { progress.finish() }
}
