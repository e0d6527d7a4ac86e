import Pushforward

/// Data in, codes out.
enum Encode {
    enum Output: String, CaseIterable, Sendable { case mean, draw, parameters }

    static let output = Option(
        "--output", "O", .choice(Output.self), default: .mean,
        help:
            "of q(z|x): its mean, one draw from it, or its parameters (mean and standard_deviation in an .npz); a flow has one code"
    )
    static let out = Option(
        "--out", "PATH", .path, defaultText: "codes.npy in the run", help: "an .npy or .npz file to write")

    static let verb = Verb(
        name: "encode", summary: "the codes of data, as arrays", positionals: [Common.run],
        options: [
            output, Common.data, Common.split, Common.batchSize, out, Common.seed, Common.checkpoint, Common.weights,
        ]
            + Common.execution,
        example: "encode runs/conv-vae-fashion-mnist --data images.npy --out codes.npy", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try encode(run.encodingModel(), of: run, arguments, console)
    }

    private static func encode<M: EncodingModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let output = arguments[output]
        let file = try ArrayFile(arguments[out] ?? "\(run.name)/\(output == .parameters ? "codes.npz" : "codes.npy")")
        guard file.format != .png else { throw UsageError("--out: codes are no picture; let it end in .npy or .npz") }
        guard output != .parameters || file.format == .npz else {
            throw UsageError("--out: parameters are several arrays; let it end in .npz")
        }
        let trained = try run.trained(model)
        let (split, rows) = try run.rows()
        let work = PieceWork("encode", count: rows.count, batchSize: arguments[Common.batchSize], console)
        func codes(_ piece: Range<Int>) throws -> Codes {
            try work.done(piece) {
                try trained.encode(
                    rows[piece], seed: arguments[Common.seed], batchSize: arguments[Common.batchSize])
            }
        }
        switch output {
        case .mean, .draw:
            try file.write("codes", count: rows.count, piece: work.piece) { piece in
                let codes = try codes(piece)
                return output == .mean ? codes.mean : codes.draw
            }
        case .parameters:
            try file.write {
                let all = try stride(from: 0, to: rows.count, by: work.piece)
                    .map { try codes($0..<min($0 + work.piece, rows.count)) }
                let deviations = all.compactMap(\.standardDeviation)
                return [("mean", HostArray(joining: all.map(\.mean)))]
                    + (deviations.isEmpty ? [] : [("standard_deviation", HostArray(joining: deviations))])
            }
        }
        work.finish()
        let shape = [rows.count] + (try trained.latentShape())
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "data": .string(run.source),
            "split": .string(split.rawValue), "count": .integer(rows.count), "shape": .integers(shape),
            "output": .string(output.rawValue), "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in
            "codes of \(counted(rows.count, "row")) (\(run.source), \(split.rawValue) split), \(sizes(shape)): \(file.path)"
        }
    }
}
