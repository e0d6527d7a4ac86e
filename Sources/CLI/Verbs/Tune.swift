import Foundation
import Pushforward

/// Finds quicker tiles for a device.
enum Tune {
    static let seconds = Option(
        "--seconds", "S", .integer(atLeast: 1), default: 60, help: "after which no further measurement is begun")
    static let dryRun = Option(flag: "--dry-run", help: "measure, but keep nothing")

    static let verb = Verb(
        name: "tune", summary: "find the quickest tiles for an OpenCL device, and keep them for every run",
        options: [Common.device, seconds, dryRun, math, Common.threads, Common.json],
        example: "tune --device opencl", run: run)

    private static let math = Option(
        "--math", "M", .choice(CompileOptions.Math.self), defaultText: "fast on GPUs, exact on CPUs",
        help: "fast: CLBlast's parameters, too, where it is installed (minutes on CPUs); exact: without")

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let opened = try arguments.device().makeBackend()
        guard let device = opened as? OpenCLBackend else {
            throw DeviceError(
                opened.name,
                "has nothing to tune, as its kernels choose by themselves; name an OpenCL device, such as --device opencl"
            )
        }
        let isDry = arguments[dryRun]
        let file = isDry ? nil : try target(device)
        var dropped: [String] = []
        var progress: ProgressBar?
        let tuner = Tuner(device, try TuningShapes.all, seconds: Double(arguments[seconds])) {
            dropped.append($0)
            console.notice($0)
        } progress: {
            try Interrupt.check()
            progress?.update($0)
        }
        let isFast = (arguments[math] ?? (device.device.kind == .cpu ? .exact : .fast)) == .fast
        progress = ProgressBar(
            "tune", total: tuner.parameterCount + (isFast ? 1 : 0), unit: "parameters", console: console)
        let findings = try tuner.run(includesCLBlast: isFast)
        progress?.finish()
        if let file { try tuner.save(to: file) }
        try console.report(report(device, findings, dropped, file)) { _ in text(device, findings, file) }
    }

    /// Tried before the work, so that a place that cannot be written to is not found after it.
    private static func target(_ device: OpenCLBackend) throws -> TuningFile {
        guard let file = TuningFile(for: device.device) else {
            throw DeviceError(
                device.name,
                "there is no folder to keep its tuning in; set PUSHFORWARD_CACHE to one, or look only, with --dry-run")
        }
        try file.prepareFolder()
        return file
    }

    private static func report(
        _ device: OpenCLBackend, _ findings: [TuningFinding], _ dropped: [String], _ file: TuningFile?
    ) -> JSONTree {
        let rows = findings.map { finding -> JSONTree in
            [
                "kernel": .string(finding.kernel), "parameter": .string(finding.parameter),
                "before": .string(finding.before), "after": .string(finding.after),
                "microseconds_before": .double(finding.microsecondsBefore),
                "microseconds_after": .double(finding.microsecondsAfter), "gain": .double(finding.gain),
            ]
        }
        return [
            "device": .string(device.name), "device_description": .string(device.description),
            "findings": .array(rows), "dropped": .array(dropped.map { .string($0) }),
            "file": file.map { .string($0.path) } ?? .null,
        ]
    }

    private static func text(_ device: OpenCLBackend, _ findings: [TuningFinding], _ file: TuningFile?) -> String {
        var table = Table([
            Table.Column(head: "kernel"), Table.Column(head: "parameter"), Table.Column(head: "before"),
            Table.Column(head: "after"), Table.Column(head: "us before", isNumber: true),
            Table.Column(head: "us after", isNumber: true), Table.Column(head: "gain", isNumber: true),
        ])
        table.rows = findings.map { finding in
            let times = [finding.microsecondsBefore, finding.microsecondsAfter].map { String(format: "%.0f", $0) }
            let gain = finding.isBetter ? String(format: "%.2f x", finding.gain) : "-"
            return [finding.kernel, finding.parameter, finding.before, finding.isBetter ? finding.after : "the same"]
                + times + [gain]
        }
        let place = file.map { "kept in \($0.path)" } ?? "nothing is kept (--dry-run)"
        return [device.description, findings.isEmpty ? "there was no time for any parameter" : table.text, place]
            .joined(separator: "\n\n")
    }
}
