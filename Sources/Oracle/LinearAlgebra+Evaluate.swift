import Graph

/// A dense row-major matrix with the textbook algorithms (Golub and Van Loan, Matrix Computations).
struct Matrix {
    let rows: Int, columns: Int
    var elements: [Double]

    init(_ rows: Int, _ columns: Int, _ elements: [Double]? = nil) {
        self.rows = rows
        self.columns = columns
        self.elements = elements ?? [Double](repeating: 0, count: rows * columns)
    }

    subscript(row: Int, column: Int) -> Double {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        var c = Matrix(a.rows, b.columns)
        for i in 0..<a.rows {
            for j in 0..<b.columns {
                for k in 0..<a.columns { c[i, j] += a[i, k] * b[k, j] }
            }
        }
        return c
    }

    mutating func swapRows(_ a: Int, _ b: Int) {
        for column in 0..<columns { (self[a, column], self[b, column]) = (self[b, column], self[a, column]) }
    }

    /// Row by row; NaN in the whole lower triangle where the matrix is not positive definite.
    func cholesky() -> Matrix {
        var l = Matrix(rows, rows)
        var definite = true
        for i in 0..<rows {
            for j in 0...i {
                let rest = (0..<j).reduce(self[i, j]) { $0 - l[i, $1] * l[j, $1] }
                if i == j { definite = definite && rest > 0 }
                l[i, j] = i == j ? rest.squareRoot() : rest / l[j, j]
            }
        }
        if !definite {
            for i in 0..<rows { for j in 0...i { l[i, j] = .nan } }
        }
        return l
    }

    /// x with op(self) x = b by substitution.
    func solve(_ b: Matrix, upper: Bool, transpose: Bool, unitDiagonal: Bool) -> Matrix {
        var x = b
        let order = Array(0..<rows)
        for (done, i) in (upper != transpose ? order.reversed() : order).enumerated() {
            let known = upper != transpose ? order.suffix(done) : order.prefix(done)
            for column in 0..<b.columns {
                let rest = known.reduce(b[i, column]) { $0 - (transpose ? self[$1, i] : self[i, $1]) * x[$1, column] }
                x[i, column] = unitDiagonal ? rest : rest / self[i, i]
            }
        }
        return x
    }

    /// Gaussian elimination; the pivot is the first of the largest magnitudes, NaN above all.
    func lu() -> (packed: Matrix, permutation: [Int], sign: Double) {
        var a = self
        var permutation = Array(0..<rows)
        var sign = 1.0
        for k in 0..<rows {
            let sizes = (k..<rows).map { abs(a[$0, k]) }
            let first = sizes.firstIndex(where: \.isNaN) ?? sizes.firstIndex(of: sizes.max() ?? 0)
            let pivot = k + (first ?? 0)
            if pivot != k {
                a.swapRows(k, pivot)
                permutation.swapAt(k, pivot)
                sign = -sign
            }
            guard a[k, k] != 0 else { continue }
            for i in (k + 1)..<rows {
                a[i, k] /= a[k, k]
                for j in (k + 1)..<rows { a[i, j] -= a[i, k] * a[k, j] }
            }
        }
        return (a, permutation, sign)
    }

    /// Gram and Schmidt, twice, which makes Q orthogonal to the last digit.
    func qr() -> (q: Matrix, r: Matrix) {
        var q = self
        var r = Matrix(columns, columns)
        for j in 0..<columns {
            for _ in 0..<2 {
                for k in 0..<j {
                    let overlap = (0..<rows).reduce(0) { $0 + q[$1, k] * q[$1, j] }
                    r[k, j] += overlap
                    for i in 0..<rows { q[i, j] -= overlap * q[i, k] }
                }
            }
            r[j, j] = (0..<rows).reduce(0) { $0 + q[$1, j] * q[$1, j] }.squareRoot()
            for i in 0..<rows { q[i, j] /= r[j, j] }
        }
        return (q, r)
    }

    /// Jacobi's classical method: always the largest element off the diagonal. Ascending eigenvalues; the largest entry
    /// of each eigenvector (the first among equals) is positive.
    func symmetricEigen() -> (values: [Double], vectors: Matrix) {
        let n = rows
        var a = self
        var v = Matrix(n, n)
        for i in 0..<n {
            v[i, i] = 1
            for j in 0..<i { a[j, i] = a[i, j] }
        }
        for _ in 0..<(100 * n * n) {
            var (p, q, largest) = (0, 0, 0.0)
            for i in 0..<n { for j in 0..<i where abs(a[i, j]) > largest { (p, q, largest) = (j, i, abs(a[i, j])) } }
            if largest < 1e-300 { break }
            let theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
            let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
            let c = 1 / (t * t + 1).squareRoot()
            let s = t * c
            for k in 0..<n { (a[k, p], a[k, q]) = (c * a[k, p] - s * a[k, q], s * a[k, p] + c * a[k, q]) }
            for k in 0..<n { (a[p, k], a[q, k]) = (c * a[p, k] - s * a[q, k], s * a[p, k] + c * a[q, k]) }
            for k in 0..<n { (v[k, p], v[k, q]) = (c * v[k, p] - s * v[k, q], s * v[k, p] + c * v[k, q]) }
            (a[p, q], a[q, p]) = (0, 0)
        }
        let order = (0..<n).sorted { (a[$0, $0], $0) < (a[$1, $1], $1) }
        var vectors = Matrix(n, n)
        for (column, from) in order.enumerated() {
            let peak = (0..<n).reduce(0) { abs(v[$1, from]) > abs(v[$0, from]) ? $1 : $0 }
            for i in 0..<n { vectors[i, column] = v[peak, from] < 0 ? -v[i, from] : v[i, from] }
        }
        return (order.map { a[$0, $0] }, vectors)
    }
}

extension LinearAlgebra {
    func evaluate(_ x: [Value], _ types: [TensorType]) -> [Value] {
        let a = x[0].matrices()
        switch self {
        case .cholesky: return [Value(types[0], a.flatMap { $0.cholesky().elements })]
        case .triangularSolve(let upper, let transpose, let unitDiagonal):
            let solutions = zip(a, x[1].matrices()).map {
                $0.solve($1, upper: upper, transpose: transpose, unitDiagonal: unitDiagonal)
            }
            return [Value(types[0], solutions.flatMap(\.elements))]
        case .lu:
            let factors = a.map { $0.lu() }
            return [
                Value(types[0], factors.flatMap(\.packed.elements)),
                Value(types[1], factors.flatMap { $0.permutation.map { Double($0) } }),
                Value(types[2], factors.map(\.sign)),
            ]
        case .qr:
            let factors = a.map { $0.qr() }
            return [Value(types[0], factors.flatMap(\.q.elements)), Value(types[1], factors.flatMap(\.r.elements))]
        case .eigh:
            let systems = a.map { $0.symmetricEigen() }
            return [Value(types[0], systems.flatMap(\.values)), Value(types[1], systems.flatMap(\.vectors.elements))]
        }
    }
}
