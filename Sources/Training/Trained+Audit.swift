import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

extension Trained where M: DensityModel {
    /// How invertible and well-conditioned the flow is at rows, at as many samples of its prior, and at rows moved far
    /// away from their mean.
    ///
    /// - Parameters:
    ///   - seed: Of the samples, the noise of dequantization and the directions from which power iterations start.
    ///   - iterations: Of every power iteration, at most.
    ///   - batchSize: Rows at once; by the size of a row unless given. It never changes a bit of a result.
    public func audit(
        _ rows: Rows, seed: UInt64 = 0, iterations: Int = 50, batchSize: Int? = nil
    ) throws -> Audit {
        for (key, value) in [("iterations", iterations), ("batch_size", batchSize ?? 1)] where value < 1 {
            throw ConfigurationError.badValue(key, value: "\(value)", expected: "at least 1")
        }
        guard rows.count > 0 else { throw TrainingError("audit", "there are no rows", "give at least one") }
        if binarization == .none { try model.check(rows) }
        let batch = min(rows.count, batchSize ?? max(16_384 / rowShape.product, 4))
        let auditor = try Auditor(
            layers: LayerPrograms(of: self, rows: batch), conditions: rowConditions(rows), precision: precision,
            iterations: iterations)
        guard auditor.layers.names.count > 0 else {
            throw TrainingError(M.name, "has no layers to audit", "use a flow of layers, such as realnvp")
        }
        // Each of the passes below has its own count of rows; they are quick beside the rest.
        let report = progress
        progress = nil
        defer { progress = report }
        let starts = try auditStarts(rows, auditor, seed: seed, batchSize: batch)
        let directions = try auditDraws(rows, "directions", seed: seed, batchSize: batch) { context in
            [try context.root["audit"].normal([context.rows, rowShape.product])]
        }
        var passages: [Audit.Passage] = []
        for (index, start) in starts.enumerated() {
            passages.append(
                try auditor.passage(start.place, start.values, steps: start.steps, directions: directions) {
                    done, total in try report?(index * total + done, starts.count * total)
                })
        }
        return Audit(
            passages: passages, epsilon: precision == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne),
            iterations: iterations, lastChange: auditor.lastChange,
            lastAmplificationChange: auditor.lastAmplificationChange)
    }

    private func rowConditions(_ rows: Rows) throws -> HostArray? {
        model.givenCondition.width > 0 ? try model.givenCondition.values(of: rows) : nil
    }

    /// Outputs that depend on random numbers and conditions, for as many samples as there are rows.
    private func auditDraws(
        _ rows: Rows, _ key: String, seed: UInt64, batchSize: Int, _ trace: (Context) throws -> [Tensor]
    ) throws -> HostArray {
        let conditions = try rowConditions(rows)
        return try map(
            "audit \(key)", count: rows.count, batchSize: batchSize, seed: seed,
            indices: { UInt32(truncatingIfNeeded: $0) }, conditions: conditions.map { given in { given.rows($0) } },
            trace)[0]
    }

    private typealias Start = (place: Audit.Place, values: HostArray, steps: [Auditor<M>.Step])

    private func auditStarts(
        _ rows: Rows, _ auditor: Auditor<M>, seed: UInt64, batchSize: Int
    ) throws -> [Start] {
        let data = try mapRows("audit data", rows, batchSize: batchSize, seed: seed) { x, context in
            [try model.continuous(x, context.root)]
        }[0]
        let base = try auditDraws(rows, "base", seed: seed, batchSize: batchSize) { context in
            [try model.distribution(context.root).base.sample(context.root["base"], temperature: 1)]
        }
        let inwards = auditor.way(.inverse)
        let core = inwards.filter { !$0.isPreprocessing }
        let inner = try auditor.arrived(data, inwards.filter(\.isPreprocessing))
        return [(.heldOut, data, inwards), (.prior, base, auditor.way(.forward))]
            + (try [10, 1e4].map { (.far($0), try inner.movedFromMean($0), core) })
    }
}

extension HostArray {
    /// Rows at a multiple of their distance from the mean of those that are finite.
    fileprivate func movedFromMean(_ multiple: Double) throws -> HostArray {
        let (values, rows) = (doubles, shape[0])
        let size = values.count / rows
        let means = (0..<size).map { column in
            let known = (0..<rows).map { values[$0 * size + column] }.filter(\.isFinite)
            return known.reduce(0, +) / Double(max(known.count, 1))
        }
        let moved = values.indices.map { means[$0 % size] + multiple * (values[$0] - means[$0 % size]) }
        guard let result = HostArray(moved, shape: shape, type.scalar) else {
            throw GraphError("audit", "\(moved.count) numbers do not fill \(type)")
        }
        return result
    }
}
