import Autodiff
import Graph
import Testing

/// A call that cannot be traced.
struct WrongCall: Sendable, CustomTestStringConvertible {
    let operation: String
    /// What the message must say.
    let mentions: [String]
    let call: @Sendable (Operands) throws(GraphError) -> Void

    init(
        _ operation: String, _ mentions: String..., call: @escaping @Sendable (Operands) throws(GraphError) -> Void
    ) {
        self.operation = operation
        self.mentions = mentions
        self.call = call
    }

    var testDescription: String { "\(operation) \(mentions.joined(separator: " "))" }
}

/// Tensors to misuse.
struct Operands {
    let graph = Graph()
    let a: Tensor, b: Tensor, row: Tensor, scalar: Tensor, image: Tensor, integers: Tensor, bits: Tensor, flags: Tensor

    init() {
        a = graph.input("a", TensorType([2, 3], .float32))
        b = graph.input("b", TensorType([4, 5], .float32))
        row = graph.input("row", TensorType([3], .float64))
        scalar = graph.input("scalar", TensorType([], .float32))
        image = graph.input("image", TensorType([1, 2, 6, 6], .float32))
        integers = graph.input("integers", TensorType([2, 3], .int32))
        bits = graph.input("bits", TensorType([2, 3], .uint32))
        flags = graph.input("flags", TensorType([2, 3], .bool))
    }
}

extension WrongCall {
    static let all: [WrongCall] = elementwise + shapes + rowsAndReductions + contractions + others

    private static var elementwise: [WrongCall] {
        var list: [WrongCall] = []
        list.append(WrongCall("add", "[2, 3]", "[4, 5]") { x throws(GraphError) in _ = try x.a + x.b })
        list.append(
            WrongCall("multiply", "float32[2, 3]", "float64[2, 3]") { x throws(GraphError) in _ = try x.a * x.row })
        list.append(WrongCall("exp", "int32[2, 3]") { x throws(GraphError) in _ = try exp(x.integers) })
        list.append(WrongCall("negate", "bool[2, 3]") { x throws(GraphError) in _ = try -x.flags })
        list.append(WrongCall("and", "float32[2, 3]") { x throws(GraphError) in _ = try x.a & x.a })
        list.append(WrongCall("shiftLeft", "bool") { x throws(GraphError) in _ = try x.flags << x.flags })
        list.append(WrongCall("select", "float32[2, 3]") { x throws(GraphError) in _ = try select(x.a, x.a, x.a) })
        list.append(WrongCall("select", "int32") { x throws(GraphError) in _ = try select(x.flags, x.a, x.integers) })
        list.append(
            WrongCall("permute", "int32") { x throws(GraphError) in
                _ = try permute(x.integers, count: x.integers, key: (x.integers, x.integers))
            })
        list.append(WrongCall("uniform", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.uniform() })
        list.append(WrongCall("normal", "uint32[2, 3]") { x throws(GraphError) in _ = try x.bits.normal(.int32) })
        list.append(
            WrongCall("add", "2 operands", "3") { x throws(GraphError) in
                _ = try x.graph.apply(.elementwise(.scalar(.add)), [x.a, x.a, x.a])
            })
        list.append(
            WrongCall("add", "[2, 3]", "[4, 5]") { x throws(GraphError) in
                _ = try x.graph.apply(.elementwise(.scalar(.add)), [x.a, x.b])
            })
        return list
    }

