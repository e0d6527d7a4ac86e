import Pushforward

/// One log-likelihood per row.
enum LogProb {
    static let out = Option(
        "--out", "PATH", .path, defaultText: "log_prob.npy in the run",
        help: "an .npy, .npz or .csv file to write; in an .npz also the parts of each")

    static let verb = Verb(
        name: "log-prob", summary: "one log-likelihood per row, in nats: exact, a bound or an estimate, and named so",
        positionals: [Common.run],
        options: [
            Common.data, Common.split, Evaluate.importanceSamples, Common.batchSize, out, Common.seed,
            Common.checkpoint,
        ] + Common.execution,
        example: "log-prob runs/realnvp-two-moons --data points.npy --out log_prob.csv", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try logProb(run.model, of: run, arguments, console)
    }

    private static func logProb<M: Model>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let file = try ArrayFile(arguments[out] ?? "\(run.name)/log_prob.npy", formats: [.npy, .npz, .csv])
        let trained = try run.trained(model)
        let (split, rows) = try run.rows()
        let draws = arguments[Evaluate.importanceSamples]
        var found: LogLikelihoods?
        try file.write {
            let result = try Evaluate.watched("log-prob", trained, draws: rows.count * draws, console) {
                try trained.logLikelihoods(
                    rows, importanceSamples: draws, seed: arguments[Common.seed],
                    batchSize: arguments[Common.batchSize])
            }
            found = result
            return result.arrays
        }
        guard let found else { return }
        let result: JSONTree = [
            "run": .string(run.name), "model": .string(run.configuration.modelName), "data": .string(run.source),
            "split": .string(split.rawValue), "count": .integer(rows.count), "step": .integer(trained.stepCount),
            "out": .string(file.path), "kind": .string(found.kind.rawValue), "unit": .string("nats"),
            "importance_samples": .integer(draws), "mean": number(found.mean),
            "standard_error": number(found.standardError), "non_finite": .integer(found.nonFinite),
        ]
        try console.report(result) { _ in
            let kind = found.kind.rawValue.replacing("_", with: " ")
            let mean = "mean \(ProgressLine.figureText(found.mean)) nats, \(kind)"
            let error = "+-\(ProgressLine.figureText(found.standardError)) over \(counted(rows.count, "row"))"
            let bad = found.nonFinite > 0 ? "\n\(found.nonFinite) of \(counted(rows.count, "row")) are not finite" : ""
            return "\(run.source), \(split.rawValue) split: \(mean), \(error): \(file.path)\(bad)"
        }
    }

    /// Null where it is not finite.
    private static func number(_ value: Double) -> JSONTree { JSONNumber(value).map { .number($0) } ?? .null }
}
