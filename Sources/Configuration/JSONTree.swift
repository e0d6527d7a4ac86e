/// A JSON document as a value.
///
/// Unlike `JSONSerialization` it keeps the order of keys and the exact text of numbers, so a 64-bit seed survives and a
/// float32 is written as shortly as it can be.
public enum JSONTree: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONTree])
    case object(JSONObject)

    /// The value under `key`, where this is an object that has it.
    public subscript(key: String) -> JSONTree? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The value at a dotted key such as `model.latent`, where there is one.
    public func value(at dottedKey: String) -> JSONTree? {
        var tree = self
        for key in dottedKey.split(separator: ".", omittingEmptySubsequences: false) {
            guard let next = tree[String(key)] else { return nil }
            tree = next
        }
        return tree
    }

    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    public var double: Double? {
        if case .number(let number) = self { Double(number.literal) } else { nil }
    }

    public var int: Int? {
        if case .number(let number) = self { Int(number.literal) } else { nil }
    }

    public var bool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    /// What an error calls this kind of value.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// The entries of a JSON object in the order they were written. Two objects are equal in any order.
public struct JSONObject: Equatable, Sendable {
    public private(set) var keys: [String] = []
    private var values: [String: JSONTree] = [:]

    public init() {}

    public subscript(key: String) -> JSONTree? {
        get { values[key] }
        set {
            if values[key] == nil, newValue != nil { keys.append(key) }
            if newValue == nil, values[key] != nil { keys.removeAll { $0 == key } }
            values[key] = newValue
        }
    }

    public var entries: [(key: String, value: JSONTree)] {
        keys.compactMap { key in values[key].map { (key, $0) } }
    }

    public static func == (left: JSONObject, right: JSONObject) -> Bool { left.values == right.values }
}

/// A finite number kept as its canonical text: `1e3`, `1000.0` and `1000` are the same number.
public struct JSONNumber: Hashable, Sendable {
    public let literal: String

    public init(_ value: some FixedWidthInteger) { literal = String(value) }

    /// Nil for infinities and NaN, which JSON does not have.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        let isSmallInteger = value.rounded() == value && abs(value) < 0x1p53
        let isNegativeZero = value == 0 && value.sign == .minus
        literal = isSmallInteger && !isNegativeZero ? String(Int64(value)) : value.description
    }

    /// The shortest text that reads back as this float32.
    public init?(_ value: Float) {
        guard value.isFinite else { return nil }
        self.init(text: value.description)
    }

    /// Nil where `text` is no finite number. The text must follow JSON's grammar, which the parser has seen to.
    init?(text: String) {
        // As an integer, "-0" would lose its sign.
        if text != "-0" {
            if let integer = Int64(text) {
                self.init(integer)
                return
            }
            if let integer = UInt64(text) {
                self.init(integer)
                return
            }
        }
        guard let value = Double(text) else { return nil }
        self.init(value)
    }
}

extension JSONTree: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    public init(arrayLiteral elements: JSONTree...) { self = .array(elements) }
    public init(nilLiteral: ()) { self = .null }

    public init(dictionaryLiteral elements: (String, JSONTree)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}
