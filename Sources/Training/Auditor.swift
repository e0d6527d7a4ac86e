import Execution
import Foundation
import Graph
import Models

/// Takes rows through layers of a flow and back, and measures each layer where the rows come by.
final class Auditor<M: DensityModel> {
    struct Step {
        let layer: Int
        let direction: LayerPrograms<M>.Direction
        let isPreprocessing: Bool
    }

    /// All layers in the order in which rows go through them.
    func way(_ direction: LayerPrograms<M>.Direction) -> [Step] {
        let all = (0..<layers.names.count).map {
            Step(layer: $0, direction: direction, isPreprocessing: $0 >= layers.core)
        }
        return direction == .forward ? all : all.reversed()
    }

    let layers: LayerPrograms<M>
    /// Of each row, [rows, width].
    private let conditions: HostArray?
    private let power: PowerIteration, chainPower: PowerIteration
    private let epsilon: Double
    /// Of all singular values of layers so far, by how much the least settled one last changed, as a share.
    private(set) var lastChange = 0.0
    /// The same of all amplifications.
    private(set) var lastAmplificationChange = 0.0

    init(layers: LayerPrograms<M>, conditions: HostArray?, precision: ScalarType, iterations: Int) {
        self.layers = layers
        self.conditions = conditions
        power = PowerIteration(limit: iterations, tolerance: 1e-4)
        // Products with all layers between are dear, and nobody needs more digits of an amplification.
        chainPower = PowerIteration(limit: iterations, tolerance: 1e-2)
        epsilon = precision == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
    }

    /// Where values [rows, ...] are after some steps.
    func arrived(_ start: HostArray, _ steps: [Step]) throws -> HostArray {
        var result = start
        try inBatches(start.shape[0]) { first, kept, positions, condition in
            var value = start.rows(positions)
            for step in steps { value = try layers.mapped(step.layer, step.direction, value, condition).value }
            if first == 0 {
                result = HostArray(TensorType([start.shape[0]] + value.shape.dropFirst(), value.type.scalar))
            }
            result.replaceRows(from: first, kept, with: value)
        }
        return result
    }

