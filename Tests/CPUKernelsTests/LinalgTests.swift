import CPUKernels
import Foundation
import Testing

// MARK: Calling the kernels

protocol LinalgElement: KernelElement, BinaryFloatingPoint {}
extension Float: LinalgElement {}
extension Double: LinalgElement {}

private struct Outputs: Equatable {
    var first: [Matrix] = [], second: [Matrix] = []
    var rows: [[Int]] = []
    var signs: [Double] = []
    /// All output bytes.
    var bits: [UInt8] = []
}

/// Runs one kind over a batch of equal shapes. `inPlace`: the first output takes the place of its input.
private func solve<T: LinalgElement>(
    _ kind: pf_linalg_kind, as type: T.Type, _ a: [Matrix], _ b: [Matrix] = [], upper: Bool = false,
    transpose: Bool = false, unit: Bool = false, threads: Int32 = 1, inPlace: Bool = false
) throws -> Outputs {
    let n = a[0].columns
    let m = kind == PF_TRIANGULAR_SOLVE ? b[0].columns : a[0].rows
    let batch = a.count
    let inputA = GuardedMemory(a.flatMap { $0.values.map { T($0) } })
    let inputB = GuardedMemory(b.flatMap { $0.values.map { T($0) } })
    let vector = kind == PF_EIGH
    let firstCount = batch * (vector ? n : kind == PF_TRIANGULAR_SOLVE || kind == PF_QR ? n * m : n * n)
    let first = inPlace ? (kind == PF_TRIANGULAR_SOLVE ? inputB : inputA) : GuardedMemory<T>(count: firstCount)
    let second = GuardedMemory<T>(count: kind == PF_QR || vector ? batch * n * n : 0)
    let rows = GuardedMemory<Int32>(count: kind == PF_LU ? batch * n : 0)
    let signs = GuardedMemory<T>(count: kind == PF_LU ? batch : 0)
    var args = pf_linalg()
    (args.kind, args.type) = (kind, T.kernelType)
    (args.batch, args.m, args.n) = (Int64(batch), Int64(m), Int64(n))
    (args.upper, args.transpose, args.unit_diagonal) = (upper, transpose, unit)
    (args.a, args.b, args.out0) = (UnsafeRawPointer(inputA.base), UnsafeRawPointer(inputB.base), .init(first.base))
    args.out1 = kind == PF_LU ? UnsafeMutableRawPointer(rows.base) : .init(second.base)
    args.out2 = .init(signs.base)
    let workspace = GuardedMemory<UInt8>(count: Int(withUnsafePointer(to: args) { pf_linalg_workspace($0) }))
    args.workspace = .init(workspace.base)
    try withUnsafePointer(to: args) { try run([pf_linalg_step($0)], threads: threads) }
    #expect(first.isIntact && second.isIntact && rows.isIntact && signs.isIntact && workspace.isIntact)

    func matrices(_ memory: GuardedMemory<T>, _ rows: Int, _ columns: Int) -> [Matrix] {
        let values = memory.array
        return (0..<(values.isEmpty ? 0 : batch)).map { p in
            let size = rows * columns
            return Matrix(rows, columns, values: values[p * size..<(p + 1) * size].map { Double($0) })
        }
    }
    let (height, width) = vector ? (n, 1) : kind == PF_TRIANGULAR_SOLVE ? (n, m) : kind == PF_QR ? (m, n) : (n, n)
    return Outputs(
        first: matrices(first, height, width), second: matrices(second, n, n),
        rows: rows.array.isEmpty ? [] : (0..<batch).map { p in rows.array[p * n..<(p + 1) * n].map { Int($0) } },
        signs: signs.array.map { Double($0) },
        bits: first.contents + second.contents + rows.contents + signs.contents)
}

private let sizes = [1, 2, 3, 4, 5, 8, 17, 32, 63, 100]
private let float = 5.96e-8, double = 1.11e-16
private let shared = LAPACK.shared

/// A tolerance for n-sized problems in units of the type's rounding error.
private func tolerance<T: LinalgElement>(_ type: T.Type, _ n: Int, _ factor: Double = 8) -> Double {
    factor * Double(max(n, 4)) * (T.self == Float.self ? float : double)
}

