import Doctor
import Pushforward

/// Checks every kernel and gradient on a device.
enum DoctorVerb {
    static let verb = Verb(
        name: "doctor", summary: "check every kernel and gradient on a device, against the CPU's bits and float64",
        options: Common.execution.filter { $0.label.name != Common.precision.label.name },
        example: "doctor --device opencl", run: run)

    /// Samples whose kernels are built together.
    private static let portion = 40

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let device = try arguments.device().makeBackend()
        let reference = try CPUBackend(threads: arguments[Common.threads])
        let doctor = Doctor(device, reference: reference, options: arguments.compileOptions)
        let capabilities = OpenCLDevice.all().first { $0.name == device.name }?.capabilities
        let samples = OpSample.all
        let progress = ProgressBar("doctor", total: samples.count, unit: "samples", console: console)
        var families = Families()
        var done = 0
        for start in stride(from: 0, to: samples.count, by: portion) {
            let checks = try samples[start..<min(start + portion, samples.count)].map { sample in
                (sample: sample, cases: try Doctor.Case.all(of: sample, .float32))
            }
            try doctor.prepare(checks.flatMap(\.cases))
            for check in checks {
                try Interrupt.check()
                for item in check.cases {
                    families.add(try doctor.examine(item), of: check.sample, isExact: arguments[Common.math] == .exact)
                }
                done += 1
                progress.update(done)
            }
        }
        progress.finish()
        let complaints = families.complaints
        try console.report(report(device, capabilities, families, arguments)) { _ in
            text(device, capabilities, families, arguments)
        }
        guard complaints.isEmpty else {
            throw DeviceError(
                device.name,
                "\(complaints.count) of \(families.count) checks failed; use --device cpu until it is mended")
        }
    }

    private static func report(
        _ device: any Backend, _ capabilities: Set<OpenCLDevice.Capability>?, _ families: Families,
        _ arguments: Arguments
    ) -> JSONTree {
        let rows = families.rows.map { row -> JSONTree in
            [
                "name": .string(row.name), "checks": .integer(row.checks), "failures": .integer(row.failures),
                "worst_error": .double(row.worstError), "seconds": .double(row.seconds),
            ]
        }
        let reported = OpenCLDevice.Capability.allCases.map { capability -> JSONTree in
            [
                "name": .string(capability.rawValue),
                "is_reported": capabilities.map { .bool($0.contains(capability)) } ?? .null,
            ]
        }
        return [
            "device": .string(device.name), "device_description": .string(device.description),
            "math": .string(arguments[Common.math].rawValue),
            "tuning_file": (device as? OpenCLBackend)?.tuningFile.map { .string($0) } ?? .null,
            "tensor_cores": tensorCoreUse(device, arguments).map { .string($0) } ?? .null,
            "capabilities": .array(reported),
            "families": .array(rows), "checks": .integer(families.count),
            "failures": .array(families.complaints.map { .string($0) }),
            "is_sound": .bool(families.complaints.isEmpty),
        ]
    }

    /// Of OpenCL devices under fast mathematics. No sample's product is large enough for them: what is said here was
    /// found with products of its own.
    private static func tensorCoreUse(_ device: any Backend, _ arguments: Arguments) -> String? {
        arguments[Common.math] == .fast ? (device as? OpenCLBackend)?.tensorCoreUse : nil
    }

    private static func text(
        _ device: any Backend, _ capabilities: Set<OpenCLDevice.Capability>?, _ families: Families,
        _ arguments: Arguments
    ) -> String {
        var rows = [(name: "device", text: device.description)]
        if let file = (device as? OpenCLBackend)?.tuningFile { rows.append(("tuned", file)) }
        if let use = tensorCoreUse(device, arguments) { rows.append(("TF32 tensor cores", use)) }
        if let capabilities {
            for capability in OpenCLDevice.Capability.allCases {
                let answer = capabilities.contains(capability) ? "reported" : "NOT reported: bits may differ"
                rows.append((capability.rawValue, answer))
            }
        }
        let table = families.rows.map { row -> (name: String, text: String) in
            let verdict = row.failures == 0 ? "pass" : "FAIL (\(row.failures))"
            let error = String(format: "%.2f", row.worstError)
            let time = String(format: "%.1f ms", row.seconds * 1e3)
            return (row.name, "\(verdict), \(row.checks) checks, worst error \(error) of the allowed, \(time)")
        }
        let bits =
            arguments[Common.math] == .exact
            ? "the CPU's bits everywhere" : "near float64 (fast mathematics promises no bits)"
        let verdict =
            families.complaints.isEmpty
            ? "\(grouped(families.count)) checks, forward and gradient: \(bits)"
            : families.complaints.joined(separator: "\n")
        return [columns(rows), columns(table), verdict].joined(separator: "\n\n")
    }
}

/// Findings by family of ops.
private struct Families {
    struct Row {
        var name: String
        var checks = 0
        var failures = 0
        /// A multiple of what is allowed.
        var worstError = 0.0
        var seconds = 0.0
    }

    private(set) var rows: [Row] = []
    private(set) var complaints: [String] = []
    var count: Int { rows.reduce(0) { $0 + $1.checks } }

    mutating func add(_ finding: Doctor.Finding, of sample: OpSample, isExact: Bool) {
        let name = String(sample.name.prefix { $0 != "/" })
        let index = rows.firstIndex { $0.name == name } ?? rows.count
        if index == rows.count { rows.append(Row(name: name)) }
        rows[index].checks += 1
        rows[index].worstError = max(rows[index].worstError, finding.worstError)
        rows[index].seconds += finding.seconds
        guard isExact ? !finding.isSound : finding.worstError > 1 else { return }
        rows[index].failures += 1
        complaints.append(finding.complaint)
    }
}
