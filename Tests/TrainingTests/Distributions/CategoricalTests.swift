import Foundation
import Pushforward
import Testing

@Suite struct CategoricalTests {
    /// Of the classes, by hand; the second and the last never come.
    private let logits = [0.5, -Double.infinity, -1, 2, -Double.infinity]
    private var probabilities: [Double] {
        let weights = logits.map { Foundation.exp($0) }
        return weights.map { $0 / weights.reduce(0, +) }
    }

    @Test func logProbabilitiesAndEntropy() throws {
        let y = try evaluated { trace in
            let graph = trace.graph
            let one = try Categorical(logits: graph.constant(logits, shape: [1, 5], .float64))
            let classes = try graph.constant([0, 1, 2, 3, -1, 5], shape: [6], .int32)
            let pairs = try Categorical(logits: graph.constant(logits + [1, 1, 1, 1, 1], shape: [1, 2, 5], .float64))
            return [
                try one.logProb(classes), try one.entropy(),
                try pairs.logProb(graph.constant([0, 4, 3, 2], shape: [2, 2], .int32)), try pairs.entropy(),
                try one.probabilities,
            ]
        }.map(\.doubles)
        let p = probabilities
        #expect(y[0][1] == -.infinity && y[0][4] == -.infinity && y[0][5] == -.infinity)
        #expect(areClose([y[0][0], y[0][2], y[0][3]], [p[0], p[2], p[3]].map { Foundation.log($0) }))
        let entropy = [p[0], p[2], p[3]].reduce(0) { $0 - $1 * Foundation.log($1) }
        #expect(areClose(y[1], [entropy]) && areClose(y[3], [entropy + Foundation.log(5)]))
        #expect(areClose(y[2], [Foundation.log(p[0] / 5), Foundation.log(p[3] / 5)]) && areClose(y[4], p))
    }

    @Test func drawsHaveTheProbabilities() throws {
        let points = (0..<5).map { Double($0) }
        let sums = points.map { probabilities.prefix(Int($0) + 1).reduce(0, +) }
        let distances = try GoodnessOfFit.distances(points: points, sums) { trace in
            let classes = try Categorical(logits: trace.graph.constant(logits, shape: [1, 5], .float32))
            let other = try Categorical(
                logits: trace.graph.constant([0.5, -.infinity, -1, 2.02, -.infinity], shape: [1, 5], .float32))
            return [try classes.sample(trace.root["a"]), try other.sample(trace.root["b"])]
        }
        // The second one's odds are wrong by 2 %.
        #expect(distances[0] < GoodnessOfFit.criticalDistance && distances[1] > GoodnessOfFit.criticalDistance)
        let y = try evaluated(rows: 20_000, seed: 2, precision: .float32) { trace in
            let classes = try Categorical(logits: trace.graph.constant(logits, shape: [1, 5], .float32))
            return [try classes.sample(trace.root)]
        }[0]
        #expect(y.type.scalar == .int32 && Set(y.doubles) == [0, 2, 3])
    }

    @Test func valuesThatAreNoClassesAreErrors() {
        let trace = Trace()
        func tensor(_ shape: [Int], _ scalar: ScalarType = .float32) -> Tensor {
            trace.graph.constant(0, TensorType(shape, scalar))
        }
        #expect(message { _ = try Categorical(logits: tensor([3])) }.contains("[3]"))
        #expect(message { _ = try Categorical(logits: tensor([2, 3])).logProb(tensor([2])) }.contains("int32"))
        #expect(
            message { _ = try Categorical(logits: tensor([2, 3])).logProb(tensor([3], .int32)) }.contains("[3]"))
        #expect(message { _ = try Mixture<Normal>(logits: tensor([1, 1]), []) }.contains("components"))
    }
}
