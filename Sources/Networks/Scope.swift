import Graph

/// A place in a model, by which its parameters and random numbers are named.
///
///     let w = try scope["encoder"]["conv1"].parameter("weight", [32, 1, 4, 4], .uniform(fanIn: 16))
///
/// declares the parameter "encoder/conv1/weight". Its value is found by that path in every later trace, and in
/// checkpoints.
public struct Scope {
    public let trace: Trace
    /// Names from the root, joined by "/"; empty at the root.
    public private(set) var path: String
    private var isShared = false

    init(trace: Trace, path: String) {
        self.trace = trace
        self.path = path
    }

    public var graph: Graph { trace.graph }
    /// The element type of parameters and noise.
    public var precision: ScalarType { trace.precision }

    /// What each row is conditioned on, [rows, width]; nil where nothing is.
    public var condition: Tensor? { repeatedCondition ?? trace.condition }
    private var repeatedCondition: Tensor?

    /// The same scope for `count` neighbours of each row: several draws that are computed side by side.
    public func repeatingCondition(_ count: Int) throws(GraphError) -> Scope {
        guard let condition, count != 1 else { return self }
        let (rows, width) = (condition.shape[0], condition.shape[1])
        var scope = self
        scope.repeatedCondition = try condition.expanded(1).broadcast(to: [rows, count, width])
            .reshaped([rows * count, width])
        return scope
    }

    /// The scope of that name within this one.
    public subscript(_ name: String) -> Scope {
        var inner = self
        inner.path = path.isEmpty ? name : path + "/" + name
        return inner
    }

    /// The scope around this one; the root is its own.
    public var parent: Scope {
        var outer = self
        outer.path = path.split(separator: "/").dropLast().joined(separator: "/")
        return outer
    }

    /// The same scope, in which parameters may have been declared before in this trace: layers applied twice.
    public var shared: Scope {
        var scope = self
        scope.isShared = true
        return scope
    }

    /// This scope for what alone declares parameters in it, and then applies them as often as it likes: a bijector that
    /// goes both ways. Throws if the trace has given it away before.
    public func claimed() throws(GraphError) -> Scope {
        try trace.claim(path)
        return shared
    }

    /// A trained parameter. Throws if the trace has declared the path before, unless it is meant to be shared.
    public func parameter(
        _ name: String, _ shape: [Int], _ initializer: Initializer, shared: Bool = false
    ) throws(GraphError) -> Tensor {
        try trace.declare(self[name].path, shape, initializer, isTrained: true, shared: shared || isShared)
    }

    /// A trained parameter that starts as what `value` makes of the first batch: it is called where a trace is of that
    /// batch (see `Trace.firstValues`) and only there, once.
    public func parameter(
        _ name: String, _ shape: [Int], from value: () throws(GraphError) -> Tensor
    ) throws(GraphError) -> Tensor {
        let parameter = try parameter(name, shape, .firstBatch)
        return try trace.firstValue(of: self[name].path, value) ?? parameter
    }

    /// A value that is kept between runs and that no optimizer touches.
    public func state(
        _ name: String, _ shape: [Int], _ initializer: Initializer = .zeros, shared: Bool = false
    ) throws(GraphError) -> Tensor {
        try trace.declare(self[name].path, shape, initializer, isTrained: false, shared: shared || isShared)
    }

    /// Gives a state its value for the runs after this one.
    public func update(_ name: String, to value: Tensor) throws(GraphError) {
        try trace.update(self[name].path, to: value)
    }

    /// Independent standard normals of shape [rows, ...]; row r depends on the trace's sample index r alone, never on
    /// the number of rows.
    public func normal(_ shape: [Int]) throws(GraphError) -> Tensor {
        try trace.bits(shape, path).normal(precision)
    }

    /// Independent uniforms in (0, 1) of shape [rows, ...]; see `normal`.
    public func uniform(_ shape: [Int]) throws(GraphError) -> Tensor {
        try trace.bits(shape, path).uniform(precision)
    }

    /// The samples that random numbers are for, which are the rows of this trace.
    public func sampleCount() throws(GraphError) -> Int { try trace.randomSource().sample.size(0) }

    /// Runs `body` with nodes and errors attributed to this scope and a place in the source.
    func located<R>(
        _ graph: Graph, _ file: StaticString, _ line: Int, _ body: () throws(GraphError) -> R
    ) throws(GraphError) -> R {
        try graph.located(scope: path, file: file, line: line, body)
    }
}
