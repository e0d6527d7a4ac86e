/// The types that are one JSON value by themselves.
protocol JSONScalar {
    /// What an error says is expected.
    static var expectation: String { get }

    /// Nil where the tree is of another type or the number does not fit.
    init?(jsonTree: JSONTree)

    /// Nil for an infinity or a NaN.
    var jsonTree: JSONTree? { get }
}

extension Bool: JSONScalar {
    static let expectation = "true or false"
    var jsonTree: JSONTree? { .bool(self) }

    init?(jsonTree: JSONTree) {
        guard let value = jsonTree.bool else { return nil }
        self = value
    }
}

extension String: JSONScalar {
    static let expectation = "a string"
    var jsonTree: JSONTree? { .string(self) }

    init?(jsonTree: JSONTree) {
        guard let value = jsonTree.string else { return nil }
        self = value
    }
}

extension Double: JSONScalar {
    static let expectation = "a number"
    var jsonTree: JSONTree? { JSONNumber(self).map(JSONTree.number) }

    init?(jsonTree: JSONTree) {
        guard case .number(let number) = jsonTree else { return nil }
        self.init(number.literal)
    }
}

extension Float: JSONScalar {
    static let expectation = "a number in the range of float32"
    var jsonTree: JSONTree? { JSONNumber(self).map(JSONTree.number) }

    init?(jsonTree: JSONTree) {
        guard case .number(let number) = jsonTree, let value = Float(number.literal), value.isFinite else {
            return nil
        }
        self = value
    }
}

extension FixedWidthInteger {
    static var expectation: String {
        switch Self.self {
        case is Int.Type, is Int64.Type: "an integer"
        case is UInt.Type, is UInt64.Type: "an integer of at least 0"
        default: "an integer from \(Self.min) to \(Self.max)"
        }
    }

    var jsonTree: JSONTree? { .number(JSONNumber(self)) }

    init?(jsonTree: JSONTree) {
        guard case .number(let number) = jsonTree else { return nil }
        self.init(number.literal)
    }
}

extension Int: JSONScalar {}
extension Int8: JSONScalar {}
extension Int16: JSONScalar {}
extension Int32: JSONScalar {}
extension Int64: JSONScalar {}
extension UInt: JSONScalar {}
extension UInt8: JSONScalar {}
extension UInt16: JSONScalar {}
extension UInt32: JSONScalar {}
extension UInt64: JSONScalar {}

/// A key that is only a name or an index.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) { (stringValue, intValue) = (name, nil) }
    init(_ index: Int) { (stringValue, intValue) = ("\(index)", index) }
    init(stringValue: String) { self.init(stringValue) }
    init(intValue: Int) { self.init(intValue) }
}
