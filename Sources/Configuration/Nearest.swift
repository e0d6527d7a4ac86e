/// The candidate most like `text`, for "did you mean": one that `text` abbreviates, else the one at the smallest edit
/// distance; the earliest of equals. Nil only where there are no candidates.
package func nearest(_ text: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(text.lowercased())
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
        let letters = Array(candidate.lowercased())
        let isAbbreviated = wanted.filter { $0 != "-" }.count >= 2 && letters.starts(with: wanted)
        let distance = isAbbreviated ? 0 : editDistance(wanted, letters)
        if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment).
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var distance = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { distance = min(distance, beforeLast[j - 1] + 1) }
            row.append(distance)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
