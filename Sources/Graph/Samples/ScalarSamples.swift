extension OpSample {
    /// Every scalar operation on every element type that it takes, on ordinary numbers and on edges, and broadcasting.
    static var scalars: [OpSample] {
        var list = SampleList("elementwise")
        for op in ScalarOp.allCases {
            for scalar in ScalarType.allCases where op.accepts(scalar) && scalar != .float64 {
                let float = scalar == .float32
                let title = float ? op.rawValue : "\(op.rawValue) \(scalar.rawValue)"
                let domains =
                    float ? op.ordinary : [SampleDomain](repeating: op.ordinaryIntegers(scalar), count: op.arity)
                let inputs = domains.enumerated().map { position, domain in
                    op == .select && position == 0
                        ? Input.of(.bool, [3, 5], .bools)
                        : Input(shape: [3, 5], scalar: float ? nil : scalar, domain: domain)
                }
                list.addAll(title, inputs, order: float ? op.order : 0) { x in
                    [try x[0].graph.apply(.elementwise(.scalar(op)), x)]
                }
                if op.arity <= 2 { list.addEdges(op, scalar, title) }
            }
        }
        list.addShapes()
        return list.samples
    }

    /// Each element type to each other, on edges, and gradients through casts.
    static var casts: [OpSample] {
        var list = SampleList("cast")
        for source in ScalarType.allCases {
            for target in ScalarType.allCases where source != target {
                list.add("\(source.rawValue) to \(target.rawValue)", .of(source, [24], .edges(source)), order: 0) {
                    try $0[0].cast(to: target)
                }
            }
        }
        list.add("float32 and back", .float([7]), order: 0) { x in
            let there = try (x[0] * x[0]).cast(to: .float32)
            return try there.cast(to: x[0].scalar)
        }
        list.add("gradient to float64 and back", .float([7])) { x in
            let there = try (x[0] * x[0]).cast(to: .float64)
            return try there.cast(to: x[0].scalar)
        }
        list.add("through an integer", .float([9], .fraction(0.2...0.8))) { x in
            try x[0] * x[0].cast(to: .int32).cast(to: x[0].scalar)
        }
        return list.samples
    }
}

extension SampleList {
    fileprivate mutating func addEdges(_ op: ScalarOp, _ scalar: ScalarType, _ title: String) {
        var domain = SampleDomain.edges(scalar)
        // Beyond 2^22 quarter turns the kernels take the argument of sine and cosine as 0.
        if op == .sin || op == .cos {
            domain = .values(SampleDomain.edgeValues.filter { !($0.magnitude > 1e6) || $0.isInfinite })
        }
        // Only the sign of the divisor's zero decides between plus and minus infinity; both are covered by divide.
        guard case .values(let values) = domain else { return }
        let count = values.count
        let float = scalar == .float32
        let column = OpSample.Input(shape: [count, 1], scalar: float ? nil : scalar, domain: domain)
        let row = OpSample.Input(shape: [1, count], scalar: float ? nil : scalar, domain: domain)
        addAll("\(title) at edges", op.arity == 1 ? [column] : [column, row], order: 0) { x in
            let aligned = op.arity == 1 ? x : try x.map { try $0.broadcast(to: [count, count]) }
            return [try x[0].graph.apply(.elementwise(.scalar(op)), aligned)]
        }
    }

