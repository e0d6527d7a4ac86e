import Graph
import Networks

/// A network that says, from the elements a flow keeps, what happens to those it moves. It need not be invertible.
public protocol Conditioner {
    /// Parameters for `event`-shaped rows from x [rows, ...]: [rows, count] + event.
    ///
    /// - Parameter context: [rows, features] that everything is conditioned on.
    func parameters(
        _ count: Int, for event: [Int], from x: Tensor, context: Tensor?, _ scope: Scope
    ) throws(GraphError) -> Tensor
}

/// Hidden layers and a dense layer without activation, in the scope `output`.
extension MLP: Conditioner {
    public func parameters(
        _ count: Int, for event: [Int], from x: Tensor, context: Tensor?, _ scope: Scope
    ) throws(GraphError) -> Tensor {
        let x = try x.flattened()
        let input = if let context { try concatenate([x, context], axis: 1) } else { x }
        let output = try Dense(count * event.product)(self(input, scope), scope["output"])
        return try output.rowsReshaped([count] + event)
    }
}
