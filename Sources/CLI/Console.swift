import Foundation
import Synchronization
import Configuration

/// Where a verb speaks: results to standard output; progress, notices, warnings and errors to standard error.
final class Console: Sendable {
    typealias Sink = @Sendable (String) throws -> Void

    /// With `--json`, standard output gets exactly one JSON object.
    let isJSON: Bool
    /// Whether standard error can redraw a line.
    let isTerminal: Bool
    private let output: Sink
    private let errors: Sink
    /// The line that is being redrawn, where there is one.
    private let liveLine = Mutex<String?>(nil)

    init(
        isJSON: Bool = false, isTerminal: Bool = Terminal.isStandardError,
        output: @escaping Sink = { try write($0, to: STDOUT_FILENO, named: "standard output") },
        errors: @escaping Sink = { try write($0, to: STDERR_FILENO, named: "standard error") }
    ) {
        self.isJSON = isJSON
        self.isTerminal = isTerminal
        self.output = output
        self.errors = errors
    }

    /// A result: one JSON object with snake_case keys, else the lines of `text`.
    ///
    /// - Throws: where standard output cannot be written, say a full disk.
    func report<Value: Encodable>(_ value: Value, text: (Value) -> String) throws {
        let result = isJSON ? try JSONTree(encoding: value, nonFinite: .null).compact : text(value)
        if !result.isEmpty { try show(result) }
    }

    /// Text on standard output that is no result of a verb, such as help.
    func show(_ text: String) throws { try output(text + "\n") }

    /// Something worth knowing.
    func notice(_ text: String) { line(text) }

    /// Something that is probably not meant.
    func warning(_ text: String) { line("warning: " + text) }

    func error(_ error: any Error) { line("pushforward: " + message(of: error)) }

    /// Draws the one line that is redrawn; nil ends it and leaves what was drawn last.
    func redraw(_ text: String?) {
        liveLine.withLock { live in
            if let text {
                emit("\r" + text + Terminal.eraseToEndOfLine)
            } else if live != nil {
                emit("\n")
            }
            live = text
        }
    }

    /// A whole line, above the one that is redrawn.
    func line(_ text: String) {
        liveLine.withLock { live in
            guard let live else { return emit(text + "\n") }
            emit("\r" + text + Terminal.eraseToEndOfLine + "\n" + live + Terminal.eraseToEndOfLine)
        }
    }

    /// Standard error that is closed or full must not end a training.
    private func emit(_ text: String) { try? errors(text) }

    private func message(of error: any Error) -> String {
        let text = error is CocoaError ? error.localizedDescription : "\(error)"
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension Console {
    /// Runs a verb and gives the exit status: 0 done, 1 could not be done, 2 the call is wrong, 130 interrupted.
    func status(of work: () throws -> Void) -> Int32 {
        do {
            try work()
            return 0
        } catch {
            redraw(nil)
            self.error(error)
            switch error {
            case is UsageError, is ConfigurationError: return 2
            case is Interrupted: return Interrupt.exitStatus
            default: return 1
            }
        }
    }
}

/// A stream could not be written.
struct StreamError: Error, CustomStringConvertible {
    let name: String
    let code: Int32

    var description: String { "cannot write to \(name): \(String(cString: strerror(code)))" }
}

/// All of `text`, however often the system takes only a part of it.
private func write(_ text: String, to descriptor: Int32, named name: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno != EINTR { throw StreamError(name: name, code: errno) }
        bytes = bytes.dropFirst(max(count, 0))
    }
}

/// What the terminal behind standard error can do.
enum Terminal {
    static let eraseToEndOfLine = "\u{1B}[K"

    static var isStandardError: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Columns; 80 where the terminal does not say.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Whether the locale can show more than ASCII.
    static var isUnicode: Bool {
        let environment = ProcessInfo.processInfo.environment
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        return locale.lowercased().replacing("-", with: "").contains("utf8")
    }
}
