import Graph
import Networks

/// The split of a multi-scale flow: from flat base values to images, of which the first half of the channels comes from
/// the bijector `within` and the other half from base values that a transformer moves by what the first half says
/// (Dinh, Sohl-Dickstein and Bengio 2017, section 3.6; the learned prior of Kingma and Dhariwal 2018). Several scales
/// are such splits within each other.
public struct FactorOut: Bijector {
    public var name: String { scope.path }
    private var within: any Bijector
    private let shape: [Int]
    private let transformer: any Transformer
    private let conditioner: any Conditioner
    private let context: Tensor?
    private let scope: Scope

    /// - Parameters:
    ///   - within: From flat rows to the first half [channels / 2, height, width].
    ///   - shape: Of an image, [channels, height, width] with an even number of channels.
    ///   - context: [rows, features] that the conditioner is given beside the first half.
    /// - Throws: Where another bijector of the trace has the scope, or where the channels have no halves.
    public init(
        _ within: any Bijector, shape: [Int], _ transformer: any Transformer, _ conditioner: any Conditioner,
        context: Tensor? = nil, _ scope: Scope
    ) throws(GraphError) {
        guard shape.count == 3, shape[0] % 2 == 0 else {
            throw scope.graph.error("factor out", "\(shape) are no images with an even number of channels")
        }
        self.within = within
        self.shape = shape
        self.transformer = transformer
        self.conditioner = conditioner
        self.context = context
        self.scope = try scope.claimed()
    }

    /// Of either half.
    private var half: [Int] { [shape[0] / 2, shape[1], shape[2]] }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let count = half.product
        let kept = try within.forwardAndLogDet(z.slice(1, 0..<count))
        let rest = try z.slice(1, count..<2 * count).rowsReshaped(half)
        let moved = try transformer.forwardAndLogDet(rest, parameters(kept.value))
        return Mapped(
            try concatenate([kept.value, moved.value], axis: 1), logDet: try moved.logDet + kept.logDet)
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let halves = try x.split(2, axis: 1)
        let kept = try within.inverseAndLogDet(halves[0])
        let moved = try transformer.inverseAndLogDet(halves[1], parameters(halves[0]))
        return Mapped(
            try concatenate([kept.value, moved.value.flattened()], axis: 1), logDet: try moved.logDet + kept.logDet)
    }

    /// The bijectors within, of which each takes the first half of the base values along and leaves the rest, and then
    /// the split by itself.
    public func unrolled() throws(GraphError) -> [any Bijector] {
        // Only the shapes of the values between them are asked for.
        let rows = context.map { $0.shape[0] } ?? 1
        var value = scope.graph.constant(0, TensorType([rows, half.product], scope.precision))
        var all: [any Bijector] = []
        for part in try within.unrolled() {
            let next = try part.forwardAndLogDet(value).value
            all.append(Leading(part, from: Array(value.shape.dropFirst()), to: Array(next.shape.dropFirst())))
            value = next
        }
        var split = self
        split.within = Reshape(half)
        return all + [split]
    }

    private func parameters(_ kept: Tensor) throws(GraphError) -> Tensor {
        try conditioner.parameters(transformer.parameterCount, for: half, from: kept, context: context, scope)
    }
}

/// A bijector of the first elements of flat rows, which leaves all others.
private struct Leading: Bijector {
    private let original: any Bijector
    /// Of a row of its base values and of its data.
    private let from: [Int], to: [Int]

    init(_ original: any Bijector, from: [Int], to: [Int]) {
        self.original = original
        self.from = from
        self.to = to
    }

    var name: String { original.name }
    var kind: String { original.kind }

    func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        try mapped(z, from) { (head) throws(GraphError) in try original.forwardAndLogDet(head) }
    }

    func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        try mapped(x, to) { (head) throws(GraphError) in try original.inverseAndLogDet(head) }
    }

    private func mapped(
        _ x: Tensor, _ shape: [Int], _ map: (Tensor) throws(GraphError) -> Mapped
    ) throws(GraphError) -> Mapped {
        let (count, size) = (shape.product, try x.size(1))
        let head = try map(x.slice(1, 0..<count).rowsReshaped(shape))
        return Mapped(
            try concatenate([head.value.flattened(), x.slice(1, count..<size)], axis: 1), logDet: head.logDet)
    }
}
