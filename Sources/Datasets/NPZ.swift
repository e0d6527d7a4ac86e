import CZlib

/// Named arrays in NumPy's .npz format: a zip archive of .npy files, stored or deflated.
public struct NPZ: Sendable {
    private let file: [UInt8]
    private let place: String
    private let entries: [Entry]

    private struct Entry: Sendable {
        let name: String
        let isDeflated: Bool
        let checksum: UInt32
        let packedSize: Int
        let size: Int
        let headerOffset: Int
    }

    /// Reads the list of arrays; throws where the file is no zip archive or is cut short.
    public init(contentsOf path: String) throws(DatasetError) {
        try self.init(parsing: InputFile.read(path), path)
    }

    /// The arrays' names, in the file's order.
    public var names: [String] { entries.map(\.name) }

    /// Unpacks and reads one array; throws where there is none of that name or where it is damaged.
    public func array(_ name: String) throws(DatasetError) -> NPYArray {
        guard let entry = entries.first(where: { $0.name == name }) else {
            let near = nearest(to: name, in: names).map { "did you mean \($0)? " } ?? ""
            throw DatasetError(place, "has no array \(name)", "\(near)it has \(names.joined(separator: ", "))")
        }
        let place = "\(place) (\(name))"
        return try NPYArray(parsing: content(of: entry, place), place)
    }
}

// MARK: - Reading

extension NPZ {
    init(parsing file: [UInt8], _ place: String) throws(DatasetError) {
        guard file.starts(with: [0x50, 0x4b]) else {
            throw DatasetError(place, "is not a .npz file", "save it with numpy.savez")
        }
        guard let entries = Self.directory(of: file) else {
            throw DatasetError(
                place, "its archive's directory is missing or damaged", "it may be cut short: save it again")
        }
        guard !entries.isEmpty else { throw DatasetError(place, "holds no arrays", "save at least one") }
        self.file = file
        self.place = place
        self.entries = entries
    }

    /// The entries of the central directory, which stands at the file's end; `nil` where it is not understood.
    private static func directory(of file: [UInt8]) -> [Entry]? {
        let bytes = LittleEndian(file)
        // The end record has 22 bytes and a comment of up to 65535.
        let candidates = stride(from: file.count - 22, through: max(0, file.count - 22 - 0xffff), by: -1)
        guard let end = candidates.first(where: { bytes.u32($0) == 0x0605_4b50 }) else { return nil }
        guard var count = bytes.u16(end + 10), var offset = bytes.u32(end + 16) else { return nil }
        if count == 0xffff || offset == 0xffff_ffff {
            // Zip64: a locator before the end record points to a record with 64-bit fields.
            guard bytes.u32(end - 20) == 0x0706_4b50, let record = bytes.u64(end - 12),
                bytes.u32(record) == 0x0606_4b50, let wideCount = bytes.u64(record + 32),
                let wideOffset = bytes.u64(record + 48)
            else { return nil }
            count = wideCount
            offset = wideOffset
        }
        // 46 bytes is the least that an entry takes.
        guard count <= file.count / 46 else { return nil }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard let (entry, next) = Self.entry(at: offset, in: bytes) else { return nil }
            if let entry { entries.append(entry) }
            offset = next
        }
        return entries
    }

    /// The entry at `offset`, without one where it is no array, and the offset of the next.
    private static func entry(at offset: Int, in bytes: LittleEndian) -> (Entry?, next: Int)? {
        guard bytes.u32(offset) == 0x0201_4b50, let flags = bytes.u16(offset + 8), let method = bytes.u16(offset + 10),
            let checksum = bytes.u32(offset + 16), var packedSize = bytes.u32(offset + 20),
            var size = bytes.u32(offset + 24), let nameLength = bytes.u16(offset + 28),
            let extraLength = bytes.u16(offset + 30), let commentLength = bytes.u16(offset + 32),
            var headerOffset = bytes.u32(offset + 42), let name = bytes.slice(offset + 46, nameLength)
        else { return nil }
        var extra = offset + 46 + nameLength
        let extraEnd = extra + extraLength
        while extra + 4 <= extraEnd, let tag = bytes.u16(extra), let length = bytes.u16(extra + 2) {
            if tag == 1 {
                // Only the fields that do not fit in 32 bits, in this order.
                var field = extra + 4
                func wide(_ value: inout Int) -> Bool {
                    guard value == 0xffff_ffff else { return true }
                    guard field + 8 <= extra + 4 + length, let read = bytes.u64(field) else { return false }
                    value = read
                    field += 8
                    return true
                }
                guard wide(&size), wide(&packedSize), wide(&headerOffset) else { return nil }
            }
            extra += 4 + length
        }
        let next = extraEnd + commentLength
        let text = String(decoding: name, as: UTF8.self)
        // Bit 0: encrypted. 0: stored, 8: deflated.
        guard flags & 1 == 0, method == 0 || method == 8 else { return nil }
        guard text.hasSuffix(".npy") else { return (nil, next) }
        let entry = Entry(
            name: String(text.dropLast(4)), isDeflated: method == 8, checksum: UInt32(checksum),
            packedSize: packedSize, size: size, headerOffset: headerOffset)
        return (entry, next)
    }

    private func content(of entry: Entry, _ place: String) throws(DatasetError) -> [UInt8] {
        let damaged = DatasetError(place, "is damaged", "save it again")
        let bytes = LittleEndian(file)
        guard bytes.u32(entry.headerOffset) == 0x0403_4b50, let nameLength = bytes.u16(entry.headerOffset + 26),
            let extraLength = bytes.u16(entry.headerOffset + 28)
        else { throw damaged }
        let start = entry.headerOffset + 30 + nameLength + extraLength
        guard entry.packedSize <= file.count - start else { throw damaged }
        var content: [UInt8]
        if entry.isDeflated {
            guard entry.size <= Gzip.limit, entry.size / Gzip.greatestRatio <= entry.packedSize else { throw damaged }
            content = [UInt8](repeating: 0, count: entry.size)
            var produced = 0
            let end = Gzip.inflateStream(
                file, from: start, window: -15, into: &content, at: &produced, limit: entry.size)
            guard case .finished = end, produced == entry.size else { throw damaged }
        } else {
            guard entry.size == entry.packedSize else { throw damaged }
            content = Array(file[start..<start + entry.size])
        }
        guard Self.checksum(content) == entry.checksum else { throw damaged }
        return content
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
    }
}

