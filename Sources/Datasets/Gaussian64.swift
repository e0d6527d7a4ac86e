import Glibc

/// A normal distribution of 64 dimensions with mean 0 and one fixed covariance: what a flow must find is known exactly.
///
/// The covariance is Q diag(s^2) Q^T. The standard deviations s along the principal axes go in even ratios from
/// 1/sqrt(10) to sqrt(10), so that the condition number is 100 and the determinant 1; Q = H D H D' H, of Walsh-Hadamard
/// matrices H and fixed signs D, D', mixes all coordinates.
public enum Gaussian64 {
    public static let dimensions = 64

    /// Of the principal axes.
    static let standardDeviations = (0..<dimensions).map { axis in
        PortableMath.exp((Double(axis) / 63 - 0.5) * PortableMath.log(10))
    }

    private static let signs = (0..<2).map { stage in
        (0..<dimensions).map { index in
            GeneratedRow(seed: 64, index: stage).uniform(UInt64(index)) < 0.5 ? -1.0 : 1.0
        }
    }

    /// The differential entropy in nats: 32 (1 + log 2 pi) of determinant 1.
    public static let entropy = 32 * (1 + log(2 * Double.pi))

    /// [64][64]
    public static var covariance: [[Double]] {
        let axes = (0..<dimensions).map { axis in rotated((0..<dimensions).map { $0 == axis ? 1 : 0 }) }
        return (0..<dimensions).map { i in
            (0..<dimensions).map { j in
                zip(axes, standardDeviations).reduce(0) { $0 + $1.0[i] * $1.0[j] * $1.1 * $1.1 }
            }
        }
    }

    /// The log-density of x [64], in nats.
    public static func logProb(_ x: [Double]) -> Double {
        let z = zip(unrotated(x), standardDeviations).map { $0 / $1 }
        return -z.reduce(0) { $0 + $1 * $1 } / 2 - 32 * log(2 * .pi)
    }

    /// Row `index`, [64].
    public static func row(seed: UInt64, index: Int) -> [Double] { row(GeneratedRow(seed: seed, index: index)) }

    static func row(_ row: GeneratedRow) -> [Double] {
        var z: [Double] = []
        z.reserveCapacity(dimensions)
        for stream in stride(from: 0, to: UInt64(dimensions), by: 2) {
            let (a, b) = row.normals(stream)
            z.append(a * standardDeviations[z.count])
            z.append(b * standardDeviations[z.count])
        }
        return rotated(z)
    }

    private static func rotated(_ z: [Double]) -> [Double] {
        signs.reduce(hadamard(z)) { hadamard(zip($0, $1).map { $0 * $1 }) }
    }

    private static func unrotated(_ x: [Double]) -> [Double] {
        signs.reversed().reduce(hadamard(x)) { hadamard(zip($0, $1).map { $0 * $1 }) }
    }

    /// The Walsh-Hadamard transform, scaled to keep lengths: its own inverse.
    private static func hadamard(_ values: [Double]) -> [Double] {
        var values = values
        values.withUnsafeMutableBufferPointer { values in
            var half = 1
            while half < dimensions {
                for index in 0..<dimensions where index & half == 0 {
                    let (a, b) = (values[index], values[index + half])
                    (values[index], values[index + half]) = (a + b, a - b)
                }
                half *= 2
            }
            for index in 0..<dimensions { values[index] /= 8 }
        }
        return values
    }
}

extension Dataset {
    /// Generated rows of `Gaussian64`, of shape [64].
    public static func gaussian64(
        count: Int = 50_000, testCount: Int = 10_000, seed: UInt64 = 0
    ) throws(DatasetError) -> Dataset {
        try generated("gaussian-64", count: count, testCount: testCount) { (first, count) throws(DatasetError) in
            try Rows.generated(
                first: first, count: count, shape: [Gaussian64.dimensions], seed: seed, place: "gaussian-64"
            ) { (Gaussian64.row($0), nil) }
        }
    }
}
