import Execution
import Foundation
import Pushforward

/// Kernels at the shapes of real models, on the CPU and on a device side by side, beside what these can do at most.
enum BenchKernels {
    static let only = Option(
        "--only", "TEXT", .string, defaultText: "all", help: "of kernels: those whose name contains TEXT")
    static let chart = Option(
        "--chart", "PATH", .path, defaultText: "none",
        help: "of kernels: draw the fractions of the roofline, an .svg file")

    /// A kernel as a program.
    struct Case {
        let name: String
        let shape: String
        /// Whether composites run by kernels of their own, or as the loops of their subgraphs.
        var composites = true
        let build: (Graph) throws -> [Tensor]
    }

    /// How long a device takes for a kernel.
    struct Measurement {
        /// Of one run: the median of five batches of runs.
        let seconds: Double
        /// The processor's on all cores, the least of five: it tells more where others use the machine.
        let processorSeconds: Double
        /// As the compiled schedule says.
        let work: Work
    }

    static func run(_ arguments: Arguments, _ console: Console) throws {
        let cases = try chosen(arguments[only])
        // Opened before the work: a place that cannot be written to is found before and not after.
        var file = try arguments[chart].map(chartFile)
        let device = try arguments.device().makeBackend()
        var backends: [any Backend] = [device]
        if device.name != "cpu" { backends.insert(try CPUBackend(threads: arguments[Common.threads]), at: 0) }
        let options = arguments.compileOptions
        var report = KernelReport(devices: try backends.map { ($0.name, $0.description, try $0.roofline()) })
        let progress = ProgressBar("bench", total: cases.count * backends.count, unit: "kernels", console: console)
        for item in cases {
            var measurements: [Measurement] = []
            for backend in backends {
                try Interrupt.check()
                measurements.append(try measure(item, on: backend, options))
                progress.update(report.rows.count * backends.count + measurements.count)
            }
            report.rows.append((item, measurements))
        }
        progress.finish()
        for (index, backend) in backends.enumerated() {
            report.devices[index].roofline = report.devices[index].roofline.best(with: try backend.roofline())
        }
        if var file = file.take() {
            try file.append(Array(report.chart.svg.utf8))
            try file.commit()
        }
        let about: JSONTree = [
            "what": "kernels", "device": .string(device.name), "device_description": .string(device.description),
            "math": .string(options.math.rawValue), "gemm_provider": .string(device.matmulProvider(options.math)),
        ]
        let written: JSONTree = arguments[chart].map { ["chart": .string($0)] } ?? [:]
        try console.report(about.adding(written).adding(report.json)) { _ in report.text }
    }

    private static func chosen(_ text: String?) throws(UsageError) -> [Case] {
        guard let text else { return cases }
        let chosen = cases.filter { $0.name.lowercased().contains(text.lowercased()) }
        guard chosen.isEmpty else { return chosen }
        let suggestion = nearest(text, among: cases.map(\.name)).map { "; did you mean \($0)?" } ?? ""
        throw UsageError("--only: no kernel's name contains '\(text)'\(suggestion)")
    }

    private static func chartFile(_ path: String) throws -> AtomicFile {
        guard path.lowercased().hasSuffix(".svg") else {
            throw UsageError("--chart: '\(path)' does not end in .svg")
        }
        return try AtomicFile(path)
    }

    private static func measure(
        _ item: Case, on backend: any Backend, _ options: CompileOptions
    ) throws -> Measurement {
        let graph = Graph()
        let outputs = try item.build(graph)
        var options = options
        options.composites = item.composites
        let states = DeviceStates(on: backend)
        let program = try CompiledProgram(Execution.Program(graph, outputs: outputs), states: states, options: options)
        for (index, input) in program.inputTypes.enumerated() {
            guard let values = numbers(input.type) else { continue }
            try program.setInput(index, values)
        }
        func time(_ runs: Int) throws -> (seconds: Double, processorSeconds: Double) {
            let (start, processorStart) = (DispatchTime.now().uptimeNanoseconds, clock())
            for _ in 0..<runs { try program.run() }
            try backend.synchronize()
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            let processorSeconds = Double(clock() - processorStart) / 1e6  // the unit of POSIX
            return (seconds / Double(runs), processorSeconds / Double(runs))
        }
        _ = try time(2)
        let runs = max(1, min(1000, Int(0.02 / max(try time(2).seconds, 1e-7))))
        let times = try (0..<5).map { _ in try time(runs) }
        return Measurement(
            seconds: times.map(\.seconds).sorted()[2], processorSeconds: times.map(\.processorSeconds).min() ?? .nan,
            work: program.schedule.workAsOneKernel)
    }

    /// Numbers between -1 and 1, and small indices.
    private static func numbers(_ type: TensorType) -> HostArray? {
        let values = (0..<type.count).map { index in
            let hash = UInt32(truncatingIfNeeded: index) &* 2_654_435_761
            return type.scalar.isFloating ? Double(hash) * 0x1p-31 - 1 : Double(hash >> 23)
        }
        return HostArray(values, shape: type.shape, type.scalar)
    }
}
