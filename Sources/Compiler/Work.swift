import Graph

/// How much a step does, whatever the device.
public struct Work: Hashable, Sendable {
    /// Multiplications and additions of matrix products and convolutions; 0 for what only moves and maps elements.
    public var operations = 0
    /// Bytes that must be moved at least: each operand read once, each result written once.
    public var bytes = 0

    public init(operations: Int = 0, bytes: Int = 0) {
        self.operations = operations
        self.bytes = bytes
    }

    static func * (work: Work, count: Int) -> Work {
        Work(operations: work.operations * count, bytes: work.bytes * count)
    }

    static func + (a: Work, b: Work) -> Work { Work(operations: a.operations + b.operations, bytes: a.bytes + b.bytes) }
}

extension Schedule {
    /// Of all steps.
    public var work: Work { steps.indices.reduce(Work()) { $0 + work(ofStep: $1) } }

    /// Of all steps as if they were one kernel: of what is moved, only the inputs and constants that it reads and the
    /// outputs that it writes count, however many steps pass results on to each other on the way.
    public var workAsOneKernel: Work {
        let bytes = buffers.reduce(0) { sum, buffer in
            if case .external = buffer.place { sum + buffer.byteCount } else { sum }
        }
        return Work(operations: work.operations, bytes: bytes)
    }

    public func work(ofStep index: Int) -> Work {
        let step = steps[index]
        return switch step.kernel {
        case .loops(let loops): loops.reduce(Work()) { $0 + $1.work }
        case .matmul(let matmul):
            Work(
                operations: 2 * matmul.m * matmul.n * matmul.k * matmul.a.offsets.count,
                bytes: (matmul.m * matmul.k + matmul.k * matmul.n
                    + matmul.m * matmul.n * (matmul.epilogue.mask == nil ? 1 : 2)) * matmul.a.offsets.count
                    * matmul.scalar.byteCount)
        case .convolution(let convolution):
            Work(
                operations: 2 * convolution.outputShape.product * convolution.weightShape.dropFirst().product,
                bytes: (convolution.inputShape.product + convolution.weightShape.product
                    + convolution.outputShape.product) * convolution.scalar.byteCount)
        case .region(let region): region.body.work * region.count
        case .gather(let scalar, _, _, _, _, let count, let rowLength):
            Work(bytes: count * (4 + 2 * rowLength * scalar.byteCount))
        case .scatterAdd, .argsort, .argmax, .cumulativeSum, .linearAlgebra, .composite, .fill:
            Work(bytes: (step.reads + step.writes).reduce(0) { $0 + buffers[$1.index].byteCount })
        }
    }
}

extension FusedLoop {
    /// Loads count no element twice, however often a broadcast reads it.
    fileprivate var work: Work {
        let count = extents.product
        var bytes = stores.reduce(0) { $0 + count * $1.access.scalar.byteCount }
        for case .load(let access) in sources {
            let distinct = zip(access.map.shape, access.map.strides).reduce(1) { $1.1 == 0 ? $0 : $0 * $1.0 }
            bytes += distinct * access.scalar.byteCount
        }
        if let reduction {
            let length = extents[reduction.axes].product
            let blocks = (length + FusedLoop.reductionBlock - 1) / FusedLoop.reductionBlock
            let results = count / max(length, 1) * blocks * (reduction.leavesPairs ? 2 : 1)
            bytes += results * reduction.scalar.byteCount
        }
        return Work(bytes: bytes)
    }
}

extension Kernel {
    /// Whether multiplications and additions are what it is about.
    public var isContraction: Bool {
        switch self {
        case .matmul, .convolution: true
        default: false
        }
    }

    /// The sizes that its time depends on, in few words.
    public var shapeText: String {
        func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "x") }
        return switch self {
        case .loops(let loops):
            loops.count == 1 ? text(loops[0].extents) : "\(loops.count) loops, \(text(loops[0].extents)) ..."
        case .matmul(let m):
            "\(m.m)x\(m.n)x\(m.k)" + (m.a.offsets.count == 1 ? "" : ", \(m.a.offsets.count) of them")
        case .convolution(let c): "\(text(c.inputShape)) to \(text(c.outputShape)), kernel \(text(c.weightShape))"
        case .region(let region): "\(region.count) turns"
        case .composite(let kernel): "\(kernel.rows)x\(kernel.length)"
        case .gather(_, _, _, _, _, let count, let length), .scatterAdd(_, _, _, _, _, let count, let length):
            "\(count)x\(length)"
        case .argsort(_, _, _, let rows, let length, _), .argmax(_, _, _, let rows, let length, _),
            .cumulativeSum(_, _, _, let rows, let length, _, _):
            "\(rows)x\(length)"
        case .linearAlgebra(_, _, let batch, let m, let n, _, _): "\(batch)x\(m)x\(n)"
        case .fill: ""
        }
    }
}
