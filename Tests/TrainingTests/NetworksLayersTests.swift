import Foundation
import Pushforward
import Testing

@Suite struct NetworksInitializerTests {
    private func value(_ initializer: Initializer, _ shape: [Int], path: String = "w", seed: UInt64 = 0) throws
        -> [Double]
    {
        try evaluated(seed: seed) { [try $0.root.parameter(path, shape, initializer) * 1] }[0].doubles
    }

    @Test func constants() throws {
        #expect(try value(.zeros, [3]) == [0, 0, 0])
        #expect(try value(.ones, [2]) == [1, 1])
        #expect(try value(.constant(-2.5), [1]) == [-2.5])
    }

    @Test(arguments: [
        (Initializer.uniform(fanIn: 16), 0.25, 0.25 / 3.0.squareRoot()), (.uniform(bound: 2), 2, 2 / 3.0.squareRoot()),
        (.xavier(fanIn: 2, fanOut: 4), 1, 1 / 3.0.squareRoot()), (.normal(standardDeviation: 3), .infinity, 3),
        (.kaiming(fanIn: 8), .infinity, 0.5),
    ])
    func randomOnesHaveTheirBoundAndSpread(_ initializer: Initializer, _ bound: Double, _ deviation: Double) throws {
        let values = try value(initializer, [100, 100])
        let mean = values.reduce(0, +) / 1e4
        let spread = (values.reduce(0) { $0 + $1 * $1 } / 1e4).squareRoot()
        #expect(values.allSatisfy { abs($0) <= bound })
        #expect(abs(mean) < 5 * deviation / 100 && abs(spread / deviation - 1) < 0.05)
        if bound.isFinite { #expect((values.map(abs).max() ?? 0) > 0.99 * bound) }
    }

    @Test func valuesDependOnSeedAndPathAlone() throws {
        let first = try value(.uniform(bound: 1), [6])
        let later = try evaluated { trace in
            _ = try trace.root.parameter("other", [5], .uniform(bound: 1))
            return [try trace.root.parameter("w", [2, 3], .uniform(bound: 1)) * 1]
        }[0].doubles
        #expect(later == first)
        #expect(Set(try value(.uniform(bound: 1), [6], seed: 1)).isDisjoint(with: first))
        #expect(Set(try value(.uniform(bound: 1), [6], path: "v")).isDisjoint(with: first))
    }
}

@Suite struct NetworksLayersTests {
    private func initial(_ x: HostArray, _ layer: @escaping (Tensor, Scope) throws -> Tensor) throws
        -> (y: HostArray, parameters: [(path: String, shape: [Int], values: [Double])])
    {
        var paths: [(String, [Int])] = []
        let outputs = try evaluated(arguments: [x]) { trace in
            let y = try layer(trace.graph.input("x", x.type), trace.root)
            paths = trace.parameters.map { ($0.path, $0.type.shape) }
            return [y] + (try trace.parameters.map { try $0.tensor * 1 })
        }
        return (outputs[0], zip(paths, outputs.dropFirst()).map { (path: $0.0, shape: $0.1, values: $1.doubles) })
    }

    @Test func denseIsPyTorchsLinear() throws {
        let x = array([1, 2, 3, -1, 0.5, 4], [2, 3])
        let (y, parameters) = try initial(x) { try Dense(2)($0, $1) }
        #expect(parameters.map(\.path) == ["weight", "bias"])
        #expect(parameters.map(\.shape) == [[2, 3], [2]])
        let (w, b) = (parameters[0].values, parameters[1].values)
        #expect((w + b).allSatisfy { abs($0) <= 1 / 3.0.squareRoot() && $0 != 0 })
        var expected: [Double] = []
        for row in 0..<2 {
            for unit in 0..<2 {
                expected.append(b[unit] + (0..<3).reduce(0) { $0 + x.doubles[row * 3 + $1] * w[unit * 3 + $1] })
            }
        }
        #expect(areClose(y.doubles, expected))
        #expect(try initial(x) { try Dense(2, bias: false)($0, $1) }.parameters.map(\.path) == ["weight"])
    }

