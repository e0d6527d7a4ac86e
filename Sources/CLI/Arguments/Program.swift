/// A verb of the command line: what it takes, and what it does.
struct Verb: Sendable {
    let name: String
    /// One line.
    let summary: String
    var positionals: [any AnyPositional] = []
    var options: [any AnyOption] = []
    /// A complete call, without the program's name.
    let example: String
    /// What a help should explain besides, laid out as it is to be read; lines of at most 100 characters.
    var details: String?
    var run: @Sendable (Arguments, Console) throws -> Void = { _, _ in }

    /// `pushforward train MODEL [options]`
    var usage: String {
        let places = positionals.map { $0.isOptional ? "[\($0.placeholder)]" : $0.placeholder }
        return (["pushforward", name] + places + (options.isEmpty ? [] : ["[options]"])).joined(separator: " ")
    }
}

/// All verbs.
struct Program: Sendable {
    let summary: String
    let example: String
    let verbs: [Verb]

    /// What a command line asks for.
    enum Call: Sendable {
        case help(String)
        case verb(Verb, Arguments)
    }

    /// - Parameter words: The command line without the program's name.
    /// - Throws: `UsageError` for anything unknown (it names the nearest known), missing, malformed or given twice.
    func parse(_ words: [String]) throws(UsageError) -> Call {
        guard let first = words.first else { throw UsageError("no verb is given; see pushforward --help") }
        if Self.isHelp(first) { return .help(help) }
        guard !first.hasPrefix("-") else {
            throw UsageError("a verb comes before \(first); see pushforward --help")
        }
        guard let verb = verbs.first(where: { $0.name == first }) else {
            throw .unknown("verb", first, among: verbs.map(\.name))
        }
        let rest = words.dropFirst()
        if rest.prefix(while: { $0 != "--" }).contains(where: Self.isHelp) { return .help(verb.help) }
        return .verb(verb, try Arguments.parse(rest, for: verb))
    }

    private static func isHelp(_ word: String) -> Bool { word == "--help" || word == "-h" }
}
