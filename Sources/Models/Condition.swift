import Configuration
import Graph

/// What a model is told about each row beside the row itself.
public enum Condition: Variant, Hashable {
    case none
    /// The row's class, as one number per class: 1 for its own, 0 for the others.
    case label(LabelCondition)
    /// What is known of how the row was made, such as the position of a shape.
    case factors(FactorCondition)

    public static let kinds: [VariantKind<Condition>] = [
        .init("none", .none), .init("label", LabelCondition(), Condition.label),
        .init("factors", FactorCondition(), Condition.factors),
    ]

    public var selected: Selected {
        switch self {
        case .none: Selected("none")
        case .label(let condition): Selected("label", condition)
        case .factors(let condition): Selected("factors", condition)
        }
    }

    /// Numbers for each row.
    public var width: Int {
        switch self {
        case .none: 0
        case .label(let condition): condition.classes
        case .factors(let condition): condition.names.count
        }
    }
}

public struct LabelCondition: Codable, Hashable, Sendable {
    /// Training takes the data's where it is 0.
    public var classes: Int

    /// More would be no classes: each costs a number in every row.
    public static let mostClasses = 1 << 16

    public init(classes: Int = 0) { self.classes = classes }
}

public struct FactorCondition: Codable, Hashable, Sendable {
    /// Training takes the data's where there are none.
    public var names: [String]

    public init(names: [String] = []) { self.names = names }
}

/// A model of p(x | c): it finds c [rows, width] as its scope's `condition`, nil with `Condition.none`.
public protocol ConditionalModel: Model {
    var condition: Condition { get set }
}
