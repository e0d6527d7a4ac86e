import Graph
import Networks

/// Keeps a part of each row, from which a conditioner computes what a transformer does to the rest (Dinh, Krueger and
/// Bengio 2015; Dinh, Sohl-Dickstein and Bengio 2017). Both directions cost one pass of the conditioner.
///
///     try Coupling(.half(0), AffineTransformer(), MLP([128, 128]), scope["layer0"])      // RealNVP
public struct Coupling: Bijector {
    public var name: String { scope.path }
    private let partition: Partition
    private let transformer: any Transformer
    private let conditioner: any Conditioner
    private let context: Tensor?
    private let scope: Scope

    /// - Parameter context: [rows, features] that the conditioner is given beside the kept part.
    /// - Throws: Where another bijector of the trace has the scope.
    public init(
        _ partition: Partition, _ transformer: any Transformer, _ conditioner: any Conditioner, context: Tensor? = nil,
        _ scope: Scope
    ) throws(GraphError) {
        self.partition = partition
        self.transformer = transformer
        self.conditioner = conditioner
        self.context = context
        self.scope = try scope.claimed()
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped { try mapped(z, inverse: false) }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped { try mapped(x, inverse: true) }

    private func mapped(_ x: Tensor, inverse: Bool) throws(GraphError) -> Mapped {
        let parts = try partition.parts(of: x)
        let parameters = try conditioner.parameters(
            transformer.parameterCount, for: Array(parts.moved.shape.dropFirst()), from: parts.kept, context: context,
            scope)
        guard let mask = parts.mask else {
            let moved =
                try inverse
                ? transformer.inverseAndLogDet(parts.moved, parameters)
                : transformer.forwardAndLogDet(parts.moved, parameters)
            let pieces = partition == .half(0) ? [parts.kept, moved.value] : [moved.value, parts.kept]
            return Mapped(try concatenate(pieces, axis: 1), logDet: moved.logDet)
        }
        let moved =
            try inverse
            ? transformer.inverse(parts.moved, parameters) : transformer.forward(parts.moved, parameters)
        let slope = try moved.logDerivative.map { (slope) throws(GraphError) in
            try select(mask, slope.zerosLike(), slope)
        }
        return try Transformation(select(mask, parts.moved, moved.value), logDerivative: slope).mapped()
    }
}

/// Which elements of a row a coupling keeps.
public enum Partition: Hashable, Sendable {
    /// Of the first axis of a row (elements of a vector, channels of an image): the first half with 0, the second with
    /// 1. With an odd size the first half is the larger one.
    case half(Int)
    /// Of the last two axes: the places where row + column is even with 0, odd with 1, like the fields of a
    /// chessboard.
    case checkerboard(Int)

    struct Parts {
        /// What the conditioner sees.
        var kept: Tensor
        var moved: Tensor
        /// Where `moved` is kept after all.
        var mask: Tensor?
    }

    func parts(of x: Tensor) throws(GraphError) -> Parts {
        switch self {
        case .half(let side):
            guard x.rank >= 2, x.shape[1] >= 2 else {
                throw x.graph.error("coupling", "needs rows of two elements or channels at least, not \(x.type)")
            }
            let middle = (x.shape[1] + 1) / 2
            let (first, second) = (try x.slice(1, 0..<middle), try x.slice(1, middle..<x.shape[1]))
            return side == 0 ? Parts(kept: first, moved: second) : Parts(kept: second, moved: first)
        case .checkerboard(let side):
            guard x.rank >= 3 else {
                throw x.graph.error("coupling", "a checkerboard needs images [..., height, width], not \(x.type)")
            }
            let shape = [1] + x.shape.dropFirst()
            let place = try x.graph.iota(shape, axis: x.rank - 2) + x.graph.iota(shape, axis: x.rank - 1)
            let two = x.graph.constant(2, .int32)
            let mask = try (place % two).equal(to: x.graph.constant(Double(side), .int32)).broadcast(to: x.shape)
            return Parts(kept: try select(mask, x, x.zerosLike()), moved: x, mask: mask)
        }
    }
}
