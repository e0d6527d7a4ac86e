/// What a verb takes by name. `Value` is what asking for it gives: `Int` where there is a default, `Int?` where there
/// is none, `Bool` for a flag, a list where it may be repeated.
///
///     let epochs = Option("--epochs", "N", .integer(atLeast: 1), help: "passes over the data")
///     let rate = Option("--learning-rate", "X", .number(above: 0), default: 1e-3, help: "step size")
struct Option<Value: Sendable>: AnyOption {
    let label: Label
    let absent: Value
    let read: (@Sendable (_ text: String, _ earlier: Value?) throws(UsageError) -> Value)?
    let present: Value?

    func value(of text: String?, after earlier: (any Sendable)?) throws(UsageError) -> any Sendable {
        if let read, let text { return try read(text, earlier as? Value) }
        return present ?? absent
    }
}

/// What help and errors say of an option.
struct Label: Sendable {
    let name: String
    var aliases: [String] = []
    /// Nil for a flag.
    var placeholder: String?
    var defaultText: String?
    var isRepeated = false
    let help: String

    var names: [String] { [name] + aliases }
}

/// An option whatever its type.
protocol AnyOption: Sendable {
    var label: Label { get }

    /// - Parameters:
    ///   - text: Nil for a flag.
    ///   - earlier: The value so far of an option that may be repeated.
    func value(of text: String?, after earlier: (any Sendable)?) throws(UsageError) -> any Sendable
}

extension Option {
    /// An option with no default of its own; `defaultText` says in help what happens without it.
    init<T: Sendable>(
        _ name: String, _ placeholder: String, _ kind: ValueKind<T>, aliases: [String] = [],
        defaultText: String? = nil, help: String
    ) where Value == T? {
        label = Label(name: name, aliases: aliases, placeholder: placeholder, defaultText: defaultText, help: help)
        absent = nil
        read = { (text, _) throws(UsageError) in try kind.value(of: text, for: name) }
        present = nil
    }

    /// An option with a default.
    init(
        _ name: String, _ placeholder: String, _ kind: ValueKind<Value>, default absent: Value,
        aliases: [String] = [], defaultText: String? = nil, help: String
    ) {
        label = Label(
            name: name, aliases: aliases, placeholder: placeholder,
            defaultText: defaultText ?? defaultDescription(absent),
            help: help)
        self.absent = absent
        read = { (text, _) throws(UsageError) in try kind.value(of: text, for: name) }
        present = nil
    }

    /// An option that may be given any number of times.
    init<T: Sendable>(
        repeated name: String, _ placeholder: String, _ kind: ValueKind<T>, aliases: [String] = [], help: String
    ) where Value == [T] {
        label = Label(name: name, aliases: aliases, placeholder: placeholder, isRepeated: true, help: help)
        absent = []
        read = { (text, earlier) throws(UsageError) in (earlier ?? []) + [try kind.value(of: text, for: name)] }
        present = nil
    }

    /// An option without a value.
    init(flag name: String, aliases: [String] = [], help: String) where Value == Bool {
        label = Label(name: name, aliases: aliases, help: help)
        absent = false
        read = nil
        present = true
    }
}

private func defaultDescription(_ value: some Sendable) -> String {
    switch value {
    case let range as ClosedRange<Double>: "\(range.lowerBound):\(range.upperBound)"
    case let choice as any RawRepresentable: "\(choice.rawValue)"
    default: "\(value)"
    }
}

/// What a verb takes by place.
struct Positional<Value: Sendable>: AnyPositional {
    let placeholder: String
    let help: String
    let absent: Value?
    private let kind: ValueKind<Value>

    /// One that must be given.
    init(_ placeholder: String, _ kind: ValueKind<Value>, help: String) {
        (self.placeholder, self.kind, self.help, self.absent) = (placeholder, kind, help, nil)
    }

    /// One that may be left out. Only the last of a verb may be.
    init<T: Sendable>(optional placeholder: String, _ kind: ValueKind<T>, help: String) where Value == T? {
        self.placeholder = placeholder
        self.kind = ValueKind<Value>(kind.expectation, choices: kind.choices) { kind.read($0).map { $0 } }
        self.help = help
        self.absent = .some(nil)
    }

    var isOptional: Bool { absent != nil }

    func value(of text: String) throws(UsageError) -> any Sendable { try kind.value(of: text, for: placeholder) }
}

/// A positional whatever its type.
protocol AnyPositional: Sendable {
    var placeholder: String { get }
    var help: String { get }
    var isOptional: Bool { get }

    func value(of text: String) throws(UsageError) -> any Sendable
}
