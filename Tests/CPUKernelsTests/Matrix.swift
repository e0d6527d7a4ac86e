/// A row-major matrix in float64.
struct Matrix: Equatable {
    var rows: Int, columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, _ entry: (Int, Int) -> Double) {
        (self.rows, self.columns) = (rows, columns)
        values = (0..<rows).flatMap { i in (0..<columns).map { j in entry(i, j) } }
    }

    init(_ rows: Int, _ columns: Int, values: some Sequence<Double>) {
        (self.rows, self.columns, self.values) = (rows, columns, Array(values))
    }

    static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = TestRandom(seed: seed)
        return Matrix(rows, columns) { _, _ in Double(Float.random(in: -1...1, using: &random)) }
    }

    static func identity(_ n: Int) -> Matrix { Matrix(n, n) { $0 == $1 ? 1 : 0 } }

    static func positiveDefinite(_ n: Int, seed: UInt64) -> Matrix {
        let x = random(n, n, seed: seed)
        let product = x * x.transposed
        return Matrix(n, n) { Double(Float(product[$0, $1] + ($0 == $1 ? 0.5 : 0))) }
    }

    subscript(i: Int, j: Int) -> Double {
        get { values[i * columns + j] }
        set { values[i * columns + j] = newValue }
    }

    var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }
    var lower: Matrix { Matrix(rows, columns) { $0 >= $1 ? self[$0, $1] : 0 } }
    var upper: Matrix { Matrix(rows, columns) { $0 <= $1 ? self[$0, $1] : 0 } }

    /// Largest magnitude; NaN if there is one.
    var norm: Double { values.reduce(0) { $0.isNaN || $1.isNaN ? .nan : max($0, abs($1)) } }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        var product = Matrix(a.rows, b.columns) { _, _ in 0 }
        a.values.withUnsafeBufferPointer { x in
            b.values.withUnsafeBufferPointer { y in
                product.values.withUnsafeMutableBufferPointer { sums in
                    for i in 0..<a.rows {
                        for k in 0..<a.columns {
                            let factor = x[i * a.columns + k]
                            for j in 0..<b.columns { sums[i * b.columns + j] += factor * y[k * b.columns + j] }
                        }
                    }
                }
            }
        }
        return product
    }

    static func - (a: Matrix, b: Matrix) -> Matrix {
        Matrix(a.rows, a.columns, values: zip(a.values, b.values).map { $0 - $1 })
    }
}
