extension JSONTree {
    /// Two spaces per level, keys sorted, lists of plain values on one line: equal trees give equal text. No final line
    /// break.
    public var pretty: String { text(indentation: 0) }

    /// One line, keys in the order they were given.
    public var compact: String {
        switch self {
        case .array(let elements): "[" + elements.map(\.compact).joined(separator: ", ") + "]"
        case .object(let object):
            "{" + object.entries.map { "\(Self.quoted($0.key)): \($0.value.compact)" }.joined(separator: ", ") + "}"
        default: scalarText
        }
    }

    private func text(indentation: Int) -> String {
        let outer = String(repeating: " ", count: indentation)
        let inner = outer + "  "
        switch self {
        case .array(let elements) where elements.contains(where: \.isNonEmptyContainer):
            let lines = elements.map { inner + $0.text(indentation: indentation + 2) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let object) where !object.keys.isEmpty:
            let lines = object.entries.sorted { $0.key < $1.key }.map {
                "\(inner)\(Self.quoted($0.key)): \($0.value.text(indentation: indentation + 2))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
        default: return compact
        }
    }

    private var isNonEmptyContainer: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let object): !object.keys.isEmpty
        default: false
        }
    }

    private var scalarText: String {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .number(let number): number.literal
        case .string(let text): Self.quoted(text)
        case .null, .array, .object: "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
