import Compiler
import Execution
import Graph
import Testing

@testable import OpenCLBackend

/// TF32 products with the stand-in for the tensor cores' instruction, which any device has.
@Suite(.needsOpenCL) struct TensorTests {
    private let devices: Devices
    private let fast = CompileOptions(math: .fast)
    private typealias Item = TensorExamination.Item

    init() throws { devices = try Devices() }

    private func backend(_ tile: TensorTile? = nil) throws -> OpenCLBackend {
        let backend = try devices.backend { $0.tilePolicy = .gpu }
        if let tile {
            // With CLBlast there are no epilogues.
            backend.clblast = nil
            backend.target.computeUnits = 4
            backend.tensorCores = .used(TensorProducts(isPortable: true, forced: tile), gain: 1, other: "")
        }
        return backend
    }

    private func examination() throws -> TensorExamination {
        try TensorExamination(TensorProducts(isPortable: true), of: try backend())
    }

    private func schedule(_ program: Program, on backend: OpenCLBackend) throws -> Schedule {
        try Schedule(
            program.graph, outputs: program.outputs.map(\.id), options: fast, device: backend.kernels(fast))
    }

    /// Operands as views leave them, batches, edges, many terms, and what is done to results.
    private func computations() throws -> [(name: String, Computation)] {
        func product(_ a: [Int], _ b: [Int], _ body: @escaping (Tensor, Tensor) throws -> Tensor) throws -> Computation
        {
            try Computation([a, b]) { [try body($0[0], $0[1])] }
        }
        return [
            ("plain", try product([150, 83], [83, 77]) { try matmul($0, $1) }),
            ("aligned", try product([70, 48], [48, 70]) { try matmul($0, $1) }),
            ("left transposed", try product([40, 67], [40, 45]) { try matmul($0.transposed(), $1) }),
            ("right transposed", try product([29, 36], [131, 36]) { try matmul($0, $1.transposed()) }),
            ("one term", try product([17, 1], [1, 9]) { try matmul($0, $1) }),
            ("no terms", try product([17, 0], [0, 9]) { try matmul($0, $1) }),
            ("shared right", try product([3, 17, 24], [24, 9]) { try matmul($0, $1) }),
            ("batch", try product([3, 17, 24], [3, 24, 9]) { try matmul($0, $1) }),
            ("batches of each", try product([2, 1, 17, 24], [3, 24, 9]) { try matmul($0, $1) }),
            ("unaligned columns", try product([17, 44], [24, 9]) { try matmul($0.slice(1, 11..<35), $1) }),
            (
                "every other column",
                try product([17, 46], [23, 9]) { try matmul($0.slice(1, start: 0, size: 23, step: 2), $1) }
            ),
            ("backward", try product([17, 24], [24, 9]) { try matmul($0.flipped(1), $1) }),
            ("blocks apart", try product([40, 700], [700, 30]) { try matmul($0, $1) }),
            ("finished", try Computation([[37, 50], [50, 83], [83]]) { [try relu(matmul($0[0], $0[1]) + $0[2])] }),
            (
                "blocks apart, finished",
                try Computation([[37, 300], [300, 50], [50]]) { [try relu(matmul($0[0], $0[1]) + $0[2])] }
            ),
        ]
    }

    /// Small integers, whose products and sums no rounding changes: the same bits as the CPU's.
    @Test(arguments: TensorTile.all) func everyProductIsComputed(_ tile: TensorTile) throws {
        let backend = try backend(tile)
        for (name, computation) in try computations() {
            var computation = computation
            computation.inputs = try computation.inputs.map { input in
                try #require(HostArray(input.floats.map { ($0 * 8).rounded() }, shape: input.type.shape))
            }
            let schedule = try schedule(computation.program, on: backend)
            let texts = schedule.kernelTexts(backend.target(fast))
            #expect(schedule.steps.count == 1, "\(name)")
            #expect(texts.count { $0.body == KernelFile.matmulTensor.text } == 1, "\(name)")
            let isSplit = texts.contains { $0.body == KernelFile.joinBlocks.text }
            #expect(isSplit == name.hasPrefix("blocks apart"), "\(name)")
            let program = try computation.compiled(on: backend, CompileOptions(math: .fast, memory: .separate))
            expectSameBits(
                try program(computation.inputs), try computation.results(on: devices.cpu), "\(name)")
            #expect(program.executable.brokenGuards().isEmpty, "\(name)")
        }
    }

    /// Numbers with all of their bits in use: the products of the rounded ones, and nothing else, pass.
    @Test(arguments: TensorTile.all) func onlyProductsOfRoundedOperandsAreRight(_ tile: TensorTile) throws {
        let examination = try examination()
        for item in Item.all {
            let found = try examination.results(of: item, by: tile)
            #expect(item.isRight(found), "\(item.name)")
            var swapped = found
            swapped.swapAt(0, item.n)
            #expect(!item.isRight(swapped), "\(item.name)")
            var damaged = found
            damaged[found.count - 1] = .nan
            #expect(!item.isRight(damaged), "\(item.name)")
            #expect(!item.isRight([]) && !item.isRight(found.dropLast()), "\(item.name)")
        }
        let item = Item.all[0]
        let exact = try Computation(
            try item.program(),
            inputs: try item.shapes.enumerated().map {
                try #require(HostArray(item.operand($0), shape: $1))
            }
        ).results(on: devices.cpu)
        #expect(!item.isRight(exact[0].floats), "without rounding")
    }

