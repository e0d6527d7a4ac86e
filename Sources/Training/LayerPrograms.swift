import Autodiff
import Compiler
import Execution
import Graph
import Models
import Networks
import Probability

/// The layers of a trained flow, each by itself: what it makes of numbers in memory, in either direction, and products
/// with its Jacobian there. So a direction cannot cancel against the other within one graph, and every layer is run as
/// densities and samples run it.
final class LayerPrograms<M: DensityModel> {
    /// Which way a layer is gone through.
    enum Direction: Hashable {
        /// From base values to data.
        case forward
        /// From data to base values.
        case inverse

        var opposite: Direction { self == .forward ? .inverse : .forward }
    }

    private enum Job: Hashable { case map, push, pull }

    private struct Key: Hashable {
        let layer: Int, direction: Direction, job: Job
    }

    /// Of each layer, in the order in which base values pass them.
    let names: [String]
    let kinds: [String]
    /// How many of them there are before the preprocessing: what treats each element of the data by itself, in units of
    /// its own. All, where there is nothing else.
    let core: Int
    /// How many rows every program works on.
    let rows: Int

    private let trained: Trained<M>
    /// Of a row between the layers: that of base values first.
    private let shapes: [[Int]]
    private var programs: [Key: CompiledProgram] = [:]

    init(of trained: Trained<M>, rows: Int) throws {
        self.trained = trained
        self.rows = rows
        let (graph, layers, base) = try Self.traced(trained, rows)
        var value = graph.input("z", TensorType([rows] + base, trained.precision))
        var shapes = [base]
        for layer in layers {
            value = try layer.forwardAndLogDet(value).value
            shapes.append(Array(value.shape.dropFirst()))
        }
        self.shapes = shapes
        names = layers.map(\.name)
        kinds = layers.map(\.kind)
        let inner = layers.lastIndex { !($0 is ElementwiseAffine || $0 is Sigmoid) }
        core = inner.map { $0 + 1 } ?? layers.count
    }

    private static func traced(
        _ trained: Trained<M>, _ rows: Int
    ) throws -> (graph: Graph, layers: [any Bijector], base: [Int]) {
        let base = try trained.latentShape()
        let graph = Graph()
        let trace = Trace(
            graph, precision: trained.precision,
            condition: try trained.model.givenCondition.input(graph, rows: rows, trained.precision),
            known: trained.layout.types)
        return (graph, try Chain(trained.model.distribution(trace.root).bijectors).unrolled(), base)
    }

    /// Where a layer takes values [rows, ...], and its log-det there, [rows].
    func mapped(
        _ layer: Int, _ direction: Direction, _ x: HostArray, _ condition: HostArray?
    ) throws -> (value: HostArray, logDet: [Double]) {
        let outputs = try run(Key(layer: layer, direction: direction, job: .map), [x], condition)
        return (outputs[0], outputs[1].doubles)
    }

    /// J v for each row of x and v, with J the Jacobian at x.
    func pushed(
        _ layer: Int, _ direction: Direction, _ x: HostArray, _ v: HostArray, _ condition: HostArray?
    ) throws -> HostArray {
        let u = HostArray(type(layer, after: direction))
        return try run(Key(layer: layer, direction: direction, job: .push), [x, v, u], condition)[0]
    }

    /// J^T u for each row of x and u.
    func pulled(
        _ layer: Int, _ direction: Direction, _ x: HostArray, _ u: HostArray, _ condition: HostArray?
    ) throws -> HostArray {
        try run(Key(layer: layer, direction: direction, job: .pull), [x, u], condition)[0]
    }

    /// Of what a layer makes of `rows` rows.
    private func type(_ layer: Int, after direction: Direction) -> TensorType {
        TensorType([rows] + shapes[direction == .forward ? layer + 1 : layer], trained.precision)
    }

    private func run(_ key: Key, _ arguments: [HostArray], _ condition: HostArray?) throws -> [HostArray] {
        try program(key)((condition.map { [$0] } ?? []) + arguments)
    }

    private func program(_ key: Key) throws -> CompiledProgram {
        if let known = programs[key] { return known }
        let (graph, layers, _) = try Self.traced(trained, rows)
        let layer = layers[key.layer]
        let (from, to) = (type(key.layer, after: key.direction.opposite), type(key.layer, after: key.direction))
        let x = graph.input("x", from)
        let y = try key.direction == .forward ? layer.forwardAndLogDet(x) : layer.inverseAndLogDet(x)
        let outputs: [Tensor]
        switch key.job {
        case .map: outputs = [y.value, y.logDet]
        case .pull:
            outputs = try vectorJacobianProduct(of: [y.value], cotangents: [graph.input("u", to)], at: [x])
        case .push:
            // J^T u is linear in u, and the transpose of that linear map is J, whatever u is. An input: a constant might
            // be one that the layer knows too.
            let (v, u) = (graph.input("v", from), graph.input("u", to))
            let pulled = try vectorJacobianProduct(of: [y.value], cotangents: [u], at: [x])
            outputs = try vectorJacobianProduct(of: pulled, cotangents: [v], at: [u])
        }
        let name = "audit-\(key.layer)-\(key.direction)-\(key.job)"
        let program = try CompiledProgram(
            Program(graph, outputs: outputs), states: trained.states, options: trained.options.named(name))
        programs[key] = program
        return program
    }
}
