/// Text in aligned columns under a head line.
struct Table {
    struct Column {
        let head: String
        var isNumber = false
    }

    let columns: [Column]
    /// Each with a cell for every column.
    var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    var text: String {
        let widths = columns.indices.map { index in
            ([columns[index].head] + rows.map { $0[index] }).map(\.count).max() ?? 0
        }
        let lines = [columns.map(\.head)] + rows
        return lines.map { line($0, widths) }.joined(separator: "\n")
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = cells.indices.map { index in
            let space = String(repeating: " ", count: widths[index] - cells[index].count)
            return columns[index].isNumber ? space + cells[index] : cells[index] + space
        }
        let line = padded.joined(separator: "  ")
        return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
    }
}
