/// Another way of indexing the same elements; nothing is computed.
public enum View: Hashable, Sendable {
    case reshape([Int])
    /// Axis i of the result is axis `permutation[i]` of the operand.
    case transpose([Int])
    /// Axes are aligned at the end; an axis of size 1, or a missing one, is repeated.
    case broadcast([Int])
    /// Element i along an axis of the result is element start + i * step of the operand; steps may be negative.
    case slice(start: [Int], size: [Int], step: [Int])
    /// Zeros before and after.
    case pad(low: [Int], high: [Int])
    /// Windows along an axis: the axis becomes their number, and a new last axis runs through a window.
    case windows(axis: Int, size: Int, stride: Int, dilation: Int)

    var name: String {
        switch self {
        case .reshape: "reshape"
        case .transpose: "transpose"
        case .broadcast: "broadcast"
        case .slice: "slice"
        case .pad: "pad"
        case .windows: "windows"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        let input = inputs[0]
        let shape = input.shape
        switch self {
        case .reshape(let target):
            try TypeError.check(
                target.allSatisfy { $0 >= 0 } && target.product == input.count,
                "\(input) has \(input.count) elements, \(target) would need \(target.product)")
            return TensorType(target, input.scalar)
        case .transpose(let permutation):
            try TypeError.check(
                permutation.sorted() == Array(shape.indices), "\(permutation) is no permutation of the axes of \(input)"
            )
            return TensorType(permutation.map { shape[$0] }, input.scalar)
        case .broadcast(let target):
            let missing = target.count - shape.count
            try TypeError.check(
                missing >= 0 && shape.indices.allSatisfy { shape[$0] == 1 || shape[$0] == target[$0 + missing] },
                "\(input) does not stretch to \(target)")
            return TensorType(target, input.scalar)
        case .slice(let start, let size, let step):
            try TypeError.check(
                [start.count, size.count, step.count].allSatisfy { $0 == shape.count },
                "needs one range per axis of \(input)")
            for axis in shape.indices {
                let (start, size, step) = (start[axis], size[axis], step[axis])
                let inside =
                    size == 0
                    ? 0...shape[axis] ~= start
                    : 0..<shape[axis] ~= start && 0...shape[axis] ~= size
                        && 1...TensorType.longestAxis ~= Int(clamping: step.magnitude)
                        && 0..<shape[axis] ~= start + (size - 1) * step
                try TypeError.check(
                    inside, "from \(start), \(size) elements in steps of \(step) leave axis \(axis) of \(input)")
            }
            return TensorType(size, input.scalar)
        case .pad(let low, let high):
            try TypeError.check(
                low.count == shape.count && high.count == shape.count
                    && (low + high).allSatisfy { 0...TensorType.longestAxis ~= $0 },
                "needs one nonnegative pair per axis of \(input), not \(low) and \(high)")
            return TensorType(shape.indices.map { shape[$0] + low[$0] + high[$0] }, input.scalar)
        case .windows(let axis, let size, let stride, let dilation):
            try TypeError.check(
                shape.indices.contains(axis)
                    && [size, stride, dilation].allSatisfy { 1...TensorType.longestAxis ~= $0 }
                    && shape[axis] >= dilation * (size - 1) + 1,
                "windows of \(size) (dilation \(dilation), stride \(stride)) do not fit axis \(axis) of \(input)")
            var result = shape
            result[axis] = (shape[axis] - dilation * (size - 1) - 1) / stride + 1
            return TensorType(result + [size], input.scalar)
        }
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let x = context.inputs[0]
        guard x.scalar.isFloating else { return [nil] }
        let g = try context.cotangent()
        switch self {
        case .reshape: return [try g.reshaped(x.shape)]
        case .transpose(let permutation):
            var inverse = permutation
            for (axis, source) in permutation.enumerated() { inverse[source] = axis }
            return [try g.transposed(inverse)]
        case .broadcast(let target):
            let missing = target.count - x.rank
            let repeated = target.indices.filter { $0 < missing || (x.shape[$0 - missing] == 1 && target[$0] != 1) }
            return [try g.sum(axes: repeated).reshaped(x.shape)]
        case .slice(let start, let size, let step):
            return [try g.placed(start: start, size: size, step: step, in: x.shape)]
        case .pad(let low, _):
            return [
                try x.graph.apply(
                    .view(.slice(start: low, size: x.shape, step: x.shape.map { _ in 1 })), [g])
            ]
        case .windows(let axis, let size, let stride, let dilation):
            var total: Tensor?
            for offset in 0..<size {
                let part = try g.slice(-1, offset..<(offset + 1)).reshaped(Array(g.shape.dropLast()))
                var start = x.shape.map { _ in 0 }
                var step = x.shape.map { _ in 1 }
                start[axis] = offset * dilation
                step[axis] = stride
                let spread = try part.placed(start: start, size: part.shape, step: step, in: x.shape)
                total = try total.map { (sum) throws(GraphError) in try sum + spread } ?? spread
            }
            return [total]
        }
    }
}

extension Tensor {
    /// The transpose of a slice: a tensor of `shape` that is zero but for these elements at the sliced positions.
    fileprivate func placed(start: [Int], size: [Int], step: [Int], in shape: [Int]) throws(GraphError) -> Tensor {
        var spread = self
        var first = start
        for axis in shape.indices where size[axis] != 0 {
            if step[axis] < 0 {
                spread = try spread.flipped(axis)
                first[axis] += (size[axis] - 1) * step[axis]
            }
            let stride = abs(step[axis])
            if stride > 1 && size[axis] > 1 {
                // Interleave with zeros: each element becomes a group of `stride`, and the last group's zeros are cut.
                let current = spread.shape
                var grouped = current
                grouped.insert(1, at: axis + 1)
                var high = grouped.map { _ in 0 }
                high[axis + 1] = stride - 1
                var merged = current
                merged[axis] *= stride
                spread = try spread.reshaped(grouped).padded(low: high.map { _ in 0 }, high: high).reshaped(merged)
                spread = try spread.slice(axis, 0..<((size[axis] - 1) * stride + 1))
            }
        }
        guard !size.contains(0) else { return graph.constant(0, TensorType(shape, scalar)) }
        let high = shape.indices.map { shape[$0] - first[$0] - spread.shape[$0] }
        return try spread.padded(low: first, high: high)
    }

