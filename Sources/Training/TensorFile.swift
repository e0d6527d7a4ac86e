import Configuration
import Datasets
import Execution
import Foundation
import Graph

/// Tensors by name in the safetensors format: eight bytes with the length of a JSON header, the header, then the bytes of
/// all tensors, little endian, one after another.
public struct Safetensors: Sendable {
    /// In the order of their bytes.
    public let names: [String]
    private let tensors: [String: HostArray]

    public subscript(name: String) -> HostArray? { tensors[name] }

    private static let kinds: [(String, ScalarType)] = [
        ("F32", .float32), ("F64", .float64), ("I32", .int32), ("U32", .uint32), ("U8", .uint8), ("BOOL", .bool),
    ]

    /// Writes a file, all or nothing.
    public static func write(_ tensors: [(name: String, value: HostArray)], to path: String) throws {
        var header = JSONObject()
        header["__metadata__"] = ["format": "pushforward", "format_version": "1"]
        var offset = 0
        for (name, value) in tensors {
            let kind = kinds.first { $0.1 == value.type.scalar }?.0 ?? "U8"
            header[name] = [
                "dtype": .string(kind), "shape": .array(value.shape.map { .number(JSONNumber($0)) }),
                "data_offsets": .array([offset, offset + value.bytes.count].map { .number(JSONNumber($0)) }),
            ]
            offset += value.bytes.count
        }
        var text = Array(JSONTree.object(header).compact.utf8)
        // Tensors begin at a multiple of eight bytes.
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        var file = try AtomicFile(path)
        try file.append([UInt64(text.count).littleEndian])
        try file.append(text)
        for (_, value) in tensors { try file.append(value.bytes) }
        try file.commit()
    }

    /// Reads a whole file; throws where it is cut short, damaged, or of another format.
    public init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(path, "cannot be read", "check the path and its permissions")
        }
        func damaged(_ problem: String) -> TrainingError {
            TrainingError(path, problem, "it is cut short or damaged: take another checkpoint")
        }
        guard data.count >= 8 else { throw damaged("has only \(data.count) bytes") }
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(data.count - 8), length < 1 << 27,
            let text = String(data: data[8..<(8 + Int(length))], encoding: .utf8),
            case .object(let header)? = try? JSONTree(parsing: text, source: path)
        else { throw damaged("has no safetensors header") }
        let body = 8 + Int(length)
        var names: [String] = []
        var tensors: [String: HostArray] = [:]
        for (name, entry) in header.entries where name != "__metadata__" {
            guard case .array(let axes)? = entry["shape"], case .array(let offsets)? = entry["data_offsets"],
                let dtype = entry["dtype"]?.string, let scalar = Self.kinds.first(where: { $0.0 == dtype })?.1
            else { throw damaged("describes \(name) in a way that is not understood") }
            let shape = axes.compactMap(\.int)
            let range = offsets.compactMap(\.int)
            guard shape.count == axes.count, shape.allSatisfy({ $0 >= 0 && $0 < 1 << 31 }), range.count == 2,
                0 <= range[0], range[0] <= range[1], range[1] <= data.count - body,
                let value = HostArray(TensorType(shape, scalar), bytes: [UInt8](data[(body + range[0])..<(body + range[1])]))
            else { throw damaged("ends within \(name)") }
            names.append(name)
            tensors[name] = value
        }
        self.names = names
        self.tensors = tensors
    }
}
