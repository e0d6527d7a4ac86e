import Foundation
import Pushforward
import Testing

/// Draws of a flow against its log-density, which know nothing of each other: one runs the bijectors forward, the other
/// backward.
@Suite struct FlowFitTests {
    private let model = RealNVP(layers: 3, hidden: [8], activation: .tanh, preprocessing: .none)
    private let side = 801
    private let reach = 12.0
    private var step: Double { 2 * reach / Double(side - 1) }

    /// Density of each coordinate on a grid of [-reach, reach], by summing the log-density's exponential over the other one.
    private func marginals(_ logDensity: (Transformed, Tensor) throws -> Tensor) throws -> [[Double]] {
        let axis = (0..<side).map { -reach + Double($0) * step }
        let points = axis.flatMap { x in axis.flatMap { [x, $0] } }
        let shape = [side * side, 2]
        return try evaluated(seed: 4, precision: .float32, arguments: [array(points, shape, .float32)]) { trace in
            let x = trace.graph.input("x", TensorType(shape, .float32))
            let density = try exp(logDensity(model.distribution(trace.root), x)).reshaped([side, side])
            return [try density.sum(axes: [1]) * step, try density.sum(axes: [0]) * step]
        }.map(\.doubles)
    }

    /// The integral up to every eighth point of the grid.
    private func distributionFunction(_ density: [Double]) -> [Double] {
        var total = 0.0
        return density.enumerated().compactMap { index, value in
            defer { total += value * step }
            return index.isMultiple(of: 8) ? total + 0.5 * value * step : nil
        }
    }

    @Test func drawsHaveTheDensity() throws {
        let points = stride(from: 0, to: side, by: 8).map { -reach + Double($0) * step }
        let counts = try evaluated(rows: GoodnessOfFit.drawCount, seed: 4, precision: .float32) { trace in
            let flow = try model.distribution(trace.root)
            let draws = try flow.sample(trace.root["base"])
            let back = try flow.itemisedLogProb(draws).z
            return try [
                GoodnessOfFit.countsBelow(points, draws.at(0, axis: 1)),
                GoodnessOfFit.countsBelow(points, draws.at(1, axis: 1)),
                GoodnessOfFit.countsBelow(points, (draws * 1.02).at(0, axis: 1)),
                GoodnessOfFit.countsBelow(normalPoints, back.at(0, axis: 1)),
                GoodnessOfFit.countsBelow(normalPoints, back.at(1, axis: 1)),
            ]
        }.map(\.doubles)
        let critical = GoodnessOfFit.criticalDistance
        let marginals = try marginals { try $0.logProb($1) }
        for marginal in marginals { #expect(isClose(marginal.reduce(0, +) * step, 1, 1e-4)) }
        let expected = marginals.map(distributionFunction)
        #expect(GoodnessOfFit.distance(counts[0], expected[0]) < critical)
        #expect(GoodnessOfFit.distance(counts[1], expected[1]) < critical)
        #expect(GoodnessOfFit.distance(counts[2], expected[0]) > critical)
        for back in counts[3...] { #expect(GoodnessOfFit.distance(back, normalPoints.map(normalCDF)) < critical) }

        // A density without its log-det, or with its sign wrong, is not that of the draws.
        let without = try self.marginals { try $0.itemisedLogProb($1).base }.map(distributionFunction)
        let wrong = try self.marginals { flow, x in
            let parts = try flow.itemisedLogProb(x)
            return try parts.base - parts.logDet()
        }.map(distributionFunction)
        #expect(GoodnessOfFit.distance(counts[0], without[0]) > critical)
        #expect(GoodnessOfFit.distance(counts[0], wrong[0]) > critical)
    }
}
