import Foundation
import Pushforward

/// The run that a verb works on.
struct OpenedRun {
    let folder: RunFolder
    let configuration: RunConfiguration
    let model: any Model
    private let arguments: Arguments

    /// - Throws: `TrainingError` where there is no run.
    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        folder = RunFolder(try arguments.value(Common.run))
        configuration = try folder.configuration()
        do {
            model = try configuration.catalogModel()
        } catch let error as ConfigurationError {
            // The call is right; it is the run's file that is not.
            throw TrainingError(folder.configurationPath, "\(error)", "restore the file that the training wrote")
        }
    }

    /// Of the run's folder.
    var name: String { folder.path }

    /// The model as one with a code for every row.
    ///
    /// - Throws: `TrainingError` where there are none.
    func encodingModel() throws -> any EncodingModel {
        guard let encoding = model as? any EncodingModel else {
            throw TrainingError(
                configuration.modelName, "has no codes", "use this verb with an autoencoder, a VAE or a flow")
        }
        return encoding
    }

    /// The model as one with a latent variable, from which rows are decoded with a loss.
    ///
    /// - Throws: `TrainingError` where it has none.
    func latentModel() throws -> any LatentModel {
        guard let latent = model as? any LatentModel else {
            throw TrainingError(
                configuration.modelName, "has no latent variable", "use this verb with an autoencoder or a VAE")
        }
        return latent
    }

    /// The model as one that makes new rows.
    ///
    /// - Throws: `TrainingError` where it makes none.
    func generativeModel() throws -> any GenerativeModel {
        guard let generative = model as? any GenerativeModel else {
            throw TrainingError(
                configuration.modelName, "has no prior to draw samples from", "train a VAE or a flow for samples")
        }
        return generative
    }

    /// Reads the checkpoint that was asked for onto the device that was asked for.
    func trained<M: Model>(_ model: M) throws -> Trained<M> {
        try Trained<M>(
            contentsOf: folder.path, step: arguments[Common.checkpoint].step(in: folder),
            weights: arguments[Common.weights], device: arguments.device(),
            precision: arguments[Common.precision]?.scalar, options: arguments.compileOptions)
    }

    /// Which of the run's models it is, as answers in JSON say it.
    func origin<M: Model>(of trained: Trained<M>) -> JSONTree {
        [
            "step": .integer(trained.stepCount), "checkpoint": .string("\(arguments[Common.checkpoint])"),
            "best_step": folder.bestStep.map { .integer($0) } ?? .null, "weights": .string(trained.weights.rawValue),
        ]
    }

    /// The same for people: "after 200 steps", and what else there is to choose from.
    func place<M: Model>(of trained: Trained<M>) -> String {
        var notes: [String] = []
        if let best = folder.bestStep {
            notes.append(
                best == trained.stepCount
                    ? "the best checkpoint" : "the \(name(of: trained)) checkpoint, the best is of step \(best)")
        }
        if trained.weights == .ema { notes.append("averaged weights") }
        let text = "after \(counted(trained.stepCount, "step"))"
        return notes.isEmpty ? text : "\(text) (\(notes.joined(separator: "; ")))"
    }

    private func name<M: Model>(of trained: Trained<M>) -> String {
        trained.stepCount == (try? folder.latestStep()) ? "latest" : "chosen"
    }

    /// Of the rows that `rows()` gives: a built-in name or a path.
    var source: String { arguments[Common.data] ?? configuration.data.source }

    /// The rows that were asked for: those of `--data`, else of the run's data, in the split of `--split`.
    func rows() throws -> (split: Dataset.Split, rows: Rows) {
        let isOther = arguments.given(Common.data)
        let dataset = try Dataset.load(
            source, validationFraction: isOther ? 0 : configuration.data.validationFraction)
        let split = arguments[Common.split] ?? dataset.heldOutSplit
        return (split, try dataset.split(split))
    }

    /// Where a result goes unless `--out` says otherwise.
    func output(_ name: String) throws -> ArrayFile {
        try ArrayFile(arguments[Common.out] ?? "\(folder.path)/\(name)")
    }
}

extension Dataset {
    /// The split on which figures are least flattering: test, else validation, else train.
    var heldOutSplit: Split {
        [.test, .validation].first { splits.contains($0) } ?? .train
    }
}
