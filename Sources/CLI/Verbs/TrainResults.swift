import Foundation
import Pushforward

/// What a finished training leaves in its run folder and says: figures, pictures, a report.
struct TrainResults<M: Model> {
    private let trained: Trained<M>
    private let folder: RunFolder
    private let split: Dataset.Split
    private let rows: Rows
    private let source: String
    private let console: Console

    init(
        _ training: Training<M>, _ folder: RunFolder, _ dataset: Dataset, source: String, _ console: Console
    ) throws {
        trained = try training.finish()
        self.folder = folder
        split = dataset.heldOutSplit
        rows = try dataset.split(split)
        self.source = source
        self.console = console
    }

    private struct Picture {
        let name: String
        let caption: String
        let path: String
        /// Whether its pixels are too fine to be shown as squares.
        var isSmooth = false
    }

    func report(_ summary: TrainingSummary, seconds: Double) throws {
        let pictures = try pictures()
        let evaluation = try Evaluate.evaluate(trained, rows, console)
        let page = folder.path + "/report.html"
        try htmlReport(evaluation, pictures).write(to: page)

        var result = summary.json.adding([
            "split": .string(split.rawValue), "seconds": .double((seconds * 1000).rounded() / 1000),
        ])
        result = result.adding(evaluation.json)
        for picture in pictures { result = result.adding([picture.name: .string(picture.path)]) }
        result = result.adding(["report": .string(page)])
        try console.report(result) { _ in
            let places = pictures.map { (name: $0.name, text: $0.path) } + [(name: "report", text: page)]
            return "\(split.rawValue) split:\n\(evaluation)\n\n\(columns(places))"
        }
    }

    private func pictures() throws -> [Picture] {
        if trained.rowShape == [2] { return try planePictures() }
        guard ArrayFile.isImage(trained.rowShape) else {
            console.notice("rows of shape \(trained.rowShape) are no images: no pictures are written")
            return []
        }
        var result: [Picture] = []
        if let model = trained.model as? any GenerativeModel { result += try samples(of: model) }
        if let model = trained.model as? any LatentModel { result += try reconstructions(of: model) }
        return result
    }

    private func picture(
        _ name: String, _ caption: String, columns: Int, _ make: () throws -> HostArray
    ) throws -> Picture {
        try Interrupt.check()
        let path = "\(folder.path)/\(name).png"
        try ArrayFile(path).write(columns: columns) { [(name, try make())] }
        return Picture(name: name, caption: caption, path: path)
    }

    private func samples<G: GenerativeModel>(of model: G) throws -> [Picture] {
        guard let trained = trained as? Trained<G> else { return [] }
        return [try picture("samples", "Samples", columns: 8) { try trained.sample(count: 64) }]
    }

    private func reconstructions<L: LatentModel>(of model: L) throws -> [Picture] {
        guard let trained = trained as? Trained<L> else { return [] }
        let shown = try rows[..<min(32, rows.count)]
        let caption = "Rows of the \(split.rawValue) split above their reconstructions"
        return [
            try picture("reconstructions", caption, columns: Comparison.columns(shown.count)) {
                let images = try trained.reconstruct(shown)
                return Comparison.interleaved(try HostArray(shown, images.type.scalar), images)
            }
        ]
    }

    private func planePictures() throws -> [Picture] {
        var result: [Picture] = []
        if let model = trained.model as? any DensityModel { result += try density(of: model) }
        if let model = trained.model as? any GenerativeModel { result += try planeSamples(of: model) }
        if let model = trained.model as? any EncodingModel { result += try warp(of: model) }
        return result
    }

    private func plane(_ name: String, _ caption: String, _ picture: PNGImage) throws -> Picture {
        try Interrupt.check()
        let path = "\(folder.path)/\(name).png"
        try picture.write(to: path)
        return Picture(name: name, caption: caption, path: path, isSmooth: true)
    }

    private func density<D: DensityModel>(of model: D) throws -> [Picture] {
        guard let trained = trained as? Trained<D> else { return [] }
        let density = try PlanePictures(of: trained, around: rows).density()
        let brightest = ProgressLine.figureText(density.brightest)
        var caption = "Density: yellow is \(brightest) or more; mass shown \(ProgressLine.figureText(density.mass))"
        if density.notNumbers > 0 { caption += "; \(density.notNumbers) places without a number are white" }
        return [try plane("density", caption, density.picture)]
    }

    private func planeSamples<G: GenerativeModel>(of model: G) throws -> [Picture] {
        guard let trained = trained as? Trained<G> else { return [] }
        let caption = "Rows of the \(split.rawValue) split (left), samples (right)"
        return [try plane("samples", caption, PlanePictures(of: trained, around: rows).samples())]
    }

    private func warp<E: EncodingModel>(of model: E) throws -> [Picture] {
        guard let trained = trained as? Trained<E> else { return [] }
        let pictures = try PlanePictures(of: trained, around: rows)
        guard try pictures.hasWarp() else { return [] }
        let caption = "What becomes of a regular grid of \(M.self is any DensityModel.Type ? "base values" : "codes")"
        return [try plane("warp", caption, pictures.warp())]
    }

    private func htmlReport(_ evaluation: Evaluation, _ pictures: [Picture]) throws -> HTMLReport {
        let terms = evaluation.terms.filter { term in !evaluation.figures.contains { $0.name == term.name } }
        let figures = (evaluation.figures + terms).map { figure in
            let kind = figure.kind.rawValue.replacing("_", with: " ")
            let error = ProgressLine.figureText(figure.standardErrorData)
            return HTMLReport.Figure(figure.name, figure.value, unit: figure.unit, note: "\(kind), ± \(error)")
        }
        return HTMLReport(
            title: URL(fileURLWithPath: folder.path).lastPathComponent,
            subtitle: "\(M.name) on \(source), \(counted(trained.stepCount, "step"))", figures: figures,
            series: Self.curves(folder.metricsPath),
            pictures: try pictures.map {
                .init(
                    caption: $0.caption, png: try Data(contentsOf: URL(fileURLWithPath: $0.path)),
                    isSmooth: $0.isSmooth)
            },
            configuration: try JSONTree(encoding: folder.configuration()))
    }

    /// The figures of metrics.jsonl over the steps.
    private static func curves(_ path: String) -> [HTMLReport.Series] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        var names: [String] = []
        var points: [String: [(step: Int, value: Double)]] = [:]
        for line in text.split(separator: "\n") {
            guard let tree = try? JSONTree(parsing: String(line), source: path), case .object(let object) = tree,
                let step = tree["step"]?.int
            else { continue }
            for (name, value) in object.entries where name != "step" && name != "epoch" {
                guard let value = value.double else { continue }
                if points[name] == nil { names.append(name) }
                points[name, default: []].append((step, value))
            }
        }
        return names.map { name in
            let held = "validation_"
            let title = name.hasPrefix(held) ? "validation/\(name.dropFirst(held.count))" : "train/\(name)"
            return HTMLReport.Series(title, points[name] ?? [])
        }
    }
}
