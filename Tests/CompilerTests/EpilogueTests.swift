import Autodiff
import Compiler
import Execution
import Graph
import Testing

/// What products and convolutions do to their results on the way to memory.
@Suite struct EpilogueTests {
    @Test func convolutionStoresItsActivation() throws {
        let made = try schedule([[2, 3, 8, 8], [4, 3, 3, 3], [4]]) { x in
            let y = try x[0].convolved(with: x[1]) + x[2].reshaped([1, 4, 1, 1])
            let h = try relu(y)
            return [h] + (try gradient(of: try (h * h).sum(), at: [x[1]]))
        }
        // The convolution with bias and relu; the gradient through its mask, which is seen in h; the weight gradient.
        #expect(made.steps.count == 3)
        guard case .convolution(let forward) = made.steps[0].kernel, case .loops = made.steps[1].kernel else {
            Issue.record("another order: \(made)")
            return
        }
        #expect(forward.epilogue.isRectified && forward.epilogue.bias != nil)
        #expect(made.steps[1].writes.count == 1)
        let unable = try schedule([[2, 3, 8, 8], [4, 3, 3, 3]], CompileOptions(fusion: false)) { x in
            [try relu(x[0].convolved(with: x[1]))]
        }
        #expect(unable.steps.count > 1)
    }

    /// What is no bias per column, and what is read besides, is left to a loop.
    @Test func onlyWhatKernelsCanDoBecomesAnEpilogue() throws {
        func steps(_ addend: [Int], _ body: (Tensor, Tensor) throws -> [Tensor]) throws -> Int {
            try schedule([[6, 5], [5, 4], addend]) { x in try body(try matmul(x[0], x[1]), x[2]) }.steps.count
        }
        #expect(try steps([4]) { [try relu($0 + $1)] } == 1)
        #expect(try steps([4]) { [try relu($1 + $0), try relu($1 + $0) * 2] } == 2)
        #expect(try steps([4]) { [try $0 + $1] } == 1)
        #expect(try steps([4]) { y, _ in [try relu(y)] } == 1)
        #expect(try steps([6, 1]) { [try $0 + $1] } == 2)
        #expect(try steps([6, 4]) { [try $0 + $1] } == 2)
        #expect(try steps([4]) { [$0, try relu($0 + $1)] } == 2)
        #expect(try steps([4]) { [try tanh($0 + $1)] } == 2)
        #expect(try steps([4]) { y, _ in [try y + y] } == 2)
        // The sum itself is wanted, too.
        #expect(try steps([4]) { [try $0 + $1, try relu($0 + $1)] } == 2)
    }

    /// The gradient of a rectified layer is masked by the product that makes it: in tiny products, in products whose
    /// result is computed transposed, with whole and partial vectors, and in batches.
    @Test(arguments: [[2, 3, 4], [70, 33, 3], [40, 3, 70], [300, 64, 128]], [[], [3]])
    func productsMaskGradientsOfRectifiedLayers(size: [Int], batch: [Int]) throws {
        let (rows, inner, columns) = (size[0], size[1], size[2])
        func body(_ x: [Tensor]) throws -> [Tensor] {
            let h = try relu(x[0])
            let product = try matmul(x[1], x[2])
            return [h, try select(h.zerosLike().less(than: h), product, product.zerosLike())]
        }
        let shapes = [batch + [rows, columns], batch + [rows, inner], batch + [inner, columns]]
        let made = try schedule(shapes, CompileOptions(), body)
        let masks = made.steps.filter { step in
            if case .matmul(let product) = step.kernel { product.epilogue.mask != nil } else { false }
        }
        #expect(made.steps.count == 2 && masks.count == 1)
        let inputs = try shapes.enumerated().map { index, shape in
            var values = (0..<shape.product).map { Float(($0 * 7 + index) % 11 - 5) / 4 }
            if index == 0 { values.replaceSubrange(0..<2, with: [.nan, -0]) }
            return try #require(HostArray(values, shape: shape))
        }
        let fused = try run(inputs, CompileOptions(), body)[1]
        #expect(fused == (try run(inputs, CompileOptions(fusion: false), body)[1]))
        let zeros = fused.doubles.count { $0 == 0 }
        #expect(zeros > 0 && zeros < fused.doubles.count)
    }

    /// Convolutions mask gradients of rectified layers before them, too, and a mask may show the results in another shape.
    @Test(arguments: [[2, 4, 7, 6], [2, 168]])
    func convolutionsMaskGradientsOfRectifiedLayers(hidden: [Int]) throws {
        func body(_ x: [Tensor]) throws -> [Tensor] {
            let h = try relu(x[0])
            let y = try x[1].convolved(with: x[2], padding: [1, 1]).reshaped(hidden)
            return [h, try select(h.zerosLike().less(than: h), y, y.zerosLike())]
        }
        let shapes = [hidden, [2, 3, 7, 6], [4, 3, 3, 3]]
        let made = try schedule(shapes, CompileOptions(), body)
        let masks = made.steps.filter { step in
            if case .convolution(let convolution) = step.kernel { convolution.epilogue.mask != nil } else { false }
        }
        #expect(made.steps.count == 2 && masks.count == 1)
        let inputs = try shapes.enumerated().map { index, shape in
            try #require(HostArray((0..<shape.product).map { Float(($0 * 7 + index) % 11 - 5) / 4 }, shape: shape))
        }
        let fused = try run(inputs, CompileOptions(), body)[1]
        #expect(fused == (try run(inputs, CompileOptions(fusion: false), body)[1]))
        let zeros = fused.doubles.count { $0 == 0 }
        #expect(zeros > 0 && zeros < fused.doubles.count)
    }

    /// A product that is another one's bias keeps its result as it is, although a loop alone reads it besides.
    @Test func productsThatAreBiasesHaveNoEpilogue() throws {
        func body(_ x: [Tensor]) throws -> [Tensor] {
            let row = try matmul(x[2], x[1])
            return [try matmul(x[0], x[1]) + row, try relu(row + x[3])]
        }
        #expect(try schedule([[6, 5], [5, 4], [1, 5], [4]], CompileOptions(), body).steps.count == 3)
        let inputs = try [[6, 5], [5, 4], [1, 5], [4]].map { shape in
            try #require(HostArray((0..<shape.product).map { Double($0 % 7) - 3 }, shape: shape))
        }
        let unfused = CompileOptions(fusion: false)
        #expect(try run(inputs, CompileOptions(), body).map(\.doubles) == run(inputs, unfused, body).map(\.doubles))
    }
}
