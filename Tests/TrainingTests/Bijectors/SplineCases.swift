import Pushforward

extension BijectorCase {
    static var splines: [BijectorCase] {
        var cases: [BijectorCase] = []
        for side in [0, 1] {
            for shape in [[2], [5], [4, 2, 3]] {
                // Many conditioning elements saturate bins sooner.
                let spread = shape.count == 1 ? 1.5 : 0.4
                cases.append(
                    BijectorCase(name: "spline coupling, half \(side)", shape: shape, parameterSpread: spread) {
                        scope in
                        try Coupling(.half(side), RationalQuadraticSpline(bins: 5, bound: 3), MLP([8]), scope)
                    })
            }
            cases.append(
                BijectorCase(name: "spline coupling, checkerboard \(side)", shape: [2, 3, 4]) { scope in
                    try Coupling(.checkerboard(side), RationalQuadraticSpline(), MLP([8]), scope)
                })
        }
        // Many elements in the tails.
        cases.append(
            BijectorCase(name: "spline coupling", shape: [8], spread: 3) { scope in
                try Coupling(.half(0), RationalQuadraticSpline(bins: 4, bound: 2), MLP([8]), scope)
            })
        return cases
    }
}
