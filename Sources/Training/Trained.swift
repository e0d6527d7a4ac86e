import Compiler
import Configuration
import Datasets
import Execution
import Graph
import Models
import Networks

/// A trained model on a device: draws samples, encodes, decodes, reconstructs, and is evaluated.
///
/// Work is done in batches; their size changes speed and memory, never a bit of a result.
public final class Trained<M: Model> {
    public let model: M
    /// The name of the data it was trained on.
    public let dataName: String
    /// The seed and the number of steps of its training.
    public let seed: UInt64
    public let stepCount: Int
    public let weights: Weights
    public let binarization: Binarization
    public let precision: ScalarType
    public let optimizer: Optimizer
    public let trainingBatchSize: Int?

    let layout: ModelLayout
    let states: DeviceStates
    let options: CompileOptions
    private var programs: [String: CompiledProgram] = [:]
    private var latent: [Int]?

    init(
        _ model: M, layout: ModelLayout, states: DeviceStates, weights: Weights, dataName: String, seed: UInt64,
        stepCount: Int,
        binarization: Binarization, precision: ScalarType, options: CompileOptions, optimizer: Optimizer,
        batchSize: Int?
    ) throws {
        self.model = model
        self.layout = layout
        self.states = states
        self.weights = weights
        self.dataName = dataName
        self.seed = seed
        self.stepCount = stepCount
        self.binarization = binarization
        self.precision = precision
        self.options = options
        self.optimizer = optimizer
        trainingBatchSize = batchSize
    }

    /// Is called after every batch with the rows done and in all; what it throws ends the work.
    public var progress: ((_ done: Int, _ total: Int) throws -> Void)?

    /// Numbers that are trained.
    public var parameterCount: Int { layout.parameterCount }
    public var backend: any Backend { states.backend }

    /// What rows and samples are conditioned on.
    public var condition: Condition { model.givenCondition }

    /// The shape of one row of data.
    public var rowShape: [Int] { layout.rowShape }

    /// The parameters and other states by their path.
    public func parameters() throws -> [(path: String, value: HostArray)] {
        try layout.parameters.map { (path: $0.path, value: try states.read($0.path)) }
    }

    /// What a program for some rows is traced from.
    struct Context {
        let trace: Trace
        let rows: Int
        var graph: Graph { trace.graph }
        var root: Scope { trace.root }
        /// Declares what the host provides for each batch, [rows, ...].
        func input(_ shape: [Int], _ scalar: ScalarType) -> Tensor {
            graph.input("rows", TensorType([rows] + shape, scalar))
        }
    }

    /// Runs a program over `count` rows in full batches, of `batchSize` rows at most; the last one is filled up by
    /// repeating the last row.
    ///
    /// - Parameters:
    ///   - key: Names the program; the same for every call that traces the same.
    ///   - indices: The sample index of each row, from which its random numbers come.
    ///   - conditions: What these positions are conditioned on, of a model that asks for it.
    ///   - arguments: The host's inputs for these positions, in the order in which `trace` declares them.
    ///   - stage: Which of several passes over the rows this is, for `progress`.
    ///   - trace: Traces the program; its outputs are [rows, ...].
    /// - Returns: The outputs of all rows, one after another.
    func map(
        _ key: String, count: Int, batchSize: Int, seed: UInt64, step: Int = 0,
        stage: (index: Int, count: Int) = (0, 1), indices: (Int) -> UInt32,
        conditions: (([Int]) throws -> HostArray)? = nil,
        arguments: ([Int]) throws -> [HostArray] = { _ in [] }, _ trace: (Context) throws -> [Tensor]
    ) throws -> [HostArray] {
        guard batchSize > 0 else {
            throw ConfigurationError.badValue("batch_size", value: "\(batchSize)", expected: "at least 1")
        }
        let isConditional = model.givenCondition.width > 0
        if isConditional, conditions == nil {
            throw TrainingError(M.name, "is conditional, and nothing is given", "give a class or a condition")
        }
        let rows = batchRows(min(batchSize, max(count, 1)))
        let program = try compiled(key, rows: rows, trace)
        let types = program.outputTypes.map { TensorType([count] + $0.shape.dropFirst(), $0.scalar) }
        // Filled bit by bit: memory that is zeroed first would be touched twice.
        var results = types.map { type in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(type.byteCount)
            return bytes
        }
        for start in stride(from: 0, to: count, by: rows) {
            let kept = min(rows, count - start)
            let positions = (0..<rows).map { start + min($0, kept - 1) }
            let random = [
                HostArray([UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]),
                HostArray([UInt32(truncatingIfNeeded: step)], shape: []), HostArray(positions.map(indices)),
            ]
            let given = isConditional ? try conditions.map { [try $0(positions)] } ?? [] : []
            let outputs = try program(random.compactMap { $0 } + given + arguments(positions))
            for (index, output) in outputs.enumerated() {
                let size = output.type.byteCount / rows * kept
                output.withUnsafeBytes { results[index].append(contentsOf: $0.prefix(size)) }
            }
            try progress?(stage.index * count + start + kept, stage.count * count)
        }
        return try zip(types, results).map { type, bytes in
            guard let result = HostArray(type, bytes: bytes) else {
                throw TrainingError(
                    M.name, "the outputs of \(key) are \(bytes.count) bytes, not \(type)",
                    "give each output one row for each row of the batch")
            }
            return result
        }
    }

