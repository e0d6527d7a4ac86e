import Pushforward

/// Shows what a model makes of data: originals above reconstructions.
enum Reconstruct {
    static let range = Option(
        "--range", "A:B", .range, defaultText: "the first 32", help: "rows A up to B of the split, counted from 0")

    static let verb = Verb(
        name: "reconstruct", summary: "originals above reconstructions, as a picture or arrays",
        positionals: [Common.run],
        options: [range, Common.data, Common.split, Common.batchSize, Common.out, Common.checkpoint, Common.weights]
            + Common.execution,
        example: "reconstruct runs/conv-vae-fashion-mnist --split test --range 0:32", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try reconstruct(run.latentModel(), of: run, arguments, console)
    }

    private static func reconstruct<M: LatentModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let (split, all) = try run.rows()
        let range = arguments[range] ?? 0..<min(32, all.count)
        let rows = try all[range]
        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "reconstructions.png" : "reconstructions.npz")
        try file.check(count: 2 * rows.count, rowShape: trained.rowShape)

        let work = PieceWork("reconstruct", count: rows.count, batchSize: arguments[Common.batchSize], console)
        func reconstructed(_ piece: Range<Int>) throws -> HostArray {
            try work.done(piece) { try trained.reconstruct(rows[piece], batchSize: arguments[Common.batchSize]) }
        }
        switch file.format {
        case .npy: try file.write("reconstructions", count: rows.count, piece: work.piece, reconstructed)
        case .npz, .png, .csv:
            try file.write(columns: Comparison.columns(rows.count)) {
                let pieces = stride(from: 0, to: rows.count, by: work.piece)
                    .map { $0..<min($0 + work.piece, rows.count) }
                let images = HostArray(joining: try pieces.map(reconstructed))
                let originals = try HostArray(rows, images.type.scalar)
                if file.format == .png { return [("pictures", Comparison.interleaved(originals, images))] }
                return [("originals", originals), ("reconstructions", images)]
            }
        }
        work.finish()
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "data": .string(run.source),
            "split": .string(split.rawValue), "range": .integers([range.lowerBound, range.upperBound]),
            "count": .integer(rows.count), "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in
            "\(counted(rows.count, "row")) of \(run.source), \(split.rawValue) split: \(file.path)"
        }
    }
}
