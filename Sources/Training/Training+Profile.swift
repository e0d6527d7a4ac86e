import Compiler
import Execution

/// One kernel of a training step, and what it takes.
public struct ProfiledStep: Sendable {
    /// What it computes and where in the model.
    public let label: String
    public let shape: String
    /// Matrix products and convolutions, which count multiplications and additions.
    public let isContraction: Bool
    public let work: Work
    /// The least of the steps that were measured: others who use the machine can only add.
    public let seconds: Double
}

extension Training {
    /// Trains `count` steps that wait after each kernel, and says how long each kernel took.
    ///
    /// Call `prepare(batchSize:)` before. The sum is a little more than an undisturbed step takes.
    public func profile(steps count: Int) throws -> [ProfiledStep] {
        guard let program = compiled?.program else { return [] }
        var times: [[Double]] = []
        for _ in 0..<count {
            times.append(try program.executable.measure())
            stepCount += 1
        }
        try checkFinite()
        return program.schedule.steps.indices.map { index in
            let step = program.schedule.steps[index]
            return ProfiledStep(
                label: step.label, shape: step.kernel.shapeText,
                isContraction: step.kernel.isContraction, work: program.schedule.work(ofStep: index),
                seconds: times.map { $0[index] }.min() ?? .nan)
        }
    }
}
