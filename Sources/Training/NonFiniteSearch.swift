import CPUBackend
import Compiler
import Execution
import Graph
import Networks

/// Repeats a training step to find the first operation with a number that is not finite.
///
/// Such a step has changed nothing, so it can be repeated from the states as they are. An operation's result may be
/// infinite and yet do no harm, where a selection leaves it out; so the search goes back from the loss, or else from the
/// norm of the gradient, through operands that are not finite, to the first whose own operands all are.
struct NonFiniteSearch {
    let step: TracedStep
    let batchSize: Int
    /// What the step reads.
    let states: DeviceStates
    let options: CompileOptions
    let rate: HostArray

    private var graph: Graph { step.program.graph }

    /// Such as "exp in layer3/output gives inf (row 17 of the batch, 5201 of the data)"; nil where everything is finite
    /// this time.
    func origin() throws -> String? {
        let bad = try nonFiniteNodes()
        guard let end = step.watched.first(where: { bad.contains($0.id) })?.id else { return nil }
        var (open, seen, origins) = ([end], Set([end]), [NodeID]())
        while let id = open.popLast() {
            let causes = operands(of: id).filter { bad.contains($0) }
            if causes.isEmpty { origins.append(id) }
            open += causes.filter { seen.insert($0).inserted }
        }
        return try origins.min().map(described)
    }

    /// Of a result of several: those of the operation itself.
    private func operands(of id: NodeID) -> [NodeID] { graph[maker(of: id)].inputs }

    private func maker(of id: NodeID) -> NodeID {
        if case .part = graph[id].op { return graph[id].inputs[0] }
        return id
    }

    /// What the loss and the norm depend on and has an element that is not finite.
    private func nonFiniteNodes() throws -> Set<NodeID> {
        var (open, seen) = (step.watched.map(\.id), Set(step.watched.map(\.id)))
        while let id = open.popLast() { open += graph[id].inputs.filter { seen.insert($0).inserted } }
        let floats = seen.sorted().filter { id in
            let node = graph[id]
            if case .source(.constant) = node.op { return false }
            return node.results.count == 1 && node.type.scalar.isFloating && node.type.count > 0
        }
        let flags = try floats.map { try graph.tensor($0).isFinite().cast(to: .float32).min() }
        let values = try run(flags)
        return Set(zip(floats, values).filter { $1.doubles[0] == 0 }.map(\.0))
    }

    private func run(_ outputs: [Tensor]) throws -> [HostArray] {
        try CompiledProgram(Program(graph, outputs: outputs), states: states, options: options.named("non-finite"))([
            rate
        ])
    }

    /// " in layer3/output"; what has no scope of its own stands after the nearest that has one.
    private func place(of id: NodeID) -> String {
        var (level, seen) = ([id], Set([id]))
        while !level.isEmpty {
            if let scope = level.lazy.compactMap({ self.graph[$0].origins.first?.scope }).first(where: { !$0.isEmpty })
            {
                let isGradient = id > step.watched[0].id && scope != TracedStep.normScope
                return (level == [id] ? " in " : " after ") + (isGradient ? "the gradient of " : "") + scope
            }
            level = level.flatMap { graph[$0].inputs }.filter { seen.insert($0).inserted }
        }
        return ""
    }

    private func described(_ id: NodeID) throws -> String {
        let outputs = try run([graph.tensor(id), step.rows])
        let values = outputs[0].doubles
        let index = values.firstIndex { !$0.isFinite } ?? 0
        let kind = values[index].isNaN ? "NaN" : values[index] < 0 ? "-inf" : "inf"
        let node = graph[maker(of: id)]
        if case .source(.state(let state)) = node.op {
            return "\(graph.states[state].name) has become \(kind)"
        }
        var text = "\(node.op.name)\(place(of: maker(of: id))) gives \(kind)"
        if outputs[0].shape.first == batchSize {
            let row = index / (values.count / batchSize)
            text += " (row \(row) of the batch, \(Int(outputs[1].doubles[row])) of the data)"
        }
        return text
    }
}

extension Training {
    /// What in the step that was not finite was the first that was not; nil where that cannot be found out.
    ///
    /// The CPU repeats the step, whose exact arithmetic is every device's: no device has to build a kernel for each
    /// operation.
    func nonFiniteOrigin() throws -> String? {
        guard let batchSize, let rate = HostArray([learningRate], precision) else { return nil }
        var host = states
        if !(states.backend is CPUBackend) {
            host = DeviceStates(on: try CPUBackend(threads: device.threads))
            for name in states.names { try host.write(name, try states.read(name)) }
        }
        let step = try trainStep(batchSize: batchSize).traced(model)
        return try NonFiniteSearch(
            step: step, batchSize: batchSize, states: host, options: options, rate: rate
        ).origin()
    }
}
