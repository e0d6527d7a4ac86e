import Graph
import Networks

/// A masked autoencoder: a network whose outputs for an element depend only on the elements before it (Germain, Gregor,
/// Murray and Larochelle 2015). Its masks are fixed: the degrees of a hidden layer ascend in even steps.
///
/// A hidden layer needs as many units as a row has elements, or some elements will not reach the next.
public struct MADE: Conditioner {
    /// In which order the elements of a row follow each other.
    public enum Order: String, Codable, Sendable, CaseIterable { case ascending, reversed }

    /// Widths of the hidden layers.
    public var hidden: [Int]
    public var activation: Activation
    public var order: Order

    public init(_ hidden: [Int], activation: Activation = .relu, order: Order = .ascending) {
        self.hidden = hidden
        self.activation = activation
        self.order = order
    }

    /// The place of each of `count` elements in the order, from 1.
    func degrees(_ count: Int) -> [Int] {
        order == .ascending ? Array(1...max(count, 1)) : (1...max(count, 1)).reversed()
    }

    /// Parameters for the elements of x [rows, event...] itself; they see `context` in whole.
    public func parameters(
        _ count: Int, for event: [Int], from x: Tensor, context: Tensor?, _ scope: Scope
    ) throws(GraphError) -> Tensor {
        let elements = event.product
        let outputs = degrees(elements)
        // Units of degree 0 tell the first element of the context.
        let lowest = context == nil && elements > 1 ? 1 : 0
        let kinds = elements - lowest
        var (h, seen) = (try x.flattened(), outputs)
        for (index, width) in hidden.enumerated() {
            let degrees = (0..<width).map { lowest + (($0 + 1) * kinds - 1) / width }
            let inner = scope["layer\(index)"]
            h = try MaskedDense(from: seen, to: degrees, seesOwnDegree: true)(
                h, context: index == 0 ? context : nil, inner)
            h = try activation(h)
            seen = degrees
        }
        let all = (0..<count).flatMap { _ in outputs }
        let y = try MaskedDense(from: seen, to: all, seesOwnDegree: false)(
            h, context: hidden.isEmpty ? context : nil, scope["output"])
        return try y.rowsReshaped([count] + event)
    }
}
