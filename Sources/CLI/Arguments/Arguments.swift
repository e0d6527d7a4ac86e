/// What was given to a verb.
struct Arguments: Sendable {
    fileprivate(set) var options: [String: any Sendable] = [:]
    fileprivate(set) var positionals: [String: any Sendable] = [:]

    subscript<Value>(option: Option<Value>) -> Value { options[option.label.name] as? Value ?? option.absent }

    /// Whether an option was given at all, be it with its default's value.
    func given(_ option: some AnyOption) -> Bool { options[option.label.name] != nil }

    /// - Throws: `UsageError` only for a positional that the verb does not declare: parsing has seen to the others.
    func value<Value>(_ positional: Positional<Value>) throws(UsageError) -> Value {
        if let value = positionals[positional.placeholder] as? Value ?? positional.absent { return value }
        throw UsageError("\(positional.placeholder) is missing")
    }

    /// - Throws: `UsageError`, see `Program.parse`.
    static func parse(_ words: some Sequence<String>, for verb: Verb) throws(UsageError) -> Arguments {
        var parser = ArgumentParser(verb: verb, words: Array(words))
        return try parser.parse()
    }
}

private struct ArgumentParser {
    let verb: Verb
    var words: [String]
    var position = 0
    var arguments = Arguments()
    var positionals = 0

    init(verb: Verb, words: [String]) {
        self.verb = verb
        self.words = words
    }

    mutating func parse() throws(UsageError) -> Arguments {
        var onlyPositionals = false
        while position < words.count {
            let word = words[position]
            position += 1
            if onlyPositionals || !looksLikeOption(word) {
                try takePositional(word)
            } else if word == "--" {
                onlyPositionals = true
            } else {
                try takeOption(word)
            }
        }
        if let missing = verb.positionals.dropFirst(positionals).first(where: { !$0.isOptional }) {
            throw UsageError("\(missing.placeholder) is missing; usage: \(verb.usage)")
        }
        return arguments
    }

    /// `-3`, `-.5:2` and `-` are values, not options.
    private func looksLikeOption(_ word: String) -> Bool {
        guard word.first == "-", let second = word.dropFirst().first else { return false }
        return !(second.isNumber || second == ".")
    }

    private mutating func takeOption(_ word: String) throws(UsageError) {
        let equals = word.firstIndex(of: "=")
        let name = equals.map { String(word[..<$0]) } ?? word
        let attached = equals.map { String(word[word.index(after: $0)...]) }
        guard let option = verb.options.first(where: { $0.label.names.contains(name) }) else {
            throw .unknown("option", name, among: verb.options.flatMap(\.label.names) + ["--help"])
        }
        let label = option.label
        let earlier = arguments.options[label.name]
        if earlier != nil, !label.isRepeated { throw UsageError("\(label.name) is given twice") }

        var text: String?
        if let placeholder = label.placeholder {
            text = attached ?? nextValue()
            guard text != nil else { throw UsageError("\(name) needs a value: \(name) \(placeholder)") }
        } else if let attached {
            throw UsageError("\(name) takes no value, yet '\(attached)' is given")
        }
        arguments.options[label.name] = try option.value(of: text, after: earlier)
    }

    /// The next word, unless it is the next option; a value that starts with two dashes is written `--option=--value`.
    private mutating func nextValue() -> String? {
        guard position < words.count, !words[position].hasPrefix("--"), words[position] != "-h" else { return nil }
        defer { position += 1 }
        return words[position]
    }

    private mutating func takePositional(_ word: String) throws(UsageError) {
        guard positionals < verb.positionals.count else {
            throw UsageError("'\(word)' is one argument too many; usage: \(verb.usage)")
        }
        let positional = verb.positionals[positionals]
        positionals += 1
        arguments.positionals[positional.placeholder] = try positional.value(of: word)
    }
}
