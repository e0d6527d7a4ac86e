import Graph
import Networks

/// Transforms each element of a row by parameters that depend on the elements of data before it (Papamakarios, Pavlakou
/// and Murray 2017). `inverse`, and so a density, is one pass of the conditioner; `forward`, and so a sample, takes a
/// pass for each element.
///
///     try Autoregressive(AffineTransformer(), MADE([64, 64]), scope["layer0"])                  // MAF
///     Inverted(try Autoregressive(AffineTransformer(), MADE([64, 64]), scope["layer0"]))        // IAF
///
/// Inverted it is an inverse autoregressive flow (Kingma et al. 2016): samples in one pass, densities by the loop.
public struct Autoregressive: Bijector {
    public var name: String { scope.path }
    private let transformer: any Transformer
    private let conditioner: MADE
    private let context: Tensor?
    private let scope: Scope

    /// - Parameter context: [rows, features] that all parameters depend on.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(
        _ transformer: any Transformer, _ conditioner: MADE, context: Tensor? = nil, _ scope: Scope
    ) throws(GraphError) {
        self.transformer = transformer
        self.conditioner = conditioner
        self.context = context
        self.scope = try scope.claimed()
    }

    private func parameters(_ x: Tensor) throws(GraphError) -> Tensor {
        try conditioner.parameters(
            transformer.parameterCount, for: Array(x.shape.dropFirst()), from: x, context: context, scope)
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        try transformer.inverseAndLogDet(x, parameters(x))
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let event = Array(z.shape.dropFirst())
        let degrees = conditioner.degrees(event.product)
        let turns = try z.graph.constant(degrees.map { Double($0 - 1) }, shape: [1] + event, .int32)
        let carry = [try z.zerosLike(), try z.zerosLike()]
        // An element is final after its own turn; until then it is 0, so that it cannot overflow in the conditioner.
        let last = try loop(count: event.product, carry: carry) { (turn, carry) throws(GraphError) -> [Tensor] in
            let x = try transformer.forward(z, parameters(carry[0]))
            let isDue = try turns.equal(to: turn).broadcast(to: z.shape)
            let zero = try x.value.zerosLike()
            let slope = x.logDerivative ?? zero
            return [try select(isDue, x.value, carry[0]), try select(isDue, slope, carry[1])]
        }
        return try Transformation(last[0], logDerivative: last[1]).mapped()
    }
}
