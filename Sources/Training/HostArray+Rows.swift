import Datasets
import Execution
import Graph

extension HostArray {
    /// The elements, row after row, as float32.
    public var array: [Float] { floats }

    /// The elements rounded to another type.
    func converted(to scalar: ScalarType) -> HostArray? {
        scalar == type.scalar ? self : HostArray(doubles, shape: shape, scalar)
    }

    /// Overwrites rows (of the first axis) with the first `count` rows of another array of the same row shape.
    mutating func replaceRows(from first: Int, _ count: Int, with other: HostArray) {
        let size = type.shape.dropFirst().reduce(1, *) * type.scalar.byteCount
        other.withUnsafeBytes { source in
            withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[first * size..<(first + count) * size])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[0..<count * size]))
            }
        }
    }

    /// The rows (of the first axis) at these positions.
    func rows(_ positions: [Int]) -> HostArray {
        let row = Array(type.shape.dropFirst())
        var result = HostArray(TensorType([positions.count] + row, type.scalar))
        let size = row.product * type.scalar.byteCount
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (index, position) in positions.enumerated() {
                    UnsafeMutableRawBufferPointer(rebasing: target[index * size..<(index + 1) * size])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[position * size..<(position + 1) * size]))
                }
            }
        }
        return result
    }

    /// Images [count, channels, height, width] in one picture; throws where these are no images.
    public func grid(columns: Int) throws -> PNGImage {
        try ImageGrid(columns: columns).picture(floats, shape: Array(shape.dropFirst()))
    }

    /// As a NumPy array: float64 stays, all else becomes float32.
    public func npy() throws -> NPYArray {
        try NPYArray(type.scalar == .float64 ? .float64(doubles) : .float32(floats), shape: shape)
    }
}
