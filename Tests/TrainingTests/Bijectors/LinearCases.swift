import Pushforward

extension BijectorCase {
    static var linear: [BijectorCase] {
        var cases: [BijectorCase] = []
        for shape in [[1], [5], [2, 3, 2]] {
            cases.append(
                BijectorCase(name: "elementwise affine", shape: shape, parameterSpread: 0.6) { scope in
                    try ElementwiseAffine.learned(shape, scope)
                })
            cases.append(
                BijectorCase(name: "lower triangular", shape: shape, parameterSpread: 0.6) { scope in
                    try TriangularLinear(scope)
                })
            cases.append(
                BijectorCase(name: "upper triangular", shape: shape) { scope in
                    try TriangularLinear(triangle: .upper, scope)
                })
            cases.append(
                BijectorCase(name: "LU linear", shape: shape, rows: 7, parameterSpread: 0.5) { scope in
                    try LULinear(scope)
                })
            cases.append(
                BijectorCase(name: "orthogonal", shape: shape, keepsVolume: true, parameterSpread: 1) { scope in
                    try OrthogonalLinear(scope)
                })
            cases.append(
                BijectorCase(name: "two reflections", shape: shape, keepsVolume: true, parameterSpread: 1) { scope in
                    try OrthogonalLinear(reflections: 2, scope)
                })
            for (name, order) in [("reversed", Permutation.Order.reversed), ("shuffled", .shuffled(seed: 3))] {
                cases.append(
                    BijectorCase(name: "permutation, \(name)", shape: shape, keepsVolume: true) { _ in
                        Permutation(order)
                    })
            }
            cases.append(
                BijectorCase(name: "batch norm", shape: shape) { scope in try BatchNormFlow(scope) })
        }
        return cases
    }
}
