extension JSONTree {
    /// Reads JSON in which `//` and `/* */` comments and trailing commas are allowed, as people write configurations.
    ///
    /// - Parameters:
    ///   - text: One document.
    ///   - source: What an error names as the place, usually the file's path.
    /// - Throws: `ConfigurationError.syntax` with line and column. A key given twice is an error.
    public init(parsing text: String, source: String) throws(ConfigurationError) {
        var parser = JSONParser(bytes: Array(text.utf8), source: source)
        self = try parser.document()
    }
}

/// A recursive-descent parser over UTF-8. (Foundation's JSON5 mode accepts comments too, but loses the order of keys
/// and the text of numbers, and its errors name no line.)
private struct JSONParser {
    let bytes: [UInt8]
    let source: String
    var position = 0
    /// Guards the stack against `[[[[...`.
    var depth = 0

    init(bytes: [UInt8], source: String) {
        self.bytes = bytes
        self.source = source
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func document() throws(ConfigurationError) -> JSONTree {
        try skipSpace()
        let tree = try value()
        try skipSpace()
        if current != nil { throw failure("something follows the end of the document") }
        return tree
    }

    mutating func value() throws(ConfigurationError) -> JSONTree {
        switch current {
        case nil: throw failure("the text ends where a value is expected")
        case UInt8(ascii: "{"): return try nested { (parser) throws(ConfigurationError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(ConfigurationError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        default: return try word()
        }
    }

    mutating func nested(
        _ body: (inout JSONParser) throws(ConfigurationError) -> JSONTree
    ) throws(ConfigurationError) -> JSONTree {
        guard depth < 200 else { throw failure("nested more than 200 deep") }
        depth += 1
        let tree = try body(&self)
        depth -= 1
        return tree
    }

    mutating func object() throws(ConfigurationError) -> JSONTree {
        position += 1
        var object = JSONObject()
        while true {
            try skipSpace()
            if take("}") { return .object(object) }
            guard current == UInt8(ascii: "\"") else { throw failure("expected a key in double quotes or '}'") }
            let keyPosition = position
            let key = try string()
            guard object[key] == nil else { throw failure("the key \"\(key)\" is given twice", at: keyPosition) }
            try skipSpace()
            guard take(":") else { throw failure("expected ':' after the key \"\(key)\"") }
            try skipSpace()
            object[key] = try value()
            try skipSpace()
            if take(",") { continue }
            guard take("}") else { throw failure("expected ',' or '}' after the value of \"\(key)\"") }
            return .object(object)
        }
    }

    mutating func array() throws(ConfigurationError) -> JSONTree {
        position += 1
        var elements: [JSONTree] = []
        while true {
            try skipSpace()
            if take("]") { return .array(elements) }
            elements.append(try value())
            try skipSpace()
            if take(",") { continue }
            guard take("]") else { throw failure("expected ',' or ']' in a list") }
            return .array(elements)
        }
    }

    mutating func word() throws(ConfigurationError) -> JSONTree {
        let start = position
        while let byte = current, isWordByte(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "":
            position += 1
            throw failure("unexpected character", at: start)
        default:
            guard isNumber(bytes[start..<position]) else {
                throw failure("'\(text)' is no JSON value (strings take double quotes)", at: start)
            }
            guard let number = JSONNumber(text: text) else {
                throw failure("the number \(text) is out of range", at: start)
            }
            return .number(number)
        }
    }

    /// JSON's grammar: an integer without leading zeros, then perhaps a fraction, then perhaps an exponent.
    func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        func take(_ allowed: String) -> Bool {
            guard let first = rest.first, allowed.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        func takeDigits() -> Bool {
            let count = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }.count
            rest = rest.dropFirst(count)
            return count > 0
        }
        _ = take("-")
        guard take("0") || takeDigits() else { return false }
        if take("."), !takeDigits() { return false }
        if take("eE") {
            _ = take("+-")
            guard takeDigits() else { return false }
        }
        return rest.isEmpty
    }

    func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "'"):
            true
        default: byte >= 0x80
        }
    }

    mutating func string() throws(ConfigurationError) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("a string that is not UTF-8", at: start)
                }
                return string
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape().utf8)
            case 0..<0x20: throw failure("a line break or control character inside a string", at: position - 1)
            default: text.append(byte)
            }
        }
        throw failure("a string without its closing quote", at: start)
    }

    mutating func escape() throws(ConfigurationError) -> String {
        let start = position - 1
        guard let byte = current else { throw failure("a string without its closing quote", at: start) }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "u"):
            var units = [try hexadecimal(from: start)]
            if UTF16.isLeadSurrogate(units[0]), take("\\"), take("u") { units.append(try hexadecimal(from: start)) }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw failure("half a surrogate pair in a string", at: start)
            }
            return text
        default: throw failure("an unknown escape in a string", at: start)
        }
    }

    mutating func hexadecimal(from start: Int) throws(ConfigurationError) -> UInt16 {
        let end = position + 4
        guard end <= bytes.count,
            bytes[position..<end].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        else { throw failure("\\u takes four hexadecimal digits", at: start) }
        position = end
        return unit
    }

    /// Steps over white space and comments.
    mutating func skipSpace() throws(ConfigurationError) {
        while let byte = current {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "/"):
                let start = position
                position += 1
                if take("/") {
                    while let byte = current, byte != UInt8(ascii: "\n") { position += 1 }
                } else if take("*") {
                    while !bytes[position...].starts(with: "*/".utf8) {
                        if current == nil { throw failure("a comment without its end", at: start) }
                        position += 1
                    }
                    position += 2
                } else {
                    throw failure("unexpected '/'", at: start)
                }
            default: return
            }
        }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    func failure(_ message: String, at place: Int? = nil) -> ConfigurationError {
        let before = bytes[..<min(place ?? position, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
        return .syntax(source: source, line: line, column: column, message: message)
    }
}