@Suite struct LinalgTests {
    // MARK: Cholesky

    private func checkCholesky<T: LinalgElement>(_ type: T.Type, _ n: Int) throws {
        let a = (0..<3).map { Matrix.positiveDefinite(n, seed: UInt64(100 + n + $0)) }
        // Only the lower triangle is read.
        let spoiled = a.map { a in Matrix(n, n) { $0 >= $1 ? a[$0, $1] : .nan } }
        for inPlace in [false, true] {
            let l = try solve(PF_CHOLESKY, as: T.self, spoiled, inPlace: inPlace).first
            for (a, l) in zip(a, l) {
                #expect(l == l.lower)
                #expect((l * l.transposed - a).norm <= tolerance(T.self, n) * a.norm)
            }
        }
    }

    @Test(arguments: sizes) func choleskyReconstructs(n: Int) throws {
        try checkCholesky(Float.self, n)
        try checkCholesky(Double.self, n)
    }

    @Test(.enabled(if: shared != nil, "liblapack.so.3 is not installed"), arguments: sizes)
    func choleskyIsLAPACKs(n: Int) throws {
        let lapack = try #require(shared)
        let a = Matrix.positiveDefinite(n, seed: 7)
        let l = try solve(PF_CHOLESKY, as: Double.self, [a]).first[0]
        #expect((l - lapack.cholesky(a)).norm <= tolerance(Double.self, n, 500) * a.norm)
    }

    @Test func choleskyOfWhatIsNotPositiveDefiniteIsNaN() throws {
        var late = Matrix.identity(5)
        late[3, 3] = -1
        var nan = Matrix.identity(5)
        nan[4, 2] = .nan
        for a in [Matrix(5, 5) { _, _ in 0 }, late, nan, Matrix(5, 5) { _, _ in 1 }] {
            let l = try solve(PF_CHOLESKY, as: Float.self, [a]).first[0]
            for i in 0..<5 {
                for j in 0..<5 { #expect(j <= i ? l[i, j].isNaN : l[i, j] == 0) }
            }
        }
    }

    // MARK: Triangular solve

    private func checkTriangularSolve<T: LinalgElement>(_ type: T.Type, _ n: Int, _ m: Int) throws {
        for flags in 0..<8 {
            let (upper, transpose, unit) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0)
            var t = Matrix.random(n, n, seed: UInt64(n + flags))
            for i in 0..<n {
                for j in 0..<n {
                    if i == j { t[i, j] = unit ? .nan : t[i, j] + (t[i, j] < 0 ? -2 : 2) }
                    // What may not be read is NaN.
                    if upper ? j < i : j > i { t[i, j] = .nan }
                    if i != j { t[i, j] = Double(Float(t[i, j] / Double(n).squareRoot())) }
                }
            }
            let b = Matrix.random(n, m, seed: 3)
            var whole = upper ? t.upper : t.lower
            for i in 0..<n where unit { whole[i, i] = 1 }
            let op = transpose ? whole.transposed : whole
            for inPlace in [false, true] {
                let x = try solve(
                    PF_TRIANGULAR_SOLVE, as: T.self, [t], [b], upper: upper, transpose: transpose, unit: unit,
                    threads: 2, inPlace: inPlace
                ).first[0]
                #expect((op * x - b).norm <= tolerance(T.self, n) * max(1, x.norm), "n \(n) m \(m) flags \(flags)")
            }
            guard let lapack = shared, T.self == Double.self else { continue }
            let expected = lapack.triangularSolve(whole, b, upper: upper, transpose: transpose, unit: unit)
            let x = try solve(
                PF_TRIANGULAR_SOLVE, as: Double.self, [t], [b], upper: upper, transpose: transpose, unit: unit
            ).first[0]
            #expect((x - expected).norm <= tolerance(Double.self, n, 100) * max(1, x.norm))
        }
    }

    @Test(arguments: [(1, 1), (2, 1), (5, 3), (17, 1), (33, 40), (70, 200)])
    func triangularSolveReconstructs(n: Int, m: Int) throws {
        try checkTriangularSolve(Float.self, n, m)
        try checkTriangularSolve(Double.self, n, m)
    }

