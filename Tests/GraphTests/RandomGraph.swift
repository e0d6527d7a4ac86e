import Graph

/// Graphs made of random operations on random tensors, the same for the same seed. Values stay near 1, and no operation
/// jumps, so that rounding cannot change a result by much.
struct RandomGraph {
    let graph = Graph()
    let inputs: [Tensor]
    private(set) var tensors: [Tensor]
    private var generator: SampleGenerator
    /// Leaves out operations with kinks, which have no gradient where rounding may put them.
    private let isSmooth: Bool
    private let float: ScalarType

    /// Traces `count` operations.
    init(seed: Int, float: ScalarType, count: Int, isSmooth: Bool) throws {
        generator = SampleGenerator(seed: "graph \(seed)")
        self.isSmooth = isSmooth
        self.float = float
        let shapes = [[4, 5], [5], [3, 4, 2], [4, 1], [2, 1, 6, 5], []]
        inputs = shapes.enumerated().map { [graph] in graph.input("x\($0)", TensorType($1, float)) }
        tensors = inputs
        for _ in 0..<count {
            let made = try operation()
            if made.count <= 600 && made.rank <= 6 { tensors.append(made) }
        }
    }

    /// The last tensors, which depend on most others.
    var outputs: [Tensor] { Array(tensors.suffix(3)) }

    func values() -> [[Double]] {
        inputs.enumerated().map { index, input in
            var generator = SampleGenerator(seed: "values \(index)")
            return (0..<input.count).map { _ in Double(Float.random(in: -1...1, using: &generator)) }
        }
    }

