import Pushforward

/// A file of rows: a picture of them all, arrays, or a table of numbers.
struct ArrayFile {
    enum Format: String, CaseIterable { case png, npy, npz, csv }

    let path: String
    let format: Format

    /// As many images as a picture can hold and still be looked at.
    static let mostImages = 10_000

    /// - Throws: `UsageError` for a path that ends in none of the formats.
    init(_ path: String, formats: [Format] = [.png, .npy, .npz]) throws(UsageError) {
        let name = path.split(separator: "/").last ?? ""
        guard let ending = name.split(separator: ".").dropFirst().last,
            let format = formats.first(where: { $0.rawValue == ending.lowercased() })
        else {
            let endings = formats.map { ".\($0.rawValue)" }
            throw UsageError(
                "--out: '\(path)' does not end in \(endings.dropLast().joined(separator: ", ")) or \(endings.last ?? "")"
            )
        }
        self.path = path
        self.format = format
    }

    /// Whether rows of this shape can be shown.
    static func isImage(_ shape: [Int]) -> Bool {
        shape.count == 3 && (shape[0] == 1 || shape[0] == 3) || shape.count == 2
    }

    /// - Throws: before any work is done, where rows of this shape cannot become such a file.
    func check(count: Int, rowShape: [Int]) throws {
        guard format == .png else { return }
        guard Self.isImage(rowShape) else {
            throw TrainingError(path, "rows of shape \(rowShape) are no images", "let --out end in .npy or .npz")
        }
        guard count <= Self.mostImages else {
            throw UsageError(
                "--out: a picture holds at most \(Self.mostImages) images, not \(count); let it end in .npy or .npz")
        }
    }

    /// Writes rows that are made piece by piece; an .npy file of any length needs the memory of one piece only.
    ///
    /// The file is opened before any row is made, so that a place that cannot be written to is found before the work and
    /// not after. It gets its name when it is whole.
    ///
    /// - Parameters:
    ///   - name: Of the array in an .npz file.
    ///   - columns: Of a picture; nil for one that is about square.
    ///   - make: The rows of a range, [count, ...].
    func write(
        _ name: String, count: Int, piece: Int, columns: Int? = nil, _ make: (Range<Int>) throws -> HostArray
    ) throws {
        let ranges = stride(from: 0, to: count, by: piece).map { $0..<min($0 + piece, count) }
        guard format == .npy else {
            return try write(columns: columns) { [(name, HostArray(joining: try ranges.map(make)))] }
        }
        var file = try AtomicFile(path)
        for range in ranges {
            let rows = try make(range)
            if range.lowerBound == 0 {
                let shape = [count] + rows.shape.dropFirst()
                try file.append(NPYArray.header(type: rows.npyType, shape: shape))
            }
            try file.append(rows.bytes)
        }
        try file.commit()
    }

    /// Writes arrays [count, ...]: all of them to .npz, the first to .npy, to .csv (one number per line below its name) or
    /// as a picture.
    func write(columns: Int? = nil, _ make: () throws -> [(name: String, array: HostArray)]) throws {
        var file = try AtomicFile(path)
        let arrays = try make()
        guard let (name, first) = arrays.first else { return }
        switch format {
        case .png:
            let square = Int(Double(first.shape.first ?? 0).squareRoot().rounded(.up))
            try file.append(first.grid(columns: columns ?? square).encoded())
        case .npy: try file.append(first.npy().encoded)
        case .npz: try file.append(NPZ.encode(arrays.map { ($0.name, try $0.array.npy()) }))
        case .csv: try file.append(Array(([name] + first.doubles.map { "\($0)" }).map { $0 + "\n" }.joined().utf8))
        }
        try file.commit()
    }
}

extension HostArray {
    /// Arrays one after another along their first axis.
    init(joining parts: [HostArray]) {
        let row = parts.first.map { Array($0.shape.dropFirst()) } ?? []
        let type = TensorType(
            [parts.reduce(0) { $0 + ($1.shape.first ?? 0) }] + row, parts.first?.type.scalar ?? .float32)
        self = HostArray(type, bytes: parts.flatMap(\.bytes)) ?? HostArray(type)
    }

    var npyType: String { type.scalar == .float64 ? "<f8" : "<f4" }

    /// The numbers of a file; float64 stays so.
    init(_ array: NPYArray) throws {
        let converted =
            if case .float64(let values) = array.values {
                HostArray(values, shape: array.shape, .float64)
            } else {
                HostArray(array.floats, shape: array.shape)
            }
        guard let converted else {
            throw GraphError("array", "\(array.values.count) numbers do not fill \(array.shape)")
        }
        self = converted
    }
}
