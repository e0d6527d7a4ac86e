import Foundation
import Testing

@testable import Datasets

/// Mean and standard error.
private func statistics(_ values: [Double]) -> (mean: Double, error: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1) / count).squareRoot())
}

extension Rows {
    fileprivate var points: [[Double]] {
        let values = floats.map { Double($0) }
        return stride(from: 0, to: values.count, by: rowSize).map { Array(values[$0..<$0 + rowSize]) }
    }

    fileprivate var checksum: UInt64 { withUnsafeBytes { $0.reduce(0) { ($0 &* 31) &+ UInt64($1) } } }
}

struct PortableMathTests {
    @Test func agreesWithTheLibrary() {
        for k in 0..<2000 {
            let x = (Double(k) + 0.5) / 2000
            #expect(abs(PortableMath.log(x) - Foundation.log(x)) < 1e-15 * max(1, -Foundation.log(x)))
            #expect(abs(PortableMath.exp(20 * x - 10) / Foundation.exp(20 * x - 10) - 1) < 4e-15)
            let (sine, cosine) = PortableMath.sineAndCosine(40 * x - 20)
            #expect(abs(sine - sin(40 * x - 20)) < 1e-12 && abs(cosine - cos(40 * x - 20)) < 1e-12)
        }
        #expect(abs(PortableMath.log(0x1p-53) + 53 * Foundation.log(2)) < 1e-13 && PortableMath.log(1) == 0)
        #expect(PortableMath.exp(-1e9) == 0 && PortableMath.exp(1e9) == .infinity && PortableMath.exp(0) == 1)
    }

    @Test func normalsAreNormal() {
        let draws = (0..<20_000).map { GeneratedRow(seed: 3, index: $0).normals(0) }
        let both = draws.flatMap { [$0.0, $0.1] }
        for (power, moment) in [(1, 0.0), (2, 1), (3, 0), (4, 3)] {
            let (mean, error) = statistics(both.map { pow($0, Double(power)) })
            #expect(abs(mean - moment) < 5 * error, "moment \(power)")
        }
        let (covariance, error) = statistics(draws.map { $0.0 * $0.1 })
        #expect(abs(covariance) < 5 * error)
        #expect(abs(Double(both.filter { abs($0) < 1 }.count) / 40_000 - 0.682689) < 0.012)
    }
}

struct PlaneDensityTests {
    /// The means of x and y, the mean squared distance from the origin, and a sum of bytes: frozen, so that results on
    /// these sets stay comparable.
    static let expected: [(density: PlaneDensity, mean: (Double, Double), square: Double, checksum: UInt64)] = [
        (.twoMoons, (0, 0.3), 3.04 + (4.68 - 8 / Double.pi) / 2 + 0.04, 11_019_775_855_592_043_955),
        (.rings, (0, 0), (0.75 * 0.75 + 1.5 * 1.5 + 2.25 * 2.25 + 9) / 4 + 0.0064, 10_859_274_840_001_580_113),
        (.pinwheel, (0, 0), 4 * (1 + 0.09 + 0.01), 15_487_857_336_149_526_404),
        (.eightGaussians, (0, 0), 8.25, 3_718_018_793_762_461_299),
        (.checkerboard, (0, 0), 32 / 3.0, 8_156_420_814_411_847_029),
        (.swissRoll, (.nan, .nan), (9.75 * Double.pi * Double.pi + 2) / 25, 11_659_134_546_019_000_882),
        (.spirals, (0, 0), 5.103011, 239_027_178_826_799_083),
    ]

