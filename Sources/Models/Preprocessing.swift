import Configuration
import Graph
import Networks
import Probability

/// What lies between data and the layers of a flow. It is part of the distribution: undone in samples, and with its
/// log-det in densities.
///
/// Gray levels k in 0...255 are dequantized: y = (k + u) / 256 with u uniform in 0...1 is drawn anew in every training
/// step. The expectation of log p(y) - D log 256 is then a lower bound on the log-probability of the D levels of a row
/// (Theis, van den Oord and Bethge 2016, section 3.1).
public enum Preprocessing: Variant, Hashable {
    /// `dequantize` for images, `standardize` for other rows.
    case automatic
    /// The data as they are.
    case none
    /// Mean 0 and deviation 1 of every element over the training rows.
    case standardize
    case dequantize
    /// Dequantization, then x = logit(lambda + (1 - 2 lambda) y).
    case logit(LogitPreprocessing)

    public static var kinds: [VariantKind<Preprocessing>] {
        [
            .init("automatic", .automatic), .init("none", .none), .init("standardize", .standardize),
            .init("dequantize", .dequantize), .init("logit", LogitPreprocessing(), Preprocessing.logit),
        ]
    }

    public var selected: SelectedKind {
        switch self {
        case .automatic: SelectedKind("automatic")
        case .none: SelectedKind("none")
        case .standardize: SelectedKind("standardize")
        case .dequantize: SelectedKind("dequantize")
        case .logit(let options): SelectedKind("logit", options)
        }
    }
}

public struct LogitPreprocessing: Codable, Hashable, Sendable {
    /// How far the ends of 0...1 are moved inwards: 1e-6 for images of one channel and 0.05 for others unless given
    /// (Papamakarios, Pavlakou and Murray 2017, section 4.3).
    public var lambda: Double?

    public init(lambda: Double? = nil) { self.lambda = lambda }

    func lambda(for rowShape: [Int]) -> Double { lambda ?? (rowShape.count == 3 && rowShape[0] == 1 ? 1e-6 : 0.05) }
}

extension Preprocessing {
    /// The same with everything said, for rows of this shape.
    public func resolved(for rowShape: [Int]) throws(ConfigurationError) -> Preprocessing {
        switch self {
        case .automatic: return rowShape.count == 3 ? .dequantize : .standardize
        case .none, .standardize, .dequantize: return self
        case .logit(let options):
            let lambda = options.lambda(for: rowShape)
            try checkOption("preprocessing.lambda", lambda, 0 < lambda && lambda < 0.5, "between 0 and 0.5")
            return .logit(LogitPreprocessing(lambda: lambda))
        }
    }

    /// Whether data are gray levels.
    func isOfLevels(_ rowShape: [Int]) -> Bool {
        switch self {
        case .automatic: rowShape.count == 3
        case .none, .standardize: false
        case .dequantize, .logit: true
        }
    }

    /// From what the layers give to the data, dequantized data where they are levels.
    func bijectors(_ shape: [Int], _ scope: Scope) throws -> [any Bijector] {
        switch try resolved(for: shape) {
        case .automatic, .none, .dequantize: []
        case .standardize: [try ElementwiseAffine.standardizing(shape, scope)]
        case .logit(let options): [Sigmoid(lambda: options.lambda(for: shape), name: scope.path)]
        }
    }
}
