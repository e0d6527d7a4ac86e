import Autodiff
import Compiler
import Execution
import Graph
import Testing

@testable import OpenCLBackend

/// No choice of tiles changes a bit: products and convolutions of odd sizes against the CPU's, in every direction.
@Suite(.needsOpenCL) struct TilesTests {
    private let devices: Devices

    init() throws { devices = try Devices() }

    struct Choice: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var tiles: TileChoices
    }

    static let seeds =
        [Choice(testDescription: "rule", tiles: .rule)]
        + TileSeed.all.enumerated().map { Choice(testDescription: "seed \($0)", tiles: $1.choices) }

    /// Legal, each far from any seed.
    static let odd: [Choice] = {
        typealias GPUTile = TileChoices.MatmulGPU.Tile
        var shallow = TileChoices.rule, deep = TileChoices.rule, narrow = TileChoices.rule, split = TileChoices.rule
        shallow.matmulGPU.depth = 8
        shallow.matmulGPU.tiles = [GPUTile(itemsM: 4, itemsN: 2, eachM: 12, eachN: 8, efficiency: 1)]
        shallow.matmulCPU = TileChoices.MatmulCPU(
            tiles: [TileChoices.RegisterTile(vectors: 5, rows: 3)], rowsTogether: 1, itemsPerUnit: 0, splitBelow: 0)
        shallow.convolutionGPU = TileChoices.ConvolutionGPU(
            eachC: 16, eachP: 4, largeFrom: 0, itemsC: 1, items: 8, positions: 16, depth: 4, splitBelow: 0)
        shallow.convolutionCPU = TileChoices.ConvolutionCPU(
            tiles: [TileChoices.RegisterTile(vectors: 3, rows: 5)], itemWork: 1, itemTiles: 1, itemsPerUnit: 1,
            splitBelow: 0, packedTerms: 1)
        deep.matmulGPU.tiles = [GPUTile(itemsM: 8, itemsN: 8, eachM: 4, eachN: 8, efficiency: 100)]
        deep.matmulGPU.depth = 64
        deep.matmulCPU.tiles = [TileChoices.RegisterTile(vectors: 1, rows: 32)]
        deep.convolutionGPU = TileChoices.ConvolutionGPU(
            eachC: 4, eachP: 16, largeFrom: 0, itemsC: 8, items: 64, positions: 64, depth: 64, splitBelow: 4096)
        deep.convolutionCPU.tiles = [TileChoices.RegisterTile(vectors: 7, rows: 9)]
        deep.convolutionCPU.itemsPerUnit = 1
        narrow.matmulGPU.tiles = [GPUTile(itemsM: 2, itemsN: 16, eachM: 16, eachN: 4, efficiency: 100)]
        narrow.matmulCPU.tiles = [TileChoices.RegisterTile(vectors: 8, rows: 1)]
        narrow.convolutionGPU.itemsC = 2
        narrow.convolutionCPU.tiles = [TileChoices.RegisterTile(vectors: 1, rows: 1)]
        narrow.convolutionCPU.itemTiles = 64
        split.matmulGPU.splitBelow = 4096
        split.matmulCPU.splitBelow = 4096
        split.convolutionGPU.splitBelow = 4096
        split.convolutionCPU.splitBelow = 4096
        return [("shallow", shallow), ("deep", deep), ("narrow", narrow), ("split", split)].map {
            Choice(testDescription: $0, tiles: $1)
        }
    }()

    private static func computations() throws -> [(name: String, Computation)] {
        func product(_ name: String, _ a: [Int], _ b: [Int], _ body: @escaping (Tensor, Tensor) throws -> Tensor) throws
            -> (String, Computation)
        {
            (name, try Computation([a, b]) { [try body($0[0], $0[1])] })
        }
        func convolution(_ name: String, _ x: [Int], _ w: [Int], stride: [Int], groups: Int = 1) throws
            -> (String, Computation)
        {
            let graph = Graph()
            let operands = [graph.input("x", TensorType(x, .float32)), graph.input("w", TensorType(w, .float32))]
            let y = try operands[0].convolved(with: operands[1], stride: stride, padding: [1, 2], groups: groups)
            let weight = graph.input("g", y.type)
            let outputs = try [y] + gradient(of: (y * weight).sum(), at: operands)
            let inputs = try [x, w, y.shape].enumerated().map { try numbers($1, seed: $0) }
            return (name, Computation(Program(graph, outputs: outputs), inputs: inputs))
        }
        return [
            try product("plain", [37, 519], [519, 83]) { try matmul($0, $1) },
            try product("a transposed", [300, 67], [300, 45]) { try matmul($0.transposed(), $1) },
            try product("b transposed", [29, 259], [131, 259]) { try matmul($0, $1.transposed()) },
            try product("split", [9, 5003], [5003, 11]) { try matmul($0, $1) },
            ("bias", try Computation([[37, 300], [300, 83], [83]]) { [try relu(matmul($0[0], $0[1]) + $0[2])] }),
            (
                "bias of channels",
                try Computation([[2, 5, 9, 11], [21, 5, 3, 3], [21, 1, 1]]) {
                    [try relu($0[0].convolved(with: $0[1], padding: [1, 1]) + $0[2])]
                }
            ),
            try convolution("many channels", [3, 20, 9, 11], [18, 10, 3, 4], stride: [2, 1], groups: 2),
            try convolution("few channels", [2, 3, 13, 17], [5, 3, 4, 3], stride: [2, 3]),
        ]
    }

    /// Those whose kernels are the same as another's on such a device are left out.
    static let cases: [(policy: TilePolicy, choice: Choice)] = TilePolicy.allCases.flatMap { policy in
        var seen: Set<TileChoices> = []
        return (seeds + odd).filter { choice in
            var tiles = choice.tiles
            switch policy {
            case .gpu: (tiles.matmulCPU, tiles.convolutionCPU) = (.init(), .init())
            case .cpu: (tiles.matmulGPU, tiles.convolutionGPU) = (.init(), .init())
            }
            return seen.insert(tiles).inserted
        }.map { (policy, $0) }
    }

    @Test(arguments: cases) func haveTheBitsOfTheCPU(_ policy: TilePolicy, _ choice: Choice) throws {
        let backend = try devices.backend {
            $0.tilePolicy = policy
            $0.tiles = choice.tiles
        }
        try #require(backend.target.tiles == choice.tiles, "the device holds them")
        for (name, computation) in try Self.computations() {
            expectSameBits(
                try computation.results(on: backend), try computation.results(on: devices.cpu),
                "\(choice.testDescription), \(policy) tiles, \(name):")
        }
    }

    /// What the choices say is what the kernels are made with.
    @Test(arguments: TilePolicy.allCases) func choicesReachTheKernels(_ policy: TilePolicy) throws {
        let rule = try devices.backend {
            $0.tilePolicy = policy
            $0.tiles = .rule
        }
        let sources = try Self.computations().map { try $1.source(for: rule) }
        for choice in Self.odd {
            let backend = try devices.backend {
                $0.tilePolicy = policy
                $0.tiles = choice.tiles
            }
            let others = try Self.computations().map { try $1.source(for: backend) }
            #expect(zip(sources, others).contains { $0 != $1 }, "\(choice.testDescription)")
        }
    }
}

