import Foundation

/// Where runs go that are given no folder: runs/MODEL-DATA, then -2, -3 ...
struct RunName {
    let first: String

    /// - Parameter source: A data set's name or path.
    init(model: String, source: String) {
        var stem = source.split(separator: "/").last.map(String.init) ?? source
        for ending in [".gz", ".npy", ".npz", ".amat", ".csv"] where stem.lowercased().hasSuffix(ending) {
            stem.removeLast(ending.count)
        }
        first = "runs/\(model)-\(stem)"
    }

    private func path(_ number: Int) -> String { number == 1 ? first : "\(first)-\(number)" }

    private func exists(_ number: Int) -> Bool { FileManager.default.fileExists(atPath: path(number)) }

    /// The first name that nothing has yet.
    var free: String {
        var number = 1
        while exists(number) { number += 1 }
        return path(number)
    }

    /// The last of these runs; nil where there is none.
    var last: String? {
        var number = 1
        while exists(number) { number += 1 }
        return number > 1 ? path(number - 1) : nil
    }
}
