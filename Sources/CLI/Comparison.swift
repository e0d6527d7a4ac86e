import Pushforward

/// Pictures in which each row of originals stands above the row of what was made of them.
enum Comparison {
    static let mostColumns = 16

    /// Of a picture of `count` pairs.
    static func columns(_ count: Int) -> Int { min(count, mostColumns) }

    /// `columns` originals, their counterparts, the next originals ...; a last row that is short is filled with black.
    static func interleaved(_ originals: HostArray, _ counterparts: HostArray) -> HostArray {
        let count = originals.shape.first ?? 0
        let columns = columns(count)
        guard columns > 0, originals.type == counterparts.type else { return originals }
        let size = originals.bytes.count / count
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: count, by: columns) {
            let end = min(start + columns, count)
            let gap = [UInt8](repeating: 0, count: (columns - (end - start)) * size)
            for source in [originals, counterparts] { bytes += source.bytes[start * size..<end * size] + gap }
        }
        let type = TensorType([bytes.count / size] + originals.shape.dropFirst(), originals.type.scalar)
        return HostArray(type, bytes: bytes) ?? originals
    }
}

extension HostArray {
    /// The values of rows, [count, ...], gray levels in 0...1.
    init(_ rows: Rows, _ scalar: ScalarType) throws {
        let shape = [rows.count] + rows.shape
        let values =
            scalar == .float64
            ? HostArray(rows.floats.map { Double($0) }, shape: shape, .float64) : HostArray(rows.floats, shape: shape)
        guard let values else { throw GraphError("rows", "do not fill \(shape)") }
        self = values
    }
}
