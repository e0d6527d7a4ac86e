import Graph

/// y = x W^T + b for x [rows, in]; W is [out, in], the layout of PyTorch's Linear.
///
/// Parameters: `weight`, `bias`, both uniform in +-1/sqrt(in) at first.
public struct Dense: Codable, Sendable {
    public var units: Int
    public var bias: Bool

    public init(_ units: Int, bias: Bool = true) {
        self.units = units
        self.bias = bias
    }

    public func callAsFunction(
        _ x: Tensor, _ scope: Scope, file: StaticString = #fileID, line: Int = #line
    ) throws(GraphError) -> Tensor {
        try scope.located(x.graph, file, line) { () throws(GraphError) -> Tensor in
            guard x.rank == 2, units > 0 else {
                throw x.graph.error("dense", "takes [rows, features] to at least one unit, not \(x.type) to \(units)")
            }
            let initializer = Initializer.uniform(fanIn: x.shape[1])
            let weight = try scope.parameter("weight", [units, x.shape[1]], initializer)
            let y = try matmul(x, weight.transposed())
            return bias ? try y + scope.parameter("bias", [units], initializer) : y
        }
    }
}

extension Tensor {
    /// Each row (all axes after the first) under another shape of as many elements.
    public func reshaped(_ row: Int...) throws(GraphError) -> Tensor { try rowsReshaped(row) }

    /// Each row (all axes after the first) under another shape of as many elements.
    public func rowsReshaped(_ row: [Int]) throws(GraphError) -> Tensor { try reshaped([try size(0)] + row) }
}
