import Compiler

extension ConvolutionKernel {
    func launches(_ target: Target) -> [Launch] { plan(target).launches }

    func workspaceByteCount(_ target: Target) -> Int { plan(target).workspaceByteCount }

    private func plan(_ target: Target) -> ConvolutionPlan {
        var plan = ConvolutionPlan(kernel: self, target: target)
        switch target.policy {
        case .cpu: plan.addCPU()
        case .gpu: plan.addGPU()
        }
        return plan
    }
}

private struct ConvolutionPlan {
    let kernel: ConvolutionKernel
    let target: Target
    private(set) var launches: [Launch] = []
    private(set) var workspaceByteCount = 0

    init(kernel: ConvolutionKernel, target: Target) {
        (self.kernel, self.target) = (kernel, target)
    }

    private var result: Argument { .operand(kernel.result, kernel.scalar) }
    private var operand: Argument { .operand(kernel.operand, kernel.scalar) }

    /// Workspace for so many elements from an offset on, which is returned.
    private mutating func reserve(_ count: Int) -> Int {
        defer { workspaceByteCount += (count * kernel.scalar.byteCount).roundedUp(to: 256) }
        return workspaceByteCount
    }

    /// Blocks of terms are made apart, to be joined afterwards, where there is too little to do side by side otherwise,
    /// or where that moves less memory than to pass by all of a packed operand again and again.
    private func parts(_ sum: ConvolutionSum, of sums: Int, tiles: Int, panel: Int = 0) -> Int {
        let count = sum.blocks * kernel.resultCount
        let choices = target.tiles
        let splitBelow =
            target.policy == .cpu ? choices.convolutionCPU.splitBelow : choices.convolutionGPU.splitBelow
        let pays = tiles < splitBelow * target.computeUnits || 2 * count < panel
        return sums == 1 && pays && count <= ConvolutionPlan.mostParts ? sum.blocks : 1
    }

    /// Elements of half a gigabyte.
    private static let mostParts = 1 << 27

    /// What is finished where it is made, or where its parts are joined.
    private mutating func addJoined(_ parts: Int, _ launch: (_ result: Argument, Epilogue) -> Launch) {
        guard parts > 1 else { return launches.append(launch(result, kernel.epilogue)) }
        let offset = reserve(parts * kernel.resultCount)
        launches.append(launch(.workspace(byteOffset: offset), Epilogue()))
        let shape = kernel.resultShape
        launches.append(
            joinBlocks(
                workspaceOffset: offset, blocks: parts, count: kernel.resultCount, into: result, kernel.epilogue,
                channels: (count: shape[1], step: shape[2] * shape[3]), target: target))
    }

    private func index(largest other: Int) -> String {
        let shapes = [kernel.inputShape, kernel.weightShape, kernel.outputShape]
        return indexType(largest: max(other, shapes.map { $0.reduce(1, *) }.max() ?? 0) + (1 << 16))
    }

    // MARK: GPU

