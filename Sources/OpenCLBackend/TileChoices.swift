/// How the kernels of products and convolutions cut their work: what `pushforward tune` chooses for a device.
///
/// Any choice gives the same bits: sums run over blocks of 256 terms that are joined in order, which no choice touches.
struct TileChoices: Hashable, Codable, Sendable {
    var matmulGPU = MatmulGPU()
    var matmulCPU = MatmulCPU()
    var convolutionGPU = ConvolutionGPU()
    var convolutionCPU = ConvolutionCPU()

    /// What holds where nothing else is known.
    static let rule = TileChoices()

    /// Products on GPUs (matmul_gpu.cl).
    struct MatmulGPU: Hashable, Codable, Sendable {
        /// The tile of a work-group: so many work-items along each axis, with so many elements each, multiples of four.
        struct Tile: Hashable, Codable, Sendable {
            var itemsM: Int, itemsN: Int
            var eachM: Int, eachN: Int
            /// Percent of the arithmetic's speed, about; a product takes the tile with the least time by it.
            var efficiency: Int
        }

        var tiles = [
            Tile(itemsM: 16, itemsN: 16, eachM: 8, eachN: 8, efficiency: 100),
            Tile(itemsM: 16, itemsN: 16, eachM: 4, eachN: 4, efficiency: 70),
            Tile(itemsM: 8, itemsN: 8, eachM: 4, eachN: 4, efficiency: 60),
            Tile(itemsM: 16, itemsN: 4, eachM: 4, eachN: 4, efficiency: 50),
            Tile(itemsM: 4, itemsN: 16, eachM: 4, eachN: 4, efficiency: 50),
        ]
        /// Terms that are brought to local memory at a time.
        var depth = 16
        /// With fewer work-groups than this for each compute unit, blocks of terms are made side by side.
        var splitBelow = 2
    }

    /// A register tile of a CPU: vectors of 16 lanes along one axis, at most so many rows along the other.
    struct RegisterTile: Hashable, Codable, Sendable {
        var vectors: Int
        var rows: Int
    }

    /// Products on CPUs (matmul_cpu.cl).
    struct MatmulCPU: Hashable, Codable, Sendable {
        /// Of these a product takes the one with the least time by a model. By default what 32 registers of 16 floats
        /// hold.
        var tiles = [(2, 12), (1, 14), (3, 8), (4, 6)].map { RegisterTile(vectors: $0, rows: $1) }
        /// Rows that a work-item makes of a panel: as many as stay in a cache,
        var rowsTogether = 256
        /// and fewer where there were less work-items than this for each compute unit.
        var itemsPerUnit = 4
        /// With fewer work-items than this for each compute unit, blocks of terms are made side by side.
        var splitBelow = 2
    }

    /// Convolutions on GPUs (convolution_gpu.cl).
    struct ConvolutionGPU: Hashable, Codable, Sendable {
        /// Channels and positions that a work-item makes: 4, 8 or 16,
        var eachC = 8, eachP = 8
        /// and how many work-groups for each compute unit there must be of these tiles; else it makes 4 x 4.
        var largeFrom = 2
        /// Work-items along the channels at most, and in all: powers of two.
        var itemsC = 16, items = 256
        /// Positions of a work-group at most: a power of two.
        var positions = 256
        /// Terms that are brought to local memory at a time, at most.
        var depth = 16
        /// With fewer work-groups than this for each compute unit, blocks of terms are made side by side.
        var splitBelow = 4
    }

    /// Convolutions on CPUs (convolution_cpu.cl).
    struct ConvolutionCPU: Hashable, Codable, Sendable {
        /// Of these a convolution takes the one whose terms cost the least.
        var tiles = [(1, 14), (2, 14), (4, 6), (8, 2)].map { RegisterTile(vectors: $0, rows: $1) }
        /// Work of a work-item at most, in vector operations of a block of terms, and tiles.
        var itemWork = 1 << 15, itemTiles = 16
        /// Work-items for each compute unit at least, so that they even out.
        var itemsPerUnit = 64
        /// With fewer tiles than this for each compute unit, blocks of terms are made side by side.
        var splitBelow = 4
        /// Terms that a work-item packs.
        var packedTerms = 256
    }
}

/// What a device can hold.
struct TileLimits: Hashable, Sendable {
    var maxWorkGroupSize: Int
    var localMemoryByteCount: Int
}

