import Autodiff
import Foundation
import Doctor
import Graph
import Oracle
import Testing

/// Gradients against finite differences of the float64 oracle; no device is involved.
@Suite struct GradientTests {
    @Test(arguments: (OpSample.all + OpSample.gradients).filter { $0.order > 0 })
    func matchesFiniteDifferences(_ sample: OpSample) throws {
        let trace = try sample.trace(.float64)
        let values = sample.values(.float64)
        let loss = try #require(try trace.outputs.randomProjection(seed: sample.name), "no float result")
        let first = try gradient(of: loss, at: trace.differentiable)
        try check(sample, trace, loss, first, at: values, "first order")
        guard sample.order > 1, let slope = try first.randomProjection(seed: "2 \(sample.name)") else { return }
        let second = try gradient(of: slope, at: trace.differentiable)
        try check(sample, trace, slope, second, at: values, "second order")
    }

    /// Along random directions, of each input alone and of all together: the central difference equals the slope, and
    /// what remains beyond the linear approximation falls with the square of the step (Taylor).
    private func check(
        _ sample: OpSample, _ trace: OpSample.Trace, _ loss: Tensor, _ gradients: [Tensor], at point: [[Double]],
        _ title: Comment
    ) throws {
        #expect(gradients.map(\.type) == trace.differentiable.map(\.type), title)
        let slopes = try sample.evaluate(trace.graph, at: point, gradients)
        let centre = try sample.evaluate(trace.graph, at: point, [loss])[0][0]
        #expect(centre.isFinite && slopes.joined().allSatisfy(\.isFinite), title)
        let moved = sample.inputs.indices.filter { sample.inputs[$0].scalar == nil }
        var generator = SampleGenerator(seed: "directions \(sample.name)")
        for which in moved.indices.map({ [$0] }) + [Array(moved.indices)] {
            let direction = which.map { position in
                point[moved[position]].map { _ in Double.random(in: -1...1, using: &generator) }
            }
            func shifted(_ step: Double) throws -> Double {
                var moving = point
                for (position, along) in zip(which, direction) {
                    moving[moved[position]] = zip(point[moved[position]], along).map { $0 + step * $1 }
                }
                return try sample.evaluate(trace.graph, at: moving, [loss])[0][0]
            }
            let terms = zip(which, direction).flatMap { zip(slopes[$0], $1).map { $0 * $1 } }
            let slope = terms.reduce(0, +)
            let size = terms.map(abs).reduce(0, +)

            let step = 1e-5
            let difference = try (shifted(step) - shifted(-step)) / (2 * step)
            #expect(abs(difference - slope) <= 1e-6 * (size + 0.01) + 1e-9 * abs(centre), "\(title), inputs \(which)")

            func remainder(_ step: Double) throws -> Double { try abs(shifted(step) - centre - step * slope) }
            let (far, near) = (try remainder(0x1p-9), try remainder(0x1p-11))
            if far > 1e-11 * (1 + abs(centre) + size) {
                let order = log(far / near) / log(4)
                #expect(
                    order > 1.8, "\(title), inputs \(which): the remainder falls with the power \(order) of the step")
            }
        }
    }

    @Test func stopGradientCutsAndSurrogateReplaces() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([3], .float64))
        let stopped = try gradient(of: (x * stopGradient(x)).sum(), at: x)
        let replaced = try gradient(of: (surrogate(value: round(x), gradient: x * x) * 3).sum(), at: x)
        let results = try Oracle(graph)(inputs: [[0.4, -1.2, 2.6]], outputs: [stopped, replaced])
        #expect(results[0] == [0.4, -1.2, 2.6])
        #expect(zip(results[1], [0.4, -1.2, 2.6]).allSatisfy { abs($0 - 6 * $1) < 1e-12 })
    }

    @Test func castsPassTheGradient() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([3], .float64))
        let there = try (x * x).cast(to: .float32)
        let through = try gradient(of: (there * there).cast(to: .float64).sum(), at: x)
        let cut = try gradient(of: (x * x.cast(to: .int32).cast(to: .float64)).sum(), at: x)
        let results = try Oracle(graph)(inputs: [[0.5, -1.25, 3]], outputs: [through, cut])
        #expect(results == [[0.5, -7.8125, 108], [0, -1, 3]])
    }

    @Test func extremaShareTheGradientAmongTies() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([4], .float64))
        let y = graph.input("y", TensorType([4], .float64))
        let largest = try gradient(of: try x.max(), at: x)
        let pair = try gradient(of: try maximum(x, y).sum(), at: [x, y])
        let results = try Oracle(graph)(inputs: [[1, 3, 3, 2], [1, 2, 4, 2]], outputs: [largest] + pair)
        #expect(results[0] == [0, 0.5, 0.5, 0])
        // Of two equal operands the first is the result.
        #expect(results[1] == [1, 1, 0, 1])
        #expect(results[2] == [0, 0, 1, 0])
    }

    @Test func whatDoesNotInfluenceHasZeroGradient() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([2], .float64))
        let y = graph.input("y", TensorType([3], .float64))
        let zero = try gradient(of: try exp(x).sum(), at: y)
        #expect(zero.shape == [3])
        #expect(try Oracle(graph)(inputs: [[1, 2], [1, 2, 3]], outputs: [zero])[0] == [0, 0, 0])
    }

    @Test func nonsenseIsAnError() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([2], .float32))
        let n = graph.input("n", TensorType([], .int32))
        let stranger = Graph().input("x", TensorType([], .float32))
        #expect(throws: GraphError.self) { try gradient(of: x, at: x) }
        #expect(throws: GraphError.self) { try gradient(of: n, at: x) }
        #expect(throws: GraphError.self) { try gradient(of: x.sum(), at: stranger) }
        #expect(throws: GraphError.self) { try gradient(of: stranger, at: x) }
        #expect(throws: GraphError.self) { try vectorJacobianProduct(of: [x], cotangents: [], at: [x]) }
        #expect(throws: GraphError.self) { try vectorJacobianProduct(of: [x], cotangents: [x.sum()], at: [x]) }
        #expect(throws: GraphError.self) {
            try vectorJacobianProduct(of: [x, stranger], cotangents: [x, stranger], at: [x])
        }
    }
}

