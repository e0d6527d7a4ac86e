import CPUKernels
import Testing

struct ConvolutionCase: CustomTestStringConvertible {
    var batch = 2
    var channels: (from: Int, to: Int)
    var input: (h: Int, w: Int)
    var kernel: (h: Int, w: Int)
    var stride = (h: 1, w: 1)
    var dilation = (h: 1, w: 1)
    var padding = (top: 0, left: 0, bottom: 0, right: 0)
    var groups = 1
    var bias = false

    init(
        _ channels: (from: Int, to: Int), _ input: (h: Int, w: Int), _ kernel: (h: Int, w: Int),
        stride: (h: Int, w: Int) = (1, 1), dilation: (h: Int, w: Int) = (1, 1),
        padding: (top: Int, left: Int, bottom: Int, right: Int) = (0, 0, 0, 0), groups: Int = 1, batch: Int = 2,
        bias: Bool = false
    ) {
        (self.channels, self.input, self.kernel) = (channels, input, kernel)
        (self.stride, self.dilation) = (stride, dilation)
        (self.padding, self.groups, self.batch, self.bias) = (padding, groups, batch, bias)
    }

    var output: (h: Int, w: Int) {
        (
            (input.h + padding.top + padding.bottom - dilation.h * (kernel.h - 1) - 1) / stride.h + 1,
            (input.w + padding.left + padding.right - dilation.w * (kernel.w - 1) - 1) / stride.w + 1
        )
    }

    var testDescription: String {
        """
        \(batch) of \(channels.from)x\(input.h)x\(input.w) -> \(channels.to)x\(output.h)x\(output.w), \
        kernel \(kernel), stride \(stride), dilation \(dilation), padding \(padding), groups \(groups)
        """
    }

    var inputCount: Int { batch * channels.from * input.h * input.w }
    var outputCount: Int { batch * channels.to * output.h * output.w }
    var weightCount: Int { channels.to * channels.from / groups * kernel.h * kernel.w }

    func resultCount(_ direction: pf_conv_direction) -> Int {
        direction == PF_CONV_FORWARD ? outputCount : direction == PF_CONV_BACKWARD_DATA ? inputCount : weightCount
    }
}

/// Operands, and the literal meaning of the three directions as convolution.c states it.
struct ConvolutionData<T: MatrixElement> {
    let test: ConvolutionCase
    var input: [T], weights: [T], output: [T], bias: [T]

    init(_ test: ConvolutionCase) {
        self.test = test
        input = T.random(test.inputCount, seed: 11)
        weights = T.random(test.weightCount, seed: 12)
        output = T.random(test.outputCount, seed: 13)
        bias = T.random(max(test.channels.from, test.channels.to), seed: 14)
    }

    var inGroup: Int { test.channels.from / test.groups }
    var outGroup: Int { test.channels.to / test.groups }

    func inputAt(_ n: Int, _ c: Int, _ h: Int, _ w: Int) -> T {
        guard (0..<test.input.h).contains(h), (0..<test.input.w).contains(w) else { return 0 }
        return input[((n * test.channels.from + c) * test.input.h + h) * test.input.w + w]
    }

    func outputAt(_ n: Int, _ c: Int, _ h: Int, _ w: Int) -> T {
        guard (0..<test.output.h).contains(h), (0..<test.output.w).contains(w) else { return 0 }
        return output[((n * test.channels.to + c) * test.output.h + h) * test.output.w + w]
    }

    func weight(_ o: Int, _ i: Int, _ h: Int, _ w: Int) -> T {
        weights[((o * inGroup + i) * test.kernel.h + h) * test.kernel.w + w]
    }