    /// So many rows, or parts of them that are alike, where the device computes these faster.
    private func batchRows(_ count: Int) -> Int {
        let parts = backend.largestUsefulBatch.map { (count + $0 - 1) / $0 } ?? 1
        return (count + parts - 1) / parts
    }

    private func compiled(_ key: String, rows: Int, _ trace: (Context) throws -> [Tensor]) throws -> CompiledProgram {
        let key = "\(key), \(rows) rows"
        if let known = programs[key] { return known }
        let graph = Graph()
        let randomness = Randomness(
            seed: graph.input("seed", TensorType([2], .uint32)), step: graph.input("step", TensorType([], .uint32)),
            sample: graph.input("sample", TensorType([rows], .uint32)))
        let context = Context(
            trace: Trace(
                graph, precision: precision, randomness: randomness,
                condition: try model.givenCondition.input(graph, rows: rows, precision), known: layout.types),
            rows: rows)
        let program = try CompiledProgram(
            Program(graph, outputs: try trace(context)), states: states,
            options: options.named(key.replacing(", ", with: "-").replacing(" ", with: "-")))
        // A model in use alternates between few programs; do not hoard what many different sizes would leave.
        if programs.count >= 16 { programs.removeAll() }
        programs[key] = program
        return program
    }

    /// As `map`, for rows of data: the traced function gets them as the model does. Row i has the sample index that it
    /// has in its split.
    func mapRows(
        _ key: String, _ rows: Rows, batchSize: Int, seed: UInt64, step: Int = 0,
        stage: (index: Int, count: Int) = (0, 1), _ trace: (Tensor, Context) throws -> [Tensor]
    ) throws -> [HostArray] {
        guard rows.shape == rowShape else {
            throw TrainingError(
                M.name, "rows of shape \(rows.shape), but it was trained on rows of shape \(rowShape)",
                "give rows of that shape")
        }
        let input = RowInput(rows, binarization)
        let first = rows.range.lowerBound
        let conditions = try model.givenCondition.values(of: rows)
        return try map(
            "\(key) of \(input.scalar.rawValue)", count: rows.count, batchSize: batchSize, seed: seed, step: step,
            stage: stage, indices: { UInt32(truncatingIfNeeded: first + $0) }, conditions: { conditions.rows($0) },
            arguments: { [input.gathered(rows, $0)] }
        ) { context in
            let stored = context.input(input.shape, input.scalar)
            return try trace(input.prepared(stored, context.root), context)
        }
    }
}

extension Trained where M: EncodingModel {
    /// The shape of one row's code.
    public func latentShape() throws -> [Int] {
        if let latent { return latent }
        let shape = try model.latentShape(rowShape, precision)
        latent = shape
        return shape
    }
}
