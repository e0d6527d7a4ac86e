import Pushforward

/// The data sets that go by a name.
enum Datasets {
    static let verb = Verb(
        name: "datasets", summary: "list the data sets that go by a name", options: [Common.json], example: "datasets",
        run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
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
}
