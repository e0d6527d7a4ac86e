import Pushforward

/// `1 sample`, `10,000 samples`
func counted(_ count: Int, _ what: String) -> String { "\(grouped(count)) \(what)\(count == 1 ? "" : "s")" }

/// `60,000`
func grouped(_ number: Int) -> String {
    var text = String(number.magnitude)
    var position = text.count - 3
    while position > 0 {
        text.insert(",", at: text.index(text.startIndex, offsetBy: position))
        position -= 3
    }
    return (number < 0 ? "-" : "") + text
}

/// `1 x 28 x 28`
func sizes(_ shape: [Int]) -> String { shape.isEmpty ? "1" : shape.map { "\($0)" }.joined(separator: " x ") }

/// `12.3 MB`, in powers of ten.
func bytes(_ count: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(count), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(count) bytes" : "\(ProgressLine.rateText(value)) \(units[unit])"
}

/// Names and texts in two columns.
func columns(_ rows: [(name: String, text: String)], indentation: Int = 0) -> String {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { row in
        String(repeating: " ", count: indentation) + row.name
            + String(repeating: " ", count: width - row.name.count + 2) + row.text
    }.joined(separator: "\n")
}

extension JSONTree {
    static func integer(_ value: some FixedWidthInteger) -> JSONTree { .number(JSONNumber(value)) }

    /// Null for an infinity or a NaN.
    static func double(_ value: Double) -> JSONTree { JSONNumber(value).map { .number($0) } ?? .null }

    static func integers(_ values: some Sequence<Int>) -> JSONTree { .array(values.map { .integer($0) }) }

    /// This object with the entries of another after its own.
    func adding(_ other: JSONTree) -> JSONTree {
        guard case .object(var object) = self, case .object(let more) = other else { return self }
        for (key, value) in more.entries { object[key] = value }
        return .object(object)
    }
}
