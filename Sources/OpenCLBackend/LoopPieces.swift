import Compiler
import Graph

/// A loop for CPUs: each work-item runs through a piece of the iteration space, or of the results, in vector loops.
///
/// Bounds of loops are constants wherever they can be: compilers then drop or unroll what is left of a row beyond its
/// last full vector.
struct LoopPieces {
    let loop: FusedLoop
    let sizes: LoopSizes
    let index: String
    var program: LoopText
    let isHeavy: Bool
    /// What stands before a loop to make vectors of it.
    let vectorise: String
    var axes: Range<Int> { sizes.extents.indices }

    /// Rows from this on are cut.
    private static let longRow = 8192

    init(_ loop: FusedLoop, _ sizes: LoopSizes, _ parameters: LoopParameters) {
        self.loop = loop
        self.sizes = sizes
        index = sizes.index
        program = LoopText(loop, index: index, words: .arrays, parameters)
        isHeavy = loop.isHeavy
        vectorise = isHeavy ? wideVectors : "PF_VECTORISE"
    }

    var part: LoopPart {
        var pieces = self
        guard let reduction = loop.reduction else { return plain() }
        if let axis = fewAxis(reduction) { return pieces.few(reduction, along: axis) }
        return loop.reductionMode == .rows ? pieces.rows(reduction) : pieces.columns(reduction)
    }

    // MARK: work

    /// What takes units of work, of about `size` elements each; `body` does the unit `unit`.
    func loopPart(units: Int, size: Int, _ body: [String]) -> LoopPart {
        let least = isHeavy ? 4096 : 16384
        let wanted = Swift.min(Swift.max(sizes.count / 64, least), 65536)
        let share = Swift.max(wanted / Swift.max(size, 1), 1)
        let lines =
            [
                "const \(index) first_unit = (\(index))PF_GROUP * \(share);",
                "const \(index) last_unit = min(first_unit + \(share), (\(index))\(units));",
            ] + program[.once] + block("for (\(index) unit = first_unit; unit < last_unit; unit++)", body)
        return LoopPart(
            parameters: program.parameters, groups: units.dividedUp(by: share), groupSize: 1, setup: program.pointers,
            body: lines)
    }

    private func plain() -> LoopPart {
        let usesArrays = !program.fillWords.isEmpty
        let largest = usesArrays ? FusedLoop.reductionBlock : LoopPieces.longRow
        if usesElementsInOrder || sizes.extents[axes.upperBound - 1] > largest {
            let size = Swift.min(usesArrays ? largest : 4096, sizes.count)
            let bounds = "const \(index) start = unit * \(size), end = \(limit("start + \(size)", sizes.count, size));"
            return loopPart(
                units: sizes.count.dividedUp(by: size), size: size, [bounds] + program.fillWords + elementsInRange())
        }
        // Whole rows, of the last axes if the last alone is short.
        var inner = axes.upperBound - 1
        while inner > 0, product(from: inner) < 64, product(from: inner - 1) <= largest { inner -= 1 }
        let length = product(from: inner)
        let rows = sizes.count / length
        let taken = Swift.min(Swift.max(largest / length, 1), rows)
        let bounds =
            "const \(index) first_row = unit * \(taken), last_row = \(limit("first_row + \(taken)", rows, taken));"
        let words =
            usesArrays ? ["const \(index) start = first_row * \(length), end = last_row * \(length);"] : []
        return loopPart(
            units: rows.dividedUp(by: taken), size: taken * length,
            [bounds] + words + program.fillWords + elements(inRowsFrom: inner))
    }

    /// `end`, or `count` where the last unit of `size` is not full.
    func limit(_ end: String, _ count: Int, _ size: Int) -> String {
        count % size == 0 ? end : "min(\(end), (\(index))\(count))"
    }

    func product(from axis: Int) -> Int { Array(sizes.extents[axis...]).product }

    // MARK: elements

    /// Whether to go through elements by position alone: coordinates, where needed, cost divisions and gathers.
    var usesElementsInOrder: Bool {
        guard let last = axes.last, !program.isLinear else { return true }
        return isHeavy && sizes.extents[last] < 32
    }

    /// Evaluates elements start..<end in order; `sink` takes each.
    func elementsInOrder(_ sink: [String] = []) -> [String] {
        block(
            "\(program.fillWords.isEmpty ? vectorise : wideVectorsInPairs) for (\(index) at = start; at < end; at++)",
            program.coordinates(axes, of: "at") + program[.row] + program[.element] + sink)
    }

    /// Evaluates elements start..<end; `sink` takes each.
    func elementsInRange(_ sink: [String] = []) -> [String] {
        guard let last = axes.last, !usesElementsInOrder, sizes.extents[last] >= 16 else {
            return elementsInOrder(sink)
        }
        let width = sizes.extents[last]
        let inner = block(
            "\(vectorise) for (\(index) i\(last) = low; i\(last) < high; i\(last)++)",
            ["const \(index) at = row * \(width) + i\(last);"] + program[.element] + sink)
        return block(
            "for (\(index) row = start / \(width); row * \(width) < end; row++)",
            program.coordinates(0..<last, of: "row") + program[.row] + [
                "const \(index) low = max(start - row * \(width), (\(index))0);",
                "const \(index) high = min(end - row * \(width), (\(index))\(width));",
            ] + inner)
    }

    /// Evaluates rows first_row..<last_row, which span the axes from `inner` on; `sink` takes each element.
    func elements(inRowsFrom inner: Int, _ sink: [String] = []) -> [String] {
        func along(_ axis: Int) -> [String] {
            let head = "for (\(index) i\(axis) = 0; i\(axis) < \(sizes.extents[axis]); i\(axis)++)"
            guard axis == axes.upperBound - 1 else { return block(head, along(axis + 1)) }
            let terms = (inner...axis).map { later in
                let stride = later < axis ? product(from: later + 1) : 1
                return stride == 1 ? "i\(later)" : "i\(later) * \(stride)"
            }
            let at = "const \(index) at = row * \(product(from: inner)) + \(terms.joined(separator: " + "));"
            return program[.row] + block("\(vectorise) \(head)", [at] + program[.element] + sink)
        }
        return block(
            "for (\(index) row = first_row; row < last_row; row++)",
            program.coordinates(0..<inner, of: "row") + along(inner))
    }
}

extension FusedLoop {
    /// Whether an element costs much more than its memory traffic.
    fileprivate var isHeavy: Bool {
        sources.contains { if case .random = $0 { true } else { false } } || instructions.contains { $0.op.isHeavy }
    }
}

extension Elementwise {
    fileprivate var isHeavy: Bool {
        switch self {
        case .normal: true
        case .cast, .uniform: false
        case .scalar(let op):
            switch op {
            case .exp, .log, .log1p, .expm1, .sin, .cos, .tanh, .sigmoid, .softplus, .erf, .remainder, .power, .permute:
                true
            case .negate, .absolute, .sign, .sqrt, .rsqrt, .floor, .ceil, .round, .isFinite, .not, .add, .subtract,
                .multiply, .divide, .minimum, .maximum, .less, .lessEqual, .equal, .notEqual, .and, .or, .xor,
                .shiftLeft, .shiftRight, .select, .fusedMultiplyAdd:
                false
            }
        }
    }
}
