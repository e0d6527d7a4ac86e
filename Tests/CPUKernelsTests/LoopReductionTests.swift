import CPUKernels
import Testing

private let types = [PF_F32, PF_F64, PF_I32, PF_U32, PF_U8]

/// The order of reductions, whichever way the work is cut: by rows, by columns, by units that share a block.
@Suite(.serialized) struct LoopReductionTests {
    /// Reductions of every mode, kind, type and awkward length.
    @Test(
        arguments: [PF_REDUCE_ROWS, PF_REDUCE_COLUMNS], [0, 1, 2, 15, 16, 17, 31, 32, 33, 784, 1023, 1024, 1025, 5000])
    func reduction(mode: pf_reduce_mode, length: Int) throws {
        var random = SplitMix(state: UInt64(length) + 1)
        for type in types {
            for kind in pf_reduce_kind.all where kind.accepts(type) {
                for (outer, inner) in [(1, 1), (3, 2), (70, 1), (2, 19), (0, 3), (1, 600)] {
                    if mode == PF_REDUCE_ROWS, inner > 3 { continue }
                    if outer * inner * length > 50_000, type != PF_F32 { continue }
                    let extent = mode == PF_REDUCE_ROWS ? [outer * inner, length] : [outer, length, inner]
                    let count = outer * inner * length
                    let blocks = max(1, (length + 1023) / 1024)
                    let stride = extent.indices.map { extent[($0 + 1)...].reduce(1, *) }
                    var loop = Loop(
                        extent: extent,
                        buffers: [
                            random.buffer(type, count),
                            Buffer(
                                type: type, elements: .init(repeating: 7, count: outer * inner * blocks * kind.parts)),
                        ],
                        registers: 1)
                    // Mostly finite values, and -0, so that the order and the identity show.
                    if isFloat(type) {
                        loop.buffers[0].elements = loop.buffers[0].elements.map {
                            let finite = type == PF_F32 ? f32($0).isFinite : Double(bitPattern: $0).isFinite
                            return finite || random.below(400) == 0 ? $0 : (type == PF_F32 ? 0x8000_0000 : 1 << 63)
                        }
                    }
                    loop.sources = [
                        Source(kind: .load(Access(buffer: 0, stride: stride, register: 0)), type: type, register: 0)
                    ]
                    loop.reduction = Reduction(mode: mode, kind: kind, axes: 1, register: 0, buffer: 1)
                    try verify(loop, "kind \(kind.rawValue)")
                }
            }
        }
    }

    /// Reductions over rows so many and wide that several units share a block.
    @Test(arguments: [100, 512, 1100], [100, 128, 300])
    func sharedColumns(length: Int, columns: Int) throws {
        var random = SplitMix(state: UInt64(length * columns))
        let blocks = (length + 1023) / 1024
        for type in [PF_F32, PF_F64] {
            for kind in pf_reduce_kind.all where kind.accepts(type) {
                var loop = Loop(
                    extent: [length, columns],
                    buffers: [
                        random.buffer(type, length * columns),
                        Buffer(type: type, elements: .init(repeating: 7, count: columns * blocks * kind.parts)),
                    ],
                    registers: 1)
                loop.sources = [
                    Source(kind: .load(Access(buffer: 0, stride: [columns, 1], register: 0)), type: type, register: 0)
                ]
                loop.reduction = Reduction(mode: PF_REDUCE_COLUMNS, kind: kind, axes: 1, register: 0, buffer: 1)
                try verify(loop, "kind \(kind.rawValue)")
            }
        }
    }

    /// Reductions of the channels of images, whose rows lie apart, of every kind and of lengths that lanes divide or not.
    @Test(arguments: [31, 63, 64, 65, 96, 100, 196, 1024, 1025, 2500])
    func channels(width: Int) throws {
        var random = SplitMix(state: UInt64(width))
        let (channels, images) = (3, 3000 / width + 1)
        let results = channels * ((images * width + 1023) / 1024)
        for type in types {
            for kind in pf_reduce_kind.all where kind.accepts(type) {
                var loop = Loop(
                    extent: [channels, images, width],
                    buffers: [
                        random.buffer(type, channels * images * width),
                        Buffer(type: type, elements: .init(repeating: 7, count: results * kind.parts)),
                    ],
                    registers: 1)
                let load = Access(buffer: 0, stride: [width, channels * width, 1], register: 0)
                loop.sources = [Source(kind: .load(load), type: type, register: 0)]
                loop.reduction = Reduction(mode: PF_REDUCE_ROWS, kind: kind, axes: 2, register: 0, buffer: 1)
                try verify(loop, "kind \(kind.rawValue)")
            }
        }
    }

    /// A sum of -0 is -0 where every lane has an element, and +0 where some lane holds the identity; a compensated one is
    /// always +0.
    @Test(arguments: [1, 16, 31, 32, 33, 40, 100, 1025], [PF_F32, PF_F64])
    func sumsOfNegativeZero(length: Int, type: pf_type) throws {
        let minusZero: Bits = type == PF_F32 ? 0x8000_0000 : 1 << 63
        for mode in [PF_REDUCE_ROWS, PF_REDUCE_COLUMNS] {
            let extent = mode == PF_REDUCE_ROWS ? [3, length] : [length, 3]
            let blocks = (length + 1023) / 1024
            var loop = Loop(
                extent: extent,
                buffers: [
                    Buffer(type: type, elements: .init(repeating: minusZero, count: 3 * length)),
                    Buffer(type: type, elements: .init(repeating: 7, count: 3 * blocks)),
                ],
                registers: 1)
            let load = Access(buffer: 0, stride: [extent[1], 1], register: 0)
            loop.sources = [Source(kind: .load(load), type: type, register: 0)]
            loop.reduction = Reduction(mode: mode, kind: PF_REDUCE_SUM, axes: 1, register: 0, buffer: 1)
            #expect(reference(loop)[1].elements[0] == (length >= 32 ? minusZero : 0))
            try verify(loop)
            loop.reduction?.kind = PF_REDUCE_COMPENSATED_SUM
            #expect(reference(loop)[1].elements[0] == 0)
            try verify(loop)
        }
    }
}