    private func view(_ view: View) throws(GraphError) -> Tensor { try graph.apply(.view(view), [self]) }

    /// The same elements in row-major order under another shape; one size may be -1 and is worked out.
    public func reshaped(_ shape: [Int]) throws(GraphError) -> Tensor {
        var shape = shape
        if let open = shape.firstIndex(of: -1) {
            shape[open] = 1
            let rest = shape.product
            guard rest > 0, count % rest == 0 else {
                throw graph.error("reshape", "\(type) does not divide into \(shape) with one open size")
            }
            shape[open] = count / rest
        }
        return shape == self.shape ? self : try view(.reshape(shape))
    }

    /// All axes after the first joined into one.
    public func flattened() throws(GraphError) -> Tensor {
        let rows = try size(0)
        return try reshaped([rows, Array(shape.dropFirst()).product])
    }

    /// Axes in another order; without an argument the last two are exchanged.
    public func transposed(_ permutation: [Int]? = nil) throws(GraphError) -> Tensor {
        var permutation = permutation ?? []
        if permutation.isEmpty {
            guard rank >= 2 else { throw graph.error("transpose", "\(type) has no two axes to exchange") }
            permutation = Array(shape.indices)
            permutation.swapAt(rank - 1, rank - 2)
        }
        return permutation == Array(shape.indices) ? self : try view(.transpose(permutation))
    }

    /// Repeats axes of size 1 (and missing leading ones) to fill `shape`.
    public func broadcast(to shape: [Int]) throws(GraphError) -> Tensor {
        shape == self.shape ? self : try view(.broadcast(shape))
    }

