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
    static let classIndex = Option(
        "--class", "K", .integer(atLeast: 0), defaultText: "all by turns", help: "of a model conditioned on labels")
    static let condition = Option(
        "--condition", "FILE", .path,
        help: "of a conditional model: a .npy or .csv file of what samples are conditioned on, row by row, in turns")
    static let out = Option(
        "--out", "PATH", .path, defaultText: "in the run's folder",
        help: "a .png, .npy or .npz file to write; with --shard-size, a folder")
    static let shardSize = Option(
        "--shard-size", "N", .integer(atLeast: 1), defaultText: "one file",
        help: "write a folder of .npy files of N samples each; the same call again goes on where it ended")
    static let shard = Option(
        "--shard", "K/N", .part, default: .all,
        help: "write every N-th shard from the K-th on, K from 1: N such calls can share a folder")
    static let verify = Option(
        flag: "--verify",
        help: "write nothing: compare the first, the last and some other shards with newly drawn samples")
    static let verifyAll = Option(flag: "--verify-all", help: "as --verify, with every shard")

    static let verb = Verb(
        name: "sample", summary: "draw samples: a .png grid, .npy or .npz, or a folder of shards",
        positionals: [Common.run],
        options: [
            count, range, temperature, classIndex, condition, decoder, Common.batchSize, out, shardSize, shard, verify,
            verifyAll, Common.seed, Common.checkpoint, Common.weights,
        ] + Common.execution,
        example: "sample runs/conv-vae-fashion-mnist --count 64 --out samples.png", run: run)

    /// Random numbers count samples in 32 bits.
    private static let indices = 1 << 32

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        if arguments.given(count), arguments.given(range) {
            throw UsageError("--count and --range are both given; one of them says how many samples")
        }
        let ofShards: [any AnyOption] = [shard, verify, verifyAll]
        if !arguments.given(shardSize), let option = ofShards.first(where: { arguments.given($0) }) {
            throw UsageError("\(option.label.name) is about shards; give --shard-size too")
        }
        let last = arguments[range]?.upperBound ?? arguments[count]
        guard last <= indices else {
            throw UsageError("there is no sample \(last - 1): indices are below 2^32; take another --seed for more")
        }
        let run = try OpenedRun(arguments)
        try sample(run.generativeModel(), of: run, arguments, console)
    }

    /// What samples are conditioned on, in turns; nil for the model's own choice.
    private static func conditions<M: Model>(of trained: Trained<M>, _ arguments: Arguments) throws -> HostArray? {
        if arguments.given(classIndex), arguments.given(condition) {
            throw UsageError("--class and --condition are both given; one of them says what samples are conditioned on")
        }
        let model = trained.condition
        if let index = arguments[classIndex] { return try model.values(ofClasses: [index]) }
        guard let path = arguments[condition] else { return nil }
        let rows = try Dataset.load(path).train
        guard rows.rowSize == model.width else {
            throw TrainingError(
                path, "has \(rows.rowSize) numbers a row, the model is conditioned on \(model.width)",
                "give rows of that many")
        }
        return HostArray(rows.floats, shape: [rows.count, model.width])
    }

    private static func sample<M: GenerativeModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let wanted = arguments[range] ?? 0..<arguments[count]
        let conditions = try conditions(of: trained, arguments)
        func samples(_ range: Range<Int>) throws -> HostArray {
            try trained.sample(
                range, seed: arguments[Common.seed], temperature: arguments[temperature], output: arguments[decoder],
                conditions: conditions, batchSize: arguments[Common.batchSize])
        }
        let what: JSONTree = [
            "range": .integers([wanted.lowerBound, wanted.upperBound]), "shape": .integers(trained.rowShape),
            "seed": .integer(arguments[Common.seed]), "temperature": .double(arguments[temperature]),
            "decoder": .string(arguments[decoder].rawValue),
            "class": arguments[classIndex].map { .integer($0) } ?? .null,
            "condition": arguments[condition].map { .string($0) } ?? .null, "step": .integer(trained.stepCount),
        ]
        func result(_ path: String) -> JSONTree {
            let place: JSONTree = ["run": .string(run.name), "out": .string(path), "count": .integer(wanted.count)]
            return place.adding(what).adding(run.origin(of: trained))
        }

        if let size = arguments[shardSize] {
            let folder = try ShardFolder(
                arguments[out] ?? "\(run.name)/samples",
                Shards(
                    wanted, size: size, of: HostArray(TensorType([0] + trained.rowShape, trained.precision))),
                samples: what.adding([
                    "model": .string(M.name), "weights": .string(trained.weightsHash()),
                    "math": .string(arguments[Common.math].rawValue),
                ]))
            let work = ShardWork(
                folder: folder, part: arguments[shard], batchSize: arguments[Common.batchSize], console: console,
                draw: samples)
            let isChecked = arguments[verify] || arguments[verifyAll]
            return try isChecked
                ? work.verify(all: arguments[verifyAll], result(folder.path)) : work.write(result(folder.path))
        }

        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "samples.png" : "samples.npy")
        try file.check(count: wanted.count, rowShape: trained.rowShape)
        let work = PieceWork("sample", count: wanted.count, batchSize: arguments[Common.batchSize], console)
        try file.write("samples", count: wanted.count, piece: work.piece) { piece in
            try work.done(piece) { try samples(piece.shifted(by: wanted.lowerBound)) }
        }
        work.finish()
        try console.report(result(file.path)) { _ in
            "\(counted(wanted.count, "sample")) of \(M.name) \(run.place(of: trained)): \(file.path)"
        }
    }
}
