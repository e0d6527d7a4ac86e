import Autodiff
import Pushforward

/// What `tune` measures: the products and convolutions of the MLP's and the convolutional VAE's training steps with 128
/// images, a large product, and odd sizes whose bits are looked at.
enum TuningShapes {
    static var all: [TuningCase] {
        get throws { try products() + convolutions() }
    }

    private static func float(_ graph: Graph, _ name: String, _ shape: [Int]) -> Tensor {
        graph.input(name, TensorType(shape, .float32))
    }

    private static func products() throws -> [TuningCase] {
        enum Transposed { case none, a, b }
        let shapes: [(m: Int, n: Int, k: Int, transposed: Transposed, isTimed: Bool)] = [
            (1024, 1024, 1024, .none, true), (128, 256, 3136, .none, true), (128, 400, 784, .none, true),
            (784, 400, 128, .a, true), (128, 784, 400, .b, true), (131, 77, 519, .none, false),
            (67, 203, 300, .a, false),
        ]
        return try shapes.map { m, n, k, transposed, isTimed in
            let graph = Graph()
            let a = float(graph, "a", transposed == .a ? [k, m] : [m, k])
            let b = float(graph, "b", transposed == .b ? [n, k] : [k, n])
            let product = try matmul(
                transposed == .a ? a.transposed() : a, transposed == .b ? b.transposed() : b)
            return TuningCase(.matmul, "\(m)x\(n)x\(k)", graph, [product], isTimed: isTimed)
        }
    }

    private static func convolutions() throws -> [TuningCase] {
        let layers = [
            (batch: 128, channels: [1, 32], size: 28, kernel: 4, stride: 2, isTimed: true),
            (batch: 128, channels: [32, 64], size: 14, kernel: 4, stride: 2, isTimed: true),
            (batch: 3, channels: [5, 19], size: 13, kernel: 3, stride: 2, isTimed: false),
        ]
        return try layers.flatMap { layer in
            try ([nil, 0, 1] as [Int?]).map { gradientIndex in
                let graph = Graph()
                let x = float(graph, "x", [layer.batch, layer.channels[0], layer.size, layer.size])
                let w = float(graph, "w", [layer.channels[1], layer.channels[0], layer.kernel, layer.kernel])
                var result = try x.convolved(with: w, stride: [layer.stride, layer.stride], padding: [1, 1])
                var direction = "forward"
                if let gradientIndex {
                    let sum = try (result * float(graph, "y", result.shape)).sum()
                    result = try gradient(of: sum, at: [[x, w][gradientIndex]])[0]
                    direction = ["data gradient", "weight gradient"][gradientIndex]
                }
                return TuningCase(
                    .convolution, "\(layer.channels[0]) to \(layer.channels[1]) channels, \(direction)",
                    graph, [result], isTimed: layer.isTimed)
            }
        }
    }
}
