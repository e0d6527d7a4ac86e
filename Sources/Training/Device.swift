import CPUBackend
import Execution

/// Where to compute, as the user names it.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    /// "auto" or "cpu".
    public let name: String
    /// Of the CPU; nil for all cores.
    public var threads: Int?

    /// The fastest device that there is.
    public static let best = Device(name: "auto")
    public static let cpu = Device(name: "cpu")

    private init(name: String, threads: Int? = nil) {
        self.name = name
        self.threads = threads
    }

    /// The CPU with so many threads; the results are the same bits for any number.
    public static func cpu(threads: Int) -> Device { Device(name: "cpu", threads: threads) }

    /// The device called "auto" or "cpu".
    public init(named name: String, threads: Int? = nil) throws(DeviceError) {
        guard ["auto", "cpu"].contains(name) else {
            throw DeviceError(name, "is unknown; use auto or cpu")
        }
        self.init(name: name, threads: threads)
    }

    public var description: String { name }

    /// Opens the device.
    public func makeBackend() throws(DeviceError) -> any Backend {
        if let threads, threads < 1 { throw DeviceError("cpu", "cannot have \(threads) threads; use at least 1") }
        return try CPUBackend(threads: threads)
    }
}
