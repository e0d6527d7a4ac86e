import Compiler
import Graph

/// Terms of a K block: part of the arithmetic contract (pf_matmul.h).
private let blockTerms = 256

extension MatmulKernel {
    /// Whether it is computed in TF32.
    func takesTensorCores(_ target: Target) -> Bool {
        if case .tensor = MatmulPlan(self, target).shape { true } else { false }
    }

    func launches(_ target: Target) -> [Launch] {
        let plan = MatmulPlan(self, target)
        guard plan.count > 0 else { return [] }
        let result = Argument.buffer(c, byteOffset: 0)
        guard plan.parts > 1 else { return [plan.launch(into: result)] }
        return [
            plan.launch(into: .workspace(byteOffset: 0)),
            joinBlocks(
                workspaceOffset: 0, blocks: plan.parts, count: plan.count, into: result, epilogue,
                channels: (count: n, step: 1), target: target),
        ]
    }

    func workspaceByteCount(_ target: Target) -> Int {
        let plan = MatmulPlan(self, target)
        return plan.parts > 1 ? plan.parts * plan.count * scalar.byteCount : 0
    }
}

/// result = ((part 0 + part 1) + part 2) + ... of `blocks` parts with `count` elements each, which follow one another in
/// the workspace. Elements of one column or channel are `step` apart from those of the next.
func joinBlocks(
    workspaceOffset: Int, blocks: Int, count: Int, into result: Argument, _ epilogue: Epilogue,
    channels: (count: Int, step: Int), target: Target
) -> Launch {
    let run = target.policy == .cpu ? 1024 : 1
    let local = target.policy == .cpu ? 1 : min(256, target.maxWorkGroupSize)
    var text = KernelText(
        .joinBlocks, headers: [.epilogue],
        [
            "COUNT": "\(count)", "BLOCKS": "\(blocks)", "RUN": "\(run)",
            "CHANNELS": "\(channels.count)", "CHANNEL_STEP": "\(channels.step)",
            "INDEX": indexType(largest: blocks * count + run * local),
        ])
    text.define(epilogue)
    return Launch(
        text: text, arguments: [.workspace(byteOffset: workspaceOffset), result] + epilogue.arguments,
        global: [count.dividedUp(by: run).roundedUp(to: local)], local: [local])
}

/// How a product is cut into work.
private struct MatmulPlan {
    var product: MatmulKernel
    var target: Target
    var shape: Shape
    /// K blocks that are computed apart and joined afterwards, or 1.
    var parts: Int

    enum Shape {
        /// `run` elements a work-item.
        case small(run: Int)
        case cpu(CPUTile, tilesPerItem: Int)
        case gpu(GPUTile)
        /// In TF32.
        case tensor(TensorTile)
    }

    /// Elements of the result.
    var count: Int { product.a.offsets.count * product.m * product.n }

    init(_ kernel: MatmulKernel, _ target: Target) {
        (product, self.target) = (kernel.folded, target)
        let (batch, m, n, k) = (product.a.offsets.count, product.m, product.n, product.k)
        let blocks = max(1, k.dividedUp(by: blockTerms))
        let (ofCPU, ofGPU) = (target.tiles.matmulCPU, target.tiles.matmulGPU)
        let splitBelow = target.policy == .cpu ? ofCPU.splitBelow : ofGPU.splitBelow
        /// With few pieces of work for the device, K blocks are pieces of their own, if that outweighs joining them.
        func parts(_ pieces: Int) -> Int {
            pieces < splitBelow * target.computeUnits && batch * m * n * k >= 1 << 18 ? blocks : 1
        }

        switch target.policy {
        case .cpu where m * n * k <= 96:
            let run = 1 + 16384 / (k + 8)
            (shape, self.parts) = (.small(run: run), 1)
        case .cpu:
            let tile = CPUTile.best(product, of: ofCPU.tiles)
            let kernel = tile.transposed ? product.transposed : product
            let (tiles, panels) = (kernel.m.dividedUp(by: tile.rows), tile.panels(kernel))
            // As many rows as stay in a cache, fewer for the sake of more work-items; but what was packed wants use.
            var perItem = min(tiles, ofCPU.rowsTogether.dividedUp(by: tile.rows))
            while perItem > 4, batch * panels * tiles.dividedUp(by: perItem) < ofCPU.itemsPerUnit * target.computeUnits
            {
                perItem = perItem.dividedUp(by: 2)
            }
            shape = .cpu(tile, tilesPerItem: perItem)
            self.parts = parts(batch * panels * tiles.dividedUp(by: perItem))
        case .gpu:
            if let (tile, isSplit) = target.tensor?.tile(for: product, blocks: blocks, target) {
                (shape, self.parts) = (.tensor(tile), isSplit ? blocks : 1)
            } else if min(m, n) > 4, let tile = GPUTile.best(product, pieces: batch * blocks, target) {
                shape = .gpu(tile)
                self.parts = parts(batch * tile.groups(product))
            } else {
                shape = .small(run: 1)
                self.parts = parts((batch * m * n).dividedUp(by: 256))
            }
        }
    }

