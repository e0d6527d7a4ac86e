import Graph
import Networks

/// The elements of a vector, or the channels of an image, in another fixed order: it has no parameters and keeps volume.
public struct Permutation: Bijector {
    public enum Order: Hashable, Sendable {
        case reversed
        /// Drawn by this seed, the same for ever.
        case shuffled(seed: UInt32)

        /// Which of `count` elements comes to each place.
        func sources(_ count: Int) -> [Int] {
            switch self {
            case .reversed: return (0..<count).reversed()
            case .shuffled(let seed):
                let permutation = KeyedPermutation(count: UInt32(count), key: (seed, UInt32(count)))
                return (0..<UInt32(count)).map { Int(permutation($0)) }
            }
        }
    }

    public let order: Order

    public init(_ order: Order) { self.order = order }

    public var name: String { "permutation" }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        Mapped(try z.permuted(order.sources(z.size(1))), logDet: try z.rowZeros())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let sources = order.sources(try x.size(1))
        return Mapped(try x.permuted(sources.inverse), logDet: try x.rowZeros())
    }
}

extension [Int] {
    /// Of a permutation of 0..<count: where each element went.
    var inverse: [Int] {
        var inverse = self
        for (place, source) in enumerated() { inverse[source] = place }
        return inverse
    }
}

extension Tensor {
    /// The elements `sources` of the second axis in that order.
    func permuted(_ sources: [Int]) throws(GraphError) -> Tensor {
        if sources == Array(sources.indices.reversed()) { return try flipped(1) }
        let index = try graph.constant(sources.map(Double.init), shape: [sources.count], .int32)
        var axes = Array(shape.indices)
        axes.swapAt(0, 1)
        return try transposed(axes).rows(index).transposed(axes)
    }
}
