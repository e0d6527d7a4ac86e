/// Why a configuration could not be used. Each message is one line that names the full dotted key.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The text is no JSON.
    case syntax(source: String, line: Int, column: Int, message: String)
    /// There is no such key; `nearest` is the key most like it.
    case unknownKey(_ key: String, nearest: String?)
    /// A value of the wrong type or out of range.
    case badValue(_ key: String, value: String, expected: String)
    /// A key that has no default was left out.
    case missingKey(_ key: String)

    public var description: String {
        switch self {
        case .syntax(let source, let line, let column, let message): "\(source):\(line):\(column): \(message)"
        case .unknownKey(let key, let nearest):
            "unknown key \(key)" + (nearest.map { "; did you mean \($0)?" } ?? "; no keys are known here")
        case .badValue(let key, let value, let expected):
            "bad value for \(key): \(Self.shortened(value)) is not \(expected)"
        case .missingKey(let key): "the key \(key) is missing"
        }
    }

    private static func shortened(_ text: String) -> String {
        text.count <= 60 ? text : text.prefix(57) + "..."
    }
}

/// A place in a tree, written `model.layers[2].width`.
struct KeyPathText {
    static func appending(_ key: String, to path: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    static func appending(_ index: Int, to path: String) -> String { "\(path)[\(index)]" }

    static func text(_ path: [any CodingKey]) -> String {
        path.reduce("") { text, key in
            key.intValue.map { appending($0, to: text) } ?? appending(snakeCase(key.stringValue), to: text)
        }
    }
}

/// `learningRate` as `learning_rate`, `imageURL` as `image_url`; text that is in snake case already stays as it is.
func snakeCase(_ name: String) -> String {
    let letters = Array(name)
    var result = ""
    for (index, letter) in letters.enumerated() {
        guard letter.isUppercase else {
            result.append(letter)
            continue
        }
        let previous = index > 0 ? letters[index - 1] : "_"
        let next = index + 1 < letters.count ? letters[index + 1] : "_"
        if previous.isLowercase || previous.isNumber || (previous.isUppercase && next.isLowercase) {
            result.append("_")
        }
        result += letter.lowercased()
    }
    return result
}
