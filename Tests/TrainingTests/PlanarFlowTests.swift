import Foundation
import Pushforward
import Testing

@Suite struct PlanarFlowTests {
    /// With first values, the spread of which is that of a trained flow's.
    @Test func itsDensityIntegratesToOne() throws {
        let steps = 400
        let width = 24 / Double(steps)
        let grid = (0..<steps).map { -12 + (Double($0) + 0.5) * width }
        let points = grid.flatMap { x in grid.flatMap { y -> [Double] in [x, y] } }
        let x = array(points, [steps * steps, 2])
        let total = try evaluated(arguments: [x]) { trace in
            let density = try PlanarFlow(layers: 4, preprocessing: .none).distribution(trace.root).logProb(
                trace.graph.input("x", x.type))
            return [try exp(density).sum(compensated: true) * (width * width)]
        }
        #expect(abs(total[0].doubles[0] - 1) < 1e-6)
    }

    /// Samples, by solving equations, are where the closed form says that their noise came from.
    @Test func samplesGoBackToTheirNoise() throws {
        let y = try evaluated(rows: 200) { trace in
            let flow = try PlanarFlow(layers: 8, preprocessing: .none).distribution(trace.root)
            let noise = try StandardNormal([2]).sample(trace.root["noise"])
            return [noise, try flow.itemisedLogProb(flow.forward(noise)).z]
        }
        #expect(areClose(y[0].doubles, y[1].doubles, 1e-9))
    }

    @Test func optionsAreChecked() {
        #expect(message { _ = try PlanarFlow(layers: 0).adapted(to: [2]) }.contains("model.layers"))
        #expect((try? PlanarFlow().adapted(to: [1, 2, 2]).shape) == [1, 2, 2])
    }
}
