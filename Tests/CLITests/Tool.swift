import Foundation
import Pushforward
import Testing

/// The built executable, run as a process.
enum Tool {
    /// Beside the test bundle, or where PUSHFORWARD_EXECUTABLE says; nil where it has not been built.
    static let path: String? = {
        if let named = ProcessInfo.processInfo.environment["PUSHFORWARD_EXECUTABLE"] { return named }
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let bundles = [executable, CommandLine.arguments[0]]
        return bundles.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/pushforward" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    static let isBuilt = path != nil

    /// How a call ended.
    struct Result {
        let status: Int32
        let output: String
        let errors: String

        /// What standard output holds, which must be one JSON object and nothing else.
        func json() throws -> JSONTree {
            #expect(output.hasSuffix("\n") && output.filter { $0 == "\n" }.count == 1, "one line: \(output)")
            return try JSONTree(parsing: output, source: "standard output")
        }

        /// The last line of standard error.
        var message: String { errors.split(separator: "\n").last.map(String.init) ?? "" }
    }

    /// - Parameters:
    ///   - folder: The working directory.
    ///   - output: Where standard output goes instead of into the result.
    ///   - meanwhile: Is called while the process runs.
    static func run(
        _ words: [String], in folder: TemporaryFolder, environment: [String: String] = [:], output: String? = nil,
        meanwhile: (Process) throws -> Void = { _ in }
    ) throws -> Result {
        let process = Process()
        // A test of signals may just have set one to be ignored, which a new process would inherit.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["--default-signal=INT,TERM", try #require(path)] + words
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files, not pipes: nobody has to read them while the process runs.
        let streams = [output ?? folder.hidden("stdout"), folder.hidden("stderr")]
        let handles = try streams.map { path in
            if path != output { try Data().write(to: URL(fileURLWithPath: path)) }
            return try #require(FileHandle(forWritingAtPath: path))
        }
        (process.standardOutput, process.standardError) = (handles[0], handles[1])
        process.standardInput = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        try meanwhile(process)
        if ended.wait(timeout: .now() + 110) == .timedOut {
            Issue.record("does not end: \(words)")
            // Asking a process that still runs for its status would end the tests.
            kill(process.processIdentifier, SIGKILL)
            ended.wait()
        }
        #expect(process.terminationReason == .exit, "ended by a signal: \(words)")
        return Result(
            status: process.terminationStatus,
            output: output == nil ? try String(contentsOfFile: streams[0], encoding: .utf8) : "",
            errors: try String(contentsOfFile: streams[1], encoding: .utf8))
    }

    /// A call that must succeed.
    @discardableResult
    static func done(_ words: [String], in folder: TemporaryFolder) throws -> Result {
        let result = try run(words, in: folder)
        try #require(result.status == 0, "\(words): \(result.errors)")
        return result
    }
}

/// A folder that lasts as long as this value.
final class TemporaryFolder: Sendable {
    let path: String
    private let streams: String

    init() throws {
        let base = "\(FileManager.default.temporaryDirectory.path)/pushforward-test-\(UInt64.random(in: 0 ... .max))"
        path = base + "/work"
        streams = base + "/streams"
        for folder in [path, streams] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path) }

    /// A path inside it.
    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    /// A path of a file that is no part of it.
    func hidden(_ name: String) -> String { "\(streams)/\(name)-\(UInt64.random(in: 0 ... .max))" }

    func write(_ bytes: [UInt8], to name: String) throws {
        let target = URL(fileURLWithPath: self(name))
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: target)
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: self(name)))) }

    func copy(_ source: String, to name: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: self(name))
    }

    /// Every file in it with its bytes, links by where they lead.
    func contents() throws -> [String: [UInt8]] {
        let files = FileManager.default
        var result: [String: [UInt8]] = [:]
        for name in try files.subpathsOfDirectory(atPath: path) {
            if let target = try? files.destinationOfSymbolicLink(atPath: self(name)) {
                result[name] = Array("-> \(target)".utf8)
            } else if (try? files.attributesOfItem(atPath: self(name))[.type] as? FileAttributeType) == .typeDirectory {
                result[name] = []
            } else {
                result[name] = try read(name)
            }
        }
        return result
    }
}

/// A small conv-vae trained on the built-in shapes, once for all tests.
enum SharedRun {
    static let options = [
        "--data", "shapes", "--batch-size", "32", "--set", "model.channels=[4,8]", "--set", "model.hidden=32", "--set",
        "model.latent=4", "--lr", "0.01",
    ]

    struct Trained {
        let folder: TemporaryFolder
        let result: Tool.Result
        /// Of the run.
        var path: String { folder("runs/conv-vae-shapes") }
    }

    private static let shared = Result {
        let folder = try TemporaryFolder()
        return Trained(
            folder: folder,
            result: try Tool.run(["train", "conv-vae", "--steps", "40", "--json"] + options, in: folder))
    }

    static func trained() throws -> Trained { try shared.get() }
}