    @Test func aZeroOnTheDiagonalDivides() throws {
        let x = try solve(
            PF_TRIANGULAR_SOLVE, as: Float.self, [Matrix(2, 2) { _, _ in 0 }], [Matrix(2, 1) { _, _ in 1 }])
        #expect(x.first[0][0, 0] == .infinity && x.first[0][1, 0].isNaN)
    }

    // MARK: LU

    private func checkLU<T: LinalgElement>(_ type: T.Type, _ a: [Matrix]) throws {
        let n = a[0].columns
        for inPlace in [false, true] {
            let out = try solve(PF_LU, as: T.self, a, inPlace: inPlace)
            for (p, a) in a.enumerated() {
                let (lu, rows) = (out.first[p], out.rows[p])
                let l = Matrix(n, n) { $0 == $1 ? 1 : $0 > $1 ? lu[$0, $1] : 0 }
                let permuted = Matrix(n, n) { a[rows[$0], $1] }
                #expect(rows.sorted() == Array(0..<n) && l.norm == 1)
                #expect((l * lu.upper - permuted).norm <= tolerance(T.self, n) * a.norm)
                // The sign by counting inversions.
                let inversions = (0..<n).reduce(0) { sum, i in sum + (0..<i).count { rows[$0] > rows[i] } }
                #expect(out.signs[p] == (inversions % 2 == 0 ? 1 : -1))
            }
        }
    }

    @Test(arguments: sizes) func luReconstructs(n: Int) throws {
        let a = (0..<3).map { Matrix.random(n, n, seed: UInt64(n * 10 + $0)) }
        try checkLU(Float.self, a)
        try checkLU(Double.self, a)
        // A cyclic permutation.
        try checkLU(Float.self, [Matrix(n, n) { ($0 + 1) % n == $1 ? 1 : 0 }])
    }

    @Test(.enabled(if: shared != nil, "liblapack.so.3 is not installed"), arguments: sizes)
    func luIsLAPACKs(n: Int) throws {
        let lapack = try #require(shared)
        let a = Matrix.random(n, n, seed: 11)
        let (lu, rows) = lapack.lu(a)
        let out = try solve(PF_LU, as: Double.self, [a])
        #expect(out.rows[0] == rows)
        #expect((out.first[0] - lu).norm <= tolerance(Double.self, n, 1000) * lu.norm)
    }

    @Test func luOfSingularMatrices() throws {
        let zero = try solve(PF_LU, as: Float.self, [Matrix(4, 4) { _, _ in 0 }])
        #expect(zero.first[0].norm == 0 && zero.rows == [[0, 1, 2, 3]] && zero.signs == [1])
        // Rank 2 of 5: the last columns have no pivot, exactly, as the entries are small integers.
        let a = Matrix(5, 5) { i, j in Double((i + 1) % 2 * j + i % 2 * 2) }
        let out = try solve(PF_LU, as: Float.self, [a])
        #expect(out.first[0].values.allSatisfy { $0.isFinite })
        #expect((0..<5).count { out.first[0][$0, $0] == 0 } >= 1)
        try checkLU(Float.self, [a])
        try checkLU(Double.self, [a])
    }

    @Test func luHandsNaNOn() throws {
        var a = Matrix.identity(4)
        a[2, 1] = .nan
        let lu = try solve(PF_LU, as: Float.self, [a]).first[0]
        #expect(lu[3, 3].isNaN && lu[2, 2].isNaN)
    }

    // MARK: QR

    private func checkQR<T: LinalgElement>(_ type: T.Type, _ a: [Matrix], _ comment: Comment? = nil) throws {
        let (m, n) = (a[0].rows, a[0].columns)
        for inPlace in [false, true] {
            let out = try solve(PF_QR, as: T.self, a, inPlace: inPlace)
            for (p, a) in a.enumerated() {
                let (q, r) = (out.first[p], out.second[p])
                #expect(r == r.upper && (0..<n).allSatisfy { r[$0, $0] >= 0 }, comment)
                #expect((q.transposed * q - .identity(n)).norm <= tolerance(T.self, m), comment)
                // Scaled first: in float64 the products of the largest numbers overflow.
                let scale = max(a.norm, .leastNormalMagnitude)
                let small = Matrix(n, n, values: r.values.map { $0 / scale })
                let expected = Matrix(m, n, values: a.values.map { $0 / scale })
                #expect((q * small - expected).norm <= tolerance(T.self, m), comment)
            }
        }
    }