    mutating func addGPU() {
        let sums = kernel.sums
        for sum in sums where !sum.isEmpty {
            let choices = target.tiles.convolutionGPU
            var tile = GPUTile(sum, eachC: choices.eachC, eachP: choices.eachP, target)
            if tile.count(sum) < choices.largeFrom * target.computeUnits {
                tile = GPUTile(sum, eachC: 4, eachP: 4, target)
            }
            let count = tile.count(sum)
            let parts = parts(sum, of: sums.count, tiles: count)
            let plane = kernel.imageShape[2] * kernel.imageShape[3]
            var text = KernelText(
                .convolutionGPU, headers: [.epilogue],
                [
                    "ITEMS_C": "\(tile.itemsC)", "ITEMS_P": "\(tile.itemsP)", "EACH_C": "\(tile.eachC)",
                    "EACH_P": "\(tile.eachP)", "DEPTH": "\(tile.depth)",
                    "TERMS_ALONG_ROWS": kernel.direction == .backwardWeights ? "1" : "0",
                    "INDEX": index(largest: parts * kernel.resultCount),
                ])
            text.define(sum, parts: parts, resultCount: kernel.resultCount)
            text.define("IMAGE_POSITION", [sum.positions.image[0] * plane] + sum.positions.image[1...])
            text.define("IMAGE_TERM", [sum.terms.image[0] * plane] + sum.terms.image[1...])
            text.define("IMAGE_GROUP", sum.imageGroup * plane)
            text.define("HEIGHT", kernel.imageShape[2])
            text.define("WIDTH", kernel.imageShape[3])
            text.define("POSITIONS", sum.positions.extents)
            text.define("RESULT_POSITION", sum.positions.steps)
            text.define("RESULT_CHANNEL", sum.resultChannel)
            text.defineOperand(sum, sum.terms)
            let classes = sum.classes.joined().flatMap { [$0.origin, $0.tap, $0.place, $0.count].map(Int64.init) }
            let image = Argument.operand(kernel.image, kernel.scalar)
            let operand = operand
            addJoined(parts) { result, epilogue in
                text.define(epilogue)
                return Launch(
                    text: text, arguments: [image, operand, .table(classes), result] + epilogue.arguments,
                    global: [tile.items * count * parts], local: [tile.items])
            }
        }
    }

    // MARK: CPU

    mutating func addCPU() {
        let sums = kernel.sums.filter { !$0.isEmpty }
        guard !sums.isEmpty else { return }
        let frame = PaddedFrame(sums, height: kernel.imageShape[2], width: kernel.imageShape[3])
        var image = Argument.operand(kernel.image, kernel.scalar)
        if !frame.isInPlace {
            let planes = kernel.imageShape[0] * kernel.imageShape[1]
            let padded = Argument.workspace(byteOffset: reserve(planes * frame.plane + frame.slack))
            launches.append(pad(image, planes: planes, frame, into: padded))
            image = padded
        }
        let choices = target.tiles.convolutionCPU
        let tiles = sums.map { CPUTile($0, frame, choices.tiles) }
        let panel = reserve(zip(tiles, sums).map { $0.panelCount($1) }.max() ?? 0)
        for (sum, tile) in zip(sums, tiles) {
            let items = tile.rowTiles * tile.laneBlocks * tile.planes * sum.groups * sum.classCount
            let parts = parts(sum, of: sums.count, tiles: items, panel: tile.panelCount(sum))
            // Work-items worth their launch, yet enough of them to even out over the device.
            let work = tile.box.reduce(tile.lanes / 16, *) * min(256, sum.terms.count)
            let perItem = max(
                1,
                min(
                    choices.itemTiles, tile.rowTiles, choices.itemWork / max(1, work),
                    items * parts / (choices.itemsPerUnit * target.computeUnits)))
            let classes = Argument.table(tile.classes(sum, frame))
            let largest = max(
                tile.panelCount(sum), kernel.imageShape[0] * kernel.imageShape[1] * frame.plane + frame.slack,
                parts * kernel.resultCount)
            if tile.channelLanes {
                launches.append(pack(sum, tile, classes, into: panel, index: index(largest: largest)))
            }
            var text = KernelText(
                .convolutionCPU, headers: [.transpose, .epilogue],
                [
                    "TILES": "\(perItem)", "LANES": "\(tile.lanes)", "CHANNEL_LANES": tile.channelLanes ? "1" : "0",
                    "INDEX": index(largest: largest),
                ])
            text.define(sum, parts: parts, resultCount: kernel.resultCount)
            tile.define(sum, frame, in: &text)
            let operand = tile.channelLanes ? Argument.workspace(byteOffset: panel) : operand
            addJoined(parts) { result, epilogue in
                text.define(epilogue)
                return Launch(
                    text: text,
                    arguments: (tile.channelLanes ? [image, operand] : [operand, image]) + [classes, result]
                        + epilogue.arguments,
                    global: [
                        tile.rowTiles.dividedUp(by: perItem), tile.planes * tile.laneBlocks,
                        sum.groups * sum.classCount * parts,
                    ],
                    local: [1, 1, 1])
            }
        }
    }

