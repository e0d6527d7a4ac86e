/// The widest line of any help.
private let columns = 100

extension Program {
    var help: String {
        """
        \(summary)

        Usage: pushforward VERB [options]

        \(aligned(verbs.map { ($0.name, $0.summary) }))

        Every verb explains its options: pushforward VERB --help

        Example: pushforward \(example)
        """
    }
}

extension Verb {
    var help: String {
        var parts = [wrapped(summary, width: columns), "Usage: \(usage)"]
        if !positionals.isEmpty { parts.append(aligned(positionals.map { ($0.placeholder, $0.help) })) }
        let options = options.map { ($0.label.synopsis, $0.label.explanation) }
        parts.append("Options:\n" + aligned(options + [("--help", "this text")]))
        if let details { parts.append(details) }
        parts.append("Example: pushforward \(example)")
        return parts.joined(separator: "\n\n")
    }
}

extension Label {
    /// `--learning-rate, --lr X`
    fileprivate var synopsis: String {
        names.joined(separator: ", ") + (placeholder.map { " \($0)" } ?? "")
    }

    fileprivate var explanation: String {
        help + (defaultText.map { " (default: \($0))" } ?? "") + (isRepeated ? " (repeatable)" : "")
    }
}

/// Two columns: names, and text that wraps in its own column. A name that is too long for its column stands on its own
/// line.
private func aligned(_ rows: [(name: String, text: String)]) -> String {
    let widest = 30
    let width = rows.map(\.name.count).filter { $0 <= widest }.max() ?? widest
    return rows.map { row in
        let margin = String(repeating: " ", count: width + 4)
        let text = wrapped(row.text, width: columns - margin.count).replacing("\n", with: "\n" + margin)
        if row.name.count > width { return "  \(row.name)\n\(margin)\(text)" }
        return "  " + row.name + String(repeating: " ", count: width - row.name.count + 2) + text
    }
    .joined(separator: "\n")
}

/// Breaks at spaces; a word that is longer than the width stays whole.
private func wrapped(_ text: String, width: Int) -> String {
    var lines: [String] = []
    for word in text.split(separator: " ") {
        if let line = lines.last, line.count + 1 + word.count <= width {
            lines[lines.count - 1] = "\(line) \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines.joined(separator: "\n")
}
