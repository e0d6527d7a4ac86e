import Graph

/// An invertible, differentiable map of rows whose change of volume is known.
///
/// `forward` takes base values z to data x and `inverse` takes data to base, as in TFP, distrax, FlowJAX and normflows
/// (zuko and nflows name them the other way round). Both give the logarithm of the absolute determinant of their own
/// Jacobian, so that the two cancel at the same point.
public protocol Bijector {
    /// By which name the terms of a log-likelihood and `audit` list it.
    var name: String { get }
    /// What it is, such as "Coupling": its type's name unless given.
    var kind: String { get }
    /// x = f(z) for z [rows, event...], and log |det df/dz|.
    func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped
    /// z = f^-1(x) for x [rows, event...], and log |det df^-1/dx|.
    func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped
    /// The bijectors that it consists of, in the order in which base values pass them: itself unless given.
    func unrolled() throws(GraphError) -> [any Bijector]
}

extension Bijector {
    public var kind: String { "\(Self.self)" }
    public func unrolled() throws(GraphError) -> [any Bijector] { [self] }
}

/// Where a bijector took some rows, and how it stretched volume there.
public struct Mapped {
    /// [rows, event...]
    public var value: Tensor
    /// The logarithm of the absolute determinant of the Jacobian, in nats: [rows].
    public var logDet: Tensor

    public init(_ value: Tensor, logDet: Tensor) {
        self.value = value
        self.logDet = logDet
    }
}

/// Bijectors one after another: `forward` applies the first one first.
public struct Chain: Bijector {
    public let name: String
    public let parts: [any Bijector]

    public init(_ parts: [any Bijector], name: String = "chain") {
        self.parts = parts
        self.name = name
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        var mapped = Mapped(z, logDet: try z.rowZeros())
        for part in parts {
            let next = try part.forwardAndLogDet(mapped.value)
            mapped = Mapped(next.value, logDet: try mapped.logDet + next.logDet)
        }
        return mapped
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        var mapped = Mapped(x, logDet: try x.rowZeros())
        for part in parts.reversed() {
            let next = try part.inverseAndLogDet(mapped.value)
            mapped = Mapped(next.value, logDet: try mapped.logDet + next.logDet)
        }
        return mapped
    }

    public func unrolled() throws(GraphError) -> [any Bijector] {
        var all: [any Bijector] = []
        for part in parts { all += try part.unrolled() }
        return all
    }
}

/// A bijector with its directions exchanged: an inverse autoregressive flow is an inverted masked one.
public struct Inverted: Bijector {
    public let original: any Bijector

    public init(_ original: any Bijector) { self.original = original }

    public var name: String { original.name }
    public var kind: String { original.kind }
    public func unrolled() throws(GraphError) -> [any Bijector] {
        let parts = try original.unrolled()
        return parts.count == 1 ? [self] : parts.reversed().map { Inverted($0) }
    }
    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped { try original.inverseAndLogDet(z) }
    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped { try original.forwardAndLogDet(x) }
}

extension Tensor {
    /// One zero per row, [rows]: the log-det of what keeps volume.
    func rowZeros() throws(GraphError) -> Tensor { graph.constant(0, TensorType([try size(0)], scalar)) }
}
