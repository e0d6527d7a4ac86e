import Configuration
import Foundation

/// How the learning rate changes in the course of a training: the factor on the optimizer's rate.
///
/// The factor of a step is a function of its number, of the total number of steps and of the validation losses before
/// it. So a training that is interrupted and resumed takes the rates of an uninterrupted one. Where its total grows at
/// that, the steps that follow take the rates that a training of the new total has there; only `linear` and `cosine`
/// depend on the total, and not while they warm up.
///
///     let training = try Training(model, on: data, schedule: .cosine(warmupSteps: 100))
public enum LearningRateSchedule: Hashable, Sendable {
    case constant(Constant)
    /// Falls on a straight line.
    case linear(Decay)
    /// Falls along half a cosine (Loshchilov and Hutter 2017, eq. 5, without restarts).
    case cosine(Decay)
    /// Falls each time the validation loss has not improved for a while.
    case plateau(Plateau)

    public struct Constant: Codable, Hashable, Sendable {
        /// In step i of these, counted from 1, the factor is i / warmupSteps.
        public var warmupSteps = 0

        public init(warmupSteps: Int = 0) { self.warmupSteps = warmupSteps }
    }

    public struct Decay: Codable, Hashable, Sendable {
        public var warmupSteps = 0
        /// The factor after the last step; 1 after the warm-up.
        public var finalFraction = 0.0

        public init(warmupSteps: Int = 0, finalFraction: Double = 0) {
            self.warmupSteps = warmupSteps
            self.finalFraction = finalFraction
        }
    }

    public struct Plateau: Codable, Hashable, Sendable {
        public var warmupSteps = 0
        /// Multiplies the rate after each `patience` validations in a row without improvement.
        public var factor = 0.5
        public var patience = 10
        /// The factor never falls below this.
        public var finalFraction = 0.0

        public init(warmupSteps: Int = 0, factor: Double = 0.5, patience: Int = 10, finalFraction: Double = 0) {
            self.warmupSteps = warmupSteps
            self.factor = factor
            self.patience = patience
            self.finalFraction = finalFraction
        }
    }

    public static var constant: LearningRateSchedule { .constant(Constant()) }
    public static func constant(warmupSteps: Int) -> LearningRateSchedule {
        .constant(Constant(warmupSteps: warmupSteps))
    }
    public static func linear(warmupSteps: Int = 0, finalFraction: Double = 0) -> LearningRateSchedule {
        .linear(Decay(warmupSteps: warmupSteps, finalFraction: finalFraction))
    }
    public static func cosine(warmupSteps: Int = 0, finalFraction: Double = 0) -> LearningRateSchedule {
        .cosine(Decay(warmupSteps: warmupSteps, finalFraction: finalFraction))
    }
    public static func plateau(
        warmupSteps: Int = 0, factor: Double = 0.5, patience: Int = 10, finalFraction: Double = 0
    ) -> LearningRateSchedule {
        .plateau(Plateau(warmupSteps: warmupSteps, factor: factor, patience: patience, finalFraction: finalFraction))
    }

    /// Of a step after `index` others.
    ///
    /// - Parameters:
    ///   - total: Steps of the whole training.
    ///   - validations: Those before this step.
    public func factor(ofStep index: Int, of total: Int, after validations: ValidationHistory) -> Double {
        if index < warmupSteps { return Double(index + 1) / Double(warmupSteps) }
        /// From 0 after the warm-up to 1 after the last step.
        let course = min(Double(index - warmupSteps) / Double(max(total - warmupSteps, 1)), 1)
        switch self {
        case .constant: return 1
        case .linear(let decay): return 1 - (1 - decay.finalFraction) * course
        case .cosine(let decay):
            return decay.finalFraction + (1 - decay.finalFraction) * (1 + cos(.pi * course)) / 2
        case .plateau(let plateau):
            let count = validations.plateauCount(patience: plateau.patience)
            return max(pow(plateau.factor, Double(count)), plateau.finalFraction)
        }
    }

    private var warmupSteps: Int {
        switch self {
        case .constant(let options): options.warmupSteps
        case .linear(let options), .cosine(let options): options.warmupSteps
        case .plateau(let options): options.warmupSteps
        }
    }

    /// Whether it needs validation rows.
    public var needsValidation: Bool { if case .plateau = self { true } else { false } }

    /// Throws for the first option that is out of its range.
    public func check() throws(ConfigurationError) {
        func require(_ key: String, _ value: any CustomStringConvertible, _ isRight: Bool, _ expected: String)
            throws(ConfigurationError)
        {
            guard !isRight else { return }
            throw .badValue("schedule.\(key)", value: "\(value)", expected: expected)
        }
        try require("warmup_steps", warmupSteps, warmupSteps >= 0, "an integer of at least 0")
        switch self {
        case .constant: break
        case .linear(let decay), .cosine(let decay):
            try require(
                "final_fraction", decay.finalFraction, (0...1).contains(decay.finalFraction), "a number from 0 to 1")
        case .plateau(let plateau):
            try require("factor", plateau.factor, 0 < plateau.factor && plateau.factor < 1, "a number between 0 and 1")
            try require("patience", plateau.patience, plateau.patience >= 1, "an integer of at least 1")
            try require(
                "final_fraction", plateau.finalFraction, (0...1).contains(plateau.finalFraction),
                "a number from 0 to 1")
        }
    }
}

extension LearningRateSchedule: Variant {
    public static var kinds: [VariantKind<LearningRateSchedule>] {
        [
            .init("constant", Constant(), LearningRateSchedule.constant),
            .init("linear", Decay(), LearningRateSchedule.linear),
            .init("cosine", Decay(), LearningRateSchedule.cosine),
            .init("plateau", Plateau(), LearningRateSchedule.plateau),
        ]
    }

    public var selected: SelectedKind {
        switch self {
        case .constant(let options): SelectedKind("constant", options)
        case .linear(let options): SelectedKind("linear", options)
        case .cosine(let options): SelectedKind("cosine", options)
        case .plateau(let options): SelectedKind("plateau", options)
        }
    }
}