    @Test func convolutionIsPyTorchs() throws {
        let x = array((0..<(2 * 3 * 6 * 6)).map { sin(Double($0)) }, [2, 3, 6, 6])
        let (y, parameters) = try initial(x) { try Conv2D(4, kernel: 4, stride: 2, padding: 1)($0, $1) }
        #expect(y.shape == [2, 4, 3, 3])
        #expect(parameters.map(\.shape) == [[4, 3, 4, 4], [4]])
        let bound = 1 / 48.0.squareRoot()
        #expect(parameters.allSatisfy { $0.values.allSatisfy { abs($0) <= bound } })
        #expect((parameters[0].values.map(abs).max() ?? 0) > 0.9 * bound)
        // One output by hand: row 1, channel 2, position (1, 2).
        var expected = parameters[1].values[2]
        for channel in 0..<3 {
            for i in 0..<4 {
                for j in 0..<4 {
                    let (row, column) = (1 * 2 - 1 + i, 2 * 2 - 1 + j)
                    guard (0..<6).contains(row), (0..<6).contains(column) else { continue }
                    expected +=
                        parameters[0].values[((2 * 3 + channel) * 4 + i) * 4 + j]
                        * x.doubles[((1 * 3 + channel) * 6 + row) * 6 + column]
                }
            }
        }
        #expect(isClose(y.doubles[((1 * 4 + 2) * 3 + 1) * 3 + 2], expected))
    }

    @Test func transposedConvolutionTakesItsFanInFromTheOutputs() throws {
        let x = array([Double](repeating: 1, count: 64 * 2), [1, 64, 1, 2])
        let (y, parameters) = try initial(x) { try ConvTranspose2D(3, kernel: 4, stride: 2, padding: 1)($0, $1) }
        #expect(y.shape == [1, 3, 2, 4])
        #expect(parameters.map(\.shape) == [[64, 3, 4, 4], [3]])
        let largest = parameters[0].values.map(abs).max() ?? 0
        #expect(largest <= 1 / 48.0.squareRoot() && largest > 0.95 / 48.0.squareRoot())
    }

    @Test func groupsAndWrongSizes() throws {
        let x = array([Double](repeating: 1, count: 4 * 9), [1, 4, 3, 3])
        #expect(try initial(x) { try Conv2D(6, kernel: 3, groups: 2)($0, $1) }.parameters[0].shape == [6, 2, 3, 3])
        #expect(message { _ = try initial(x) { try Conv2D(6, kernel: 3, groups: 3)($0, $1) } }.contains("groups"))
        #expect(message { _ = try initial(x) { try Conv2D(6, kernel: 5)($0, $1["conv"]) } }.contains("conv"))
        #expect(message { _ = try initial(x) { try Dense(0)($0.flattened(), $1) } }.contains("dense"))
    }

    @Test func mlpActivatesEveryLayer() throws {
        let x = array([1, -2], [1, 2])
        let (y, parameters) = try initial(x) {
            try MLP([3, 2], activation: .tanh, outputActivation: .identity)($0, $1)
        }
        #expect(parameters.map(\.path) == ["layer0/weight", "layer0/bias", "layer1/weight", "layer1/bias"])
        let values = parameters.map(\.values)
        let h = (0..<3).map { (unit: Int) -> Double in
            let sum: Double = values[1][unit] + values[0][unit * 2] - 2 * values[0][unit * 2 + 1]
            return Foundation.tanh(sum)
        }
        let expected = (0..<2).map { (unit: Int) -> Double in
            var sum: Double = values[3][unit]
            for k in 0..<3 { sum += h[k] * values[2][unit * 3 + k] }
            return sum
        }
        #expect(areClose(y.doubles, expected))
    }

    @Test(arguments: Activation.allCases) func activationsAreTheirFormulas(_ activation: Activation) throws {
        let points = [-3, -0.5, 0, 0.25, 2.0]
        let y = try evaluated(arguments: [array(points, [5])]) { trace in
            [try activation(trace.graph.input("x", TensorType([5], .float64)))]
        }[0].doubles
        let expected = points.map { x -> Double in
            switch activation {
            case .relu: max(x, 0)
            case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
            case .tanh: tanh(x)
            case .softplus: log(1 + exp(x))
            case .sigmoid: 1 / (1 + exp(-x))
            case .silu: x / (1 + exp(-x))
            case .leakyRelu: x > 0 ? x : 0.01 * x
            case .identity: x
            }
        }
        #expect(areClose(y, expected, 1e-12))
    }

    @Test func rowsAreReshapedWithoutTheBatch() throws {
        let y = try evaluated(arguments: [array([1, 2, 3, 4, 5, 6, 7, 8], [2, 4])]) { trace in
            [try trace.graph.input("x", TensorType([2, 4], .float64)).reshaped(1, 2, 2)]
        }[0]
        #expect(y.shape == [2, 1, 2, 2])
    }
}
