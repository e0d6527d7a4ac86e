import Datasets
import Foundation

/// Named tensors in a safetensors file (https://huggingface.co/docs/safetensors): eight bytes, little endian, with the
/// length of a JSON header; the header, which names each tensor's type, shape and place; then all tensors' bytes, little
/// endian and row-major, one after another without a gap.
///
/// Equal contents give equal bytes: those of the reference implementation, but for its varying order of metadata.
public struct SafetensorsFile: Equatable, Sendable {
    /// Free text by key.
    public var metadata: [String: String]
    public var entries: [String: Entry]

    public init(metadata: [String: String] = [:], entries: [String: Entry] = [:]) {
        self.metadata = metadata
        self.entries = entries
    }

    /// Element types of the format that fill whole bytes, in the order in which their tensors are written.
    public enum DType: String, CaseIterable, Sendable {
        case uint64 = "U64", int64 = "I64", float64 = "F64"
        case float32 = "F32", uint32 = "U32", int32 = "I32"
        case bfloat16 = "BF16", float16 = "F16", uint16 = "U16", int16 = "I16"
        case float8E8M0 = "F8_E8M0", float8E4M3 = "F8_E4M3", float8E5M2 = "F8_E5M2"
        case int8 = "I8", uint8 = "U8", bool = "BOOL"

        /// Bytes of one element.
        public var size: Int {
            switch self {
            case .float64, .int64, .uint64: 8
            case .float32, .int32, .uint32: 4
            case .float16, .bfloat16, .int16, .uint16: 2
            case .float8E5M2, .float8E4M3, .float8E8M0, .int8, .uint8, .bool: 1
            }
        }

        /// Bytes of a tensor; nil for a negative axis or more than can be counted.
        func byteCount(_ shape: [Int]) -> Int? {
            var count = size
            for axis in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: axis)
                guard axis >= 0, !overflow else { return nil }
                count = product
            }
            return count
        }
    }

    /// One tensor.
    public struct Entry: Equatable, Sendable {
        public let dtype: DType
        public let shape: [Int]
        /// Row-major, little endian. Entries of a file that was read share its memory.
        public let bytes: ArraySlice<UInt8>

        /// Nil when the bytes are not as many as the shape says.
        public init?(_ dtype: DType, shape: [Int], bytes: ArraySlice<UInt8>) {
            guard dtype.byteCount(shape) == bytes.count else { return nil }
            self.dtype = dtype
            self.shape = shape
            self.bytes = bytes
        }

        /// Nil when the values are not as many as the shape says.
        public init?<Scalar: SafetensorsScalar>(_ values: [Scalar], shape: [Int]) {
            self.init(Scalar.dtype, shape: shape, bytes: values.withUnsafeBytes { [UInt8]($0) }[...])
        }

        /// The elements; nil when they are of another type.
        public func values<Scalar: SafetensorsScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar]? {
            guard Scalar.dtype == dtype else { return nil }
            let elements = bytes.count / dtype.size
            return [Scalar](unsafeUninitializedCapacity: elements) { target, count in
                UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
                count = elements
            }
        }
    }
}

/// A Swift type that lies in memory as the format stores it.
public protocol SafetensorsScalar: BitwiseCopyable {
    static var dtype: SafetensorsFile.DType { get }
}
extension Double: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .float64 } }
extension Float: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .float32 } }
extension Int64: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .int64 } }
extension Int32: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .int32 } }
extension Int16: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .int16 } }
extension Int8: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .int8 } }
extension UInt64: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .uint64 } }
extension UInt32: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .uint32 } }
extension UInt16: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .uint16 } }
extension UInt8: SafetensorsScalar { public static var dtype: SafetensorsFile.DType { .uint8 } }

// MARK: Writing

extension SafetensorsFile {
    private static let metadataKey = "__metadata__"

    /// Writes the file, all or nothing.
    ///
    /// - Throws: `FileError` when it cannot be written, `SafetensorsError` when a tensor has the reserved name.
    public func write(to path: String) throws {
        guard entries[Self.metadataKey] == nil else {
            throw SafetensorsError(path, .tensor(Self.metadataKey, "has the name of the format's own entry"))
        }
        let layout = layout
        var file = try AtomicFile(path)
        try file.append(header(layout))
        for (_, entry) in layout {
            try entry.bytes.withUnsafeBytes { try file.append($0) }
        }
        try file.commit()
    }

    /// The order of the bytes: by type, wide elements first, so that all are aligned; then by name.
    private var layout: [(name: String, entry: Entry)] {
        let names = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return DType.allCases.flatMap { dtype in
            names.lazy.filter { $0.value.dtype == dtype }.map { (name: $0.key, entry: $0.value) }
        }
    }

