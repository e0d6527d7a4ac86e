import Foundation
import Pushforward
import Testing

@testable import CLI

/// What `tune` says and keeps; never how fast anything is.
@Suite(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
struct TuneTests {
    @Test func theCPUHasNothingToTune() throws {
        let result = try Tool.run(["tune", "--device", "cpu"], in: TemporaryFolder())
        #expect(result.status == 1 && result.output.isEmpty)
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(result.errors)")
        #expect(lines.first?.contains("cpu") == true && lines.first?.contains("--device opencl") == true)
    }

    @Test(
        .enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device"),
        arguments: [["--seconds", "0"], ["--seconds", "x"], ["--math", "quick"], ["surplus"]])
    func aWrongCallIsRefused(_ words: [String]) throws {
        let result = try Tool.run(["tune", "--device", "opencl"] + words, in: TemporaryFolder())
        #expect(result.status == 2 && result.output.isEmpty)
    }

    @Test(.enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device"), arguments: [true, false])
    func aShortSearchIsReported(isDry: Bool) throws {
        let folder = try TemporaryFolder()
        let call = ["tune", "--device", "opencl", "--seconds", "1", "--json"] + (isDry ? ["--dry-run"] : [])
        let result = try Tool.run(call, in: folder, environment: ["PUSHFORWARD_CACHE": folder("cache")])
        try #require(result.status == 0, "\(result.errors)")
        let json = try result.json()
        #expect(json["device"]?.string == "opencl:0" && json["device_description"]?.string != nil)
        #expect(json["dropped"]?.elements?.isEmpty == true)
        for finding in try #require(json["findings"]?.elements) {
            for key in ["kernel", "parameter", "before", "after"] { #expect(finding[key]?.string != nil, "\(key)") }
            for key in ["microseconds_before", "microseconds_after", "gain"] {
                #expect(finding[key]?.double.map { $0 > 0 } == true, "\(key)")
            }
        }
        let kept = try folder.contents().keys.filter { $0.hasPrefix("cache/tuning/") }
        #expect(kept.count == (isDry ? 0 : 1))
        #expect(json["file"]?.string == kept.first.map { folder($0) })
    }

    /// What is kept is used, named and, when it is damaged or not wanted, left aside.
    @Test(.enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device"))
    func theFileIsNamed() throws {
        let folder = try TemporaryFolder()
        let environment = ["PUSHFORWARD_CACHE": folder("cache")]
        func tune(_ words: [String] = [], _ more: [String: String] = [:]) throws -> Tool.Result {
            try Tool.run(
                ["tune", "--device", "opencl", "--seconds", "1", "--json"] + words, in: folder,
                environment: environment.merging(more) { $1 })
        }
        let path = try #require(try tune().json()["file"]?.string)
        let devices = try Tool.run(["devices"], in: folder, environment: environment)
        #expect(devices.output.contains(path))

        try Data("{".utf8).write(to: URL(fileURLWithPath: path))
        let ignored = try tune(["--dry-run"])
        #expect(ignored.status == 0)
        #expect(ignored.errors.split(separator: "\n").count { $0.contains(path) } == 1, "\(ignored.errors)")
        let unwanted = try tune(["--dry-run"], ["PUSHFORWARD_TUNING": "off"])
        #expect(unwanted.status == 0 && !unwanted.errors.contains(path), "\(unwanted.errors)")
        let unknown = try tune(["--dry-run"], ["PUSHFORWARD_TUNING": "no"])
        #expect(unknown.status == 1 && unknown.message.contains("PUSHFORWARD_TUNING"))
        let nowhere = try tune([], ["PUSHFORWARD_CACHE": ""])
        #expect(nowhere.status == 1 && nowhere.message.contains("--dry-run"))
        let unwritable = try tune([], ["PUSHFORWARD_CACHE": "/proc/pushforward"])
        #expect(unwritable.status == 1 && unwritable.message.contains("/proc/pushforward"))
    }

    @Test(.enabled(if: !OpenCLDevice.all().isEmpty, "there is no OpenCL device"))
    func anInterruptKeepsNothing() throws {
        let folder = try TemporaryFolder()
        let call = ["tune", "--device", "opencl", "--seconds", "100"]
        let result = try Tool.run(call, in: folder, environment: ["PUSHFORWARD_CACHE": folder("cache")]) { process in
            // Before that, the signal would end it like any process.
            for _ in 0..<3000 where !catchesInterrupts(process) { usleep(10_000) }
            usleep(500_000)
            process.interrupt()
        }
        #expect(result.status == 130 && result.output.isEmpty)
        #expect(try !folder.contents().keys.contains { $0.hasPrefix("cache/tuning/") })
    }
}

/// Whether a process has a handler for SIGINT, as Linux says.
private func catchesInterrupts(_ process: Process) -> Bool {
    let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    let caught = status?.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
    let mask = caught.flatMap { UInt64($0, radix: 16) } ?? 0
    return mask >> UInt64(SIGINT - 1) & 1 == 1
}

extension JSONTree {
    fileprivate var elements: [JSONTree]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
