import CZlib
import Glibc

/// Decompression through zlib: gzip files (RFC 1952) and the raw deflate streams of zip archives (RFC 1951).
enum Gzip {
    static let magic: [UInt8] = [0x1f, 0x8b]

    /// Deflate cannot shrink by more than this, so that a greater claim is false.
    static let greatestRatio = 1032

    /// The most that a file may unpack to: half of the machine's memory.
    static var limit: Int { max(1 << 28, sysconf(Int32(_SC_PHYS_PAGES)) / 2 * sysconf(Int32(_SC_PAGESIZE))) }

    /// The content of a gzip file of one or more members, their checksums verified.
    static func unpack(_ packed: [UInt8], _ path: String) throws(DatasetError) -> [UInt8] {
        guard packed.starts(with: magic) else {
            throw DatasetError(
                path, "is not a gzip file", "fetch it again or, if it is unpacked, take .gz off its name")
        }
        var output = [UInt8](repeating: 0, count: capacity(for: packed))
        var produced = 0
        var position = 0
        while position < packed.count {
            guard packed[position...].starts(with: magic) else {
                // Tapes and some tools pad with zeros.
                if packed[position...].allSatisfy({ $0 == 0 }) { break }
                throw DatasetError(path, "holds other bytes after its gzip data", "fetch it again")
            }
            // 16 + 15: a gzip member with the largest window.
            let end = inflateStream(packed, from: position, window: 16 + 15, into: &output, at: &produced, limit: limit)
            switch end {
            case .finished(let next): position = next
            case .truncated: throw DatasetError(path, "is cut short", "fetch it again")
            case .damaged(let reason): throw DatasetError(path, "is damaged (\(reason))", "fetch it again")
            case .tooLarge: throw DatasetError(path, "unpacks to more than \(limit >> 20) MiB", "split it")
            }
        }
        output.removeLast(output.count - produced)
        return output
    }

    /// The last four bytes give the length, modulo 2^32, of the last member: right for nearly every file.
    private static func capacity(for packed: [UInt8]) -> Int {
        let length = packed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        let plausible = length <= packed.count * greatestRatio && length <= limit
        return max(plausible ? length : packed.count * 3, 64)
    }

    enum End: Equatable {
        /// The stream is whole; the position after it.
        case finished(Int)
        case truncated
        case damaged(String)
        case tooLarge
    }

    /// Inflates one stream of `packed` to `output` from `produced` on; `output` grows as needed, up to `limit`.
    static func inflateStream(
        _ packed: [UInt8], from start: Int, window: Int32, into output: inout [UInt8], at produced: inout Int,
        limit: Int
    ) -> End {
        var stream = z_stream()
        guard inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return .damaged("zlib does not start")
        }
        defer { inflateEnd(&stream) }
        var position = start
        while true {
            if produced == output.count {
                guard output.count < limit else { return .tooLarge }
                let grown = min(limit, max(output.count * 2, 1 << 16))
                output.append(contentsOf: repeatElement(0, count: grown - output.count))
            }
            let given = min(packed.count - position, 1 << 30)
            let room = min(output.count - produced, 1 << 30)
            let status = packed.withUnsafeBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target in
                    stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress.map { $0 + position })
                    stream.avail_in = UInt32(given)
                    stream.next_out = target.baseAddress.map { $0 + produced }
                    stream.avail_out = UInt32(room)
                    return inflate(&stream, Z_NO_FLUSH)
                }
            }
            let consumed = given - Int(stream.avail_in)
            let written = room - Int(stream.avail_out)
            position += consumed
            produced += written
            switch status {
            case Z_STREAM_END: return .finished(position)
            case Z_OK where consumed + written > 0: continue
            case Z_OK, Z_BUF_ERROR:
                // No progress with room left: the input is at its end.
                if produced == output.count { continue }
                return .truncated
            default: return .damaged(stream.msg.map { String(cString: $0) } ?? "zlib status \(status)")
            }
        }
    }
}
