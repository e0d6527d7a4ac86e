/// 2-D convolution (cross-correlation, as in every deep-learning library) and its two gradients, NCHW.
///
/// `forward`: input [n, c, h, w], weights [o, c / groups, kh, kw] -> [n, o, oh, ow].
/// `backwardData`: output gradient, weights -> input; the transposed convolution.
/// `backwardWeights`: input, output gradient -> weights.
public struct Convolution: Hashable, Sendable {
    public enum Direction: String, Hashable, Sendable { case forward, backwardData, backwardWeights }

    public struct Geometry: Hashable, Sendable {
        public var stride: [Int]
        public var padLow: [Int]
        public var padHigh: [Int]
        public var dilation: [Int]
        public var groups: Int
    }

    public var direction: Direction
    public var geometry: Geometry
    /// The shape that the direction cannot infer: of the input for backwardData, of the weights for backwardWeights.
    public var resultShape: [Int]

    var name: String {
        switch direction {
        case .forward: "convolution"
        case .backwardData: "transposed convolution"
        case .backwardWeights: "convolution's weight gradient"
        }
    }

    func inferType(_ inputs: [TensorType]) throws(TypeError) -> TensorType {
        let (a, b) = (inputs[0], inputs[1])
        try TypeError.check(
            a.scalar == b.scalar && a.scalar.isFloating && a.rank == 4 && b.rank == 4,
            "needs two tensors of rank 4 and one float type, not \(a) and \(b)")
        switch direction {
        case .forward:
            return TensorType(try outputShape(input: a.shape, weights: b.shape), a.scalar)
        case .backwardData:
            let output = try outputShape(input: resultShape, weights: b.shape)
            try TypeError.check(output == a.shape, "\(a) is not the output \(output) of an input \(resultShape)")
            return TensorType(resultShape, a.scalar)
        case .backwardWeights:
            let output = try outputShape(input: a.shape, weights: resultShape)
            try TypeError.check(output == b.shape, "\(b) is not the output \(output) for weights \(resultShape)")
            return TensorType(resultShape, a.scalar)
        }
    }

    private func outputShape(input: [Int], weights: [Int]) throws(TypeError) -> [Int] {
        let g = geometry
        try TypeError.check(
            g.groups > 0 && g.stride.allSatisfy { $0 > 0 } && g.dilation.allSatisfy { $0 > 0 }
                && (g.padLow + g.padHigh).allSatisfy { $0 >= 0 } && input.count == 4 && weights.count == 4,
            "stride \(g.stride), dilation \(g.dilation), groups \(g.groups) must be positive, padding "
                + "\(g.padLow), \(g.padHigh) not negative")
        try TypeError.check(
            input[1] == weights[1] * g.groups && weights[0] % g.groups == 0,
            "input \(input) has \(input[1]) channels, weights \(weights) in \(g.groups) groups take "
                + "\(weights[1] * g.groups)")
        var shape = [input[0], weights[0], 0, 0]
        for axis in 0..<2 {
            let reach = g.dilation[axis] * (weights[axis + 2] - 1) + 1
            let room = input[axis + 2] + g.padLow[axis] + g.padHigh[axis] - reach
            try TypeError.check(
                room >= 0 && weights[axis + 2] > 0, "kernel \(weights.suffix(2)) does not fit the padded input \(input)"
            )
            shape[axis + 2] = room / g.stride[axis] + 1
        }
        return shape
    }

    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let (a, b) = (context.inputs[0], context.inputs[1])
        let g = try context.cotangent()
        func apply(_ direction: Direction, _ x: Tensor, _ y: Tensor, _ result: [Int]) throws(GraphError) -> Tensor {
            try g.graph.apply(
                .convolution(Convolution(direction: direction, geometry: geometry, resultShape: result)), [x, y])
        }
        // The three directions are one trilinear form in (input, weights, output).
        switch direction {
        case .forward:
            return [try apply(.backwardData, g, b, a.shape), try apply(.backwardWeights, a, g, b.shape)]
        case .backwardData:
            return [try apply(.forward, g, b, []), try apply(.backwardWeights, g, a, b.shape)]
        case .backwardWeights:
            return [try apply(.backwardData, b, g, a.shape), try apply(.forward, a, g, [])]
        }
    }
}

extension Tensor {
    /// 2-D convolution of [n, c, h, w] with weights [o, c / groups, kh, kw].
    public func convolved(
        with weights: Tensor, stride: [Int] = [1, 1], padding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1
    ) throws(GraphError) -> Tensor {
        let geometry = try convolutionGeometry(stride, padding, dilation, groups)
        return try innermost(self, weights).apply(
            .convolution(Convolution(direction: .forward, geometry: geometry, resultShape: [])), [self, weights])
    }

