import Autodiff
import CPUBackend
import Compiler
import Execution
import Foundation
import Graph
import Testing

@Suite struct FusionTests {
    @Test func elementwiseChainIsOneKernel() throws {
        let made = try schedule([[4, 5], [5]]) { x in [try tanh(x[0] * x[1] + 1)] }
        #expect(made.steps.count == 1)
    }

    @Test func reductionCarriesItsPrologue() throws {
        let made = try schedule([[4, 5]]) { x in [try exp(x[0]).sum()] }
        #expect(made.steps.count == 1)
    }

    @Test func compensatedSumIsScheduledLikeASum() throws {
        for shape in [[4, 5], [3000, 4], [1, 1]] {
            let steps = try [false, true].map { isCompensated in
                try schedule([shape]) { [try exp($0[0]).sum(axes: [0], compensated: isCompensated)] }.steps.count
            }
            #expect(steps[0] == steps[1])
        }
    }

    @Test func unfusedEveryOpIsAStep() throws {
        let made = try schedule([[4, 5], [5]], CompileOptions(fusion: false)) { x in [try tanh(x[0] * x[1] + 1)] }
        #expect(made.steps.count == 3)
    }

    @Test func sharedProducerIsStoredByItsFirstReader() throws {
        // y is an output and also feeds a sum: one loop does both.
        let made = try schedule([[4, 5]]) { x in
            let y = try exp(x[0])
            return [y, try y.sum(axes: [1])]
        }
        #expect(made.steps.count == 1)
    }

    /// Noise, a reparameterized draw and the KL divergence of the same Gaussian: one pass over its mean and log-variance.
    @Test func drawAndDivergenceAreOneKernel() throws {
        let made = try schedule([[8, 16], [8, 16]]) { x in
            let graph = x[0].graph
            let bits = try graph.randomBits(
                [8, 16], stream: 1, sample: graph.input("sample", TensorType([8], .uint32)),
                step: graph.input("step", TensorType([], .uint32)), seed: graph.input("seed", TensorType([2], .uint32)))
            let z = try x[0] + exp(x[1] * 0.5) * bits.normal()
            return [z, try 0.5 * (exp(x[1]) + x[0] * x[0] - x[1] - 1).sum(axes: [1])]
        }
        // The second halves the sums.
        #expect(made.steps.count == 2)
        guard case .loops(let loops)? = made.steps.first?.kernel else {
            Issue.record("no loops")
            return
        }
        #expect(loops.count == 1 && loops[0].stores.count == 1 && loops[0].reduction != nil)
    }

    /// What one region needs of another keeps them apart, although both read x.
    @Test func siblingsThatWaitForEachOtherStayApart() throws {
        let made = try schedule([[8, 64]]) { x in
            let norm = try (x[0] * x[0]).sum()
            return [try x[0] * norm]
        }
        #expect(made.steps.count == 2)
    }

    @Test func cheapSharedValueIsComputedTwiceInsteadOfStored() throws {
        // g * g feeds a norm and an update; both read g.
        let made = try schedule([[64]]) { x in
            let g = try stopGradient(x[0])
            return [try (g * g).sum(), try 0.9 * g + 0.1 * (g * g)]
        }
        // One loop reads g once; the square is worked out twice, and has no memory.
        #expect(made.steps.count == 1)
        #expect(made.steps.allSatisfy { $0.writes.count == 2 })
    }

    /// Halves that layers of a flow take apart and put together by turns are never put together between layers, neither
    /// on the way nor in the gradient.
    @Test(arguments: [6, 7]) func halvesOfConcatenationsAreNotCopied(features: Int) throws {
        func body(_ x: [Tensor]) throws -> [Tensor] {
            let half = features / 2
            var (low, high) = (try x[0].slice(1, 0..<half), try x[0].slice(1, half..<features))
            for _ in 0..<3 {
                high = try high * exp(low.sum(axes: [1], keepAxes: true))
                let whole = try concatenate([low, high], axis: 1)
                (low, high) = (try whole.slice(1, 0..<half), try whole.slice(1, half..<features))
                low = try low * tanh(high.sum(axes: [1], keepAxes: true))
                let other = try concatenate([low, high], axis: 1)
                (low, high) = (try other.slice(1, 0..<half), try other.slice(1, half..<features))
            }
            let loss = try (low * low).sum() + (high * high).sum()
            return try gradient(of: loss, at: [x[0]])
        }
        let made = try schedule([[4, features]], CompileOptions(), body)
        let parts = made.steps.filter { $0.label.contains("concatenate") }
        // The gradient's own halves.
        #expect(parts.count == 2)
        let x = try #require(HostArray((0..<4 * features).map { Float($0 % 5 - 2) / 8 }, shape: [4, features]))
        #expect(try run([x], CompileOptions(), body) == run([x], CompileOptions(fusion: false), body))
    }