    /// Elements of one axis.
    public func slice(_ axis: Int, _ range: Range<Int>) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "slice")
        guard range.lowerBound >= 0, range.upperBound <= shape[axis] else {
            throw graph.error("slice", "\(range) leaves axis \(axis) of \(type)")
        }
        if range == 0..<shape[axis] { return self }
        var start = shape.map { _ in 0 }
        var size = shape
        start[axis] = range.isEmpty ? 0 : range.lowerBound
        size[axis] = range.count
        return try view(.slice(start: start, size: size, step: shape.map { _ in 1 }))
    }

    /// Elements of one axis from `start`, `size` of them in steps of `step` (which may be negative).
    public func slice(_ axis: Int, start: Int, size: Int, step: Int) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "slice")
        var starts = shape.map { _ in 0 }
        var sizes = shape
        var steps = shape.map { _ in 1 }
        (starts[axis], sizes[axis], steps[axis]) = (start, size, step)
        return try view(.slice(start: starts, size: sizes, step: steps))
    }

    /// Element `index` of one axis, which disappears.
    public func at(_ index: Int, axis: Int) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "at")
        guard (0..<shape[axis]).contains(index) else {
            throw graph.error("at", "index \(index) leaves axis \(axis) of \(type)")
        }
        var kept = shape
        kept.remove(at: axis)
        return try slice(axis, index..<(index + 1)).reshaped(kept)
    }

    /// Cuts an axis into pieces of equal size.
    public func split(_ pieces: Int, axis: Int) throws(GraphError) -> [Tensor] {
        let length = try size(axis)
        guard pieces > 0, pieces <= Swift.max(length, 1), length % pieces == 0 else {
            throw graph.error("split", "axis \(axis) of \(type) does not divide by \(pieces)")
        }
        var result: [Tensor] = []
        for piece in 0..<pieces {
            result.append(try slice(axis, (piece * length / pieces)..<((piece + 1) * length / pieces)))
        }
        return result
    }

    /// The elements of one axis in reverse.
    public func flipped(_ axis: Int) throws(GraphError) -> Tensor {
        let length = try size(axis)
        return length < 2 ? self : try slice(axis, start: length - 1, size: length, step: -1)
    }

    /// Zeros before and after, one count per axis.
    public func padded(low: [Int], high: [Int]) throws(GraphError) -> Tensor {
        (low + high).allSatisfy { $0 == 0 } && low.count == rank && high.count == rank
            ? self : try view(.pad(low: low, high: high))
    }

    /// How elements outside a tensor are made up.
    public enum PaddingMode: String, Sendable, Codable { case zero, reflect, edge }

    /// `low` and `high` elements before and after one axis. Reflection leaves the edge itself out, as in PyTorch.
    public func padded(axis: Int, low: Int, high: Int, mode: PaddingMode = .zero) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "pad")
        let length = shape[axis]
        var lows = shape.map { _ in 0 }
        var highs = lows
        (lows[axis], highs[axis]) = (low, high)
        switch mode {
        case .zero: return try padded(low: lows, high: highs)
        case .reflect:
            guard low >= 0, high >= 0, low < length, high < length else {
                throw graph.error(
                    "pad", "reflection by \(low) and \(high) needs a longer axis than \(length) in \(type)")
            }
            let before = try slice(axis, 1..<(low + 1)).flipped(axis)
            let after = try slice(axis, (length - 1 - high)..<(length - 1)).flipped(axis)
            return try concatenate([before, self, after], axis: axis)
        case .edge:
            guard low >= 0, high >= 0, length > 0 else {
                throw graph.error(
                    "pad", "\(low) and \(high) copies of the edge of axis \(axis) of \(type) cannot be made")
            }
            var shape = shape
            shape[axis] = low
            let before = try slice(axis, 0..<1).broadcast(to: shape)
            shape[axis] = high
            let after = try slice(axis, (length - 1)..<length).broadcast(to: shape)
            return try concatenate([before, self, after], axis: axis)
        }
    }

    /// Windows of `size` along an axis; a new last axis runs through each.
    public func windows(_ axis: Int, size: Int, stride: Int = 1, dilation: Int = 1) throws(GraphError) -> Tensor {
        try view(.windows(axis: try resolved(axis, "windows"), size: size, stride: stride, dilation: dilation))
    }

    /// A new axis of size 1.
    public func expanded(_ axis: Int) throws(GraphError) -> Tensor {
        let position = axis < 0 ? axis + rank + 1 : axis
        guard (0...rank).contains(position) else { throw graph.error("expand", "axis \(axis) leaves \(type)") }
        var shape = shape
        shape.insert(1, at: position)
        return try reshaped(shape)
    }
}

/// Tensors one after another along an axis.
enum Concatenate {
    static func inferType(_ axis: Int, _ inputs: [TensorType]) throws(TypeError) -> TensorType {
        try TypeError.check(!inputs.isEmpty, "needs at least one tensor")
        var result = inputs[0]
        try TypeError.check(result.shape.indices.contains(axis), "axis \(axis) does not exist in \(result)")
        for input in inputs.dropFirst() {
            var aligned = input.shape
            let size = aligned.indices.contains(axis) ? aligned[axis] : 0
            if aligned.indices.contains(axis) { aligned[axis] = result.shape[axis] }
            try TypeError.check(
                aligned == result.shape && input.scalar == result.scalar,
                "\(inputs[0]) and \(input) differ beyond axis \(axis)")
            result.shape[axis] += size
        }
        return result
    }

    static func gradient(_ axis: Int, _ context: GradientContext) throws(GraphError) -> [Tensor?] {
        guard context.output.scalar.isFloating else { return context.inputs.map { _ in nil } }
        let g = try context.cotangent()
        var result: [Tensor?] = []
        var start = 0
        for input in context.inputs {
            result.append(try g.slice(axis, start..<(start + input.shape[axis])))
            start += input.shape[axis]
        }
        return result
    }
}

/// Tensors one after another along an axis.
public func concatenate(_ tensors: [Tensor], axis: Int) throws(GraphError) -> Tensor {
    guard let first = tensors.first else { throw GraphError("concatenate", "needs at least one tensor") }
    if tensors.count == 1 { return first }
    return try innermost(tensors).apply(.concatenate(axis: try first.resolved(axis, "concatenate")), tensors)
}

/// Tensors of one shape along a new axis.
public func stacked(_ tensors: [Tensor], axis: Int = 0) throws(GraphError) -> Tensor {
    try concatenate(tensors.map { (tensor) throws(GraphError) in try tensor.expanded(axis) }, axis: axis)
}
