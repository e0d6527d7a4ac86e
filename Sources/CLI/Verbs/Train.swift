import Foundation
import Pushforward

/// Trains a model and writes a run folder.
enum Train {
    static let out = Option(
        "--out", "DIR", .path, defaultText: "runs/MODEL-DATA, then -2, -3 ...", help: "the run's folder")
    static let resume = Option(
        flag: "--resume", help: "go on from the last checkpoint of the run at --out, or of the last run of that name")
    static let dryRun = Option(
        flag: "--dry-run",
        help: "do everything but train: read the data, compile, say what would be done, write nothing")

    private static let options: [any AnyOption] = [
        TrainingOptions.data, TrainingOptions.epochs, TrainingOptions.steps, TrainingOptions.batchSize,
        TrainingOptions.learningRate, TrainingOptions.schedule, TrainingOptions.warmupSteps, TrainingOptions.optimizer,
        TrainingOptions.weightDecay, TrainingOptions.maxGradNorm, TrainingOptions.ema,
        TrainingOptions.validationFraction, TrainingOptions.validateEvery, TrainingOptions.patience,
        TrainingOptions.config, TrainingOptions.settings, out, resume, dryRun, Common.seed,
    ]

    static let verb = Verb(
        name: "train", summary: "train a model, write a run folder", positionals: [TrainingOptions.model],
        options: options + Common.execution, example: "train conv-vae --data fashion-mnist --epochs 5", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let plan = try TrainPlan(arguments)
        try train(plan.configuration.catalogModel(), plan, arguments, console)
    }

    private static func train<M: Model>(
        _ model: M, _ plan: TrainPlan, _ arguments: Arguments, _ console: Console
    ) throws {
        let configuration = plan.configuration
        let dataset = try configuration.dataset()
        try Interrupt.check()
        let training = try configuration.training(model, on: dataset, arguments)
        training.notice = { console.notice($0) }
        try training.prepare(batchSize: configuration.batchSize)
        let summary = TrainingSummary(training, configuration, plan.folder.path)
        console.notice(summary.text)
        if arguments[dryRun] {
            return try console.report(summary.json) { _ in "dry run: nothing is trained or written" }
        }
        try Interrupt.check()
        let stored = try training.configuration(
            source: configuration.data.source, validationFraction: configuration.data.validationFraction,
            batchSize: configuration.batchSize, epochs: configuration.epochs, steps: configuration.steps)
        let environment = runEnvironment(training.backend, training.options)
        if plan.isResumed {
            try training.resume(from: plan.folder, batchSize: configuration.batchSize)
            try plan.folder.update(stored, environment: environment)
            console.notice("resuming at step \(training.stepCount)")
        } else {
            try plan.folder.create(stored, environment: environment)
        }
        let seconds = try advance(training, to: summary.steps, batchSize: configuration.batchSize, plan.folder, console)
        try Interrupt.check()
        try TrainResults(training, plan.folder, dataset, source: configuration.data.source, console)
            .report(summary.validated(by: training.validations), seconds: seconds)
    }

    /// Trains with progress and returns how many seconds it took. Ctrl-C ends it after a step, with a checkpoint.
    private static func advance<M: Model>(
        _ training: Training<M>, to total: Int, batchSize: Int, _ folder: RunFolder, _ console: Console
    ) throws -> Double {
        let start = ProcessInfo.processInfo.systemUptime
        guard !training.isOutOfPatience else {
            console.notice(outOfPatience(training))
            return 0
        }
        guard training.stepCount < total else {
            console.notice("\(training.stepCount) steps are done already; ask for more with --epochs or --steps")
            return 0
        }
        training.recorder = try RunRecorder(folder, from: training.stepCount)
        let progress = ProgressBar(
            "train", total: total, start: training.stepCount, unitsPerStep: training.batchSize ?? batchSize,
            unit: "samples", console: console)
        func figures(_ step: TrainingStep) throws -> ProgressBar.Figures {
            let validation = training.validations.entries.last.map { [("validation", $0.loss ?? .nan)] } ?? []
            return [("loss", try step.loss())] + validation
        }
        var last: ProgressBar.Figures = []
        try training.run(steps: total - training.stepCount, batchSize: batchSize) { step in
            if Interrupt.isRequested { step.stop() }
            let isLast = step.index + 1 == total || Interrupt.isRequested || training.isOutOfPatience
            if isLast { last = try figures(step) }
            try progress.update(step.index + 1) { try figures(step) }
        }
        progress.finish(figures: last)
        if training.isOutOfPatience { console.notice(outOfPatience(training)) }
        if let best = training.validations.best, best.step != training.stepCount {
            console.notice("the best validation loss, \(ProgressLine.figureText(best.loss)), was at step \(best.step)")
        }
        if Interrupt.isRequested {
            console.notice(
                "step \(training.stepCount) is kept; go on with: "
                    + "pushforward train \(M.name) --resume --out \(folder.path)")
        }
        return ProcessInfo.processInfo.systemUptime - start
    }

    private static func outOfPatience<M: Model>(_ training: Training<M>) -> String {
        let count = counted(training.validations.countSinceBest, "validation")
        return "stopped at step \(training.stepCount): \(count) without a better loss"
    }
}

/// Which run a call of `train` is about.
private struct TrainPlan {
    let folder: RunFolder
    let configuration: RunConfiguration
    let isResumed: Bool

    init(_ arguments: Arguments) throws {
        let name = try arguments.value(TrainingOptions.model)
        guard let entry = ModelCatalog.entry(name) else { throw UsageError("unknown model \(name)") }
        let defaults = try TrainingOptions.defaults(entry)
        isResumed = arguments[Train.resume]
        guard isResumed else {
            configuration = try TrainingOptions.configuration(arguments, over: defaults)
            let names = RunName(model: name, source: configuration.data.source)
            folder = RunFolder(arguments[Train.out] ?? names.free)
            guard !folder.exists else {
                throw TrainingError(
                    folder.path, "exists already", "choose another --out, or go on with that run by --resume")
            }
            return
        }
        folder = try Self.resumedFolder(arguments, defaults)
        let present = try folder.configuration()
        guard present.modelName == name else {
            throw UsageError("\(folder.path) is a run of \(present.modelName), not of \(name)")
        }
        configuration = try TrainingOptions.configuration(arguments, over: present)
        let differences = try Self.withoutTotals(present).differences(to: Self.withoutTotals(configuration))
        guard differences.isEmpty else {
            let list = differences.joined(separator: ", ")
            throw UsageError("\(folder.path) was trained with other options (\(list)); leave them out to resume it")
        }
    }

    private static func resumedFolder(_ arguments: Arguments, _ defaults: RunConfiguration) throws -> RunFolder {
        if let path = arguments[Train.out] { return RunFolder(path) }
        let wanted = try TrainingOptions.configuration(arguments, over: defaults)
        guard !wanted.data.source.isEmpty else {
            throw UsageError("--resume needs the run: name it by --out, or its data by --data")
        }
        let names = RunName(model: wanted.modelName, source: wanted.data.source)
        guard let last = names.last else {
            throw TrainingError(names.first, "there is no such run to resume", "name the run by --out")
        }
        return RunFolder(last)
    }

    /// What must not change when a training goes on.
    private static func withoutTotals(_ configuration: RunConfiguration) throws -> JSONTree {
        var configuration = configuration
        (configuration.epochs, configuration.steps, configuration.patience) = (nil, nil, nil)
        return try JSONTree(encoding: configuration)
    }
}
