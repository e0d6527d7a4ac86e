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

    init(_ loop: FusedLoop, _ sizes: LoopSizes, _ target: Target, _ parameters: LoopParameters) {
        self.loop = loop
        self.sizes = sizes
        index = sizes.index
        let sharesWords =
            loop.reduction == nil
            && loop.sources.allSatisfy { source in
                if case .random(_, _, _, _, let rowLength) = source { rowLength % 4 == 0 } else { true }
            }
        program = LoopText(loop, index: index, words: sharesWords ? .four : .own, parameters)
        group = LoopItems.groupSize(target)
    }

    /// Columns of 16 lanes and rows of 32 divide it.
    static func groupSize(_ target: Target) -> Int { target.maxWorkGroupSize >= 256 ? 256 : 32 }

    var part: LoopPart {
        var items = self
        guard let reduction = loop.reduction else { return plain() }
        if sizes.areFew(loop) { return items.few(reduction) }
        return loop.reductionMode == .rows ? items.rows(reduction) : items.columns(reduction)
    }

    private func loopPart(items: Int, numbers: [String] = [], _ body: [String], finish: [String] = []) -> LoopPart {
        let own = "const \(index) group_id = (\(index))PF_GROUP, item_id = group_id * \(group) + (int)get_local_id(0);"
        return LoopPart(
            parameters: program.parameters, groups: items.dividedUp(by: group), groupSize: group,
            setup: program.pointers + [own] + numbers, body: body, finish: finish)
    }

    private func plain() -> LoopPart {
        guard program.fillWords.isEmpty else { return fours() }
        let body = program.coordinates(axes, of: "at") + program[.once] + program[.row] + program[.element]
        return loopPart(
            items: sizes.count,
            ["const \(index) at = item_id;"] + block("if (at < \(sizes.count))", body))
    }

    /// Four neighbours share a work-item and their random words.
    private func fours() -> LoopPart {
        let each = block(
            "\(unrolled) for (int word = 0; word < 4; word++)",
            ["const \(index) at = group * 4 + word;"] + program.coordinates(axes, of: "at") + program[.row]
                + program[.element])
        return loopPart(
            items: sizes.count / 4,
            ["const \(index) group = item_id;"]
                + block("if (group < \(sizes.count / 4))", program[.once] + program.fillWords + each))
    }

    private mutating func few(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let axis = sizes.vectorAxis(reduction)
        let length = axis.map { sizes.extents[$0] } ?? 1
        let results = sizes.kept * sizes.columns
        let place = axis.map { ["const \(index) i\($0) = \(remainder("item", length));"] } ?? []
        let body = sizes.few(reduction, &program)
        return loopPart(
            items: results,
            ["const \(index) item = item_id, outer = \(quotient("item", length));"] + place
                + block("if (item < \(results))", program[.once] + body))
    }

    // MARK: reductions

    /// Neighbouring work-items hold the lanes of one block.
    private mutating func rows(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let results = program.pointer(reduction.result, reduction.scalar)
        let (lanes, units) = (sizes.lanes, sizes.kept * sizes.blocks)
        let point = ["const \(index) at = kept * \(sizes.reduced) + first + e;"] + program.coordinates(axes, of: "at")
        let numbers = ["const \(index) block = item_id / \(lanes);", "const bool inside = block < \(units);"]
        return loopPart(
            items: units * lanes, numbers: numbers,
            accumulate(reduction, "sum", lane: "l", point) + [reduction.copying("lane[item]", "sum")],
            finish: ["if (inside && l == 0) \(reduction.storing("lane[item]", to: results, "block"))"])
    }

    /// Neighbouring work-items hold neighbouring columns, two lanes each.
    private mutating func columns(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let results = program.pointer(reduction.result, reduction.scalar)
        let half = sizes.lanes / 2
        let width = group / half
        let stripes = sizes.columns.dividedUp(by: width)
        let last = axes.upperBound - 1
        let point =
            ["const \(index) row = kept * \(sizes.reduced) + first + e;"] + program.coordinates(0..<last, of: "row")
            + ["const \(index) at = row * \(sizes.columns) + i\(last);"]
        let numbers = [
            "const \(index) stripe = group_id, block = \(quotient("stripe", stripes));",
            "const \(index) i\(last) = \(remainder("stripe", stripes)) * \(width) + item % \(width);",
            "const bool inside = i\(last) < \(sizes.columns);",
        ]
        let low = accumulate(reduction, "low", lane: "l", point)
        let high = accumulate(reduction, "high", lane: "l + \(half)", point)
        let store = reduction.storing("lane[item]", to: results, "block", width: sizes.columns, place: "i\(last)")
        return loopPart(
            items: sizes.kept * sizes.blocks * stripes * group, numbers: numbers,
            low + high + [reduction.joining("low", "high"), reduction.copying("lane[item]", "low")],
            finish: ["if (inside && l == 0) \(store)"])
    }

    /// What one lane of a block makes of its elements.
    private func accumulate(
        _ reduction: FusedLoop.Reduction, _ sum: String, lane: String, _ point: [String]
    ) -> [String] {
        let value = program.register(reduction.register)
        let elements = block(
            "for (int e = \(lane); e < count; e += \(sizes.lanes))",
            point + program[.row] + program[.element] + [reduction.taking(sum, value)])
        let start = ["if (\(lane) < count) \(sum) = \(reduction.neutral.text);"]
        return [reduction.declaration(sum), reduction.setting(sum, reduction.identity.text)]
            + block("if (inside)", program[.once] + sizes.blockBounds("block") + start + elements)
    }
}

/// How the work-items of a group combine lanes in local memory: item `item` holds lane `l` of its block in lane[item].
struct LoopTree: Hashable {
    private let declaration: String
    private let lanes: Int
    /// Neighbouring items hold the same lane of this many columns.
    private let width: Int
    let steps: [String]

    /// Nil where loops need no local memory.
    init?(_ loop: FusedLoop, _ sizes: LoopSizes, groupSize: Int) {
        guard let reduction = loop.reduction, !sizes.areFew(loop) else { return nil }
        declaration = "__local " + reduction.declaration("lane[\(groupSize)]")
        // In columns each item has combined two lanes by itself.
        let held = loop.reductionMode == .rows ? sizes.lanes : sizes.lanes / 2
        let width = loop.reductionMode == .rows ? 1 : groupSize / held
        self.width = width
        steps = sizes.halves.filter { $0 < held }.flatMap { half in
            let join = reduction.joining("lane[item]", "lane[item + \(half * width)]")
            return ["barrier(CLK_LOCAL_MEM_FENCE);", "if (l < \(half)) \(join)"]
        }
        lanes = held
    }

    /// Declares what stands around the tree.
    var setup: [String] {
        let number = width == 1 ? "item % \(lanes)" : "item / \(width)"
        return [declaration, "const int item = (int)get_local_id(0), l = \(number);"]
    }
}
