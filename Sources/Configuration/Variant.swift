/// An enum of alternatives with options, such as an optimizer, written `{"kind": "adam", "beta1": 0.8}` in a
/// configuration; a bare `"adam"` stands for that kind's defaults, and options that are left out take them.
///
///     enum Posterior: Variant {
///         case diagonal
///         case planar(PlanarOptions)
///
///         static let kinds: [VariantKind<Posterior>] = [
///             .init("diagonal", .diagonal),
///             .init("planar", PlanarOptions(), Posterior.planar),
///         ]
///         var selected: Selected {
///             switch self {
///             case .diagonal: Selected("diagonal")
///             case .planar(let options): Selected("planar", options)
///             }
///         }
///     }
///
/// `kind` is therefore not to be used as a property's name in a configuration.
public protocol Variant: Codable, Sendable {
    typealias Selected = SelectedKind

    static var kinds: [VariantKind<Self>] { get }
    var selected: Selected { get }
}

/// The kind that a variant holds and its options.
public struct SelectedKind: Sendable {
    public let name: String
    let options: (any Encodable & Sendable)?

    public init(_ name: String, _ options: (any Encodable & Sendable)? = nil) {
        self.name = name
        self.options = options
    }
}

/// One alternative of a `Variant`: its name and how to make it from an object of options.
public struct VariantKind<Value: Sendable>: Sendable {
    public let name: String
    let make: @Sendable (_ options: JSONTree, _ path: [String]) throws -> Value

    /// An alternative with options.
    public init<Options: Codable & Sendable>(
        _ name: String, _ defaults: Options, _ make: @escaping @Sendable (Options) -> Value
    ) {
        self.name = name
        self.make = { options, path in make(try Configuration.resolve(defaults, file: options, at: path)) }
    }

    /// An alternative without options.
    public init(_ name: String, _ value: Value) {
        self.init(name, NoOptions()) { _ in value }
    }
}

private struct NoOptions: Codable, Sendable {}

extension Variant {
    public init(from decoder: any Decoder) throws {
        let tree = try JSONTree(from: decoder)
        let path = KeyPathText.text(decoder.codingPath)
        let names = Self.kinds.map(\.name)
        let name: String
        var options = JSONObject()
        switch tree {
        case .string(let bare): name = bare
        case .object(let object):
            guard let kind = object["kind"] else {
                throw ConfigurationError.missingKey(KeyPathText.appending("kind", to: path))
            }
            guard let text = kind.string else {
                throw ConfigurationError.badValue(
                    KeyPathText.appending("kind", to: path), value: kind.compact, expected: "a string")
            }
            name = text
            options = object
            options["kind"] = nil
        default:
            throw ConfigurationError.badValue(path, value: tree.compact, expected: "a kind or an object with a kind")
        }
        guard let kind = Self.kinds.first(where: { $0.name == name }) else {
            let suggestion = nearest(name, among: names).map { "; did you mean \($0)?" } ?? ""
            throw ConfigurationError.badValue(
                path, value: JSONTree.string(name).compact,
                expected: "one of " + names.joined(separator: ", ") + suggestion)
        }
        self = try kind.make(.object(options), path.isEmpty ? [] : [path])
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: PathKey.self)
        try container.encode(selected.name, forKey: PathKey("kind"))
        try selected.options?.encode(to: encoder)
    }
}
