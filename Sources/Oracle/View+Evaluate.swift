import Graph

extension View {
    func evaluate(_ x: Value, _ type: TensorType) -> Value {
        switch self {
        case .reshape: return Value(type, x.elements)
        case .transpose(let permutation):
            return Value(type) { index in
                var source = index
                for (axis, from) in permutation.enumerated() { source[from] = index[axis] }
                return x[source]
            }
        case .broadcast:
            return Value(type) { index in
                x[zip(index.suffix(x.shape.count), x.shape).map { $1 == 1 ? 0 : $0 }]
            }
        case .slice(let start, _, let step):
            return Value(type) { index in x[index.indices.map { start[$0] + index[$0] * step[$0] }] }
        case .pad(let low, _):
            return Value(type) { index in
                let source = zip(index, low).map { $0 - $1 }
                return zip(source, x.shape).allSatisfy { $0 >= 0 && $0 < $1 } ? x[source] : 0
            }
        case .windows(let axis, _, let stride, let dilation):
            return Value(type) { index in
                var source = Array(index.dropLast())
                source[axis] = index[axis] * stride + index[index.count - 1] * dilation
                return x[source]
            }
        }
    }
}

func concatenated(_ x: [Value], _ axis: Int, _ type: TensorType) -> Value {
    Value(type) { index in
        var source = index
        for part in x {
            if source[axis] < part.shape[axis] { return part[source] }
            source[axis] -= part.shape[axis]
        }
        return .nan
    }
}
