import Graph
import Networks

/// Parameters for images from images of the same height and width: convolutions of 3 x 3, 1 x 1 and 3 x 3 (Kingma and
/// Dhariwal 2018, appendix B). The last one starts at zero, so that a coupling starts as the identity.
///
/// Scopes: `conv1`, `conv2`, `output`.
public struct ConvolutionConditioner: Conditioner, Codable, Sendable {
    /// Channels between the convolutions; with 0 there is the last one alone.
    public var width: Int
    public var activation: Activation

    public init(width: Int, activation: Activation = .relu) {
        self.width = width
        self.activation = activation
    }

    public func parameters(
        _ count: Int, for event: [Int], from x: Tensor, context: Tensor?, _ scope: Scope
    ) throws(GraphError) -> Tensor {
        guard x.rank == 4, event.count == 3, Array(x.shape.suffix(2)) == Array(event.suffix(2)) else {
            throw x.graph.error("conditioner", "convolutions make no parameters for \(event) from \(x.type)")
        }
        var h = x
        if let context {
            let spread = try context.expanded(2).expanded(3).broadcast(to: context.shape + event.suffix(2))
            h = try concatenate([x, spread], axis: 1)
        }
        if width > 0 {
            h = try activation(Conv2D(width, kernel: 3, padding: 1)(h, scope["conv1"]))
            h = try activation(Conv2D(width, kernel: 1)(h, scope["conv2"]))
        }
        let output = Conv2D(count * event[0], kernel: 3, padding: 1, startsAtZero: true)
        return try output(h, scope["output"]).rowsReshaped([count] + event)
    }
}