    private func pad(_ image: Argument, planes: Int, _ frame: PaddedFrame, into padded: Argument) -> Launch {
        let first = min(max(0, -frame.left), frame.columns)
        let last = max(first, min(frame.columns, kernel.imageShape[3] - frame.left))
        let text = KernelText(
            .convolutionPad,
            [
                "PLANES": "\(planes)", "HEIGHT": "\(kernel.imageShape[2])", "WIDTH": "\(kernel.imageShape[3])",
                "TOP": "(\(frame.top))", "LEFT": "(\(frame.left))", "ROWS": "\(frame.rows)",
                "COLUMNS": "\(frame.columns)", "FIRST": "\(first)", "LAST": "\(last)", "SLACK": "\(frame.slack)",
                "INDEX": index(largest: planes * frame.plane + frame.slack),
            ])
        return Launch(text: text, arguments: [image, padded], global: [planes + 1], local: [1])
    }

    private func pack(
        _ sum: ConvolutionSum, _ tile: CPUTile, _ classes: Argument, into panel: Int, index: String
    ) -> Launch {
        let run = target.tiles.convolutionCPU.packedTerms
        var text = KernelText(
            .convolutionPack, headers: [.transpose],
            ["LANES": "\(tile.lanes)", "RUN": "\(run)", "CHANNELS": "\(sum.channels)", "INDEX": index])
        text.define("CLASSES_H", sum.classes[0].count)
        text.define("CLASSES_W", sum.classes[1].count)
        let terms = sum.terms.joinedWhereContiguous
        text.define("TERMS", terms.extents)
        text.defineOperand(sum, terms)
        return Launch(
            text: text, arguments: [operand, classes, .workspace(byteOffset: panel)],
            global: [sum.terms.count.dividedUp(by: run), tile.laneBlocks, sum.groups * sum.classCount],
            local: [1, 1, 1])
    }
}

extension KernelText {
    /// NAME_0, NAME_1, NAME_2.
    fileprivate mutating func define(_ name: String, _ values: [Int]) {
        for (axis, value) in values.enumerated() { define("\(name)_\(axis)", value) }
    }

    fileprivate mutating func define(_ sum: ConvolutionSum, parts: Int, resultCount: Int) {
        define("CHANNELS", sum.channels)
        define("CLASSES_H", sum.classes[0].count)
        define("CLASSES_W", sum.classes[1].count)
        define("TERMS", sum.terms.extents)
        define("PARTS", parts)
        define("RESULT_PART", resultCount)
        define("RESULT_GROUP", sum.resultGroup)
    }

    fileprivate mutating func defineOperand(_ sum: ConvolutionSum, _ terms: ConvolutionSum.Box) {
        define("OPERAND_GROUP", sum.operandGroup)
        define("OPERAND_CHANNEL", sum.operandChannel)
        define("OPERAND_TERM", terms.steps)
    }
}

/// Channels x positions that a work-group of the GPU makes: so many work-items along each, with so many elements each.
private struct GPUTile {
    let eachC: Int, eachP: Int
    let itemsC: Int, itemsP: Int
    private let mostTerms: Int

    init(_ sum: ConvolutionSum, eachC: Int, eachP: Int, _ target: Target) {
        func powerOfTwo(atLeast count: Int) -> Int {
            count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
        }
        let choices = target.tiles.convolutionGPU
        (self.eachC, self.eachP, mostTerms) = (eachC, eachP, choices.depth)
        let limit = min(choices.items, powerOfTwo(atLeast: target.maxWorkGroupSize + 1) / 2)
        itemsC = min(choices.itemsC, limit, powerOfTwo(atLeast: sum.channels.dividedUp(by: eachC)))
        // What local memory has room for.
        let most = min(choices.positions / eachP, limit / itemsC)
        // No fewer than work side by side on a device anyhow.
        itemsP = min(most, max(32 / itemsC, powerOfTwo(atLeast: sum.positions.count.dividedUp(by: eachP))))
    }

