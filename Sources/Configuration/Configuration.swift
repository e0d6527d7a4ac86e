/// One `key=value` of the command line.
public struct Assignment: Equatable, Sendable {
    /// Dotted: `model.latent`.
    public let key: String
    public let value: JSONTree

    public init(key: String, value: JSONTree) {
        self.key = key
        self.value = value
    }

    /// Reads `key=value`. The value is JSON where it parses as JSON, else a string. Nil without a `=` or with an empty
    /// key.
    public init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let key = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        guard !key.split(separator: ".", omittingEmptySubsequences: false).contains("") else { return nil }
        self.init(key: key, value: (try? JSONTree(parsing: value, source: "")) ?? .string(value))
    }
}

/// How a configuration comes about: the defaults of a `Codable` value, a file over them, assignments over both.
public enum Configuration {
    /// - Parameters:
    ///   - defaults: The value whose tree says which keys there are and of what type.
    ///   - file: A parsed configuration file; it may name any part of the tree.
    ///   - assignments: `--set`, in order; the last one to name a key holds.
    ///   - path: The dotted key of `defaults` in the whole configuration, for errors (`["model"]`).
    /// - Throws: `ConfigurationError`.
    public static func resolve<T: Codable>(
        _ defaults: T, file: JSONTree? = nil, assignments: [Assignment] = [], at path: [String] = []
    ) throws -> T {
        let prefix = path.joined(separator: ".")
        let base = try JSONTree(encoding: defaults)
        let fromFile = file ?? .object(JSONObject())
        let overlay = try fromFile.replacing(with: overlay(of: assignments, at: prefix))
        let merged = try base.merged(with: overlay, at: prefix)
        let value = try merged.decoded(as: T.self, at: path)
        // Merging could not check keys below optionals, lists and variants of another kind. One that decoding did not take
        // is missing when the result is encoded again.
        try merged.checkKeys(areIn: JSONTree(encoding: value), at: prefix)
        return value
    }

    /// The assignments as one tree.
    ///
    /// - Throws: `ConfigurationError.badValue` where one assigns below another's plain value (`a=1`, then `a.b=2`).
    public static func overlay(
        of assignments: [Assignment], at path: String = ""
    ) throws(ConfigurationError) -> JSONTree {
        var tree = JSONTree.object(JSONObject())
        for assignment in assignments {
            let keys = assignment.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            tree = try tree.assigning(assignment.value, at: keys[...], path: path)
        }
        return tree
    }
}

extension JSONTree {
    fileprivate func assigning(
        _ value: JSONTree, at keys: ArraySlice<String>, path: String
    ) throws(ConfigurationError) -> JSONTree {
        guard let key = keys.first else { return value }
        // A bare kind may still be given options: `flow=planar`, then `flow.layers=3`.
        let container: JSONTree = if case .string = self { ["kind": self] } else { self }
        guard case .object(var object) = container else {
            let below = keys.joined(separator: ".")
            throw .badValue(path, value: compact, expected: "an object, yet \(below) is set in it")
        }
        let current = object[key] ?? .object(JSONObject())
        object[key] = try current.assigning(value, at: keys.dropFirst(), path: KeyPathText.appending(key, to: path))
        return .object(object)
    }

    /// This overlay with another over it: like `merged`, but neither knows all keys or types yet.
    fileprivate func replacing(with other: JSONTree) -> JSONTree {
        switch (self, other) {
        case (.string, .object(let changes)) where changes["kind"] == nil && !changes.keys.isEmpty:
            let bare: JSONTree = ["kind": self]
            return bare.replacing(with: other)
        case (.object(var base), .object(let changes)):
            if let kind = changes["kind"]?.string, let old = base["kind"]?.string, kind != old { return other }
            for (key, value) in changes.entries { base[key] = base[key]?.replacing(with: value) ?? value }
            return .object(base)
        default: return other
        }
    }
}
