import Foundation
import Testing

@testable import Training

private func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("events-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}

/// Reads TFRecords back as the format's definition says, by other means than the writer.
private func records(_ data: Data) -> [[UInt8]]? {
    var bytes = [UInt8](data)[...]
    var payloads: [[UInt8]] = []
    func number(_ count: Int) -> UInt64? {
        guard bytes.count >= count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    while !bytes.isEmpty {
        let header = Array(bytes.prefix(8))
        guard let length = number(8), let headerCheck = number(4), headerCheck == UInt64(CRC32C.masked(header)),
            length <= bytes.count
        else { return nil }
        let payload = Array(bytes.prefix(Int(length)))
        bytes = bytes.dropFirst(Int(length))
        guard let check = number(4), check == UInt64(CRC32C.masked(payload)) else { return nil }
        payloads.append(payload)
    }
    return payloads
}

@Suite struct EventFileTests {
    /// RFC 3720, appendix B.4, and the usual check value.
    @Test(
        arguments: [
            (Array(repeating: 0, count: 32), 0x8A91_36AA),
            (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array((0..<32).reversed()), 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func checksumsAreCastagnolis(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.checksum(bytes) == expected)
    }

    /// A record that TensorFlow's writer gives for the first event of a file (wall time 1).
    @Test func framingIsTFRecords() {
        var event = ProtobufMessage()
        event.double(1, field: 1)
        event.bytes(Array("brain.Event:2".utf8), field: 3)
        #expect(event.encoded == [9, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0x1A, 13] + Array("brain.Event:2".utf8))
        let record = EventFile.record(event.encoded)
        #expect(Array(record[..<12]) == [24, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22])
        #expect(record.count == 12 + 24 + 4)
    }

    @Test func scalarsAreAppendedAndFlushed() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try EventFile(in: folder, wallTime: 1234.5, host: "my/host")
        #expect(file.path == folder + "/events.out.tfevents.0000001234.my-host")
        try file.append(step: 300, wallTime: 2, scalars: [("train/loss", 0.5)])

        let payloads = try #require(records(try Data(contentsOf: URL(fileURLWithPath: file.path))))
        try #require(payloads.count == 2)
        let value: [UInt8] = [10, 10] + Array("train/loss".utf8) + [0x15, 0, 0, 0, 0x3F]
        #expect(
            payloads[1]
                == [9, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x10, 0xAC, 0x02]
                + [0x2A, UInt8(value.count + 2), 10, UInt8(value.count)] + value)
    }

    @Test func aResumedRunBeginsAnotherFile() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try EventFile(in: folder, wallTime: 7, host: "h")
        let before = try Data(contentsOf: URL(fileURLWithPath: first.path))
        let second = try EventFile(in: folder, wallTime: 7, host: "h")
        try second.append(step: 1, wallTime: 8, scalars: [("a", 1)])
        #expect(first.path < second.path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: first.path)) == before)
    }

    @Test func aFolderThatIsNotThereIsOneLine() {
        #expect {
            try EventFile(in: "/nonexistent", wallTime: 7, host: "h")
        } throws: {
            "\($0)" == "cannot write /nonexistent/events.out.tfevents.0000000007.h: No such file or directory"
        }
    }
}
