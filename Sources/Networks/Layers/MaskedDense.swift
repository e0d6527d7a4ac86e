import Graph

/// A dense layer in which a unit sees only those inputs whose degree its own allows (Germain, Gregor, Murray and
/// Larochelle 2015, section 4). Forbidden weights are parameters too, but act as exact zeros.
///
/// Parameters: `weight` [out, in], `bias`, and `context` [out, features] if there is a context; initial values as of
/// `Dense`.
public struct MaskedDense: Sendable {
    /// One for each input and each unit.
    public var inputDegrees: [Int]
    public var degrees: [Int]
    /// Whether a unit sees inputs of degrees up to its own; else only of lower ones, as an output must.
    public var seesOwnDegree: Bool

    public init(from inputDegrees: [Int], to degrees: [Int], seesOwnDegree: Bool) {
        self.inputDegrees = inputDegrees
        self.degrees = degrees
        self.seesOwnDegree = seesOwnDegree
    }

    /// - Parameter context: [rows, features] that every unit sees.
    public func callAsFunction(
        _ x: Tensor, context: Tensor? = nil, _ scope: Scope, file: StaticString = #fileID, line: Int = #line
    ) throws(GraphError) -> Tensor {
        try scope.located(x.graph, file, line) { () throws(GraphError) -> Tensor in
            let (inputs, units) = (inputDegrees.count, degrees.count)
            guard x.rank == 2, x.shape[1] == inputs else {
                throw x.graph.error("masked dense", "takes [rows, \(inputs)], not \(x.type)")
            }
            let features = try context?.size(1) ?? 0
            let initializer = Initializer.uniform(fanIn: inputs + features)
            let weight = try scope.parameter("weight", [units, inputs], initializer)
            let bias = try scope.parameter("bias", [units], initializer)
            let from = try weight.graph.constant(inputDegrees.map(Double.init), shape: [1, inputs], .int32)
            let to = try weight.graph.constant(degrees.map(Double.init), shape: [units, 1], .int32)
            let isSeen = try seesOwnDegree ? from.lessEqual(to: to) : from.less(than: to)
            let masked = try select(isSeen, weight, weight.zerosLike())
            let y = try matmul(x, masked.transposed()) + bias
            guard let context else { return y }
            let seen = try scope.parameter("context", [units, features], initializer)
            return try y + matmul(context, seen.transposed())
        }
    }
}
