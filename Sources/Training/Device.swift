import CPUBackend
import Execution
import Foundation
import OpenCLBackend

/// Where to compute, as the user names it.
public struct Device: Sendable, CustomStringConvertible {
    private enum Choice: Hashable {
        case auto, cpu
        case openCL(Int)
    }

    private let choice: Choice
    /// Of the CPU; nil for all cores.
    public var threads: Int?
    /// Is told, a line each, what people should know: that the CPU stands in, that something is slower than need be.
    public var notice: @Sendable (String) -> Void = { line in
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// The first OpenCL GPU, else the CPU.
    public static let best = Device(.auto)
    public static let cpu = Device(.cpu)

    private init(_ choice: Choice, threads: Int? = nil) {
        self.choice = choice
        self.threads = threads
    }

    /// The CPU with so many threads; the results are the same bits for any number.
    public static func cpu(threads: Int) -> Device { Device(.cpu, threads: threads) }

    /// OpenCL device number `index` of `pushforward devices`.
    public static func openCL(_ index: Int = 0) -> Device { Device(.openCL(index)) }

    /// The device called "auto", "cpu", "opencl" or "opencl:N".
    public init(named name: String, threads: Int? = nil) throws(DeviceError) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("auto", 1): self.init(.auto, threads: threads)
        case ("cpu", 1): self.init(.cpu, threads: threads)
        case ("opencl", 1): self.init(.openCL(0), threads: threads)
        case ("opencl", 2):
            guard let index = Int(parts[1]), index >= 0 else { fallthrough }
            self.init(.openCL(index), threads: threads)
        default: throw DeviceError(name, "is unknown; use auto, cpu, opencl or opencl:N")
        }
    }

    public var description: String {
        switch choice {
        case .auto: "auto"
        case .cpu: "cpu"
        case .openCL(let index): "opencl:\(index)"
        }
    }

    /// Opens the device.
    public func makeBackend() throws(DeviceError) -> any Backend {
        if let threads, threads < 1 { throw DeviceError("cpu", "cannot have \(threads) threads; use at least 1") }
        switch choice {
        case .cpu: return try CPUBackend(threads: threads)
        case .openCL(let index):
            let devices = OpenCLDevice.all()
            guard index < devices.count else { throw Device.absent(index, devices) }
            return try open(devices[index])
        case .auto:
            guard let gpu = OpenCLDevice.all().first(where: { $0.kind == .gpu }) else {
                return try CPUBackend(threads: threads)
            }
            do { return try open(gpu) } catch {
                notice("\(error); computing on the CPU instead")
                return try CPUBackend(threads: threads)
            }
        }
    }

    private func open(_ device: OpenCLDevice) throws(DeviceError) -> any Backend {
        try OpenCLBackend(device, host: try CPUBackend(threads: threads), notice: notice)
    }

    private static func absent(_ index: Int, _ devices: [OpenCLDevice]) -> DeviceError {
        let name = "opencl:\(index)"
        guard let last = devices.last else {
            return DeviceError(
                name,
                "there is no OpenCL device; install its driver (a GPU's own, or pocl-opencl-icd for the CPU), or use "
                    + "--device cpu")
        }
        return DeviceError(
            name, "does not exist; use up to \(last.name) (`pushforward devices` lists them), or --device cpu")
    }
}
