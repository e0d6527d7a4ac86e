/// Combines the elements along some axes, in the fixed order of the arithmetic contract.
public struct Reduce: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case sum, max, min
        /// A sum of floats that keeps the errors of all its additions and adds them at the end (compensated.h).
        case compensatedSum

        public func accepts(_ scalar: ScalarType) -> Bool {
            switch self {
            case .sum, .max, .min: scalar != .bool
            case .compensatedSum: scalar.isFloating
            }
        }

        /// Whether there is a value over no elements: 0.
        fileprivate var isSum: Bool {
            switch self {
            case .sum, .compensatedSum: true
            case .max, .min: false
            }
        }
    }
    public var kind: Kind
    /// Ascending; they disappear from the shape.
    public var axes: [Int]

    public init(kind: Kind, axes: [Int]) {
        self.kind = kind
        self.axes = axes
    }

    var name: String { kind.rawValue }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        let input = inputs[0]
        try TypeError.check(axes.allSatisfy(input.shape.indices.contains), "axes \(axes) do not all exist in \(input)")
        try TypeError.check(zip(axes, axes.dropFirst()).allSatisfy(<), "axes \(axes) of \(input) must ascend")
        try TypeError.check(kind.accepts(input.scalar), "not defined for \(input); cast first")
        if !kind.isSum {
            try TypeError.check(axes.allSatisfy { input.shape[$0] > 0 }, "has no value over an empty axis of \(input)")
        }
        let kept = input.shape.indices.filter { !axes.contains($0) }.map { input.shape[$0] }
        return TensorType(kept, input.scalar)
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let x = context.inputs[0]
        guard x.scalar.isFloating else { return [nil] }
        let g = try context.cotangent().restoringAxes(axes, of: x)
        switch kind {
        case .sum, .compensatedSum: return [g]
        case .max, .min:
            // Equal extrema share the gradient.
            let hit = try x.equal(to: try context.output.restoringAxes(axes, of: x)).cast(to: x.scalar)
            let ties = try hit.sum(axes: axes).restoringAxes(axes, of: x)
            return [try g * (hit / ties)]
        }
    }
}

extension Tensor {
    /// Undoes the disappearance of reduced axes: broadcasts over them again.
    func restoringAxes(_ axes: [Int], of original: Tensor) throws(GraphError) -> Tensor {
        var kept = original.shape
        for axis in axes { kept[axis] = 1 }
        return try reshaped(kept).broadcast(to: original.shape)
    }

    private func reduced(_ kind: Reduce.Kind, _ axes: [Int]?, keepAxes: Bool) throws(GraphError) -> Tensor {
        let axes = try axes.map { (named) throws(GraphError) in try resolved(named, kind.rawValue) } ?? Array(0..<rank)
        let result = try graph.apply(.reduce(Reduce(kind: kind, axes: axes)), [self])
        guard keepAxes else { return result }
        var kept = shape
        for axis in axes { kept[axis] = 1 }
        return try result.reshaped(kept)
    }

    /// The sum over `axes` (all when nil). `keepAxes` leaves them with size 1.
    ///
    /// - Parameter compensated: Floats are summed as if with twice the precision and rounded once, whatever cancels: for
    ///   losses and log-densities. (Integers are exact anyway.) Its gradient is that of the plain sum.
    public func sum(
        axes: [Int]? = nil, keepAxes: Bool = false, compensated: Bool = false
    ) throws(GraphError) -> Tensor {
        try reduced(compensated && scalar.isFloating ? .compensatedSum : .sum, axes, keepAxes: keepAxes)
    }

    /// The largest element over `axes`; NaN if any is.
    public func max(axes: [Int]? = nil, keepAxes: Bool = false) throws(GraphError) -> Tensor {
        try reduced(.max, axes, keepAxes: keepAxes)
    }

    /// The smallest element over `axes`; NaN if any is.
    public func min(axes: [Int]? = nil, keepAxes: Bool = false) throws(GraphError) -> Tensor {
        try reduced(.min, axes, keepAxes: keepAxes)
    }

    /// The mean over `axes`; NaN over no elements. `compensated`: as of a sum.
    public func mean(
        axes: [Int]? = nil, keepAxes: Bool = false, compensated: Bool = false
    ) throws(GraphError) -> Tensor {
        guard scalar.isFloating else { throw graph.error("mean", "needs floats, not \(type); cast first") }
        let total = try sum(axes: axes, keepAxes: keepAxes, compensated: compensated)
        return try total * (1 / (Double(count) / Double(Swift.max(total.count, 1))))
    }

    /// The largest element over `axes`, which stay with size 1; 0 where it is not finite. No gradient flows.
    func finiteMax(axes: [Int]?) throws(GraphError) -> Tensor {
        let peak = try stopGradient(max(axes: axes, keepAxes: true))
        return try select(peak.isFinite(), peak, try peak.zerosLike())
    }

    /// log(sum(exp(x))) over `axes`, without overflow: the maximum is taken out first.
    public func logSumExp(axes: [Int]? = nil, keepAxes: Bool = false) throws(GraphError) -> Tensor {
        let shift = try finiteMax(axes: axes)
        let total = try exp(self - shift).sum(axes: axes, keepAxes: true)
        let result = try log(total) + shift
        return keepAxes ? result : try result.reshaped(try sum(axes: axes).shape)
    }

    /// The product along one axis, by halving, so that its gradient is right even where elements are zero.
    public func product(axis: Int, keepAxis: Bool = false) throws(GraphError) -> Tensor {
        let axis = try resolved(axis, "product")
        var factors = self
        if shape[axis] == 0 {
            var kept = shape
            kept[axis] = 1
            factors = graph.constant(1, TensorType(kept, scalar))
        }
        while true {
            let size = factors.shape[axis]
            if size == 1 { break }
            let half = size / 2
            let pairs = try factors.slice(axis, 0..<half) * factors.slice(axis, half..<(2 * half))
            factors =
                size % 2 == 0 ? pairs : try concatenate([pairs, factors.slice(axis, (size - 1)..<size)], axis: axis)
        }
        if keepAxis { return factors }
        var kept = shape
        kept.remove(at: axis)
        return try factors.reshaped(kept)
    }
}