    private static var shapes: [WrongCall] {
        var list: [WrongCall] = []
        list.append(
            WrongCall("reshape", "float32[2, 3]", "[4, 2]") { x throws(GraphError) in _ = try x.a.reshaped([4, 2]) })
        list.append(WrongCall("reshape", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.reshaped([-1, 4]) })
        list.append(WrongCall("reshape", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.reshaped([-1, -1]) })
        list.append(WrongCall("reshape", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.reshaped([-1, 0]) })
        list.append(
            WrongCall("transpose", "float32[2, 3]", "[0, 0]") { x throws(GraphError) in _ = try x.a.transposed([0, 0]) }
        )
        list.append(WrongCall("transpose", "float32[]") { x throws(GraphError) in _ = try x.scalar.transposed() })
        list.append(
            WrongCall("broadcast", "float32[2, 3]", "[3, 3]") { x throws(GraphError) in
                _ = try x.a.broadcast(to: [3, 3])
            })
        list.append(
            WrongCall("broadcast", "float32[2, 3]", "[3]") { x throws(GraphError) in _ = try x.a.broadcast(to: [3]) })
        list.append(
            WrongCall("slice", "float32[2, 3]", "axis 1") { x throws(GraphError) in _ = try x.a.slice(1, 2..<4) })
        list.append(
            WrongCall("slice", "float32[2, 3]", "axis 2") { x throws(GraphError) in _ = try x.a.slice(2, 0..<1) })
        list.append(
            WrongCall("slice", "float32[2, 3]", "steps of 2") { x throws(GraphError) in
                _ = try x.a.slice(1, start: 0, size: 3, step: 2)
            })
        list.append(
            WrongCall("slice", "float32[2, 3]", "steps of 0") { x throws(GraphError) in
                _ = try x.a.slice(1, start: 0, size: 2, step: 0)
            })
        list.append(
            WrongCall("slice", "float32[2, 3]") { x throws(GraphError) in
                _ = try x.graph.apply(.view(.slice(start: [0], size: [1], step: [1])), [x.a])
            })
        list.append(WrongCall("at", "float32[2, 3]", "index 2") { x throws(GraphError) in _ = try x.a.at(2, axis: 0) })
        list.append(WrongCall("split", "float32[2, 3]", "2") { x throws(GraphError) in _ = try x.a.split(2, axis: 1) })
        list.append(
            WrongCall("pad", "float32[2, 3]", "[-1, 0]") { x throws(GraphError) in
                _ = try x.a.padded(low: [-1, 0], high: [0, 0])
            })
        list.append(
            WrongCall("pad", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.padded(low: [0], high: [0]) })
        list.append(
            WrongCall("pad", "float32[2, 3]", "reflection") { x throws(GraphError) in
                _ = try x.a.padded(axis: 1, low: 3, high: 0, mode: .reflect)
            })
        list.append(
            WrongCall("windows", "float32[2, 3]", "4") { x throws(GraphError) in _ = try x.a.windows(1, size: 4) })
        list.append(WrongCall("expand", "float32[2, 3]", "axis 4") { x throws(GraphError) in _ = try x.a.expanded(4) })
        list.append(WrongCall("size", "float32[2, 3]", "axis -3") { x throws(GraphError) in _ = try x.a.size(-3) })
        list.append(
            WrongCall("concatenate", "float32[2, 3]", "float32[4, 5]") { x throws(GraphError) in
                _ = try concatenate([x.a, x.b], axis: 0)
            })
        list.append(
            WrongCall("concatenate", "int32[2, 3]") { x throws(GraphError) in
                _ = try concatenate([x.a, x.integers], axis: 0)
            })
        list.append(
            WrongCall("concatenate", "float32[2, 3]", "axis 2") { x throws(GraphError) in
                _ = try concatenate([x.a, x.a], axis: 2)
            })
        return list
    }