    var items: Int { itemsC * itemsP }
    /// Terms at a time: what a work-item holds of the next ones is in proportion.
    var depth: Int { min(mostTerms, max(1, mostTerms * itemsC / eachC), items) }

    func count(_ sum: ConvolutionSum) -> Int {
        sum.channels.dividedUp(by: itemsC * eachC) * sum.positions.count.dividedUp(by: itemsP * eachP)
            * sum.classCount * sum.groups
    }
}

/// The part of an image's plane that taps meet: rows and columns from (top, left) on, which may begin or end outside.
private struct PaddedFrame {
    var top = 0, left = 0, rows: Int, columns: Int
    /// The image serves as it is.
    let isInPlace: Bool
    /// Elements that vectors may read beyond the last plane.
    let slack: Int
    var plane: Int { rows * columns }

    init(_ sums: [ConvolutionSum], height: Int, width: Int) {
        /// Rows or columns that are met along an axis.
        func reach(_ axis: Int) -> ClosedRange<Int> {
            let origins = sums.flatMap { $0.classes[axis].map(\.origin) }
            var (low, high) = (origins.min() ?? 0, origins.max() ?? 0)
            var (before, after) = (0, 0)
            for sum in sums {
                let steps = [sum.positions, sum.terms].map { ($0.extents[axis + 1] - 1) * $0.image[axis + 1] }
                before = min(before, steps.map { min(0, $0) }.reduce(0, +))
                after = max(after, steps.map { max(0, $0) }.reduce(0, +))
            }
            (low, high) = (low + before, high + after)
            return low...high
        }
        let (h, w) = (reach(0), reach(1))
        let channelLanes = sums.allSatisfy { CPUTile.hasChannelLanes($0) }
        isInPlace =
            channelLanes && h.lowerBound >= 0 && h.upperBound < height && w.lowerBound >= 0
            && w.upperBound < width
        (rows, columns) = (height, width)
        if !isInPlace {
            (top, left) = (h.lowerBound, w.lowerBound)
            // Vectors along positions step over whole rows.
            let step = sums.map { $0.positions.image[2] }.max() ?? 1
            (rows, columns) = (h.count, w.count.roundedUp(to: channelLanes ? 1 : step))
        }
        slack = channelLanes ? 0 : CPUTile.mostLanes * (sums.map { $0.positions.image[2] }.max() ?? 1)
    }

    /// Steps of a box in the padded image.
    func steps(_ box: ConvolutionSum.Box) -> [Int] {
        [box.image[0] * plane, box.image[1] * columns, box.image[2]]
    }
}

/// Rows x lanes that a CPU makes in registers: positions x channels, or channels x positions where few channels would
/// leave lanes idle.
private struct CPUTile {
    static let mostLanes = 128

    let channelLanes: Bool
    /// Extents of all rows, and of those of a tile.
    let rows: [Int]
    private(set) var box = [1, 1, 1]
    private(set) var lanes = 16
    /// What lies along the lanes: of how many planes each, how far apart the rows of positions.
    let planes: Int
    let laneCount: Int, lanePitch: Int

    static func hasChannelLanes(_ sum: ConvolutionSum) -> Bool { sum.channels >= 8 }

    init(_ sum: ConvolutionSum, _ frame: PaddedFrame, _ choices: [TileChoices.RegisterTile]) {
        channelLanes = CPUTile.hasChannelLanes(sum)
        let extents = sum.positions.extents
        if channelLanes {
            (rows, planes, laneCount, lanePitch) = (extents, 1, sum.channels, 1)
        } else {
            lanePitch = sum.positions.image[1] * frame.columns / sum.positions.image[2]
            (rows, planes, laneCount) = ([1, 1, sum.channels], extents[0], (extents[1] - 1) * lanePitch + extents[2])
        }
        choose(of: choices)
    }