    @Test(arguments: [(1, 1), (2, 1), (2, 2), (5, 3), (9, 1), (17, 17), (100, 8), (64, 63), (100, 100)])
    func qrReconstructs(m: Int, n: Int) throws {
        let a = (0..<3).map { Matrix.random(m, n, seed: UInt64(m * 7 + n + $0)) }
        try checkQR(Float.self, a)
        try checkQR(Double.self, a)
    }

    @Test(
        .enabled(if: shared != nil, "liblapack.so.3 is not installed"),
        arguments: [(1, 1), (5, 3), (40, 40), (100, 30)])
    func qrIsLAPACKs(m: Int, n: Int) throws {
        let lapack = try #require(shared)
        let a = Matrix.random(m, n, seed: 13)
        let (basis, factor) = lapack.qr(a)
        let signs = (0..<n).map { factor[$0, $0] < 0 ? -1.0 : 1 }
        let out = try solve(PF_QR, as: Double.self, [a])
        let q = Matrix(m, n) { basis[$0, $1] * signs[$1] }
        let r = Matrix(n, n) { $0 <= $1 ? factor[$0, $1] * signs[$0] : 0 }
        #expect((out.first[0] - q).norm <= tolerance(Double.self, m, 1000))
        #expect((out.second[0] - r).norm <= tolerance(Double.self, m, 1000))
    }

    @Test func qrSpecialCases() throws {
        let random = Matrix.random(6, 4, seed: 1)
        try checkQR(Float.self, [Matrix(6, 4) { _, _ in 0 }], "zero")
        try checkQR(Float.self, [Matrix(6, 4) { $1 == 1 ? 0 : random[$0, $1] }], "a column of zeros")
        try checkQR(Float.self, [Matrix(6, 4) { i, _ in random[i, 0] }], "rank 1")
        try checkQR(Float.self, [Matrix(4, 4) { $0 == $1 ? -1 : 0 }], "minus one")
        try checkQR(Double.self, [Matrix(6, 4) { random[$0, $1] * 1e307 }], "squares overflow")
        try checkQR(Double.self, [Matrix(6, 4) { random[$0, $1] * 1e-300 }], "squares underflow")
        var nan = random
        nan[3, 1] = .nan
        let out = try solve(PF_QR, as: Float.self, [nan])
        #expect((1..<4).allSatisfy { out.second[0][$0, $0].isNaN } && out.first[0][0, 3].isNaN)
    }

    // MARK: Symmetric eigenvalues