    /// Transposed 2-D convolution of [n, c, h, w] with weights [c, o / groups, kh, kw], the layout of PyTorch's
    /// ConvTranspose2d. Size: (h - 1) * stride - 2 * padding + dilation * (kh - 1) + 1 + outputPadding.
    public func transposeConvolved(
        with weights: Tensor, stride: [Int] = [1, 1], padding: [Int] = [0, 0], outputPadding: [Int] = [0, 0],
        dilation: [Int] = [1, 1], groups: Int = 1
    ) throws(GraphError) -> Tensor {
        let geometry = try convolutionGeometry(stride, padding, dilation, groups)
        guard rank == 4, weights.rank == 4 else {
            throw graph.error("transposed convolution", "needs rank 4, not \(type) and \(weights.type)")
        }
        guard outputPadding.count == 2, outputPadding.allSatisfy({ 0...TensorType.longestAxis ~= $0 }) else {
            throw graph.error("transposed convolution", "output padding \(outputPadding) of \(type)")
        }
        for operand in [type, weights.type] { _ = try graph.possible(operand, "transposed convolution") }
        var result = [shape[0], weights.shape[1] * groups, 0, 0]
        for axis in 0..<2 {
            result[axis + 2] =
                (shape[axis + 2] - 1) * stride[axis] - 2 * padding[axis]
                + dilation[axis] * (weights.shape[axis + 2] - 1) + 1 + outputPadding[axis]
        }
        guard result.allSatisfy({ $0 >= 0 }) else {
            throw graph.error("transposed convolution", "\(type) would give the size \(result)")
        }
        return try innermost(self, weights).apply(
            .convolution(Convolution(direction: .backwardData, geometry: geometry, resultShape: result)),
            [self, weights])
    }

    /// 1-D convolution of [n, c, length] with weights [o, c / groups, k].
    public func convolved1D(
        with weights: Tensor, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
    ) throws(GraphError) -> Tensor {
        guard rank == 3, weights.rank == 3 else {
            throw graph.error("1-D convolution", "needs rank 3, not \(type) and \(weights.type)")
        }
        let result = try expanded(2).convolved(
            with: weights.expanded(2), stride: [1, stride], padding: [0, padding], dilation: [1, dilation],
            groups: groups)
        return try result.reshaped([result.shape[0], result.shape[1], result.shape[3]])
    }

    private func convolutionGeometry(
        _ stride: [Int], _ padding: [Int], _ dilation: [Int], _ groups: Int
    ) throws(GraphError) -> Convolution.Geometry {
        guard [stride.count, padding.count, dilation.count].allSatisfy({ $0 == 2 }) else {
            throw graph.error("convolution", "stride, padding and dilation need two numbers each")
        }
        guard (stride + dilation + [groups]).allSatisfy({ 1...TensorType.longestAxis ~= $0 }),
            padding.allSatisfy({ 0...TensorType.longestAxis ~= $0 })
        else {
            throw graph.error(
                "convolution",
                "stride \(stride), dilation \(dilation), groups \(groups) must be positive, padding \(padding) not negative, "
                    + "for \(type)")
        }
        return Convolution.Geometry(
            stride: stride, padLow: padding, padHigh: padding, dilation: dilation, groups: groups)
    }

    /// Means of windows over the last two axes of [n, c, h, w]; zeros of the padding count, as in PyTorch.
    public func averagePooled(_ size: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0]) throws(GraphError) -> Tensor
    {
        let windows = try poolingWindows(size, stride ?? size, padding, filler: 0)
        return try windows.mean(axes: [windows.rank - 2, windows.rank - 1])
    }

    /// Largest elements of windows over the last two axes; equal ones share the gradient.
    public func maxPooled(_ size: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0]) throws(GraphError) -> Tensor {
        let windows = try poolingWindows(size, stride ?? size, padding, filler: -.infinity)
        return try windows.max(axes: [windows.rank - 2, windows.rank - 1])
    }

    /// [n, c, oh, ow, kh, kw].
    private func poolingWindows(
        _ size: [Int], _ stride: [Int], _ padding: [Int], filler: Double
    ) throws(GraphError) -> Tensor {
        guard rank >= 2, size.count == 2, stride.count == 2, padding.count == 2,
            (size + stride).allSatisfy({ 1...TensorType.longestAxis ~= $0 }),
            padding.allSatisfy({ 0...TensorType.longestAxis ~= $0 })
        else {
            throw graph.error(
                "pooling",
                "size \(size), stride \(stride) and padding \(padding) of \(type) must be two positive numbers each")
        }
        var padded = self
        for (axis, amount) in zip([rank - 2, rank - 1], padding) where amount > 0 {
            if filler == 0 {
                padded = try padded.padded(axis: axis, low: amount, high: amount)
            } else {
                var edge = padded.shape
                edge[axis] = amount
                let fill = graph.constant(filler, TensorType(edge, scalar))
                padded = try concatenate([fill, padded, fill], axis: axis)
            }
        }
        // Windows that neither overlap nor leave a rest are a reshape, which also has the cheaper gradient.
        let (h, w) = (padded.shape[rank - 2], padded.shape[rank - 1])
        if stride == size, h >= size[0], w >= size[1] {
            let (oh, ow) = (h / size[0], w / size[1])
            let cut = try padded.slice(rank - 2, 0..<(oh * size[0])).slice(rank - 1, 0..<(ow * size[1]))
            let leading = Array(shape.dropLast(2))
            let grouped = try cut.reshaped(leading + [oh, size[0], ow, size[1]])
            let axes = Array(0..<leading.count) + [0, 2, 1, 3].map { $0 + leading.count }
            return try grouped.transposed(axes)
        }
        return try padded.windows(rank - 2, size: size[0], stride: stride[0])
            .windows(rank - 1, size: size[1], stride: stride[1])
    }

    /// Each element of the last two axes repeated `factor` times along both.
    public func upsampledNearest(_ factor: Int) throws(GraphError) -> Tensor {
        guard rank >= 2, 1...TensorType.longestAxis ~= factor else {
            throw graph.error("upsample", "factor \(factor) of \(type)")
        }
        let leading = Array(shape.dropLast(2))
        let (h, w) = (shape[rank - 2], shape[rank - 1])
        return try reshaped(leading + [h, 1, w, 1]).broadcast(to: leading + [h, factor, w, factor])
            .reshaped(leading + [h * factor, w * factor])
    }
}
