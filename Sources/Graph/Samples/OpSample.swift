/// One way of using one op, small enough to be checked in full: on every device against the oracle, and by finite
/// differences. `OpSample.all` is the one table that all such checks run through.
public struct OpSample: Sendable, CustomStringConvertible {
    /// An operand: what it looks like and which numbers it holds.
    public struct Input: Sendable {
        public var shape: [Int]
        /// nil: the float type under test. Only such inputs are differentiated.
        public var scalar: ScalarType?
        public var domain: SampleDomain
        /// Declared by `Graph.state` rather than `Graph.input`.
        public var isState = false

        public static func float(_ shape: [Int], _ domain: SampleDomain = .uniform(-1...1)) -> Input {
            Input(shape: shape, scalar: nil, domain: domain)
        }

        public static func of(_ scalar: ScalarType, _ shape: [Int], _ domain: SampleDomain) -> Input {
            Input(shape: shape, scalar: scalar, domain: domain)
        }

        public func type(_ float: ScalarType) -> TensorType { TensorType(shape, scalar ?? float) }
    }

    /// Family and case, such as "reduce/sum of no rows".
    public let name: String
    public let inputs: [Input]
    /// How far float32 results may be from the oracle's, relative to the larger of the element and the tensor's mean
    /// magnitude.
    public let tolerance: Double
    /// How often the results may be differentiated: 0, 1 or 2 times.
    public let order: Int
    public let build: @Sendable ([Tensor]) throws -> [Tensor]

    public init(
        _ name: String, _ inputs: [Input], tolerance: Double = 2e-6, order: Int = 2,
        build: @escaping @Sendable ([Tensor]) throws -> [Tensor]
    ) {
        self.name = name
        self.inputs = inputs
        self.tolerance = tolerance
        self.order = order
        self.build = build
    }

    public var description: String { name }

    /// A sample traced for one float type.
    public struct Trace {
        public let graph: Graph
        /// In the order of the sample's inputs, whether inputs or states of the graph.
        public let operands: [Tensor]
        public let outputs: [Tensor]
        public let differentiable: [Tensor]
    }

    public func trace(_ float: ScalarType) throws -> Trace {
        let graph = Graph()
        let operands = inputs.enumerated().map { index, input in
            input.isState
                ? graph.state("state \(index)", input.type(float)) : graph.input("input \(index)", input.type(float))
        }
        let outputs = try build(operands)
        let differentiable = zip(operands, inputs).filter { $1.scalar == nil }.map(\.0)
        return Trace(graph: graph, operands: operands, outputs: outputs, differentiable: differentiable)
    }

    /// The numbers of each input, rounded to its type; always the same ones.
    public func values(_ float: ScalarType) -> [[Double]] {
        inputs.enumerated().map { index, input in
            var generator = SampleGenerator(seed: "\(name) \(index)")
            return input.domain.values(input.shape.product, &generator)
                .map { ScalarLiteral($0, input.scalar ?? float).value }
        }
    }

    public static let all: [OpSample] =
        scalars + casts + sources + reductions + views + rows + contractions + poolings + linearAlgebra + composites
        + elementMaps + elementMapGradients + loops
}

/// Collects the samples of one family.
struct SampleList {
    private(set) var samples: [OpSample] = []
    private let family: String

    init(_ family: String) { self.family = family }

    mutating func add(
        _ name: String, _ inputs: OpSample.Input..., tolerance: Double = 2e-6, order: Int = 2,
        _ build: @escaping @Sendable ([Tensor]) throws -> Tensor
    ) {
        addAll(name, inputs, tolerance: tolerance, order: order) { [try build($0)] }
    }

    /// A sample with several results.
    mutating func addAll(
        _ name: String, _ inputs: [OpSample.Input], tolerance: Double = 2e-6, order: Int = 2,
        _ build: @escaping @Sendable ([Tensor]) throws -> [Tensor]
    ) {
        samples.append(OpSample("\(family)/\(name)", inputs, tolerance: tolerance, order: order, build: build))
    }

    /// A sample once with plain operands and once with each kind of view as operands.
    mutating func addLayouts(
        _ name: String, _ inputs: OpSample.Input..., layouts: [SampleLayout] = SampleLayout.allCases,
        tolerance: Double = 2e-6, order: Int = 2, _ build: @escaping @Sendable ([Tensor]) throws -> Tensor
    ) {
        for layout in layouts {
            addAll(
                layout == .contiguous ? name : "\(name), \(layout.rawValue)", inputs.map(layout.stored),
                tolerance: tolerance, order: order
            ) { operands in
                [try build(zip(operands, inputs).map { try layout.restored($0, $1.shape) })]
            }
        }
    }
}
