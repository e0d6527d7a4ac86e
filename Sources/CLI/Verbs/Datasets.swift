import Foundation
import Pushforward

/// The data sets that go by a name; what is in one of them or in files, and its rows as arrays.
enum Datasets {
    static let name = Positional(
        optional: "NAME|PATH", .path, help: "say what is in this one: a built-in name, a file or a folder")
    static let out = Option(
        "--out", "FOLDER", .path,
        help: "write its rows there for other programs: train.npy, test.npy, and labels and factors where there are any"
    )

    static let verb = Verb(
        name: "datasets", summary: "list the data sets that go by a name, or show or write one", positionals: [name],
        options: [out, Common.json], example: "datasets two-moons --out moons", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        if let source = try arguments.value(name) { return try show(source, arguments[out], console) }
        guard !arguments.given(out) else {
            throw UsageError("--out: which data set is to be written? usage: \(verb.usage)")
        }
        let entries = Dataset.catalog
        let datasets = entries.map { entry -> JSONTree in
            [
                "name": .string(entry.name), "summary": .string(entry.summary),
                "is_installed": .bool(entry.isInstalled),
                "installation": entry.installation.map { .string($0) } ?? .null,
            ]
        }
        try console.report(["datasets": .array(datasets)] as JSONTree) { _ in
            let rows = entries.map { entry in
                let missing = entry.isInstalled ? "" : "; not installed: \(entry.installation ?? "")"
                return (name: entry.name, text: entry.summary + missing)
            }
            return columns(rows)
                + "\n\nOr give --data a path: a folder of IDX or .png files, or a .npy, .npz, .amat or .csv file."
        }
    }

    private static func show(_ source: String, _ folder: String?, _ console: Console) throws {
        let data = try Dataset.load(source)
        let entropy = Dataset.catalog.first { $0.name == source }?.entropy
        let files = try folder.map { folder in try data.write(to: folder).map { "\(folder)/\($0)" } } ?? []
        let labels = data.train.labels
        let classes = labels.map { Set($0).count }
        let factors = data.train.factors?.names
        let extent = data.train.extent
        let counts = try data.splits.map { (name: $0.rawValue, count: try data.split($0).count) }
        let result: JSONTree = [
            "name": .string(data.name), "shape": .integers(data.train.shape),
            "count": counts.reduce([:]) { $0.adding([$1.name: .integer($1.count)]) },
            "least": extent.map { .double(Double($0.lowerBound)) } ?? .null,
            "greatest": extent.map { .double(Double($0.upperBound)) } ?? .null,
            "classes": classes.map { .integer($0) } ?? .null,
            "factors": factors.map { .array($0.map { .string($0) }) } ?? .null,
            "entropy": entropy.map { .double($0) } ?? .null, "files": .array(files.map { .string($0) }),
        ]
        try console.report(result) { _ in
            var lines = [
                "\(data.name): rows of \(sizes(data.train.shape)), "
                    + counts.map { "\(grouped($0.count)) \($0.name)" }.joined(separator: ", ")
            ]
            if let extent { lines.append("values from \(extent.lowerBound) to \(extent.upperBound)") }
            if let classes { lines.append("\(grouped(classes)) \(classes == 1 ? "class" : "classes")") }
            if let factors { lines.append("known factors: \(factors.joined(separator: ", "))") }
            if let entropy { lines.append(String(format: "entropy %.6f nats", entropy)) }
            return (lines + files.map { "wrote \($0)" }).joined(separator: "\n")
        }
    }
}
