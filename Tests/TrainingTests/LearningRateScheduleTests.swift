import Foundation
import Pushforward
import Testing

@testable import Training

@Suite struct LearningRateScheduleTests {
    private func factors(
        _ schedule: LearningRateSchedule, _ steps: Range<Int> = 0..<8, of total: Int = 8, _ losses: [Double] = []
    ) -> [Double] {
        var validations = ValidationHistory()
        for (index, loss) in losses.enumerated() { validations.append(loss, at: index + 1) }
        return steps.map { schedule.factor(ofStep: $0, of: total, after: validations) }
    }

    @Test func ratesRiseThenFollowTheirCurve() {
        #expect(factors(.constant) == [Double](repeating: 1, count: 8))
        #expect(factors(.constant(warmupSteps: 4)) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
        #expect(factors(.linear()) == (0..<8).map { 1 - Double($0) / 8 })
        #expect(areClose(factors(.linear(warmupSteps: 2, finalFraction: 0.4)), [0.5, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5]))
        let cosine = [1, (1 + sqrt(0.5)) / 2, 0.5, (1 - sqrt(0.5)) / 2]
        #expect(areClose(factors(.cosine(warmupSteps: 4)), [0.25, 0.5, 0.75, 1] + cosine))
        #expect(areClose(factors(.cosine(finalFraction: 0.2), 4..<5), [0.6]))
        // After the last step, and with a total that the warm-up exceeds.
        #expect(areClose(factors(.linear(finalFraction: 0.3), 8..<10), [0.3, 0.3]))
        #expect(factors(.cosine(warmupSteps: 20)) == (1...8).map { Double($0) / 20 })
    }

    @Test func aPlateauLowersTheRate() {
        let schedule = LearningRateSchedule.plateau(factor: 0.5, patience: 2, finalFraction: 0.2)
        func last(_ losses: [Double]) -> Double { factors(schedule, 7..<8, losses)[0] }
        #expect(last([]) == 1 && last([3, 2, 1]) == 1 && last([3, 3]) == 1)
        #expect(last([3, 3, 3]) == 0.5 && last([3, 4, 5, 2, 2]) == 0.5)
        // Patience begins anew after each fall, and an improvement does not raise the rate again.
        #expect(last([3, 4, 4, 4]) == 0.5 && last([3, 4, 4, 4, 4]) == 0.25 && last([3, 4, 4, 1]) == 0.5)
        #expect(last([3] + [Double](repeating: 3, count: 20)) == 0.2)
        #expect(last([.nan, .infinity]) == 0.5)
        #expect(factors(.plateau(warmupSteps: 4, patience: 1), 0..<5, [1, 1]) == [0.25, 0.5, 0.75, 1, 0.5])
    }

    @Test func optionsOutOfRangeAreErrors() {
        func problem(_ schedule: LearningRateSchedule) -> String { message { try schedule.check() } }
        #expect(problem(.constant(warmupSteps: -1)).contains("schedule.warmup_steps"))
        #expect(problem(.linear(finalFraction: 1.5)).contains("schedule.final_fraction"))
        #expect(problem(.cosine(finalFraction: .nan)).contains("schedule.final_fraction"))
        #expect(problem(.plateau(factor: 1)).contains("schedule.factor"))
        #expect(problem(.plateau(patience: 0)).contains("schedule.patience"))
        #expect(problem(.plateau()).isEmpty)
        let text = message { _ = try Training(smallModel, on: blobs(), device: .cpu, schedule: .plateau()) }
        #expect(text.contains("no validation rows"))
    }

    @Test func schedulesAreConfigured() throws {
        let configuration = try RunConfiguration(model: smallModel, data: DataConfiguration(source: "blobs"))
        let assignments = ["schedule=cosine", "schedule.warmup_steps=5"].compactMap { Assignment($0) }
        let resolved = try Configuration.resolve(configuration, assignments: assignments)
        #expect(resolved.schedule == .cosine(warmupSteps: 5))
        let tree = try JSONTree(encoding: resolved)
        #expect(try tree.decoded(as: RunConfiguration.self).schedule == .cosine(warmupSteps: 5))
    }

    /// The rates that steps take, as a run records them.
    private func rates(_ training: Training<ConvVAE>, steps: Int) throws -> [Double] {
        var rates: [Double] = []
        try training.run(steps: steps, batchSize: 10) { rates.append($0.learningRate) }
        return rates
    }

    @Test func stepsTakeTheScheduledRate() throws {
        func training(_ schedule: LearningRateSchedule) throws -> Training<ConvVAE> {
            try Training(smallModel, on: blobs(), device: .cpu, optimizer: .sgd(learningRate: 0.01), schedule: schedule)
        }
        let linear = try training(.linear())
        #expect(areClose(try rates(linear, steps: 4), [0.01, 0.0075, 0.005, 0.0025]))
        // The rates are what is computed with: the same steps by hand.
        let byHand = try training(.constant)
        for rate in [0.01, 0.0075, 0.005, 0.0025] {
            byHand.learningRate = rate
            try byHand.run(steps: 1, batchSize: 10)
        }
        #expect(try byHand.trained().bits() == linear.trained().bits())
        #expect(try training(.constant).run(steps: 4, batchSize: 10).trained().bits() != linear.trained().bits())
    }

    /// A total that grows changes the rates of the steps that follow, to those of the new total.
    @Test func aTotalMayGrow() throws {
        let folder = try TemporaryFolder()
        func training(_ schedule: LearningRateSchedule) throws -> Training<ConvVAE> {
            try Training(smallModel, on: blobs(), device: .cpu, schedule: schedule)
        }
        for (index, schedule) in [LearningRateSchedule.linear(), .constant(warmupSteps: 7)].enumerated() {
            let whole = try training(schedule)
            let expected = try rates(whole, steps: 10)
            let run = RunFolder("\(folder.path)/\(index)")
            let first = try training(schedule)
            try run.create(first.configuration(batchSize: 10), environment: [:])
            first.recorder = try RunRecorder(run)
            _ = try rates(first, steps: 4)
            let second = try training(schedule)
            try second.resume(from: run, batchSize: 10)
            #expect(try rates(second, steps: 6) == Array(expected.dropFirst(4)))
            // The first steps of the linear schedule aimed at their own total.
            #expect(try (second.trained().bits() == whole.trained().bits()) == (index == 1))
        }
    }
}