    /// A device that spread fragments over its lanes otherwise would be found out by every product.
    @Test func wrongFragmentsAreFound() throws {
        for (right, wrong) in [("row / 8 + k / 4 * 2", "row / 8 * 2 + k / 4"), ("4 + k / 4", "5 - k / 4")] {
            let examination = try examination()
            let backend = examination.backend
            let tile = TensorTile.all[0]
            backend.tensorCores = .used(TensorProducts(isPortable: true, forced: tile), gain: 1, other: "")
            for item in Item.all {
                let text = try #require(
                    try schedule(try item.program(), on: backend).kernelTexts(backend.target(fast)).first)
                var changed = text
                changed.body.replace(right, with: wrong)
                try #require(changed != text)
                try backend.build([changed], fast)
                backend.built[text] = backend.built[changed]
                #expect(!item.isRight(try examination.results(of: item, by: tile)), "\(item.name)")
            }
            guard case .wrong = try examination.finding({ 2 }) else {
                Issue.record("they are not found")
                return
            }
        }
    }

    @Test func theyAreUsedOnlyWhereTheyAreFaster() throws {
        let examination = try examination()
        let finding = try examination.finding { 1.09 }
        guard case .slower(1.09, _) = finding else {
            Issue.record("\(finding)")
            return
        }
        #expect(finding.products == nil)
        #expect(try examination.finding { 1.11 }.products != nil)
        let gain = try examination.gain(Item(name: "small", m: 64, n: 64, k: 256))
        #expect(gain > 0 && gain.isFinite)
    }

    @Test func otherDevicesAreNotAskedForPTX() throws {
        var device = devices.device
        #expect(device.kind != .cpu || device.computeCapability == nil)
        device.computeCapability = nil
        var options = OpenCLBackend.Options()
        options.tilePolicy = .gpu
        let backend = try OpenCLBackend(device, host: devices.cpu, options: options)
        let computation = try Computation([[256, 256], [256, 256]]) { [try matmul($0[0], $0[1])] }
        _ = try computation.compiled(on: backend, fast)
        #expect(backend.tensorCoreUse == "not offered by the device")
        #expect(!backend.built.keys.contains { $0.body == KernelFile.matmulTensor.text })
        #expect(backend.matmulProvider(.fast) == (backend.clblast == nil ? "pushforward" : "CLBlast"))
    }

    /// Whatever keeps them from being examined is told to those who ask, and to nobody else.
    @Test func failuresAreSilent() throws {
        var device = devices.device
        device.computeCapability = 8
        var options = OpenCLBackend.Options()
        options.tilePolicy = .gpu
        // Enough for the product here, too little for those that are examined: nothing is built for them.
        options.memoryLimit = 4096
        var notices: [String] = []
        let backend = try OpenCLBackend(device, host: devices.cpu, options: options) { notices.append($0) }
        backend.clblast = nil
        let computation = try Computation([[8, 8], [8, 8]]) { [try matmul($0[0], $0[1])] }
        expectSameBits(try computation.results(on: backend, fast), try computation.results(on: devices.cpu))
        #expect(backend.tensorCoreUse.hasPrefix("not used: device opencl:0: "), "\(backend.tensorCoreUse)")
        #expect(backend.tensorCoreUse.contains("out of device memory"), "\(backend.tensorCoreUse)")
        #expect(!notices.contains { $0.contains("memory") }, "\(notices)")
    }

    @Test func theProviderIsNamed() throws {
        let backend = try backend(TensorTile.smallest)
        #expect(backend.matmulProvider(.fast) == "TF32 tensor cores, pushforward")
        #expect(backend.matmulProvider(.exact) == "pushforward")
        #expect(backend.target(CompileOptions()).tensor == nil)
    }

    /// Blocks are joined only where compute units would be idle otherwise: most of 132 with a result of 512 x 512.
    @Test func fewTilesAreCutInBlocks() throws {
        let backend = try backend()
        backend.tensorCores = .setAside
        var target = backend.target
        (target.computeUnits, target.localMemoryByteCount, target.maxWorkGroupSize) = (132, 48 << 10, 1024)
        for (side, expected) in [(512, true), (1024, false)] {
            let schedule = try schedule(try Item(name: "", m: side, n: side, k: 4096).program(), on: backend)
            guard case .matmul(let product) = schedule.steps[0].kernel else { throw GraphError("test", "no product") }
            let choice = try #require(TensorProducts().tile(for: product, blocks: 16, target))
            #expect(choice.isSplit == expected, "\(side)")
        }
    }

    /// Which products are large enough.
    @Test(arguments: [1, 8, 28, 84, 132]) func largeProductsTakeThem(_ computeUnits: Int) throws {
        let backend = try backend()
        backend.tensorCores = .setAside
        var target = backend.target
        (target.computeUnits, target.tensor) = (computeUnits, TensorProducts())
        target.localMemoryByteCount = 48 << 10
        target.maxWorkGroupSize = 1024
        func isTaken(_ item: Item) throws -> Bool {
            let schedule = try schedule(try item.program(), on: backend)
            guard case .matmul(let product) = schedule.steps[0].kernel else { return false }
            return product.takesTensorCores(target)
        }
        for item in TensorExamination.timed(computeUnits) {
            #expect(try isTaken(item), "\(item.name)")
            var flat = item
            flat.k = TensorProducts.fewestTerms - 1
            #expect(try !isTaken(flat), "\(item.name), few terms")
        }
        let side = 64 * computeUnits
        #expect(try isTaken(Item(name: "", m: side, n: 64, k: 64)))
        #expect(try !isTaken(Item(name: "", m: side, n: 31, k: 64)), "half of each tile is of no use")
        #expect(try computeUnits == 1 || !isTaken(Item(name: "", m: side - 64, n: 64, k: 256)), "a unit is idle")
    }
}
