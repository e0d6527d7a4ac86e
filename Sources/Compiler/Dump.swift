import Foundation
import Graph

/// Writes what each pass made into a folder, one readable file per pass.
struct PassDump {
    let folder: String?
    let name: String

    init(_ options: CompileOptions) {
        folder = options.dumpFolder
        name = options.name
    }

    func write(_ pass: String, _ text: @autoclosure () -> String) throws {
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try text().write(toFile: "\(folder)/\(name).\(pass).txt", atomically: true, encoding: .utf8)
        } catch {
            throw GraphError(
                "dump", "\(folder): cannot be written (\(error.localizedDescription)); choose another folder")
        }
    }
}

/// A graph, a line per node.
func describe(_ graph: Graph) -> String {
    var lines = ""
    for (index, node) in graph.nodes.enumerated() {
        let inputs = node.inputs.map(\.description).joined(separator: ", ")
        let results = node.results.map(\.description).joined(separator: ", ")
        let origin = node.origins.first.map { "\($0)" } ?? ""
        var name = node.op.name
        switch node.op {
        case .source(.constant(let literal)): name = "constant \(literal.value)"
        case .source(.state(let slot)): name = "state \(graph.states[slot].name)"
        case .source(.input(let slot)): name = "input \(graph.inputs[slot].name)"
        case .reduce(let reduce): name += " \(reduce.axes)"
        case .view(.transpose(let permutation)): name += " \(permutation)"
        default: break
        }
        lines += "%\(index) = \(name)(\(inputs)) : \(results)" + (origin.isEmpty ? "" : "   # \(origin)") + "\n"
    }
    return lines
}

/// Which nodes each unit computes, in order.
func describe(_ units: Units, _ order: [Units.Unit]) -> String {
    var lines = ""
    for unit in order {
        switch unit {
        case .kernel(let id): lines += "kernel \(id) \(units.graph[id].op.name) : \(units.graph[id].type)\n"
        case .region(let index):
            let region = units.fusion.regions[index]
            let members = region.members.keys.sorted().map(\.description).joined(separator: ", ")
            lines += "region \(region.root)" + (members.isEmpty ? "" : ", also stores \(members)") + "\n"
        }
    }
    return lines
}

extension Schedule: CustomStringConvertible {
    public var description: String {
        var lines = ""
        for (index, step) in steps.enumerated() {
            lines += "\(index): \(step.label)\n" + step.kernel.lines.map { "    \($0)\n" }.joined()
        }
        return lines
    }

    var memoryDescription: String {
        var lines = "arena: \(arenaByteCount) bytes\n"
        for (index, buffer) in buffers.enumerated() {
            lines += "b\(index) \(buffer.name): \(buffer.byteCount) bytes, \(buffer.place)\n"
        }
        return lines
    }
}

extension Kernel {
    fileprivate var lines: [String] {
        switch self {
        case .loops(let loops): loops.flatMap(\.lines)
        case .matmul(let m):
            [
                "\(m.c) = matmul \(m.a.buffer) [\(m.m) x \(m.k)] \(m.b.buffer) [\(m.k) x \(m.n)], "
                    + "batch \(m.a.offsets.count)" + m.epilogue.text
            ]
        case .convolution(let c):
            [
                "convolution \(c.direction): input \(c.input.buffer) \(c.inputShape), weights \(c.weights.buffer) "
                    + "\(c.weightShape), output \(c.output.buffer) \(c.outputShape)" + c.epilogue.text
            ]
        case .region(let region):
            ["\(region.count) turns of"] + region.body.description.split(separator: "\n").map { "    \($0)" }
        case .gather(_, let table, let index, let result, _, _, _):
            ["\(result) = rows \(index.buffer) of \(table.buffer)"]
        case .scatterAdd(_, let index, let updates, let result, _, _, _):
            ["\(result) = rows of \(updates.buffer) added at \(index.buffer)"]
        case .argsort(_, let values, let result, _, _, _): ["\(result) = order of \(values.buffer)"]
        case .argmax(_, let values, let result, _, _, _): ["\(result) = extrema of \(values.buffer)"]
        case .cumulativeSum(_, let values, let result, _, _, _, _): ["\(result) = running sums of \(values.buffer)"]
        case .linearAlgebra(let kind, _, let batch, _, let n, let operands, let results):
            ["\(results) = \(kind) of \(operands.map(\.buffer)), \(batch) of size \(n)"]
        case .composite(let kernel):
            [
                "\(kernel.results) = \(kernel.composite) of \(kernel.operands.map(\.buffer)), "
                    + "\(kernel.rows) rows of \(kernel.length)"
            ]
        case .fill(let buffer, let byte): ["every byte of \(buffer) = \(byte)"]
        }
    }
}

extension Epilogue {
    fileprivate var text: String {
        (bias.map { ", plus \($0.buffer) + \($0.offset)" } ?? "") + (isRectified ? ", rectified" : "")
            + (mask.map { ", where \($0.buffer) + \($0.offset) is positive" } ?? "")
    }
}

extension Access {
    fileprivate var text: String {
        "\(buffer) \(map.strides) + \(map.offset)" + (map.isMasked ? " where \(map.valid)" : "")
    }
}

extension FusedLoop {
    fileprivate var lines: [String] {
        var lines = ["over \(extents)"]
        for (index, source) in sources.enumerated() {
            let text =
                switch source {
                case .constant(let literal): "constant \(literal.value) \(literal.scalar)"
                case .load(let access): "load \(access.text)"
                case .index(let axis, let scale, let start): "\(start) + \(scale) * i\(axis)"
                case .random(let stream, _, _, _, _): "random bits, stream \(stream)"
                }
            lines.append("r\(index) = \(text)")
        }
        for (index, instruction) in instructions.enumerated() {
            let operands = instruction.operands.map { "r\($0)" }.joined(separator: ", ")
            lines.append("r\(sources.count + index) = \(instruction.op) \(operands) : \(instruction.resultType)")
        }
        for store in stores { lines.append("store r\(store.register) to \(store.access.text)") }
        if let reduction {
            lines.append(
                "\(reduction.kind) r\(reduction.register) over axes \(reduction.axes) to \(reduction.result)"
                    + (reduction.leavesPairs ? " in pairs" : ""))
        }
        return lines
    }
}
