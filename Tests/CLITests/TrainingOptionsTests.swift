import Foundation
import Pushforward
import Testing

@testable import CLI

@Suite struct TrainingOptionsTests {
    private func configuration(_ words: String...) throws -> RunConfiguration {
        let arguments = try Arguments.parse(["realnvp"] + words, for: Train.verb)
        let entry = try #require(ModelCatalog.entry("realnvp"))
        return try TrainingOptions.configuration(arguments, over: TrainingOptions.defaults(entry))
    }

    private func problem(_ words: String...) -> String {
        do {
            let arguments = try Arguments.parse(["realnvp"] + words, for: Train.verb)
            let entry = try #require(ModelCatalog.entry("realnvp"))
            _ = try TrainingOptions.configuration(arguments, over: TrainingOptions.defaults(entry))
            return ""
        } catch { return "\(error)" }
    }

    @Test func optionsAreShortForKeys() throws {
        let plain = try configuration()
        #expect(plain.schedule == .constant && plain.validation == ValidationPolicy() && plain.ema == nil)
        #expect(plain.optimizer == .adam(learningRate: plain.optimizer.learningRate))
        let given = try configuration(
            "--lr-schedule", "cosine", "--lr-warmup-steps", "7", "--validate-every", "3", "--patience", "4", "--ema",
            "0.99", "--set", "schedule.final_fraction=0.1")
        #expect(given.schedule == .cosine(warmupSteps: 7, finalFraction: 0.1))
        #expect(given.validation == ValidationPolicy(every: 3, patience: 4) && given.ema == 0.99)
        let plateau = try configuration(
            "--lr-schedule=plateau", "--set", "schedule.factor=0.1", "--set=schedule.patience=3")
        #expect(plateau.schedule == .plateau(factor: 0.1, patience: 3))
        #expect(try configuration("--lr-warmup-steps=5").schedule == .constant(warmupSteps: 5))
    }

    @Test func anotherOptimizerKeepsTheModelsRate() throws {
        let rate = try configuration().optimizer.learningRate
        #expect(try configuration("--optimizer", "adamw").optimizer == .adamW(learningRate: rate))
        #expect(
            try configuration("--optimizer", "adamw", "--weight-decay", "0.3").optimizer
                == .adamW(learningRate: rate, weightDecay: 0.3))
        #expect(
            try configuration("--weight-decay", "0.3").optimizer == .adam(Adam(learningRate: rate, weightDecay: 0.3)))
        #expect(
            try configuration("--optimizer", "sgd", "--lr", "0.5", "--set", "optimizer.momentum=0.9").optimizer
                == .sgd(learningRate: 0.5, momentum: 0.9))
        let folder = try TemporaryFolder()
        try folder.write(Array("{\"optimizer\": {\"learning_rate\": 0.25}}".utf8), to: "c.json")
        #expect(
            try configuration("--config", folder("c.json"), "--optimizer", "adamw").optimizer
                == .adamW(learningRate: 0.25))
    }

    @Test func wrongValuesAreNamed() {
        #expect(problem("--lr-schedule", "cosin").contains("did you mean cosine"))
        #expect(problem("--optimizer", "adamx").contains("did you mean adam"))
        #expect(problem("--ema", "1").contains("between 0 and 1"))
        #expect(problem("--patience", "0").contains("at least 1"))
        #expect(problem("--set", "ema=2").contains("ema"))
        #expect(problem("--set", "patience=0").contains("patience"))
        #expect(problem("--set", "optimizer.weight_decay=-1").contains("optimizer.weight_decay"))
        #expect(problem("--set", "schedule.warmup=3").contains("schedule.warmup_steps"))
        #expect(problem("--lr-schedule=linear", "--set", "schedule.final_fraction=2").contains("final_fraction"))
    }
}