    private static var rowsAndReductions: [WrongCall] {
        var list: [WrongCall] = []
        list.append(WrongCall("sum", "float32[2, 3]", "axis 2") { x throws(GraphError) in _ = try x.a.sum(axes: [2]) })
        list.append(
            WrongCall("sum", "float32[2, 3]", "twice") { x throws(GraphError) in _ = try x.a.sum(axes: [1, -1]) })
        list.append(WrongCall("sum", "bool[2, 3]") { x throws(GraphError) in _ = try x.flags.sum() })
        list.append(
            WrongCall("sum", "[1, 0]") { x throws(GraphError) in
                _ = try x.graph.apply(.reduce(Reduce(kind: .sum, axes: [1, 0])), [x.a])
            })
        list.append(
            WrongCall("max", "float32[2, 0]") { x throws(GraphError) in _ = try x.a.slice(1, 0..<0).max(axes: [1]) })
        list.append(WrongCall("mean", "int32[2, 3]") { x throws(GraphError) in _ = try x.integers.mean() })
        list.append(WrongCall("product", "axis 2") { x throws(GraphError) in _ = try x.a.product(axis: 2) })
        list.append(WrongCall("gather", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.rows(x.a) })
        list.append(
            WrongCall("scatterAdd", "int32[2]", "float32[4, 5]") { x throws(GraphError) in
                _ = try x.b.scatterAdded(at: x.integers.at(0, axis: 1), count: 3)
            })
        list.append(
            WrongCall("scatterAdd", "int32[2]") { x throws(GraphError) in
                _ = try x.a.scatterAdded(at: x.integers.at(0, axis: 1), count: -1)
            })
        list.append(WrongCall("argsort", "float32[]", "axis") { x throws(GraphError) in _ = try x.scalar.argsorted() })
        list.append(
            WrongCall("argmax", "float32[2, 0]") { x throws(GraphError) in _ = try x.a.slice(1, 0..<0).argmax() })
        list.append(
            WrongCall("cumulativeSum", "bool[2, 3]") { x throws(GraphError) in _ = try x.flags.cumulativeSum() })
        list.append(WrongCall("topK", "float32[2, 3]", "4") { x throws(GraphError) in _ = try x.a.topK(4) })
        list.append(
            WrongCall("taken", "float32[2, 3]", "float32[4, 5]") { x throws(GraphError) in _ = try x.a.taken(along: x.b)
            })
        return list
    }

    private static var contractions: [WrongCall] {
        var list: [WrongCall] = []
        list.append(
            WrongCall("matmul", "float32[2, 3]", "float32[4, 5]") { x throws(GraphError) in _ = try matmul(x.a, x.b) })
        list.append(WrongCall("matmul", "float64[3]") { x throws(GraphError) in _ = try matmul(x.a, x.row) })
        list.append(
            WrongCall("matmul", "[3]", "[2]") { x throws(GraphError) in
                _ = try matmul(x.a.broadcast(to: [3, 2, 3]), x.a.transposed().broadcast(to: [2, 3, 2]))
            })
        list.append(
            WrongCall("matmul", "int32") { x throws(GraphError) in _ = try matmul(x.integers, x.integers.transposed()) }
        )
        list.append(
            WrongCall("convolution", "[1, 2, 6, 6]", "[3, 3, 2, 2]") { x throws(GraphError) in
                _ = try x.image.convolved(with: x.graph.constant(1, TensorType([3, 3, 2, 2], .float32)))
            })
        list.append(
            WrongCall("convolution", "[7, 2]", "[1, 2, 6, 6]") { x throws(GraphError) in
                _ = try x.image.convolved(with: x.graph.constant(1, TensorType([3, 2, 7, 2], .float32)))
            })
        list.append(
            WrongCall("convolution", "float32[2, 3]") { x throws(GraphError) in _ = try x.image.convolved(with: x.a) })
        list.append(
            WrongCall("convolution", "groups 0") { x throws(GraphError) in
                _ = try x.image.convolved(with: x.image, groups: 0)
            })
        list.append(
            WrongCall("convolution", "two numbers") { x throws(GraphError) in
                _ = try x.image.convolved(with: x.image, stride: [1])
            })
        list.append(
            WrongCall("transposed convolution", "float32[2, 3]") { x throws(GraphError) in
                _ = try x.a.transposeConvolved(with: x.image)
            })
        list.append(
            WrongCall("transposed convolution", "float32[1, 2, 6, 6]") { x throws(GraphError) in
                _ = try x.image.transposeConvolved(
                    with: x.graph.constant(1, TensorType([2, 3, 2, 2], .float32)), padding: [9, 9])
            })
        list.append(
            WrongCall("1-D convolution", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.convolved1D(with: x.b) }
        )
        list.append(
            WrongCall("pooling", "float32[2, 3]", "[2, 0]") { x throws(GraphError) in _ = try x.a.maxPooled([2, 0]) })
        list.append(
            WrongCall("windows", "float32[2, 3]") { x throws(GraphError) in _ = try x.a.averagePooled([3, 3]) })
        list.append(
            WrongCall("upsample", "float32[2, 3]", "0") { x throws(GraphError) in _ = try x.a.upsampledNearest(0) })
        return list
    }