    func launch(into result: Argument) -> Launch {
        switch shape {
        case .small(let run):
            let items = count.dividedUp(by: run)
            let local = target.policy == .cpu ? 1 : min(64, target.maxWorkGroupSize)
            let global = (parts * items).roundedUp(to: local)
            return product.launch(
                .matmulSmall, parts: parts, ["ITEMS": items, "RUN": run], into: result, global: global, local: local,
                largest: global * run)
        case .cpu(let tile, let tilesPerItem):
            let kernel = tile.transposed ? product.transposed : product
            let tiles = kernel.m.dividedUp(by: tile.rows)
            let items = parts * kernel.a.offsets.count * tile.panels(kernel) * tiles.dividedUp(by: tilesPerItem)
            let packed = kernel.b.columnStride != 1 || kernel.n < tile.lanes || tilesPerItem > 2
            return kernel.launch(
                .matmulCPU, parts: parts,
                [
                    "ROWS": tile.rows, "VECTORS": tile.vectors, "TILES": tilesPerItem, "PACKED": packed ? 1 : 0,
                    "C_ROW": tile.transposed ? 1 : kernel.n, "C_COLUMN": tile.transposed ? kernel.m : 1,
                ],
                into: result, global: items, local: 1, largest: items)
        case .gpu(let tile):
            let groups = parts * product.a.offsets.count * tile.groups(product)
            return product.launch(
                .matmulGPU, parts: parts,
                [
                    "ITEMS_M": tile.itemsM, "ITEMS_N": tile.itemsN, "EACH_M": tile.eachM, "EACH_N": tile.eachN,
                    "TERMS": target.tiles.matmulGPU.depth,
                ],
                into: result, global: groups * tile.items, local: tile.items, largest: groups * tile.items)
        case .tensor(let tile):
            let items = parts * product.a.offsets.count * tile.groups(product) * tile.items
            return product.launch(
                .matmulTensor, parts: parts,
                [
                    "WARPS_M": tile.warpsM, "WARPS_N": tile.warpsN, "EACH_M": tile.eachM, "EACH_N": tile.eachN,
                    "A_QUADS": product.a.hasQuads(product.k, step: product.a.columnStride, product.a.rowStride) ? 1 : 0,
                    "B_QUADS": product.b.hasQuads(product.k, step: product.b.rowStride, product.b.columnStride) ? 1 : 0,
                    "PTX": target.tensor?.isPortable == false ? 1 : 0,
                ],
                into: result, global: items, local: tile.items, largest: items)
        }
    }
}

/// A register tile of the CPU kernel.
private struct CPUTile {
    var rows: Int
    var vectors: Int
    /// The transposed result is computed: rows of the result lie along the lanes.
    var transposed: Bool

    var lanes: Int { vectors * 16 }
    func panels(_ kernel: MatmulKernel) -> Int { kernel.n.dividedUp(by: lanes) }

    /// The tile with the least time by a simple model, in vector operations.
    static func best(_ product: MatmulKernel, of choices: [TileChoices.RegisterTile]) -> CPUTile {
        var best = (cost: Double.infinity, tile: CPUTile(rows: 1, vectors: 1, transposed: false))
        for transposed in [false, true] {
            let kernel = transposed ? product.transposed : product
            for choice in choices {
                // Tiles of the same height: the last one has few rows in common with the one before.
                let tiles = kernel.m.dividedUp(by: choice.rows)
                let rows = kernel.m.dividedUp(by: tiles)
                let tile = CPUTile(rows: rows, vectors: choice.vectors, transposed: transposed)
                let cost = Double(tiles * tile.panels(kernel)) * tile.cost(kernel) + tile.packing(kernel)
                if cost < best.cost { best = (cost, tile) }
            }
        }
        return best.tile
    }

    /// Of one tile.
    private func cost(_ kernel: MatmulKernel) -> Double {
        let blocks = max(1, kernel.k.dividedUp(by: blockTerms))
        // Sums wait for each other in a small tile. A tile that is not stored by vectors is stored by elements.
        let products = kernel.k * max(rows * vectors, rows + vectors, 8)
        let stores = transposed || kernel.n < lanes ? 3 * rows * min(lanes, kernel.n) : rows * vectors
        return Double(products + blocks * stores)
    }

    private func packing(_ kernel: MatmulKernel) -> Double {
        let each = kernel.b.columnStride == 1 ? 1.0 / 16 : kernel.b.rowStride == 1 ? 0.5 : 2
        return each * Double(kernel.k * panels(kernel) * lanes) * Double(kernel.m.dividedUp(by: 256))
    }
}

