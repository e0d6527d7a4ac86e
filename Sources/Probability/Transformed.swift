import Graph
import Networks

/// The distribution of x = f(z) for z of a base distribution and bijectors f: a normalizing flow. Its density is
/// p(x) = p_base(f^-1(x)) |det df^-1/dx|, exactly.
public struct Transformed: Distribution {
    public let base: any BaseDistribution
    /// In the order in which they take base values to data.
    public let bijectors: [any Bijector]

    public init(base: any BaseDistribution, by bijectors: [any Bijector]) {
        self.base = base
        self.bijectors = bijectors
    }

    public var support: Support { .real }

    public func logProb(_ x: Tensor) throws(GraphError) -> Tensor { try itemisedLogProb(x).total() }

    /// log p(x) in its parts, and the base values that x comes from.
    public func itemisedLogProb(_ x: Tensor) throws(GraphError) -> ItemisedLogProb {
        var z = x
        var logDets: [(name: String, value: Tensor)] = []
        for bijector in bijectors.reversed() {
            let mapped = try x.graph.located(scope: bijector.name, file: #fileID, line: #line) {
                () throws(GraphError) in try bijector.inverseAndLogDet(z)
            }
            z = mapped.value
            logDets.append((bijector.name, mapped.logDet))
        }
        let logProb = try x.graph.located(scope: "base", file: #fileID, line: #line) {
            () throws(GraphError) in try base.logProb(z)
        }
        return ItemisedLogProb(z: z, base: logProb, logDets: logDets)
    }

    public func sample(_ scope: Scope, temperature: Double) throws(GraphError) -> Tensor {
        try forward(base.sample(scope, temperature: temperature))
    }

    public func sample(_ scope: Scope) throws(GraphError) -> Tensor { try sample(scope, temperature: 1) }

    /// The data that base values [rows, event...] stand for.
    public func forward(_ z: Tensor) throws(GraphError) -> Tensor {
        try Chain(bijectors).forwardAndLogDet(z).value
    }
}

/// The parts of an exact log-likelihood, each in nats and [rows].
public struct ItemisedLogProb {
    /// The base values, [rows, event...].
    public var z: Tensor
    /// The base distribution's log-density at z.
    public var base: Tensor
    /// log |det| of each bijector's inverse, from the data inwards.
    public var logDets: [(name: String, value: Tensor)]

    public func logDet() throws(GraphError) -> Tensor {
        var total = try base.zerosLike()
        for logDet in logDets { total = try total + logDet.value }
        return total
    }

    public func total() throws(GraphError) -> Tensor { try base + logDet() }
}
