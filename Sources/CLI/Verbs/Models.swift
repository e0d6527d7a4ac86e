import Pushforward

/// The models that go by a name, and their options.
enum Models {
    static let name = Positional(optional: "NAME", .model, help: "show this model's options, with defaults")

    static let verb = Verb(
        name: "models", summary: "list the models, or the options of one", positionals: [name], options: [Common.json],
        example: "models conv-vae", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        if let name = try arguments.value(name), let entry = ModelCatalog.entry(name) {
            return try show(entry, console)
        }
        let models = ModelCatalog.entries.map { entry -> JSONTree in
            ["name": .string(entry.name), "summary": .string(entry.summary)]
        }
        try console.report(["models": .array(models)] as JSONTree) { _ in
            columns(ModelCatalog.entries.map { ($0.name, $0.summary) })
        }
    }

    private static func show(_ entry: ModelCatalog.Entry, _ console: Console) throws {
        let defaults = try JSONTree(encoding: entry.model)
        let options = entry.options.map { option -> JSONTree in
            [
                "key": .string("model.\(option.key)"), "default": defaults[option.key] ?? .null,
                "meaning": .string(option.meaning),
            ]
        }
        let result: JSONTree = [
            "name": .string(entry.name), "summary": .string(entry.summary), "epochs": .integer(entry.epochs),
            "batch_size": .integer(entry.batchSize), "learning_rate": .double(entry.learningRate),
            "options": .array(options),
        ]
        try console.report(result) { _ in
            let rows = entry.options.map { option in
                (name: "model.\(option.key)=\(text(defaults[option.key]))", text: option.meaning)
            }
            return """
                \(entry.name): \(entry.summary)

                Options, set by --set or in a configuration file:
                \(columns(rows, indentation: 2))

                Trains for \(counted(entry.epochs, "epoch")) with batch size \(entry.batchSize) and learning rate \
                \(entry.learningRate) unless told otherwise.
                """
        }
    }

    /// As it is written after `--set KEY=`.
    private static func text(_ value: JSONTree?) -> String {
        if let string = value?.string { return string }
        return value?.compact.replacing(", ", with: ",") ?? ""
    }
}

extension ValueKind where Value == String {
    /// The name of a model in the catalogue.
    static var model: Self {
        let names = ModelCatalog.entries.map(\.name)
        return Self("a model (\(names.joined(separator: ", ")))", choices: names) { names.contains($0) ? $0 : nil }
    }
}
