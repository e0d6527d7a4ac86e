import Pushforward

extension BijectorCase {
    /// Transformers of which one direction iterates.
    static var mixtures: [BijectorCase] {
        var cases: [BijectorCase] = []
        for shape in [[2], [5]] {
            cases.append(
                BijectorCase(
                    name: "conic coupling", shape: shape, inverseTolerance: (1e-10, 1e-5), parameterSpread: 1
                ) { scope in
                    try Coupling(.half(0), ConicTransformer(units: 3), MLP([8]), scope)
                })
        }
        // With a large graph.
        cases.append(
            BijectorCase(
                name: "gaussianizing coupling", shape: [2], inverseTolerance: (1e-9, 3e-5), parameterSpread: 0.3
            ) { scope in
                try Coupling(.half(1), Gaussianization(components: 3), MLP([8]), scope)
            })
        return cases
    }
}