    func reference(_ direction: pf_conv_direction) -> [T] {
        var result: [T] = []
        result.reserveCapacity(test.resultCount(direction))
        let (kernel, stride, dilation, padding) = (test.kernel, test.stride, test.dilation, test.padding)
        switch direction {
        case PF_CONV_FORWARD:
            for n in 0..<test.batch {
                for o in 0..<test.channels.to {
                    for y in 0..<test.output.h {
                        for x in 0..<test.output.w {
                            var chain = Chain<T>()
                            for i in 0..<inGroup {
                                for kh in 0..<kernel.h {
                                    for kw in 0..<kernel.w {
                                        let h = y * stride.h + kh * dilation.h - padding.top
                                        let w = x * stride.w + kw * dilation.w - padding.left
                                        chain.add(weight(o, i, kh, kw), inputAt(n, o / outGroup * inGroup + i, h, w))
                                    }
                                }
                            }
                            result.append(test.bias ? chain.value + bias[o] : chain.value)
                        }
                    }
                }
            }
        case PF_CONV_BACKWARD_DATA:
            for n in 0..<test.batch {
                for c in 0..<test.channels.from {
                    for h in 0..<test.input.h {
                        for w in 0..<test.input.w {
                            var chain = Chain<T>()
                            for o in 0..<outGroup {
                                let channel = c / inGroup * outGroup + o
                                for kh in 0..<kernel.h {
                                    for kw in 0..<kernel.w {
                                        let y = h + padding.top - kh * dilation.h
                                        let x = w + padding.left - kw * dilation.w
                                        guard y % stride.h == 0, x % stride.w == 0 else { continue }
                                        chain.add(
                                            weight(channel, c % inGroup, kh, kw),
                                            outputAt(n, channel, y / stride.h, x / stride.w))
                                    }
                                }
                            }
                            result.append(test.bias ? chain.value + bias[c] : chain.value)
                        }
                    }
                }
            }
        default:
            for o in 0..<test.channels.to {
                for i in 0..<inGroup {
                    for kh in 0..<kernel.h {
                        for kw in 0..<kernel.w {
                            var chain = Chain<T>()
                            for n in 0..<test.batch {
                                for y in 0..<test.output.h {
                                    for x in 0..<test.output.w {
                                        let h = y * stride.h + kh * dilation.h - padding.top
                                        let w = x * stride.w + kw * dilation.w - padding.left
                                        chain.add(outputAt(n, o, y, x), inputAt(n, o / outGroup * inGroup + i, h, w))
                                    }
                                }
                            }
                            result.append(chain.value)
                        }
                    }
                }
            }
        }
        return result
    }

    /// What the kernels make of it, at the level in use.
    func result(_ direction: pf_conv_direction, threads: Int32, mask: [T] = []) throws -> [T] {
        try mask.withUnsafeBufferPointer {
            try result(direction, threads: threads, mask: mask.isEmpty ? nil : UnsafeRawPointer($0.baseAddress))
        }
    }

    private func result(_ direction: pf_conv_direction, threads: Int32, mask: UnsafeRawPointer?) throws -> [T] {
        let out = GuardedMemory<T>(count: test.resultCount(direction))
        try input.withUnsafeBufferPointer { input in
            try weights.withUnsafeBufferPointer { weights in
                try output.withUnsafeBufferPointer { output in
                    try bias.withUnsafeBufferPointer { bias in
                        var c = pf_convolution()
                        (c.type, c.direction, c.groups) = (T.type, direction, Int64(test.groups))
                        (c.batch, c.in_channels, c.out_channels) = (
                            Int64(test.batch), Int64(test.channels.from), Int64(test.channels.to)
                        )
                        (c.in_h, c.in_w) = (Int64(test.input.h), Int64(test.input.w))
                        (c.out_h, c.out_w) = (Int64(test.output.h), Int64(test.output.w))
                        (c.kernel_h, c.kernel_w) = (Int64(test.kernel.h), Int64(test.kernel.w))
                        (c.stride_h, c.stride_w) = (Int64(test.stride.h), Int64(test.stride.w))
                        (c.dilation_h, c.dilation_w) = (Int64(test.dilation.h), Int64(test.dilation.w))
                        (c.pad_top, c.pad_left) = (Int64(test.padding.top), Int64(test.padding.left))
                        c.input = UnsafeMutableRawPointer(mutating: input.baseAddress)
                        c.weights = UnsafeMutableRawPointer(mutating: weights.baseAddress)
                        c.output = UnsafeMutableRawPointer(mutating: output.baseAddress)
                        if test.bias, direction != PF_CONV_BACKWARD_WEIGHTS {
                            c.bias = UnsafeRawPointer(bias.baseAddress)
                        }
                        c.mask = mask
                        switch direction {
                        case PF_CONV_FORWARD: c.output = UnsafeMutableRawPointer(out.base)
                        case PF_CONV_BACKWARD_DATA: c.input = UnsafeMutableRawPointer(out.base)
                        default: c.weights = UnsafeMutableRawPointer(out.base)
                        }
                        let workspace = GuardedMemory<UInt8>(count: Int(pf_convolution_workspace(&c)))
                        try run(#require(pf_convolution_prepare(&c, workspace.base)), threads: threads)
                        #expect(out.isIntact && workspace.isIntact)
                    }
                }
            }
        }
        return out.array
    }
}

@Suite(.serialized) struct ConvolutionTests {
    static let directions = [PF_CONV_FORWARD, PF_CONV_BACKWARD_DATA, PF_CONV_BACKWARD_WEIGHTS]

