import Datasets
import Execution
import Graph
import Models
import Networks

/// How gray levels become what a model is given.
public enum Binarization: String, Codable, Sendable, CaseIterable {
    /// Gray levels as they are.
    case none
    /// 1 from one half on, else 0.
    case threshold
    /// 1 with the gray level as probability, drawn anew in every training step.
    case dynamic
}

/// How rows lie in memory and what is made of them on the device.
struct RowInput {
    /// Of one row.
    let shape: [Int]
    /// uint8 (levels that mean level / 255) or a float.
    let scalar: ScalarType
    let binarization: Binarization

    init(shape: [Int], scalar: ScalarType, binarization: Binarization) {
        self.shape = shape
        self.scalar = scalar
        self.binarization = binarization
    }

    init(_ rows: Rows, _ binarization: Binarization) {
        shape = rows.shape
        scalar = if case .gray8 = rows.elements { .uint8 } else { .float32 }
        self.binarization = binarization
    }

    func type(rows count: Int) -> TensorType { TensorType([count] + shape, scalar) }

    /// Stored elements as numbers, gray levels in 0...1.
    func decoded(_ stored: Tensor, _ precision: ScalarType) throws(GraphError) -> Tensor {
        let x = try stored.cast(to: precision)
        return scalar == .uint8 ? try x / 255 : x
    }

    /// What the model is given of stored rows; the trace's sample indices are those of the rows.
    func prepared(_ stored: Tensor, _ root: Scope) throws(GraphError) -> Tensor {
        let x = try decoded(stored, root.precision)
        switch binarization {
        case .none: return x
        case .threshold: return try x.constant(0.5).lessEqual(to: x).cast(to: x.scalar)
        case .dynamic: return try root["data"].uniform(x.shape).less(than: x).cast(to: x.scalar)
        }
    }

    /// The stored rows at `indices` (counted within `rows`).
    func gathered(_ rows: Rows, _ indices: [Int]) -> HostArray {
        var result = HostArray(type(rows: indices.count))
        let size = shape.product * scalar.byteCount
        rows.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (position, index) in indices.enumerated() {
                    UnsafeMutableRawBufferPointer(rebasing: target[position * size..<(position + 1) * size])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[index * size..<(index + 1) * size]))
                }
            }
        }
        return result
    }
}

extension Model {
    /// Throws where the model takes gray levels and rows are other numbers.
    func check(_ rows: Rows) throws {
        guard takesLevels, !rows.areLevels else { return }
        throw TrainingError(
            Self.name, "takes gray levels k / 255, and these rows hold other numbers",
            "choose another preprocessing, such as model.preprocessing=standardize")
    }
}

extension Rows {
    /// Whether every element is k / 255 for an integer k in 0...255.
    var areLevels: Bool {
        guard case .float = elements else { return true }
        return withUnsafeBytes {
            $0.bindMemory(to: Float.self).allSatisfy {
                0...1 ~= $0 && abs($0 * 255 - ($0 * 255).rounded()) < 1e-3
            }
        }
    }

    /// Whether every element is 0 or 1.
    var isBinary: Bool {
        switch elements {
        case .gray8: withUnsafeBytes { $0.allSatisfy { $0 == 0 || $0 == 255 } }
        case .float: withUnsafeBytes { $0.bindMemory(to: Float.self).allSatisfy { $0 == 0 || $0 == 1 } }
        }
    }
}
