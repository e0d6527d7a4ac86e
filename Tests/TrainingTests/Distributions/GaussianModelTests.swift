import Foundation
import Pushforward
import Testing

@Suite struct GaussianModelTests {
    /// Correlated rows of three elements, and the last one of them is `last` of the others.
    private func rows(_ count: Int, seed: UInt64, last: (Double, Double, Double) -> Double) -> [Float] {
        var numbers = Numbers(seed: seed)
        return (0..<count).flatMap { _ in
            let (a, b, c) = (numbers.normal(), numbers.normal(), numbers.normal())
            let (x, y) = (3 + 2 * a, -1 + a + 0.1 * b)
            return [x, y, last(x, y, c)].map { Float($0) }
        }
    }

    /// Minus the mean log-density of `test` under the normal with the mean and the covariance of `train`, in three
    /// dimensions, by cofactors.
    private func negativeLogLikelihood(_ test: [Float], train: [Float]) -> Double {
        func row(_ values: [Float], _ index: Int) -> [Double] { values[3 * index..<3 * index + 3].map(Double.init) }
        let count = train.count / 3
        var mean = [0.0, 0, 0]
        for index in 0..<count { for (j, x) in row(train, index).enumerated() { mean[j] += x / Double(count) } }
        var s = [[Double]](repeating: [0, 0, 0], count: 3)
        for index in 0..<count {
            let d = zip(row(train, index), mean).map { $0 - $1 }
            for i in 0..<3 { for j in 0..<3 { s[i][j] += d[i] * d[j] / Double(count) } }
        }
        func cofactor(_ i: Int, _ j: Int) -> Double {
            let (a, b, c, d) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3)
            return s[a][c] * s[b][d] - s[a][d] * s[b][c]
        }
        let determinant = (0..<3).reduce(0) { $0 + s[0][$1] * cofactor(0, $1) }
        var total = 0.0
        for index in 0..<test.count / 3 {
            let d = zip(row(test, index), mean).map { $0 - $1 }
            var square = 0.0
            for i in 0..<3 { for j in 0..<3 { square += d[i] * cofactor(i, j) * d[j] / determinant } }
            total += 0.5 * (square + Foundation.log(determinant) + 3 * Foundation.log(2 * .pi))
        }
        return total / Double(test.count / 3)
    }

    @Test(arguments: [ScalarType.float32, .float64]) func itIsTheMaximumLikelihoodFit(_ precision: ScalarType) throws {
        let (train, test) = (
            rows(500, seed: 1) { $2 + $0 - 2 * $1 }, rows(200, seed: 2) { 1.1 * $2 + $0 - 2 * $1 }
        )
        let training = try Training(
            Gaussian(), on: Dataset(rows: train, shape: [3], test: test), device: .cpu(threads: 1),
            precision: precision)
        let model = try training.trained()
        let tolerance = precision == .float64 ? 1e-12 : 1e-5
        for rows in [train, test] {
            let found = try model.evaluate(Rows(.float(rows), shape: [3]))["negative_log_likelihood"]
            let expected = negativeLogLikelihood(rows, train: train)
            #expect(isClose(try #require(found).value, expected, tolerance))
        }
        // As an image, the same.
        let image = try Training(
            Gaussian(), on: Dataset(rows: train, shape: [1, 1, 3]), device: .cpu(threads: 1), precision: precision)
        let found = try image.trained().evaluate(Rows(.float(train), shape: [1, 1, 3]))["negative_log_likelihood"]
        #expect(isClose(try #require(found).value, negativeLogLikelihood(train, train: train), tolerance))
    }

    @Test func drawsOfItHaveItsFit() throws {
        let train = rows(500, seed: 1) { $2 + $0 - 2 * $1 }
        let model = try Training(
            Gaussian(), on: Dataset(rows: train, shape: [3]), device: .cpu(threads: 1)
        ).trained()
        let draws = try model.sample(count: 50_000, seed: 1)
        let fit = negativeLogLikelihood(draws.doubles.map { Float($0) }, train: train)
        // The mean square of three standard normals, with a standard error of 0.0055.
        #expect(abs(fit - negativeLogLikelihood(train, train: train)) < 0.033)
    }

    @Test func rowsWithoutADensityAreNoFit() throws {
        for last in [{ x, y, _ in x - 2 * y }, { _, _, _ in 1 }] as [(Double, Double, Double) -> Double] {
            let train = rows(500, seed: 3, last: last)
            let training = try Training(
                Gaussian(), on: Dataset(rows: train, shape: [3]), device: .cpu(threads: 1))
            #expect(try training.trained().evaluate(Rows(.float(train), shape: [3])).nonFinite == 500)
        }
        #expect(
            message {
                let train = self.rows(3, seed: 3) { $0 + $1 + $2 }
                _ = try Training(Gaussian(), on: Dataset(rows: train, shape: [3]), device: .cpu(threads: 1))
            }.contains("needs more than as many rows"))
    }
}