    private mutating func any(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    private mutating func axis(of x: Tensor) -> Int { any(0..<x.rank) }

    /// An earlier tensor, late ones more often.
    private mutating func pick(where isFit: (Tensor) -> Bool = { _ in true }) -> Tensor? {
        let fit = tensors.filter(isFit)
        return fit.isEmpty ? nil : fit[max(any(0..<fit.count), any(0..<fit.count))]
    }

    private mutating func operation() throws -> Tensor {
        guard let x = pick() else { return inputs[0] }
        switch any(0..<20) {
        case 0...2: return try unary(x)
        case 3...6: return try binary(x)
        case 7...10: return x.rank == 0 ? try unary(x) : try view(x)
        case 11, 12: return x.rank == 0 ? try unary(x) : try reduction(x)
        case 13: return try product(x)
        case 14: return x.rank == 0 ? try unary(x) : try rows(x)
        case 15: return x.rank == 0 || x.count == 0 ? x : try softmax(x, axis: axis(of: x))
        case 16: return try convolution(x)
        case 17: return try noise(x)
        case 18: return try repeated(x)
        default: return try x * x.constant(0.5) + stopGradient(x) * 0.25
        }
    }

    private mutating func unary(_ x: Tensor) throws -> Tensor {
        switch any(0..<(isSmooth ? 7 : 9)) {
        case 0: return try sin(x)
        case 1: return try tanh(x)
        case 2: return try sigmoid(x) - 0.25
        case 3: return try -x
        case 4: return try 1 / (1 + x * x)
        case 5: return try rsqrt(x * x + 0.5)
        case 6: return try gelu(x)
        case 7: return try abs(x)
        default: return try relu(x)
        }
    }

    private mutating func binary(_ x: Tensor) throws -> Tensor {
        let fits: (Tensor) -> Bool = { y in
            zip(x.shape.reversed(), y.shape.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
        }
        guard let y = pick(where: fits) else { return try tanh(x) }
        switch any(0..<(isSmooth ? 4 : 7)) {
        case 0: return try (x + y) * 0.5
        case 1: return try x - y
        case 2: return try tanh(x * y)
        case 3: return try fma(x, y, x).scaled()
        case 4: return try maximum(x, y)
        case 5: return try minimum(x, y)
        default:
            let sum = try x + y
            guard sum.rank > 0 else { return sum }
            let position = try graph.iota(sum.shape, axis: axis(of: sum))
            return try select(position.less(than: 2), sum, sum - x)
        }
    }

    private mutating func view(_ x: Tensor) throws -> Tensor {
        let axis = axis(of: x)
        let length = x.shape[axis]
        switch any(0..<9) {
        case 0: return try x.transposed(Array(x.shape.indices).shuffled(using: &generator))
        case 1: return try x.flipped(axis)
        case 2:
            let step = [-2, -1, 1, 2, 3][any(0..<5)]
            let size = max((length + abs(step) - 1) / abs(step), 1)
            return length == 0 ? x : try x.slice(axis, start: step < 0 ? length - 1 : 0, size: size, step: step)
        case 3:
            let low = any(0..<3)
            return try x.padded(axis: axis, low: low, high: any(0..<3))
        case 4: return try x.reshaped([-1])
        case 5:
            let factor = [2, 3, 5].first { x.count % $0 == 0 } ?? 1
            return x.count == 0 ? x : try x.reshaped([factor, -1])
        case 6:
            return try x.expanded(axis).broadcast(to: Array(x.shape[..<axis]) + [any(1..<4)] + Array(x.shape[axis...]))
        case 7: return length < 2 ? x : try x.windows(axis, size: 2, stride: any(1..<3))
        default:
            guard
                let y = pick(where: { y in
                    y.rank == x.rank && x.shape.indices.allSatisfy { $0 == axis || x.shape[$0] == y.shape[$0] }
                })
            else { return x }
            return try concatenate([x, y, x], axis: axis)
        }
    }

    private mutating func reduction(_ x: Tensor) throws -> Tensor {
        let axes = Array(x.shape.indices.filter { _ in Bool.random(using: &generator) })
        let keeps = Bool.random(using: &generator)
        guard axes.allSatisfy({ x.shape[$0] > 0 }) else { return x }
        switch any(0..<(isSmooth ? 3 : 5)) {
        case 0: return try x.mean(axes: axes, keepAxes: keeps)
        case 1: return try (x * x).mean(axes: axes, keepAxes: keeps)
        case 2: return try tanh(x.sum(axes: axes, keepAxes: keeps))
        case 3: return try x.max(axes: axes, keepAxes: keeps)
        default: return try x.min(axes: axes, keepAxes: keeps)
        }
    }

    private mutating func product(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 2 else { return try sin(x) }
        let other = try x.transposed()
        return try tanh(Bool.random(using: &generator) ? matmul(x, other) : matmul(other, sin(x)))
    }

    private mutating func rows(_ x: Tensor) throws -> Tensor {
        switch any(0..<(isSmooth ? 3 : 4)) {
        case 0: return try x.cumulativeSum(axis: axis(of: x), reverse: Bool.random(using: &generator)).scaled()
        case 1:
            let index = (0..<any(1..<6)).map { _ in Double(any(-1..<(x.shape[0] + 1))) }
            return try x.rows(graph.constant(index, shape: [index.count], .int32))
        case 2:
            let index = (0..<x.shape[0]).map { _ in Double(any(-1..<4)) }
            return try x.scatterAdded(at: graph.constant(index, shape: [index.count], .int32), count: 3).scaled()
        default: return try x.sorted(axis: axis(of: x), descending: Bool.random(using: &generator))
        }
    }

    private mutating func convolution(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 2, x.count > 0, let kernel = pick(where: { $0.count > 8 }) else { return try tanh(x) }
        let shape = x.shape
        let image = try x.reshaped([-1, 1, shape[x.rank - 2], shape[x.rank - 1]])
        let weights = try kernel.reshaped([-1]).slice(0, 0..<8).reshaped([2, 1, 2, 2])
        if Bool.random(using: &generator) {
            return try tanh(image.convolved(with: weights, stride: [any(1..<3), 1], padding: [1, any(1..<3)]))
        }
        return try image.transposeConvolved(
            with: weights.reshaped([1, 2, 2, 2]), stride: [any(1..<3), 2], padding: [0, 1]
        ).scaled()
    }

    private mutating func noise(_ x: Tensor) throws -> Tensor {
        guard let rows = x.shape.first else { return x }
        let bits = try graph.randomBits(
            x.shape, stream: UInt32(any(0..<3)), sample: graph.iota([rows], axis: 0).cast(to: .uint32),
            step: graph.constant(Double(any(0..<3)), .uint32), seed: graph.constant([1, 2], shape: [2], .uint32))
        return try x + (Bool.random(using: &generator) ? bits.normal(float) : bits.uniform(float)) * 0.25
    }

    private mutating func repeated(_ x: Tensor) throws -> Tensor {
        let weight = pick { $0.shape == x.shape } ?? x
        let count = any(0..<4)
        return try loop(count: count, carry: [x, weight]) { (turn, carry) throws(GraphError) in
            [try sin(carry[0] + weight * 0.5), try carry[1] * 0.5 + turn.cast(to: x.scalar) * 0.125]
        }[any(0..<2)]
    }
}

extension Tensor {
    /// Brought back to magnitudes around 1.
    fileprivate func scaled() throws -> Tensor { try self * 0.5 }
}
