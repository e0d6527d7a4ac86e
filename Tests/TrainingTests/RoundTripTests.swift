import Foundation
import Pushforward
import Testing

/// Flows come back to where they started after training too: in float64 to 1e-10, in float32 to 32 roundings of what the
/// conditioning that `audit` measures explains, on data, on samples, and at 10,000 times the distance from the mean.
@Suite struct RoundTripTests {
    static let models: [any DensityModel] = [
        RealNVP(layers: 6, hidden: [32]), RealNVP(layers: 4, hidden: [16], scaleBound: 8),
        NICE(layers: 4, hidden: [32]), MAF(layers: 3, hidden: [32]), IAF(layers: 3, hidden: [32]),
        NSF(layers: 3, bins: 6, hidden: [32]), NSF(structure: .autoregressive, layers: 3, bins: 6, hidden: [32]),
        PlanarFlow(layers: 12),
    ]

    private func audited<M: DensityModel>(
        _ model: M, on data: Dataset, _ precision: ScalarType, steps: Int, rate: Double
    ) throws -> Audit {
        let training = try Training(
            model, on: data, device: .cpu, optimizer: .adam(learningRate: rate), maximumGradientNorm: 10,
            precision: precision)
        try training.run(steps: steps, batchSize: min(128, data.train.count))
        return try training.finish().audit(data.test, iterations: 20)
    }

    private func check(_ audit: Audit, _ precision: ScalarType, _ name: String) throws {
        #expect(audit.isInvertible, "\(name)")
        for passage in audit.passages {
            let place = "\(name), \(passage.place)"
            #expect(passage.nonFinite == 0, "\(place)")
            #expect(passage.roundings.largest <= 32, "\(place): \(passage.roundings.largest)")
            for layer in passage.layers {
                #expect(layer.roundings.largest <= 32, "\(place), \(layer.name): \(layer.roundings.largest)")
            }
        }
        guard precision == .float64 else { return }
        for place in [Audit.Place.heldOut, .prior] {
            let passage = try #require(audit[place])
            #expect(passage.roundTripError.largest < 1e-10, "\(name), \(place): \(passage.roundTripError.largest)")
            #expect(passage.logDetGap.largest < 1e-10, "\(name), \(place): \(passage.logDetGap.largest)")
        }
    }

    @Test(arguments: models.indices, [ScalarType.float32, .float64])
    func ofPoints(_ index: Int, _ precision: ScalarType) throws {
        let all = try Dataset.load("two-moons")
        let data = try Dataset(
            rows: Array(all.train[0..<1000].floats), shape: [2], test: Array(all.test[0..<32].floats))
        let model = Self.models[index]
        try check(
            audited(model, on: data, precision, steps: 150, rate: 5e-3), precision, "\(type(of: model).name) \(index)")
    }

    @Test(arguments: [Preprocessing.dequantize, .logit(LogitPreprocessing())], [ScalarType.float32, .float64])
    func ofImages(_ preprocessing: Preprocessing, _ precision: ScalarType) throws {
        let model = Glow(levels: 2, depth: 2, width: 8, preprocessing: preprocessing)
        let audit = try audited(model, on: blobs(count: 60, test: 8), precision, steps: 40, rate: 2e-3)
        try check(audit, precision, "glow, \(preprocessing)")
    }
}
