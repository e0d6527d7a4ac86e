import Foundation
import Pushforward

/// Measures the very executables that training and sampling use.
enum Bench {
    enum What: String, CaseIterable, Sendable { case kernels, train, sample }

    static let what = Positional(
        "WHAT", .choice(What.self),
        help:
            "train or sample: time per step; kernels: their times, and how near they come to the roofline, the least time "
            + "that multiply-adds and memory, both measured beside them, allow (beyond 100 % where operands stay in caches)"
    )
    static let model = Positional(optional: "MODEL", .model, help: "which model to train or sample")
    static let steps = Option("--steps", "N", .integer(atLeast: 1), default: 100, help: "steps that are measured")
    static let data = Option(
        "--data", "NAME|PATH", .path, default: "fashion-mnist", help: "the rows to train on, or that say a row's shape")

    static let profile = Option(
        flag: "--profile",
        help: "train: where a step's time goes, kernel by kernel, and how near each comes to its roofline")

    static let verb = Verb(
        name: "bench", summary: "time of kernels, or per step of training or sampling", positionals: [what, model],
        options: [
            steps, profile, data, TrainingOptions.batchSize, TrainingOptions.settings, Common.seed, BenchKernels.only,
            BenchKernels.chart,
        ] + Common.execution,
        example: "bench train conv-vae --batch-size 128", run: run)

    /// Steps before those that are measured.
    private static let warmUp = 5

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let name = try arguments.value(model)
        if try arguments.value(what) == .kernels {
            guard name == nil else { throw UsageError("bench kernels takes no MODEL") }
            guard !arguments[profile] else { throw UsageError("--profile is for bench train") }
            return try BenchKernels.run(arguments, console)
        }
        if try arguments.value(what) == .sample, arguments[profile] {
            throw UsageError("--profile is for bench train")
        }
        let ofKernels: [any AnyOption] = [BenchKernels.only, BenchKernels.chart]
        if let option = ofKernels.first(where: { arguments.given($0) }) {
            throw UsageError("\(option.label.name) is for bench kernels")
        }
        guard let name else { throw UsageError("MODEL is missing; usage: \(verb.usage)") }
        guard let entry = ModelCatalog.entry(name) else { throw UsageError("unknown model \(name)") }
        var defaults = try TrainingOptions.defaults(entry)
        defaults.data.source = arguments[data]
        let configuration = try TrainingOptions.configuration(arguments, over: defaults)
        let model = try configuration.catalogModel()
        switch try arguments.value(what) {
        case .kernels: break
        case .train: try train(model, configuration, arguments, console)
        case .sample:
            guard let generative = model as? any GenerativeModel else {
                throw TrainingError(name, "has no prior to draw samples from", "measure a VAE or a flow")
            }
            try sample(generative, configuration, arguments, console)
        }
    }

    private static func train<M: Model>(
        _ model: M, _ configuration: RunConfiguration, _ arguments: Arguments, _ console: Console
    ) throws {
        let training = try configuration.training(model, on: configuration.dataset(), arguments)
        training.notice = { console.notice($0) }
        try training.prepare(batchSize: configuration.batchSize)
        let device = training.backend as? OpenCLBackend
        let empty = try device.map { try EmptyReplay($0, count: training.commandCount ?? 0) }
        var clock = StepClock(warmUp: warmUp, steps: arguments[steps], console)
        try training.run(steps: warmUp + arguments[steps], batchSize: configuration.batchSize) { _ in
            // The CPU has done the step by now; a device that works on is waited for.
            clock.submitted()
            try training.backend.synchronize()
            try clock.tick(empty)
        }
        let memory = peakMemoryByteCount()
        let report = arguments[profile] ? try self.profile(training, steps: min(arguments[steps], 30)) : nil
        try self.report(
            clock, configuration, backend: training.backend, batchSize: training.batchSize ?? configuration.batchSize,
            operations: training.schedule?.work.operations, commands: training.commandCount, memory: memory, report,
            arguments,
            console)
    }

    /// The roofline is measured before and after: others who use the machine can only lower it.
    private static func profile<M: Model>(_ training: Training<M>, steps: Int) throws -> StepReport {
        let before = try training.backend.roofline()
        let profiled = try training.profile(steps: steps)
        return StepReport(profiled, before.best(with: try training.backend.roofline()))
    }

    private static func sample<M: GenerativeModel>(
        _ model: M, _ configuration: RunConfiguration, _ arguments: Arguments, _ console: Console
    ) throws {
        let trained = try configuration.training(model, on: configuration.dataset(), arguments).finish()
        let size = arguments[TrainingOptions.batchSize] ?? 256
        var clock = StepClock(warmUp: warmUp, steps: arguments[steps], console)
        for step in 0..<(warmUp + arguments[steps]) {
            _ = try trained.sample(step * size..<(step + 1) * size, batchSize: size)
            try clock.tick()
        }
        try report(
            clock, configuration, backend: trained.backend, batchSize: size, operations: nil, commands: nil,
            memory: peakMemoryByteCount(), nil, arguments, console)
    }

    private static func report(
        _ clock: StepClock, _ configuration: RunConfiguration, backend: any Backend, batchSize: Int, operations: Int?,
        commands: Int?, memory: Int?, _ profile: StepReport?, _ arguments: Arguments, _ console: Console
    ) throws {
        clock.finish()
        let median = clock.median
        let samplesPerSecond = Double(batchSize) / median
        let gflops = operations.map { Double($0) / median / 1e9 }
        // A device that computes while the host goes on: what submitting costs the host.
        let empty = clock.medianEmpty
        let submission = empty == nil ? nil : clock.medianSubmission
        let what = try arguments.value(what)
        let result: JSONTree = [
            "what": .string(what.rawValue), "model": .string(configuration.modelName), "device": .string(backend.name),
            "device_description": .string(backend.description), "math": .string(configuration.math.rawValue),
            "gemm_provider": .string(backend.matmulProvider(configuration.math)),
            "precision": .string(configuration.precision.rawValue),
            "batch_size": .integer(batchSize), "steps": .integer(arguments[steps]),
            "milliseconds_per_step": .double(median * 1e3), "samples_per_second": .double(samplesPerSecond),
            "peak_memory_bytes": memory.map { .integer($0) } ?? .null,
            "commands_per_step": commands.map { .integer($0) } ?? .null,
            "host_microseconds_per_step": submission.map { .double($0 * 1e6) } ?? .null,
            "empty_replay_microseconds": empty.map { .double($0 * 1e6) } ?? .null,
            "gflops_per_second": gflops.map { .double($0) } ?? .null,
            "fraction_of_peak": profile.map { .double($0.contractionsOfPeak) } ?? .null,
        ]
        let profileOnly: JSONTree = profile.map { ["profile": $0.json] } ?? [:]
        try console.report(result.adding(profileOnly)) { _ in
            var rows = [
                ("what", "\(what.rawValue) \(configuration.modelName), batch \(batchSize)"),
                ("device", "\(backend.description), math \(configuration.math.rawValue)"),
                ("per step", String(format: "%.3f ms (median of %d)", median * 1e3, arguments[steps])),
                ("rate", "\(ProgressLine.rateText(samplesPerSecond)) samples/s"),
            ]
            if let gflops { rows.append(("arithmetic", String(format: "%.1f GFLOP/s", gflops))) }
            if let submission, let empty, let commands {
                let text = String(
                    format: "%.0f us a step for %d commands; as many empty kernels take %.0f us", submission * 1e6,
                    commands, empty * 1e6)
                rows.append(("host", text))
            }
            if let memory { rows.append(("peak memory", bytes(memory))) }
            let summary = columns(rows.map { (name: $0.0, text: $0.1) })
            return summary + (profile.map { "\n\n" + $0.text } ?? "")
        }
    }
}

