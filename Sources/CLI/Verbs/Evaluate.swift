import Pushforward

/// Likelihoods and other figures on a split.
enum Evaluate {
    static let importanceSamples = Option(
        "--importance-samples", "K", .integer(atLeast: 1), default: 1,
        help: "draws of the latent variables per row; several give an estimate of the log-likelihood")

    static let verb = Verb(
        name: "evaluate", summary: "likelihoods and other figures on a split, itemised", positionals: [Common.run],
        options: [
            importanceSamples, Common.data, Common.split, Common.batchSize, Common.seed, Common.checkpoint,
            Common.weights,
        ] + Common.execution,
        example: "evaluate runs/conv-vae-fashion-mnist --split test --importance-samples 100", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try evaluate(run.model, of: run, arguments, console)
    }

    private static func evaluate<M: Model>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let (split, rows) = try run.rows()
        let evaluation = try evaluate(
            trained, rows, importanceSamples: arguments[importanceSamples], seed: arguments[Common.seed],
            batchSize: arguments[Common.batchSize], console)
        let head: JSONTree = [
            "run": .string(run.name), "model": .string(run.configuration.modelName), "data": .string(run.source),
            "split": .string(split.rawValue),
        ]
        try console.report(head.adding(run.origin(of: trained)).adding(evaluation.json)) { _ in
            let title = "\(run.configuration.modelName) \(run.place(of: trained))"
            return "\(title), \(run.source), \(split.rawValue) split\n\(evaluation)"
        }
    }

    static func evaluate<M: Model>(
        _ trained: Trained<M>, _ rows: Rows, importanceSamples: Int = 1, seed: UInt64 = 0, batchSize: Int = 256,
        _ console: Console
    ) throws -> Evaluation {
        try watched("evaluate", trained, draws: rows.count * importanceSamples, console) {
            try trained.evaluate(rows, importanceSamples: importanceSamples, seed: seed, batchSize: batchSize)
        }
    }

    /// Work of a model on rows, with progress, and Ctrl-C between two batches.
    static func watched<M: Model, Result>(
        _ title: String, _ trained: Trained<M>, draws: Int, unit: String = "draws", _ console: Console,
        _ work: () throws -> Result
    ) throws -> Result {
        let progress = ProgressBar(title, total: draws, unit: unit, console: console)
        trained.progress = { done, total in
            try Interrupt.check()
            progress.update(draws * done / max(total, 1))
        }
        defer { trained.progress = nil }
        let result = try work()
        progress.finish()
        return result
    }
}
