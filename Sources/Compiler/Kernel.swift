import Graph

/// Refers to a buffer of one schedule.
public struct BufferID: Hashable, Sendable, CustomStringConvertible {
    public let index: Int
    public init(index: Int) { self.index = index }
    public var description: String { "b\(index)" }
}

/// Elements of a buffer.
public struct Access: Hashable, Sendable {
    public var buffer: BufferID
    public var scalar: ScalarType
    public var map: IndexMap
}

/// Contiguous elements of a buffer from an offset on.
public struct Operand: Hashable, Sendable {
    public var buffer: BufferID
    public var offset: Int
}

/// What a register of a fused loop holds at first.
public enum LoopSource: Hashable, Sendable {
    case constant(ScalarLiteral)
    case load(Access)
    /// start + scale * (coordinate along an axis of the iteration space), int32.
    case index(axis: Int, scale: Int, start: Int)
    /// Philox bits over the linear index of the iteration space; see `Source.randomBits`.
    case random(stream: UInt32, sample: Operand, step: Operand, seed: Operand, rowLength: Int)
}

/// One scalar operation on registers.
public struct LoopInstruction: Hashable, Sendable {
    public var op: Elementwise
    /// The type of the (value) operands, and of the result.
    public var operandType: ScalarType
    public var resultType: ScalarType
    public var operands: [Int]
}

/// A scalar program run at every point of an iteration space: registers are the sources, then the instructions'
/// results. It is what elementwise ops, views and the beginning of a reduction fuse into; a device renders it as text
/// or interprets it over tiles.
public struct FusedLoop: Hashable, Sendable {
    public struct Store: Hashable, Sendable {
        public var register: Int
        public var access: Access
    }

    /// The order of arithmetic is stated in pf_loop.h.
    public struct Reduction: Hashable, Sendable {
        public var kind: Reduce.Kind
        public var scalar: ScalarType
        public var register: Int
        /// The axes that are reduced: the last ones (rows), or those before the last one (columns).
        public var axes: Range<Int>
        public var result: BufferID
        /// Of a compensated sum of several blocks: each leaves two results, its sum and what to add to it.
        public var leavesPairs = false
    }

    public enum ReductionMode: String, Hashable, Sendable { case rows, columns }

    /// Nil without a reduction.
    public var reductionMode: ReductionMode? {
        reduction.map { $0.axes.upperBound == extents.count ? .rows : .columns }
    }

    public var extents: [Int]
    public var sources: [LoopSource]
    public var instructions: [LoopInstruction]
    public var stores: [Store]
    public var reduction: Reduction?

    /// Elements of a block of the reduction order.
    public static let reductionBlock = 1024

    /// Whether any register holds a float64.
    public var hasFloat64: Bool {
        instructions.contains { $0.resultType == .float64 }
            || sources.contains { source in
                switch source {
                case .constant(let literal): literal.scalar == .float64
                case .load(let access): access.scalar == .float64
                case .index, .random: false
                }
            }
    }
}

/// What a product or convolution does to each finished element before it stores it.
public struct Epilogue: Hashable, Sendable {
    /// Is added: contiguous, one number per column of a product, or per channel of what a convolution writes.
    public var bias: Operand?
    /// Whether what is not positive becomes 0 then.
    public var isRectified = false
    /// Of the results' shape, contiguous: results become 0 where this is not positive, as gradients of rectified values
    /// do.
    public var mask: Operand?

    public init() {}
}

/// Which epilogues a device's kernel has.
public struct EpilogueKinds: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let biasAndRectification = EpilogueKinds(rawValue: 1)
    public static let mask = EpilogueKinds(rawValue: 2)
}

public struct MatmulKernel: Hashable, Sendable {
    public struct Matrix: Hashable, Sendable {
        public var buffer: BufferID
        public var rowStride: Int
        public var columnStride: Int
        /// Where each matrix of the batch begins, in elements.
        public var offsets: [Int]

        public init(buffer: BufferID, rowStride: Int, columnStride: Int, offsets: [Int]) {
            self.buffer = buffer
            self.rowStride = rowStride
            self.columnStride = columnStride
            self.offsets = offsets
        }
    }
    public var scalar: ScalarType
    public var m: Int, n: Int, k: Int
    public var a: Matrix, b: Matrix
    public var c: BufferID
    public var epilogue = Epilogue()
}

