import Foundation
import Pushforward
import Testing

/// A small flow, trained for a moment on a density in the plane.
private func flow(_ density: PlaneDensity = .twoMoons, steps: Int = 20) throws -> Trained<RealNVP> {
    let data = try Dataset.plane(density, count: 512, testCount: 64)
    return try Training(
        RealNVP(layers: 4, hidden: [16]), on: data, device: .cpu, optimizer: .adam(learningRate: 1e-2)
    ).run(steps: steps, batchSize: 128).finish()
}

@Suite struct LogProbTests {
    /// The base density at the code, written out here, and the log-dets make the whole.
    @Test func theLogLikelihoodOfAFlowIsItsParts() throws {
        let trained = try flow()
        let rows = try Dataset.plane(.twoMoons, count: 1, testCount: 37).test
        let found = try trained.logLikelihoods(rows, batchSize: 16)
        #expect(found.kind == .exact && found.values.count == 37 && found.nonFinite == 0)
        #expect(found.parts.map(\.name) == ["base", "preprocessing", "layer3", "layer2", "layer1", "layer0"])
        let codes = try trained.encode(rows).mean.doubles
        for row in 0..<37 {
            let sum = found.parts.reduce(0) { $0 + $1.values[row] }
            #expect(abs(sum - found.values[row]) < 1e-12)
            let (a, b) = (codes[2 * row], codes[2 * row + 1])
            #expect(abs(found.parts[0].values[row] + (a * a + b * b) / 2 + Foundation.log(2 * .pi)) < 1e-5)
        }
        for part in found.parts { #expect(part.values.contains { abs($0) > 0.01 }, "\(part.name)") }
        // The same as what is evaluated, row by row and as a whole.
        let evaluation = try #require(try trained.evaluate(rows)["negative_log_likelihood"])
        #expect(isClose(-found.mean, evaluation.value, 1e-12))
        #expect(isClose(found.standardError, evaluation.standardErrorData, 1e-12))
        #expect(try trained.logProb(rows, batchSize: 5).doubles == found.values)
        let arrays = found.arrays
        #expect(arrays.map(\.name) == ["log_prob"] + found.parts.map(\.name))
        #expect(arrays.allSatisfy { $0.array.shape == [37] && $0.array.type.scalar == .float64 })
        #expect(arrays[0].array.doubles == found.values)
    }

    /// Summed over a fine grid the density makes 1.
    @Test func theDensityIntegratesToOne() throws {
        let trained = try flow(.eightGaussians)
        let side = 0.125
        let axis = stride(from: Float(-25), to: 25, by: Float(side))
        let points = axis.flatMap { x in axis.map { [x, $0] } }
        let mass = try trained.logProb(points).doubles.reduce(0) { $0 + Foundation.exp($1) } * side * side
        #expect(abs(mass - 1) < 1e-3, "\(mass)")
    }

    @Test func pointsOfOnesOwn() throws {
        let trained = try flow()
        let found = try trained.logProb([[0, 1], [2, 3]])
        #expect(found.shape == [2] && found.array.count == 2)
        #expect(found.doubles == (try trained.logProb(Rows(.float([0, 1, 2, 3]), shape: [2])).doubles))
        #expect(message { _ = try trained.logProb([[0, 1], [2]]) }.contains("point 1 has 1 numbers"))
        #expect(message { _ = try trained.logProb([[0, .nan]]) }.contains("row 0, column 1 is NaN"))
        #expect(message { _ = try trained.logProb([]) }.contains("no rows"))
    }

    @Test func ofALatentVariableModelItIsABoundOrAnEstimate() throws {
        let test = try blobs().test
        let trained = try Training(
            smallModel, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2), binarization: .threshold
        ).run(steps: 20, batchSize: 10).finish()
        let bound = try trained.logLikelihoods(test)
        #expect(bound.kind == .lowerBound && bound.parts.map(\.name) == ["reconstruction", "kl"])
        #expect(isClose(-bound.mean, try #require(try trained.evaluate(test)["negative_elbo"]?.value), 1e-12))
        #expect(bound.parts[1].values.allSatisfy { $0 < 0 })
        let estimate = try trained.logLikelihoods(test, importanceSamples: 100, batchSize: 7)
        let figure = try #require(try trained.evaluate(test, importanceSamples: 100)["negative_log_likelihood"])
        #expect(estimate.kind == .estimate && isClose(-estimate.mean, figure.value, 1e-12))
        #expect(estimate.mean > bound.mean)
        let plain = try Training(Autoencoder(latent: 2, hidden: [4]), on: blobs(), device: .cpu).trained()
        #expect(message { _ = try plain.logProb(test) }.contains("autoencoder: gives rows no probability"))
    }

    @Test func aDensityThatIsNotFiniteIsCountedAndNotHidden() throws {
        let found = try flow().logLikelihoods(Rows(.float([0, 1, 3e38, 3e38, 1, 0]), shape: [2]))
        #expect(found.nonFinite == 1 && !found.values[1].isFinite && !found.mean.isFinite)
        #expect(found.values[0].isFinite && found.values[2].isFinite)
    }
}

@Suite struct FlowCodeTests {
    @Test func decodingUndoesEncoding() throws {
        let trained = try flow()
        #expect(try trained.latentShape() == [2])
        let rows = try Dataset.plane(.twoMoons, count: 1, testCount: 50).test
        let codes = try trained.encode(rows, batchSize: 16)
        #expect(codes.mean.shape == [50, 2] && codes.standardDeviation == nil && codes.draw == codes.mean)
        #expect(codes.mean.floats != rows.floats)
        let back = try trained.decode(codes.mean, batchSize: 7)
        for (x, y) in zip(rows.floats, back.floats) { #expect(abs(x - y) < 1e-4) }
        #expect(message { _ = try trained.decode(array([1, 2, 3], [1, 3], .float32)) }.contains("[1, 3]"))
    }

    @Test func withoutNoiseASampleIsTheImageOfTheBaseMean() throws {
        let trained = try flow()
        let origin = try trained.decode(array([0, 0], [1, 2], .float32))
        let cold = try trained.sample(count: 3, seed: 9, temperature: 0)
        #expect(cold.floats == origin.floats + origin.floats + origin.floats)
        #expect(origin.floats.allSatisfy { abs($0) > 1e-4 })
        // Otherwise base values of samples are those of temperature 1, scaled.
        func codes(_ temperature: Double) throws -> [Double] {
            let samples = try trained.sample(count: 20, seed: 2, temperature: temperature)
            return try trained.encode(Rows(.float(samples.floats), shape: [2])).mean.doubles
        }
        for (full, half) in zip(try codes(1), try codes(0.5)) { #expect(abs(full / 2 - half) < 1e-3) }
    }
}
