import Foundation

/// LAPACK, the oracle for linear algebra, opened at run time; nil where it is not installed.
/// It stores matrices by columns, so that a row-major matrix is its transpose there.
struct LAPACK: @unchecked Sendable {
    private typealias Flag = UnsafePointer<CChar>
    private typealias Size = UnsafePointer<Int32>
    private typealias Indices = UnsafeMutablePointer<Int32>
    private typealias Values = UnsafeMutablePointer<Double>
    private let dpotrf: @convention(c) (Flag, Size, Values, Size, Indices) -> Void
    private let dgetrf: @convention(c) (Size, Size, Values, Size, Indices, Indices) -> Void
    private let dgeqrf: @convention(c) (Size, Size, Values, Size, Values, Values, Size, Indices) -> Void
    private let dorgqr: @convention(c) (Size, Size, Size, Values, Size, Values, Values, Size, Indices) -> Void
    private let dsyev: @convention(c) (Flag, Flag, Size, Values, Size, Values, Values, Size, Indices) -> Void
    private let dtrsm:
        @convention(c) (Flag, Flag, Flag, Flag, Size, Size, UnsafePointer<Double>, Values, Size, Values, Size) -> Void

    static let shared = LAPACK()

    private init?() {
        guard let library = dlopen("liblapack.so.3", RTLD_NOW) else { return nil }
        func symbol<T>(_ name: String, as type: T.Type = T.self) -> T? {
            dlsym(library, name).map { unsafeBitCast($0, to: type) }
        }
        guard let dpotrf = symbol("dpotrf_", as: type(of: dpotrf)),
            let dgetrf = symbol("dgetrf_", as: type(of: dgetrf)),
            let dgeqrf = symbol("dgeqrf_", as: type(of: dgeqrf)), let dorgqr = symbol("dorgqr_", as: type(of: dorgqr)),
            let dsyev = symbol("dsyev_", as: type(of: dsyev)), let dtrsm = symbol("dtrsm_", as: type(of: dtrsm))
        else { return nil }
        (self.dpotrf, self.dgetrf, self.dgeqrf) = (dpotrf, dgetrf, dgeqrf)
        (self.dorgqr, self.dsyev, self.dtrsm) = (dorgqr, dsyev, dtrsm)
    }

    func cholesky(_ a: Matrix) -> Matrix {
        var (l, info) = (a, Int32(0))
        let n = [Int32(a.rows)]
        dpotrf("U", n, &l.values, n, &info)
        return l.lower
    }

    /// inv(op(t)) b; from the right in column-major terms.
    func triangularSolve(_ t: Matrix, _ b: Matrix, upper: Bool, transpose: Bool, unit: Bool) -> Matrix {
        var (x, t) = (b, t)
        let m = [Int32(b.columns)], n = [Int32(b.rows)]
        dtrsm("R", upper ? "L" : "U", transpose ? "T" : "N", unit ? "U" : "N", m, n, [1], &t.values, n, &x.values, m)
        return x
    }

    /// The packed factors, and which row of a is row i of their product.
    func lu(_ a: Matrix) -> (lu: Matrix, rows: [Int]) {
        var (lu, info, pivots) = (a.transposed, Int32(0), [Int32](repeating: 0, count: a.rows))
        let n = [Int32(a.rows)]
        dgetrf(n, n, &lu.values, n, &pivots, &info)
        var rows = Array(0..<a.rows)
        for (i, pivot) in pivots.enumerated() { rows.swapAt(i, Int(pivot) - 1) }
        return (lu.transposed, rows)
    }

    /// q [m, n] and, in the upper triangle, r [m, n]; r's diagonal has any sign.
    func qr(_ a: Matrix) -> (q: Matrix, r: Matrix) {
        var (columns, info) = (a.transposed, Int32(0))
        let m = [Int32(a.rows)], n = [Int32(a.columns)]
        var taus = [Double](repeating: 0, count: a.columns)
        var work = [Double](repeating: 0, count: 64 * a.columns)
        let length = [Int32(work.count)]
        dgeqrf(m, n, &columns.values, m, &taus, &work, length, &info)
        let r = columns.transposed
        dorgqr(m, n, n, &columns.values, m, &taus, &work, length, &info)
        return (columns.transposed, r)
    }

    /// Ascending eigenvalues, and eigenvectors in columns.
    func eigen(_ a: Matrix) -> (values: [Double], vectors: Matrix) {
        var (columns, info) = (a, Int32(0))
        let n = [Int32(a.rows)]
        var values = [Double](repeating: 0, count: a.rows)
        var work = [Double](repeating: 0, count: 64 * a.rows)
        dsyev("V", "U", n, &columns.values, n, &values, &work, [Int32(work.count)], &info)
        return (values, columns.transposed)
    }
}
