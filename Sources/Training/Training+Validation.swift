import Datasets
import Graph
import Models

/// When the loss on the validation rows is taken, and what it ends.
public struct ValidationPolicy: Hashable, Sendable {
    /// Steps between validations; nil for one after every epoch.
    public var every: Int?
    /// The training ends after so many validations in a row without a better loss; nil for never.
    public var patience: Int?

    public init(every: Int? = nil, patience: Int? = nil) {
        self.every = every
        self.patience = patience
    }
}

extension Training {
    /// Whether there are rows to validate on.
    public var hasValidation: Bool { dataset.splits.contains(.validation) }

    /// Whether the validation loss has not improved for as long as the policy allows.
    public var isOutOfPatience: Bool {
        guard let patience = validation.patience else { return false }
        return validations.countSinceBest >= patience
    }

    func isValidated(afterStep done: Int, stepsPerEpoch: Int) -> Bool {
        hasValidation && done % (validation.every ?? stepsPerEpoch) == 0
    }

    /// The means of the loss and its terms over the validation rows, by the weights that the trained model has.
    ///
    /// Row i has the same noise in every validation, and sums are taken in float64 on the host: equal weights give equal
    /// figures.
    func validate() throws -> [(name: String, value: Double)] {
        try checkFinite()
        let trained = try validator ?? trained()
        validator = trained
        let rows = try dataset.validation
        let outputs = try trained.mapRows("validation", rows, batchSize: batchSize ?? rows.count, seed: seed) {
            x, context in
            let objective = try model.objective(x, context.root)
            validationTerms = objective.terms.map { (name: $0.name, weight: $0.weight) }
            return try objective.terms.map { term in
                guard term.value.shape == [context.rows] else {
                    throw GraphError(
                        "validation", "\(term.name) has the shape \(term.value.shape), not one value for each row")
                }
                return term.value
            }
        }
        let means = outputs.map { $0.doubles.reduce(0, +) / Double(rows.count) }
        let loss = zip(validationTerms, means).reduce(0) { $0 + $1.0.weight * $1.1 }
        return [("loss", loss)] + zip(validationTerms, means).map { (name: $0.name, value: $1) }
    }
}