/// Which choices are taken, and for what.
@Suite struct TileChoicesTests {
    private let limits = TileLimits(maxWorkGroupSize: 256, localMemoryByteCount: 32 << 10)

    @Test func theSeedsAreSound() {
        #expect(!TileSeed.all.isEmpty)
        #expect(TileChoices.rule.fits(limits))
        for seed in TileSeed.all { #expect(seed.choices.fits(limits), "\(seed)") }
        for choice in TilesTests.odd { #expect(choice.tiles.fits(limits), "\(choice.testDescription)") }
    }

    @Test func aSeedIsFoundByWhatTheDriverSays() {
        func seed(_ vendor: String, _ name: String, _ kind: OpenCLDevice.Kind, _ units: Int) -> Int? {
            TileSeed.all.firstIndex { $0.matches(vendor: vendor, name: name, kind: kind, computeUnits: units) }
        }
        let nvidia = seed("NVIDIA Corporation", "NVIDIA H100 80GB HBM3", .gpu, 132)
        let amd = seed("Advanced Micro Devices, Inc.", "gfx1100", .gpu, 48)
        let wide = seed("GenuineIntel", "pthread-skylake-avx512-Intel", .cpu, 8)
        let old = seed("AuthenticAMD", "pthread-znver2-AMD EPYC", .cpu, 8)
        #expect(Set([nvidia, amd, wide, old].compactMap { $0 }).count == 4)
        #expect(seed("NVIDIA Corporation", "NVIDIA T400", .gpu, 6) == nil)
        #expect(seed("Intel(R) Corporation", "Intel(R) UHD Graphics", .gpu, 96) == nil)
        #expect(seed("", "", .other, 1) == nil)
    }

    /// What is tried is legal, and told apart.
    @Test(arguments: TilePolicy.allCases) func candidatesFitLargeDevices(_ policy: TilePolicy) {
        let large = TileLimits(maxWorkGroupSize: 1024, localMemoryByteCount: 64 << 10)
        let parameters = TuningParameter.all(policy)
        #expect(Set(parameters.map { "\($0.kernel) \($0.name)" }).count == parameters.count)
        for parameter in parameters {
            let candidates = parameter.candidates(.rule)
            #expect(candidates.count > 1 && Set(candidates).count == candidates.count, "\(parameter.name)")
            #expect(candidates.contains(.rule), "\(parameter.name) can go back to the rule")
            #expect(Set(candidates.map(parameter.text)).count == candidates.count, "\(parameter.name)")
            for choices in candidates { #expect(choices.fits(large), "\(parameter.name) \(parameter.text(choices))") }
        }
    }

    /// One thing each that no device, or not this one, can hold.
    static let unfit: [@Sendable (inout TileChoices) -> Void] = [
        { $0.matmulGPU.tiles = [] }, { $0.matmulGPU.depth = 24 }, { $0.matmulGPU.depth = 512 },
        { $0.matmulGPU.tiles[0].eachM = 6 }, { $0.matmulGPU.tiles[0].itemsM = 0 },
        { $0.matmulGPU.tiles[0].efficiency = 0 }, { $0.matmulGPU.tiles[0].itemsN = 7 },
        { $0.matmulGPU.splitBelow = -1 },
        { $0.matmulGPU.tiles = [.init(itemsM: 32, itemsN: 32, eachM: 4, eachN: 4, efficiency: 100)] },
        { $0.matmulGPU.depth = 128 }, { $0.matmulCPU.tiles = [] }, { $0.matmulCPU.tiles[0].rows = 0 },
        { $0.matmulCPU.tiles[0].vectors = 9 }, { $0.matmulCPU.rowsTogether = 0 },
        { $0.convolutionGPU.eachC = 12 }, { $0.convolutionGPU.items = 100 }, { $0.convolutionGPU.itemsC = 512 },
        { $0.convolutionGPU.positions = 0 }, { $0.convolutionGPU.depth = 3 }, { $0.convolutionGPU.depth = 64 },
        { $0.convolutionCPU.tiles = [] }, { $0.convolutionCPU.tiles[0].rows = 17 },
        { $0.convolutionCPU.itemsPerUnit = 0 }, { $0.convolutionCPU.itemTiles = 1000 },
        { $0.convolutionCPU.packedTerms = 0 },
    ]

    @Test(arguments: unfit.indices) func whatDoesNotFitFallsBack(_ index: Int) {
        var seed = TileChoices.rule
        seed.matmulGPU.splitBelow = 3
        seed.matmulCPU.splitBelow = 3
        seed.convolutionGPU.splitBelow = 3
        seed.convolutionCPU.splitBelow = 3
        var choices = TileChoices.rule
        Self.unfit[index](&choices)
        #expect(!choices.fits(limits))
        let fitted = choices.fitted(to: limits, fallback: seed)
        #expect(fitted.fits(limits))
        let families = [
            fitted.matmulGPU == seed.matmulGPU, fitted.matmulCPU == seed.matmulCPU,
            fitted.convolutionGPU == seed.convolutionGPU, fitted.convolutionCPU == seed.convolutionCPU,
        ]
        #expect(families.count { $0 } == 1, "the other families keep their choices")
        #expect(
            choices.fitted(to: limits, fallback: choices).fits(limits), "where the seed does not fit, the rule holds")
    }
}
