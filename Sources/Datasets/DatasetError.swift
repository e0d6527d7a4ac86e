/// Data that could not be had: where, what is wrong, what to do. Its description is one line.
public struct DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, folder or name concerned.
    public let place: String
    public let problem: String
    /// Empty where there is nothing to suggest.
    public let remedy: String

    public init(_ place: String, _ problem: String, _ remedy: String = "") {
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String {
        "\(place): \(problem)\(remedy.isEmpty ? "" : "; \(remedy)")".onOneLine
    }
}

extension String {
    /// The text with control characters replaced, so that a message that quotes a file's name or content stays one line.
    var onOneLine: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}

/// The candidate with the fewest edits (Levenshtein distance) from `name`, if that is at most half of its letters.
func nearest(to name: String, in candidates: [String]) -> String? {
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
    let letters = Array(name.lowercased().prefix(100))
    let ranked = candidates.map { (name: $0, distance: distance(letters, Array($0))) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance * 2 <= best.name.count ? best.name : nil
}