extension TileChoices {
    /// These choices, but `fallback`'s for a family where the device cannot hold them, and the rule's where it cannot hold
    /// those either.
    func fitted(to limits: TileLimits, fallback: TileChoices) -> TileChoices {
        func first<Family>(_ family: KeyPath<TileChoices, Family>, _ fits: (Family) -> Bool) -> Family {
            [self, fallback].map { $0[keyPath: family] }.first(where: fits) ?? TileChoices.rule[keyPath: family]
        }
        return TileChoices(
            matmulGPU: first(\.matmulGPU) { $0.fits(limits) }, matmulCPU: first(\.matmulCPU) { $0.isLegal },
            convolutionGPU: first(\.convolutionGPU) { $0.fits(limits) },
            convolutionCPU: first(\.convolutionCPU) { $0.isLegal })
    }

    func fits(_ limits: TileLimits) -> Bool {
        matmulGPU.fits(limits) && matmulCPU.isLegal && convolutionGPU.fits(limits) && convolutionCPU.isLegal
    }
}

/// Work-groups or work-items for each compute unit.
private let sharesOfUnits = 0...4096

extension TileChoices.MatmulGPU {
    /// Tiles that the device cannot hold are passed over, but one is needed.
    func fits(_ limits: TileLimits) -> Bool {
        isDepth(depth) && sharesOfUnits ~= splitBelow && tiles.allSatisfy { $0.isLegal(depth: depth) }
            && tiles.contains { $0.fits(limits, depth: depth) }
    }
}

extension TileChoices.MatmulGPU.Tile {
    var items: Int { itemsM * itemsN }
    /// So many terms of each operand, padded by a vector.
    func localByteCount(depth: Int) -> Int { depth * 4 * (itemsM * eachM + 4 + itemsN * eachN + 4) }

    /// Each work-item fetches equally many elements, and what it holds is within reason for registers.
    fileprivate func isLegal(depth: Int) -> Bool {
        [itemsM, itemsN].allSatisfy { 1...1024 ~= $0 } && [eachM, eachN].allSatisfy { $0 % 4 == 0 && 4...32 ~= $0 }
            && eachM * eachN <= 256 && 1...100 ~= efficiency
            && [itemsM * eachM, itemsN * eachN].allSatisfy { $0 * depth % items == 0 && $0 * depth / items <= 64 }
    }

    func fits(_ limits: TileLimits, depth: Int) -> Bool {
        items <= limits.maxWorkGroupSize && localByteCount(depth: depth) <= limits.localMemoryByteCount
    }
}

extension TileChoices.MatmulCPU {
    var isLegal: Bool {
        !tiles.isEmpty && tiles.allSatisfy { 1...8 ~= $0.vectors && 1...32 ~= $0.rows && $0.vectors * $0.rows <= 64 }
            && 1...65536 ~= rowsTogether && [itemsPerUnit, splitBelow].allSatisfy { sharesOfUnits ~= $0 }
    }
}

extension TileChoices.ConvolutionGPU {
    func fits(_ limits: TileLimits) -> Bool {
        [eachC, eachP].allSatisfy { [4, 8, 16].contains($0) } && eachC * eachP <= 128
            && [itemsC, items, positions].allSatisfy { isPowerOfTwo($0) && $0 <= 1024 } && itemsC <= items
            && positions >= 16 && isDepth(depth) && [largeFrom, splitBelow].allSatisfy { sharesOfUnits ~= $0 }
            && localByteCount <= limits.localMemoryByteCount
    }

    /// Of the largest work-group at most: terms of both operands, padded by a vector, and where each lies.
    private var localByteCount: Int { depth * (4 * (itemsC * max(eachC, 4) + 4 + positions + 4) + 24) }
}

extension TileChoices.ConvolutionCPU {
    /// The kernel stores up to 16 rows, and what a work-item holds is within reason for a stack.
    var isLegal: Bool {
        !tiles.isEmpty && tiles.allSatisfy { 1...8 ~= $0.vectors && 1...16 ~= $0.rows && $0.vectors * $0.rows <= 64 }
            && 1...1 << 20 ~= itemWork && 1...64 ~= itemTiles && 1...65536 ~= packedTerms
            && [itemsPerUnit, splitBelow].allSatisfy { sharesOfUnits ~= $0 } && itemsPerUnit > 0
    }
}

private func isPowerOfTwo(_ count: Int) -> Bool { count > 0 && count & (count - 1) == 0 }

/// Blocks of terms must be whole numbers of what is brought at a time.
private func isDepth(_ depth: Int) -> Bool { isPowerOfTwo(depth) && 4...256 ~= depth }
