import Foundation
import Pushforward

/// Whether draws come from a distribution, by the Kolmogorov-Smirnov distance: the largest difference between the part
/// of the draws below a point and the distribution function there. It is taken at some points only, which makes it
/// smaller, so the bound on false alarms still holds; and it serves for discrete distributions too.
///
/// The number of draws. By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant, which holds for
/// every n, the distance d of true draws exceeds c with probability at most 2 exp(-2 n c^2): 1e-9 for
/// c = sqrt(ln(2e9) / (2 n)). With n = 2^21, c = 0.00226.
///
/// A scale that is wrong by 2 % moves the distribution function by 0.02 |z| f(z) at z, to first order (by 1/1.02 of
/// that where the scale is too large). Its largest value over z is 0.00474 for a normal, 0.00439 for a logistic,
/// 0.00361 for a Laplace and 0.00312 for a Cauchy distribution. The fraction of n draws below that z has a standard
/// deviation of sqrt(F (1 - F) / n) <= 0.00030 there (F = 3/4 for the Cauchy distribution), so the alarm is missed only
/// if it lies (0.00312 - 0.00226) / 0.00030 = 2.9 standard deviations below its mean, which has probability 0.002: a
/// power of 0.998 in the worst case here, of more than 1 - 1e-5 for the others.
enum GoodnessOfFit {
    static let drawCount = 1 << 21
    static let criticalDistance = Foundation.sqrt(Foundation.log(2e9) / (2 * Double(drawCount)))

    /// How many of `draws` [rows] are at or below each point: int32 [points].
    static func countsBelow(_ points: [Double], _ draws: Tensor) throws -> Tensor {
        let points = try draws.graph.constant(points, shape: [points.count, 1], draws.scalar)
        return try draws.expanded(0).lessEqual(to: points).cast(to: .int32).sum(axes: [1])
    }

    /// Of draws that were counted at points where the distribution function has these values.
    static func distance(_ counts: [Double], _ distributionFunction: [Double]) -> Double {
        zip(counts, distributionFunction).map { abs($0 / Double(drawCount) - $1) }.max() ?? 0
    }

    /// Whether the distribution of `draws` [rows] of `drawCount` samples is rejected, for each column of numbers that
    /// `draw` gives.
    static func distances(
        points: [Double], _ distributionFunction: [Double], seed: UInt64 = 0, _ draw: (Trace) throws -> [Tensor]
    ) throws -> [Double] {
        let counts = try evaluated(rows: drawCount, seed: seed, precision: .float32) { trace in
            try draw(trace).map { try countsBelow(points, $0.reshaped([drawCount])) }
        }
        return counts.map { distance($0.doubles, distributionFunction) }
    }
}

/// The distribution function of a standard normal.
func normalCDF(_ z: Double) -> Double { 0.5 * Foundation.erfc(-z / Foundation.sqrt(2)) }

/// Where standard normals are counted: the largest effect of a wrong scale is at 1 and -1.
let normalPoints = stride(from: -3.0, through: 3, by: 0.125).map { $0 }
