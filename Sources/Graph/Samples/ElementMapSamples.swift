extension OpSample {
    /// Couplings' maps of elements, both directions and their gradients: rows of one element, of few, of more than a
    /// vector has lanes, of several axes and of several blocks; elements beyond the bounds and on the knots.
    static var elementMaps: [OpSample] {
        var list = SampleList("element map")
        func add(
            _ map: ElementMap, _ text: String, _ shape: [Int], _ x: SampleDomain = .uniform(-3.2...3.2),
            parameters: SampleDomain = .uniform(-2...2), order: Int = 1, tolerance: Double = 4e-6
        ) {
            let event = Array(shape.dropFirst())
            let operands: [OpSample.Input] = [
                .float(shape, x), .float([shape[0], map.parameterCount] + event, parameters),
            ]
            for inverse in [false, true] {
                let name = "\(Composite.map(map, inverse: inverse)), \(text)"
                list.addAll(name, operands, tolerance: tolerance, order: order) { x in
                    let (value, logDet) = try map.rows(x[0], x[1], inverse: inverse)
                    return [value, logDet]
                }
            }
        }
        let affine = ElementMap.affine(AffineMap(bound: 1.5))
        let soft = ElementMap.affine(AffineMap(bound: 3, limit: .soft))
        let spline = ElementMap.spline(SplineMap(bins: 5, bound: 3, minimumBin: 1e-3, minimumSlope: 1e-3))
        let least = ElementMap.spline(SplineMap(bins: 2, bound: 1, minimumBin: 0.1, minimumSlope: 0.2))
        let many = ElementMap.spline(SplineMap(bins: 33, bound: 3, minimumBin: 1e-3, minimumSlope: 1e-3))
        for map in [affine, soft, spline] {
            // Differences across a knot, where a spline's second derivative jumps, are of no use: few elements.
            add(map, "rows of 1", [18, 1])
            add(map, "rows of 3", [5, 3], order: 2)
            add(map, "rows of 20", [3, 20], order: 0)
            add(map, "rows of 70", [4, 70], order: 0, tolerance: 8e-6)
            add(map, "images", [2, 2, 3, 2])
            add(map, "two blocks", [2, 1030], order: 0, tolerance: 2e-5)
            add(map, "no rows", [0, 4], order: 0)
            add(
                map, "saturated", [2, 12], .uniform(-2.9...2.9), parameters: .signed(20...30), order: 0,
                tolerance: 1e-3)
            let places: [Int: Double] = [1: .nan, 7: .infinity, 12: -.infinity, 16: 1e4]
            let odd: [Int: Double] = [0: .nan, 45: .infinity, 36: -.infinity]
            let x = (0..<20).map { (index: Int) -> Double in places[index] ?? Double(index) / 8 - 1 }
            let all = (0..<20 * map.parameterCount).map { (index: Int) -> Double in odd[index] ?? Double(index % 7) / 8
            }
            add(map, "infinities and NaN", [4, 5], .values(x), parameters: .values(all), order: 0)
        }
        add(affine, "parameters of 0", [3, 7], parameters: .values([0]), order: 0)
        for map in [affine, soft] {
            add(map, "large parameters", [2, 33], parameters: .uniform(-1e4...1e4), order: 0)
        }
        add(.affine(AffineMap(bound: 1)), "bound of 1", [3, 4], order: 2)
        add(least, "two bins", [6, 3], .uniform(-1.2...1.2))
        add(many, "33 bins", [2, 2], order: 0, tolerance: 6e-5)
        // Knots of bins that are all alike lie at -3, -1.8, ... 3; slopes differ.
        let knots: [Double] = [-3, -1.8, -0.6, 0.6, 1.8, 3]
        let alike = (0..<2 * 14 * 6).map { (index: Int) -> Double in index % 84 < 60 ? 0 : Double(index % 5) / 4 }
        add(spline, "at knots and bounds", [2, 6], .values(knots), parameters: .values(alike), order: 0)
        return list.samples
    }

    /// Gradients by kernels of their own, and gradients of those.
    static var elementMapGradients: [OpSample] {
        var list = SampleList("element map")
        let maps: [ElementMap] = [
            .affine(AffineMap(bound: 2)), .affine(AffineMap(bound: 3, limit: .soft)),
            .spline(SplineMap(bins: 4, bound: 2, minimumBin: 1e-2, minimumSlope: 1e-2)),
        ]
        for map in maps {
            for inverse in [false, true] {
                for (rows, length) in [(18, 1), (3, 5), (2, 40)] {
                    let inputs: [OpSample.Input] = [
                        .float([rows, length], .uniform(-2.5...2.5)), .float([rows, map.parameterCount, length]),
                        .float([rows, length]), .float([rows]),
                    ]
                    let composite = Composite.mapGradient(map, inverse: inverse)
                    list.addAll(
                        "\(composite) of \(rows) rows of \(length)", inputs, tolerance: 2e-5, order: length == 5 ? 2 : 0
                    ) { x in
                        try x[0].graph.apply(.composite(composite), x).results()
                    }
                }
            }
        }
        return list.samples
    }
}
