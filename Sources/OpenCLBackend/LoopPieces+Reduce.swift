import Compiler
import Graph

// Reductions on CPUs: the lanes of the reduction order are elements of vectors, or rows of an array.

extension LoopPieces {
    private var blockSize: Int { FusedLoop.reductionBlock }

    // MARK: few elements

    /// The axis along which neighbouring results fill a vector, if each has few elements that lie close together.
    func fewAxis(_ reduction: FusedLoop.Reduction) -> Int? {
        guard let axis = sizes.vectorAxis(reduction), sizes.areFew(loop), program.fillWords.isEmpty,
            sizes.extents[axis] >= 8
        else { return nil }
        let isClose = loop.sources.allSatisfy { source in
            guard case .load(let access) = source else { return true }
            return abs(access.map.strides[axis]) <= 4
        }
        return isClose ? axis : nil
    }

    mutating func few(_ reduction: FusedLoop.Reduction, along axis: Int) -> LoopPart {
        let length = sizes.extents[axis]
        let part = Swift.min(length, blockSize)
        let parts = length.dividedUp(by: part)
        let bounds =
            parts == 1
            ? ["const \(index) outer = unit;"]
            : [
                "const \(index) outer = unit / \(parts), low = unit % \(parts) * \(part);",
                "const \(index) high = \(limit("low + \(part)", length, part));",
            ]
        let (low, high) = parts == 1 ? ("0", "\(length)") : ("low", "high")
        let body = block(
            "\(vectorise) for (\(index) i\(axis) = \(low); i\(axis) < \(high); i\(axis)++)",
            sizes.few(reduction, &program))
        return loopPart(
            units: sizes.kept * sizes.columns / length * parts, size: part * sizes.reduced, bounds + body)
    }

    // MARK: rows

    mutating func rows(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let isPlainRow = reduction.axes.count == 1 && sizes.reduced >= 256 && !isHeavy
        return isPlainRow ? rowsByLane(reduction) : rowsByTile(reduction)
    }

    /// Long rows: the loop over lanes is the vector loop.
    private mutating func rowsByLane(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let results = program.pointer(reduction.result, reduction.scalar)
        let last = axes.upperBound - 1
        func point(_ position: String) -> [String] {
            [
                "const \(index) i\(last) = first + \(position);",
                "const \(index) at = kept * \(sizes.reduced) + i\(last);",
            ] + program[.element] + [reduction.taking("sum", program.register(reduction.register))]
        }
        func lanes(_ limit: String, _ body: [String]) -> [String] {
            block(
                "\(vectorise) for (int l = 0; l < \(limit); l++)",
                [reduction.declaration("sum"), reduction.copying("sum", "lane[l]")] + body
                    + [reduction.copying("lane[l]", "sum")])
        }
        // Lanes are taken out of the array for some elements at a time.
        let turns = loop.instructions.count <= 2 ? 8 : 4
        let chunk = 32 * turns
        var body = sizes.blockBounds("unit") + program.coordinates(0..<last, of: "kept") + program[.row]
        body += [reduction.declaration("lane[32]")]
        body += ["PF_VECTORISE for (int l = 0; l < 32; l++) { \(reduction.setting("lane[l]", start(reduction))) }"]
        body += ["int e = 0;"]
        body += block(
            "for (; e + \(chunk) <= count; e += \(chunk))",
            lanes("32", block("\(unrolled) for (int turn = 0; turn < \(turns); turn++)", point("e + turn * 32 + l"))))
        body += block("for (; e < count; e += 32)", lanes("min(count - e, 32)", point("e + l")))
        body += tree(reduction, lanes: 32) + [reduction.storing("lane[0]", to: results, "unit")]
        return loopPart(units: sizes.kept * sizes.blocks, size: Swift.min(sizes.reduced, blockSize), body)
    }

