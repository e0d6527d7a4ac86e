import Compiler
import Execution
import Foundation
import Graph

/// A program whose time, or whose bits, tell about a kernel.
public struct TuningCase {
    public enum Kernel: String, Sendable { case matmul, convolution }

    public var kernel: Kernel
    /// Its shape.
    public var name: String
    public var program: Program
    /// Whether it is what models compute; else its sizes are odd, and only its bits are looked at.
    public var isTimed: Bool

    public init(_ kernel: Kernel, _ name: String, _ graph: Graph, _ outputs: [Tensor], isTimed: Bool = true) {
        self.kernel = kernel
        self.name = name
        program = Program(graph, outputs: outputs)
        self.isTimed = isTimed
    }
}

/// Looks for quicker tiles of a device by going from one parameter to the next, each value beside the present one.
public final class Tuner {
    let backend: OpenCLBackend
    let cases: [TuningCase]
    private let seconds: Double
    private var deadline = ContinuousClock.now
    private let dropped: (String) -> Void
    private let progress: (_ done: Int) throws -> Void
    private let parameters: [TuningParameter]
    private var done = 0
    /// The best so far, and its programs, made when they are needed.
    private var best: TileChoices
    private var present: [Int: Trial] = [:]
    var findings: [TuningFinding] = []
    var clblast: [String: [String: Int]]?

    /// A value is kept when it is better by more than this share.
    static let leastGain = 0.03
    /// Seconds that are measured at once, about.
    static let batchSeconds = 0.01
    /// Batches of each of the two that are compared.
    private static let rounds = 8

    /// - Parameters:
    ///   - seconds: after which nothing new is begun.
    ///   - dropped: is told, a line each, which values cannot be used.
    ///   - progress: is called between measurements with how many parameters are done; what it throws ends the search.
    public init(
        _ backend: OpenCLBackend, _ cases: [TuningCase], seconds: Double, dropped: @escaping (String) -> Void,
        progress: @escaping (_ done: Int) throws -> Void
    ) {
        self.backend = backend
        self.cases = cases
        self.dropped = dropped
        self.progress = progress
        self.seconds = seconds
        best = backend.target.tiles
        parameters = TuningParameter.all(backend.target.policy)
    }

    /// Without CLBlast's, which count as one.
    public var parameterCount: Int { parameters.count }

    /// The budget is used up.
    private struct OutOfTime: Error {}

    /// Searches until all is tried or the time is over.
    ///
    /// - Parameter includesCLBlast: whether CLBlast's parameters are tried, too, for half of the time at most. The process
    ///   keeps the best of them.
    /// - Returns: what every parameter came to that there was time for.
    public func run(includesCLBlast: Bool) throws -> [TuningFinding] {
        let (original, start) = (backend.target.tiles, ContinuousClock.now)
        defer { backend.target.tiles = original }
        if includesCLBlast {
            deadline = start + .seconds(seconds / 2)
            do { try tuneCLBlast() } catch is OutOfTime {}
            done += 1
        }
        deadline = start + .seconds(seconds)
        do {
            for parameter in parameters {
                try tune(parameter)
                done += 1
            }
        } catch is OutOfTime {}
        return findings
    }

    /// Keeps what was found.
    public func save(to file: TuningFile) throws {
        try file.write(
            Tuning(
                device: Tuning.Device(backend.device), description: backend.description,
                date: Date().formatted(.iso8601), tiles: best, clblast: clblast ?? backend.tuning?.clblast,
                findings: findings))
    }

    func proceed() throws {
        try progress(done)
        if ContinuousClock.now >= deadline { throw OutOfTime() }
    }

    func drop(_ what: String, _ why: String) { dropped("\(what) is dropped: \(why)") }

    // MARK: one parameter

    private func tune(_ parameter: TuningParameter) throws {
        let before = parameter.text(best)
        var quickest: (choices: TileChoices, trials: [Int: Trial], times: Times)?
        var last: Times?
        for choices in parameter.candidates(best) where choices != best && choices.fits(backend.target.limits) {
            let what = "\(parameter.kernel.rawValue) with \(parameter.name) \(parameter.text(choices))"
            guard let trials = try trials(choices, of: parameter.kernel, what), !trials.isEmpty else { continue }
            let times = try compare(trials)
            last = times
            if times.isGain, times.ratio < quickest?.times.ratio ?? 1 { quickest = (choices, trials, times) }
        }
        if let candidate = quickest {
            let after = parameter.text(candidate.choices)
            let what = "\(parameter.kernel.rawValue) with \(parameter.name) \(after)"
            // What was quick by chance is not so twice.
            let times = try compare(candidate.trials)
            if times.isGain, let odd = try trials(candidate.choices, of: parameter.kernel, what, isTimed: false) {
                best = candidate.choices
                present.merge(candidate.trials) { $1 }
                present.merge(odd) { $1 }
                return record(parameter, before, after, times)
            }
        }
        if let last { record(parameter, before, before, Times(present: last.present, candidate: last.present)) }
    }

