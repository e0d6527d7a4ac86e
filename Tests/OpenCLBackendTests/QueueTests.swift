import Autodiff
import Compiler
import Execution
import Foundation
import Graph
import Synchronization
import Testing

@testable import OpenCLBackend

/// Writes, runs and reads happen in the order in which they were asked for, though none waits for the other.
@Suite(.needsOpenCL) struct QueueTests {
    private let devices: Devices

    init() throws { devices = try Devices() }

    /// state = tanh(state * x) + y, with a product that takes the device a while.
    private func accumulation(_ size: Int) throws -> Computation {
        let graph = Graph()
        let type = TensorType([size, size], .float32)
        let (x, y) = (graph.input("x", type), graph.input("y", TensorType([size], .float32)))
        let state = graph.state("sum", type)
        let next = try tanh(matmul(state, x) * (4 / Double(size))) + y
        return Computation(
            Program(graph, outputs: [try next.sum(axes: [0])], updates: [(state, next)]),
            inputs: [try numbers([size, size]), try numbers([size], seed: 1)],
            states: [("sum", try numbers([size, size], seed: 2))])
    }

    /// Far more small writes than are kept for later; large ones between them wait for all runs before.
    @Test func manyWritesBetweenRuns() throws {
        func result(_ backend: any Backend) throws -> [HostArray] {
            let computation = try accumulation(160)
            let program = try computation.compiled(on: backend)
            var outputs: [HostArray] = []
            for turn in 0..<150 {
                // 100 KB, at some turns only: else small writes alone stand between the runs.
                if turn % 40 == 0 { try program.setInput(0, try numbers([160, 160], seed: turn)) }
                for again in 0..<3 { try program.setInput(1, try numbers([160], seed: turn * 3 + again)) }
                try program.run()
                if turn % 50 == 49 { outputs.append(try program.output(0)) }
            }
            return outputs
        }
        expectSameBits(try result(devices.backend()), try result(devices.cpu))
    }

