import Foundation
import Graph
import Oracle
import Testing

/// The oracle against answers known from elsewhere.
@Suite struct OracleTests {
    private func evaluate(
        _ inputs: [(TensorType, [Double])], _ build: ([Tensor]) throws -> [Tensor]
    ) throws -> [[Double]] {
        let graph = Graph()
        let tensors = inputs.enumerated().map { graph.input("\($0)", $1.0) }
        return try Oracle(graph)(inputs: inputs.map(\.1), outputs: build(tensors))
    }

    private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-13) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    /// Random123's kat_vectors for philox4x32 with 10 rounds.
    @Test(
        arguments: [
            ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            (
                [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
            ),
        ] as [([UInt32], [UInt32], [UInt32])])
    func philoxGivesKnownAnswers(_ counter: [UInt32], _ key: [UInt32], _ expected: [UInt32]) {
        #expect(philox(counter, key: key) == expected)
    }

    /// The counter's byte format is frozen: element e of row r is word e & 3 of (e >> 2, sample[r], step, stream).
    @Test func randomBitsFollowTheFormat() throws {
        let bits = try evaluate([
            (TensorType([2], .uint32), [9, 4_000_000_000]), (TensorType([], .uint32), [77]),
            (TensorType([2], .uint32), [5, 6]),
        ]) { [try $0[0].graph.randomBits([2, 2, 3], stream: 13, sample: $0[0], step: $0[1], seed: $0[2])] }[0]
        for row in 0..<2 {
            for element in 0..<6 {
                let counter = [UInt32(element / 4), row == 0 ? 9 : 4_000_000_000, 77, 13]
                #expect(bits[row * 6 + element] == Double(philox(counter, key: [5, 6])[element % 4]))
            }
        }
    }

    /// Quantiles by Python's statistics.NormalDist, and the distribution function of what comes back.
    @Test func normalIsTheInverseDistributionFunction() throws {
        // bits such that (bits + 1/2) / 2^32 is nearest to 0.975, 0.5, 0.001.
        let values = try evaluate([(TensorType([4], .uint32), [4_187_593_113, 2_147_483_648, 4_294_967, 0])]) {
            [try $0[0].normal(.float64), try $0[0].uniform(.float64)]
        }
        #expect(isClose(values[0], [1.959963984142, 0, -3.090232292061, -6.337957754554], 1e-9))
        #expect(values[1][1] == 0.5 + 0x1p-33)
        for (x, p) in zip(values[0], values[1]) { #expect(abs(0.5 * erfc(-x / 2.0.squareRoot()) / p - 1) < 1e-13) }
    }

    @Test func integersAreExactAndWrap() throws {
        let type = TensorType([3], .int32)
        let results = try evaluate([(type, [2_147_483_647, -2_147_483_648, 46_341]), (type, [2, -1, 46_341])]) { x in
            [
                try x[0] + x[1], try x[0] * x[1], try x[0] / x[1], try x[0] % x[1], try -x[0], try abs(x[0]),
                try x[0] << x[1], try x[0] >> x[1],
            ]
        }
        #expect(results[0] == [-2_147_483_647, 2_147_483_647, 92_682])
        #expect(results[1] == [-2, -2_147_483_648, -2_147_479_015])
        #expect(results[2] == [1_073_741_823, -2_147_483_648, 1])
        #expect(results[3] == [1, 0, 0])
        #expect(results[4] == [-2_147_483_647, -2_147_483_648, -46_341])
        #expect(results[5] == [2_147_483_647, -2_147_483_648, 46_341])
        #expect(results[6] == [-4, 0, 1_482_912])
        #expect(results[7] == [536_870_911, -1, 1448])
        let bytes = try evaluate([(TensorType([2], .uint8), [200, 3])]) {
            [try $0[0] + $0[0], try $0[0].sum(), try !$0[0], try $0[0] / ($0[0] - $0[0])]
        }
        #expect(bytes == [[144, 6], [203], [55, 252], [0, 0]])
        let large = try evaluate([(TensorType([1], .uint32), [4_294_967_295])]) {
            [try $0[0] * $0[0], try $0[0] + 1, try $0[0].cast(to: .int32), try $0[0].cast(to: .uint8)]
        }
        #expect(large == [[1], [0], [-1], [255]])
        let casts = try evaluate([(TensorType([5], .float32), [-1.9, 300.7, .nan, 5e9, -.infinity])]) {
            [
                try $0[0].cast(to: .int32), try $0[0].cast(to: .uint32), try $0[0].cast(to: .uint8),
                try $0[0].cast(to: .bool),
            ]
        }
        #expect(
            casts == [
                [-1, 300, 0, 2_147_483_647, -2_147_483_648], [0, 300, 0, 4_294_967_295, 0], [0, 255, 0, 255, 0],
                [1, 1, 1, 1, 1],
            ])
    }

    @Test func viewsIndexAsDocumented() throws {
        let results = try evaluate([(TensorType([2, 3], .float64), [1, 2, 3, 4, 5, 6])]) { x in
            [
                try x[0].transposed(), try x[0].slice(1, start: 2, size: 2, step: -2),
                try x[0].padded(low: [0, 1], high: [1, 0]),
                try x[0].padded(axis: 1, low: 2, high: 1, mode: .reflect),
                try x[0].padded(axis: 0, low: 1, high: 0, mode: .edge),
                try x[0].windows(1, size: 2), try x[0].sum(axes: [0]), try x[0].max(axes: [1]),
                try x[0].product(axis: 1),
                try x[0].slice(0, 1..<2).broadcast(to: [2, 3]),
                try x[0].cumulativeSum(axis: 1, reverse: true, exclusive: true),
            ]
        }
        #expect(results[0] == [1, 4, 2, 5, 3, 6])
        #expect(results[1] == [3, 1, 6, 4])
        #expect(results[2] == [0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0])
        #expect(results[3] == [3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5])
        #expect(results[4] == [1, 2, 3, 1, 2, 3, 4, 5, 6])
        #expect(results[5] == [1, 2, 2, 3, 4, 5, 5, 6])
        #expect(results[6] == [5, 7, 9])
        #expect(results[7] == [3, 6])
        #expect(results[8] == [6, 120])
        #expect(results[9] == [4, 5, 6, 4, 5, 6])
        #expect(results[10] == [5, 3, 0, 11, 6, 0])
    }

    @Test func rowsFollowTheirRules() throws {
        let index = (TensorType([4], .int32), [2.0, 0, -1, 2])
        let results = try evaluate([
            (TensorType([3, 2], .float64), [1, 2, 3, 4, 5, 6]), index, (TensorType([5], .float64), [1, .nan, 3, 1, 3]),
        ]) { x in
            [
                try x[0].rows(x[1]), try x[0].rows(x[1]).scatterAdded(at: x[1], count: 3), try x[2].argsorted(),
                try x[2].argsorted(descending: true), try x[2].argmax(), try x[2].slice(0, 2..<5).argmin(),
            ]
        }
        #expect(results[0] == [5, 6, 1, 2, 0, 0, 5, 6])
        #expect(results[1] == [1, 2, 0, 0, 10, 12])
        #expect(results[2] == [0, 3, 2, 4, 1])
        #expect(results[3] == [2, 4, 0, 3, 1])
        #expect(results[4] == [1])
        #expect(results[5] == [1])
    }

    /// By hand: a 1x1x3x3 image with a 2x2 kernel.
    @Test func convolutionIsCrossCorrelation() throws {
        let image = (TensorType([1, 1, 3, 3], .float64), [1.0, 2, 3, 4, 5, 6, 7, 8, 9])
        let kernel = (TensorType([1, 1, 2, 2], .float64), [1.0, 10, 100, 1000])
        let results = try evaluate([image, kernel]) { x in
            [
                try x[0].convolved(with: x[1]), try x[0].convolved(with: x[1], stride: [2, 2], padding: [1, 1]),
                try x[1].transposeConvolved(with: x[1], stride: [2, 2]),
                try x[0].averagePooled([2, 2], stride: [1, 1]),
                try x[0].maxPooled([2, 2], stride: [2, 2], padding: [1, 1]),
            ]
        }
        #expect(results[0] == [5421, 6532, 8754, 9865])
        #expect(results[1] == [1000, 3200, 7040, 9865])
        #expect(
            results[2] == [
                1, 10, 10, 100, 100, 1000, 1000, 10_000, 100, 1000, 1000, 10_000, 10_000, 100_000, 100_000, 1_000_000,
            ])
        #expect(results[3] == [3, 4, 6, 7])
        #expect(results[4] == [1, 3, 7, 9])
    }

    @Test(arguments: [1, 2, 5])
    func factorisationsMultiplyBack(_ n: Int) throws {
        var generator = SampleGenerator(seed: "matrix \(n)")
        let numbers = (0..<(n * n)).map { _ in Double.random(in: -1...1, using: &generator) }
        let results = try evaluate([(TensorType([n, n], .float64), numbers)]) { x in
            let a = x[0]
            let symmetric = try matmul(a, a.transposed()) + a.identityLike()
            let l = try cholesky(symmetric)
            let (packed, permutation, _) = try lu(a)
            let (q, r) = try qr(a)
            let (values, vectors) = try eigh(symmetric)
            let product = try matmul(packed.triangle(.lower, strict: true) + a.identityLike(), packed.triangle(.upper))
            return [
                a, symmetric, try matmul(l, l.transposed()), try a.rows(permutation), product, try matmul(q, r),
                try matmul(q.transposed(), q), try a.identityLike(),
                try matmul(vectors * values, vectors.transposed()),
                try matmul(a.triangle(.upper), triangularSolve(a, a, upper: true)),
                values, try values.sorted(),
            ]
        }
        #expect(isClose(results[2], results[1]))
        #expect(isClose(results[4], results[3]))
        #expect(isClose(results[5], results[0]))
        #expect(isClose(results[6], results[7]))
        #expect(isClose(results[8], results[1]))
        #expect(isClose(results[9], results[0], 1e-10))
        #expect(results[10] == results[11])
    }

    @Test func loopsTurn() throws {
        let results = try evaluate([(TensorType([], .float64), [1])]) { x in
            try loop(count: 5, carry: [x[0], x[0]]) { (turn, carry) throws(GraphError) in
                [carry[1], try carry[0] + carry[1] + turn.cast(to: .float64) * 0]
            }
        }
        #expect(results == [[8], [13]])
    }

    @Test(arguments: [1, 2, 3, 5, 64, 65, 1000, 4096])
    func keyedPermutationIsAPermutation(_ count: Int) {
        let images = (0..<8).map { key in
            (0..<UInt32(count)).map { KeyedPermutation(count: UInt32(count), key: (UInt32(key), 7))($0) }
        }
        for image in images { #expect(image.sorted() == (0..<UInt32(count)).map { $0 }) }
        if count >= 64 { #expect(Set(images).count == 8) }
        #expect(KeyedPermutation(count: UInt32(count), key: (1, 2))(UInt32(count)) == UInt32(count))
    }

    @Test func missingNumbersAreAnError() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([2], .float64))
        #expect(throws: GraphError.self) { try Oracle(graph)(inputs: [], outputs: [x]) }
        #expect(throws: GraphError.self) { try Oracle(graph)(inputs: [[1]], outputs: [x]) }
        #expect(throws: GraphError.self) { try Oracle(graph)(inputs: [[1, 2], [1]], outputs: [x]) }
        #expect(throws: GraphError.self) { try Oracle(Graph())(inputs: [], outputs: [x]) }
    }
}