    private func record(_ parameter: TuningParameter, _ before: String, _ after: String, _ times: Times) {
        findings.append(
            TuningFinding(
                kernel: parameter.kernel.rawValue, parameter: parameter.name, before: before, after: after,
                microsecondsBefore: times.present * 1e6, microsecondsAfter: times.candidate * 1e6))
    }

    // MARK: programs

    /// A case compiled with some choices.
    private struct Trial {
        let program: CompiledProgram
        let launches: [Launch]
        let outputs: [HostArray]
    }

    /// The cases of a kernel that the choices change, compiled; nil where they cannot be used, which is told.
    private func trials(
        _ choices: TileChoices, of kernel: TuningCase.Kernel, _ what: String, isTimed: Bool = true
    ) throws -> [Int: Trial]? {
        var trials: [Int: Trial] = [:]
        for (index, item) in cases.enumerated() where item.kernel == kernel && item.isTimed == isTimed {
            try proceed()
            if present[index] == nil { present[index] = try trial(item, best) }
            guard let expected = present[index], try launches(item, choices) != expected.launches else { continue }
            do {
                let trial = try trial(item, choices)
                guard trial.outputs == expected.outputs else {
                    drop(what, "it gives other bits (\(item.name))")
                    return nil
                }
                trials[index] = trial
            } catch let error as DeviceError {
                drop(what, "\(error)")
                return nil
            }
        }
        return trials
    }

    private func launches(_ item: TuningCase, _ choices: TileChoices) throws -> [Launch] {
        backend.target.tiles = choices
        let options = CompileOptions()
        let schedule = try Schedule(
            item.program.graph, outputs: item.program.outputs.map(\.id), options: options,
            allocationLimit: backend.allocationLimit, device: backend.kernels(options))
        return schedule.steps.filter { !$0.kernel.isForHost }.flatMap { $0.kernel.launches(backend.target) }
    }

    private func trial(_ item: TuningCase, _ choices: TileChoices) throws -> Trial {
        let launches = try launches(item, choices)
        let program = try compiled(item, CompileOptions())
        try program.run()
        return Trial(
            program: program, launches: launches,
            outputs: try program.outputTypes.indices.map { try program.output($0) })
    }

    /// With the backend's present tiles, on numbers between -1 and 1.
    func compiled(_ item: TuningCase, _ options: CompileOptions) throws -> CompiledProgram {
        let program = try CompiledProgram(item.program, states: DeviceStates(on: backend), options: options)
        for (index, input) in program.inputTypes.enumerated() {
            let values = (0..<input.type.count).map { place in
                let hash = UInt32(truncatingIfNeeded: place &+ index << 20) &* 2_654_435_761
                return Double(hash ^ hash >> 15) * 0x1p-31 - 1
            }
            if let numbers = HostArray(values, shape: input.type.shape, input.type.scalar) {
                try program.setInput(index, numbers)
            }
        }
        return program
    }

    // MARK: time

    /// Seconds of a run: the geometric mean over shapes.
    struct Times {
        var present: Double
        var candidate: Double

        var ratio: Double { candidate / present }
        var isGain: Bool { ratio < 1 - Tuner.leastGain }
    }

    /// In turn, so that what slows down the device for a while slows down both; of each the quickest, as others on the
    /// machine can only lengthen it.
    private func compare(_ trials: [Int: Trial]) throws -> Times {
        let pairs = trials.keys.sorted().compactMap { index in
            present[index].flatMap { old in trials[index].map { (old: old.program, new: $0.program) } }
        }
        var runs: [Int] = []
        for pair in pairs { runs.append(try runsInBatch(pair.old)) }
        var least = pairs.map { _ in (old: Double.infinity, new: Double.infinity) }
        for round in 0..<Tuner.rounds {
            for (index, pair) in pairs.enumerated() {
                try proceed()
                for isNew in round % 2 == 0 ? [false, true] : [true, false] {
                    let seconds = try seconds(isNew ? pair.new : pair.old, runs[index])
                    if isNew {
                        least[index].new = min(least[index].new, seconds)
                    } else {
                        least[index].old = min(least[index].old, seconds)
                    }
                }
            }
            // What is far behind will not catch up.
            let times = Times(present: geometricMean(least.map(\.old)), candidate: geometricMean(least.map(\.new)))
            if round == Tuner.rounds - 1 || (round == 1 && times.ratio > 1.1) { return times }
        }
        return Times(present: 1, candidate: 1)
    }

    func runsInBatch(_ program: CompiledProgram) throws -> Int {
        max(1, min(1000, Int(Tuner.batchSeconds / (try seconds(program, 1)))))
    }

    /// Of one of so many runs.
    func seconds(_ program: CompiledProgram, _ runs: Int) throws -> Double {
        let seconds = try secondsTaken {
            for _ in 0..<runs { try program.run() }
            try backend.synchronize()
        }
        // A clock that stood still would make ratios infinite.
        return max(seconds, 1e-9) / Double(runs)
    }

    func geometricMean(_ values: [Double]) -> Double {
        exp(values.reduce(0) { $0 + log($1) } / Double(max(1, values.count)))
    }
}