    private static var others: [WrongCall] {
        var list: [WrongCall] = []
        list.append(WrongCall("cholesky", "float32[2, 3]") { x throws(GraphError) in _ = try cholesky(x.a) })
        list.append(WrongCall("lu", "float32[]") { x throws(GraphError) in _ = try lu(x.scalar) })
        list.append(WrongCall("qr", "float32[2, 3]") { x throws(GraphError) in _ = try qr(x.a) })
        list.append(WrongCall("eigh", "int32") { x throws(GraphError) in _ = try eigh(x.integers) })
        list.append(
            WrongCall("triangularSolve", "float32[2, 2]", "float32[4, 5]") { x throws(GraphError) in
                _ = try triangularSolve(x.a.slice(1, 0..<2), x.b, upper: true)
            })
        list.append(WrongCall("triangle", "float32[]") { x throws(GraphError) in _ = try x.scalar.triangle(.lower) })
        list.append(
            WrongCall("surrogate", "float32[2, 3]", "float32[4, 5]") { x throws(GraphError) in
                _ = try surrogate(value: x.a, gradient: x.b)
            })
        list.append(
            WrongCall("loop", "float32[2, 3]", "float32[]") { x throws(GraphError) in
                _ = try loop(count: 2, carry: [x.a]) { (_, carry) throws(GraphError) in [try carry[0].sum()] }
            })
        list.append(
            WrongCall("loop", "returns 0") { x throws(GraphError) in
                _ = try loop(count: 2, carry: [x.a]) { (_, _) throws(GraphError) in [] }
            })
        list.append(
            WrongCall("loop", "-1") { x throws(GraphError) in
                _ = try loop(count: -1, carry: [x.a]) { (_, carry) throws(GraphError) in carry }
            })
        list.append(
            WrongCall("matmul", "float32[2, 3]", "float32[4, 5]") { x throws(GraphError) in
                _ = try loop(count: 1, carry: [x.a]) { (_, carry) throws(GraphError) in [try matmul(carry[0], x.b)] }
            })
        list.append(
            WrongCall("randomBits", "uint32[2, 3]", "[4]") { x throws(GraphError) in
                _ = try x.graph.randomBits([4], stream: 1, sample: x.bits, step: x.bits, seed: x.bits)
            })
        list.append(
            WrongCall("iota", "[2, 3]", "axis 2") { x throws(GraphError) in _ = try x.graph.iota([2, 3], axis: 2) })
        list.append(
            WrongCall("constant", "[2, 3]", "5 values") { x throws(GraphError) in
                _ = try x.graph.constant([1, 2, 3, 4, 5], shape: [2, 3])
            })
        list.append(
            WrongCall("trace", "float32[2, 3]", "another graph") { x throws(GraphError) in _ = try x.a + Operands().a })
        list.append(
            WrongCall("gradient", "float32[2, 3]") { x throws(GraphError) in _ = try gradient(of: x.a, at: x.a) })
        return list
    }
}

/// A wrong shape or argument is a thrown error that names the op, the shapes and the place; nothing traps.
@Suite struct TypeErrorTests {
    @Test(arguments: WrongCall.all)
    func namesOperationShapesAndPlace(_ wrong: WrongCall) throws {
        let operands = Operands()
        let error = try #require(throws: GraphError.self) {
            try operands.graph.located(scope: "decoder/conv1", file: "Model.swift", line: 12) { () throws(GraphError) in
                try wrong.call(operands)
            }
        }
        #expect(error.operation == wrong.operation)
        for mention in wrong.mentions { #expect(error.description.contains(mention), "\(error)") }
        #expect(error.description.contains("decoder/conv1, Model.swift:12"))
        #expect(!error.description.contains("\n"))
    }

    static let hostile = [
        Int.min, Int.min + 1, -(1 << 32), -(1 << 31), -2, -1, 0, 1, 2, 3, 7, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 48,
        1 << 62, Int.max,
    ]