public struct ConvolutionKernel: Hashable, Sendable {
    public var scalar: ScalarType
    public var direction: Convolution.Direction
    public var geometry: Convolution.Geometry
    public var inputShape: [Int], weightShape: [Int], outputShape: [Int]
    public var input: Operand, weights: Operand, output: Operand
    /// Of the forward direction and the gradient of the data.
    public var epilogue = Epilogue()
}

/// One piece of work for a device.
public enum Kernel: Hashable, Sendable {
    /// Loops of which none touches what another writes, so that a device may run them side by side.
    case loops([FusedLoop])
    case matmul(MatmulKernel)
    case convolution(ConvolutionKernel)
    case gather(
        ScalarType, table: Operand, index: Operand, result: BufferID, tableRows: Int, count: Int, rowLength: Int)
    case scatterAdd(
        ScalarType, index: Operand, updates: Operand, result: BufferID, tableRows: Int, count: Int, rowLength: Int)
    case argsort(ScalarType, values: Operand, result: BufferID, rows: Int, length: Int, descending: Bool)
    case argmax(ScalarType, values: Operand, result: BufferID, rows: Int, length: Int, smallest: Bool)
    case cumulativeSum(
        ScalarType, values: Operand, result: BufferID, rows: Int, length: Int, reverse: Bool, exclusive: Bool)
    case linearAlgebra(
        LinearAlgebra, ScalarType, batch: Int, m: Int, n: Int, operands: [Operand], results: [BufferID])
    /// Rows of a composite, by a kernel written for it.
    case composite(CompositeKernel)
    /// `body` runs `count` times; buffers of its own come from this step's workspace.
    case region(RegionKernel)
    /// Every byte set to `byte`.
    case fill(BufferID, byte: UInt8)
}

/// A composite of rows: operands and results are contiguous float32.
public struct CompositeKernel: Hashable, Sendable {
    public var composite: Composite
    /// Of the first operand, and the elements of each.
    public var rows: Int, length: Int
    public var operands: [Operand]
    public var results: [BufferID]

    init(_ composite: Composite, _ type: TensorType, operands: [Operand], results: [BufferID]) {
        self.composite = composite
        (rows, length) = CompositeKernel.extents(composite, type)
        self.operands = operands
        self.results = results
    }

    private static func extents(_ composite: Composite, _ type: TensorType) -> (rows: Int, length: Int) {
        switch composite {
        case .softmax, .logSoftmax, .softmaxGradient, .logSoftmaxGradient:
            (type.shape.dropLast().reduce(1, *), type.shape.last ?? 0)
        case .map, .mapGradient: (type.shape[0], type.shape.dropFirst().reduce(1, *))
        }
    }

    /// Whether a device that has the kernels can run the composite of operands of these types by one.
    ///
    /// Rows of softmaxes: all lanes of the reduction order hold elements, and one block is enough. Shorter rows are
    /// quicker side by side, in the subgraph's loops. Rows of maps: their blocks' sums and compensations fit into one block
    /// again. Bins: a kernel has room for the shares of so many.
    public static func fits(_ composite: Composite, _ operands: [TensorType]) -> Bool {
        guard operands.allSatisfy({ $0.scalar == .float32 }) else { return false }
        let block = FusedLoop.reductionBlock
        let (_, length) = extents(composite, operands[0])
        switch composite {
        case .softmax, .logSoftmax, .softmaxGradient, .logSoftmaxGradient: return 32...block ~= length
        case .map(let map, _), .mapGradient(let map, _):
            guard 1...(block * block / 2) ~= length else { return false }
            if case .spline(let spline) = map { return spline.bins <= mostBins }
            return true
        }
    }

    public static let mostBins = 32
}

/// A counted loop over a schedule of its own.
public struct RegionKernel: Hashable, Sendable {
    public var body: Schedule
    public var count: Int
    /// The buffer of this schedule that each external buffer of the body is.
    public var bindings: [BufferID]
    /// int32, set to the turn's number before each turn.
    public var turn: BufferID
    /// Before each turn, the carry is copied to its row of the history.
    public var histories: [History]

    public struct History: Hashable, Sendable {
        public var carry: BufferID
        public var history: BufferID
        public var rowBytes: Int
    }
}
