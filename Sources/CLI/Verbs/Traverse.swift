import Foundation
import Pushforward

/// Moves one latent at a time.
enum Traverse {
    enum Order: String, CaseIterable, Sendable { case index, kl }

    static let latents = Option(
        "--latents", "LIST", .selection, default: .all, defaultText: "all", help: "which latents: 0,3,7 or all")
    static let range = Option("--range", "A:B", .interval, default: -3...3, help: "values that a latent takes")
    static let frames = Option("--frames", "N", .integer(atLeast: 2), default: 11, help: "how many values")
    static let order = Option(
        "--order", "O", .choice(Order.self), default: .index,
        help: "index, or kl: those that carry most information first")
    static let row = Option(
        "--row", "I", .integer(atLeast: 0), defaultText: "the origin",
        help: "start from this row's code; else the other latents are 0")

    static let verb = Verb(
        name: "traverse", summary: "move one latent at a time: a row of pictures for each", positionals: [Common.run],
        options: [
            latents, range, frames, order, row, Common.data, Common.split, Common.out, Common.checkpoint,
            Common.weights,
        ]
            + Common.execution,
        example: "traverse runs/conv-vae-fashion-mnist --order kl --range -3:3", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try traverse(run.encodingModel(), of: run, arguments, console)
    }

    private static func traverse<M: EncodingModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let shape = try trained.latentShape()
        let size = shape.reduce(1, *)
        var chosen = try indices(arguments[latents], size)
        let frames = arguments[frames]
        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "traversal.png" : "traversal.npy")
        try file.check(count: chosen.count * frames, rowShape: trained.rowShape)

        var base = [Double](repeating: 0, count: size)
        var information: [Double]?
        if arguments.given(row) || arguments[order] == .kl {
            let (_, rows) = try run.rows()
            if let row = arguments[row] { base = try trained.encode(rows.rows(at: [row]), batchSize: 1).mean.doubles }
            if arguments[order] == .kl {
                let codes = try trained.encode(rows[..<min(1024, rows.count)])
                let kl = try Self.information(codes, run.configuration.modelName)
                chosen.sort { (kl[$1], $0) < (kl[$0], $1) }
                information = chosen.map { kl[$0] }
            }
        }
        let (low, high) = (arguments[range].lowerBound, arguments[range].upperBound)
        let values = (0..<frames).map { low + (high - low) * Double($0) / Double(frames - 1) }
        let codes = chosen.flatMap { latent in
            values.map { value in
                var code = base
                code[latent] = value
                return code
            }
        }
        let work = PieceWork("traverse", count: codes.count, batchSize: 256, console)
        try file.write("frames", count: codes.count, piece: work.piece, columns: frames) { piece in
            try work.done(piece) {
                let piece = try HostArray(codes: Array(codes[piece]), shape: shape, trained.precision)
                return try trained.decode(piece)
            }
        }
        work.finish()
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "latents": .integers(chosen),
            "range": [.double(low), .double(high)], "frames": .integer(frames),
            "row": arguments[row].map { .integer($0) } ?? .null, "order": .string(arguments[order].rawValue),
            "kl": information.map { .array($0.map { .double($0) }) } ?? .null, "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in
            var text = "\(counted(chosen.count, "latent")), \(frames) values from \(low) to \(high): \(file.path)"
            if let information {
                let rows = zip(chosen, information).map { ("latent \($0)", String(format: "%.3f nats", $1)) }
                text += "\nfrom top to bottom, KL(q(z|x) || p(z)) over the data:\n"
                text += columns(rows.map { (name: $0.0, text: $0.1) }, indentation: 2)
            }
            return text
        }
    }

    private static func indices(_ selection: Selection, _ size: Int) throws(UsageError) -> [Int] {
        switch selection {
        case .all: return Array(0..<size)
        case .indices(let indices):
            if let outside = indices.first(where: { $0 >= size }) {
                throw UsageError("--latents: there is no latent \(outside); the model has 0 to \(size - 1)")
            }
            return indices
        }
    }

    /// The mean of KL(q(z|x) || N(0, 1)) over some rows for each latent, in nats (Kingma and Welling 2014, appendix B).
    private static func information(_ codes: Codes, _ model: String) throws -> [Double] {
        guard let deviation = codes.standardDeviation?.doubles, let rows = codes.mean.shape.first, rows > 0 else {
            throw TrainingError(model, "its encoder gives no distribution", "use --order index")
        }
        let means = codes.mean.doubles
        let size = means.count / rows
        var kl = [Double](repeating: 0, count: size)
        for (index, (mean, deviation)) in zip(means, deviation).enumerated() {
            kl[index % size] += (mean * mean + deviation * deviation - 1 - log(deviation * deviation)) / 2
        }
        return kl.map { $0 / Double(rows) }
    }
}
