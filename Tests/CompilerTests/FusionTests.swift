import Autodiff
import CPUBackend
import Compiler
import Execution
import Graph
import Testing

/// Compiles a program of float32 inputs and returns its schedule.
private func schedule(
    _ shapes: [[Int]], _ options: CompileOptions = CompileOptions(),
    _ body: ([Tensor]) throws -> [Tensor]
) throws -> Schedule {
    let graph = Graph()
    let inputs = shapes.enumerated().map { graph.input("x\($0)", TensorType($1, .float32)) }
    let backend = try CPUBackend(threads: 1)
    return try Schedule(graph, outputs: try body(inputs).map(\.id), options: options) {
        backend.workspaceByteCount($0, options)
    }
}

/// Runs a program of float32 inputs.
private func run(
    _ inputs: [HostArray], _ options: CompileOptions = CompileOptions(), _ body: ([Tensor]) throws -> [Tensor]
) throws -> [HostArray] {
    let graph = Graph()
    let tensors = inputs.enumerated().map { graph.input("x\($0)", $1.type) }
    let states = DeviceStates(on: try CPUBackend(threads: 2))
    let program = try CompiledProgram(Program(graph, outputs: try body(tensors)), states: states, options: options)
    return try program(inputs)
}

@Suite struct FusionTests {
    @Test func elementwiseChainIsOneKernel() throws {
        let made = try schedule([[4, 5], [5]]) { x in [try tanh(x[0] * x[1] + 1)] }
        #expect(made.steps.count == 1)
    }

    @Test func reductionCarriesItsPrologue() throws {
        let made = try schedule([[4, 5]]) { x in [try exp(x[0]).sum()] }
        #expect(made.steps.count == 1)
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
        for options in [CompileOptions(), CompileOptions(memory: .separate), CompileOptions(memory: .poisoned), CompileOptions(fusion: false)] {
            let results = try run([a], options) { x in
                let y = try loop(count: 3, carry: [try x[0].onesLike()]) { (_, carry) throws(GraphError) in [try carry[0] * x[0]] }[0]
                return [y, try gradient(of: try y.sum(), at: x[0])]
            }
            #expect(results[0].floats == [3.375, 0.125])
            #expect(results[1].floats == [6.75, 0.75])
        }
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
