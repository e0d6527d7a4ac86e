/// An array in NumPy's .npy format (version 1 to 3).
///
/// Written little-endian in C order as float32, float64, int32, int64 or uint8. Read in either byte order and either
/// axis order from every numeric type: bool and float16 become float32; int8, int16 and uint16 become int32; uint32
/// becomes int64, and uint64 too, where it fits.
public struct NPYArray: Equatable, Sendable {
    /// Elements in C order.
    public enum Values: Equatable, Sendable {
        case float32([Float])
        case float64([Double])
        case int32([Int32])
        case int64([Int64])
        case uint8([UInt8])

        public var count: Int {
            switch self {
            case .float32(let values): values.count
            case .float64(let values): values.count
            case .int32(let values): values.count
            case .int64(let values): values.count
            case .uint8(let values): values.count
            }
        }

        /// NumPy's name of the type.
        public var type: String {
            switch self {
            case .float32: "<f4"
            case .float64: "<f8"
            case .int32: "<i4"
            case .int64: "<i8"
            case .uint8: "|u1"
            }
        }
    }

    public let shape: [Int]
    public let values: Values

    /// Throws where `shape` does not hold as many elements as there are values.
    public init(_ values: Values, shape: [Int]) throws(DatasetError) {
        guard product(shape) == values.count else {
            throw DatasetError("array", "\(values.count) values do not fill the shape \(shape)", "give another shape")
        }
        self.values = values
        self.shape = shape
    }

    public init(_ values: [Float], shape: [Int]) throws(DatasetError) {
        try self.init(.float32(values), shape: shape)
    }

    /// Reads a file; throws where it is no .npy, is cut short or holds another type than numbers.
    public init(contentsOf path: String) throws(DatasetError) {
        try self.init(parsing: InputFile.readUnpacked(path), path)
    }

    /// The elements as float32, rounded to nearest; a bool is 0 or 1 and a uint8 its integer.
    public var floats: [Float] {
        switch values {
        case .float32(let values): values
        case .float64(let values): values.map { Float($0) }
        case .int32(let values): values.map { Float($0) }
        case .int64(let values): values.map { Float($0) }
        case .uint8(let values): values.map { Float($0) }
        }
    }
}

// MARK: - Writing

extension NPYArray {
    /// The bytes before the elements, for a file whose elements are appended piece by piece.
    public static func header(type: String, shape: [Int]) -> [UInt8] {
        let axes = shape.map { "\($0)," }.joined(separator: " ")
        let tuple = shape.count == 1 ? axes : String(axes.dropLast())
        var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(tuple)), }"
        // Magic, version and length take 10 bytes; the elements begin at a multiple of 64.
        let padding = 63 - (10 + text.utf8.count) % 64
        text += String(repeating: " ", count: padding) + "\n"
        let length = text.utf8.count
        return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + text.utf8
    }

    /// The file's bytes.
    public var encoded: [UInt8] {
        func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
        let body =
            switch values {
            case .float32(let values): bytes(values)
            case .float64(let values): bytes(values)
            case .int32(let values): bytes(values)
            case .int64(let values): bytes(values)
            case .uint8(let values): values
            }
        return Self.header(type: values.type, shape: shape) + body
    }

    /// Writes a .npy file, all or nothing.
    public func write(to path: String) throws(FileError) {
        try AtomicFile.write(encoded, to: path)
    }
}

// MARK: - Reading

extension NPYArray {
    static let magic: [UInt8] = [0x93] + "NUMPY".utf8

    /// Reads a file's bytes; `place` names it in errors.
    init(parsing file: [UInt8], _ place: String) throws(DatasetError) {
        let header = try NPYHeader(file, place)
        guard let width = header.width else {
            throw DatasetError(
                place, "holds elements of type \(header.type), not numbers", "save it as float32 or uint8")
        }
        let held = file.count - header.size
        let promised = product(header.shape)?.multipliedReportingOverflow(by: width)
        guard let promised, !promised.overflow, promised.partialValue == held else {
            throw DatasetError(
                place, "its header promises \(header.type)\(header.shape), \(held) bytes follow",
                "it is cut short or damaged: save it again")
        }
        var body = file[header.size...]
        if header.isBigEndian { body.swapBytes(width: width) }
        let shape = header.shape
        func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
            let values = [Element](copying: body)
            return header.isFortran ? values.inCOrder(shape: shape, strides: fortranStrides(shape)) : values
        }
        let values: Values
        switch header.type.dropFirst() {
        case "f4": values = .float32(elements(Float.self))
        case "f8": values = .float64(elements(Double.self))
        case "f2": values = .float32(elements(Float16.self).map { Float($0) })
        case "b1": values = .float32(elements(UInt8.self).map { $0 == 0 ? 0 : 1 })
        case "u1": values = .uint8(elements(UInt8.self))
        case "i1": values = .int32(elements(Int8.self).map { Int32($0) })
        case "i2": values = .int32(elements(Int16.self).map { Int32($0) })
        case "u2": values = .int32(elements(UInt16.self).map { Int32($0) })
        case "i4": values = .int32(elements(Int32.self))
        case "u4": values = .int64(elements(UInt32.self).map { Int64($0) })
        case "i8": values = .int64(elements(Int64.self))
        default:
            let unsigned = elements(UInt64.self)
            guard unsigned.allSatisfy({ $0 <= UInt64(Int64.max) }) else {
                throw DatasetError(place, "holds integers beyond int64", "save it as float32 or uint8")
            }
            values = .int64(unsigned.map { Int64($0) })
        }
        try self.init(values, shape: shape)
    }
}

