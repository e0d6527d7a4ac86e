import Configuration
import Execution
import Compiler
import Graph
import Models
import Networks

/// How a run came about: config.json of its folder, and what the command line's options and files are merged into.
public struct RunConfiguration: Codable, Sendable {
    /// Of the run folder; raised when an old reader could not understand a new folder.
    public var formatVersion: Int
    /// The model's options, and its name as `kind`.
    public var model: JSONTree
    public var data: DataConfiguration
    public var optimizer: Optimizer
    public var batchSize: Int
    /// Totals; null where the other one holds.
    public var epochs: Int?
    public var steps: Int?
    public var maxGradNorm: Double?
    public var schedule: LearningRateSchedule
    /// Steps between validations; null for one after every epoch.
    public var validateEvery: Int?
    /// Validations without improvement after which training ends; null for never.
    public var patience: Int?
    /// The decay of the averaged weights; null for none.
    public var ema: Double?
    public var seed: UInt64
    public var precision: ScalarType
    public var math: CompileOptions.Math

    public static let currentFormatVersion = 1

    public init(
        model: some Model, name: String? = nil, data: DataConfiguration, optimizer: Optimizer = .adam(),
        batchSize: Int = 128, epochs: Int? = nil, steps: Int? = nil, maxGradNorm: Double? = nil,
        schedule: LearningRateSchedule = .constant, validation: ValidationPolicy = ValidationPolicy(),
        ema: Double? = nil, seed: UInt64 = 0, precision: ScalarType = .float32, math: CompileOptions.Math = .exact
    ) throws {
        formatVersion = Self.currentFormatVersion
        self.model = try Self.tree(of: model, name: name)
        self.data = data
        self.optimizer = optimizer
        self.batchSize = batchSize
        self.epochs = epochs
        self.steps = steps
        self.maxGradNorm = maxGradNorm
        self.schedule = schedule
        validateEvery = validation.every
        patience = validation.patience
        self.ema = ema
        self.seed = seed
        self.precision = precision
        self.math = math
    }

    public var validation: ValidationPolicy { ValidationPolicy(every: validateEvery, patience: patience) }

    private static func tree<M: Model>(of model: M, name: String?) throws -> JSONTree {
        var object = JSONObject()
        object["kind"] = .string(name ?? M.name)
        if case .object(let options) = try JSONTree(encoding: model) {
            for (key, value) in options.entries { object[key] = value }
        }
        return .object(object)
    }

    /// The name of the model.
    public var modelName: String { model["kind"]?.string ?? "" }

    /// The model as a value of a known type. Throws where the options are not of that type.
    public func model<M: Model>(as type: M.Type) throws -> M {
        guard case .object(var options) = model else {
            throw ConfigurationError.badValue("model", value: model.compact, expected: "an object")
        }
        options["kind"] = nil
        return try JSONTree.object(options).decoded(as: type, at: ["model"])
    }

    /// The model by its name in the catalogue; options that are left out take their defaults.
    public func catalogModel() throws -> any Model {
        guard let entry = ModelCatalog.entry(modelName) else {
            let names = ModelCatalog.entries.map(\.name)
            let hint = nearest(modelName, among: names).map { "; did you mean \($0)?" } ?? ""
            throw TrainingError(
                "model \(modelName)", "is unknown", "models: \(names.joined(separator: ", "))\(hint)")
        }
        guard case .object(var options) = model else {
            throw ConfigurationError.badValue("model", value: model.compact, expected: "an object")
        }
        options["kind"] = nil
        return try Self.resolve(entry.model, .object(options))
    }

    private static func resolve<M: Model>(_ defaults: M, _ options: JSONTree) throws -> any Model {
        try Configuration.resolve(defaults, file: options, at: ["model"])
    }
}

/// Which data a run was trained on and what was made of them.
public struct DataConfiguration: Codable, Sendable {
    /// A built-in name or a path.
    public var source: String
    public var validationFraction: Double
    public var binarize: Binarization

    public init(source: String, validationFraction: Double = 0, binarize: Binarization = .none) {
        self.source = source
        self.validationFraction = validationFraction
        self.binarize = binarize
    }
}

extension Optimizer: Variant {
    public static var kinds: [VariantKind<Optimizer>] {
        [
            .init("adam", Adam(), Optimizer.adam), .init("adamw", AdamW(), Optimizer.adamW),
            .init("sgd", SGD(), Optimizer.sgd),
        ]
    }

    public var selected: SelectedKind {
        switch self {
        case .adam(let rule): SelectedKind("adam", rule)
        case .adamW(let rule): SelectedKind("adamw", rule)
        case .sgd(let rule): SelectedKind("sgd", rule)
        }
    }
}