    /// Every public function with every hostile number: a value or a GraphError, never a trap.
    @Test(arguments: hostile) func hostileNumbersNeverTrap(_ n: Int) throws {
        let x = Operands()
        var thrown = 0
        func attempt(_ call: () throws -> Void) {
            do { try call() } catch {
                #expect(error is GraphError, "\(error)")
                thrown += 1
            }
        }
        for m in [n, -1, 0, 1, 2, Int.max] {
            attempt { _ = try x.a.reshaped([n, m]) }
            attempt { _ = try x.a.reshaped([m, n, n]) }
            attempt { _ = try x.a.transposed([n, m]) }
            attempt { _ = try x.a.broadcast(to: [n, m, 2, 3]) }
            attempt { _ = try x.a.broadcast(to: [n, m]) }
            attempt { _ = try x.scalar.broadcast(to: [n, m]).flattened() }
            attempt { _ = try x.scalar.broadcast(to: [n, m]).product(axis: 0) }
            attempt { _ = try x.a.slice(0, Swift.min(n, m)..<Swift.max(n, m)) }
            for start in [n, 0] {
                attempt { _ = try x.a.slice(0, start: start, size: m, step: n) }
                attempt { _ = try x.a.slice(0, start: start, size: n, step: m) }
                attempt { _ = try gradient(of: x.a.slice(1, start: start, size: 1, step: n).sum(), at: x.a) }
            }
            attempt { _ = try x.a.at(n, axis: m) }
            attempt { _ = try x.a.split(n, axis: 0) }
            attempt { _ = try x.a.slice(0, 0..<0).split(n, axis: 0) }
            attempt { _ = try x.a.flipped(n) }
            attempt { _ = try x.a.expanded(n) }
            attempt { _ = try x.a.padded(low: [n, m], high: [m, n]) }
            for mode in [Tensor.PaddingMode.zero, .reflect, .edge] {
                attempt { _ = try x.a.padded(axis: 0, low: n, high: m, mode: mode) }
                attempt { _ = try x.a.padded(axis: n, low: 1, high: 0, mode: mode) }
            }
            attempt { _ = try x.a.windows(1, size: n, stride: m, dilation: 2) }
            attempt { _ = try x.a.windows(1, size: 2, stride: n, dilation: m) }
            attempt { _ = try concatenate([x.a, x.a], axis: n) }
            attempt { _ = try stacked([x.a, x.a], axis: n) }
            attempt { _ = try x.a.sum(axes: [n, m]) }
            attempt { _ = try x.graph.apply(.reduce(Reduce(kind: .max, axes: [n, m])), [x.a]) }
            attempt { _ = try x.a.logSumExp(axes: [n]) }
            attempt { _ = try softmax(x.a, axis: n) }
            attempt { _ = try x.a.argsorted(axis: n) }
            attempt { _ = try x.a.cumulativeSum(axis: n) }
            attempt { _ = try x.a.topK(n) }
            attempt { _ = try x.a.topK(1, axis: n) }
            attempt { _ = try x.a.taken(along: x.integers, axis: n) }
            attempt { _ = try x.a.scatterAdded(at: x.integers.at(0, axis: 1), count: n) }
            attempt { _ = try x.image.convolved(with: x.image, stride: [n, m], padding: [1, 1]) }
            attempt { _ = try x.image.convolved(with: x.image, padding: [n, m]) }
            attempt { _ = try x.image.convolved(with: x.image, dilation: [n, m], groups: 1) }
            attempt { _ = try x.image.convolved(with: x.image, groups: n) }
            attempt { _ = try x.image.transposeConvolved(with: x.image, stride: [n, m], padding: [m, n], groups: n) }
            attempt { _ = try x.image.transposeConvolved(with: x.image, outputPadding: [n, m], dilation: [m, n]) }
            attempt { _ = try x.image.convolved(with: x.image, stride: [n]) }
            attempt { _ = try x.image.averagePooled([n, m]) }
            attempt { _ = try x.image.maxPooled([m, n], stride: [n, 1], padding: [m, n]) }
            attempt { _ = try x.image.maxPooled([n]) }
            attempt { _ = try x.image.upsampledNearest(n) }
            attempt { _ = try loop(count: n, carry: [x.a]) { (_, carry) throws(GraphError) in carry } }
            attempt { _ = try x.graph.iota([n, m], axis: 0) }
            attempt { _ = try x.graph.iota([2], axis: n) }
            attempt { _ = try x.graph.constant([1], shape: [n, m]) }
            attempt {
                let (step, seed) = (x.graph.constant(0, .uint32), x.graph.constant(0, TensorType([2], .uint32)))
                let sample = x.graph.constant(0, TensorType([n], .uint32))
                _ = try x.graph.randomBits([n, m], stream: 0, sample: sample, step: step, seed: seed)
            }
        }
        #expect(thrown > 100)
    }

