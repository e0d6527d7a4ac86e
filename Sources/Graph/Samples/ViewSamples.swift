extension OpSample {
    /// Other ways of indexing, alone and one on top of another.
    static var views: [OpSample] {
        var list = SampleList("view")
        list.addLayouts("reshape", .float([4, 6])) { try $0[0].reshaped([3, 8]) }
        list.addLayouts("reshape to more axes", .float([4, 6])) { try $0[0].reshaped([2, 2, 1, -1]) }
        list.add("reshape of a scalar", .float([])) { try $0[0].reshaped([1, 1]) }
        list.add("reshape of nothing", .float([0, 3])) { try $0[0].reshaped([5, 0]) }
        list.add("flattened", .float([2, 3, 4])) { try $0[0].flattened() }
        list.add("expanded", .float([2, 3])) { try $0[0].expanded(1).expanded(-1).expanded(0) }
        list.addLayouts("transpose", .float([3, 4])) { try $0[0].transposed() }
        for permutation in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            list.add("transpose \(permutation)", .float([3, 1, 4])) { try $0[0].transposed(permutation) }
        }
        list.add("transpose of nothing", .float([3, 0])) { try $0[0].transposed() }
        list.add("large transpose", .float([130, 70])) { try $0[0].transposed() }
        list.addLayouts("broadcast", .float([3, 1])) { try $0[0].broadcast(to: [2, 3, 4]) }
        list.add("broadcast of a scalar", .float([])) { try $0[0].broadcast(to: [3]) }
        list.add("broadcast to nothing", .float([1, 2])) { try $0[0].broadcast(to: [0, 2]) }
        list.addLayouts("slice", .float([5, 7])) { try $0[0].slice(0, 1..<4).slice(-1, 2..<7) }
        list.add("slice of nothing", .float([5])) { try $0[0].slice(0, 5..<5) }
        list.add("slice from nothing", .float([0, 4])) { try $0[0].slice(1, 1..<3) }
        for (start, size, step) in [(0, 4, 2), (1, 3, 2), (6, 7, -1), (6, 3, -3), (5, 2, -4), (3, 1, 5), (2, 0, 1)] {
            list.add("slice from \(start), \(size) in steps of \(step)", .float([2, 7, 3])) {
                try $0[0].slice(1, start: start, size: size, step: step)
            }
        }
        list.add("slice in steps along two axes", .float([7, 6])) {
            try $0[0].slice(0, start: 6, size: 3, step: -3).slice(1, start: 1, size: 3, step: 2)
        }
        list.addLayouts("flip", .float([3, 5])) { try $0[0].flipped(1) }
        list.add("flip both axes", .float([3, 5])) { try $0[0].flipped(0).flipped(1) }
        list.add("at", .float([3, 5])) { try $0[0].at(2, axis: 0) * $0[0].at(0, axis: 0) }
        list.addAll("split", [.float([3, 6])]) { try $0[0].split(3, axis: -1) }
        list.addLayouts("pad", .float([3, 4])) { try $0[0].padded(low: [1, 0], high: [2, 3]) }
        list.add("pad of nothing", .float([0, 2])) { try $0[0].padded(low: [1, 0], high: [1, 1]) }
        list.add("pad of nothing to one", .float([3, 0])) { try $0[0].padded(low: [0, 0], high: [0, 1]) }
        list.add("coordinates behind a reshape", .float([3, 4])) { x in
            let early = try x[0].graph.iota([3, 4], axis: 0).less(than: 2)
            return try select(early, x[0], x[0] * 2).reshaped([12])
        }
        list.add("computed rows behind a broadcast and a reshape", .float([4, 1])) { x in
            try sin(exp(x[0]).broadcast(to: [3, 4, 2])).reshaped([24]) * 2
        }
        list.add("pad int32", .of(.int32, [3], .integers(1...9)), order: 0) { try $0[0].padded(low: [2], high: [1]) }
        list.add("pad below an exponential", .float([3, 4])) { try exp($0[0].padded(low: [1, 1], high: [1, 0])) }
        list.add("exponential below a pad", .float([3, 4])) { try exp($0[0]).padded(low: [1, 1], high: [1, 0]) }
        list.add("slice of a pad", .float([3, 4])) {
            try $0[0].padded(low: [2, 2], high: [2, 2]).slice(0, start: 6, size: 4, step: -2).slice(1, 1..<5)
        }
        list.add("pad of a pad", .float([3])) { try $0[0].padded(low: [1], high: [2]).padded(low: [2], high: [1]) }
        list.add("reshape of a pad", .float([3, 4])) {
            try $0[0].padded(low: [0, 1], high: [1, 0]).reshaped([10, 2])
        }
        list.add("reshape of a slice", .float([4, 5])) { try $0[0].slice(1, 1..<4).reshaped([3, 4]) }
        list.add("reshape of a broadcast", .float([4, 1])) { try $0[0].broadcast(to: [4, 3]).reshaped([2, 6]) }
        for mode in [Tensor.PaddingMode.zero, .reflect, .edge] {
            list.addLayouts("pad by \(mode.rawValue)", .float([2, 4, 3])) {
                try $0[0].padded(axis: 1, low: 2, high: 3, mode: mode)
            }
            list.add("pad by \(mode.rawValue), one side", .float([4])) {
                try $0[0].padded(axis: 0, low: 0, high: 2, mode: mode)
            }
        }
        list.addLayouts("windows", .float([2, 9])) { try $0[0].windows(1, size: 3) }
        list.add("windows in steps", .float([11, 2])) { try $0[0].windows(0, size: 3, stride: 2) }
        list.add("dilated windows", .float([2, 11, 2])) { try $0[0].windows(1, size: 3, stride: 2, dilation: 3) }
        list.add("windows with gaps", .float([11])) { try $0[0].windows(0, size: 2, stride: 4) }
        list.add("one window", .float([4])) { try $0[0].windows(0, size: 4, stride: 7) }
        list.add("sums of windows", .float([2, 9])) { try $0[0].windows(1, size: 4).sum(axes: [-1]) }
        list.addLayouts("concatenate", .float([2, 3]), .float([2, 1]), .float([2, 4])) { try concatenate($0, axis: -1) }
        list.add("concatenate rows", .float([2, 3]), .float([0, 3]), .float([1, 3])) { try concatenate($0, axis: 0) }
        list.add("concatenate a tensor with itself", .float([2, 3])) {
            try concatenate([$0[0], exp($0[0]), $0[0]], axis: 0)
        }
        list.add("concatenate nothing", .float([0, 3]), .float([0, 3])) { try concatenate($0, axis: 0) }
        list.add("concatenate int32", .of(.int32, [3], .integers(0...9)), .of(.int32, [2], .integers(0...9)), order: 0)
        {
            try concatenate($0, axis: 0)
        }
        list.add("stack", .float([2, 3]), .float([2, 3])) { try stacked($0, axis: 1) }
        list.addAll("same tensor through many views", [.float([4, 4])]) { x in
            let sum = try x[0] + x[0].transposed() + x[0].flipped(0) + x[0].slice(0, 1..<2)
            return [sum, try sum.transposed().reshaped([16]).slice(0, start: 15, size: 4, step: -5)]
        }
        return list.samples
    }
}
