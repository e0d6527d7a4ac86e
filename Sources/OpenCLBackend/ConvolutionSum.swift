import Compiler
import Graph

/// What every direction comes down to: in each group, result[channel, position] = the sum over all terms of
/// operand[channel, term] * image[position, term].
struct ConvolutionSum {
    /// Positions or terms: a box of three extents, the last two along h and w.
    struct Box {
        var extents: [Int]
        /// How far a step along each axis goes in the image: in planes, rows and columns.
        var image: [Int]
        /// And in the result (of positions) or in the operand (of terms): in elements.
        var steps: [Int]
        var count: Int { extents.reduce(1, *) }

        /// The same elements of the operand or result, along as few axes as can be.
        var joinedWhereContiguous: Box {
            var box = self
            for axis in 1...2 where steps[axis - 1] == box.extents[axis] * steps[axis] {
                box.extents[axis] *= box.extents[axis - 1]
                box.extents[axis - 1] = 1
            }
            return box
        }
    }

    /// Positions along one axis that lie equally to the taps.
    struct Class {
        /// The row or column of the image where the first term of the first position lies.
        var origin: Int
        /// Elements of the operand before the first term, and of the result before the first position.
        var tap = 0, place = 0
        var count: Int
    }

    var groups: Int, channels: Int
    var positions: Box, terms: Box
    /// Along h and along w. Where they have fewer positions than `positions` says, the last ones do not exist.
    var classes: [[Class]]
    /// From group to group: planes of the image, elements of the others.
    var imageGroup: Int, operandGroup: Int, resultGroup: Int
    /// From channel to channel.
    var operandChannel: Int, resultChannel: Int

    var isEmpty: Bool { groups * channels * positions.count == 0 }
    var classCount: Int { classes[0].count * classes[1].count }
    var blocks: Int { Swift.max(1, terms.count.dividedUp(by: 256)) }
}

extension ConvolutionKernel {
    var image: Operand { direction == .backwardData ? output : input }
    var imageShape: [Int] { direction == .backwardData ? outputShape : inputShape }
    var operand: Operand { direction == .backwardWeights ? output : weights }
    var result: Operand {
        switch direction {
        case .forward: output
        case .backwardData: input
        case .backwardWeights: weights
        }
    }
    var resultShape: [Int] {
        switch direction {
        case .forward: outputShape
        case .backwardData: inputShape
        case .backwardWeights: weightShape
        }
    }
    var resultCount: Int { resultShape.product }

    /// The sums that together make the result.
    var sums: [ConvolutionSum] {
        let (groups, inputs, outputs) = (geometry.groups, weightShape[1], weightShape[0] / geometry.groups)
        let (inputPlane, outputPlane) = (inputShape[2] * inputShape[3], outputShape[2] * outputShape[3])
        let taps = weightShape[2] * weightShape[3]
        if direction == .backwardData {
            return tapClasses(axis: 0).flatMap { h in
                tapClasses(axis: 1).map { w in
                    let count = h.taps * w.taps
                    return ConvolutionSum(
                        groups: groups, channels: inputs,
                        positions: ConvolutionSum.Box(
                            extents: [inputShape[0]] + [h, w].map { $0.classes.map(\.count).max() ?? 0 },
                            image: [outputShape[1], 1, 1],
                            steps: [
                                inputShape[1] * inputPlane, geometry.stride[0] * inputShape[3], geometry.stride[1],
                            ]),
                        terms: ConvolutionSum.Box(
                            extents: count == 0 ? [0, 1, 1] : [outputs, h.taps, w.taps],
                            image: [1, -h.imageStep, -w.imageStep],
                            steps: [inputs * taps, h.tapStep * weightShape[3], w.tapStep]),
                        classes: [h.classes, w.classes],
                        imageGroup: outputs, operandGroup: outputs * inputs * taps, resultGroup: inputs * inputPlane,
                        operandChannel: taps, resultChannel: inputPlane)
                }
            }
        }
        let pixels = ConvolutionSum.Box(
            extents: [outputShape[0], outputShape[2], outputShape[3]], image: [inputShape[1]] + geometry.stride,
            steps: [outputShape[1] * outputPlane, outputShape[3], 1])
        let weightTaps = ConvolutionSum.Box(
            extents: [inputs, weightShape[2], weightShape[3]], image: [1] + geometry.dilation,
            steps: [taps, weightShape[3], 1])
        let forward = direction == .forward
        let (positions, terms) = forward ? (pixels, weightTaps) : (weightTaps, pixels)
        let (operandChannel, resultChannel) = forward ? (inputs * taps, outputPlane) : (outputPlane, inputs * taps)
        return [
            ConvolutionSum(
                groups: groups, channels: outputs, positions: positions, terms: terms,
                classes: (0..<2).map {
                    [ConvolutionSum.Class(origin: -geometry.padLow[$0], count: positions.extents[$0 + 1])]
                },
                imageGroup: inputs, operandGroup: outputs * operandChannel, resultGroup: outputs * resultChannel,
                operandChannel: operandChannel, resultChannel: resultChannel)
        ]
    }

    /// The input's positions along an axis, sorted by their remainder modulo the stride and by how many taps they meet:
    /// of those, every `tapStep`-th one from a class's first on, `imageStep` pixels apart in the output.
    private func tapClasses(
        axis: Int
    ) -> [(taps: Int, tapStep: Int, imageStep: Int, classes: [ConvolutionSum.Class])] {
        let (stride, dilation) = (geometry.stride[axis], geometry.dilation[axis])
        let (extent, kernel) = (inputShape[axis + 2], weightShape[axis + 2])
        var divisor = stride
        while stride % divisor != 0 || dilation % divisor != 0 { divisor -= 1 }
        let step = stride / divisor
        var sorted: [Int: [ConvolutionSum.Class]] = [:]
        for phase in 0..<min(stride, extent) {
            let distance = phase + geometry.padLow[axis]
            let first = (0..<min(step, kernel)).first { (distance - $0 * dilation) % stride == 0 }
            let tap = first ?? 0
            let rowLength = axis == 0 ? (weights: weightShape[3], input: inputShape[3]) : (weights: 1, input: 1)
            sorted[first == nil ? 0 : (kernel - tap).dividedUp(by: step), default: []].append(
                ConvolutionSum.Class(
                    origin: first == nil ? 0 : (distance - tap * dilation) / stride, tap: tap * rowLength.weights,
                    place: phase * rowLength.input, count: (extent - phase).dividedUp(by: stride)))
        }
        return sorted.sorted { $0.key < $1.key }.map {
            (taps: $0.key, tapStep: step, imageStep: dilation / divisor, classes: $0.value)
        }
    }
}