extension OpSample {
    /// Samples that take gradients themselves.
    static let gradients: [OpSample] = [
        OpSample("gradient/in a loop", [.float([3])], tolerance: 1e-5) { x in
            try loop(count: 3, carry: [x[0]]) { (_, carry) throws(GraphError) in
                let energy = try (sin(carry[0]) * carry[0] * x[0]).sum()
                return [try carry[0] - 0.1 * gradient(of: energy, at: carry[0])]
            }
        },
        OpSample("gradient/in a loop, by a captured tensor", [.float([3])], tolerance: 1e-5) { x in
            try loop(count: 2, carry: [x[0]]) { (_, carry) throws(GraphError) in
                let energy = try (sin(carry[0] * x[0]) * x[0]).sum()
                return [try carry[0] - 0.1 * gradient(of: energy, at: x[0])]
            }
        },
        OpSample("gradient/through a loop", [.float([3]), .float([3])], tolerance: 1e-5) { x in
            let y = try loop(count: 3, carry: [x[0]]) { (_, carry) throws(GraphError) in [try sin(carry[0] * x[1])] }[0]
            return try gradient(of: y.sum(), at: x)
        },
        OpSample("gradient/penalty", [.float([4, 3]), .float([3, 5])], tolerance: 1e-5) { x in
            let slope = try gradient(of: tanh(matmul(x[0], x[1])).sum(), at: x[0])
            return [try (slope * slope).sum(axes: [1])]
        },
        OpSample(
            "gradient/of a convolution's sum of squares", [.float([2, 2, 5, 5]), .float([3, 2, 3, 3])], tolerance: 1e-5
        ) { x in
            let y = try x[0].convolved(with: x[1], stride: [2, 2], padding: [1, 1])
            return try gradient(of: (y * y).sum(), at: x)
        },
        OpSample("gradient/in place of a value", [.float([3, 4], .fraction(0.1...0.4))], order: 0) { x in
            let straight = try surrogate(value: round(x[0]), gradient: x[0])
            return [try gradient(of: (straight * stopGradient(x[0])).sum(), at: x[0])]
        },
    ]
}
