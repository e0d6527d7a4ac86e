import Pushforward

/// Codes in, data out.
enum Decode {
    static let codes = Positional("CODES", .path, help: "an .npy file of codes, one per row, as encode writes them")

    static let verb = Verb(
        name: "decode", summary: "the data that codes stand for, as arrays or a picture",
        positionals: [Common.run, codes],
        options: [Sample.decoder, Common.batchSize, Common.out, Common.seed, Common.checkpoint, Common.weights]
            + Common.execution,
        example: "decode runs/conv-vae-fashion-mnist codes.npy --out images.npy", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let run = try OpenedRun(arguments)
        try decode(run.encodingModel(), of: run, arguments, console)
    }

    private static func decode<M: EncodingModel>(
        _ model: M, of run: OpenedRun, _ arguments: Arguments, _ console: Console
    ) throws {
        let source = try arguments.value(codes)
        let array = try NPYArray(contentsOf: source)
        if let index = array.floats.firstIndex(where: { !$0.isFinite }) {
            let row = index / max(array.shape.dropFirst().reduce(1, *), 1)
            throw DatasetError(source, "row \(row) holds a NaN or an infinity", "replace or drop such codes")
        }
        let codes = try HostArray(array)
        let trained = try run.trained(model)
        let latent = try trained.latentShape()
        guard codes.shape.count == latent.count + 1, Array(codes.shape.dropFirst()) == latent, codes.shape[0] > 0 else {
            throw DatasetError(
                source, "has shape \(codes.shape), but the model's codes have [rows] + \(latent)",
                "give codes that this model's encoder made")
        }
        let count = codes.shape[0]
        let file = try run.output(ArrayFile.isImage(trained.rowShape) ? "decoded.png" : "decoded.npy")
        try file.check(count: count, rowShape: trained.rowShape)
        let work = PieceWork("decode", count: count, batchSize: arguments[Common.batchSize], console)
        try file.write("decoded", count: count, piece: work.piece) { piece in
            try work.done(piece) {
                try trained.decode(
                    codes.slice(piece), output: arguments[Sample.decoder], seed: arguments[Common.seed],
                    batchSize: arguments[Common.batchSize], first: piece.lowerBound)
            }
        }
        work.finish()
        let result: JSONTree = [
            "run": .string(run.name), "out": .string(file.path), "codes": .string(source), "count": .integer(count),
            "shape": .integers([count] + trained.rowShape), "decoder": .string(arguments[Sample.decoder].rawValue),
            "step": .integer(trained.stepCount),
        ]
        try console.report(result) { _ in "\(counted(count, "row")): \(file.path)" }
    }
}

extension HostArray {
    /// Rows of the first axis.
    fileprivate func slice(_ range: Range<Int>) -> HostArray {
        let size = type.byteCount / max(shape.first ?? 1, 1)
        let part = TensorType([range.count] + shape.dropFirst(), type.scalar)
        return HostArray(part, bytes: Array(bytes[range.lowerBound * size..<range.upperBound * size])) ?? self
    }
}