/// Little-endian fields of a file; `nil` beyond its ends.
private struct LittleEndian {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func slice(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
        return bytes[offset..<offset + count]
    }

    private func field(_ offset: Int, _ width: Int) -> UInt64? {
        slice(offset, width)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    func u16(_ offset: Int) -> Int? { field(offset, 2).map { Int($0) } }
    func u32(_ offset: Int) -> Int? { field(offset, 4).map { Int($0) } }
    /// `nil` also beyond 2^62, which no file reaches and sums of offsets could overflow.
    func u64(_ offset: Int) -> Int? { field(offset, 8).flatMap { $0 < 1 << 62 ? Int($0) : nil } }
}

// MARK: - Writing

extension NPZ {
    /// The bytes of an archive of `arrays`, stored, dated 1980, so that equal arrays are equal files.
    ///
    /// Throws where a name is given twice or the file would reach 4 GiB.
    public static func encode(_ arrays: [(name: String, array: NPYArray)]) throws(DatasetError) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        var names: Set<String> = []
        for (name, array) in arrays {
            guard names.insert(name).inserted else {
                throw DatasetError("npz", "the name \(name) is given twice", "give each array its own")
            }
            let content = array.encoded
            let path = Array("\(name).npy".utf8)
            guard file.count + content.count < 0xffff_0000, path.count <= 0xffff, names.count < 0xffff else {
                throw DatasetError("npz", "the arrays exceed 4 GiB", "write .npy files or shards")
            }
            var header = Bytes()
            // Version 2.0, UTF-8 names, stored; midnight of 1 January 1980.
            header.append16(20, 0x0800, 0, 0, 0x21)
            header.append32(Int(checksum(content)), content.count, content.count)
            header.append16(path.count, 0)
            var entry = Bytes()
            entry.append32(0x0201_4b50)
            entry.append16(20)
            entry.bytes += header.bytes
            entry.append16(0, 0, 0)
            entry.append32(0, file.count)
            directory += entry.bytes + path
            var local = Bytes()
            local.append32(0x0403_4b50)
            file += local.bytes + header.bytes + path + content
        }
        var end = Bytes()
        end.append32(0x0605_4b50)
        end.append16(0, 0, arrays.count, arrays.count)
        end.append32(directory.count, file.count)
        end.append16(0)
        return file + directory + end.bytes
    }

    /// Writes an archive, all or nothing.
    public static func write(_ arrays: [(name: String, array: NPYArray)], to path: String) throws {
        try AtomicFile.write(encode(arrays), to: path)
    }

    private struct Bytes {
        var bytes: [UInt8] = []

        mutating func append16(_ fields: Int...) {
            for field in fields { bytes += [UInt8(field & 0xff), UInt8(field >> 8 & 0xff)] }
        }

        mutating func append32(_ fields: Int...) {
            for field in fields { append16(field & 0xffff, field >> 16 & 0xffff) }
        }
    }
}
