import Pushforward
import Testing

/// What a transformer makes of single elements, one a row, each with parameters of its own.
struct TransformerRun {
    let value: [Double], logDerivative: [Double]
    /// The slopes of either, by x: one for each row.
    let valueByX: [Double], logDerivativeByX: [Double]
    /// The slopes of either, by the parameters: as many for each row as there are parameters.
    let valueByParameters: [Double], logDerivativeByParameters: [Double]

    init(
        _ transformer: any Transformer, _ x: [Double], _ parameters: [Double], inverse: Bool = false,
        precision: ScalarType = .float64
    ) throws {
        let arguments = [
            array(x, [x.count, 1], precision),
            array(parameters, [x.count, transformer.parameterCount, 1], precision),
        ]
        let found = try evaluated(precision: precision, arguments: arguments) { trace in
            let x = trace.graph.input("x", arguments[0].type)
            let p = trace.graph.input("parameters", arguments[1].type)
            let y = try inverse ? transformer.inverse(x, p) : transformer.forward(x, p)
            let outputs = [y.value, try #require(y.logDerivative)]
            return outputs + (try outputs.flatMap { y in try [x, p].map { try gradient(of: y.sum(), at: $0) } })
        }.map(\.doubles)
        (value, logDerivative) = (found[0], found[1])
        (valueByX, valueByParameters) = (found[2], found[3])
        (logDerivativeByX, logDerivativeByParameters) = (found[4], found[5])
    }

    var all: [[Double]] {
        [value, logDerivative, valueByX, logDerivativeByX, valueByParameters, logDerivativeByParameters]
    }

    /// Expects all slopes at some places to be those of central differences, of which all are rows of one run.
    static func checkSlopes(
        _ transformer: any Transformer, _ x: [Double], _ parameters: [Double], inverse: Bool, step h: Double,
        tolerance: Double
    ) throws {
        let count = transformer.parameterCount
        let here = try TransformerRun(transformer, x, parameters, inverse: inverse)
        var (places, moved): ([Double], [Double]) = ([], [])
        for row in x.indices {
            let own = Array(parameters[(row * count)..<((row + 1) * count)])
            for index in -1..<count {
                for change in [h, -h] {
                    places.append(index < 0 ? x[row] + change : x[row])
                    moved += own.indices.map { $0 == index ? own[$0] + change : own[$0] }
                }
            }
        }
        let there = try TransformerRun(transformer, places, moved, inverse: inverse)
        for row in x.indices {
            for index in -1..<count {
                let up = 2 * (row * (count + 1) + index + 1)
                let value: Double = (there.value[up] - there.value[up + 1]) / (2 * h)
                let slope: Double = (there.logDerivative[up] - there.logDerivative[up + 1]) / (2 * h)
                let place = row * count + index
                #expect(isClose(value, index < 0 ? here.valueByX[row] : here.valueByParameters[place], tolerance))
                #expect(
                    isClose(
                        slope, index < 0 ? here.logDerivativeByX[row] : here.logDerivativeByParameters[place], tolerance
                    ))
            }
        }
    }
}
