import Foundation

/// What `pushforward tune` found for a device.
struct Tuning: Hashable, Codable, Sendable {
    /// The device as its driver describes it: what was found holds for no other.
    struct Device: Hashable, Codable, Sendable {
        var name: String, vendor: String, platform: String, version: String, driver: String

        init(_ device: OpenCLDevice) {
            (name, vendor, platform) = (device.deviceName, device.vendor, device.platform)
            (version, driver) = (device.version, device.driver)
        }

        /// One text for all of it.
        var key: String { [name, vendor, platform, version, driver].joined(separator: "\n") }
    }

    /// Changes with the meaning of what is kept.
    static let currentSchema = 1

    var schema = Tuning.currentSchema
    var device: Device
    /// For people.
    var description: String
    /// ISO 8601.
    var date: String
    var tiles: TileChoices
    /// CLBlast's kernels and their parameters, where better ones than its own were found.
    var clblast: [String: [String: Int]]?
    var findings: [TuningFinding]
}

/// What measuring one parameter came to.
public struct TuningFinding: Hashable, Codable, Sendable {
    /// The family of kernels: products, convolutions, or CLBlast's.
    public var kernel: String
    public var parameter: String
    public var before: String
    public var after: String
    /// The geometric mean over the shapes, both measured in turn.
    public var microsecondsBefore: Double
    public var microsecondsAfter: Double

    /// How many times as quick.
    public var gain: Double { microsecondsBefore / microsecondsAfter }
    public var isBetter: Bool { after != before }
}

/// Where a device's tuning is kept: a JSON file of its own, beside the compiled programs.
public struct TuningFile: Sendable {
    public let path: String
    private let device: Tuning.Device
    private let deviceName: String

    /// - Parameter cacheFolder: nil for the environment's or the user's.
    /// - Returns: nil where there is no folder to keep things in.
    public init?(for device: OpenCLDevice, cacheFolder: String? = nil) {
        guard let folder = cacheFolder ?? ProgramCache.userFolder else { return nil }
        self.device = Tuning.Device(device)
        deviceName = device.name
        // The name is for people, the hash tells devices apart.
        let name = self.device.name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let hash = ProgramCache.hash(Array(self.device.key.utf8))
        path = "\(folder)/tuning/\(String(name.prefix(40)))-\(hash).json"
    }

    public var exists: Bool { FileManager.default.fileExists(atPath: path) }

    enum Content {
        case nothing
        case tuning(Tuning)
        /// One line: what is wrong with it.
        case ignored(String)
    }

    func read() -> Content {
        guard exists else { return .nothing }
        guard let data = FileManager.default.contents(atPath: path) else { return ignored("cannot be read") }
        struct Schema: Decodable { var schema: Int }
        guard let schema = try? JSONDecoder().decode(Schema.self, from: data).schema else {
            return ignored("is damaged")
        }
        guard schema == Tuning.currentSchema else { return ignored("is another version's") }
        guard let tuning = try? JSONDecoder().decode(Tuning.self, from: data) else { return ignored("is damaged") }
        guard tuning.device == device else { return ignored("is another device's") }
        return .tuning(tuning)
    }

    private func ignored(_ what: String) -> Content {
        .ignored(
            "the tuning file \(path) \(what) and is ignored; run `pushforward tune --device \(deviceName)` to make it anew"
        )
    }

    /// Makes the folder, which must be one that can be written to.
    public func prepareFolder() throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch { throw unwritable(error.localizedDescription) }
        guard access(folder, W_OK) == 0 else { throw unwritable(String(cString: strerror(errno))) }
    }

    private var folder: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    private func unwritable(_ why: String) -> TuningError {
        TuningError("\(path) cannot be written (\(why)); set PUSHFORWARD_CACHE to another folder")
    }

    /// By a rename: whoever reads finds the old file or the new one.
    func write(_ tuning: Tuning) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try encoder.encode(tuning).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw unwritable(error.localizedDescription)
        }
    }
}

/// Tuning could not be kept: one line.
public struct TuningError: Error, CustomStringConvertible, Sendable {
    public let description: String

    init(_ description: String) { self.description = description }
}