    fileprivate mutating func addShapes() {
        addLayouts("sum of products", .float([4, 3, 5]), .float([4, 3, 5])) { try exp($0[0]) + $0[1] * $0[0] }
        addLayouts("scalars", .float([]), .float([])) { try $0[0] * $0[1] + 1.5 }
        addLayouts("one row", .float([1, 7]), .float([1, 7])) { try $0[0] / (2 + $0[1]) }
        addLayouts("longer than a tile", .float([3, 701]), .float([3, 701])) { try tanh($0[0]) * $0[1] }
        addLayouts("nothing", .float([3, 0, 2]), .float([3, 0, 2])) { try $0[0] * $0[1] }
        addLayouts("bytes", .of(.uint8, [3, 5], .integers(0...255)), order: 0) { try $0[0] + $0[0] }
        add("broadcast row", .float([4, 5]), .float([5])) { try $0[0] * $0[1] }
        add("broadcast column", .float([4, 5]), .float([4, 1])) { try sin($0[0] - $0[1]) }
        add("broadcast both", .float([3, 1, 2]), .float([4, 1])) { try $0[0] * exp($0[1]) }
        add("broadcast scalar", .float([2, 3]), .float([])) { try $0[0] * $0[1] }
        add("broadcast to nothing", .float([1, 3]), .float([0, 1])) { try $0[0] + $0[1] }
        add("rank 8", .float([2, 1, 3, 1, 2, 1, 2, 3]), .float([3, 1, 2, 1, 1, 3])) { try $0[0] * $0[1] }
        add("square of one tensor", .float([6])) { try $0[0] * $0[0] * $0[0] }
        add("power 2", .float([6])) { try pow($0[0], 2) }
        add("power 0 at 0", .float([3], .values([0, 0.5, 2]))) { try pow($0[0], 0) }
        add("relu", .float([3, 7], .signed(0.1...2))) { try relu($0[0]) }
        add("gelu", .float([3, 7], .uniform(-3...3))) { try gelu($0[0]) }
        addAll("comparisons", [.float([3, 5], .fraction(0...0)), .float([3, 5], .fraction(0...0))], order: 0) { x in
            [
                try x[0].less(than: x[1]), try x[0].lessEqual(to: x[1]), try x[0].greater(than: x[1]),
                try x[0].equal(to: x[1]), try x[0].notEqual(to: x[1]), try x[0].less(than: 1),
                try x[0].greater(than: 1),
            ]
        }
        add("permutation of 1000", .of(.uint32, [], .bits), .of(.uint32, [], .bits), order: 0) { x in
            let graph = x[0].graph
            let index = try graph.iota([1000], axis: 0).cast(to: .uint32)
            return try permute(index, count: graph.constant(1000, .uint32), key: (x[0], x[1]))
        }
        add("permutation of few", .of(.uint32, [40], .integers(0...3)), .of(.uint32, [], .bits), order: 0) { x in
            let count = try x[0].graph.iota([40], axis: 0).cast(to: .uint32)
            return try permute(x[0], count: count, key: (x[1], x[1]))
        }
    }
}

extension ScalarOp {
    /// Where each float operand may lie so that value and derivatives are plain.
    fileprivate var ordinary: [SampleDomain] {
        switch self {
        case .negate, .exp, .expm1, .sin, .cos, .tanh, .erf: [.uniform(-2...2)]
        case .sigmoid, .softplus: [.uniform(-6...6)]
        case .log, .sqrt, .rsqrt: [.uniform(0.2...5)]
        case .log1p: [.uniform(-0.8...4)]
        case .absolute: [.signed(0.1...3)]
        case .sign, .floor, .ceil, .isFinite: [.fraction(0.1...0.9)]
        case .round: [.fraction(-0.4...0.4)]
        case .not: []
        case .add, .subtract, .multiply: [.uniform(-2...2), .uniform(-2...2)]
        case .divide: [.uniform(-2...2), .signed(0.5...3)]
        case .remainder: [.signed(4.4...5.4), .signed(2...2.1)]
        case .power: [.uniform(0.3...3), .uniform(-2...2)]
        case .minimum, .maximum: [.fraction(0.1...0.4), .fraction(0.6...0.9)]
        case .less, .lessEqual, .equal, .notEqual: [.fraction(0.1...0.4), .fraction(0.6...0.9)]
        case .and, .or, .xor, .shiftLeft, .shiftRight, .permute: []
        case .select: [.bools, .uniform(-2...2), .uniform(-2...2)]
        case .fusedMultiplyAdd: [.uniform(-2...2), .uniform(-2...2), .uniform(-2...2)]
        }
    }

    fileprivate func ordinaryIntegers(_ scalar: ScalarType) -> SampleDomain {
        if self == .permute { return .integers(0...40) }
        return scalar == .bool ? .bools : scalar == .int32 ? .integers(-50...50) : .integers(0...50)
    }

    fileprivate var order: Int { isComparison ? 0 : 2 }
}
