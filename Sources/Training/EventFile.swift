import Foundation

/// A TensorBoard event file of scalars, which grows by appending.
///
/// The format is TFRecord: each record is `uint64 length, uint32 masked CRC of the length, bytes, uint32 masked CRC of
/// the bytes`, little-endian; the bytes are an `Event` message of TensorFlow's `event.proto`. A resumed run begins a
/// new
/// file in the same folder; TensorBoard reads them in order.
public final class EventFile {
    public let path: String
    private let descriptor: Int32
    /// Where the last whole record ends.
    private var length: Int64 = 0

    /// Creates `events.out.tfevents.<time>.<host>` in `folder`, never over an existing file.
    ///
    /// - Parameters:
    ///   - wallTime: Seconds since 1970; goes into the name and the first record.
    ///   - host: This machine's name unless given.
    /// - Throws: `FileWriteError`.
    public init(
        in folder: String, wallTime: Double, host: String = ProcessInfo.processInfo.hostName
    ) throws(FileWriteError) {
        let safeHost = String(host.map { $0.isLetter || $0.isNumber || "-._".contains($0) ? $0 : "-" })
        let stem = folder + "/events.out.tfevents." + Self.digits(wallTime) + "." + safeHost
        var path = stem
        var suffix = 1
        var descriptor = Self.create(path)
        while descriptor < 0, errno == EEXIST, suffix < 1000 {
            path = "\(stem).\(suffix)"
            suffix += 1
            descriptor = Self.create(path)
        }
        guard descriptor >= 0 else { throw FileWriteError(path: path, code: errno) }
        self.path = path
        self.descriptor = descriptor
        var event = ProtobufMessage()
        event.double(wallTime, field: 1)
        event.bytes(Array("brain.Event:2".utf8), field: 3)
        try append(event)
    }

    deinit { close(descriptor) }

    /// Appends the figures of one step; what has returned is in the file.
    ///
    /// - Parameters:
    ///   - wallTime: Seconds since 1970.
    /// - Throws: `FileWriteError`; the file then ends after the last whole record.
    public func append(
        step: Int, wallTime: Double, scalars: [(tag: String, value: Double)]
    ) throws(FileWriteError) {
        var summary = ProtobufMessage()
        for (tag, value) in scalars {
            var entry = ProtobufMessage()
            entry.bytes(Array(tag.utf8), field: 1)
            entry.float(Float(value), field: 2)
            summary.bytes(entry.encoded, field: 1)
        }
        var event = ProtobufMessage()
        event.double(wallTime, field: 1)
        event.varint(UInt64(bitPattern: Int64(step)), field: 2)
        event.bytes(summary.encoded, field: 5)
        try append(event)
    }

    private func append(_ event: ProtobufMessage) throws(FileWriteError) {
        let record = Self.record(event.encoded)
        var written = 0
        while written < record.count {
            let count = record[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                let code = errno
                ftruncate(descriptor, off_t(length))
                lseek(descriptor, off_t(length), SEEK_SET)
                throw FileWriteError(path: path, code: code)
            }
        }
        length += Int64(record.count)
    }

    /// The bytes of one TFRecord.
    static func record(_ payload: [UInt8]) -> [UInt8] {
        let header = littleEndian(UInt64(payload.count))
        return header + littleEndian(CRC32C.masked(header)) + payload + littleEndian(CRC32C.masked(payload))
    }

    private static func create(_ path: String) -> Int32 { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) }

    /// Whole seconds in ten digits, so that names sort by time.
    private static func digits(_ wallTime: Double) -> String {
        let seconds = wallTime.isFinite ? Int64(min(max(wallTime, 0), 1e15)) : 0
        let text = String(seconds)
        return String(repeating: "0", count: max(10 - text.count, 0)) + text
    }
}

/// A file could not be written.
public struct FileWriteError: Error, CustomStringConvertible, Sendable {
    public let path: String
    /// The system's `errno`.
    public let code: Int32

    public var description: String { "cannot write \(path): \(String(cString: strerror(code)))" }
}

/// A protobuf message in its wire format: per field a key `number << 3 | type`, then the value.
struct ProtobufMessage {
    private(set) var encoded: [UInt8] = []

    mutating func varint(_ value: UInt64, field: UInt64) {
        append(varint: field << 3)
        append(varint: value)
    }

    mutating func double(_ value: Double, field: UInt64) {
        append(varint: field << 3 | 1)
        encoded += littleEndian(value.bitPattern)
    }

    mutating func float(_ value: Float, field: UInt64) {
        append(varint: field << 3 | 5)
        encoded += littleEndian(value.bitPattern)
    }

    /// Text, bytes or an embedded message.
    mutating func bytes(_ value: [UInt8], field: UInt64) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(value.count))
        encoded += value
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    private mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            encoded.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        encoded.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// The cyclic redundancy check of Castagnoli's polynomial (RFC 3720, appendix B.4).
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 0xFF)] }
    }

    /// As TFRecord stores it: a CRC of data that holds CRCs is weak, so it is rotated and moved.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let crc = checksum(bytes)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