    /// Rows in an array, each then taken in vectors of lanes.
    private mutating func rowsByTile(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let results = program.pointer(reduction.result, reduction.scalar)
        let (blocks, reduced) = (sizes.blocks, sizes.reduced)
        let type = reduction.lane.clType
        let sink = ["value[at - start] = \(program.register(reduction.register));"]
        guard blocks == 1 else {
            // Blocks are as long as another, or the last is filled up with elements that change nothing.
            let bounds = [
                "const \(index) start = unit / \(blocks) * \(reduced) + unit % \(blocks) * \(blockSize);",
                "const \(index) end = min(start + \(blockSize), (unit / \(blocks) + 1) * \(reduced));",
                "const int count = (int)(end - start);",
            ]
            let fill =
                "for (int l = count; l < \(blockSize) && (l < 32 || l % 32 != 0); l++) "
                + "value[l] = count < 32 ? \(reduction.identity.text) : \(reduction.neutral.text);"
            return loopPart(
                units: sizes.kept * blocks, size: blockSize,
                bounds + program.fillWords + ["\(type) value[\(blockSize)];"] + elementsInRange(sink) + [fill]
                    + lanes(reduction, "value", "count", rest: 0)
                    + [reduction.storing("lane[0]", to: results, "unit")])
        }
        let taken = Swift.min(blockSize / reduced, sizes.kept)
        let bounds = [
            "const \(index) first_row = unit * \(taken), last_row = \(limit("first_row + \(taken)", sizes.kept, taken));",
            "const \(index) start = first_row * \(reduced), end = last_row * \(reduced);",
        ]
        let elements =
            usesElementsInOrder ? elementsInOrder(sink) : elements(inRowsFrom: reduction.axes.lowerBound, sink)
        let each = block(
            "for (\(index) row = first_row; row < last_row; row++)",
            ["const \(type) *of_row = value + (row - first_row) * \(reduced);"]
                + lanes(reduction, "of_row", "\(reduced / 32 * 32)", rest: reduced % 32)
                + [reduction.storing("lane[0]", to: results, "row")])
        return loopPart(
            units: sizes.kept.dividedUp(by: taken), size: taken * reduced,
            bounds + program.fillWords + ["\(type) value[\(taken * reduced)];"] + elements + each)
    }

    /// Combines the values from a pointer on, `whole` (a multiple of 32) and `rest` more, into lane[0].
    private func lanes(_ reduction: FusedLoop.Reduction, _ values: String, _ whole: String, rest: Int) -> [String] {
        // Where 16 lanes and more would be absent, one vector holds the others.
        let half = Swift.max(sizes.lanes / 2, 2)
        let type = "\(reduction.lane.clType)\(half)"
        // (Compilers may take a whole vload apart.)
        let definition = "typedef \(type) vector __attribute__((aligned(\(reduction.lane.byteCount))));"
        // A vector of which `count` elements are there.
        func part(_ pointer: String, _ count: Int, _ other: ScalarLiteral) -> String {
            let count = Swift.max(count, 0)
            guard count < half else { return "*(const vector *)(\(pointer))" }
            var pieces: [String] = []
            var position = 0
            for size in [8, 4, 2] where (count - position) & size != 0 {
                pieces.append("vload\(size)(0, \(pointer) + \(position))")
                position += size
            }
            if position < count { pieces.append("(\(pointer))[\(position)]") }
            pieces += [String](repeating: other.text, count: half - count)
            return "(\(type))(\(pieces.joined(separator: ", ")))"
        }
        func both(_ pointer: String, _ count: Int, _ other: ScalarLiteral) -> (low: String, high: String) {
            (part(pointer, count, other), part("\(pointer) + 16", count - 16, other))
        }
        func take(_ next: (low: String, high: String)) -> [String] {
            ["const vector next_low = \(next.low), next_high = \(next.high);"]
                + ["low", "high"].map { reduction.taking($0, "next_\($0)", type: "vector") }
        }
        let identity = reduction.identity
        let first =
            sizes.reduced <= 16
            ? (part(values, rest, identity), identity.text) : both(values, sizes.reduced < 32 ? rest : 32, identity)
        var lines = [definition, reduction.declaration("low", "high", type: "vector")]
        lines += [reduction.setting("low", first.0), reduction.setting("high", first.1)]
        if sizes.reduced >= 64 {
            lines += block("for (int e = 32; e < \(whole); e += 32)", take(both("\(values) + e", 32, identity)))
        }
        if rest > 0 && sizes.reduced > 32 { lines += take(both("\(values) + \(whole)", rest, reduction.neutral)) }
        lines += [reduction.joining("low", "high", type: "vector"), reduction.declaration("lane[\(half)]")]
        lines += zip(reduction.parts("lane"), reduction.parts("low")).map { "*(vector *)\($0) = \($1);" }
        return lines + tree(reduction, lanes: half)
    }

