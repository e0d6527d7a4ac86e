import Pushforward

extension BijectorCase {
    /// What flows for images are made of, and preprocessing.
    static var images: [BijectorCase] {
        let small = ConvolutionConditioner(width: 3)
        var cases = [
            BijectorCase(name: "standardize", shape: [5]) { try ElementwiseAffine.standardizing([5], $0) },
            BijectorCase(name: "standardize", shape: [2, 2, 3]) {
                try ElementwiseAffine.standardizing([2, 2, 3], $0)
            },
            BijectorCase(name: "sigmoid, lambda 0.05", shape: [4], spread: 2) { _ in Sigmoid(lambda: 0.05) },
            BijectorCase(name: "sigmoid, lambda 1e-6", shape: [1, 2, 2], spread: 3) { _ in Sigmoid(lambda: 1e-6) },
            BijectorCase(name: "activation norm", shape: [5]) { try ActNorm($0) },
            BijectorCase(name: "activation norm per channel", shape: [3, 4, 4]) { try ActNorm($0) },
            BijectorCase(name: "activation norm per element", shape: [2, 2, 3]) { try ActNorm(perElement: true, $0) },
            BijectorCase(name: "squeeze", shape: [4, 2, 3], keepsVolume: true) { _ in Squeeze() },
            BijectorCase(name: "squeeze", shape: [8, 2, 2], keepsVolume: true) { _ in Squeeze() },
            BijectorCase(name: "squeeze, inverted", shape: [3, 4, 4], keepsVolume: true) { _ in Inverted(Squeeze()) },
            BijectorCase(name: "1x1 convolution", shape: [4, 4, 4]) { try Invertible1x1Convolution($0) },
            BijectorCase(name: "1x1 convolution", shape: [3, 1, 2]) { try Invertible1x1Convolution($0) },
            BijectorCase(name: "factor out", shape: [32]) { scope in
                let within = Chain([Reshape([2, 2, 4]), try ActNorm(scope["norm"])])
                return try FactorOut(within, shape: [4, 2, 4], AffineTransformer(), small, scope["split"])
            },
            BijectorCase(name: "glow", shape: [16]) { scope in
                Chain(try Glow(levels: 2, depth: 2, width: 3, shape: [1, 4, 4]).layers(scope, context: nil))
            },
        ]
        for side in [0, 1] {
            for shape in [[4, 4, 4], [3, 2, 2]] {
                cases.append(
                    BijectorCase(name: "convolutional coupling, half \(side)", shape: shape) { scope in
                        try Coupling(.half(side), AffineTransformer(bound: 2), small, scope)
                    })
            }
        }
        cases.append(
            BijectorCase(name: "convolutional coupling given features", shape: [2, 3, 2], rows: 5) { scope in
                let features = try scope.graph.constant(
                    (0..<10).map { Double($0) / 5 - 1 }, shape: [5, 2], scope.precision)
                return try Coupling(.half(0), AffineTransformer(), small, context: features, scope)
            })
        return cases
    }
}
