import Datasets
import Execution
import Graph
import Models
import Networks
import Probability

/// The codes of some rows, each [rows, latent...]: parameters of q(z | x), or the base values of a flow.
public struct Codes: Sendable {
    /// With a flow posterior: what the mean of the Gaussian that it starts from becomes.
    public let mean: HostArray
    /// Nil where the encoder gives a single code, and with a flow posterior.
    public let standardDeviation: HostArray?
    /// One draw of q(z | x) per row; the mean where the encoder gives a single code.
    public let draw: HostArray
}

extension Trained where M: GenerativeModel {
    /// `count` samples, [count, ...]: sample i depends on the model, the seed and i alone.
    public func sample(
        count: Int, seed: UInt64 = 0, temperature: Double = 1, output: DecoderOutput = .mean,
        conditions: HostArray? = nil, batchSize: Int = 256
    ) throws -> HostArray {
        guard count >= 0 else { throw TrainingError("sample", "\(count) samples", "ask for at least 1") }
        return try sample(
            0..<count, seed: seed, temperature: temperature, output: output, conditions: conditions,
            batchSize: batchSize)
    }

    /// The samples of these indices, which must be below 2^32.
    ///
    /// - Parameters:
    ///   - temperature: Multiplies the standard deviation of the noise that they are made of.
    ///   - conditions: Of a conditional model, [n, width]: sample i has row i modulo n. Of a model conditioned on
    ///     labels the classes by turns, unless given.
    public func sample(
        _ range: Range<Int>, seed: UInt64 = 0, temperature: Double = 1, output: DecoderOutput = .mean,
        conditions: HostArray? = nil, batchSize: Int = 256
    ) throws -> HostArray {
        guard range.lowerBound >= 0, range.upperBound <= 1 << 32 else {
            throw TrainingError("sample", "the indices \(range) are not below 2^32", "choose others, or another seed")
        }
        guard temperature.isFinite, temperature >= 0 else {
            throw TrainingError("sample", "the temperature \(temperature) is no scale", "use one such as 0.8")
        }
        if let conditions { try model.givenCondition.check(conditions) }
        let conditions = try conditions ?? defaultConditions()
        return try map(
            "samples at \(temperature), \(output)", count: range.count, batchSize: batchSize, seed: seed,
            indices: { UInt32(truncatingIfNeeded: range.lowerBound + $0) },
            conditions: conditions.map { given in
                { positions in given.rows(positions.map { (range.lowerBound + $0) % given.shape[0] }) }
            }
        ) { context in
            [try model.sample(rowShape, temperature: temperature, output: output, context.root)]
        }[0]
    }

    private func defaultConditions() throws -> HostArray? {
        guard case .label(let label) = model.givenCondition else { return nil }
        return try model.givenCondition.values(ofClasses: Array(0..<label.classes))
    }
}

extension Trained where M: EncodingModel {
    /// The codes of rows.
    public func encode(_ rows: Rows, seed: UInt64 = 0, batchSize: Int = 256) throws -> Codes {
        let outputs = try mapRows("codes", rows, batchSize: batchSize, seed: seed) { x, context in
            let q = try model.encode(x, context.root)
            let draw = try q.sample(context.root["posterior"])
            let flow = try model.latentFlow(x, context.root)
            if !flow.parts.isEmpty {
                return [try flow.forwardAndLogDet(q.mean).value, try flow.forwardAndLogDet(draw).value]
            }
            if let normal = q as? Normal { return [try q.mean, draw, normal.standardDeviation] }
            return [try q.mean, draw]
        }
        return Codes(
            mean: outputs[0], standardDeviation: outputs.count > 2 ? outputs[2] : nil, draw: outputs[1])
    }

    /// The rows that codes [rows, latent...] stand for. Row i of a drawn output has the sample index first + i.
    public func decode(
        _ codes: HostArray, output: DecoderOutput = .mean, seed: UInt64 = 0, batchSize: Int = 256, first: Int = 0
    ) throws -> HostArray {
        let latent = try latentShape()
        guard codes.shape.count == latent.count + 1, Array(codes.shape.dropFirst()) == latent else {
            throw TrainingError(
                "decode", "codes of shape \(codes.shape), but the model's are [rows] + \(latent)",
                "give codes of that shape")
        }
        return try map(
            "decoded \(codes.type.scalar.rawValue), \(output)", count: codes.shape[0], batchSize: batchSize, seed: seed,
            indices: { UInt32(truncatingIfNeeded: first + $0) }, arguments: { [codes.rows($0)] }
        ) { context in
            let z = try context.input(latent, codes.type.scalar).cast(to: precision)
            return [try model.decoded(z, output, context.root)]
        }[0]
    }
}

extension Trained where M: LatentModel {
    /// The mean of p(x | z) at the mean of q(z | x), for each row; through a flow, at what the mean of its Gaussian becomes.
    public func reconstruct(_ rows: Rows, batchSize: Int = 256) throws -> HostArray {
        try mapRows("reconstructions", rows, batchSize: batchSize, seed: 0) { x, context in
            let mean = try model.encode(x, context.root).mean
            let code = try model.latentFlow(x, context.root).forwardAndLogDet(mean).value
            return [try model.decode(code, context.root).mean]
        }[0]
    }
}
