import Compiler
import Graph

/// A loop for GPUs: one element per work-item, or one lane of a reduction.
struct LoopItems {
    private let loop: FusedLoop
    private let sizes: LoopSizes
    private let index: String
    private var program: LoopText
    private let group: Int
    private var axes: Range<Int> { sizes.extents.indices }

    init(_ loop: FusedLoop, _ sizes: LoopSizes, _ target: Target) {
        self.loop = loop
        self.sizes = sizes
        index = sizes.index
        let sharesWords =
            loop.reduction == nil
            && loop.sources.allSatisfy { source in
                if case .random(_, _, _, _, let rowLength) = source { rowLength % 4 == 0 } else { true }
            }
        program = LoopText(loop, index: index, words: sharesWords ? .four : .own)
        // Columns of 16 lanes and rows of 32 divide it.
        group = target.maxWorkGroupSize >= 256 ? 256 : 32
    }

    var launch: Launch {
        var items = self
        guard let reduction = loop.reduction else { return plain() }
        if sizes.areFew(loop) { return items.few(reduction) }
        return loop.reductionMode == .rows ? items.rows(reduction) : items.columns(reduction)
    }

    private func launch(items: Int, _ body: [String]) -> Launch {
        let text = KernelText(headers: [.opencl, .scalar], [:], body: program.kernel(body))
        return Launch(
            text: text, arguments: program.arguments, global: [items.roundedUp(to: group)], local: [group])
    }

    private func plain() -> Launch {
        guard program.fillWords.isEmpty else { return fours() }
        let body = program.coordinates(axes, of: "at") + program[.once] + program[.row] + program[.element]
        return launch(
            items: sizes.count,
            ["const \(index) at = (\(index))get_global_id(0);"] + block("if (at < \(sizes.count))", body))
    }

    /// Four neighbours share a work-item and their random words.
    private func fours() -> Launch {
        let each = block(
            "\(unrolled) for (int word = 0; word < 4; word++)",
            ["const \(index) at = group * 4 + word;"] + program.coordinates(axes, of: "at") + program[.row]
                + program[.element])
        return launch(
            items: sizes.count / 4,
            ["const \(index) group = (\(index))get_global_id(0);"]
                + block("if (group < \(sizes.count / 4))", program[.once] + program.fillWords + each))
    }

    private mutating func few(_ reduction: FusedLoop.Reduction) -> Launch {
        let axis = sizes.vectorAxis(reduction)
        let length = axis.map { sizes.extents[$0] } ?? 1
        let results = sizes.kept * sizes.columns
        let place = axis.map { ["const \(index) i\($0) = \(remainder("item", length));"] } ?? []
        let body = sizes.few(reduction, &program)
        return launch(
            items: results,
            ["const \(index) item = (\(index))get_global_id(0), outer = \(quotient("item", length));"] + place
                + block("if (item < \(results))", program[.once] + body))
    }

    // MARK: reductions

    /// Neighbouring work-items hold the lanes of one block.
    private mutating func rows(_ reduction: FusedLoop.Reduction) -> Launch {
        let results = program.pointer(reduction.result, reduction.scalar)
        let (lanes, units) = (sizes.lanes, sizes.kept * sizes.blocks)
        let point = ["const \(index) at = kept * \(sizes.reduced) + first + e;"] + program.coordinates(axes, of: "at")
        var body = [
            "__local \(reduction.lane.clType) lane[\(group)];",
            "const int item = (int)get_local_id(0), l = item % \(lanes);",
            "const \(index) block = (\(index))get_global_id(0) / \(lanes);",
            "const bool inside = block < \(units);",
        ]
        body += accumulate(reduction, "sum", lane: "l", point) + ["lane[item] = sum;"]
        body += tree(reduction, lanes, distance: 1)
        body += ["if (inside && l == 0) \(results)[block] = \(reduction.memoryValue("lane[item]"));"]
        return launch(items: units * lanes, body)
    }

    /// Neighbouring work-items hold neighbouring columns, two lanes each.
    private mutating func columns(_ reduction: FusedLoop.Reduction) -> Launch {
        let results = program.pointer(reduction.result, reduction.scalar)
        let half = sizes.lanes / 2
        let width = group / half
        let stripes = sizes.columns.dividedUp(by: width)
        let last = axes.upperBound - 1
        let point =
            ["const \(index) row = kept * \(sizes.reduced) + first + e;"] + program.coordinates(0..<last, of: "row")
            + ["const \(index) at = row * \(sizes.columns) + i\(last);"]
        var body = [
            "__local \(reduction.lane.clType) lane[\(group)];",
            "const int item = (int)get_local_id(0), l = item / \(width);",
            "const \(index) stripe = (\(index))get_group_id(0), block = \(quotient("stripe", stripes));",
            "const \(index) i\(last) = \(remainder("stripe", stripes)) * \(width) + item % \(width);",
            "const bool inside = i\(last) < \(sizes.columns);",
        ]
        body +=
            accumulate(reduction, "low", lane: "l", point) + accumulate(reduction, "high", lane: "l + \(half)", point)
        body += ["lane[item] = \(reduction.combined("low", "high"));"] + tree(reduction, half, distance: width)
        let result = "\(results)[block * \(sizes.columns) + i\(last)]"
        body += ["if (inside && l == 0) \(result) = \(reduction.memoryValue("lane[item]"));"]
        return launch(items: sizes.kept * sizes.blocks * stripes * group, body)
    }

    /// What one lane of a block makes of its elements.
    private func accumulate(
        _ reduction: FusedLoop.Reduction, _ sum: String, lane: String, _ point: [String]
    ) -> [String] {
        let value = program.register(reduction.register)
        let elements = block(
            "for (int e = \(lane); e < count; e += \(sizes.lanes))",
            point + program[.row] + program[.element] + ["\(sum) = \(reduction.combined(sum, value));"])
        let start = ["if (\(lane) < count) \(sum) = \(reduction.neutral.text);"]
        return ["\(reduction.lane.clType) \(sum) = \(reduction.identity.text);"]
            + block("if (inside)", program[.once] + sizes.blockBounds("block") + start + elements)
    }

    private func tree(_ reduction: FusedLoop.Reduction, _ lanes: Int, distance: Int) -> [String] {
        sizes.halves.filter { $0 < lanes }.flatMap { half in
            let sum = reduction.combined("lane[item]", "lane[item + \(half * distance)]")
            return ["barrier(CLK_LOCAL_MEM_FENCE);", "if (l < \(half)) lane[item] = \(sum);"]
        }
    }
}
