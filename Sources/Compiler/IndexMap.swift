import Graph

/// Where the elements of a logical tensor lie in a buffer: element (i0, i1, ...) is at offset + sum(i[d] * strides[d]),
/// and is zero where some i[d] lies outside `valid[d]`.
public struct IndexMap: Hashable, Sendable {
    public var shape: [Int]
    public var offset: Int
    public var strides: [Int]
    public var valid: [Range<Int>]

    /// A contiguous row-major tensor.
    public init(_ shape: [Int]) {
        self.init(shape: shape, offset: 0, strides: shape.rowMajorStrides, valid: shape.map { 0..<$0 })
    }

    public init(shape: [Int], offset: Int, strides: [Int], valid: [Range<Int>]) {
        self.shape = shape
        self.offset = offset
        self.strides = strides
        self.valid = valid
    }

    public var isMasked: Bool { shape.indices.contains { valid[$0] != 0..<shape[$0] } }

    /// Whether the elements lie one after another from `offset` on.
    public var isContiguous: Bool {
        if isMasked { return false }
        if shape.contains(0) { return true }
        let expected = shape.rowMajorStrides
        return shape.indices.allSatisfy { shape[$0] == 1 || strides[$0] == expected[$0] }
    }

    /// The map of a view of this tensor; nil where strides and ranges cannot express it.
    public func applying(_ view: View) -> IndexMap? {
        switch view {
        case .transpose(let permutation):
            return IndexMap(
                shape: permutation.map { shape[$0] }, offset: offset, strides: permutation.map { strides[$0] },
                valid: permutation.map { valid[$0] })
        case .broadcast(let target):
            let missing = target.count - shape.count
            var result = IndexMap(target)
            result.offset = offset
            for axis in target.indices {
                let source = axis - missing
                if source < 0 {
                    result.strides[axis] = 0
                } else if shape[source] == target[axis] {
                    result.strides[axis] = strides[source]
                    result.valid[axis] = valid[source]
                } else {
                    if valid[source].isEmpty { return nil }
                    result.strides[axis] = 0
                }
            }
            return result
        case .slice(let start, let size, let step):
            var result = self
            result.shape = size
            for axis in shape.indices {
                if size[axis] == 0 {
                    result.valid[axis] = 0..<0
                    continue
                }
                result.offset += start[axis] * strides[axis]
                result.strides[axis] = strides[axis] * step[axis]
                if valid[axis] == 0..<shape[axis] {
                    result.valid[axis] = 0..<size[axis]
                    continue
                }
                // Which i have start + i * step inside the valid range?
                let inside = (0..<size[axis]).filter { valid[axis].contains(start[axis] + $0 * step[axis]) }
                guard let first = inside.first, let last = inside.last else {
                    result.valid[axis] = 0..<0
                    continue
                }
                result.valid[axis] = first..<(last + 1)
            }
            return result
        case .pad(let low, let high):
            var result = self
            for axis in shape.indices {
                result.shape[axis] = low[axis] + shape[axis] + high[axis]
                result.offset -= low[axis] * strides[axis]
                let range = valid[axis]
                result.valid[axis] = (range.lowerBound + low[axis])..<(range.upperBound + low[axis])
            }
            return result
        case .windows(let axis, let size, let stride, let dilation):
            guard valid[axis] == 0..<shape[axis] else { return nil }
            var result = self
            result.shape[axis] = (shape[axis] - dilation * (size - 1) - 1) / stride + 1
            result.strides[axis] = strides[axis] * stride
            result.valid[axis] = 0..<result.shape[axis]
            result.shape.append(size)
            result.strides.append(strides[axis] * dilation)
            result.valid.append(0..<size)
            return result
        case .reshape(let target): return reshaped(target)
        }
    }

    private func reshaped(_ target: [Int]) -> IndexMap? {
        var result = IndexMap(target)
        result.offset = offset
        if target.contains(0) { return result }
        // Join neighbouring axes that advance like one, then cut the joined axes at the target's borders.
        struct Run { var size: Int, stride: Int, valid: Range<Int>, masked: Bool }
        var runs: [Run] = []
        for axis in shape.indices {
            let masked = valid[axis] != 0..<shape[axis]
            if shape[axis] == 1 {
                if masked { return nil }
                continue
            }
            let run = Run(size: shape[axis], stride: strides[axis], valid: valid[axis], masked: masked)
            if let last = runs.last, !last.masked, !masked, last.stride == run.stride * run.size {
                runs[runs.count - 1] = Run(
                    size: last.size * run.size, stride: run.stride, valid: 0..<(last.size * run.size), masked: false)
            } else {
                runs.append(run)
            }
        }
        var axis = target.count - 1
        for run in runs.reversed() {
            var remaining = run.size
            var stride = run.stride
            while remaining > 1 {
                while axis >= 0, target[axis] == 1 { axis -= 1 }
                guard axis >= 0, remaining % target[axis] == 0 else { return nil }
                if run.masked && target[axis] != run.size { return nil }
                result.strides[axis] = stride
                result.valid[axis] = run.masked ? run.valid : 0..<target[axis]
                stride *= target[axis]
                remaining /= target[axis]
                axis -= 1
            }
        }
        return result
    }

    /// The map of a chain of views, innermost first.
    public func applying(_ path: [View]) -> IndexMap? {
        var map = self
        for view in path {
            guard let next = map.applying(view) else { return nil }
            map = next
        }
        return map
    }
}

extension View {
    /// Whether every element of the operand appears exactly once in the result.
    var isBijective: Bool {
        switch self {
        case .reshape, .transpose: true
        case .broadcast, .slice, .pad, .windows: false
        }
    }
}
