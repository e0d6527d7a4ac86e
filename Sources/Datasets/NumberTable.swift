/// Numbers in text, a row per line: .csv (separated by commas, semicolons or tabs) and .amat (by spaces).
///
/// Empty lines and lines that begin with # are skipped. A .csv may begin with a line of column names.
struct NumberTable {
    /// Row-major, [rows, columns].
    var values: [Float] = []
    var columns = 0
    /// Empty where the file names no columns.
    var header: [String] = []

    enum Separator {
        case byte(UInt8)
        /// Any run of spaces and tabs.
        case space
    }

    var rows: Int { columns == 0 ? 0 : values.count / columns }

    /// Throws, naming line and column (counted from 1), where a field is no finite number or lines differ in length.
    init(_ text: [UInt8], _ place: String, allowsHeader: Bool) throws(DatasetError) {
        let start = text.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        let separator = allowsHeader ? Self.separator(of: text[start...]) : .space
        // Throwing from within the closure would lose the error's type.
        var failure: DatasetError?
        text.withUnsafeBufferPointer { buffer in
            do throws(DatasetError) {
                try read(.init(rebasing: buffer[start...]), separator, place, allowsHeader)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard columns > 0, !values.isEmpty else {
            throw DatasetError(place, "holds no rows of numbers", "write one row per line")
        }
    }

    private mutating func read(
        _ text: UnsafeBufferPointer<UInt8>, _ separator: Separator, _ place: String, _ allowsHeader: Bool
    ) throws(DatasetError) {
        var position = 0
        var line = 0
        while position < text.count {
            line += 1
            var end = position
            while end < text.count, text[end] != newline { end += 1 }
            let next = end + 1
            let content = Self.trimmed(text, position..<end)
            defer { position = next }
            if content.isEmpty || text[content.lowerBound] == UInt8(ascii: "#") { continue }
            let fields = columns == 0 ? Self.fields(text, content, separator) : nil
            if let fields {
                columns = fields.count
                if allowsHeader, header.isEmpty, fields.contains(where: { Self.isName(text, $0) }) {
                    header = fields.map { String(decoding: text[Self.unquoted(text, $0)], as: UTF8.self) }
                    columns = 0
                    // The first row of numbers is counted on its own.
                    continue
                }
                values.reserveCapacity((text.count / max(next - position, 1) + 1) * columns)
                guard header.isEmpty || header.count == columns else {
                    throw DatasetError(
                        place, "line \(line) has \(columns) columns, its header names \(header.count)", "repair it")
                }
            }
            let before = values.count
            try Self.eachField(text, content, separator) { field throws(DatasetError) in
                let column = values.count - before + 1
                guard let value = number(text, Self.unquoted(text, field)) else {
                    let shown = String(decoding: text[field].prefix(40), as: UTF8.self)
                    let what = shown.isEmpty ? "empty" : "\"\(shown)\", no number"
                    throw DatasetError(
                        place, "line \(line), column \(column) is \(what)",
                        "every field has to be a number")
                }
                guard value.isFinite else {
                    throw DatasetError(
                        place, "line \(line), column \(column) is \(value.isNaN ? "NaN" : "infinite")",
                        "replace or drop such values (lines and columns count from 1)")
                }
                values.append(value)
            }
            guard values.count - before == columns else {
                throw DatasetError(
                    place, "line \(line) has \(values.count - before) columns, the rows before it \(columns)",
                    "it may be cut short: repair it")
            }
        }
    }

    private static func separator(of text: ArraySlice<UInt8>) -> Separator {
        for candidate in [",", ";", "\t"] as [Unicode.Scalar] {
            for line in text.lazy.split(separator: newline, maxSplits: 20).prefix(20) {
                if line.first == UInt8(ascii: "#") { continue }
                if line.contains(UInt8(ascii: candidate)) { return .byte(UInt8(ascii: candidate)) }
            }
        }
        return .space
    }

    private static func isName(_ text: UnsafeBufferPointer<UInt8>, _ field: Range<Int>) -> Bool {
        let field = unquoted(text, field)
        return !field.isEmpty && number(text, field) == nil
    }
}

// MARK: - Fields

private let newline = UInt8(ascii: "\n")

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

extension NumberTable {
    private static func trimmed(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high, isSpace(text[low]) { low += 1 }
        while low < high, isSpace(text[high - 1]) { high -= 1 }
        return low..<high
    }

    private static func unquoted(_ text: UnsafeBufferPointer<UInt8>, _ field: Range<Int>) -> Range<Int> {
        let quote = UInt8(ascii: "\"")
        guard field.count >= 2, text[field.lowerBound] == quote, text[field.upperBound - 1] == quote else {
            return field
        }
        return field.lowerBound + 1..<field.upperBound - 1
    }

    private static func eachField(
        _ text: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, _ separator: Separator,
        _ body: (Range<Int>) throws(DatasetError) -> Void
    ) throws(DatasetError) {
        var start = line.lowerBound
        switch separator {
        case .byte(let separator):
            while true {
                var end = start
                while end < line.upperBound, text[end] != separator { end += 1 }
                try body(trimmed(text, start..<end))
                if end >= line.upperBound { return }
                start = end + 1
            }
        case .space:
            while start < line.upperBound {
                var end = start
                while end < line.upperBound, !isSpace(text[end]) { end += 1 }
                try body(start..<end)
                while end < line.upperBound, isSpace(text[end]) { end += 1 }
                start = end
            }
        }
    }

    private static func fields(
        _ text: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, _ separator: Separator
    ) -> [Range<Int>] {
        var fields: [Range<Int>] = []
        // The body does not throw, so neither does this.
        try? eachField(text, line, separator) { fields.append($0) }
        return fields
    }
}

private let powersOfTen: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1.0) { power, _ in power * 10 } }

/// The number that a field spells; `nil` where it spells none.
private func number(_ text: UnsafeBufferPointer<UInt8>, _ field: Range<Int>) -> Float? {
    // Up to 15 digits and a small power of ten: both exact as Double, so that one division rounds correctly.
    var position = field.lowerBound
    let end = field.upperBound
    guard position < end else { return nil }
    let isNegative = text[position] == UInt8(ascii: "-")
    if isNegative || text[position] == UInt8(ascii: "+") { position += 1 }
    var digits = 0
    var decimals = 0
    var mantissa: Int64 = 0
    var sawPoint = false
    while position < end {
        let byte = text[position]
        if byte >= 0x30, byte <= 0x39 {
            digits += 1
            if digits > 15 { break }
            mantissa = mantissa * 10 + Int64(byte - 0x30)
            if sawPoint { decimals += 1 }
        } else if byte == UInt8(ascii: "."), !sawPoint {
            sawPoint = true
        } else {
            break
        }
        position += 1
    }
    if position == end, digits > 0 {
        let value = Double(mantissa) / powersOfTen[decimals]
        return Float(isNegative ? -value : value)
    }
    return Double(String(decoding: text[field], as: UTF8.self)).map { Float($0) }
}