    @Test(arguments: PlaneDensity.allCases) func isWhatItSays(_ density: PlaneDensity) throws {
        let (_, mean, square, checksum) = try #require(Self.expected.first { $0.density == density })
        let data = try Dataset.plane(density, count: 20_000, testCount: 100)
        #expect(data.name == density.rawValue && data.shape == [2] && data.count == 20_000)
        let points = data.train.points
        #expect(points.joined().allSatisfy { abs($0) < 4.6 }, "\(points.joined().map(abs).max() ?? 0)")
        for (axis, mean) in [mean.0, mean.1].enumerated() where mean.isFinite {
            let found = statistics(points.map { $0[axis] })
            #expect(abs(found.mean - mean) < 5 * found.error, "axis \(axis): \(found)")
        }
        let squares = statistics(points.map { $0[0] * $0[0] + $0[1] * $0[1] })
        #expect(abs(squares.mean - square) < 5 * squares.error, "\(squares), not \(square)")
        if let labels = data.train.labels {
            let classes = Set(labels)
            #expect(classes == Set(0..<Int32(classes.count)) && classes.count > 1)
            for label in classes {
                let share = Double(labels.filter { $0 == label }.count) / 20_000
                #expect(abs(share * Double(classes.count) - 1) < 0.1, "class \(label)")
            }
        } else {
            #expect(density == .swissRoll)
        }
        let found = try data[..<500].checksum
        #expect(found == checksum, "\(density): \(found)")
    }

    @Test(arguments: PlaneDensity.allCases)
    func aPointDependsOnSeedAndIndexAlone(_ density: PlaneDensity) throws {
        let few = try Dataset.plane(density, count: 7, testCount: 3, seed: 5)
        let many = try Dataset.plane(density, count: 2500, testCount: 5, seed: 5)
        #expect(few.train.floats == (try many[..<7].floats))
        #expect(try few.test.floats == many.test[..<3].floats)
        #expect(try few.train.floats != Dataset.plane(density, count: 7, testCount: 3, seed: 6).train.floats)
        #expect(Set(try (many.train.points + many.test.points)).count == 2505)
        #expect(try many[2400..<2401].floats == density.point(seed: 5, index: 2400).map { Float($0) })
        #expect(try many.test[4...].floats == density.point(seed: 5, index: 1 << 40 + 4).map { Float($0) })
    }

