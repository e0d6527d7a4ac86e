import Pushforward

/// What there is to compute on.
enum Devices {
    static let verb = Verb(
        name: "devices", summary: "list what there is to compute on", options: [Common.threads, Common.json],
        example: "devices", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let auto = try DeviceName.auto.device(threads: arguments[Common.threads]).makeBackend().name
        let cpu = try CPUBackend(threads: arguments[Common.threads])
        var devices: [JSONTree] = [
            ["name": .string(cpu.name), "description": .string(cpu.description), "is_default": .bool(cpu.name == auto)]
        ]
        var rows = [(name: cpu.name, text: cpu.description)]
        for device in OpenCLDevice.all() {
            let tuning = TuningFile(for: device).flatMap { $0.exists ? $0.path : nil }
            devices.append([
                "name": .string(device.name), "description": .string(device.description),
                "is_default": .bool(device.name == auto), "kind": .string(device.kind.rawValue),
                "vendor": .string(device.vendor), "version": .string(device.version),
                "compute_units": .integer(device.computeUnits), "memory_bytes": .integer(device.memoryByteCount),
                "allocation_limit_bytes": .integer(device.allocationLimit),
                "is_exact": .bool(device.isExact), "tuning_file": tuning.map { .string($0) } ?? .null,
            ])
            let memory = bytes(device.memoryByteCount)
            let exactness = device.isExact ? "" : ", not exact: lacks \(device.lackingCapabilities)"
            let tuned = tuning.map { ", tuned: \($0)" } ?? ""
            rows.append((device.name, "\(device.description), \(memory)\(exactness)\(tuned)"))
        }
        rows = rows.map { ($0.name, $0.text + ($0.name == auto ? " (default)" : "")) }
        try console.report(["devices": .array(devices)] as JSONTree) { _ in columns(rows) }
    }
}
