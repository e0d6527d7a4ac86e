import Graph

/// A sum in the arithmetic of an element type: integers wrap.
func sum(_ a: Double, _ b: Double, _ scalar: ScalarType) -> Double { ScalarOp.add.evaluate([a, b], as: scalar) }

extension Reduce {
    func evaluate(_ x: Value, _ type: TensorType) -> Value {
        let kept = x.shape.indices.filter { !axes.contains($0) }
        var groups = [[Double]](repeating: [], count: type.count)
        let strides = type.shape.rowMajorStrides
        var position = 0
        forEachIndex(x.shape) { index in
            groups[zip(kept, strides).reduce(0) { $0 + index[$1.0] * $1.1 }].append(x.elements[position])
            position += 1
        }
        return Value(
            type,
            groups.map { group in
                switch kind {
                case .sum, .compensatedSum: return group.reduce(0) { sum($0, $1, type.scalar) }
                case .max: return group.contains(where: \.isNaN) ? .nan : group.reduce(-.infinity, Swift.max)
                case .min: return group.contains(where: \.isNaN) ? .nan : group.reduce(.infinity, Swift.min)
                }
            })
    }
}
