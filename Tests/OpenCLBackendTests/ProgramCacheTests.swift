import Compiler
import Execution
import Foundation
import Graph
import Synchronization
import Testing

@testable import OpenCLBackend

@Suite(.needsOpenCL) struct ProgramCacheTests {
    private let devices: Devices
    private let folder: TemporaryFolder
    private let sine: Computation
    private let cosine: Computation

    init() throws {
        devices = try Devices()
        folder = try TemporaryFolder()
        sine = try Computation([[5, 7]]) { x in [try sin(x[0])] }
        cosine = try Computation([[5, 7]]) { x in [try cos(x[0])] }
    }

    private func backend(_ folder: String, notice: @escaping (String) -> Void = { _ in }) throws -> OpenCLBackend {
        try devices.backend({ $0.cacheFolder = folder }, notice: notice)
    }

    private func expectSine(_ backend: OpenCLBackend, location: SourceLocation = #_sourceLocation) throws {
        expectSameBits(
            try sine.results(on: backend), try sine.results(on: devices.cpu), location: location)
    }

    /// The name of the sine's entry, which is made here.
    private func entry() throws -> String {
        try expectSine(try backend(folder.path))
        try #require(folder.names.count == 1)
        return folder.names[0]
    }

    @Test func aProgramIsKeptAndTakenAgain() throws {
        let name = try entry()
        let bytes = try folder.read(name)
        #expect(name.hasSuffix(".clbin") && !bytes.isEmpty)
        let path = "\(folder.path)/\(name)"
        let written = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        try expectSine(try backend(folder.path))
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == written)
        #expect(try folder.read(name) == bytes && folder.names == [name])
    }

    /// The cosine's binary under the sine's key: who computes cosines did not compile the sine.
    @Test func whatTheCacheHoldsIsNotCompiled() throws {
        let first = try backend(folder.path)
        _ = try cosine.results(on: first)
        let binary = try #require(
            first.cache.binary(of: cosine.source(for: first), options: first.buildOptions))
        #expect(first.cache.store(binary, of: try sine.source(for: first), options: first.buildOptions) == nil)
        expectSameBits(try sine.results(on: backend(folder.path)), try cosine.results(on: devices.cpu))
    }

    @Test func withoutAFolderNothingIsKept() throws {
        try expectSine(try devices.backend { $0.hasCache = false })
        #expect(folder.names.isEmpty)
    }

    /// What is not the whole entry is as good as absent, wherever it is cut or changed.
    @Test func noDamagedEntryIsTaken() throws {
        let name = try entry()
        let sound = try folder.read(name)
        let reader = try backend(folder.path)
        let source = try sine.source(for: reader)
        func isTaken(_ bytes: [UInt8]) throws -> Bool {
            try folder.write(bytes, to: name)
            return reader.cache.binary(of: source, options: reader.buildOptions) != nil
        }
        #expect(try isTaken(sound))
        let lengths = Set(0..<64).union(stride(from: 64, to: sound.count, by: 997)).union([sound.count - 1])
        for length in lengths { #expect(try !isTaken(Array(sound[..<length])), "cut to \(length) bytes") }
        // All of the head, the checksum, and samples of the rest.
        let keyEnd = 22 + 8 + ([source].joined().utf8.count)
        let places = Set(0..<40).union(stride(from: 40, to: sound.count, by: 499)).union([sound.count - 1])
            .union(keyEnd..<min(keyEnd + 400, sound.count))
        for place in places {
            var bytes = sound
            bytes[place] ^= 0x10
            #expect(try !isTaken(bytes), "byte \(place) changed")
        }
        #expect(try !isTaken(sound + [0]))
        #expect(try !isTaken([]))
        #expect(try isTaken(sound))
        #expect(reader.cache.binary(of: source, options: reader.buildOptions + " ") == nil)
        #expect(reader.cache.binary(of: source + " ", options: reader.buildOptions) == nil)
    }

    enum Damage: String, CaseIterable {
        case empty, cut, changed, lengthened, magic, wild, folder, link
        /// As another driver would leave it, were the hashes equal.
        case foreign
        /// A sound entry whose binary the driver does not take.
        case refused
    }

    @Test(arguments: Damage.allCases) func aDamagedEntryIsRebuiltInSilence(_ damage: Damage) throws {
        let name = try entry()
        let path = "\(folder.path)/\(name)"
        let sound = try folder.read(name)
        var bytes = sound
        switch damage {
        case .empty: bytes = []
        case .cut: bytes.removeLast(sound.count / 2)
        case .changed: bytes[sound.count - 100] ^= 1
        case .lengthened: bytes += [1, 2, 3]
        case .magic: bytes[20] ^= 1
        case .wild: bytes.replaceSubrange(22..<30, with: [UInt8](repeating: 0xFF, count: 8))
        case .foreign:
            let driver = Array(devices.device.driver.utf8)
            let start = try #require(sound.indices.first { sound[$0...].starts(with: driver) })
            bytes.replaceSubrange(start..<start + driver.count, with: driver.map { $0 ^ 1 })
        case .refused:
            let other = try backend(folder.path)
            let binary = Array("no program".utf8)
            #expect(other.cache.store(binary, of: try sine.source(for: other), options: other.buildOptions) == nil)
            bytes = try folder.read(name)
        case .folder, .link: try FileManager.default.removeItem(atPath: path)
        }
        switch damage {
        case .folder: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        case .link: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nowhere")
        default: try folder.write(bytes, to: name)
        }
        var told: [String] = []
        let next = try backend(folder.path) { told.append($0) }
        try expectSine(next)
        #expect(folder.names == [name], "nothing half-written is left")
        if damage == .folder {
            // What somebody made there is left alone, and said.
            #expect(told.count == 1 && told.allSatisfy { $0.contains(folder.path) && !$0.contains("\n") }, "\(told)")
        } else {
            #expect(told.isEmpty, "\(told)")
            let binary = next.cache.binary(of: try sine.source(for: next), options: next.buildOptions)
            #expect(binary != nil, "the entry is sound again")
        }
    }

    /// Permissions do not stop root, but these do.
    @Test(arguments: ["file", "file/below", "/proc/pushforward", "/dev/null"])
    func withoutAUsableFolderProgramsAreCompiled(_ place: String) throws {
        try folder.write([1], to: "file")
        let path = place.hasPrefix("/") ? place : "\(folder.path)/\(place)"
        var told: [String] = []
        let backend = try backend(path) { told.append($0) }
        try expectSine(backend)
        expectSameBits(try cosine.results(on: backend), try cosine.results(on: devices.cpu))
        #expect(told.count == 1, "\(told)")
        #expect(told.allSatisfy { $0.contains(path) && $0.contains("PUSHFORWARD_CACHE") && !$0.contains("\n") })
        #expect(try folder.names == ["file"] && folder.read("file") == [1])
    }

    @Test func severalBackendsShareAFolderAtOnce() throws {
        let path = folder.path + "/new"
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 3) { _ in
            do {
                let devices = try Devices()
                let backend = try devices.backend { $0.cacheFolder = path }
                for seed in 0..<4 {
                    let some = try Computation([[3, 4]]) { x in [try tanh(x[0] + Double(seed))] }
                    let (found, expected) = (try some.results(on: backend), try some.results(on: devices.cpu))
                    if found != expected { failures.withLock { $0.append("other bits") } }
                }
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 }.isEmpty)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.count == 4 && names.allSatisfy { $0.hasSuffix(".clbin") }, "\(names)")
        let reader = try backend(path)
        for seed in 0..<4 {
            let some = try Computation([[3, 4]]) { x in [try tanh(x[0] + Double(seed))] }
            #expect(
                reader.cache.binary(of: try some.source(for: reader), options: reader.buildOptions) != nil)
        }
    }
}