/// The work-group's tile of the GPU kernel.
private typealias GPUTile = TileChoices.MatmulGPU.Tile

extension GPUTile {
    /// Work-groups for a matrix.
    fileprivate func groups(_ product: MatmulKernel) -> Int {
        product.m.dividedUp(by: itemsM * eachM) * product.n.dividedUp(by: itemsN * eachN)
    }

    /// The tile with the least time for `pieces` (of a batch, of K) of a product, or nil where none fits the device.
    fileprivate static func best(_ product: MatmulKernel, pieces: Int, _ target: Target) -> GPUTile? {
        func time(_ tile: GPUTile) -> Double {
            let groups = pieces * tile.groups(product), area = tile.items * tile.eachM * tile.eachN
            return Double(max(groups, target.computeUnits) * area) / Double(tile.efficiency)
        }
        let choices = target.tiles.matmulGPU
        return choices.tiles.filter { $0.fits(target.limits, depth: choices.depth) }.min { time($0) < time($1) }
    }
}

extension MatmulKernel {
    /// The same elements by fewer matrices: one where the rows of all follow one another and meet the same b.
    fileprivate var folded: MatmulKernel {
        guard a.offsets.count > 1, let step = a.step, b.step == 0, m == 1 || step == m * a.rowStride else {
            return self
        }
        var result = self
        (result.m, result.a.offsets, result.b.offsets) = (m * a.offsets.count, [a.offsets[0]], [b.offsets[0]])
        if m == 1 { result.a.rowStride = step }
        return result
    }

    /// The product that gives the transposed result.
    fileprivate var transposed: MatmulKernel {
        var result = self
        (result.m, result.n, result.a, result.b) = (n, m, b.transposed, a.transposed)
        return result
    }

    /// A launch of one of the matmul_*.cl, whose work-items and elements number at most `largest`.
    fileprivate func launch(
        _ file: KernelFile, parts: Int, _ own: KeyValuePairs<String, Int>, into result: Argument,
        global: Int, local: Int, largest: Int
    ) -> Launch {
        let count = a.offsets.count * m * n
        let steps = a.step.flatMap { a in b.step.map { b in (a: a, b: b) } }
        let largest = max(largest, parts * count, a.span(m, k), b.span(k, n))
        var text = KernelText(
            file, headers: file == .matmulCPU ? [.transpose, .epilogue] : [.epilogue],
            [
                "M": "\(m)", "N": "\(n)", "K": "\(k)", "PARTS": "\(parts)", "COUNT": "\(count)",
                "A_ROW": "\(a.rowStride)", "A_COLUMN": "\(a.columnStride)", "A_STEP": "\(steps?.a ?? 0)",
                "B_ROW": "\(b.rowStride)", "B_COLUMN": "\(b.columnStride)", "B_STEP": "\(steps?.b ?? 0)",
                "TABLE": steps == nil ? "1" : "0", "INDEX": indexType(largest: largest),
            ])
        // Parts are finished where they are joined.
        let epilogue = parts > 1 ? Epilogue() : epilogue
        text.define(epilogue)
        text.definitions += own.map { KernelText.Definition(name: $0.key, value: "\($0.value)") }
        let table = steps == nil ? [Argument.table(zip(a.offsets, b.offsets).flatMap { [Int64($0), Int64($1)] })] : []
        let operands = [a, b].map { operand in
            let first = steps == nil ? 0 : operand.offsets[0]
            return Argument.buffer(operand.buffer, byteOffset: first * scalar.byteCount)
        }
        return Launch(
            text: text, arguments: operands + table + [result] + epilogue.arguments, global: [global], local: [local])
    }
}

extension Epilogue {
    var arguments: [Argument] { bias.map { [.operand($0, .float32)] } ?? [] }
}

extension KernelText {
    /// See epilogue.h.
    mutating func define(_ epilogue: Epilogue) {
        define("BIAS", epilogue.bias == nil ? 0 : 1)
        define("RECTIFY", epilogue.isRectified ? 1 : 0)
    }
}

extension MatmulKernel.Matrix {
    /// From each entry's offset to the next one's, if that is always the same.
    fileprivate var step: Int? {
        guard offsets.count > 1 else { return 0 }
        let step = offsets[1] - offsets[0]
        return zip(offsets, offsets.dropFirst()).allSatisfy { $1 - $0 == step } ? step : nil
    }

    fileprivate var transposed: MatmulKernel.Matrix {
        var result = self
        (result.rowStride, result.columnStride) = (columnStride, rowStride)
        return result
    }

    /// No offset from the first element on is larger than this.
    fileprivate func span(_ rows: Int, _ columns: Int) -> Int {
        (offsets.map(abs).max() ?? 0) + rows * abs(rowStride) + columns * abs(columnStride)
    }
}