    private func checkEigen<T: LinalgElement>(_ type: T.Type, _ a: Matrix, _ comment: Comment? = nil) throws {
        let n = a.columns
        let spoiled = Matrix(n, n) { $0 >= $1 ? a[$0, $1] : .nan }
        let out = try solve(PF_EIGH, as: T.self, [spoiled, a])
        #expect(out.first[0] == out.first[1] && out.second[0] == out.second[1], "the upper triangle was read")
        let (values, vectors) = (out.first[0].values, out.second[0])
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }, comment)
        #expect((vectors.transposed * vectors - .identity(n)).norm <= tolerance(T.self, n), comment)
        let scale = max(a.norm, .leastNormalMagnitude)
        let scaled = Matrix(n, n) { vectors[$0, $1] * (values[$1] / scale) }
        let expected = Matrix(n, n) { a[$0, $1] / scale }
        #expect((scaled * vectors.transposed - expected).norm <= tolerance(T.self, n, 16), comment)
        for j in 0..<n {
            let column = (0..<n).map { vectors[$0, j] }
            let peak = column.map { abs($0) }.max() ?? 0
            #expect(column.first { abs($0) == peak }! > 0, comment)
        }
    }

    @Test(arguments: sizes) func eigenvectorsReconstruct(n: Int) throws {
        let x = Matrix.random(n, n, seed: UInt64(n))
        let symmetric = Matrix(n, n) { $0 >= $1 ? x[$0, $1] : x[$1, $0] }
        for a in [symmetric, .positiveDefinite(n, seed: 5)] {
            try checkEigen(Float.self, a)
            try checkEigen(Double.self, a)
        }
    }

    @Test(arguments: [1, 2, 3, 10, 33]) func eigenvaluesOfAwkwardMatrices(n: Int) throws {
        let x = Matrix.random(n, n, seed: 17)
        func symmetric(_ entry: (Int, Int) -> Double) -> Matrix { Matrix(n, n) { entry(max($0, $1), min($0, $1)) } }
        let half = Matrix.random(n, (n + 1) / 2, seed: 18)
        let projector = half * half.transposed
        let cases: [(Comment, Matrix)] = [
            ("zero", symmetric { _, _ in 0 }),
            ("identity", .identity(n)),
            ("rank 1", symmetric { _, _ in 1 }),
            ("half rank", symmetric { Double(Float(projector[$0, $1])) }),
            ("two eigenvalues", symmetric { ($0 == $1 ? 1 : 0) - 2 / Double(n) }),
            ("nearly a multiple of 1", symmetric { ($0 == $1 ? 2 : 0) + 1e-6 * x[$0, $1] }),
            ("graded", symmetric { x[$0, $1] * pow(10, -Double($0 + $1) * 15 / Double(n)) }),
            ("antidiagonal", symmetric { $0 + $1 == n - 1 ? 1 : 0 }),
            ("large", symmetric { Double(Float(x[$0, $1] * 3e37)) }),
            ("small", symmetric { Double(Float(x[$0, $1] * 1e-37)) }),
        ]
        for (comment, a) in cases {
            try checkEigen(Float.self, Matrix(n, n, values: a.values.map { Double(Float($0)) }), comment)
            try checkEigen(Double.self, a, comment)
        }
        try checkEigen(Double.self, symmetric { x[$0, $1] * 1.7e307 }, "largest")
        try checkEigen(Double.self, symmetric { x[$0, $1] * 1e-305 }, "smallest")
    }

    @Test(arguments: [false, true]) func smallEigenvaluesKeepTheirDigits(swapped: Bool) throws {
        // The determinant is 9 and the trace 1e20: a step that looks at the largest entry alone would leave 1e-19.
        let a = Matrix(2, 2) { $0 != $1 ? 1 : ($0 == 0) != swapped ? 1e20 : 1e-19 }
        let values = try solve(PF_EIGH, as: Double.self, [a]).first[0].values
        #expect(abs(values[0] / 9e-20 - 1) < 1e-14)
    }

    @Test(.enabled(if: shared != nil, "liblapack.so.3 is not installed"), arguments: sizes)
    func eigenvaluesAreLAPACKs(n: Int) throws {
        let lapack = try #require(shared)
        let x = Matrix.random(n, n, seed: 19)
        let a = Matrix(n, n) { $0 >= $1 ? x[$0, $1] : x[$1, $0] }
        let (values, vectors) = lapack.eigen(a)
        let out = try solve(PF_EIGH, as: Double.self, [a])
        let scale = Matrix(n, 1, values: values).norm
        #expect((out.first[0] - Matrix(n, 1, values: values)).norm <= tolerance(Double.self, n) * scale)
        // Random eigenvalues are apart, so the vectors are the same but for the sign.
        for j in 0..<n {
            let product = (0..<n).reduce(0) { $0 + vectors[$1, j] * out.second[0][$1, j] }
            #expect(abs(abs(product) - 1) < 1e-10)
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func eigenvaluesOfNonFiniteMatricesAreNaN(value: Double)
        throws
    {
        var a = Matrix.identity(5)
        a[3, 1] = value
        let out = try solve(PF_EIGH, as: Float.self, [a])
        #expect(out.first[0].values.allSatisfy { $0.isNaN } && out.second[0].values.allSatisfy { $0.isNaN })
    }

    // MARK: The order of arithmetic

    /// Every element is one chain of fma over ascending pivots from the entry itself, then divided (float32 shows it).
    @Test(arguments: [2, 5, 30]) func elementsAreFusedChains(n: Int) throws {
        func same(_ a: Matrix, _ b: [[Float]]) -> Bool { a.values == b.joined().map { Double($0) } }
        let a = Matrix.positiveDefinite(n, seed: 23), entries = (0..<n).map { i in (0..<n).map { Float(a[i, $0]) } }

        var l = entries
        for i in 0..<n {
            for j in 0..<n {
                for k in 0..<min(i, j) { l[i][j].addProduct(-l[i][k], l[j][k]) }
                l[i][j] = j > i ? 0 : j == i ? l[i][i].squareRoot() : l[i][j] / l[j][j]
            }
        }
        #expect(try same(solve(PF_CHOLESKY, as: Float.self, [a]).first[0], l))

        // With a heavy diagonal no rows are swapped.
        var lu = entries
        for i in 0..<n { lu[i][i] += Float(n) * 10 }
        let heavy = Matrix(n, n) { Double(lu[$0][$1]) }
        for i in 0..<n {
            for j in 0..<n {
                for k in 0..<min(i, j) { lu[i][j].addProduct(-lu[i][k], lu[k][j]) }
                if i > j { lu[i][j] /= lu[j][j] }
            }
        }
        #expect(try same(solve(PF_LU, as: Float.self, [heavy]).first[0], lu))

        // Back substitution meets its pivots from the last to the first.
        var x = entries
        for i in (0..<n).reversed() {
            for j in 0..<n {
                for k in (i + 1..<n).reversed() { x[i][j].addProduct(-entries[i][k], x[k][j]) }
                x[i][j] /= entries[i][i]
            }
        }
        #expect(try same(solve(PF_TRIANGULAR_SOLVE, as: Float.self, [a], [a], upper: true).first[0], x))
    }

    // MARK: The same bits

    /// Threads, the place in a batch and the instruction set change nothing.
    @Test(arguments: [(3, 400), (16, 40), (33, 40), (80, 3)]) func bitsAreTheSame(n: Int, batch: Int) throws {
        defer { _ = pf_isa_select(pf_isa_best()) }
        func check<T: LinalgElement>(_ type: T.Type) throws {
            let a = (0..<batch).map { Matrix.positiveDefinite(n, seed: UInt64(1 + $0)) }
            let b = (0..<batch).map { Matrix.random(n, n < 80 ? 7 : 131, seed: UInt64(1 + $0)) }
            for kind in [PF_CHOLESKY, PF_TRIANGULAR_SOLVE, PF_LU, PF_QR, PF_EIGH] {
                let right = kind == PF_TRIANGULAR_SOLVE ? b : []
                let expected = try solve(kind, as: T.self, a, right)
                #expect(try solve(kind, as: T.self, a, right, threads: 2).bits == expected.bits)
                for p in [0, batch / 2, batch - 1] {
                    let alone = try solve(kind, as: T.self, [a[p]], right.isEmpty ? [] : [right[p]])
                    #expect(alone.first == [expected.first[p]])
                    #expect(expected.second.isEmpty || alone.second == [expected.second[p]])
                }
                for level in [PF_ISA_BASE, PF_ISA_AVX2] where pf_isa_select(level) {
                    let part = Array(a.prefix(3)), rightPart = Array(right.prefix(3))
                    let lesser = try solve(kind, as: T.self, part, rightPart)
                    _ = pf_isa_select(pf_isa_best())
                    #expect(try solve(kind, as: T.self, part, rightPart).bits == lesser.bits)
                }
            }
        }
        try check(Float.self)
        try check(Double.self)
    }

    @Test func emptyWork() throws {
        for kind in [PF_CHOLESKY, PF_TRIANGULAR_SOLVE, PF_QR, PF_EIGH] {
            _ = try solve(kind, as: Float.self, [Matrix(0, 0) { _, _ in 0 }], [Matrix(0, 3) { _, _ in 0 }])
        }
        #expect(try solve(PF_LU, as: Float.self, [Matrix(0, 0) { _, _ in 0 }]).signs == [1])
        let x = try solve(PF_TRIANGULAR_SOLVE, as: Float.self, [.identity(3)], [Matrix(3, 0) { _, _ in 0 }])
        #expect(x.bits.isEmpty)
        let q = try solve(PF_QR, as: Float.self, [Matrix(4, 0) { _, _ in 0 }])
        #expect(q.bits.isEmpty)
        var none = pf_linalg()
        (none.kind, none.m, none.n) = (PF_LU, 3, 3)
        #expect(pf_linalg_step(&none).chunks == 0 && pf_linalg_workspace(&none) == 0)
    }
}