    @Test func aThousandWritesToOneBuffer() throws {
        let backend = try devices.backend()
        let buffer = try backend.allocate(4096)
        var expected = [UInt8](repeating: 0, count: 4096)
        for turn in 0..<1000 {
            let (offset, count) = (turn * 37 % 4000, 1 + turn % 90)
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: turn), count: count)
            expected.replaceSubrange(offset..<offset + count, with: bytes)
            try bytes.withUnsafeBytes { try backend.write($0, to: buffer, at: offset) }
        }
        var found = [UInt8](repeating: 0, count: 4096)
        try found.withUnsafeMutableBytes { try backend.read(buffer, at: 0, into: $0) }
        #expect(found == expected)
        // The backend ends while writes are under way.
        for _ in 0..<20 { try expected.withUnsafeBytes { try backend.write($0, to: buffer, at: 0) } }
    }

    @Test func largeTransfersBetweenRuns() throws {
        func result(_ backend: any Backend) throws -> [HostArray] {
            let computation = try accumulation(256)
            let memory = DeviceStates(on: backend)
            for (name, value) in computation.states { try memory.write(name, value) }
            let program = try CompiledProgram(computation.program, states: memory)
            var outputs: [HostArray] = []
            for turn in 0..<12 {
                try program.setInput(0, try numbers([256, 256], seed: turn))
                for _ in 0..<3 { try program.run() }
                if turn % 3 == 0 { outputs.append(try memory.read("sum")) }
                if turn % 4 == 0 { try memory.write("sum", try numbers([256, 256], seed: 100 + turn)) }
            }
            return outputs + [try memory.read("sum"), try program.output(0)]
        }
        expectSameBits(try result(devices.backend()), try result(devices.cpu))
    }

    @Test func programsShareStates() throws {
        func result(_ backend: any Backend) throws -> [HostArray] {
            let memory = DeviceStates(on: backend)
            let type = TensorType([50, 50], .float32)
            try memory.write("a", try numbers(type.shape))
            try memory.write("b", try numbers(type.shape, seed: 1))
            func program(_ body: (_ a: Tensor, _ b: Tensor) throws -> (Tensor, Tensor)) throws -> CompiledProgram {
                let graph = Graph()
                let (a, b) = (graph.state("a", type), graph.state("b", type))
                let (newA, newB) = try body(a, b)
                return try CompiledProgram(
                    Program(graph, outputs: [try newA.sum()], updates: [(a, newA), (b, newB)]), states: memory)
            }
            let swap = try program { a, b in (b, a) }
            let mix = try program { a, b in (try sin(matmul(a, b)), try b + a) }
            for turn in 0..<40 { try (turn % 3 == 0 ? swap : mix).run() }
            return try [memory.read("a"), memory.read("b"), swap.output(0), mix.output(0)]
        }
        expectSameBits(try result(devices.backend()), try result(devices.cpu))
    }

    /// The gradient keeps what the carries were.
    @Test(arguments: [0, 1, 7], [CompileOptions.Memory.planned, .separate])
    func loopsWithAHistory(_ count: Int, _ memory: CompileOptions.Memory) throws {
        let computation = try Computation([[6, 9], [9, 9]]) { x in
            let y = try loop(count: count, carry: [x[0], x[1]]) { (turn, carry) throws(GraphError) in
                let mixed = try matmul(carry[0], carry[1]) * 0.2 + turn.cast(to: .float32)
                return [try tanh(mixed), try carry[1] * 0.9]
            }
            return try y + gradient(of: (y[0] * y[0]).sum(), at: x)
        }
        let options = CompileOptions(memory: memory)
        let program = try computation.compiled(on: devices.backend(), options)
        let expected = try computation.results(on: devices.cpu)
        if count > 1 {
            let hasHistory = program.schedule.steps.contains {
                if case .region(let region) = $0.kernel { !region.histories.isEmpty } else { false }
            }
            #expect(hasHistory)
        }
        for turn in 0..<3 { expectSameBits(try program(computation.inputs), expected, "run \(turn)") }
        #expect(program.executable.brokenGuards().isEmpty)
    }

    /// Steps of float64 run on the host, between the device's own.
    @Test(arguments: [CompileOptions.Memory.planned, .separate, .poisoned])
    func hostStepsAmongTheDevices(_ memory: CompileOptions.Memory) throws {
        let computation = try Computation([[8, 5], [5, 8]]) { x in
            let precise = try sin(x[0].cast(to: .float64)).sum(axes: [1], keepAxes: true) * 3
            let y = try matmul(precise.cast(to: .float32) * x[0], x[1])
            let carried = try loop(count: 4, carry: [y]) { (turn, carry) throws(GraphError) in
                let wide = try exp(-(carry[0].cast(to: .float64) * 0.5)) + turn.cast(to: .float64)
                return [try matmul(tanh(wide.cast(to: .float32)), y)]
            }
            return [y, carried[0], try carried[0].cast(to: .float64).cumulativeSum(axis: 0)]
        }
        var told: [String] = []
        let backend = try devices.backend(notice: { told.append($0) })
        let program = try computation.compiled(on: backend, CompileOptions(memory: memory))
        let expected = try computation.results(on: devices.cpu)
        for turn in 0..<3 { expectSameBits(try program(computation.inputs), expected, "run \(turn)") }
        _ = try computation.compiled(on: backend, CompileOptions(memory: memory))
        #expect(told.count == 1 && told.allSatisfy { $0.contains("float64") }, "\(told)")
    }

    @Test(arguments: TilePolicy.allCases) func twoHundredRunsAreTheSame(_ policy: TilePolicy) throws {
        let computation = try Computation([[70, 33], [33, 41], [4, 1, 9, 9], [3, 1, 3, 3]]) { x in
            [
                try matmul(x[0], x[1]).sum(axes: [0]), try softmax(matmul(x[0], x[1]), axis: 1),
                try x[2].convolved(with: x[3], stride: [1, 1], padding: [1, 1]), try x[0].sorted(axis: 0),
            ]
        }
        let backend = try devices.backend { $0.tilePolicy = policy }
        let program = try computation.compiled(on: backend)
        let expected = try computation.results(on: devices.cpu)
        expectSameBits(try program(computation.inputs), expected)
        for _ in 0..<200 {
            try program.run()
            for (index, value) in expected.enumerated() { #expect(try program.output(index) == value) }
        }
    }

    @Test func twoBackendsOnTwoThreads() throws {
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 2) { thread in
            do {
                let devices = try Devices()
                let backend = try devices.backend()
                let computation = try Computation([[30, 40], [40, 20]]) { x in
                    [try sin(matmul(x[0], x[1]) + Double(thread))]
                }
                let program = try computation.compiled(on: backend)
                let expected = try computation.results(on: devices.cpu)
                for _ in 0..<60 where try program(computation.inputs) != expected {
                    failures.withLock { $0.append("thread \(thread): other bits") }
                }
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 }.isEmpty)
    }
}