    /// Combines `lanes` lanes, of `width` results each, into the first.
    private func tree(_ reduction: FusedLoop.Reduction, lanes: Int, width: Int = 1) -> [String] {
        sizes.halves.filter { $0 < lanes }.map { half in
            let join = reduction.joining("lane[l]", "lane[l + \(half * width)]")
            return "PF_VECTORISE for (int l = 0; l < \(half * width); l++) { \(join) }"
        }
    }

    /// What a lane holds before its first element.
    private func start(_ reduction: FusedLoop.Reduction) -> String {
        let (neutral, identity) = (reduction.neutral, reduction.identity)
        return neutral == identity ? identity.text : "l < count ? \(neutral.text) : \(identity.text)"
    }

    // MARK: columns

    /// Columns that are taken at a time, if there are more than twice as many.
    private static let stripe = 64

    /// The lanes of all columns of a stripe are rows of one array.
    mutating func columns(_ reduction: FusedLoop.Reduction) -> LoopPart {
        let results = program.pointer(reduction.result, reduction.scalar)
        let (reduced, columns, lanes) = (sizes.reduced, sizes.columns, sizes.lanes)
        let width = columns <= 2 * LoopPieces.stripe ? columns : LoopPieces.stripe
        let stripes = columns.dividedUp(by: width)
        let last = axes.upperBound - 1
        let value = program.register(reduction.register)
        let rest = columns % width == 0 ? "\(width)" : "(int)min(\(columns) - low, (\(index))\(width))"
        var body = [
            "const \(index) block = \(quotient("unit", stripes)), low = \(remainder("unit", stripes)) * \(width);",
            "const int width = \(rest);",
        ]
        body += sizes.blockBounds("block") + [reduction.declaration("lane[\(lanes * width)]")]
        let clear = reduction.setting("lane[l * \(width) + c]", start(reduction))
        body += block(
            "for (int l = 0; l < \(lanes); l++)", ["PF_VECTORISE for (int c = 0; c < \(width); c++) { \(clear) }"])
        let take = reduction.taking("lane[place]", value)
        if stripes == 1, usesElementsInOrder {
            let begin = "(kept * \(reduced) + first + e) * \(columns)"
            body += block(
                "for (int e = 0; e < count; e += \(lanes))",
                ["const \(index) start = \(begin), end = start + min(count - e, \(lanes)) * \(columns);"]
                    + elementsInOrder(["const int place = (int)(at - start);", take]))
        } else {
            let point = [
                "const \(index) i\(last) = low + c, at = row * \(columns) + i\(last);",
                "const int place = l * \(width) + c;",
            ]
            body += block(
                "for (int e = 0; e < count; e++)",
                ["const int l = e % \(lanes);", "const \(index) row = kept * \(reduced) + first + e;"]
                    + program.coordinates(0..<last, of: "row") + program[.row]
                    + block("\(vectorise) for (int c = 0; c < width; c++)", point + program[.element] + [take]))
        }
        body += tree(reduction, lanes: lanes, width: width)
        let store = reduction.storing("lane[c]", to: results, "block", width: columns, place: "low + c")
        body += ["PF_VECTORISE for (int c = 0; c < width; c++) \(store)"]
        let size = Swift.min(reduced, blockSize) * width
        return loopPart(units: sizes.kept * sizes.blocks * stripes, size: size, body)
    }
}
