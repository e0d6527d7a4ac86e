import Foundation
import Testing

@testable import Datasets

/// A new, empty folder; all of them go when the tests end.
struct TemporaryFolder {
    let path: String

    private static let root: String = {
        atexit { try? FileManager.default.removeItem(atPath: TemporaryFolder.root) }
        return FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID().uuidString)").path
    }()

    init() throws {
        path = "\(Self.root)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// The path of `name` in the folder, after writing `bytes` there; folders in between are made.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = URL(fileURLWithPath: self / name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    static func / (folder: TemporaryFolder, name: String) -> String { "\(folder.path)/\(name)" }
}

/// Expects a one-line `DatasetError` whose text holds each of `parts`.
func expectError<Result>(
    _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation, from body: () throws -> Result
) {
    let error = #expect(throws: DatasetError.self, sourceLocation: sourceLocation) { _ = try body() }
    guard let text = error?.description else { return }
    #expect(!text.contains("\n"), "one line", sourceLocation: sourceLocation)
    for part in parts {
        #expect(text.contains(part), "\"\(text)\" should say \"\(part)\"", sourceLocation: sourceLocation)
    }
}

/// Independent gzip: stored blocks and a bitwise CRC-32.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(value >> (8 * UInt32($0)) & 0xff) }
    }
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    var file: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
    var rest = bytes[...]
    repeat {
        let block = rest.prefix(0xffff)
        rest = rest.dropFirst(block.count)
        file += [rest.isEmpty ? 1 : 0] + little(UInt32(block.count), 2) + little(~UInt32(block.count), 2) + block
    } while !rest.isEmpty
    return file + little(~crc, 4) + little(UInt32(bytes.count), 4)
}

/// An IDX file of unsigned bytes.
func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(shape.count)] + shape.flatMap { size in [24, 16, 8, 0].map { UInt8(size >> $0 & 0xff) } } + bytes
}

/// A reproducible source of mutations.
struct Mutations {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state &+= 1
        return Int(SplitMix64.value(seed: 1, index: state) % UInt64(max(bound, 1)))
    }

    /// The file with a few bytes changed, most of them among the first `header` or the last 64, cut or lengthened.
    mutating func mutate(_ file: [UInt8], header: Int) -> [UInt8] {
        var file = file
        for _ in 0...next(4) where !file.isEmpty {
            let position =
                switch next(4) {
                case 0: next(file.count)
                case 1: file.count - 1 - next(min(64, file.count))
                default: next(min(header, file.count))
                }
            switch next(4) {
            case 0: file[position] = [0, 0xff, 0x7f, 0x80, 0x30, 0x39, 0x28, 0x2c][next(8)]
            case 1: file[position] ^= 1 << UInt8(next(8))
            default: file[position] = UInt8(next(256))
            }
        }
        switch next(6) {
        case 0: file.removeLast(next(file.count))
        case 1: file += (0..<next(40)).map { UInt8($0) }
        default: break
        }
        return file
    }
}
