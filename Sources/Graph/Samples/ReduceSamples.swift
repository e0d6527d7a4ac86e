extension OpSample {
    /// Sums and extrema over every kind of axes, and what is made of them.
    static var reductions: [OpSample] {
        var list = SampleList("reduce")
        for kind in Reduce.Kind.allCases {
            let name = kind.rawValue
            @Sendable func reduced(_ x: [Tensor], _ axes: [Int]) throws -> Tensor {
                try x[0].graph.apply(.reduce(Reduce(kind: kind, axes: axes)), x)
            }
            let domain = SampleDomain.apart(-2...6)
            let isSum = kind == .sum || kind == .compensatedSum
            let layouts: [SampleLayout] = isSum ? SampleLayout.allCases : [.contiguous, .transposed, .strided]
            list.addLayouts("\(name) of rows", .float([5, 7], domain), layouts: layouts) { try reduced($0, [1]) }
            list.addLayouts("\(name) of columns", .float([5, 7], domain), layouts: layouts) { try reduced($0, [0]) }
            list.addLayouts("\(name) of a middle axis", .float([3, 5, 4], domain), layouts: layouts) {
                try reduced($0, [1])
            }
            list.add("\(name) of all", .float([3, 5, 4], domain)) { try reduced($0, [0, 1, 2]) }
            list.add("\(name) of outer axes", .float([3, 5, 4], domain)) { try reduced($0, [0, 1]) }
            list.add("\(name) of two ends", .float([3, 5, 4], domain)) { try reduced($0, [0, 2]) }
            list.add("\(name) of inner axes", .float([3, 5, 4], domain)) { try reduced($0, [1, 2]) }
            list.add("\(name) of no axes", .float([3, 5], domain)) { try reduced($0, []) }
            list.add("\(name) of axes of size 1", .float([1, 4, 1], domain)) { try reduced($0, [0, 2]) }
            list.add("\(name) to nothing", .float([3, 0, 2], domain)) { try reduced($0, [0]) }
            list.add("\(name) of a scalar", .float([], domain)) { try reduced($0, []) }
            for length in [1, 31, 33, 1023, 1025, 2500] {
                list.add("\(name) of \(length)", .float([length, 2], domain), tolerance: 1e-5) { try reduced($0, [0]) }
                list.add("\(name) of a row of \(length)", .float([2, length], domain), tolerance: 1e-5) {
                    try reduced($0, [1])
                }
            }
            for scalar in [ScalarType.int32, .uint32, .uint8] where kind.accepts(scalar) {
                list.add("\(name) \(scalar.rawValue)", .of(scalar, [5, 40], .edges(scalar)), order: 0) {
                    try reduced($0, [1])
                }
                list.add("\(name) \(scalar.rawValue) columns", .of(scalar, [40, 3], .edges(scalar)), order: 0) {
                    try reduced($0, [0])
                }
            }
            list.add(
                "\(name) with infinities and NaN",
                .float([3, 4], .values([1, 2, .infinity, 4, 5, 6, 7, .nan, 9, -.infinity, 1, 0])), order: 0
            ) { try reduced($0, [1]) }
        }
        for isCompensated in [false, true] {
            let name = isCompensated ? "compensated sum" : "sum"
            @Sendable func sum(_ x: [Tensor], _ axes: [Int]?) throws -> Tensor {
                try x[0].sum(axes: axes, compensated: isCompensated)
            }
            list.add("\(name) of no rows", .float([0, 3])) { try sum($0, [0]) }
            list.add("\(name) of an empty middle", .float([2, 0, 3])) { try sum($0, [1]) }
            list.add("\(name) of nothing at all", .float([0])) { try sum($0, nil) }
        }
        // Shapes that a device may cut in its own way.
        for shape in [[1030, 140], [2100, 3], [40, 300]] {
            list.add("compensated sum of columns \(shape)", .float(shape, .signed(0.01...4)), order: 0) {
                try $0[0].sum(axes: [0], compensated: true)
            }
        }
        list.add("compensated sum of rows of exp", .float([3, 2500], .uniform(-3...3))) {
            try (exp($0[0]) - 1).sum(axes: [1], compensated: true)
        }
        list.add("compensated mean of products", .float([70, 30]), .float([70, 30])) {
            try exp(-($0[0] * $0[1]).mean(compensated: true))
        }
        list.add("compensated sum of integers", .of(.int32, [5, 40], .edges(.int32)), order: 0) {
            try $0[0].sum(axes: [1], compensated: true)
        }
        list.add("max with ties", .float([2, 3], .values([1, 3, 3, 2, 2, 2])), order: 0) { try $0[0].max(axes: [1]) }
        list.add("mean", .float([3, 5])) { try $0[0].mean() }
        list.add("mean of rows, kept", .float([3, 5])) { try $0[0] - $0[0].mean(axes: [-1], keepAxes: true) }
        list.add("mean of squares", .float([3, 5])) { try ($0[0] * $0[0]).mean(axes: [0]) }
        list.add("sum of products, prologue and epilogue", .float([4, 9]), .float([4, 9])) {
            try exp(-($0[0] * $0[1]).sum(axes: [1]))
        }
        list.add("logSumExp", .float([3, 5], .uniform(-3...3))) { try $0[0].logSumExp(axes: [1]) }
        list.add("logSumExp of large numbers", .float([3, 5], .uniform(90...95))) { try $0[0].logSumExp(axes: [0]) }
        list.add(
            "logSumExp with infinities",
            .float([3, 2], .values([-.infinity, -.infinity, 1, -.infinity, .infinity, 0])), order: 0
        ) {
            try $0[0].logSumExp(axes: [1], keepAxes: true)
        }
        list.add("softmax", .float([3, 5], .uniform(-3...3)), tolerance: 5e-6) { try softmax($0[0]) }
        // 32 to 1024 elements: rows that devices have a kernel for.
        for (rows, length) in [(3, 5), (2, 32), (9, 33), (3, 100), (1, 1024), (2, 1025)] {
            for gradient in [false, true] where !gradient || length <= 100 {
                let inputs = [Input](repeating: .float([rows, length], .uniform(-4...4)), count: gradient ? 2 : 1)
                let pair: [Composite] =
                    gradient ? [.softmaxGradient, .logSoftmaxGradient] : [.softmax, .logSoftmax]
                for composite in pair {
                    list.addAll(
                        "\(composite) of \(rows) rows of \(length)", inputs, tolerance: 1e-5,
                        order: length <= 33 ? 2 : 1
                    ) { x in
                        try x[0].graph.apply(.composite(composite), x).results()
                    }
                }
            }
        }
        list.add("softmax of a slice, twice", .float([4, 3, 70], .uniform(-3...3)), tolerance: 1e-5, order: 1) { x in
            try softmax(softmax(x[0].slice(1, 1..<3)) * 3)
        }
        list.add(
            "softmax of infinities and NaN",
            .float([2, 34], .values((0..<68).map { [7: .infinity, 40: .nan, 3: -.infinity][$0] ?? Double($0) / 9 })),
            order: 0
        ) { try softmax($0[0]) }
        list.add(
            "softmax where nothing is possible", .float([1, 40], .values([Double](repeating: -.infinity, count: 40))),
            order: 0
        ) {
            try logSoftmax($0[0])
        }
        list.add("logSoftmax of columns", .float([3, 5], .uniform(-3...3))) { try logSoftmax($0[0], axis: 0) }
        for length in [0, 1, 2, 3, 7, 8] {
            list.add("product of \(length)", .float([2, length], .signed(0.5...1.5))) { try $0[0].product(axis: 1) }
        }
        list.add("product of columns, kept", .float([5, 3], .signed(0.5...1.5))) {
            try $0[0].product(axis: 0, keepAxis: true)
        }
        list.add("product with zeros", .float([3, 4], .values([0, 2, 3, 4, 0, 0, 1, 2, 1, 2, 3, 4]))) {
            try $0[0].product(axis: 1)
        }
        list.add("variance", .float([6, 4]), tolerance: 1e-5) { x in
            let centred = try x[0] - x[0].mean(axes: [0], keepAxes: true)
            return try (centred * centred).mean(axes: [0])
        }
        return list.samples
    }
}