/// What stands before the elements: `{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }`.
private struct NPYHeader {
    let type: String
    let isFortran: Bool
    let shape: [Int]
    /// Bytes before the first element.
    let size: Int

    var isBigEndian: Bool { type.first == ">" }

    /// Bytes of one element; `nil` where it is no number of a known type.
    var width: Int? {
        guard let order = type.first, "<>|=".contains(order) else { return nil }
        switch type.dropFirst() {
        case "b1", "u1", "i1": return 1
        case "f2", "i2", "u2": return 2
        case "f4", "i4", "u4": return 4
        case "f8", "i8", "u8": return 8
        default: return nil
        }
    }

    init(_ file: [UInt8], _ place: String) throws(DatasetError) {
        guard file.starts(with: NPYArray.magic) else {
            throw DatasetError(place, "is not a .npy file", "save it with numpy.save")
        }
        let damaged = DatasetError(place, "its .npy header is damaged", "save it again")
        // Version 1 gives the header's length in two bytes, 2 and 3 in four.
        guard file.count >= 12, (1...3).contains(file[6]) else { throw damaged }
        let start = file[6] == 1 ? 10 : 12
        let length = file[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= file.count - start else {
            throw DatasetError(place, "ends within its .npy header", "save it again")
        }
        size = start + length
        var parser = HeaderParser(rest: file[start..<size])
        guard let fields = parser.dictionary() else { throw damaged }
        guard case .text(let type) = fields["descr"], case .truth(let isFortran) = fields["fortran_order"],
            case .sizes(let shape) = fields["shape"]
        else {
            throw fields["descr"] == .compound
                ? DatasetError(place, "holds records, not numbers", "save one of their fields") : damaged
        }
        self.type = type
        self.isFortran = isFortran
        self.shape = shape
    }
}

/// Reads the part of Python's literals that NumPy writes.
private struct HeaderParser {
    enum Value: Equatable {
        case text(String), truth(Bool), sizes([Int])
        /// A list, which describes records.
        case compound
    }

    var rest: ArraySlice<UInt8>

    mutating func dictionary() -> [String: Value]? {
        guard take("{") else { return nil }
        var fields: [String: Value] = [:]
        while !take("}") {
            guard case .text(let name) = value(), take(":"), let value = value() else { return nil }
            fields[name] = value
            if value == .compound { return fields }
            guard take(",") || peek() == UInt8(ascii: "}") else { return nil }
        }
        return fields
    }

    private mutating func value() -> Value? {
        switch peek() {
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            let quote = rest.removeFirst()
            guard let end = rest.firstIndex(of: quote) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return .text(String(decoding: rest[..<end], as: UTF8.self))
        case UInt8(ascii: "T"): return takeWord("True") ? .truth(true) : nil
        case UInt8(ascii: "F"): return takeWord("False") ? .truth(false) : nil
        case UInt8(ascii: "("): return sizes().map { .sizes($0) }
        case UInt8(ascii: "["): return .compound
        default: return nil
        }
    }

    private mutating func sizes() -> [Int]? {
        guard take("(") else { return nil }
        var sizes: [Int] = []
        while !take(")") {
            skipSpace()
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard let size = Int(String(decoding: digits, as: UTF8.self)), sizes.count < 32 else { return nil }
            sizes.append(size)
            rest = rest[digits.endIndex...]
            guard take(",") || peek() == UInt8(ascii: ")") else { return nil }
        }
        return sizes
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == 0x20 || (9...13).contains($0) }
    }

    private mutating func peek() -> UInt8? {
        skipSpace()
        return rest.first
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard rest.starts(with: word.utf8) else { return false }
        rest = rest.dropFirst(word.utf8.count)
        return true
    }
}

// MARK: - Layout

/// The number of elements of a shape; `nil` beyond what an Int holds.
func product(_ shape: [Int]) -> Int? {
    var size = 1
    for extent in shape {
        let (product, overflow) = size.multipliedReportingOverflow(by: extent)
        if overflow { return nil }
        size = product
    }
    return size
}

private func fortranStrides(_ shape: [Int]) -> [Int] {
    var strides: [Int] = []
    var stride = 1
    for extent in shape {
        strides.append(stride)
        stride *= extent
    }
    return strides
}

extension Array {
    /// The elements in C order of `shape`, of an array in which axis k advances by `strides[k]`.
    func inCOrder(shape: [Int], strides: [Int]) -> [Element] {
        guard let width = shape.last, let step = strides.last, count > 0 else { return self }
        var result: [Element] = []
        result.reserveCapacity(count)
        var index = [Int](repeating: 0, count: shape.count)
        var source = 0
        while result.count < count {
            for k in 0..<width { result.append(self[source + k * step]) }
            for axis in stride(from: shape.count - 2, through: 0, by: -1) {
                index[axis] += 1
                source += strides[axis]
                if index[axis] < shape[axis] { break }
                source -= strides[axis] * shape[axis]
                index[axis] = 0
            }
        }
        return result
    }
}

extension Array where Element: BitwiseCopyable {
    /// Elements from their bytes in memory order.
    init(copying bytes: ArraySlice<UInt8>) {
        self.init(unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.stride) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
            count = bytes.count / MemoryLayout<Element>.stride
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func swapBytes(width: Int) {
        for start in stride(from: startIndex, to: endIndex, by: width) {
            for k in 0..<width / 2 { swapAt(start + k, start + width - 1 - k) }
        }
    }
}
