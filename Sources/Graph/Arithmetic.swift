/// The shape that two shapes broadcast to, aligned at the end.
func broadcastShape(_ a: [Int], _ b: [Int], _ operation: String, _ graph: Graph) throws(GraphError) -> [Int] {
    let rank = Swift.max(a.count, b.count)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
        let x = axis < rank - a.count ? 1 : a[axis - (rank - a.count)]
        let y = axis < rank - b.count ? 1 : b[axis - (rank - b.count)]
        guard x == y || x == 1 || y == 1 else {
            throw graph.error(operation, "shapes \(a) and \(b) do not broadcast together")
        }
        result[axis] = x == 1 ? y : x
    }
    return result
}

/// Applies an operation after broadcasting the operands to one shape.
private func elementwise(_ op: ScalarOp, _ operands: Tensor...) throws(GraphError) -> Tensor {
    var graph = operands[0].graph
    var shape = operands[0].shape
    for operand in operands.dropFirst() {
        graph = Graph.deeper(graph, operand.graph)
        if operand.shape != shape { shape = try broadcastShape(shape, operand.shape, op.rawValue, graph) }
    }
    let aligned = try operands.map { (operand) throws(GraphError) in try operand.broadcast(to: shape) }
    return try graph.apply(.elementwise(.scalar(op)), aligned)
}

extension Tensor {
    public static func + (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.add, a, b) }
    public static func - (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.subtract, a, b) }
    public static func * (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.multiply, a, b) }
    public static func / (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.divide, a, b) }
    /// The remainder with the sign of the dividend.
    public static func % (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.remainder, a, b) }
    public static prefix func - (a: Tensor) throws(GraphError) -> Tensor { try elementwise(.negate, a) }

    // A number takes the tensor's element type.
    public static func + (a: Tensor, b: Double) throws(GraphError) -> Tensor { try a + a.constant(b) }
    public static func + (a: Double, b: Tensor) throws(GraphError) -> Tensor { try b.constant(a) + b }
    public static func - (a: Tensor, b: Double) throws(GraphError) -> Tensor { try a - a.constant(b) }
    public static func - (a: Double, b: Tensor) throws(GraphError) -> Tensor { try b.constant(a) - b }
    public static func * (a: Tensor, b: Double) throws(GraphError) -> Tensor { try a * a.constant(b) }
    public static func * (a: Double, b: Tensor) throws(GraphError) -> Tensor { try b.constant(a) * b }
    public static func / (a: Tensor, b: Double) throws(GraphError) -> Tensor { try a / a.constant(b) }
    public static func / (a: Double, b: Tensor) throws(GraphError) -> Tensor { try b.constant(a) / b }

    // Comparisons give bool tensors.
    public func less(than b: Tensor) throws(GraphError) -> Tensor { try elementwise(.less, self, b) }
    public func less(than b: Double) throws(GraphError) -> Tensor { try less(than: constant(b)) }
    public func lessEqual(to b: Tensor) throws(GraphError) -> Tensor { try elementwise(.lessEqual, self, b) }
    public func greater(than b: Tensor) throws(GraphError) -> Tensor { try elementwise(.less, b, self) }
    public func greater(than b: Double) throws(GraphError) -> Tensor { try greater(than: constant(b)) }
    public func equal(to b: Tensor) throws(GraphError) -> Tensor { try elementwise(.equal, self, b) }
    public func notEqual(to b: Tensor) throws(GraphError) -> Tensor { try elementwise(.notEqual, self, b) }
    public func isFinite() throws(GraphError) -> Tensor { try elementwise(.isFinite, self) }

    // Bits of integers, logic of bools.
    public static func & (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.and, a, b) }
    public static func | (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.or, a, b) }
    public static func ^ (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.xor, a, b) }
    public static func << (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.shiftLeft, a, b) }
    public static func >> (a: Tensor, b: Tensor) throws(GraphError) -> Tensor { try elementwise(.shiftRight, a, b) }
    public static prefix func ! (a: Tensor) throws(GraphError) -> Tensor { try elementwise(.not, a) }

    /// -1, 0 or 1.
    public func sign() throws(GraphError) -> Tensor { try elementwise(.sign, self) }

    /// Another element type. To bool: x != 0. Float to integer: toward zero, saturating, NaN to 0.
    public func cast(to scalar: ScalarType) throws(GraphError) -> Tensor {
        scalar == self.scalar ? self : try graph.apply(.elementwise(.cast(scalar)), [self])
    }

    /// uint32 bits as uniforms in (0, 1).
    public func uniform(_ scalar: ScalarType = .float32) throws(GraphError) -> Tensor {
        try graph.apply(.elementwise(.uniform(scalar)), [self])
    }

    /// uint32 bits as standard normals.
    public func normal(_ scalar: ScalarType = .float32) throws(GraphError) -> Tensor {
        try graph.apply(.elementwise(.normal(scalar)), [self])
    }
}

public func exp(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.exp, x) }
public func log(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.log, x) }
/// log(1 + x)
public func log1p(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.log1p, x) }
/// exp(x) - 1
public func expm1(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.expm1, x) }
public func sin(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.sin, x) }
public func cos(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.cos, x) }
public func tanh(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.tanh, x) }
/// 1 / (1 + exp(-x))
public func sigmoid(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.sigmoid, x) }
/// log(1 + exp(x))
public func softplus(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.softplus, x) }
public func erf(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.erf, x) }
public func sqrt(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.sqrt, x) }
/// 1 / sqrt(x)
public func rsqrt(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.rsqrt, x) }
public func abs(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.absolute, x) }
public func floor(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.floor, x) }
public func ceil(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.ceil, x) }
/// To the nearest integer, halves to even.
public func round(_ x: Tensor) throws(GraphError) -> Tensor { try elementwise(.round, x) }
public func pow(_ x: Tensor, _ y: Tensor) throws(GraphError) -> Tensor { try elementwise(.power, x, y) }
public func pow(_ x: Tensor, _ y: Double) throws(GraphError) -> Tensor { try pow(x, x.constant(y)) }
/// The smaller of two; NaN if either is.
public func minimum(_ a: Tensor, _ b: Tensor) throws(GraphError) -> Tensor { try elementwise(.minimum, a, b) }
/// The larger of two; NaN if either is.
public func maximum(_ a: Tensor, _ b: Tensor) throws(GraphError) -> Tensor { try elementwise(.maximum, a, b) }
public func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws(GraphError) -> Tensor {
    try elementwise(.select, condition, a, b)
}
/// a * b + c, rounded once.
public func fma(_ a: Tensor, _ b: Tensor, _ c: Tensor) throws(GraphError) -> Tensor {
    try elementwise(.fusedMultiplyAdd, a, b, c)
}
/// The image of each index (uint32) under a permutation of 0..<count keyed by two uint32.
public func permute(_ index: Tensor, count: Tensor, key: (Tensor, Tensor)) throws(GraphError) -> Tensor {
    try elementwise(.permute, index, count, key.0, key.1)
}

/// max(x, 0), with slope 0 at 0.
public func relu(_ x: Tensor) throws(GraphError) -> Tensor {
    let zero = try x.zerosLike()
    return try select(zero.less(than: x), x, zero)
}

/// x * Phi(x) (Hendrycks and Gimpel 2016), by the error function.
public func gelu(_ x: Tensor) throws(GraphError) -> Tensor {
    try 0.5 * x * (1 + erf(x * 0.7071067811865476))
}
