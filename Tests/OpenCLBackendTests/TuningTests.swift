import Compiler
import Execution
import Foundation
import Graph
import Synchronization
import Testing

@testable import OpenCLBackend

/// The file that keeps what was tuned, and the search; never how fast anything is.
@Suite(.needsOpenCL) struct TuningTests {
    private let devices: Devices
    private let folder: TemporaryFolder
    private let file: TuningFile

    init() throws {
        devices = try Devices()
        folder = try TemporaryFolder()
        file = try #require(TuningFile(for: devices.device, cacheFolder: folder.path))
    }

    private func tuning() -> Tuning {
        var tiles = TileChoices.rule
        tiles.matmulCPU.rowsTogether = 96
        tiles.convolutionGPU.depth = 8
        return Tuning(
            device: Tuning.Device(devices.device), description: "a device", date: "2026-01-02T03:04:05Z", tiles: tiles,
            clblast: ["Xgemm": ["MWG": 64]],
            findings: [
                TuningFinding(
                    kernel: "matmul", parameter: "rows together", before: "256", after: "96", microsecondsBefore: 12.5,
                    microsecondsAfter: 10)
            ])
    }

    private func backend(_ adjust: (inout OpenCLBackend.Options) -> Void = { _ in }) throws -> (
        backend: OpenCLBackend, told: [String]
    ) {
        var told: [String] = []
        let backend = try devices.backend(
            {
                $0.cacheFolder = folder.path
                $0.hasCache = false
                adjust(&$0)
            }, notice: { told.append($0) })
        return (backend, told)
    }

    @Test func whatIsWrittenIsReadAndUsed() throws {
        let tuning = tuning()
        try file.write(tuning)
        guard case .tuning(let found) = file.read() else {
            Issue.record("it is not read")
            return
        }
        #expect(found == tuning)
        let (backend, told) = try backend()
        #expect(backend.target.tiles == tuning.tiles && backend.tuning == tuning && backend.tuningFile == file.path)
        #expect(told.isEmpty, "\(told)")
        #expect(folder.names == ["tuning"] && file.path.hasPrefix(folder.path + "/tuning/"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/tuning").count == 1)
    }

    @Test func withoutAFileTheSeedHolds() throws {
        let (backend, told) = try backend()
        #expect(backend.tuning == nil && backend.tuningFile == nil && told.isEmpty)
        #expect(backend.target.tiles == TileSeed.choices(for: devices.device))
    }

    @Test func tuningCanBeIgnored() throws {
        try file.write(tuning())
        let (backend, told) = try backend { $0.hasTuning = false }
        #expect(backend.tuning == nil && backend.target.tiles == TileSeed.choices(for: devices.device))
        #expect(told.isEmpty, "\(told)")
    }

    /// What the device cannot hold gives way to the seed, the rest is used.
    @Test func aChoiceThatDoesNotFitFallsBack() throws {
        var tuning = tuning()
        tuning.tiles.matmulGPU.tiles[0].eachM = 5
        try file.write(tuning)
        let (backend, _) = try backend()
        #expect(backend.target.tiles.matmulGPU == TileSeed.choices(for: devices.device).matmulGPU)
        #expect(backend.target.tiles.matmulCPU == tuning.tiles.matmulCPU)
    }

    enum Damage: String, CaseIterable { case empty, cut, text, missing, foreign, outdated, folder }

    @Test(arguments: Damage.allCases) func anUnsoundFileIsIgnoredWithANotice(_ damage: Damage) throws {
        var tuning = tuning()
        if damage == .foreign { tuning.device.driver += " of another" }
        if damage == .outdated { tuning.schema += 1 }
        try file.write(tuning)
        let url = URL(fileURLWithPath: file.path)
        var text = try String(contentsOf: url, encoding: .utf8)
        switch damage {
        case .empty: text = ""
        case .cut: text = String(text.prefix(text.count / 2))
        case .text: text = "no JSON"
        case .missing: text = text.replacing("\"rowsTogether\"", with: "\"rows\"")
        case .foreign, .outdated: break
        case .folder:
            try FileManager.default.removeItem(at: url)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        }
        if damage != .folder { try Data(text.utf8).write(to: url) }
        let (backend, told) = try backend()
        #expect(backend.tuning == nil && backend.target.tiles == TileSeed.choices(for: devices.device))
        #expect(told.count == 1, "\(told)")
        for line in told {
            #expect(
                line.contains(file.path) && line.contains("pushforward tune --device opencl:0") && !line.contains("\n"),
                "\(line)")
        }
    }

    // MARK: the search

    /// A small product with an odd one beside it.
    private func cases() throws -> [TuningCase] {
        try [(40, 36, 600, true), (33, 7, 270, false)].map { m, n, k, isTimed in
            let graph = Graph()
            let (a, b) = (
                graph.input("a", TensorType([m, k], .float32)), graph.input("b", TensorType([k, n], .float32))
            )
            return TuningCase(.matmul, "\(m)x\(n)x\(k)", graph, [try matmul(a, b)], isTimed: isTimed)
        }
    }

    @Test(arguments: TilePolicy.allCases) func aSearchTriesEveryParameterAndLeavesTheBackendAlone(_ policy: TilePolicy)
        throws
    {
        let backend = try backend { $0.tilePolicy = policy }.backend
        let tiles = backend.target.tiles
        var dropped: [String] = []
        let tuner = Tuner(backend, try cases(), seconds: 1000, dropped: { dropped.append($0) }, progress: { _ in })
        let findings = try tuner.run(includesCLBlast: false)
        #expect(dropped.isEmpty, "\(dropped)")
        #expect(!findings.isEmpty && Set(findings.map(\.parameter)).count == findings.count)
        #expect(findings.allSatisfy { $0.kernel == "matmul" && $0.microsecondsBefore > 0 && $0.microsecondsAfter > 0 })
        #expect(findings.allSatisfy { $0.isBetter ? $0.gain > 1.03 : $0.gain == 1 })
        #expect(backend.target.tiles == tiles)
        try tuner.save(to: file)
        let next = try self.backend { $0.tilePolicy = policy }
        #expect(next.told.isEmpty && next.backend.tuning?.findings == findings)
        #expect((next.backend.target.tiles != tiles) == findings.contains(where: \.isBetter))
    }

    /// What cannot be built is dropped with a line; nothing else is lost.
    @Test func whatDoesNotBuildIsDropped() throws {
        // Operands and result have 188,160 bytes: once they fit, twice they do not.
        let backend = try backend { $0.memoryLimit = 300_000 }.backend
        var dropped: [String] = []
        let tuner = Tuner(backend, try cases(), seconds: 1000, dropped: { dropped.append($0) }, progress: { _ in })
        _ = try tuner.run(includesCLBlast: false)
        #expect(!dropped.isEmpty)
        for line in dropped {
            #expect(line.contains("is dropped: ") && !line.contains("\n"))
        }
    }

    @Test func whatTheProgressThrowsEndsTheSearch() throws {
        struct Stop: Error {}
        let tuner = Tuner(
            try backend().backend, try cases(), seconds: 1000, dropped: { _ in }, progress: { _ in throw Stop() })
        #expect(throws: Stop.self) { try tuner.run(includesCLBlast: false) }
        #expect(folder.names.isEmpty)
    }

    @Test func withoutTimeNothingIsFound() throws {
        let tuner = Tuner(try backend().backend, try cases(), seconds: 0, dropped: { _ in }, progress: { _ in })
        #expect(try tuner.run(includesCLBlast: false).isEmpty)
    }
}