    /// A tensor whose declared shape is impossible fails at its first use.
    @Test(arguments: [
        [-1], [-1, -1], [Int.max, Int.max, Int.max], [Int.max, Int.max, 0], [1 << 31, 2], [Int.min, 3],
    ])
    func impossibleShapesAreErrors(_ shape: [Int]) {
        let graph = Graph()
        let x = graph.input("x", TensorType(shape, .float32))
        let uses: [(Tensor) throws -> Void] = [
            { _ = try exp($0) }, { _ = try $0 + 1 }, { _ = try $0.sum() }, { _ = try $0.reshaped([1, -1]) },
            { _ = try $0.product(axis: 0) }, { _ = try $0.at(0, axis: 0) }, { _ = try $0.slice(0, 0..<1) },
            { _ = try $0.flattened() }, { _ = try matmul($0, $0) }, { _ = try $0.expanded(0) }, { _ = try $0.topK(0) },
            { _ = try $0.mean(axes: [0]) }, { _ = try $0.maxPooled([2, 2]) }, { _ = try $0.upsampledNearest(2) },
            { _ = try $0.convolved(with: $0) }, { _ = try $0.transposeConvolved(with: $0) }, { _ = try cholesky($0) },
            { _ = try $0.triangle(.lower) }, { _ = try $0.padded(axis: 0, low: 1, high: 1, mode: .edge) },
            { _ = try $0.sorted() }, { _ = try slogdet($0) }, { _ = try softmax($0) }, { _ = try $0.flipped(0) },
            { _ = try concatenate([$0, $0], axis: 0) }, { _ = try $0.split(2, axis: 0) }, { _ = try relu($0) },
        ]
        for (index, use) in uses.enumerated() {
            #expect(throws: GraphError.self, "use \(index)") { try use(x) }
        }
    }

    @Test func nothingToConcatenateIsAnError() {
        #expect(throws: GraphError.self) { try concatenate([], axis: 0) }
        #expect(throws: GraphError.self) { try stacked([]) }
        #expect(throws: GraphError.self) { try loop(count: 1, carry: []) { (_, carry) throws(GraphError) in carry } }
    }

    @Test func operandsOfAnyNumberAndTypeNeverTrap() throws {
        let x = Operands()
        let ops: [Op] = try OpSample.all.flatMap { try $0.trace(.float32).graph.nodes.map(\.op) }
        for op in Set(ops) {
            for operands in [
                [], [x.scalar], [x.a], [x.integers], [x.a, x.a], [x.image, x.image], [x.flags, x.a, x.b],
                [x.bits, x.bits, x.bits, x.bits],
            ] {
                do { _ = try x.graph.apply(op, operands) } catch { #expect(!error.reason.isEmpty) }
            }
        }
    }

    /// Errors in a gradient are attributed to the op whose gradient it is, and equal nodes keep all their places.
    @Test func nodesKnowTheirPlaces() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([2], .float32))
        func made(_ line: Int) throws -> Tensor {
            try graph.located(scope: "encoder", file: "Model.swift", line: line) { () throws(GraphError) in try exp(x) }
        }
        let (first, second) = (try made(1), try made(2))
        #expect(first.id == second.id)
        #expect(graph[first.id].origins.map(\.description) == ["encoder, Model.swift:1", "encoder, Model.swift:2"])
        let slope = try gradient(of: first.sum(), at: x)
        #expect(graph[slope.id].origins.first?.description == "encoder, Model.swift:1")
    }
}