    /// The length and the JSON text, padded with spaces to a multiple of eight bytes.
    private func header(_ layout: [(name: String, entry: Entry)]) -> [UInt8] {
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(Self.json($0.key)):\(Self.json($0.value))" }
            parts.append("\(Self.json(Self.metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for (name, entry) in layout {
            let end = offset + entry.bytes.count
            let shape = entry.shape.map { "\($0)" }.joined(separator: ",")
            parts.append(
                "\(Self.json(name)):{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(parts.joined(separator: ","))}".utf8)
        text += repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    private static func json(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case ..<" ": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

// MARK: Reading

extension SafetensorsFile {
    /// As in the reference implementation: a longer header is no header.
    private static let longestHeader = 100_000_000

    /// Reads and checks a whole file.
    ///
    /// - Throws: `FileError` when it cannot be read, `SafetensorsError` when it is not whole or not of this format.
    public init(contentsOf path: String) throws {
        try self.init(parsing: try Self.bytes(of: path), path: path)
    }

    /// Checks the bytes of a file; `path` is for errors.
    public init(parsing bytes: [UInt8], path: String) throws(SafetensorsError) {
        func failure(_ problem: SafetensorsError.Problem) -> SafetensorsError { SafetensorsError(path, problem) }
        guard bytes.count >= 8 else { throw failure(.cutShort(needed: 8, found: bytes.count)) }
        let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= Self.longestHeader else { throw failure(.foreign("a header of \(length) bytes")) }
        let start = 8 + Int(length)
        guard start <= bytes.count else { throw failure(.cutShort(needed: start, found: bytes.count)) }
        guard length > 0, bytes[8] == UInt8(ascii: "{") else { throw failure(.foreign("no header in braces")) }

        let header: Header
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(bytes[8..<start]))
        } catch {
            throw failure(.header(Header.reason(error)))
        }

        var entries: [String: Entry] = [:]
        var end = 0
        let places = header.places.sorted { ($0.place.begin, $0.place.end) < ($1.place.begin, $1.place.end) }
        let needed = places.reduce(0) { max($0, $1.place.end) }
        for (name, place) in places {
            func flaw(_ what: String) -> SafetensorsError { failure(.tensor(name, what)) }
            guard let dtype = DType(rawValue: place.dtype) else { throw flaw("has the unknown type \(place.dtype)") }
            guard place.offsets.count == 2, place.begin <= place.end else {
                throw flaw("has data_offsets \(place.offsets), which are not a begin and an end")
            }
            guard let count = dtype.byteCount(place.shape) else {
                throw flaw("has the impossible shape \(place.shape)")
            }
            guard place.end - place.begin == count else {
                throw flaw("of shape \(place.shape) takes \(count) bytes, its data_offsets \(place.offsets) do not")
            }
            guard place.begin == end else {
                throw flaw("begins at byte \(place.begin) where the tensor before it ends at \(end)")
            }
            end = place.end
            guard end <= bytes.count - start else {
                let (sum, overflow) = needed.addingReportingOverflow(start)
                throw failure(.cutShort(needed: overflow ? .max : sum, found: bytes.count))
            }
            guard let entry = Entry(dtype, shape: place.shape, bytes: bytes[(start + place.begin)..<(start + end)]),
                entries.updateValue(entry, forKey: name) == nil
            else { throw flaw("is there twice") }
        }
        guard start + end == bytes.count else {
            throw failure(.header("describes \(start + end) bytes, the file has \(bytes.count)"))
        }
        self.init(metadata: header.metadata, entries: entries)
    }

    /// The header's JSON.
    private struct Header: Decodable {
        var metadata: [String: String] = [:]
        var places: [(name: String, place: Place)] = []

        struct Place: Decodable {
            let dtype: String
            let shape: [Int]
            let offsets: [Int]
            enum CodingKeys: String, CodingKey {
                case dtype, shape
                case offsets = "data_offsets"
            }
            // Negative numbers fail the checks on order, not here.
            var begin: Int { offsets.first.flatMap { $0 < 0 ? nil : $0 } ?? .max }
            var end: Int { offsets.last.flatMap { $0 < 0 ? nil : $0 } ?? 0 }
        }

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let object = try decoder.container(keyedBy: Key.self)
            for key in object.allKeys {
                if key.stringValue == metadataKey {
                    metadata = try object.decode([String: String].self, forKey: key)
                } else {
                    places.append((key.stringValue, try object.decode(Place.self, forKey: key)))
                }
            }
        }

        static func reason(_ error: any Error) -> String {
            let context: DecodingError.Context? =
                switch error as? DecodingError {
                case .typeMismatch(_, let context), .valueNotFound(_, let context): context
                case .keyNotFound(let key, let context):
                    .init(codingPath: context.codingPath + [key], debugDescription: "")
                default: nil
                }
            guard let keys = context?.codingPath, !keys.isEmpty else { return "is not valid JSON" }
            return "lacks a proper \(keys.map(\.stringValue).joined(separator: " / "))"
        }
    }

    private static func bytes(of path: String) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError("read", path, errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("read", path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError("read", path, status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        var code: Int32 = 0
        let content = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            while count < buffer.count, let start = buffer.baseAddress {
                let got = read(descriptor, start + count, min(buffer.count - count, 1 << 30))
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                // A file that has become shorter meanwhile is what it is now.
                if got <= 0 { break }
                count += got
            }
        }
        guard code == 0 else { throw FileError("read", path, code) }
        return content
    }
}

/// Why a file cannot be taken for safetensors: its path, what is wrong, and what to do, in one line.
public struct SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        /// Bytes of the whole file.
        case cutShort(needed: Int, found: Int)
        /// Not of this format at all: what it seems to have.
        case foreign(String)
        case header(String)
        /// A tensor's name, and what is wrong with it.
        case tensor(String, String)
    }

    public let path: String
    public let problem: Problem

    public init(_ path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    public var description: String {
        let text =
            switch problem {
            case .cutShort(let needed, let found) where found < 8:
                "is cut short: the length of its header takes \(needed) bytes, the file has \(found); take another copy"
            case .cutShort(let needed, let found):
                "is cut short: its header says \(needed) bytes, the file has \(found); take another copy"
            case .foreign(let what): "is no safetensors file: it has \(what); name another file"
            case .header(let what): "is damaged: its header \(what); take another copy"
            case .tensor(let name, let what): "is damaged: tensor \(name) \(what); take another copy"
            }
        // Names come from the file: whatever they hold, the message stays one line of printable text.
        let scalars = "\(path) \(text)".unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
