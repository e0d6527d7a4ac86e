import CPUBackend
import Compiler
import Execution
import Graph
import Testing

/// Loops gathered into one step must not touch what another of them writes, in memory as planned.
@Suite struct GatherTests {
    /// Steps of 40 parameters that wait for the norm of all gradients, sums of what the steps overwrite, and two states
    /// that change places.
    private func program() throws -> Program {
        let graph = Graph()
        var updates: [(Tensor, Tensor)] = []
        var outputs: [Tensor] = []
        var squares: [Tensor] = []
        var pairs: [(Tensor, Tensor)] = []
        for index in 0..<40 {
            let type = TensorType([3 + index % 5, 7], .float32)
            let (p, g) = (graph.state("p\(index)", type), graph.input("g\(index)", type))
            squares.append(try (g * g).sum())
            outputs.append(try exp(p.transposed()).sum(axes: [index % 2]))
            pairs.append((p, g))
        }
        var norm = try sqrt(squares[0] + 1)
        for square in squares.dropFirst() { norm = try sqrt(square + norm) }
        for (p, g) in pairs { updates.append((p, try p - g / norm)) }
        let (a, b) = (graph.state("a", TensorType([5], .float32)), graph.state("b", TensorType([5], .float32)))
        updates += [(a, b), (b, try a + 0)]
        return Program(graph, outputs: outputs, updates: updates)
    }

    @Test func loopsOfAStepLeaveEachOtherAlone() throws {
        let backend = try CPUBackend(threads: 1)
        let schedule = try CompiledProgram(program(), states: DeviceStates(on: backend)).schedule
        var loopCount = 0
        for step in schedule.steps {
            guard case .loops(let loops) = step.kernel else { continue }
            loopCount += loops.count
            #expect(Set(step.reads + step.writes).count <= 60)
            for (index, loop) in loops.enumerated() {
                let written = loop.writes.map { schedule.buffers[$0.index].place }
                for other in loops[(index + 1)...] {
                    let touched = (other.reads + other.writes).map { schedule.buffers[$0.index].place }
                    let before = loop.reads.map { schedule.buffers[$0.index].place }
                    let overwritten = other.writes.map { schedule.buffers[$0.index].place }
                    #expect(Set(written).isDisjoint(with: touched) && Set(before).isDisjoint(with: overwritten))
                }
            }
        }
        // 40 squares, 40 sums with their steps, and norms one after another.
        #expect(loopCount > 80)
        #expect(schedule.steps.count < loopCount / 2)
    }

    @Test(arguments: CompileOptions.Memory.allCases, [1, 2])
    func gatheredLoopsComputeTheSame(_ memory: CompileOptions.Memory, _ threads: Int) throws {
        var results: [[HostArray]] = []
        for fusion in [true, false] {
            let states = DeviceStates(on: try CPUBackend(threads: threads))
            let program = try program()
            for (number, slot) in program.graph.states.enumerated() {
                let values = (0..<slot.type.count).map { Double($0 * 37 % 11 + number % 3) / 11 }
                try states.write(slot.name, try #require(HostArray(values, shape: slot.type.shape, .float32)))
            }
            let compiled = try CompiledProgram(
                program, states: states, options: CompileOptions(memory: memory, fusion: fusion))
            let inputs = try program.graph.inputs.map { input in
                let values = (0..<input.type.count).map { Double($0 * 53 % 17) / 17 }
                return try #require(HostArray(values, shape: input.type.shape, .float32))
            }
            var all: [HostArray] = []
            for _ in 0..<3 { all += try compiled(inputs) }
            for slot in program.graph.states { all.append(try states.read(slot.name)) }
            results.append(all)
        }
        #expect(results[0] == results[1])
    }
}

extension FusedLoop {
    fileprivate var reads: [BufferID] {
        sources.compactMap { if case .load(let access) = $0 { access.buffer } else { nil } }
    }
    fileprivate var writes: [BufferID] { stores.map(\.access.buffer) + [reduction?.result].compactMap { $0 } }
}