    /// - Parameters:
    ///   - start: Rows of base values or of data, [rows, ...].
    ///   - steps: The way to the other end.
    ///   - directions: A direction for each row, from which power iterations start, [rows, elements].
    ///   - progress: Is told of parts done.
    func passage(
        _ place: Audit.Place, _ start: HostArray, steps: [Step], directions: HostArray,
        progress: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> Audit.Passage {
        let count = start.shape[0]
        let batches = (count + layers.rows - 1) / layers.rows
        var whole = WholeFigures()
        var single = steps.map { _ in LayerFigures() }
        var done = 0
        try inBatches(count) { _, kept, positions, condition in
            let batch = try Batch(self, start.rows(positions), steps, directions.rows(positions), condition)
            try batch.measure(kept, &whole, &single) {
                done += 1
                try progress(done, batches * batch.parts)
            }
        }
        let judged = zip(steps, single).map { step, figures in
            figures.layer(layers.names[step.layer], layers.kinds[step.layer], step.isPreprocessing)
        }
        return whole.passage(place, rows: count, judged)
    }

    /// Full batches of rows; the last one is filled up by repeating its last row.
    private func inBatches(
        _ count: Int,
        _ work: (_ first: Int, _ kept: Int, _ positions: [Int], _ condition: HostArray?) throws -> Void
    ) throws {
        for first in stride(from: 0, to: count, by: layers.rows) {
            let kept = min(layers.rows, count - first)
            let positions = (0..<layers.rows).map { first + min($0, kept - 1) }
            try work(first, kept, positions, conditions?.rows(positions))
        }
    }

    /// Some rows on their way.
    private struct Batch {
        let auditor: Auditor
        let steps: [Step]
        let directions: HostArray
        let condition: HostArray?
        /// The start, and what every step made of it.
        let values: [HostArray]
        /// Of every step.
        let logDets: [[Double]]

        var layers: LayerPrograms<M> { auditor.layers }
        /// Of its work.
        var parts: Int { 2 * steps.count + 1 }
        /// The steps that are no preprocessing: amplification and conditioning are theirs, in the units of the values
        /// between layers.
        let core: Range<Int>

        init(
            _ auditor: Auditor, _ start: HostArray, _ steps: [Step], _ directions: HostArray, _ condition: HostArray?
        ) throws {
            (self.auditor, self.steps, self.directions, self.condition) = (auditor, steps, directions, condition)
            let first = steps.firstIndex { !$0.isPreprocessing } ?? steps.count
            core = first..<first + steps.count { !$0.isPreprocessing }
            var (values, logDets): ([HostArray], [[Double]]) = ([start], [])
            for step in steps {
                let mapped = try auditor.layers.mapped(
                    step.layer, step.direction, values[values.count - 1], condition)
                values.append(mapped.value)
                logDets.append(mapped.logDet)
            }
            (self.values, self.logDets) = (values, logDets)
        }

        func measure(
            _ kept: Int, _ whole: inout WholeFigures, _ single: inout [LayerFigures], done: () throws -> Void
        ) throws {
            let lengths = values.map { $0.rowLengths() }
            var conditioning = lengths[core.lowerBound]
            var left = directions.shaped(values[core.lowerBound].shape)
            var amplification = [Double](repeating: 1, count: layers.rows)
            var wasFinite = lengths[0].map(\.isFinite)
            for (index, step) in steps.enumerated() {
                let returned = try layers.mapped(step.layer, step.direction.opposite, values[index + 1], condition)
                let there = try norm(index, back: false)
                let back = try norm(index, back: true)
                try done()
                if core.contains(index) { amplification = try norm(ofWayBackFrom: index, &left) }
                let growth = try growth(index, amplification, lengths)
                try done()
                let difference = Difference(values[index], returned.value)
                let gaps = zip(logDets[index], returned.logDet).map { abs($0 + $1) }
                for row in 0..<kept {
                    let unit = auditor.epsilon * (lengths[index][row] + back[row] * lengths[index + 1][row])
                    single[index].add(
                        error: difference.largest[row], roundings: difference.length[row] / unit,
                        amplification: core.contains(index) ? amplification[row] : .nan,
                        forward: (step.direction == .forward ? there : back)[row],
                        inverse: (step.direction == .forward ? back : there)[row], logDetGap: gaps[row],
                        isLost: wasFinite[row] && !(difference.largest[row].isFinite && gaps[row].isFinite))
                    conditioning[row] += growth[row]
                }
                wasFinite = lengths[index + 1].indices.map {
                    wasFinite[$0] && lengths[index + 1][$0].isFinite && logDets[index][$0].isFinite
                }
            }
            let home = try wayHome()
            try done()
            let (start, inner) = (
                Difference(values[0], home.values[0]),
                Difference(values[core.lowerBound], home.values[core.lowerBound])
            )
            for row in 0..<kept {
                whole.add(
                    error: start.largest[row], difference: inner.length[row], length: lengths[core.lowerBound][row],
                    conditioning: conditioning[row],
                    roundings: inner.length[row] / (auditor.epsilon * conditioning[row]),
                    logDetGap: abs(logDets.reduce(0) { $0 + $1[row] } + home.logDet[row]))
            }
        }

        /// How long the change is that relative changes of all elements of what a step has made may cause at the start of
        /// the core, in units of the relative change.
        private func growth(_ index: Int, _ amplification: [Double], _ lengths: [[Double]]) throws -> [Double] {
            if index < core.lowerBound { return amplification.map { _ in 0 } }
            if core.contains(index) { return zip(amplification, lengths[index + 1]).map(*) }
            // Preprocessing takes each element by itself: a diagonal Jacobian by the elements themselves has no mixed
            // units.
            return zip(amplification, try pushedBack(values[index + 1], from: index, to: core.upperBound).rowLengths())
                .map(*)
        }

        /// What vectors at the values behind step `last` are before step `first`, by the Jacobian of the way back.
        private func pushedBack(_ v: HostArray, from last: Int, to first: Int) throws -> HostArray {
            var v = v
            for place in (first...last).reversed() {
                let step = steps[place]
                v = try layers.pushed(step.layer, step.direction.opposite, values[place + 1], v, condition)
            }
            return v
        }

        /// What the last values become at every place on the way back, and the log-det of all of it.
        private func wayHome() throws -> (values: [HostArray], logDet: [Double]) {
            var passed = [values[steps.count]]
            var logDet = [Double](repeating: 0, count: layers.rows)
            for step in steps.reversed() {
                let mapped = try layers.mapped(step.layer, step.direction.opposite, passed[passed.count - 1], condition)
                passed.append(mapped.value)
                logDet = zip(logDet, mapped.logDet).map(+)
            }
            return (passed.reversed(), logDet)
        }

        /// The norm of a step's Jacobian for each row, there or back.
        private func norm(_ index: Int, back: Bool) throws -> [Double] {
            let step = steps[index]
            let direction = back ? step.direction.opposite : step.direction
            let (here, goal) = back ? (values[index + 1], values[index]) : (values[index], values[index + 1])
            let result = try auditor.power.largest(from: directions.shaped(goal.shape)) {
                try layers.pushed(step.layer, direction, here, $0, condition)
            } pull: {
                try layers.pulled(step.layer, direction, here, $0, condition)
            }
            auditor.lastChange = max(auditor.lastChange, result.lastChange)
            return result.values
        }

        /// The norm of the Jacobian of the way back to the start of the core from what step `index` has made. `left`, where the last
        /// one's power iteration ended, is where this one's begins: they differ little.
        private func norm(ofWayBackFrom index: Int, _ left: inout HostArray) throws -> [Double] {
            let result = try auditor.chainPower.largest(from: left) {
                try pushedBack($0, from: index, to: core.lowerBound)
            } pull: { left in
                var u = left
                for place in core.lowerBound...index {
                    let step = steps[place]
                    u = try layers.pulled(step.layer, step.direction.opposite, values[place + 1], u, condition)
                }
                return u
            }
            auditor.lastAmplificationChange = max(auditor.lastAmplificationChange, result.lastChange)
            left = result.left
            return result.values
        }
    }
}

/// How far rows are from others.
private struct Difference {
    /// The largest difference in an element, and the Euclidean length of all, of each row.
    let largest: [Double], length: [Double]

