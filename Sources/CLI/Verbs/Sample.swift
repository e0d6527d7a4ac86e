import Pushforward

/// Draws samples from the model of a run.
enum Sample {
    static let count = Option("--count", "N", .integer(atLeast: 1), default: 64, help: "how many samples")
    static let range = Option(
        "--range", "A:B", .range, defaultText: "0:COUNT",
        help: "samples A up to B: sample i depends on the model, the seed and i alone")
    static let temperature = Option(
        "--temperature", "T", .number(atLeast: 0), default: 1,
        help: "multiplies the standard deviation of the base noise")
    static let decoder = Option(
        "--decoder", "D", .choice(DecoderOutput.self), default: .mean,
        help: "mean of the likelihood p(x|z), or a draw from it")

    static let verb = Verb(
        name: "sample", summary: "draw samples: a .png grid, .npy or .npz", positionals: [Common.run],
        options: [count, range, temperature, decoder, Common.batchSize, Common.out, Common.seed, Common.checkpoint]
            + Common.execution,
        example: "sample runs/conv-vae-fashion-mnist --count 64 --out samples.png", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        if arguments.given(count), arguments.given(range) {
            throw UsageError("--count and --range are both given; one of them says how many samples")
        }
        let run = try OpenedRun(arguments)
        try sample(run.latentModel(), of: run, arguments, console)
    }

    private static func sample<M: LatentModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let wanted = arguments[range] ?? 0..<arguments[count]
        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "samples.png" : "samples.npy")
        try file.check(count: wanted.count, rowShape: trained.rowShape)
        let work = PieceWork("sample", count: wanted.count, batchSize: arguments[Common.batchSize], console)
        try file.write("samples", count: wanted.count, piece: work.piece) { piece in
            try work.done(piece) {
                try trained.sample(
                    wanted.lowerBound + piece.lowerBound..<wanted.lowerBound + piece.upperBound,
                    seed: arguments[Common.seed], temperature: arguments[temperature], output: arguments[decoder],
                    batchSize: arguments[Common.batchSize])
            }
        }
        work.finish()
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "count": .integer(wanted.count),
            "range": .integers([wanted.lowerBound, wanted.upperBound]),
            "shape": .integers(trained.rowShape), "seed": .integer(arguments[Common.seed]),
            "temperature": .double(arguments[temperature]), "decoder": .string(arguments[decoder].rawValue),
            "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in "\(counted(wanted.count, "sample")): \(file.path)" }
    }
}
