extension JSONTree {
    /// What encoding makes of an infinity or a NaN, which JSON does not have.
    public enum NonFinite: Sendable {
        /// An error: configurations must read back.
        case fail
        /// `null`: results say that there is no number.
        case null
    }

    /// The tree of any `Encodable` value: keys in snake case (`learningRate` is `learning_rate`) in order of
    /// declaration.
    ///
    /// An absent optional is recorded as `null` rather than left out, so that its key is known. Keys of `[String: T]`
    /// stay as they are.
    public init(encoding value: some Encodable, nonFinite: NonFinite = .fail) throws {
        let node = EncodingNode()
        try TreeEncoder(node: node, codingPath: [], nonFinite: nonFinite).encode(value)
        self = node.tree
    }
}

/// A place that is filled while encoding; containers handed out earlier may still be growing.
private final class EncodingNode {
    enum Kind { case leaf, array, object }

    var kind = Kind.leaf
    private var leaf = JSONTree.null
    private(set) var children: [(key: String, node: EncodingNode)] = []

    var tree: JSONTree {
        switch kind {
        case .leaf: return leaf
        case .array: return .array(children.map(\.node.tree))
        case .object:
            var object = JSONObject()
            for (key, node) in children { object[key] = node.tree }
            return .object(object)
        }
    }

    func set(_ tree: JSONTree) { (kind, leaf) = (.leaf, tree) }

    /// - Parameter key: Empty in an array.
    func child(_ key: String = "") -> EncodingNode {
        let node = EncodingNode()
        children.append((key, node))
        return node
    }
}

private struct TreeEncoder: Encoder {
    let node: EncodingNode
    let codingPath: [any CodingKey]
    let nonFinite: JSONTree.NonFinite
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        // A second container for the same value continues the first: a variant adds its kind to its options so.
        node.kind = .object
        return KeyedEncodingContainer(KeyedContainer<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.kind = .array
        return UnkeyedContainer(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { ValueContainer(encoder: self) }

    func encode<T: Encodable>(_ value: T) throws {
        if let tree = value as? JSONTree {
            node.set(tree)
        } else if let scalar = value as? any JSONScalar {
            guard let tree = scalar.jsonTree else {
                guard nonFinite == .null else {
                    throw ConfigurationError.badValue(
                        KeyPathText.text(codingPath), value: "\(value)", expected: "a finite number")
                }
                node.set(.null)
                return
            }
            node.set(tree)
        } else if let dictionary = value as? [String: any Encodable] {
            node.kind = .object
            for (key, value) in dictionary.sorted(by: { $0.key < $1.key }) {
                try at(node.child(key), PathKey(key)).encode(value)
            }
        } else {
            try value.encode(to: self)
        }
    }

    func at(_ node: EncodingNode, _ key: any CodingKey) -> TreeEncoder {
        TreeEncoder(node: node, codingPath: codingPath + [key], nonFinite: nonFinite)
    }

    func at(_ key: some CodingKey) -> TreeEncoder { at(node.child(snakeCase(key.stringValue)), key) }
}

private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: TreeEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil(forKey key: Key) { encoder.at(key).node.set(.null) }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try encoder.at(key).encode(value) }

    func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }

    // The generic function above is not asked for these: the protocol has a requirement for each.
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try present(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try present(value, key) }

    private func present<T: Encodable>(_ value: T?, _ key: Key) throws {
        if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }

    func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        encoder.at(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.at(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { encoder.at(PathKey("super")) }

    func superEncoder(forKey key: Key) -> any Encoder { encoder.at(key) }
}

private struct UnkeyedContainer: UnkeyedEncodingContainer {
    let encoder: TreeEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    var count: Int { encoder.node.children.count }

    private func next() -> TreeEncoder {
        let key = PathKey(count)
        return encoder.at(encoder.node.child(), key)
    }

    func encodeNil() { next().node.set(.null) }

    func encode<T: Encodable>(_ value: T) throws { try next().encode(value) }

    func nestedContainer<Nested>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }

    func superEncoder() -> any Encoder { next() }
}

private struct ValueContainer: SingleValueEncodingContainer {
    let encoder: TreeEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() { encoder.node.set(.null) }

    func encode<T: Encodable>(_ value: T) throws { try encoder.encode(value) }
}
