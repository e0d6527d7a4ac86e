import Foundation
import Pushforward
import Testing

/// Transformers of which one direction iterates.
@Suite struct MixtureTests {
    static var transformers: [any Transformer] { [ConicTransformer(units: 3), Gaussianization(components: 3)] }

    private func parameters(_ transformer: any Transformer, rows: Int, spread: Double = 1) -> [Double] {
        var numbers = Numbers(seed: 11)
        return (0..<rows * transformer.parameterCount).map { _ in numbers.normal() * spread }
    }

    /// Of one logistic a gaussianization is Phi^-1(sigmoid(x)): values by mpmath with 50 digits.
    @Test func gaussianizesALogistic() throws {
        let x = [-2000, -800, -730, -100, -30, -5, -1, -0.1, 0, 0.5, 2, 12, 40, 1500]
        let expected = [
            -63.165418608783609, -39.884694838256678, -38.090429516011879, -13.888476033003886, -7.3576668150087624,
            -2.4733392227978293, -0.61601769267245049, -0.062654506105803791, 0.0, 0.3119462960492541,
            1.1789807428236249, 4.3724082011202866, 8.5926757184737721, 54.682340595465148,
        ]
        // softplus(log(e - 1)) = 1
        let transformer = Gaussianization(components: 1, minimumScale: 0)
        let one = [0, 0, Foundation.log(M_E - 1)]
        let z = try TransformerRun(transformer, x, x.flatMap { _ in one }, inverse: true)
        #expect(areClose(z.value, expected, 1e-13))
        let back = try TransformerRun(transformer, expected, x.flatMap { _ in one })
        #expect(areClose(back.value, x, 1e-12))
    }

    /// 1e4 either way and saturated parameters, in float32; and they round-trip where the map is not all but flat.
    @Test(arguments: transformers.indices) func staysFinite(_ index: Int) throws {
        let transformer = Self.transformers[index]
        for magnitude in [1.0, 10] {
            let x = [-1e4, -100, -3, 0, 0.5, 7, 300, 1e4]
            let parameters = parameters(transformer, rows: x.count).map { $0 < 0 ? -magnitude : magnitude }
            let there = try TransformerRun(transformer, x, parameters, inverse: true, precision: .float32)
            #expect(there.all.allSatisfy { $0.allSatisfy(\.isFinite) })
            let back = try TransformerRun(transformer, there.value, parameters, precision: .float32)
            #expect(back.all.allSatisfy { $0.allSatisfy(\.isFinite) })
            for row in x.indices {
                let amplification = max(1, Foundation.exp(back.logDerivative[row]))
                #expect(abs(back.value[row] - x[row]) < 64 * 0x1p-23 * max(1, abs(x[row])) * amplification)
            }
        }
    }

    @Test(arguments: transformers.indices) func gradientsAreThoseOfDifferences(_ index: Int) throws {
        let transformer = Self.transformers[index]
        let x = [-2.2, -0.7, 0.4, 1.9]
        let parameters = parameters(transformer, rows: x.count)
        for inverse in [false, true] {
            try TransformerRun.checkSlopes(
                transformer, x, parameters, inverse: inverse, step: 1e-5, tolerance: 1e-6)
            let y = try TransformerRun(transformer, x, parameters, inverse: inverse)
            #expect(areClose(y.logDerivative.map { Foundation.exp($0) }, y.valueByX, 1e-9))
        }
    }

    @Test func whatCannotWorkSaysSo() {
        for (transformer, word) in zip(Self.transformers, ["conic", "gaussianization"]) {
            #expect(
                message {
                    let graph = Graph()
                    let parameters = graph.input("parameters", TensorType([3, 4, 1], .float32))
                    _ = try transformer.forward(graph.input("x", TensorType([3, 1], .float32)), parameters)
                }.contains("\(word)"))
        }
    }
}
