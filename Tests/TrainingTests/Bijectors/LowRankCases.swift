import Pushforward

extension BijectorCase {
    /// z plus something of few numbers that depend on z: planar, radial and Sylvester flows.
    static var lowRank: [BijectorCase] {
        // Far out these flows are nearly the identity. Layers and spreads are such that no row's log-det is near 0.
        let planar = [
            lowRank("planar", [1], 3, 1.1, 0.3), lowRank("planar", [2], 1, 0.8, 0.5),
            lowRank("planar", [5], 2, 0.7, 0.5), lowRank("planar", [2, 1, 3], 1, 0.8, 0.3),
            lowRank("planar", [2], 1, 1.8, 1, byRow: true), lowRank("planar", [5], 3, 0.8, 0.5, byRow: true),
            lowRank("planar", [2, 1, 3], 1, 0.7, 0.3, byRow: true),
        ]
        let radial = [
            lowRank("radial", [1], 1, 0.7, 1), lowRank("radial", [2], 3, 0.8, 1),
            lowRank("radial", [5], 1, 0.8, 1), lowRank("radial", [2, 1, 3], 2, 0.8, 1),
            lowRank("radial", [2], 3, 1.5, 1, byRow: true), lowRank("radial", [5], 1, 0.9, 1, byRow: true),
            lowRank("radial", [2, 1, 3], 2, 1, 1, byRow: true),
        ]
        let sylvester = [
            lowRank("sylvester", [1], 2, 1.5, 0.5), lowRank("sylvester", [2], 2, 2.5, 0.5),
            lowRank("sylvester", [5], 1, 1.4, 1), lowRank("sylvester", [2, 1, 3], 1, 0.8, 0.5),
            lowRank("sylvester", [1], 2, 2.5, 1, byRow: true), lowRank("sylvester", [5], 1, 0.7, 0.3, byRow: true),
            lowRank("sylvester", [2, 1, 3], 1, 1, 1, byRow: true),
        ]
        return planar + radial + sylvester
    }

    private static func lowRank(
        _ kind: String, _ shape: [Int], _ layers: Int, _ parameterSpread: Double, _ spread: Double,
        byRow: Bool = false
    ) -> BijectorCase {
        let size = shape.reduce(1, *)
        let units = (size + 1) / 2
        return BijectorCase(
            name: "\(kind)\(byRow ? " by row" : ""), \(layers)", shape: shape, spread: spread,
            // A radial flow's inverse is a closed form.
            inverseTolerance: kind == "radial" ? nil : (1e-10, 32 * 0x1p-23), parameterSpread: parameterSpread
        ) { scope in
            let layers = try (0..<layers).map { (index) throws -> any Bijector in
                let scope = scope["layer\(index)"]
                func given(_ count: Int) throws -> Tensor { try scope.parameter("rows", [5, count], .zeros) }
                switch (kind, byRow) {
                case ("planar", false): return try Planar(scope)
                case ("planar", true):
                    return Planar(parameters: try given(Planar.parameterCount(size)), name: scope.path)
                case ("radial", false): return try Radial(scope)
                case ("radial", true):
                    return Radial(parameters: try given(Radial.parameterCount(size)), name: scope.path)
                case (_, false): return try Sylvester(units: units, scope)
                case (_, true):
                    let count = Sylvester.parameterCount(size, units: units, reflections: size)
                    return Sylvester(units: units, reflections: size, parameters: try given(count), name: scope.path)
                }
            }
            return Chain(layers)
        }
    }
}
