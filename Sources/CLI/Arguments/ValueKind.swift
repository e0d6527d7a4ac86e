import Configuration

/// How the text of an argument is read.
struct ValueKind<Value: Sendable>: Sendable {
    /// What is allowed, as an error says it: "an integer of at least 1".
    let expectation: String
    /// The names that a wrong one is compared with, where there is a fixed set.
    let choices: [String]
    /// Nil where the text is malformed or not allowed.
    let read: @Sendable (String) -> Value?

    init(_ expectation: String, choices: [String] = [], read: @escaping @Sendable (String) -> Value?) {
        self.expectation = expectation
        self.choices = choices
        self.read = read
    }

    func value(of text: String, for name: String) throws(UsageError) -> Value {
        if let value = read(text) { return value }
        let suggestion = nearest(text, among: choices).map { "; did you mean \($0)?" } ?? ""
        throw UsageError("\(name): '\(text)' is not \(expectation)\(suggestion)")
    }
}

extension ValueKind where Value == Int {
    static func integer(atLeast minimum: Int) -> Self {
        Self("an integer of at least \(minimum)") { Int($0).flatMap { $0 >= minimum ? $0 : nil } }
    }

    static var integer: Self { Self("an integer") { Int($0) } }
}

extension ValueKind where Value == UInt64 {
    /// The seed of a counter-based generator.
    static var seed: Self { Self("an integer from 0 to \(UInt64.max)") { UInt64($0) } }
}

extension ValueKind where Value == Double {
    /// A finite number.
    static var number: Self { number("a number") { _ in true } }

    static func number(above bound: Double) -> Self { number("a number above \(plain(bound))") { $0 > bound } }

    static func number(atLeast bound: Double) -> Self {
        number("a number of at least \(plain(bound))") { $0 >= bound }
    }

    /// `from <= value < to`, such as a fraction held out.
    static func number(from lower: Double, below upper: Double) -> Self {
        number("a number from \(plain(lower)) to below \(plain(upper))") { lower <= $0 && $0 < upper }
    }

    /// `lower < value < upper`, such as a decay.
    static func number(between lower: Double, and upper: Double) -> Self {
        number("a number between \(plain(lower)) and \(plain(upper))") { lower < $0 && $0 < upper }
    }

    private static func number(_ expectation: String, where isAllowed: @escaping @Sendable (Double) -> Bool) -> Self {
        Self(expectation) { text in
            // Swift also reads "0x1p3", "inf" and "nan"; none of them is a figure that somebody means.
            guard let value = Double(text), value.isFinite, !text.lowercased().contains("x") else { return nil }
            return isAllowed(value) ? value : nil
        }
    }

    private static func plain(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}

extension ValueKind where Value == String {
    static var string: Self { Self("a text") { $0.isEmpty ? nil : $0 } }

    static var path: Self { Self("a path") { $0.isEmpty ? nil : $0 } }

    static func choice(_ names: [String]) -> Self {
        Self("one of " + names.joined(separator: ", "), choices: names) { names.contains($0) ? $0 : nil }
    }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// The cases of an enum by their names.
    static func choice(_ type: Value.Type = Value.self) -> Self {
        let names = type.allCases.map(\.rawValue)
        return Self("one of " + names.joined(separator: ", "), choices: names) { Value(rawValue: $0) }
    }
}

extension ValueKind where Value == Range<Int> {
    /// `A:B`: from A up to B, B itself left out.
    static var range: Self {
        Self("A:B with integers 0 <= A < B") { text in
            let bounds = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            guard bounds.count == 2, let from = bounds[0], let to = bounds[1], 0 <= from, from < to else { return nil }
            return from..<to
        }
    }
}

extension ValueKind where Value == ClosedRange<Double> {
    /// `A:B`: from A to B.
    static var interval: Self {
        Self("A:B with numbers A < B") { text in
            let bounds = text.split(separator: ":", omittingEmptySubsequences: false)
                .map { ValueKind<Double>.number.read(String($0)) }
            guard bounds.count == 2, let from = bounds[0], let to = bounds[1], from < to else { return nil }
            return from...to
        }
    }
}

/// Which of a number of things: `all`, or `0,3,7`.
enum Selection: Equatable, Sendable {
    case all
    case indices([Int])
}

extension ValueKind where Value == Selection {
    static var selection: Self {
        Self("all, or a list of different indices such as 0,3,7") { text in
            if text == "all" { return .all }
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            let indices = parts.compactMap { Int($0) }.filter { $0 >= 0 }
            guard indices.count == parts.count, Set(indices).count == indices.count else { return nil }
            return .indices(indices)
        }
    }
}

extension ValueKind where Value == Assignment {
    static var assignment: Self { Self("KEY=VALUE") { Assignment($0) } }
}
