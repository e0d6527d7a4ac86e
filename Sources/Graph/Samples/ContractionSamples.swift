extension OpSample {
    /// Matrix products and the three directions of convolution.
    static var contractions: [OpSample] {
        var list = SampleList("matmul")
        list.addLayouts("matrices", .float([5, 7]), .float([7, 3])) { try matmul($0[0], $0[1]) }
        list.addLayouts("batches", .float([2, 3, 5]), .float([2, 5, 4])) { try matmul($0[0], $0[1]) }
        list.add("first transposed", .float([7, 5]), .float([7, 3])) { try matmul($0[0].transposed(), $0[1]) }
        list.add("second transposed", .float([5, 7]), .float([3, 7])) { try matmul($0[0], $0[1].transposed()) }
        list.add("both transposed", .float([7, 5]), .float([3, 7])) {
            try matmul($0[0].transposed(), $0[1].transposed())
        }
        list.add("with itself", .float([4, 6])) { try matmul($0[0], $0[0].transposed()) }
        list.add("one batch axis broadcast", .float([3, 2, 4]), .float([4, 5])) { try matmul($0[0], $0[1]) }
        list.add("both batch axes broadcast", .float([3, 1, 2, 4]), .float([2, 4, 3])) { try matmul($0[0], $0[1]) }
        list.add("transposed batches", .float([3, 2, 4]), .float([3, 4, 2])) {
            try matmul($0[0].transposed([1, 0, 2]), $0[1].transposed([2, 1, 0]))
        }
        for (m, k, n) in [
            (1, 1, 1), (1, 9, 1), (9, 1, 9), (1, 5, 7), (7, 5, 1), (17, 33, 18), (3, 257, 5), (2, 700, 3), (40, 20, 70),
        ] {
            list.add("\(m)x\(k)x\(n)", .float([m, k]), .float([k, n]), tolerance: 1e-5) { try matmul($0[0], $0[1]) }
        }
        for (m, k, n) in [(0, 3, 2), (2, 0, 3), (2, 3, 0), (0, 0, 0)] {
            list.add("\(m)x\(k)x\(n)", .float([m, k]), .float([k, n])) { try matmul($0[0], $0[1]) }
        }
        list.add("no batch", .float([0, 2, 3]), .float([0, 3, 2])) { try matmul($0[0], $0[1]) }
        list.add("bias and activation", .float([5, 7]), .float([7, 3]), .float([3])) {
            try tanh(matmul($0[0], $0[1]) + $0[2])
        }
        list.add("bias of one row", .float([5, 7]), .float([7, 3]), .float([1, 3])) { try matmul($0[0], $0[1]) + $0[2] }
        // Kinks of the activation may lie anywhere: not differentiated.
        for (m, k, n) in [(5, 7, 3), (1, 9, 1), (40, 20, 70), (17, 33, 18), (3, 257, 5), (2, 700, 3), (2, 0, 3)] {
            list.add(
                "bias and ReLU \(m)x\(k)x\(n)", .float([m, k]), .float([k, n]), .float([n]), tolerance: 1e-5, order: 0
            ) {
                try relu(matmul($0[0], $0[1]) + $0[2])
            }
        }
        list.add("ReLU of batches", .float([2, 3, 5]), .float([2, 5, 4]), order: 0) { try relu(matmul($0[0], $0[1])) }
        list.add("bias and ReLU of batches", .float([2, 3, 5]), .float([5, 4]), .float([4]), order: 0) {
            try relu($0[2] + matmul($0[0], $0[1]))
        }
        list.add("bias from a larger tensor", .float([5, 7]), .float([7, 3]), .float([2, 6])) {
            try matmul($0[0], $0[1]) + $0[2].slice(0, 1..<2).reshaped([6]).slice(0, 2..<5)
        }
        list.add("computed operands", .float([5, 7]), .float([7, 3])) {
            try matmul(exp($0[0]), $0[1] * 2).sum(axes: [0])
        }
        list.add("constant operand", .float([3, 4])) {
            try matmul($0[0], $0[0].graph.constant(0.5, TensorType([4, 2], $0[0].scalar)))
        }
        return list.samples + convolutions
    }

    private static var convolutions: [OpSample] {
        var list = SampleList("convolution")
        struct Case {
            var name: String
            var input: [Int], weights: [Int]
            var stride = [1, 1], padding = [0, 0], dilation = [1, 1], groups = 1
        }
        let cases = [
            Case(name: "plain", input: [2, 3, 6, 5], weights: [4, 3, 3, 2]),
            Case(name: "1x1", input: [2, 3, 4, 5], weights: [2, 3, 1, 1]),
            Case(name: "padded", input: [2, 2, 5, 4], weights: [3, 2, 3, 3], padding: [1, 2]),
            Case(name: "stride 2", input: [2, 2, 8, 8], weights: [3, 2, 4, 4], stride: [2, 2], padding: [1, 1]),
            Case(name: "stride with a rest", input: [1, 2, 8, 9], weights: [3, 2, 3, 3], stride: [2, 3]),
            Case(
                name: "stride beyond the kernel", input: [1, 2, 9, 9], weights: [2, 2, 2, 2], stride: [3, 4],
                padding: [1, 0]),
            Case(name: "dilated", input: [1, 2, 9, 8], weights: [3, 2, 3, 2], padding: [2, 1], dilation: [2, 3]),
            Case(name: "groups", input: [2, 6, 5, 5], weights: [4, 3, 3, 3], padding: [1, 1], groups: 2),
            Case(
                name: "depthwise", input: [2, 3, 5, 6], weights: [6, 1, 3, 3], stride: [2, 1], padding: [1, 1],
                groups: 3),
            Case(
                name: "everything", input: [3, 4, 9, 11], weights: [6, 2, 3, 2], stride: [2, 3], padding: [2, 1],
                dilation: [2, 2], groups: 2),
            Case(name: "as large as the input", input: [2, 2, 4, 3], weights: [3, 2, 4, 3]),
            Case(name: "padding beyond the kernel", input: [1, 1, 2, 2], weights: [1, 1, 2, 2], padding: [3, 3]),
            Case(name: "many channels", input: [1, 34, 4, 4], weights: [19, 34, 3, 3], padding: [1, 1]),
            Case(name: "one image row", input: [1, 1, 1, 37], weights: [2, 1, 1, 5], padding: [0, 2]),
            Case(name: "no images", input: [0, 2, 5, 5], weights: [3, 2, 3, 3]),
            Case(name: "no channels", input: [2, 0, 5, 5], weights: [3, 0, 3, 3]),
            Case(name: "no output channels", input: [2, 2, 5, 5], weights: [0, 2, 3, 3]),
        ]
        for one in cases {
            let geometry = Convolution.Geometry(
                stride: one.stride, padLow: one.padding, padHigh: one.padding, dilation: one.dilation,
                groups: one.groups)
            var output = [one.input[0], one.weights[0], 0, 0]
            for axis in 0..<2 {
                let room =
                    one.input[axis + 2] + 2 * one.padding[axis] - one.dilation[axis] * (one.weights[axis + 2] - 1) - 1
                output[axis + 2] = room / one.stride[axis] + 1
            }
            let plain = one.name == "plain" || one.name == "stride 2"
            let layouts: [SampleLayout] = plain ? SampleLayout.allCases : [.contiguous]
            for direction in [Convolution.Direction.forward, .backwardData, .backwardWeights] {
                let (a, b, result): ([Int], [Int], [Int])
                switch direction {
                case .forward: (a, b, result) = (one.input, one.weights, [])
                case .backwardData: (a, b, result) = (output, one.weights, one.input)
                case .backwardWeights: (a, b, result) = (one.input, output, one.weights)
                }
                let op = Convolution(direction: direction, geometry: geometry, resultShape: result)
                if direction != .backwardWeights {
                    let channels = direction == .forward ? one.weights[0] : one.input[1]
                    list.add(
                        "\(direction.rawValue) \(one.name), bias and ReLU", .float(a), .float(b), .float([channels]),
                        tolerance: 1e-5, order: 0
                    ) {
                        let sums = try $0[0].graph.apply(.convolution(op), Array($0.prefix(2)))
                        return try relu(sums + $0[2].reshaped([channels, 1, 1]))
                    }
                }
                list.addLayouts(
                    "\(direction.rawValue) \(one.name)", .float(a), .float(b), layouts: layouts, tolerance: 1e-5
                ) {
                    try $0[0].graph.apply(.convolution(op), $0)
                }
            }
        }
        list.add("uneven padding", .float([2, 2, 5, 5]), .float([3, 2, 3, 3])) { x in
            let geometry = Convolution.Geometry(
                stride: [2, 1], padLow: [1, 0], padHigh: [2, 3], dilation: [1, 1], groups: 1)
            return try x[0].graph.apply(
                .convolution(Convolution(direction: .forward, geometry: geometry, resultShape: [])), x)
        }
        list.add("bias and activation", .float([2, 2, 5, 5]), .float([3, 2, 3, 3]), .float([3])) { x in
            let sums = try x[0].convolved(with: x[1], padding: [1, 1])
            return try tanh(sums + x[2].reshaped([1, 3, 1, 1]))
        }
        list.add("transposed, bias", .float([2, 3, 4, 4]), .float([3, 2, 4, 4]), .float([2]), tolerance: 1e-5) { x in
            let sums = try x[0].transposeConvolved(with: x[1], stride: [2, 2], padding: [1, 1])
            return try sigmoid(sums + x[2].reshaped([2, 1, 1]))
        }
        list.add("transposed, output padding and groups", .float([2, 4, 3, 3]), .float([4, 1, 3, 3])) {
            try $0[0].transposeConvolved(
                with: $0[1], stride: [2, 3], padding: [1, 0], outputPadding: [1, 2], groups: 2)
        }
        list.add("1-D", .float([2, 3, 9]), .float([4, 3, 3])) {
            try $0[0].convolved1D(with: $0[1], stride: 2, padding: 1)
        }
        list.add("1-D dilated groups", .float([2, 4, 9]), .float([4, 2, 3])) {
            try $0[0].convolved1D(with: $0[1], dilation: 2, groups: 2)
        }
        return list.samples
    }

    /// Pooling and upsampling.
    static var poolings: [OpSample] {
        var list = SampleList("pool")
        let image = Input.float([2, 2, 6, 7], .apart(-2...2))
        for (name, size, stride, padding) in [
            ("2x2", [2, 2], [2, 2], [0, 0]), ("3x2 overlapping", [3, 2], [2, 1], [0, 0]),
            ("padded", [3, 3], [2, 2], [1, 1]),
            ("with gaps", [1, 2], [2, 3], [0, 0]), ("padded without overlap", [2, 3], [2, 3], [1, 1]),
        ] {
            list.add("average \(name)", image) { try $0[0].averagePooled(size, stride: stride, padding: padding) }
            list.add("max \(name)", image) { try $0[0].maxPooled(size, stride: stride, padding: padding) }
        }
        list.add("average of everything", image) { try $0[0].averagePooled([6, 7]) }
        list.add("max without images", .float([0, 2, 4, 4])) { try $0[0].maxPooled([2, 2]) }
        list.add("max of a matrix", .float([4, 6], .apart(-2...2))) { try $0[0].maxPooled([2, 3]) }
        for factor in [1, 2, 3] {
            list.addLayouts(
                "upsample by \(factor)", .float([2, 2, 3, 2]),
                layouts: factor == 2 ? SampleLayout.allCases : [.contiguous]
            ) {
                try $0[0].upsampledNearest(factor)
            }
        }
        list.add("upsample no images", .float([0, 2, 3, 2])) { try $0[0].upsampledNearest(2) }
        return list.samples
    }
}
