import Graph

/// Dense layers, each followed by an activation: [rows, in] -> [rows, last width]. Scopes: `layer0`, `layer1` ...
public struct MLP: Codable, Sendable {
    public var widths: [Int]
    public var activation: Activation
    /// After the last layer; the same as between the layers if nil.
    public var outputActivation: Activation?

    public init(_ widths: [Int], activation: Activation = .relu, outputActivation: Activation? = nil) {
        self.widths = widths
        self.activation = activation
        self.outputActivation = outputActivation
    }

    public func callAsFunction(
        _ x: Tensor, _ scope: Scope, file: StaticString = #fileID, line: Int = #line
    ) throws(GraphError) -> Tensor {
        var x = x
        for (index, width) in widths.enumerated() {
            x = try Dense(width)(x, scope["layer\(index)"], file: file, line: line)
            let isLast = index == widths.count - 1
            let function = isLast ? outputActivation ?? activation : activation
            x = try scope["layer\(index)"].located(x.graph, file, line) { () throws(GraphError) in try function(x) }
        }
        return x
    }
}