    init(_ a: HostArray, _ b: HostArray) {
        let difference = zip(a.doubles, b.doubles).map { $0 - $1 }
        let rows = a.shape[0]
        let size = difference.count / max(rows, 1)
        let own = (0..<rows).map { difference[$0 * size..<($0 + 1) * size] }
        largest = own.map { $0.reduce(0) { $1.isNaN || $0.isNaN ? .nan : max($0, abs($1)) } }
        length = own.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    }
}

/// What was measured of one layer, by row.
private struct LayerFigures {
    var error: [Double] = [], roundings: [Double] = [], amplification: [Double] = []
    /// Norms of the Jacobians of both directions.
    var forward: [Double] = [], inverse: [Double] = []
    var logDetGap: [Double] = []
    var lost = 0

    mutating func add(
        error: Double, roundings: Double, amplification: Double, forward: Double, inverse: Double,
        logDetGap: Double, isLost: Bool
    ) {
        self.error.append(error)
        self.roundings.append(roundings)
        self.amplification.append(amplification)
        self.forward.append(forward)
        self.inverse.append(inverse)
        self.logDetGap.append(logDetGap)
        lost += isLost ? 1 : 0
    }

    func layer(_ name: String, _ kind: String, _ isPreprocessing: Bool) -> Audit.Layer {
        Audit.Layer(
            name: name, kind: kind, isPreprocessing: isPreprocessing, inverseError: .init(error),
            roundings: .init(roundings), amplification: .init(amplification),
            largestSingularValue: Audit.Spread(forward).largest,
            smallestSingularValue: 1 / Audit.Spread(inverse).largest,
            conditionNumber: .init(zip(forward, inverse).map { $0 * $1 }), logDetGap: .init(logDetGap),
            nonFinite: lost)
    }
}

/// What was measured of a whole way there and back, by row.
private struct WholeFigures {
    var error: [Double] = [], difference: [Double] = [], length: [Double] = []
    var conditioning: [Double] = [], roundings: [Double] = [], logDetGap: [Double] = []

    mutating func add(
        error: Double, difference: Double, length: Double, conditioning: Double, roundings: Double, logDetGap: Double
    ) {
        self.error.append(error)
        self.difference.append(difference)
        self.length.append(length)
        self.conditioning.append(conditioning)
        self.roundings.append(roundings)
        self.logDetGap.append(logDetGap)
    }

    func passage(_ place: Audit.Place, rows: Int, _ layers: [Audit.Layer]) -> Audit.Passage {
        let typical = Audit.Spread(length).median
        return Audit.Passage(
            place: place, rows: rows, nonFinite: zip(error, logDetGap).count { !($0.isFinite && $1.isFinite) },
            roundTripError: .init(error), relativeError: .init(difference.map { $0 / typical }),
            conditioning: .init(conditioning.map { $0 / typical }), roundings: .init(roundings),
            logDetGap: .init(logDetGap), layers: layers)
    }
}

extension HostArray {
    /// The same numbers in another shape of as many.
    fileprivate func shaped(_ shape: [Int]) -> HostArray {
        HostArray(TensorType(shape, type.scalar), bytes: bytes) ?? self
    }
}
