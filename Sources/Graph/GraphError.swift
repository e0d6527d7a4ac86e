/// Where in a model a node was made.
public struct Origin: Hashable, Sendable, CustomStringConvertible {
    /// The scope path, such as "decoder/conv1"; empty outside any scope.
    public var scope: String
    public var file: String
    public var line: Int

    public init(scope: String = "", file: String = "", line: Int = 0) {
        self.scope = scope
        self.file = file
        self.line = line
    }

    public var description: String {
        let place = file.isEmpty ? "" : "\(file):\(line)"
        return [scope, place].filter { !$0.isEmpty }.joined(separator: ", ")
    }
}

/// An operation that cannot be traced: which one, why, and where in the model it stands.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
    public var operation: String
    public var reason: String
    public var origin: Origin

    public init(_ operation: String, _ reason: String, at origin: Origin = Origin()) {
        self.operation = operation
        self.reason = reason
        self.origin = origin
    }

    public var description: String {
        let place = origin.description
        return "\(operation): \(reason)" + (place.isEmpty ? "" : " (at \(place))")
    }
}
