import Foundation
import Synchronization

/// SIGINT (Ctrl-C) and SIGTERM as a flag that long work polls between steps.
///
/// The first signal only sets the flag, so that work ends in order and keeps what is finished; the second ends the
/// process at once. Either way the exit status is 130.
enum Interrupt {
    static let exitStatus: Int32 = 130

    /// Whether a signal has come.
    static var isRequested: Bool { signals.load(ordering: .relaxed) > 0 }

    /// - Throws: `Interrupted` once a signal has come.
    static func check() throws(Interrupted) {
        if isRequested { throw Interrupted() }
    }

    /// Starts to listen. A signal that the parent has set to be ignored (as `nohup` and `&` do) stays ignored.
    static func listen() {
        // Reading the flag here initialises it: the handler may do nothing but an atomic addition.
        _ = isRequested
        for signal in [SIGINT, SIGTERM] {
            var action = sigaction()
            guard sigaction(signal, nil, &action) == 0 else { continue }
            let isIgnored = action.__sigaction_handler.sa_handler.map {
                unsafeBitCast($0, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            }
            if isIgnored == true { continue }
            action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in
                if signals.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(Interrupt.exitStatus) }
            }
            action.sa_flags = Int32(SA_RESTART)
            sigaction(signal, &action, nil)
        }
    }

    /// As if no signal had come yet.
    static func reset() { signals.store(0, ordering: .relaxed) }
}

/// Work that stopped because the user asked for it.
struct Interrupted: Error, CustomStringConvertible {
    var description: String { "interrupted" }
}

private let signals = Atomic<Int>(0)
