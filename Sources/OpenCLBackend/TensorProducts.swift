import Compiler

/// Products in TF32 by the tensor cores of NVIDIA GPUs (matmul_tensor.cl): under `--math fast` alone, and only where
/// `TensorCores` found them right and faster on this very device.
///
/// Both operands are rounded to TF32's 10 bits of mantissa, a relative error of at most 2^-11 each, and sums are float32:
/// with u = 2^-11 the error of an element is at most (2 u + u^2 + about k 2^-23) times the sum of |a| |b|. Without them
/// the first two terms are absent.
struct TensorProducts: Hashable {
    /// Stands in for the instruction by what any device has, much slower: tests.
    var isPortable = false
    /// For all products, whatever their size: what is examined.
    var forced: TensorTile?

    /// The tile with the least time for a product, and whether its K blocks are pieces of their own; nil where nothing
    /// is to be gained, and CLBlast or our own kernels remain:
    /// - without a tile for each compute unit, be it a tile of one K block, as the others idle then,
    /// - where less than half of the tiles is of use (a few rows, say),
    /// - with few terms, as the time goes into bringing operands and results then.
    func tile(for product: MatmulKernel, blocks: Int, _ target: Target) -> (tile: TensorTile, isSplit: Bool)? {
        let (batch, m, n, k) = (product.a.offsets.count, product.m, product.n, product.k)
        func isSplit(_ tile: TensorTile) -> Bool { batch * tile.groups(product) < target.computeUnits && blocks > 1 }
        func pieces(_ tile: TensorTile) -> Int { batch * tile.groups(product) * (isSplit(tile) ? blocks : 1) }
        func time(_ tile: TensorTile) -> Double {
            let sums = Double(max(pieces(tile), target.computeUnits) * tile.rows * tile.columns) / tile.efficiency
            // To write a block's sums and to join them takes about as long as the block.
            return isSplit(tile) ? 2 * sums * Double(k) / Double(blocks) : sums * Double(k)
        }
        let tiles = (forced.map { [$0] } ?? TensorTile.all).filter { tile in
            guard tile.fits(target.limits, isPortable: isPortable) else { return false }
            return forced != nil
                || pieces(tile) >= target.computeUnits && tile.groups(product) * tile.rows * tile.columns <= 2 * m * n
                    && k >= TensorProducts.fewestTerms
        }
        return tiles.min { time($0) < time($1) }.map { ($0, isSplit($0)) }
    }

    static let fewestTerms = 64
}

/// The tile of a work-group of matmul_tensor.cl: so many warps along each axis, with so many fragments of 16 x 8 each.
struct TensorTile: Hashable, Sendable {
    var warpsM: Int, warpsN: Int
    var eachM: Int, eachN: Int
    /// Of the arithmetic's speed, about: a smaller tile fetches more for each product.
    var efficiency: Double

    static let all = [
        TensorTile(warpsM: 2, warpsN: 4, eachM: 4, eachN: 4, efficiency: 1),
        TensorTile(warpsM: 2, warpsN: 2, eachM: 2, eachN: 4, efficiency: 0.7),
    ]
    /// The one with the fewest elements.
    static let smallest = all[1]

    var rows: Int { warpsM * eachM * 16 }
    var columns: Int { warpsN * eachN * 8 }
    var items: Int { warpsM * warpsN * 32 }

    /// Work-groups for a matrix.
    func groups(_ product: MatmulKernel) -> Int {
        product.m.dividedUp(by: rows) * product.n.dividedUp(by: columns)
    }

    /// Two halves of 16 terms; the instruction's stand-in takes six numbers of each work-item.
    func fits(_ limits: TileLimits, isPortable: Bool) -> Bool {
        items <= limits.maxWorkGroupSize
            && 2 * 16 * 4 * (rows + columns) + (isPortable ? 24 * items : 0) <= limits.localMemoryByteCount
    }
}

extension MatmulKernel.Matrix {
    /// Whether four terms from any multiple of four on lie side by side, aligned, where terms are `step` apart and what
    /// they are summed for `other`. Buffers themselves begin at multiples of 16 bytes.
    func hasQuads(_ terms: Int, step: Int, _ other: Int) -> Bool {
        step == 1 && ([terms, other] + offsets).allSatisfy { $0 % 4 == 0 }
    }
}
