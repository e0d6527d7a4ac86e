import Graph

func matrixProduct(_ a: Value, _ b: Value, _ type: TensorType) -> Value {
    Value(type, zip(a.matrices(), b.matrices()).flatMap { ($0 * $1).elements })
}

extension Convolution {
    /// Every triple of an input, a weight and an output element that meet, by the definition.
    func evaluate(_ a: Value, _ b: Value, _ type: TensorType) -> Value {
        let (input, weights, output): ([Int], [Int], [Int])
        switch direction {
        case .forward: (input, weights, output) = (a.shape, b.shape, type.shape)
        case .backwardData: (input, weights, output) = (type.shape, b.shape, a.shape)
        case .backwardWeights: (input, weights, output) = (a.shape, type.shape, b.shape)
        }
        let (i, w, o) = (input.rowMajorStrides, weights.rowMajorStrides, output.rowMajorStrides)
        let channelsOut = weights[0] / geometry.groups
        var result = [Double](repeating: 0, count: type.count)
        for n in 0..<output[0] {
            for channel in 0..<output[1] {
                let firstChannel = channel / max(channelsOut, 1) * weights[1]
                for (y, x) in pairs(output[2], output[3]) {
                    for c in 0..<weights[1] {
                        for (ky, kx) in pairs(weights[2], weights[3]) {
                            let iy = y * geometry.stride[0] + ky * geometry.dilation[0] - geometry.padLow[0]
                            let ix = x * geometry.stride[1] + kx * geometry.dilation[1] - geometry.padLow[1]
                            guard 0..<input[2] ~= iy, 0..<input[3] ~= ix else { continue }
                            let atInput = n * i[0] + (firstChannel + c) * i[1] + iy * i[2] + ix
                            let atWeight = channel * w[0] + c * w[1] + ky * w[2] + kx
                            let atOutput = n * o[0] + channel * o[1] + y * o[2] + x
                            switch direction {
                            case .forward: result[atOutput] += a.elements[atInput] * b.elements[atWeight]
                            case .backwardData: result[atInput] += a.elements[atOutput] * b.elements[atWeight]
                            case .backwardWeights: result[atWeight] += a.elements[atInput] * b.elements[atOutput]
                            }
                        }
                    }
                }
            }
        }
        return Value(type, result)
    }

    private func pairs(_ rows: Int, _ columns: Int) -> [(Int, Int)] {
        (0..<rows).flatMap { row in (0..<columns).map { (row, $0) } }
    }
}
