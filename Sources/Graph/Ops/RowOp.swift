/// Operations that move or order rows.
public enum RowOp: Hashable, Sendable {
    /// table [n, ...], index int32 [m] -> [m, ...]; an index outside 0..<n gives zeros.
    case gather
    /// index int32 [m], updates [m, ...] -> [count, ...]: sums of equal rows in ascending order of m; indices outside
    /// 0..<count are skipped.
    case scatterAdd(count: Int)
    /// [..., n] -> int32 [..., n]: the indices that sort the last axis; stable, NaN last.
    case argsort(descending: Bool)
    /// [..., n] -> int32 [...]: the first largest (or smallest); NaN wins.
    case argmax(smallest: Bool)
    /// [..., n] -> [..., n]: running sums along the last axis.
    case cumulativeSum(reverse: Bool, exclusive: Bool)

    var name: String {
        switch self {
        case .gather: "gather"
        case .scatterAdd: "scatterAdd"
        case .argsort: "argsort"
        case .argmax(let smallest): smallest ? "argmin" : "argmax"
        case .cumulativeSum: "cumulativeSum"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        let first = inputs[0]
        try TypeError.check(first.rank >= 1, "needs at least one axis, not \(first)")
        switch self {
        case .gather:
            try TypeError.check(
                inputs[1].rank == 1 && inputs[1].scalar == .int32, "the index must be int32 [m], not \(inputs[1])")
            return TensorType(inputs[1].shape + first.shape.dropFirst(), first.scalar)
        case .scatterAdd(let count):
            let updates = inputs[1]
            try TypeError.check(
                first.rank == 1 && first.scalar == .int32 && updates.shape.first == first.shape[0] && count >= 0
                    && (updates.scalar.isFloating || updates.scalar == .int32),
                "needs an index int32 [m] and updates [m, ...] of float or int32, not \(first) and \(updates)")
            return TensorType([count] + updates.shape.dropFirst(), updates.scalar)
        case .argsort:
            try TypeError.check(first.scalar != .bool, "not defined for \(first)")
            return TensorType(first.shape, .int32)
        case .argmax:
            try TypeError.check(
                first.scalar != .bool && first.shape[first.rank - 1] > 0, "not defined for \(first)")
            return TensorType(Array(first.shape.dropLast()), .int32)
        case .cumulativeSum:
            try TypeError.check(first.scalar.isFloating || first.scalar == .int32, "not defined for \(first)")
            return first
        }
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        guard context.output.scalar.isFloating else { return context.inputs.map { _ in nil } }
        let g = try context.cotangent()
        switch self {
        case .gather:
            let table = context.inputs[0]
            return [try g.graph.apply(.rows(.scatterAdd(count: table.shape[0])), [context.inputs[1], g]), nil]
        case .scatterAdd: return [nil, try g.graph.apply(.rows(.gather), [g, context.inputs[0]])]
        case .argsort, .argmax: return [nil]
        case .cumulativeSum(let reverse, let exclusive):
            return [try g.graph.apply(.rows(.cumulativeSum(reverse: !reverse, exclusive: exclusive)), [g])]
        }
    }
}

extension Tensor {
    /// Rows of the first axis, by an int32 index [m].
    public func rows(_ index: Tensor) throws(GraphError) -> Tensor {
        try innermost(self, index).apply(.rows(.gather), [self, index])
    }

    /// A tensor of `count` rows, in which row r is the sum of this tensor's rows whose index is r.
    public func scatterAdded(at index: Tensor, count: Int) throws(GraphError) -> Tensor {
        try innermost(self, index).apply(.rows(.scatterAdd(count: count)), [index, self])
    }

    /// Applies a last-axis operation along another axis.
    private func alongLast(
        _ axis: Int, _ operation: String, keeps: Bool = true, _ body: (Tensor) throws(GraphError) -> Tensor
    ) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, operation)
        if axis == rank - 1 { return try body(self) }
        var order = Array(shape.indices)
        order.remove(at: axis)
        order.append(axis)
        let result = try body(try transposed(order))
        guard keeps else { return result }
        var back = Array(0..<(rank - 1))
        back.insert(rank - 1, at: axis)
        return try result.transposed(back)
    }

    /// The indices (int32) that sort an axis; stable, NaN last in either direction.
    public func argsorted(axis: Int = -1, descending: Bool = false) throws(GraphError) -> Tensor {
        try alongLast(axis, "argsort") { (x) throws(GraphError) in
            try x.graph.apply(.rows(.argsort(descending: descending)), [x])
        }
    }

    /// The index (int32) of the first largest element of an axis; NaN wins.
    public func argmax(axis: Int = -1) throws(GraphError) -> Tensor {
        try alongLast(axis, "argmax", keeps: false) { (x) throws(GraphError) in
            try x.graph.apply(.rows(.argmax(smallest: false)), [x])
        }
    }

    /// The index (int32) of the first smallest element of an axis; NaN wins.
    public func argmin(axis: Int = -1) throws(GraphError) -> Tensor {
        try alongLast(axis, "argmin", keeps: false) { (x) throws(GraphError) in
            try x.graph.apply(.rows(.argmax(smallest: true)), [x])
        }
    }

    /// Running sums along an axis, from its end if `reverse`, without the element itself if `exclusive`.
    public func cumulativeSum(axis: Int = -1, reverse: Bool = false, exclusive: Bool = false) throws(GraphError)
        -> Tensor
    {
        try alongLast(axis, "cumulativeSum") { (x) throws(GraphError) in
            try x.graph.apply(.rows(.cumulativeSum(reverse: reverse, exclusive: exclusive)), [x])
        }
    }

    /// Elements along an axis by an index tensor of the same rank (`take_along_dim` of PyTorch): the index's other
    /// axes must agree with this tensor's.
    public func taken(along index: Tensor, axis: Int = -1) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "taken")
        guard index.rank == rank, index.scalar == .int32,
            shape.indices.allSatisfy({ $0 == axis || shape[$0] == index.shape[$0] })
        else { throw graph.error("taken", "index \(index.type) does not fit \(type) along axis \(axis)") }
        if axis != rank - 1 {
            var order = Array(shape.indices)
            order.swapAt(axis, rank - 1)
            return try transposed(order).taken(along: try index.transposed(order)).transposed(order)
        }
        guard count <= Int(Int32.max) else {
            throw graph.error("taken", "\(type) has more elements than an int32 index can reach")
        }
        let length = shape[axis]
        let rowCount = Array(shape.dropLast()).product
        let width = index.shape[axis]
        let base = try graph.iota([rowCount, width], axis: 0) * graph.constant(Double(length), .int32)
        let flat = try (base + index.reshaped([rowCount, width])).reshaped([rowCount * width])
        return try reshaped([count]).rows(flat).reshaped(index.shape)
    }

    /// An axis in ascending (or descending) order.
    public func sorted(axis: Int = -1, descending: Bool = false) throws(GraphError) -> Tensor {
        try taken(along: argsorted(axis: axis, descending: descending), axis: axis)
    }

    /// The k largest elements of an axis, largest first, and their indices (int32).
    public func topK(_ k: Int, axis: Int = -1) throws(GraphError) -> (values: Tensor, indices: Tensor) {
        guard try 0...size(axis) ~= k else { throw graph.error("topK", "\(k) elements of axis \(axis) of \(type)") }
        let indices = try argsorted(axis: axis, descending: true).slice(axis, 0..<k)
        return (try taken(along: indices, axis: axis), indices)
    }
}
