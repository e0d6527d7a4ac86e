/// A parameter of some kernels, and the values that are tried for it.
struct TuningParameter {
    let kernel: TuningCase.Kernel
    let name: String
    /// Its value in some choices, for people.
    let text: (TileChoices) -> String
    /// These choices with each of its values in turn.
    let candidates: (TileChoices) -> [TileChoices]

    private init<Value>(
        _ kernel: TuningCase.Kernel, _ name: String, _ path: WritableKeyPath<TileChoices, Value>, _ values: [Value],
        _ text: @escaping (Value) -> String
    ) {
        self.kernel = kernel
        self.name = name
        self.text = { text($0[keyPath: path]) }
        candidates = { choices in
            values.map { value in
                var other = choices
                other[keyPath: path] = value
                return other
            }
        }
    }

    /// What a kind of device has, those first that matter most, products and convolutions in turn.
    static func all(_ policy: TilePolicy) -> [TuningParameter] {
        let (products, convolutions) =
            switch policy {
            case .gpu: (productsOfGPU, convolutionsOfGPU)
            case .cpu: (productsOfCPU, convolutionsOfCPU)
            }
        return (0..<max(products.count, convolutions.count)).flatMap {
            products.dropFirst($0).prefix(1) + convolutions.dropFirst($0).prefix(1)
        }
    }

    private static func number(
        _ kernel: TuningCase.Kernel, _ name: String, _ path: WritableKeyPath<TileChoices, Int>, _ values: [Int]
    ) -> TuningParameter {
        TuningParameter(kernel, name, path, values) { "\($0)" }
    }

    private static var productsOfGPU: [TuningParameter] {
        let large = [(16, 16, 8, 8), (16, 16, 8, 4), (16, 8, 8, 8), (8, 16, 8, 8), (8, 8, 8, 8), (16, 16, 4, 4)]
        let tiles = large.map { m, n, eachM, eachN in
            TileChoices.MatmulGPU.Tile(itemsM: m, itemsN: n, eachM: eachM, eachN: eachN, efficiency: 100)
        }
        return [
            TuningParameter(.matmul, "largest tile", \.largestTile, tiles) {
                "\($0.itemsM)x\($0.itemsN) of \($0.eachM)x\($0.eachN)"
            },
            number(.matmul, "depth", \.matmulGPU.depth, [8, 16, 32]),
            number(.matmul, "split below", \.matmulGPU.splitBelow, [1, 2, 4, 8]),
            number(.matmul, "efficiency of smaller tiles", \.smallerEfficiency, [50, 60, 70, 80, 90]),
        ]
    }

    private static var convolutionsOfGPU: [TuningParameter] {
        [
            number(.convolution, "channels of a work-item", \.convolutionGPU.eachC, [4, 8]),
            number(.convolution, "positions of a work-item", \.convolutionGPU.eachP, [4, 8]),
            number(.convolution, "work-items", \.convolutionGPU.items, [64, 128, 256]),
            number(.convolution, "work-items of channels", \.convolutionGPU.itemsC, [4, 8, 16]),
            number(.convolution, "positions", \.convolutionGPU.positions, [64, 128, 256]),
            number(.convolution, "depth", \.convolutionGPU.depth, [8, 16, 32]),
            number(.convolution, "split below", \.convolutionGPU.splitBelow, [1, 2, 4, 8]),
            number(.convolution, "large tiles from", \.convolutionGPU.largeFrom, [1, 2, 4]),
        ]
    }

    private static func tiles(_ tiles: [TileChoices.RegisterTile]) -> String {
        tiles.map { "\($0.rows)x\($0.vectors)" }.joined(separator: " ")
    }

    private static func tiles(_ shapes: [(vectors: Int, rows: Int)]) -> [TileChoices.RegisterTile] {
        shapes.map { TileChoices.RegisterTile(vectors: $0.vectors, rows: $0.rows) }
    }

    private static var productsOfCPU: [TuningParameter] {
        // For 32 registers of 16 floats, for some room in them, for 16 of 8 floats, and for few.
        let sets = [
            [(2, 12), (1, 14), (3, 8), (4, 6)], [(2, 10), (1, 12), (3, 7), (4, 5)], [(2, 14), (1, 16), (3, 9), (4, 7)],
            [(1, 6), (2, 3)], [(1, 4), (2, 2)],
        ]
        return [
            TuningParameter(.matmul, "tiles", \.matmulCPU.tiles, sets.map { tiles($0) }, tiles),
            number(.matmul, "rows together", \.matmulCPU.rowsTogether, [64, 128, 256, 512]),
            number(.matmul, "work-items per unit", \.matmulCPU.itemsPerUnit, [2, 4, 8]),
            number(.matmul, "split below", \.matmulCPU.splitBelow, [1, 2, 4]),
        ]
    }

    private static var convolutionsOfCPU: [TuningParameter] {
        let sets = [
            [(1, 14), (2, 14), (4, 6), (8, 2)], [(1, 12), (2, 12), (4, 5)], [(1, 16), (2, 14), (3, 9), (4, 7)],
            [(1, 6), (2, 3)], [(1, 4), (2, 2)],
        ]
        return [
            TuningParameter(.convolution, "tiles", \.convolutionCPU.tiles, sets.map { tiles($0) }, tiles),
            number(.convolution, "work of an item", \.convolutionCPU.itemWork, [1 << 13, 1 << 15, 1 << 17]),
            number(.convolution, "work-items per unit", \.convolutionCPU.itemsPerUnit, [16, 64, 256]),
            number(.convolution, "split below", \.convolutionCPU.splitBelow, [1, 4, 16]),
            number(.convolution, "packed terms", \.convolutionCPU.packedTerms, [64, 256, 1024]),
            number(.convolution, "tiles of an item", \.convolutionCPU.itemTiles, [8, 16, 32]),
        ]
    }
}

extension TileChoices {
    /// The one that is counted on most, and stands first.
    fileprivate var largestTile: MatmulGPU.Tile {
        get { matmulGPU.tiles[0] }
        set { matmulGPU.tiles[0] = newValue }
    }

    /// Of the second tile; those after it follow in proportion.
    fileprivate var smallerEfficiency: Int {
        get { matmulGPU.tiles.dropFirst().first?.efficiency ?? 100 }
        set {
            let old = smallerEfficiency
            for index in matmulGPU.tiles.indices.dropFirst() {
                matmulGPU.tiles[index].efficiency = max(1, min(100, matmulGPU.tiles[index].efficiency * newValue / old))
            }
        }
    }
}
