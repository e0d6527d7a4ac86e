import Configuration

/// The call is wrong: exit status 2. One line that names the flag, the value and what is allowed.
struct UsageError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// `unknown option --epoch; did you mean --epochs?`
    static func unknown(_ what: String, _ name: String, among known: some Sequence<String>) -> UsageError {
        let suggestion = nearest(name, among: known).map { "; did you mean \($0)?" } ?? ""
        return UsageError("unknown \(what) \(name)\(suggestion)")
    }
}
