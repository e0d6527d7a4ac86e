import Foundation
import Pushforward
import Testing

@Suite struct AutoregressiveTests {
    private let count = 2

    /// The slopes of each output of a MADE with random weights by its input, or by its context of two features: for each
    /// parameter and element in turn, as many numbers as the input or context has elements.
    private func slopes(
        _ made: MADE, _ elements: Int, hasContext: Bool = false, byContext: Bool = false
    ) throws -> [[Double]] {
        let values = (0..<elements).map { 0.3 * Double($0) - 0.5 }
        let arguments = [array(values, [1, elements]), array([0.7, -0.4], [1, 2])]
        return try evaluated(arguments: arguments) { trace in
            let x = trace.graph.input("x", arguments[0].type)
            let context = trace.graph.input("context", arguments[1].type)
            let y = try made.parameters(
                count, for: [elements], from: x, context: hasContext ? context : nil, trace.root)
            #expect(y.shape == [1, count, elements])
            return try (0..<(count * elements)).map { index in
                try gradient(of: y.reshaped([count * elements]).at(index, axis: 0), at: byContext ? context : x)
            }
        }.map(\.doubles)
    }

    /// Hidden layers as narrow as may be, wider ones, none, and with a context, whose own degree takes one unit more.
    @Test(
        arguments: MADE.Order.allCases,
        [([5, 5], false), ([6, 6], true), ([16, 7, 9], false), ([13], true), ([], false)])
    func parametersDependOnAllThatComesBefore(_ order: MADE.Order, _ form: (hidden: [Int], hasContext: Bool)) throws {
        let elements = 6
        let made = MADE(form.hidden, activation: .tanh, order: order)
        let found = try slopes(made, elements, hasContext: form.hasContext)
        for (index, slopes) in found.enumerated() {
            let output = index % elements
            for input in 0..<elements {
                let isBefore = order == .ascending ? input < output : input > output
                #expect(isBefore ? slopes[input] != 0 : slopes[input] == 0)
            }
        }
    }

    @Test(arguments: MADE.Order.allCases, [1, 4]) func allParametersSeeTheContext(_ order: MADE.Order, _ size: Int)
        throws
    {
        for hidden in [[], [4], [7, 5]] {
            let made = MADE(hidden, activation: .tanh, order: order)
            let found = try slopes(made, size, hasContext: true, byContext: true)
            #expect(found.allSatisfy { $0.allSatisfy { $0 != 0 } })
        }
    }

    @Test func aSingleElementHasConstantParameters() throws {
        #expect(try slopes(MADE([3]), 1).allSatisfy { $0 == [0] })
    }

    /// The Jacobians of both directions are triangular, exactly.
    @Test(arguments: MADE.Order.allCases) func jacobiansAreTriangular(_ order: MADE.Order) throws {
        let elements = 4
        let arguments = [array([0.3, -1.2, 0.8, 2], [1, elements])]
        let found = try evaluated(arguments: arguments) { trace in
            let x = trace.graph.input("x", arguments[0].type)
            let flow = try Autoregressive(AffineTransformer(), MADE([8], activation: .tanh, order: order), trace.root)
            return try [flow.forwardAndLogDet(x).value, flow.inverseAndLogDet(x).value].flatMap { y in
                try (0..<elements).map { try gradient(of: y.at($0, axis: 1).sum(), at: x) }
            }
        }.map(\.doubles)
        for (index, slopes) in found.enumerated() {
            let output = index % elements
            for input in 0..<elements {
                let isAfter = order == .ascending ? input > output : input < output
                #expect(isAfter ? slopes[input] == 0 : slopes[input] != 0)
            }
        }
    }
}
