import Execution
import Graph

/// Safetensors files of host arrays: what checkpoints are made of.
struct TensorFile {
    private let file: SafetensorsFile

    /// Sorted.
    var names: [String] { file.entries.keys.sorted() }

    /// The tensor of that name; nil if there is none, or one of a type that no program computes with. The 16-bit floats
    /// are types of storage alone: they become float32, exactly.
    subscript(name: String) -> HostArray? {
        guard let entry = file.entries[name] else { return nil }
        switch entry.dtype {
        case .float16: return Self.widened(entry) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: return Self.widened(entry) { Float(bitPattern: UInt32($0) << 16) }
        default:
            guard let scalar = Self.kinds.first(where: { $0.0 == entry.dtype })?.1 else { return nil }
            return HostArray(TensorType(entry.shape, scalar), bytes: Array(entry.bytes))
        }
    }

    private static func widened(_ entry: SafetensorsFile.Entry, _ value: (UInt16) -> Float) -> HostArray? {
        let bytes = Array(entry.bytes)
        let values = stride(from: 0, to: bytes.count - 1, by: 2).map {
            value(UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
        }
        return HostArray(values, shape: entry.shape)
    }

    private static let kinds: [(SafetensorsFile.DType, ScalarType)] = [
        (.float32, .float32), (.float64, .float64), (.int32, .int32), (.uint32, .uint32), (.uint8, .uint8),
        (.bool, .bool),
    ]

    /// - Throws: `FileError` or `SafetensorsError`.
    init(contentsOf path: String) throws { file = try SafetensorsFile(contentsOf: path) }

    /// Writes a file, all or nothing.
    static func write(_ tensors: [(name: String, value: HostArray)], to path: String) throws {
        var file = SafetensorsFile(metadata: ["format": "pushforward", "format_version": "1"])
        for (name, value) in tensors {
            guard let dtype = kinds.first(where: { $0.1 == value.type.scalar })?.0 else { continue }
            file.entries[name] = SafetensorsFile.Entry(dtype, shape: value.shape, bytes: value.bytes[...])
        }
        try file.write(to: path)
    }
}