/// The time that each step takes, the first ones left out.
private struct StepClock {
    private let warmUp: Int
    private let progress: ProgressBar
    private var ticks = 0
    private var last = Self.now
    private var lastOfThread = threadSeconds()
    private var durations: [Double] = []
    private var submissions: [Double] = []
    private var empties: [Double] = []
    private var isAfterEmpty = false

    init(warmUp: Int, steps: Int, _ console: Console) {
        self.warmUp = warmUp
        progress = ProgressBar("bench", total: warmUp + steps, console: console)
        durations.reserveCapacity(steps)
    }

    /// A step has been handed to the device, which may still be at work.
    mutating func submitted() {
        if ticks >= warmUp, !isAfterEmpty { submissions.append(threadSeconds() - lastOfThread) }
    }

    /// A step has ended. `empty` is run for comparison after every other step, outside of what is measured: so both
    /// find the caches as a step leaves them.
    mutating func tick(_ empty: EmptyReplay? = nil) throws {
        let now = Self.now
        if ticks >= warmUp { durations.append(now - last) }
        ticks += 1
        isAfterEmpty = empty != nil && ticks % 2 == 0
        if let empty, isAfterEmpty { empties.append(try empty.run()) }
        progress.update(ticks)
        try Interrupt.check()
        // What lies between is not the step's.
        last = Self.now
        lastOfThread = threadSeconds()
    }

    func finish() { progress.finish() }

    /// Seconds a step.
    var median: Double { Self.median(durations) }
    /// Seconds of the host's processor until a step was handed over; nil where nobody looked.
    var medianSubmission: Double? { submissions.isEmpty ? nil : Self.median(submissions) }
    /// Likewise for kernels that do nothing.
    var medianEmpty: Double? { empties.isEmpty ? nil : Self.median(empties) }

    private static func median(_ times: [Double]) -> Double {
        let sorted = times.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    private static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}

/// The most memory that this process has held; nil where the system does not say.
private func peakMemoryByteCount() -> Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
}
