import Autodiff
import Compiler
import Execution
import Graph
import Testing

@testable import OpenCLBackend

@Suite(.needsOpenCL) struct MemoryTests {
    private let devices: Devices

    init() throws { devices = try Devices() }

    /// Products whose operands all live until the end.
    private func products(_ size: Int, count: Int) throws -> Computation {
        try Computation([[size, size]]) { x in
            var parts: [Tensor] = []
            for index in 0..<count { parts.append(try matmul(x[0], x[0] + Double(index)) * (1 / Double(size))) }
            var sum = try matmul(parts[0], parts[count - 1])
            for index in 1..<count { sum = try sum + matmul(parts[index], parts[index - 1]) }
            return [sum]
        }
    }

    @Test func memoryIsGivenBack() throws {
        let backend = try devices.backend()
        let computation = try products(64, count: 3)
        let before = backend.account.used
        do {
            let buffer = try backend.allocate(1 << 20)
            #expect(backend.account.used >= before + 1 << 20)
            for memory in CompileOptions.Memory.allCases {
                let program = try computation.compiled(on: backend, CompileOptions(memory: memory))
                let held = backend.account.used
                #expect(held > before + 1 << 20 + 64 * 64 * 4)
                expectSameBits(try program(computation.inputs), try computation.results(on: devices.cpu))
                #expect(backend.account.used == held, "a run takes nothing")
            }
            #expect(buffer.byteCount == 1 << 20)
        }
        #expect(backend.account.used == before)
        // Dropped while the device is still at work on it.
        try computation.compiled(on: backend).run()
        #expect(backend.account.used == before)
        try backend.synchronize()
    }

    /// Memory that ends at any point is the same error, and nothing of what was taken until then is kept.
    @Test func outOfMemoryAtAnyPoint() throws {
        let computation = try products(64, count: 4)
        let all = try devices.backend()
        let program = try computation.compiled(on: all)
        let needed = all.account.used
        expectSameBits(try program(computation.inputs), try computation.results(on: devices.cpu))
        for limit in stride(from: 0, to: needed, by: max(needed / 12, 1)) + [needed - 1] {
            let backend = try devices.backend { $0.memoryLimit = limit }
            let text = deviceError { _ = try computation.results(on: backend) }
            #expect(text.contains("out of device memory") && text.contains("--device cpu"), "\(limit): \(text)")
            #expect(backend.account.used == 0, "limit \(limit)")
        }
        let backend = try devices.backend { $0.memoryLimit = needed }
        expectSameBits(try computation.results(on: backend), try computation.results(on: devices.cpu))
        // While a program holds all of it, there is no more; then there is again.
        do {
            let holding = try computation.compiled(on: backend)
            #expect(deviceError { _ = try computation.compiled(on: backend) }.contains("out of device memory"))
            #expect(deviceError { _ = try backend.allocate(needed) }.contains("\(needed) bytes"))
            expectSameBits(try holding(computation.inputs), try computation.results(on: devices.cpu))
        }
        expectSameBits(try computation.results(on: backend), try computation.results(on: devices.cpu))
    }

    /// 1 MiB at once, where the arena needs several.
    @Test(arguments: TilePolicy.allCases) func anArenaInPiecesGivesTheSameBits(_ policy: TilePolicy) throws {
        let limit = 1 << 20
        let backend = try devices.backend {
            $0.allocationLimit = limit
            $0.tilePolicy = policy
        }
        let computation = try products(260, count: 8)
        for memory in [CompileOptions.Memory.planned, .poisoned] {
            let program = try computation.compiled(on: backend, CompileOptions(memory: memory))
            #expect(program.executable.arenaByteCount > 2 * limit)
            expectUncut(program.schedule, limit)
            expectSameBits(try program(computation.inputs), try computation.results(on: devices.cpu))
        }
    }

    /// The same where a loop's body has memory of its own.
    @Test func aLoopInPiecesGivesTheSameBits() throws {
        let backend = try devices.backend { $0.allocationLimit = 260_000 }
        let computation = try Computation([[96, 96], [96, 96]]) { x in
            let kept = try matmul(x[1], x[0])
            let y = try loop(count: 3, carry: [x[0], x[1]]) { (_, carry) throws(GraphError) in
                let product = try matmul(carry[0], carry[1]) * 0.01
                return [try tanh(product), try sin(matmul(product, carry[0]))]
            }
            return try [y[0] + kept, y[1]] + gradient(of: (y[0] * y[1]).sum(), at: x)
        }
        let program = try computation.compiled(on: backend)
        #expect(program.executable.arenaByteCount > 260_000)
        expectUncut(program.schedule, 260_000)
        expectSameBits(try program(computation.inputs), try computation.results(on: devices.cpu))
    }

    private func expectUncut(
        _ schedule: Schedule, _ limit: Int, location: SourceLocation = #_sourceLocation
    ) {
        let piece = Schedule.pieceByteCount(limit: limit)
        #expect(piece <= max(limit, 256) && piece > limit - 256, sourceLocation: location)
        for buffer in schedule.buffers {
            guard case .arena(let offset) = buffer.place, buffer.byteCount > 0 else { continue }
            #expect(
                offset / piece == (offset + buffer.byteCount - 1) / piece && offset % 256 == 0,
                "\(buffer.name): \(buffer.byteCount) bytes at \(offset)", sourceLocation: location)
        }
    }

    /// The planner alone, for sizes that fit badly.
    @Test(arguments: [3_000, 4_096, 5_000, 7_777, 16_384, 100_000])
    func noBufferCrossesAPiece(_ limit: Int) throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([24, 24], .float32))
        var tensors = [x]
        for index in 0..<40 {
            let size = 3 + index * 7 % 22
            let other = tensors[(index * 5 + 1) % tensors.count]
            let product = try matmul(other, try other.transposed())
            tensors.append(try product.slice(0, 0..<min(size, product.size(0))))
        }
        let outputs = try tensors.map { try ($0 * 0.5).sum() }
        for memory in [CompileOptions.Memory.planned, .poisoned] {
            let schedule = try Schedule(
                graph, outputs: outputs.map(\.id), options: CompileOptions(memory: memory), allocationLimit: limit,
                device: DeviceKernels { _ in 700 }
            )
            #expect(schedule.arenaByteCount > 5_000)
            expectUncut(schedule, limit)
        }
    }
}

private func + (stride: StrideTo<Int>, more: [Int]) -> [Int] { Array(stride) + more }