    /// The tile with which a term costs the least: its sums, and what is loaded for them.
    private mutating func choose(of choices: [TileChoices.RegisterTile]) {
        var least = Int.max
        for choice in choices {
            let (vectors, most) = (choice.vectors, choice.rows)
            for x in (1...min(most, rows[2])).reversed() {
                for y in (1...min(most / x, rows[1])).reversed() {
                    for z in 1...min(most / x / y, rows[0]) {
                        let tiles = zip(rows, [z, y, x]).map { $0.dividedUp(by: $1) }.reduce(1, *)
                        let height = z * y * x
                        let each = 4 * max(8, height * vectors) + height + vectors + 4 * z * y + 8
                        let cost = tiles * laneCount.dividedUp(by: 16 * vectors) * each
                        if cost < least { (least, box, lanes) = (cost, [z, y, x], 16 * vectors) }
                    }
                }
            }
        }
    }

    var rowTiles: Int { zip(rows, box).map { $0.dividedUp(by: $1) }.reduce(1, *) }
    var laneBlocks: Int { laneCount.dividedUp(by: lanes) }

    /// Elements of the packed operand: of a class, and in all.
    private func classPanelCount(_ sum: ConvolutionSum) -> Int { laneBlocks * sum.terms.count * lanes }
    func panelCount(_ sum: ConvolutionSum) -> Int {
        channelLanes ? classPanelCount(sum) * sum.classCount * sum.groups : 0
    }

    /// The table of the kernels: see convolution_cpu.cl.
    func classes(_ sum: ConvolutionSum, _ frame: PaddedFrame) -> [Int64] {
        let panels = [classPanelCount(sum) * sum.classes[1].count, classPanelCount(sum)]
        let begins = [(frame.top, frame.columns), (frame.left, 1)]
        let rows = (0..<2).flatMap { axis in
            sum.classes[axis].enumerated().flatMap { number, one in
                let image = (one.origin - begins[axis].0) * begins[axis].1
                let operands = channelLanes ? [image, number * panels[axis]] : [one.tap, image]
                return operands + [one.place, one.count]
            }
        }
        return (rows + sum.classes.joined().map(\.tap)).map(Int64.init)
    }

    func define(_ sum: ConvolutionSum, _ frame: PaddedFrame, in text: inout KernelText) {
        text.define("ROWS", rows)
        text.define("TILE", box)
        text.define("LANE_PLANES", planes)
        text.define("LANE_BLOCKS", laneBlocks)
        text.define("LANE_PITCH", lanePitch)
        let (positions, terms) = (frame.steps(sum.positions), frame.steps(sum.terms))
        if channelLanes {
            let columns = sum.terms.extents[2] * lanes
            text.define("ROW_STEP", positions)
            text.define("ROW_TERM", terms)
            text.define("ROW_GROUP", sum.imageGroup * frame.plane)
            text.define("LANE_STEP", 1)
            text.define("LANE_TERM", [sum.terms.extents[1] * columns, columns, lanes])
            text.define("LANE_BLOCK", sum.terms.count * lanes)
            text.define("LANE_PLANE", 0)
            text.define("LANE_GROUP", classPanelCount(sum) * sum.classCount)
            text.define("RESULT_ROW", sum.positions.steps)
            text.define("RESULT_LANE", [0, sum.resultChannel, 0])
            text.define("RESULT_PLANE", 0)
        } else {
            text.define("ROW_STEP", [0, 0, sum.operandChannel])
            text.define("ROW_TERM", sum.terms.steps)
            text.define("ROW_GROUP", sum.operandGroup)
            text.define("LANE_STEP", positions[2])
            text.define("LANE_TERM", terms)
            text.define("LANE_BLOCK", lanes * positions[2])
            text.define("LANE_PLANE", positions[0])
            text.define("LANE_GROUP", sum.imageGroup * frame.plane)
            text.define("RESULT_ROW", [0, 0, sum.resultChannel])
            text.define("RESULT_LANE", [0, sum.positions.steps[1], sum.positions.steps[2]])
            text.define("RESULT_PLANE", sum.positions.steps[0])
        }
    }
}