    static let cases: [ConvolutionCase] = [
        // The convolutional VAE's shapes, fewer channels.
        ConvolutionCase((1, 32), (28, 28), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((16, 24), (14, 14), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), batch: 3, bias: true),
        // Stride 1, few and many channels; K below, at and above a block.
        ConvolutionCase((3, 5), (9, 11), (3, 3), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((28, 9), (8, 8), (3, 3), padding: (1, 1, 1, 1)),
        ConvolutionCase((64, 20), (6, 7), (2, 2)), ConvolutionCase((29, 40), (7, 6), (3, 3), bias: true),
        ConvolutionCase((9, 70), (5, 40), (3, 3), padding: (2, 2, 2, 2), batch: 1),
        // 1x1, in place and strided.
        ConvolutionCase((20, 33), (7, 5), (1, 1), bias: true),
        ConvolutionCase((20, 33), (7, 5), (1, 1), stride: (2, 2)),
        ConvolutionCase((2, 3), (7, 5), (1, 1), stride: (3, 2), bias: true),
        // One pixel out, one pixel in, a kernel that overhangs.
        ConvolutionCase((10, 12), (4, 4), (4, 4), batch: 40),
        ConvolutionCase((3, 2), (1, 1), (3, 3), padding: (1, 1, 1, 1)),
        ConvolutionCase((2, 18), (2, 3), (5, 4), padding: (3, 2, 3, 2)),
        // Uneven strides, dilations and padding; rows and columns that no tap reaches.
        ConvolutionCase((4, 6), (13, 10), (3, 2), stride: (2, 3), padding: (1, 0, 0, 2), bias: true),
        ConvolutionCase((17, 16), (11, 12), (3, 3), stride: (3, 2), dilation: (2, 1), padding: (2, 1, 1, 0)),
        ConvolutionCase((8, 9), (12, 9), (2, 3), stride: (1, 2), dilation: (3, 2), padding: (0, 3, 2, 1), bias: true),
        ConvolutionCase((3, 3), (10, 10), (2, 2), stride: (4, 5), bias: true),
        // One-dimensional.
        ConvolutionCase((6, 10), (1, 50), (1, 5), stride: (1, 2), padding: (0, 2, 0, 2), bias: true),
        ConvolutionCase((1, 1), (1, 200), (1, 9), padding: (0, 4, 0, 4)),
        // Groups, down to one channel each.
        ConvolutionCase((12, 18), (6, 6), (3, 3), padding: (1, 1, 1, 1), groups: 3, bias: true),
        ConvolutionCase((32, 48), (6, 6), (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), groups: 2, bias: true),
        ConvolutionCase((10, 10), (9, 9), (3, 3), padding: (1, 1, 1, 1), groups: 10, bias: true),
        ConvolutionCase((6, 12), (8, 8), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), groups: 6),
        // A stride of 2 and few channels: kernels and padding of either parity, odd sizes, pixels that no tap reaches.
        ConvolutionCase((1, 5), (27, 29), (4, 4), stride: (2, 2), padding: (1, 1, 2, 2), batch: 9, bias: true),
        ConvolutionCase((1, 3), (34, 70), (4, 4), stride: (2, 2), padding: (2, 1, 2, 1)),
        ConvolutionCase((2, 7), (9, 33), (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((3, 6), (32, 32), (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), batch: 3, bias: true),
        ConvolutionCase((3, 4), (12, 11), (5, 5), stride: (2, 2), padding: (2, 1, 2, 1), bias: true),
        ConvolutionCase((3, 2), (8, 15), (4, 4), stride: (2, 2)),
        ConvolutionCase((2, 3), (7, 5), (1, 1), stride: (2, 2), padding: (0, 1, 1, 0), bias: true),
        ConvolutionCase((1, 2), (1, 1), (3, 2), stride: (2, 2), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((1, 4), (6, 5), (5, 4), stride: (2, 2), padding: (3, 2, 3, 2)),
        ConvolutionCase((2, 3), (5, 12), (2, 7), stride: (2, 2), padding: (0, 3, 0, 3), batch: 40),
        // The same with channels for several tiles and groups, with several K blocks, or none that ends with a channel,
        // and with an image of several bands.
        ConvolutionCase((7, 3), (10, 10), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((4, 6), (9, 9), (3, 3), stride: (2, 2), padding: (1, 1, 1, 1), groups: 2, bias: true),
        ConvolutionCase((1, 150), (6, 6), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), bias: true),
        ConvolutionCase((2, 70), (5, 5), (3, 3), stride: (2, 2), padding: (1, 1, 1, 1)),
        ConvolutionCase((1, 64), (61, 62), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), batch: 1, bias: true),
        ConvolutionCase((1, 2), (4, 4), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1), batch: 0),
        // Nothing.
        ConvolutionCase((3, 4), (5, 5), (3, 3), batch: 0),
    ]

    static func verify<T: MatrixElement>(_ test: ConvolutionCase, _ direction: pf_conv_direction, _: T.Type) throws {
        defer { _ = pf_isa_select(pf_isa_best()) }
        let data = ConvolutionData<T>(test)
        let expected = data.reference(direction)
        for level in instructionSets where pf_isa_select(level) {
            for threads in [1, 2] as [Int32] {
                let result = try data.result(direction, threads: threads)
                #expect(result == expected, "\(T.self), level \(level.rawValue), \(threads) threads")
            }
        }
    }

    @Test(arguments: cases, directions)
    func sameBits(test: ConvolutionCase, direction: pf_conv_direction) throws {
        try Self.verify(test, direction, Float.self)
        try Self.verify(test, direction, Double.self)
    }

    /// Results are 0 where the mask is not positive: rows of whole vectors and parts, channels along rows and lanes.
    @Test(arguments: cases)
    func maskedForward(test: ConvolutionCase) throws {
        defer { _ = pf_isa_select(pf_isa_best()) }
        let data = ConvolutionData<Float>(test)
        let count = test.resultCount(PF_CONV_FORWARD)
        let mask: [Float] = (0..<count).map { index in index == 1 ? .nan : Float(index * 7 % 11 - 5) }
        let plain = data.reference(PF_CONV_FORWARD)
        let expected: [Float] = plain.indices.map { mask[$0] > 0 ? plain[$0] : 0 }
        for level in instructionSets where pf_isa_select(level) {
            #expect(try data.result(PF_CONV_FORWARD, threads: 2, mask: mask) == expected, "level \(level.rawValue)")
        }
    }

    /// A sample has the same bits in any batch.
    @Test(arguments: [ConvolutionCase.few, .many], [PF_CONV_FORWARD, PF_CONV_BACKWARD_DATA])
    func samplesDoNotDependOnTheBatch(test: ConvolutionCase, direction: pf_conv_direction) throws {
        var test = test
        test.batch = 128
        let whole = ConvolutionData<Float>(test)
        let all = try whole.result(direction, threads: 2)
        for batch in [1, 7] {
            test.batch = batch
            var data = ConvolutionData<Float>(test)
            data.weights = whole.weights
            let first = 128 - batch
            data.input = Array(whole.input.suffix(test.inputCount))
            data.output = Array(whole.output.suffix(test.outputCount))
            let result = try data.result(direction, threads: 2)
            #expect(result == Array(all[(first * all.count / 128)...]))
        }
    }

    /// Outside the image a term is still a term: an infinite weight times that zero is NaN.
    @Test func paddingCounts() throws {
        for channels in [1, 20] {
            var data = ConvolutionData<Float>(ConvolutionCase((2, channels), (3, 3), (3, 3), padding: (1, 1, 1, 1)))
            data.weights[0] = .infinity
            let output = try data.result(PF_CONV_FORWARD, threads: 1)
            #expect(output[0].isNaN && output[4].isInfinite)
        }
    }
}

extension ConvolutionCase {
    static let few = ConvolutionCase((3, 2), (9, 9), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1))
    static let many = ConvolutionCase((16, 32), (7, 7), (4, 4), stride: (2, 2), padding: (1, 1, 1, 1))
}