    /// Against sums over a fine grid, and against Monte Carlo.
    @Test(arguments: [PlaneDensity.rings, .eightGaussians, .checkerboard])
    func densitiesIntegrateToOneAndHaveTheirEntropy(_ density: PlaneDensity) throws {
        let entropy = try #require(density.entropy)
        let cells = 288
        let side = 9.0 / Double(cells)
        var (mass, sum) = (0.0, 0.0)
        for i in 0..<cells {
            for j in 0..<cells {
                let at = [-4.5 + (Double(i) + 0.5) * side, -4.5 + (Double(j) + 0.5) * side]
                let logProb = try #require(density.logProb(at))
                guard logProb > -700 else { continue }
                mass += exp(logProb) * side * side
                sum -= exp(logProb) * logProb * side * side
            }
        }
        #expect(abs(mass - 1) < 1e-5, "\(mass)")
        #expect(abs(sum - entropy) < 1e-4, "\(sum), not \(entropy)")
        let data = try Dataset.plane(density, count: 20_000, testCount: 1)
        let surprises = statistics(try data.train.points.map { -(try #require(density.logProb($0))) })
        #expect(abs(surprises.mean - entropy) < 5 * surprises.error + 1e-9, "\(surprises), not \(entropy)")
    }

    @Test func theOthersHaveNoClosedForm() {
        for density in PlaneDensity.allCases {
            #expect((density.logProb([0.5, 0.5]) == nil) == (density.entropy == nil))
        }
        // Between the fields and outside there is nothing.
        let board = PlaneDensity.checkerboard
        #expect(board.logProb([1, -1]) == -.infinity && board.logProb([1, 1]) == -log(32))
        #expect(board.logProb([5, 1]) == -.infinity && board.logProb([-4, -4]) == -log(32))
    }

    @Test(arguments: PlaneDensity.allCases.map(\.rawValue) + ["gaussian-64"]) func loadsByName(_ name: String) throws {
        let entry = try #require(Dataset.catalog.first { $0.name == name })
        #expect(entry.isInstalled && entry.installation == nil && entry.summary.contains("50,000 + 10,000"))
        guard name != "gaussian-64" else { return }
        let data = try Dataset.load(name)
        #expect(try data.name == name && data.count == 50_000 && data.test.count == 10_000)
    }

    @Test func wrongCounts() {
        expectError("two-moons: 0 rows") { try Dataset.plane(.twoMoons, count: 0) }
        expectError("gaussian-64: -1 rows") { try Dataset.gaussian64(testCount: -1) }
    }
}

struct Gaussian64Tests {
    /// The lower factor L of A = L L^T, with its forward substitution.
    private func cholesky(_ a: [[Double]]) -> [[Double]] {
        var l = a.map { $0.map { _ in 0.0 } }
        for i in a.indices {
            for j in 0...i {
                let rest = a[i][j] - (0..<j).reduce(0) { $0 + l[i][$1] * l[j][$1] }
                l[i][j] = i == j ? rest.squareRoot() : rest / l[j][j]
            }
        }
        return l
    }

    private func solve(_ l: [[Double]], _ x: [Double]) -> [Double] {
        var z = x
        for i in x.indices { z[i] = (x[i] - (0..<i).reduce(0) { $0 + l[i][$1] * z[$1] }) / l[i][i] }
        return z
    }

    @Test func densityAndEntropyAreThoseOfTheCovariance() throws {
        let covariance = Gaussian64.covariance
        let factor = cholesky(covariance)
        let logDet = factor.indices.reduce(0) { $0 + 2 * log(factor[$1][$1]) }
        #expect(abs(logDet) < 1e-10)
        #expect(abs(Gaussian64.entropy - 32 * log(2 * .pi * M_E) - logDet / 2) < 1e-10)
        let rows = try Dataset.gaussian64(count: 2000, testCount: 5).train.points
        for x in rows.prefix(20) {
            let z = solve(factor, x)
            let expected = -z.reduce(0) { $0 + $1 * $1 } / 2 - 32 * log(2 * .pi)
            #expect(abs(Gaussian64.logProb(x) - expected) < 1e-9)
        }
        let surprises = statistics(rows.map { -Gaussian64.logProb($0) })
        #expect(abs(surprises.mean - Gaussian64.entropy) < 5 * surprises.error)
        #expect(abs(surprises.error * 2000.0.squareRoot() - 32.0.squareRoot()) < 0.5)

        // The largest eigenvalue by powers: 10. Of determinant 1 and even ratios, the least is 1/10.
        var direction = (0..<64).map { Double($0 % 7) - 2.5 }
        var length = 0.0
        for _ in 0..<300 {
            direction = covariance.map { row in zip(row, direction).reduce(0) { $0 + $1.0 * $1.1 } }
            length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            direction = direction.map { $0 / length }
        }
        #expect(abs(length - 10) < 1e-6)
        // Every coordinate goes with others.
        for i in 0..<64 {
            let strongest = (0..<64).filter { $0 != i }.map { j in
                abs(covariance[i][j]) / (covariance[i][i] * covariance[j][j]).squareRoot()
            }.max()
            #expect(try #require(strongest) > 0.2, "\(i)")
        }
    }

    @Test func rowsHaveTheCovariance() throws {
        let rows = try Dataset.gaussian64(count: 4000, testCount: 1).train.points
        let covariance = Gaussian64.covariance
        for (i, j) in [(0, 0), (0, 1), (5, 60), (63, 63), (17, 40), (33, 32)] {
            let found = statistics(rows.map { $0[i] * $0[j] })
            #expect(abs(found.mean - covariance[i][j]) < 5 * found.error, "\(i), \(j)")
        }
        for i in [0, 20, 63] {
            let found = statistics(rows.map { $0[i] })
            #expect(abs(found.mean) < 5 * found.error)
        }
    }

    @Test func aRowDependsOnSeedAndIndexAlone() throws {
        let few = try Dataset.gaussian64(count: 3, testCount: 2, seed: 5)
        let many = try Dataset.gaussian64(count: 1200, testCount: 3, seed: 5)
        #expect(many.shape == [64] && many.train.labels == nil)
        #expect(few.train.floats == (try many[..<3].floats))
        #expect(try few.test.floats == many.test[..<2].floats)
        #expect(try few.test[..<1].floats != few[..<1].floats)
        #expect(try few.train.floats != Dataset.gaussian64(count: 3, testCount: 2, seed: 6).train.floats)
        #expect(try many[1100..<1101].floats == Gaussian64.row(seed: 5, index: 1100).map { Float($0) })
        let found = try Dataset.gaussian64(count: 100, testCount: 1).train.checksum
        #expect(found == 6_159_888_638_855_479_727)
    }
}
