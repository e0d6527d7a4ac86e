import Foundation
import Pushforward
import Testing

/// Each rule restated on the host, one number at a time.
private struct Reference {
    var p: Double
    var m = 0.0
    var v = 0.0
    var t = 0.0

    mutating func step(_ optimizer: Optimizer, _ gradient: Double, _ rate: Double) {
        t += 1
        switch optimizer {
        case .adam(let rule):
            let g = gradient + rule.weightDecay * p
            adam(g, rate, rule.beta1, rule.beta2, rule.epsilon)
        case .adamW(let rule):
            p -= rate * rule.weightDecay * p
            adam(gradient, rate, rule.beta1, rule.beta2, rule.epsilon)
        case .sgd(let rule):
            let g = gradient + rule.weightDecay * p
            m = rule.momentum * m + g
            p -= rate * (rule.momentum == 0 ? g : rule.nesterov ? g + rule.momentum * m : m)
        }
    }

    private mutating func adam(_ g: Double, _ rate: Double, _ beta1: Double, _ beta2: Double, _ epsilon: Double) {
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        p -= rate * (m / (1 - pow(beta1, t))) / ((v / (1 - pow(beta2, t))).squareRoot() + epsilon)
    }
}

@Suite struct NetworksOptimizersTests {
    @Test(arguments: [
        Optimizer.adam(learningRate: 0.1),
        .adam(Adam(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 0.01, weightDecay: 0.3)),
        .adamW(learningRate: 0.1, weightDecay: 0.2), .sgd(learningRate: 0.1), .sgd(learningRate: 0.1, momentum: 0.9),
        .sgd(SGD(learningRate: 0.1, momentum: 0.8, nesterov: true, weightDecay: 0.1)),
    ])
    func followsItsPaper(_ optimizer: Optimizer) throws {
        let start = [1.0, -2, 0.5]
        let graph = Graph()
        let trace = Trace(graph, precision: .float64)
        let p = try trace.root.parameter("p", [3], .zeros)
        let rate = graph.input("rate", TensorType([], .float64))
        let count = graph.input("count", TensorType([], .float64))
        // The loss sum(p^4) / 4 has the gradient p^3.
        let gradient = try p * p * p
        let updates = try optimizer.updates(trace.parameters[0], gradient: gradient, rate: rate, count: count)
        let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
        try states.write("p", array(start, [3]))
        let program = try CompiledProgram(Program(graph, updates: updates), states: states)
        var references = start.map { Reference(p: $0) }
        for step in 1...6 {
            let rate = step < 4 ? 0.1 : 0.05
            _ = try program([array([rate], []), array([Double(step)], [])])
            for index in references.indices { references[index].step(optimizer, pow(references[index].p, 3), rate) }
            #expect(areClose(try states.read("p").doubles, references.map(\.p), 1e-11))
        }
        #expect(states.names.allSatisfy { $0 == "p" || $0.hasPrefix("optimizer/p/") })
    }

    @Test(arguments: [(20.0, 1.0), (1.0, 1 / (13 + 1e-6))]) func clippingKeepsTheDirection(
        _ limit: Double, _ scale: Double
    ) throws {
        let outputs = try evaluated(arguments: [array([3, 4], [2]), array([-12], [1])]) { trace in
            let gradients = [
                trace.graph.input("a", TensorType([2], .float64)), trace.graph.input("b", TensorType([1], .float64)),
            ]
            let norm = try globalNorm(gradients)
            return [norm] + (try clipped(gradients, norm: norm, to: limit))
        }
        #expect(isClose(outputs[0].doubles[0], 13))
        #expect(areClose(outputs[1].doubles + outputs[2].doubles, [3 * scale, 4 * scale, -12 * scale], 1e-12))
    }

    @Test func theFlagStaysUpAndKeepsTheState() throws {
        let graph = Graph()
        let p = graph.state("p", TensorType([2], .float64))
        let flag = graph.state("flag", TensorType([], .uint32))
        let x = graph.input("x", TensorType([], .float64))
        let updates = try gated([(p, p + x)], flag: flag, watching: [x])
        let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
        let program = try CompiledProgram(Program(graph, updates: updates), states: states)
        for (value, expected, raised) in [(1.0, 1.0, 0.0), (2, 3, 0), (.nan, 3, 1), (4, 3, 1), (.infinity, 3, 1)] {
            _ = try program([array([value], [])])
            #expect(try states.read("p").doubles == [expected, expected])
            #expect(try states.read("flag").doubles == [raised])
        }
    }
}
