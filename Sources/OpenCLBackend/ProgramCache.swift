import CZlib
import Foundation

/// Compiled programs on disk: a file for each, found by a hash of its key.
///
/// An entry holds the whole key (source text, options, device, driver, platform, format), so that neither equal hashes nor
/// another driver's leavings are ever taken for it, and a checksum. What does not fit is as good as absent: the program is
/// built anew and the entry replaced, by a rename, so that processes can share the folder.
struct ProgramCache: Sendable {
    /// Changes with the layout of an entry.
    private static let magic = Array("Pushforward program 1\n".utf8)

    let folder: String?
    private let device: String

    init(folder: String?, device: OpenCLDevice) {
        self.folder = folder
        self.device = Tuning.Device(device).key
    }

    /// The user's folder. Without the variable that names one nil for processors: PoCL keeps compiled kernels itself, and
    /// to hand out a binary it compiles every kernel a second time, for work-groups of any size (20 s for a training
    /// step); in Intel's runtime (2026.22) kernels crash once a binary has been asked for.
    static func defaultFolder(for device: OpenCLDevice) -> String? {
        device.kind == .cpu && ProcessInfo.processInfo.environment["PUSHFORWARD_CACHE"] == nil ? nil : userFolder
    }

    /// `PUSHFORWARD_CACHE`, else pushforward/ in the user's folder of caches; nil when there is no such folder, or the
    /// variable is empty.
    static var userFolder: String? {
        let environment = ProcessInfo.processInfo.environment
        if let chosen = environment["PUSHFORWARD_CACHE"] { return chosen.isEmpty ? nil : chosen }
        if let caches = environment["XDG_CACHE_HOME"], caches.hasPrefix("/") { return caches + "/pushforward" }
        return environment["HOME"].map { $0 + "/.cache/pushforward" }
    }

    private func key(_ source: String, _ options: String) -> [UInt8] {
        Array([device, options, source].joined(separator: "\n").utf8)
    }

    private func path(_ key: [UInt8]) -> String? { folder.map { "\($0)/\(ProgramCache.hash(key)).clbin" } }

    /// FNV-1a, 64 bits; the key in the entry makes it certain.
    static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The binary of a program; nil when there is no sound entry.
    func binary(of source: String, options: String) -> [UInt8]? {
        let key = key(source, options)
        guard let path = path(key), let data = FileManager.default.contents(atPath: path) else { return nil }
        var rest = [UInt8](data)[...]
        guard rest.starts(with: ProgramCache.magic) else { return nil }
        rest = rest.dropFirst(ProgramCache.magic.count)
        guard let keyCount = ProgramCache.takeNumber(&rest), rest.count >= keyCount,
            rest.prefix(keyCount).elementsEqual(key)
        else { return nil }
        rest = rest.dropFirst(keyCount)
        guard let checksum = ProgramCache.takeNumber(&rest) else { return nil }
        let binary = Array(rest)
        return !binary.isEmpty && checksum == ProgramCache.checksum(binary) ? binary : nil
    }

    /// Keeps a binary.
    ///
    /// - Returns: why that could not be done, or nil.
    func store(_ binary: [UInt8], of source: String, options: String) -> String? {
        let key = key(source, options)
        guard let folder, let path = path(key) else { return nil }
        var entry = ProgramCache.magic
        ProgramCache.append(key.count, to: &entry)
        entry += key
        ProgramCache.append(ProgramCache.checksum(binary), to: &entry)
        entry += binary
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(entry).write(to: URL(fileURLWithPath: path), options: .atomic)
            return nil
        } catch {
            return "the cache of compiled programs, \(folder), cannot be written (\(error.localizedDescription)), so "
                + "programs are compiled in every run; set PUSHFORWARD_CACHE to another folder"
        }
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func takeNumber(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 8 else { return nil }
        var number: UInt64 = 0
        for (position, byte) in bytes.prefix(8).enumerated() { number |= UInt64(byte) << (8 * position) }
        bytes = bytes.dropFirst(8)
        return Int(exactly: number)
    }

    private static func checksum(_ bytes: [UInt8]) -> Int { Int(crc32_z(0, bytes, bytes.count)) }
}
