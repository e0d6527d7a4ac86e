extension JSONTree {
    /// Reads a value out of this tree. Keys are in snake case (`learning_rate` for `learningRate`).
    ///
    /// - Parameter path: The dotted key of this tree in the whole configuration, for errors.
    /// - Throws: `ConfigurationError` naming key, value and what is expected; errors of the type's own `init(from:)` as
    ///   they are.
    public func decoded<T: Decodable>(as type: T.Type = T.self, at path: [String] = []) throws -> T {
        let decoder = TreeDecoder(tree: self, codingPath: path.map { PathKey($0) })
        do {
            return try decoder.decode(type)
        } catch let DecodingError.dataCorrupted(context) {
            throw decoder.badValue(at: context.codingPath, expected: "allowed (\(context.debugDescription))")
        } catch let DecodingError.typeMismatch(type, context) {
            throw decoder.badValue(at: context.codingPath, expected: "\(type)")
        } catch let DecodingError.valueNotFound(type, context) {
            throw decoder.badValue(at: context.codingPath, expected: "\(type)")
        } catch let DecodingError.keyNotFound(key, context) {
            throw ConfigurationError.missingKey(KeyPathText.text(context.codingPath + [key]))
        }
    }
}

/// Decodes from a tree.
struct TreeDecoder: Decoder {
    let tree: JSONTree
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = tree else { throw badValue(expected: "an object") }
        return KeyedDecodingContainer(KeyedContainer<Key>(decoder: self, object: object))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = tree else { throw badValue(expected: "a list") }
        return UnkeyedContainer(decoder: self, elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { ValueContainer(decoder: self) }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let tree = tree as? T { return tree }
        if let scalar = type as? any JSONScalar.Type {
            guard let value = scalar.init(jsonTree: tree) as? T else { throw badValue(expected: scalar.expectation) }
            return value
        }
        if let choice = type as? any (CaseIterable & RawRepresentable).Type, let names = caseNames(choice) {
            guard let name = tree.string, names.contains(name) else {
                throw badValue(expected: "one of " + names.joined(separator: ", "))
            }
        }
        if let dictionary = type as? any StringKeyed.Type, let value = try dictionary.decoded(by: self) as? T {
            return value
        }
        return try type.init(from: self)
    }

    func at(_ tree: JSONTree, _ key: any CodingKey) -> TreeDecoder {
        TreeDecoder(tree: tree, codingPath: codingPath + [key])
    }

    func badValue(at path: [any CodingKey]? = nil, expected: String) -> ConfigurationError {
        var tree: JSONTree? = tree
        for key in (path ?? codingPath).dropFirst(codingPath.count) {
            if let index = key.intValue, case .array(let elements) = tree, elements.indices.contains(index) {
                tree = elements[index]
            } else {
                tree = tree?[snakeCase(key.stringValue)]
            }
        }
        return .badValue(KeyPathText.text(path ?? codingPath), value: (tree ?? .null).compact, expected: expected)
    }
}

/// The raw values of an enum of strings; nil for other enums.
private func caseNames(_ type: any (CaseIterable & RawRepresentable).Type) -> [String]? {
    func names<C: CaseIterable & RawRepresentable>(_ type: C.Type) -> [String]? {
        let names = C.allCases.compactMap { $0.rawValue as? String }
        return names.isEmpty ? nil : names
    }
    return names(type)
}

/// `[String: T]`, whose keys are data and not names of properties.
private protocol StringKeyed {
    static func decoded(by decoder: TreeDecoder) throws -> Any
}

extension Dictionary: StringKeyed where Key == String, Value: Decodable {
    fileprivate static func decoded(by decoder: TreeDecoder) throws -> Any {
        guard case .object(let object) = decoder.tree else { throw decoder.badValue(expected: "an object") }
        var result: Self = [:]
        for (key, tree) in object.entries { result[key] = try decoder.at(tree, PathKey(key)).decode(Value.self) }
        return result
    }
}

private struct KeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: TreeDecoder
    let object: JSONObject
    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { object.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { object[snakeCase(key.stringValue)] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try at(key).tree == .null }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try at(key).decode(type) }

    func nestedContainer<Nested>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try at(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try at(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder.at(object["super"] ?? .null, PathKey("super")) }

    func superDecoder(forKey key: Key) throws -> any Decoder { try at(key) }

    private func at(_ key: Key) throws -> TreeDecoder {
        guard let tree = object[snakeCase(key.stringValue)] else {
            throw ConfigurationError.missingKey(KeyPathText.text(codingPath + [key]))
        }
        return decoder.at(tree, key)
    }
}

private struct UnkeyedContainer: UnkeyedDecodingContainer {
    let decoder: TreeDecoder
    let elements: [JSONTree]
    var currentIndex = 0
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(decoder: TreeDecoder, elements: [JSONTree]) {
        self.decoder = decoder
        self.elements = elements
    }

    private mutating func next() throws -> TreeDecoder {
        guard !isAtEnd else { throw decoder.badValue(expected: "a list of more than \(elements.count)") }
        defer { currentIndex += 1 }
        return decoder.at(elements[currentIndex], PathKey(currentIndex))
    }

    mutating func decodeNil() -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }

    mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }

    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct ValueContainer: SingleValueDecodingContainer {
    let decoder: TreeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.tree == .null }

    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}

extension JSONTree: Codable {
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? TreeDecoder {
            self = decoder.tree
            return
        }
        if let container = try? decoder.container(keyedBy: PathKey.self) {
            var object = JSONObject()
            for key in container.allKeys { object[key.stringValue] = try container.decode(JSONTree.self, forKey: key) }
            self = .object(object)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(JSONNumber(value))
        } else if let value = try? container.decode(UInt64.self) {
            self = .number(JSONNumber(value))
        } else if let value = try? container.decode(Double.self), let number = JSONNumber(value) {
            self = .number(number)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else {
            self = .array(try container.decode([JSONTree].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let number):
            if let value = Int(number.literal) {
                try container.encode(value)
            } else if let value = UInt64(number.literal) {
                try container.encode(value)
            } else {
                try container.encode(Double(number.literal))
            }
        case .string(let text): try container.encode(text)
        case .array(let elements): try container.encode(elements)
        case .object(let object):
            var container = encoder.container(keyedBy: PathKey.self)
            for (key, value) in object.entries { try container.encode(value, forKey: PathKey(key)) }
        }
    }
}
