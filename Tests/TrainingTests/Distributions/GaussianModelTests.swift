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

    @Test(arguments: [ScalarType.float32, .float64]) func rowsWithoutADensityAreNoFit(
        _ precision: ScalarType
    ) throws {
        func trying(_ train: [Float], _ shape: [Int]) -> String {
            message {
                _ = try Training(
                    Gaussian(), on: Dataset(rows: train, shape: shape), device: .cpu(threads: 1), precision: precision)
            }
        }
        // In quarters nothing is rounded.
        let exact = rows(500, seed: 3) { $2 + $0 + $1 }.map { ($0 * 4).rounded() / 4 }
        let last = rows(500, seed: 3) { _, _, _ in 1 }
        #expect(trying(exact, [3]).isEmpty)
        #expect(trying(last, [3]).contains("gaussian: column 3 is constant, as far"))
        #expect(trying(last, [1, 1, 3]).contains("element 3 is constant"))
        // a, b, a + b, c, 1, a - c
        let wide = (0..<500).flatMap { row in
            let (a, b, c) = (exact[3 * row], exact[3 * row + 1], exact[3 * row + 2])
            return [a, b, a + b, c, 1, a - c]
        }
        let text = trying(wide, [6])
        #expect(text.contains("column 5 is constant, and columns 3 and 6 depend linearly on those before them"))
        #expect(text.contains("float64") && !text.contains("\n"))
        #expect(
            message {
                let train = self.rows(3, seed: 3) { $0 + $1 + $2 }
                _ = try Training(Gaussian(), on: Dataset(rows: train, shape: [3]), device: .cpu(threads: 1))
            }.contains("needs more than as many rows"))
    }
}
