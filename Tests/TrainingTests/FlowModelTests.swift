import Foundation
import Pushforward
import Testing

/// The normalizing flows of the catalogue.
@Suite struct FlowModelTests {
    static let models: [any DensityModel] = [
        RealNVP(layers: 3, hidden: [8], preprocessing: .none), NICE(layers: 3, hidden: [8], preprocessing: .none),
        MAF(layers: 3, hidden: [8], preprocessing: .none), IAF(layers: 3, hidden: [8], preprocessing: .none),
        NSF(layers: 3, bins: 4, tailBound: 3, hidden: [8], preprocessing: .none),
        NSF(structure: .autoregressive, layers: 3, bins: 4, tailBound: 3, hidden: [8], preprocessing: .none),
    ]

    /// With random parameters, on a grid from -8 to 8.
    @Test(arguments: models.indices) func densitiesIntegrateToOne(_ index: Int) throws {
        let model = Self.models[index]
        let side = 321
        let places = (0..<side).map { -8 + 16 * Double($0) / Double(side - 1) }
        let x = array(places.flatMap { a in places.flatMap { [a, $0] } }, [side * side, 2])
        let p = try evaluated(arguments: [x]) { trace in
            let x = trace.graph.input("x", x.type)
            let density = try exp(model.distribution(trace.root).logProb(x))
            let base = try exp(StandardNormal([2]).logProb(x))
            return [try density.sum(), try abs(density - base).sum()]
        }
        let cell: Double = 16 * 16 / Double((side - 1) * (side - 1))
        #expect(abs(p[0].doubles[0] * cell - 1) < 1e-3)
        // The flow moves something.
        #expect(p[1].doubles[0] * cell > 0.01)
    }

    /// Without their turns, one of two elements would keep its place or never depend on the other.
    @Test(arguments: models.indices) func layersTakeTheElementsByTurns(_ index: Int) throws {
        let model = Self.models[index]
        let x = array((0..<32).map { 2 * Foundation.sin(Double($0 * $0)) }, [16, 2])
        let slopes = try evaluated(arguments: [x]) { trace in
            let x = trace.graph.input("x", x.type)
            let z = try model.distribution(trace.root).itemisedLogProb(x).z
            return try (0..<2).map { try gradient(of: z.at($0, axis: 1).sum(), at: x) } + [z - x]
        }.map(\.doubles)
        for (name, values) in zip(["of the first", "of the second", "moved"], slopes) {
            for element in 0..<2 {
                let greatest = stride(from: element, to: 32, by: 2).map { abs(values[$0]) }.max() ?? 0
                #expect(greatest > 1e-3, "\(name): element \(element)")
            }
        }
    }

    @Test(arguments: models.indices) func rowsOfAnyShape(_ index: Int) throws {
        let model = try Self.models[index].adapted(to: [2, 3])
        let x = array((0..<24).map { Foundation.sin(Double($0)) }, [4, 2, 3])
        let y = try evaluated(rows: 4, arguments: [x]) { trace in
            let distribution = try model.distribution(trace.root)
            let x = trace.graph.input("x", x.type)
            return [try distribution.sample(trace.root["base"]), try distribution.logProb(x)]
        }
        #expect(y[0].shape == [4, 2, 3] && y[1].shape == [4])
        #expect(y.allSatisfy { $0.doubles.allSatisfy(\.isFinite) })
    }

    @Test func whatCannotWorkSaysSo() {
        func trying(_ model: some Model, _ shape: [Int] = [2]) -> String {
            message { _ = try model.adapted(to: shape) }
        }
        #expect(trying(NICE(layers: 0)).contains("model.layers"))
        #expect(trying(NICE(), [1]).contains("nice: needs rows of two elements"))
        #expect(trying(MAF(hidden: [4, 0])).contains("model.hidden"))
        #expect(trying(MAF(scaleBound: -1)).contains("model.scale_bound"))
        #expect(trying(IAF(scaleBound: .infinity)).contains("model.scale_bound"))
        #expect(trying(NSF(bins: 1)).contains("model.bins"))
        #expect(trying(NSF(tailBound: 0)).contains("model.tail_bound"))
        #expect(trying(NSF(), [1]).contains("nsf: needs rows of two elements"))
        // What takes one element after another can take just one.
        #expect(trying(MAF(), [1]).isEmpty && trying(IAF(), [1, 1]).isEmpty)
        #expect(trying(NSF(structure: .autoregressive), [1]).isEmpty)
    }
}
