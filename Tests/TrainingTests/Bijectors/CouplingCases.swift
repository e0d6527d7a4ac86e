import Pushforward

extension BijectorCase {
    static var couplings: [BijectorCase] {
        var cases: [BijectorCase] = []
        for side in [0, 1] {
            for shape in [[2], [5], [4, 2, 3]] {
                cases.append(
                    BijectorCase(name: "affine coupling, half \(side)", shape: shape) { scope in
                        try Coupling(.half(side), AffineTransformer(), MLP([8]), scope)
                    })
                cases.append(
                    BijectorCase(name: "additive coupling, half \(side)", shape: shape, keepsVolume: true) { scope in
                        try Coupling(.half(side), AdditiveTransformer(), MLP([8]), scope)
                    })
            }
            cases.append(
                BijectorCase(name: "affine coupling, checkerboard \(side)", shape: [2, 3, 4]) { scope in
                    try Coupling(.checkerboard(side), AffineTransformer(bound: 2), MLP([8]), scope)
                })
        }
        cases.append(
            BijectorCase(name: "chain", shape: [4]) { scope in
                try Chain(
                    (0..<3).map { index in
                        try Coupling(.half(index % 2), AffineTransformer(), MLP([8]), scope["layer\(index)"])
                    })
            })
        cases.append(
            BijectorCase(name: "inverted affine coupling", shape: [3]) { scope in
                Inverted(try Coupling(.half(0), AffineTransformer(), MLP([8]), scope))
            })
        cases.append(BijectorCase(name: "reshape", shape: [6], keepsVolume: true) { _ in Reshape([2, 3]) })
        return cases
    }
}
