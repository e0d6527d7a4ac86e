import Pushforward

extension BijectorCase {
    static var autoregressive: [BijectorCase] {
        var cases: [BijectorCase] = []
        for order in MADE.Order.allCases {
            for shape in [[1], [2], [6], [2, 2, 2]] {
                let spread = shape == [6] ? 0.9 : 0.4
                cases.append(
                    BijectorCase(
                        name: "\(order) affine autoregressive", shape: shape, parameterSpread: spread
                    ) { scope in
                        try Autoregressive(AffineTransformer(bound: 2), MADE([9, 8], order: order), scope)
                    })
            }
            cases.append(
                BijectorCase(name: "\(order) spline autoregressive", shape: [5], parameterSpread: 0.8) { scope in
                    try Autoregressive(
                        RationalQuadraticSpline(bins: 5, bound: 3), MADE([9], activation: .tanh, order: order), scope)
                })
            for (size, spread) in [(1, 1.1), (4, 1.2)] {
                cases.append(
                    BijectorCase(
                        name: "\(order) autoregressive with a context", shape: [size], parameterSpread: spread
                    ) { scope in
                        let context = try scope.graph.constant(
                            (0..<10).map { Double($0) * 0.3 - 1 }, shape: [5, 2], scope.precision)
                        return try Autoregressive(
                            AffineTransformer(), MADE([9], activation: .tanh, order: order), context: context, scope)
                    })
            }
        }
        cases.append(
            BijectorCase(name: "additive autoregressive", shape: [4], keepsVolume: true) { scope in
                try Autoregressive(AdditiveTransformer(), MADE([6]), scope)
            })
        cases.append(
            BijectorCase(name: "inverse autoregressive", shape: [4], parameterSpread: 0.7) { scope in
                Inverted(try Autoregressive(AffineTransformer(), MADE([6]), scope))
            })
        cases.append(BijectorCase(name: "diagonal scale", shape: [2, 3]) { scope in try DiagonalScale(scope) })
        return cases
    }
}
