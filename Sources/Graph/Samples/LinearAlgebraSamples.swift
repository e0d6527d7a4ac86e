extension OpSample {
    /// Factorisations and solves, of matrices that are far from singular.
    static var linearAlgebra: [OpSample] {
        var list = SampleList("linear algebra")
        for shape in [[3, 3], [1, 1], [5, 5], [2, 2, 3, 3], [0, 3, 3], [2, 0, 0], [17, 17]] {
            let matrix = Input.float(shape)
            let large = shape[0] > 10
            let order = large ? 1 : 2
            list.add("cholesky \(shape)", matrix, tolerance: 2e-5, order: order) { try cholesky(positive($0[0])) }
            list.addAll("lu \(shape)", [.float(shape, .apart(-1...1.3))], tolerance: 2e-4, order: order) { x in
                let (packed, permutation, sign) = try lu(x[0])
                return [packed, permutation, sign]
            }
            list.addAll("slogdet \(shape)", [.float(shape, .apart(-1...1.3))], tolerance: 2e-4, order: order) { x in
                let (sign, logAbsDet) = try slogdet(x[0])
                return [sign, logAbsDet]
            }
            list.addAll("qr \(shape)", [matrix], tolerance: 1e-4, order: order) { x in
                let (q, r) = try qr(x[0] + 2 * x[0].identityLike())
                return [q, r]
            }
            list.addAll("eigh \(shape)", [matrix], tolerance: 5e-5, order: order) { x in
                let (values, vectors) = try eigh(spread(x[0]))
                return [values, vectors]
            }
        }
        list.add(
            "cholesky, lower triangle only", .float([3, 3], .values([4, 99, .nan, 1, 5, 7, -1, 0.5, 6])), order: 0
        ) { try cholesky($0[0]) }
        list.add("cholesky, not definite", .float([2, 2, 2], .values([1, 0, 2, 1, 4, 0, 1, 3])), order: 0) {
            try cholesky($0[0])
        }
        list.addAll("eigh, lower triangle only", [.float([2, 2], .values([2, .nan, 1, 5]))], order: 0) { x in
            let (values, vectors) = try eigh(x[0])
            return [values, vectors]
        }
        list.addAll("lu, singular", [.float([2, 2, 2], .values([0, 0, 0, 0, 1, 2, 2, 4]))], order: 0) { x in
            let (packed, permutation, sign) = try lu(x[0])
            return [packed, permutation, sign]
        }
        list.addAll("lu, equal pivots", [.float([3, 3], .values([1, 2, 0, -1, 0, 3, 1, 1, 1]))], order: 0) { x in
            let (packed, permutation, sign) = try lu(x[0])
            return [packed, permutation, sign]
        }
        for shape in [[5, 3], [4, 1], [2, 4, 3], [3, 0]] {
            list.addAll("qr \(shape)", [.float(shape)], tolerance: 1e-4) { x in
                let (q, r) = try qr(x[0])
                return [q, r]
            }
        }
        for upper in [false, true] {
            for transpose in [false, true] {
                for unit in [false, true] {
                    let name = [upper ? "upper" : "lower", transpose ? "transposed" : nil, unit ? "unit" : nil]
                        .compactMap { $0 }
                    list.add(
                        "solve \(name.joined(separator: ", "))", .float([2, 4, 4]), .float([2, 4, 3]), tolerance: 2e-5
                    ) { x in
                        let a = try unit ? x[0] * 0.5 : x[0] + 2 * x[0].identityLike()
                        return try triangularSolve(a, x[1], upper: upper, transpose: transpose, unitDiagonal: unit)
                    }
                }
            }
        }
        list.addLayouts(
            "solve", .float([4, 4], .uniform(1...2)), .float([4, 3]), layouts: [.transposed, .strided], tolerance: 2e-5
        ) {
            try triangularSolve($0[0], $0[1], upper: false)
        }
        list.add("solve for nothing", .float([3, 3]), .float([3, 0])) { try triangularSolve($0[0], $0[1], upper: true) }
        list.add("solve of nothing", .float([0, 0]), .float([0, 2])) { try triangularSolve($0[0], $0[1], upper: true) }
        list.add("triangles", .float([2, 3, 4])) { x in
            let lower = try x[0].triangle(.lower) * 2 + x[0].triangle(.lower, strict: true)
            return try lower + x[0].triangle(.upper) * 3 + x[0].triangle(.upper, strict: true) * 5
        }
        return list.samples
    }

    /// x x^T + 2 I.
    private static func positive(_ x: Tensor) throws -> Tensor { try matmul(x, x.transposed()) + 2 * x.identityLike() }

    /// Symmetric, with eigenvalues about 4 apart.
    private static func spread(_ x: Tensor) throws -> Tensor {
        let row = try x.graph.iota(x.shape, axis: x.rank - 1).cast(to: x.scalar)
        return try (x + x.transposed()) * 0.5 + 4 * row * x.identityLike()
    }
}
