import Pushforward

/// How invertible and well-conditioned a flow is, layer by layer.
enum AuditVerb {
    static let count = Option(
        "--count", "N", .integer(atLeast: 1), defaultText: "256, fewer of long rows",
        help: "rows of the split, spread over it, and as many samples")
    static let iterations = Option(
        "--iterations", "N", .integer(atLeast: 1), default: 50, help: "of every power iteration, at most")
    static let batchSize = Option(
        "--batch-size", "N", .integer(atLeast: 1), defaultText: "by the size of a row",
        help: "how many rows are computed at once; never changes a byte of a result")

    static let verb = Verb(
        name: "audit", summary: "how invertible and well-conditioned a flow is, layer by layer",
        positionals: [Common.run],
        options: [
            count, iterations, Common.data, Common.split, batchSize, Common.seed, Common.checkpoint, Common.weights,
        ] + Common.execution,
        example: "audit runs/realnvp-two-moons --count 1000",
        details: """
            Rows go through all layers and back: held-out data to base values, samples of the prior to
            data, and data moved away from their mean to 10 and 10,000 times the distance (where the
            preprocessing ends). Of every layer, at what it is given there, the worst over the rows:

              inverse error  the largest difference in an element after going through the layer and back
              roundings      that difference in units of what one rounding explains, epsilon (|s| + |J| |o|)
                             for a row s, what the layer makes of it, o, and the Jacobian J of the way
                             back; up to 32 are sound
              amplification  by how much a small error in what the layer makes of a row has grown once it
                             is back at the start: the norm of the Jacobian of that way back
              smallest, largest, condition
                             singular values of the layer's Jacobian from base to data, by power iteration
                             in both directions, and their largest ratio at one row

            Of the whole: by how much rows differ after the way there and back, in an element and as a
            share of a typical row; the conditioning, which is the sum of amplification times length over
            all values on the way, as such a share; the difference in roundings, epsilon times
            conditioning each; and by how much the log-dets of both ways fail to cancel.
            """, run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        guard let flow = run.model as? any DensityModel else {
            throw TrainingError(
                run.configuration.modelName, "is no flow of data, and an audit looks at the layers of one",
                "audit a realnvp, nsf, maf, glow or another flow")
        }
        try audit(flow, of: run, arguments, console)
    }

    private static func audit<M: DensityModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let (split, all) = try run.rows()
        let wanted = arguments[count] ?? min(max(2048 / all.rowSize, 4), 256)
        let rows = try all.rows(at: spread(wanted, over: all.count))
        let audit = try Evaluate.watched("audit", trained, draws: 100, unit: "%", console) {
            try trained.audit(
                rows, seed: arguments[Common.seed], iterations: arguments[iterations],
                batchSize: arguments[batchSize])
        }
        let head: JSONTree = [
            "run": .string(run.name), "model": .string(run.configuration.modelName), "data": .string(run.source),
            "split": .string(split.rawValue), "count": .integer(rows.count),
            "precision": .string(trained.precision.rawValue),
        ]
        try console.report(head.adding(run.origin(of: trained)).adding(audit.json)) { _ in
            let title = "\(run.configuration.modelName) \(run.place(of: trained)), \(trained.precision.rawValue)"
            return "\(title), \(run.source), \(split.rawValue) split\n\n\(audit.text)"
        }
    }

    /// So many of the first `total` numbers, in even steps; all where there are no more.
    private static func spread(_ count: Int, over total: Int) -> [Int] {
        count >= total ? Array(0..<total) : (0..<count).map { $0 * total / count }
    }
}
