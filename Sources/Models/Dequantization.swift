import Foundation
import Graph

/// Uniform dequantization of the gray levels x = k / 255 of 8 bits: y = (k + u) / 256 with u uniform in 0...1. As each
/// level has 1/256 of 0...1, log P(k) = log E[p(y)] - D log 256 for D elements, and the mean of log p(y) gives a lower
/// bound on it (Theis, van den Oord and Bethge 2016, section 3.1).
enum Dequantization {
    /// y for levels x and noise u of one shape.
    static func dequantized(_ x: Tensor, _ u: Tensor) throws(GraphError) -> Tensor { try (round(x * 255) + u) / 256 }

    /// The levels that y comes from; the nearest ones where it is outside of 0...1.
    static func levels(_ y: Tensor) throws(GraphError) -> Tensor {
        let k = try floor(y * 256)
        return try minimum(maximum(k, k.zerosLike()), k.zerosLike() + 255) / 255
    }

    /// D log 256 for each row, in nats: [rows].
    static func negativeLogVolumes(_ x: Tensor) throws(GraphError) -> Tensor {
        let rows = try x.size(0)
        return x.graph.constant(Double(x.count / max(rows, 1)) * Foundation.log(256), TensorType([rows], x.scalar))
    }
}
