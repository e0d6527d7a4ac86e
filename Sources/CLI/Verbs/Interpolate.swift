import Pushforward

/// Walks between two data points in latent space.
enum Interpolate {
    static let from = Option("--from", "I", .integer(atLeast: 0), default: 0, help: "row to start from")
    static let to = Option("--to", "J", .integer(atLeast: 0), default: 1, help: "row to arrive at")
    static let frames = Option(
        "--frames", "N", .integer(atLeast: 2), default: 10, help: "pictures on the way, both ends included")
    static let path = Option(
        "--path", "P", .choice(LatentPath.self), default: .linear, help: "linear, or spherical: along a great circle")

    static let verb = Verb(
        name: "interpolate", summary: "walk between two data points in latent space", positionals: [Common.run],
        options: [from, to, frames, path, Common.data, Common.split, Common.out, Common.checkpoint, Common.weights]
            + Common.execution,
        example: "interpolate runs/conv-vae-fashion-mnist --from 0 --to 7 --frames 12", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try interpolate(run.encodingModel(), of: run, arguments, console)
    }

    private static func interpolate<M: EncodingModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try run.trained(model)
        let (split, rows) = try run.rows()
        let ends = try rows.rows(at: [arguments[from], arguments[to]])
        let frames = arguments[frames]
        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "interpolation.png" : "interpolation.npy")
        try file.check(count: frames, rowShape: trained.rowShape)
        try file.write(columns: frames) {
            let mean = try trained.encode(ends, batchSize: 2).mean
            let codes = mean.doubles
            let (a, b) = (Array(codes[..<(codes.count / 2)]), Array(codes[(codes.count / 2)...]))
            let path = arguments[path].codes(from: a, to: b, frames: frames)
            let steps = try HostArray(codes: path, shape: trained.latentShape(), mean.type.scalar)
            return [("frames", try trained.decode(steps, batchSize: frames)), ("codes", steps)]
        }
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "data": .string(run.source),
            "split": .string(split.rawValue), "from": .integer(arguments[from]), "to": .integer(arguments[to]),
            "frames": .integer(frames), "path": .string(arguments[path].rawValue), "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in
            "\(counted(frames, "frame")) from row \(arguments[from]) to row \(arguments[to]): \(file.path)"
        }
    }
}