    /// Slices that reach over two parts, or with steps, and pads that overlap or leave a gap.
    @Test func slicesAndPadsOfOtherPlacesStayRight() throws {
        func body(_ x: [Tensor]) throws -> [Tensor] {
            let whole = try concatenate([x[0], x[1]], axis: 1)
            return [
                try whole.slice(1, 1..<5), try whole.slice(1, 3..<7), try whole.slice(0, 1..<2).slice(1, 4..<6),
                try x[0].padded(low: [0, 0], high: [0, 4]) + x[1].padded(low: [0, 3], high: [0, 0]),
                try x[1].padded(low: [0, 3], high: [0, 0]) + x[0].padded(low: [0, 0], high: [0, 4]),
                try x[0].padded(low: [0, 1], high: [0, 3]) + x[1].padded(low: [0, 3], high: [0, 0]),
                try x[0].padded(low: [1, 0], high: [0, 4]) + x[1].padded(low: [1, 3], high: [0, 0]),
            ]
        }
        let inputs = try [[2, 3], [2, 4]].map { shape in
            try #require(HostArray((0..<shape.product).map { Float($0 * 3 % 7 + 1) }, shape: shape))
        }
        let results = try run(inputs, CompileOptions(), body).map(\.floats)
        let (a, b) = (inputs[0].floats, inputs[1].floats)
        let whole = Array(a[0..<3]) + b[0..<4] + a[3..<6] + b[4..<8]
        #expect(results[0] == Array(whole[1..<5] + whole[8..<12]))
        #expect(results[1] == b && results[2] == Array(whole[11..<13]))
        #expect(results[3] == whole && results[4] == whole)
        #expect(
            results[5] == [0, a[0], a[1], a[2] + b[0], b[1], b[2], b[3], 0, a[3], a[4], a[5] + b[4], b[5], b[6], b[7]])
        #expect(results[6] == [Float](repeating: 0, count: 7) + whole)
    }

    /// Mean over rows of a Bernoulli reconstruction and a Gaussian KL: each is a pass over its elements that leaves one
    /// number per row and a sum over rows, each side by side with its counterpart; one more step adds the two.
    @Test func evidenceLowerBoundIsThreeKernels() throws {
        let made = try schedule([[8, 4], [8, 4], [8, 16], [8, 16]]) { input in
            let (mean, logVariance, logits, x) = (input[0], input[1], input[2], input[3])
            let kl = try 0.5 * (exp(logVariance) + mean * mean - logVariance - 1).sum(axes: [1])
            let reconstruction = try (softplus(logits) - x * logits).sum(axes: [1])
            return [try kl.mean() + reconstruction.mean()]
        }
        #expect(made.steps.count == 3)
    }

    @Test func optimizerStepIsOneKernelPerParameter() throws {
        let graph = Graph()
        let type = TensorType([3, 5], .float32)
        let g = graph.input("gradient", type)
        let (p, m, v) = (graph.state("p", type), graph.state("m", type), graph.state("v", type))
        let nextM = try m * 0.9 + g * 0.1
        let nextV = try v * 0.999 + g * g * 0.001
        let program = try CompiledProgram(
            Program(graph, updates: [(m, nextM), (v, nextV), (p, try p - 0.01 * nextM / (sqrt(nextV) + 1e-8))]),
            states: DeviceStates(on: try CPUBackend(threads: 1)))
        #expect(program.schedule.steps.count == 1)
        // Everything is written where it lies.
        #expect(program.schedule.arenaByteCount == 0)
    }

    /// A dense layer's weight gradient, which the optimizer wants as the weights lie.
    @Test func transposedProductIsMultipliedTheOtherWayRound() throws {
        let made = try schedule([[5, 3], [5, 7]]) { x in
            [try matmul(x[0].transposed(), x[1]).transposed() * 2]
        }
        guard case .matmul(let product) = made.steps[0].kernel else {
            Issue.record("no product comes first")
            return
        }
        #expect((product.m, product.n, product.k) == (7, 3, 5))
        // Both ways round are wanted: one product, and a view of it.
        let both = try schedule([[5, 3], [5, 7]]) { x in
            let y = try matmul(x[0].transposed(), x[1])
            return [y, try y.transposed() * 2]
        }
        #expect(both.steps.filter(\.kernel.isContraction).count == 1)
    }

    @Test func concatenationWritesEachPartInPlace() throws {
        let made = try schedule([[4, 5], [4, 3]]) { x in [try concatenate([exp(x[0]), tanh(x[1])], axis: 1)] }
        #expect(made.steps.count == 2)
    }

    @Test func randomNumbersAreMadeWhereTheyAreUsed() throws {
        let made = try schedule([[4, 6]]) { x in
            let graph = x[0].graph
            let bits = try graph.randomBits(
                [4, 6], stream: 7, sample: graph.constant([0, 1, 2, 3], shape: [4], .uint32),
                step: graph.constant([5], shape: [1], .uint32).reshaped([]),
                seed: graph.constant([1, 2], shape: [2], .uint32))
            return [try (x[0] + bits.normal()).sum(axes: [1])]
        }
        #expect(made.steps.count == 1)
    }

    @Test func longReductionsGoInBlocks() throws {
        let made = try schedule([[3000]]) { x in [try x[0].sum()] }
        #expect(made.steps.count == 2)
    }

    @Test func memoryIsSharedOnceItsLastReaderHasRun() throws {
        func chain(_ memory: CompileOptions.Memory) throws -> Schedule {
            try schedule([[64, 64]], CompileOptions(memory: memory)) { x in
                var y = x[0]
                for _ in 0..<8 { y = try matmul(y, y) }
                return [y]
            }
        }
        let planned = try chain(.planned).arenaByteCount
        #expect(planned < (try chain(.separate).arenaByteCount) / 2)
    }

    @Test func elementwiseResultTakesOverItsOperand() throws {
        let made = try schedule([[64, 64]], CompileOptions(fusion: false)) { x in [try exp(exp(exp(x[0]))) + 1] }
        #expect(made.arenaByteCount == 64 * 64 * 4)
    }

    @Test func passesAreDumped() throws {
        let folder = NSTemporaryDirectory() + "passes-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try schedule([[4]], CompileOptions(dumpFolder: folder, name: "loss")) { x in [try exp(x[0]).sum()] }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(files.count == 5 && files.allSatisfy { $0.hasPrefix("loss.") })
        let last = try String(contentsOfFile: folder + "/loss.4-schedule.txt", encoding: .utf8)
        #expect(last.contains("exp") && last.contains("sum"))
    }

    @Test func statesMayChangePlaces() throws {
        let graph = Graph()
        let names = ["a", "b", "c"]
        let tensors = names.map { graph.state($0, TensorType([2], .float32)) }
        let states = DeviceStates(on: try CPUBackend(threads: 1))
        try states.write("a", try #require(HostArray([1, 2] as [Float])))
        try states.write("b", try #require(HostArray([3, 4] as [Float])))
        let updates = [(tensors[0], tensors[1]), (tensors[1], tensors[0]), (tensors[2], try tensors[0] + 1)]
        let program = try CompiledProgram(
            Program(graph, updates: updates.map { (state: $0, value: $1) }), states: states)
        try program.run()
        #expect(try names.map { try states.read($0).floats } == [[3, 4], [1, 2], [2, 3]])
        try program.run()
        #expect(try names.map { try states.read($0).floats } == [[1, 2], [3, 4], [4, 5]])
    }

    @Test func anOldValueMayBeKeptBesideItsUpdate() throws {
        let graph = Graph()
        let a = graph.state("a", TensorType([2], .float32))
        let b = graph.state("b", TensorType([2], .float32))
        let states = DeviceStates(on: try CPUBackend(threads: 1))
        try states.write("a", try #require(HostArray([1, 2] as [Float])))
        let program = try CompiledProgram(Program(graph, updates: [(a, try a + 1), (b, a)]), states: states)
        try program.run()
        #expect(try states.read("a").floats == [2, 3])
        #expect(try states.read("b").floats == [1, 2])
    }

    @Test func valuesAreRight() throws {
        let x = try #require(HostArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]))
        let results = try run([x]) { x in
            let y = try x[0] * 2 + 1
            return [y, try y.sum(axes: [0]), try y.transposed().reshaped([6]), try y.max()]
        }
        #expect(results[0].floats == [3, 5, 7, 9, 11, 13])
        #expect(results[1].floats == [12, 16, 20])
        #expect(results[2].floats == [3, 9, 5, 11, 7, 13])
        #expect(results[3].floats == [13])
    }

    @Test func gradientOfMatmul() throws {
        let a = try #require(HostArray([1, 2, 3, 4] as [Float], shape: [2, 2]))
        let b = try #require(HostArray([1, 0, 2, 1] as [Float], shape: [2, 2]))
        let results = try run([a, b]) { x in
            let y = try matmul(x[0], x[1]).sum()
            return try gradient(of: y, at: x)
        }
        #expect(results[0].floats == [1, 3, 1, 3])
        #expect(results[1].floats == [4, 4, 6, 6])
    }

    @Test func loopsAndTheirGradients() throws {
        let a = try #require(HostArray([1.5, 0.5] as [Float]))
        for options in [
            CompileOptions(), CompileOptions(memory: .separate), CompileOptions(memory: .poisoned),
            CompileOptions(fusion: false),
        ] {
            let results = try run([a], options) { x in
                let y = try loop(count: 3, carry: [try x[0].onesLike()]) { (_, carry) throws(GraphError) in
                    [try carry[0] * x[0]]
                }[0]
                return [y, try gradient(of: try y.sum(), at: x[0])]
            }
            #expect(results[0].floats == [3.375, 0.125])
            #expect(results[1].floats == [6.75, 0.75])
        }
    }

    /// Odd sizes, and a state that another update reads: what a gate leaves alone must be left alone everywhere.
    @Test(arguments: [1, 37, 5000]) func statesBehindAGateChangeOnlyWhereItIsOpen(count: Int) throws {
        let states = DeviceStates(on: try CPUBackend(threads: 2))
        let first = (0..<count).map(Double.init), second = first.map { 1 - $0 }
        for (name, values) in [("a", first), ("b", second)] {
            try states.write(name, try #require(HostArray(values, .float32)))
        }
        let graph = Graph()
        let open = try graph.input("open", TensorType([], .float32)).cast(to: .bool)
        let a = graph.state("a", TensorType([count], .float32)), b = graph.state("b", TensorType([count], .float32))
        let (nextA, nextB) = (try a * 0.5 + b, try b - a)
        let program = try CompiledProgram(
            Program(graph, updates: [(a, try select(open, nextA, a)), (b, try select(open, nextB, b))]), states: states)
        for isOpen in [false, true, false] {
            let before = (try states.read("a").doubles, try states.read("b").doubles)
            try program.setInput(0, try #require(HostArray([isOpen ? 1 : 0], shape: [], .float32)))
            try program.run()
            let expectedA = isOpen ? zip(before.0, before.1).map { $0 * 0.5 + $1 } : before.0
            let expectedB = isOpen ? zip(before.0, before.1).map { $1 - $0 } : before.1
            #expect(try states.read("a").doubles == expectedA)
            #expect(try states.read("b").doubles == expectedB)
        }
    }

    /// What only looks like one gate for the whole loop: where it is closed, the loop still changes something.
    @Test func whatIsNoGateIsNotSkipped() throws {
        let count = 37
        let first = (0..<count).map { Double($0 + 1) }, second = first.map { 100 - $0 }
        let odd = first.indices.map { Double($0 % 2) }
        typealias Outcome = (a: [Double], b: [Double], outputs: [[Double]])
        func outcome(
            _ body: (_ a: Tensor, _ b: Tensor, _ flags: [Tensor]) throws -> (updates: [Tensor], outputs: [Tensor])
        ) throws -> Outcome {
            let states = DeviceStates(on: try CPUBackend(threads: 1))
            try states.write("a", try #require(HostArray(first, .float32)))
            try states.write("b", try #require(HostArray(second, .float32)))
            let graph = Graph()
            let a = graph.state("a", TensorType([count], .float32)), b = graph.state("b", TensorType([count], .float32))
            let flags = zip(["closed", "open", "odd"], [[], [], [count]]).map {
                graph.input($0, TensorType($1, .bool))
            }
            let (updates, outputs) = try body(a, b, flags)
            let program = try CompiledProgram(
                Program(graph, outputs: outputs, updates: Array(zip([a, b], updates))), states: states)
            let values = ["closed": ([0], []), "open": ([1], []), "odd": (odd, [count])]
            let arguments = try program.inputTypes.map { input in
                let (numbers, shape) = try #require(values[input.name])
                return try #require(HostArray(numbers, shape: shape, .bool))
            }
            let results = try program(arguments).map(\.doubles)
            return (try states.read("a").doubles, try states.read("b").doubles, results)
        }
        // It keeps another state's elements.
        let others = try outcome { a, b, flags in ([try select(flags[0], a * 2 + b, b)], []) }
        #expect(others.a == second && others.b == second)
        // One gate is closed, the other open.
        let two = try outcome { a, b, flags in
            ([try select(flags[0], a * 2 + b, a), try select(flags[1], b * 2 + a, b)], [])
        }
        #expect(two.a == first && two.b == zip(first, second).map { $0 + 2 * $1 })
        // A bool for each element, the first of them false.
        let each = try outcome { a, _, flags in ([try select(flags[2], a * 2, a)], []) }
        #expect(each.a == first.indices.map { first[$0] * (1 + odd[$0]) })
        // What the gate chose is needed elsewhere, too.
        let read = try outcome { a, b, flags in
            let chosen = try select(flags[0], a * 2 + b, a)
            return ([chosen, try select(flags[0], chosen * 3, b)], [])
        }
        #expect(read.a == first && read.b == second)
        let output = try outcome { a, b, flags in
            let chosen = try select(flags[0], a * 2 + b, a)
            return ([chosen], [try chosen + 1])
        }
        #expect(output.a == first && output.outputs == [first.map { $0 + 1 }])
    }

    /// Results beyond any cache are stored past them: none may be lost or doubled, at either end neither.
    @Test func largeResultsAreComplete() throws {
        let count = 4_194_304 + 37
        let x = try #require(HostArray((0..<count).map { Float($0 % 1013) - 500 }))
        let results = try run([x]) { x in [try x[0] * 2 + 1, try x[0].slice(0, 1..<count) - 3] }
        let values = results.map(\.doubles)
        #expect((0..<count).allSatisfy { values[0][$0] == Double($0 % 1013) * 2 - 999 })
        #expect((1..<count).allSatisfy { values[1][$0 - 1] == Double($0 % 1013) - 503 })
    }

    @Test func statesAreUpdatedInPlace() throws {
        let graph = Graph()
        let w = graph.state("w", TensorType([3], .float32))
        let m = graph.state("m", TensorType([3], .float32))
        let next = try m * 0.5 + w
        let states = DeviceStates(on: try CPUBackend(threads: 1))
        try states.write("w", try #require(HostArray([1, 2, 3] as [Float])))
        let program = try CompiledProgram(
            Program(graph, updates: [(w, try w - next), (m, next)]), states: states)
        #expect(program.schedule.steps.count == 1)
        try program.run()
        #expect(try states.read("m").floats == [1, 2, 3])
        #expect(try states.read("w").floats == [0, 0, 0])
        try program.run()
        #expect(try states.read("m").floats == [0.5, 1, 1.5])
        #expect(try states.read("w").floats == [-0.5, -1, -1.5])
    }
}
