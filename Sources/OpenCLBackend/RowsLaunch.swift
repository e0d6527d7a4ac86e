import Compiler
import Graph

extension Kernel {
    /// Launches of .gather, .scatterAdd, .argsort, .argmax and .cumulativeSum; nil for other kernels.
    func rowLaunches(_ target: Target) -> [Launch]? {
        switch self {
        case .gather(let scalar, let table, let index, let result, let tableRows, let count, let rowLength):
            guard count > 0, rowLength > 0 else { return [] }
            // Bytes go by fours where they can.
            let isWide = scalar.byteCount == 4
            let fours = !isWide && table.offset % 4 == 0 && rowLength % 4 == 0
            let row = fours ? rowLength / 4 : rowLength
            let cut = target.cut(rows: count, length: row, work: 1, longestPiece: 8192)
            let text = KernelText(
                .gather,
                [
                    "TYPE": isWide || fours ? "uint" : "uchar", "INDEX": indexType(upTo: max(tableRows, count) * row),
                    "TABLE_ROWS": "\(tableRows)", "COUNT": "\(count)", "ROW": "\(row)", "SHARE": "\(cut.share)",
                    "PIECE": "\(cut.piece)",
                ])
            return [
                Launch(
                    text, [.operand(table, scalar), .operand(index, .int32), .result(result)], items: cut.items, target)
            ]
        case .scatterAdd(let scalar, let index, let updates, let result, let tableRows, let count, let rowLength):
            guard tableRows > 0, rowLength > 0 else { return [] }
            let cut = target.cut(
                rows: tableRows, length: rowLength, work: 1 + count / tableRows, longestPiece: 2048)
            let text = KernelText(
                .scatterAdd,
                [
                    "TYPE": scalar.clSumType, "PLUS": scalar == .bool ? "|" : "+",
                    "INDEX": indexType(upTo: max(tableRows, count) * rowLength),
                    "TABLE_ROWS": "\(tableRows)", "COUNT": "\(count)", "ROW": "\(rowLength)", "SHARE": "\(cut.share)",
                    "PIECE": "\(cut.piece)",
                ])
            let sort = Argsort(updatesByRow: count)
            let order = Argument.workspace(byteOffset: 0)
            let sum = Launch(
                text, [.operand(index, .int32), order, .operand(updates, scalar), .result(result)], items: cut.items,
                target)
            return sort.launches(.operand(index, .int32), order, workspace: sort.orderByteCount, target) + [sum]
        case .argsort(let scalar, let values, let result, let rows, let length, let descending):
            let sort = Argsort(scalar: scalar, rows: rows, length: length, descending: descending)
            return sort.launches(.operand(values, scalar), .result(result), workspace: 0, target)
        case .argmax(let scalar, let values, let result, let rows, let length, let smallest):
            return argmaxLaunches(scalar, values, result, rows: rows, length: length, smallest: smallest, target)
        case .cumulativeSum(let scalar, let values, let result, let rows, let length, let reverse, let exclusive):
            return cumulativeSumLaunches(
                scalar, values, result, rows: rows, length: length, reverse: reverse, exclusive: exclusive, target)
        case .loops, .matmul, .convolution, .linearAlgebra, .composite, .region, .fill: return nil
        }
    }

    /// What the launches above need; 0 for other kernels.
    func rowWorkspaceByteCount(_ target: Target) -> Int {
        switch self {
        case .scatterAdd(_, _, _, _, let tableRows, let count, let rowLength):
            guard tableRows > 0, rowLength > 0 else { return 0 }
            let sort = Argsort(updatesByRow: count)
            return sort.orderByteCount + sort.workspaceByteCount(target)
        case .argsort(let scalar, _, _, let rows, let length, let descending):
            return Argsort(scalar: scalar, rows: rows, length: length, descending: descending)
                .workspaceByteCount(target)
        case .loops, .matmul, .convolution, .gather, .argmax, .cumulativeSum, .linearAlgebra, .composite, .region,
            .fill:
            return 0
        }
    }
}

private func argmaxLaunches(
    _ scalar: ScalarType, _ values: Operand, _ result: BufferID, rows: Int, length: Int, smallest: Bool,
    _ target: Target
) -> [Launch] {
    guard rows > 0, length > 0 else { return [] }
    let group = target.group.roundedDownToPowerOfTwo
    // Some values for each work-item before they compare theirs.
    let lanes = target.policy == .cpu ? 0 : min(max(length / 4, 1).roundedDownToPowerOfTwo, group)
    let share = max(Target.shareOfWork / length, 1)
    let text = KernelText(
        .argmax,
        [
            "TYPE": scalar.clType, "VECTOR": scalar.clType + "16",
            "MASK": scalar.byteCount == 1 ? "char16" : "int16", "ORDER": smallest ? "<" : ">",
            "INDEX": indexType(upTo: rows * length), "ROWS": "\(rows)", "LENGTH": "\(length)", "SHARE": "\(share)",
            "LANES": "\(lanes)", "GROUP": "\(group)",
        ])
    let arguments: [Argument] = [.operand(values, scalar), .result(result)]
    if lanes == 0 { return [Launch(text, arguments, items: rows.dividedUp(by: share), target)] }
    return [Launch(text, arguments, groups: rows.dividedUp(by: group / lanes), of: group)]
}

private func cumulativeSumLaunches(
    _ scalar: ScalarType, _ values: Operand, _ result: BufferID, rows: Int, length: Int, reverse: Bool,
    exclusive: Bool, _ target: Target
) -> [Launch] {
    guard rows > 0, length > 0 else { return [] }
    let isTiled = target.policy == .gpu
    let share =
        isTiled ? min(64, target.group, rows.roundedUpToPowerOfTwo) : max(Target.shareOfWork / length, 1)
    let tile = isTiled ? min(2048 / share, length.roundedUpToPowerOfTwo) : 0
    let text = KernelText(
        .cumulativeSum,
        [
            "TYPE": scalar.clSumType, "INDEX": indexType(upTo: rows * length), "ROWS": "\(rows)", "LENGTH": "\(length)",
            "REVERSE": reverse ? "1" : "0", "EXCLUSIVE": exclusive ? "1" : "0", "SHARE": "\(share)",
            "TILE": "\(tile)", "GROUP": "\(target.group)",
        ])
    let arguments: [Argument] = [.operand(values, scalar), .result(result)]
    return [Launch(text, arguments, groups: rows.dividedUp(by: share), of: target.group)]
}

/// The stable order of rows of values: on a CPU a work-item per row; on a GPU pieces sorted in local memory, then merged
/// in pairs.
private struct Argsort {
    var scalar: ScalarType
    var rows: Int
    var length: Int
    var descending: Bool

    init(scalar: ScalarType, rows: Int, length: Int, descending: Bool) {
        (self.scalar, self.rows, self.length, self.descending) = (scalar, rows, length, descending)
    }

    /// Brings updates of the same row of a table together, those outside of it last.
    init(updatesByRow count: Int) { self.init(scalar: .uint32, rows: 1, length: count, descending: false) }

    /// Elements of a piece; a power of two.
    private var pieceSize: Int { min(max(length, 2).roundedUpToPowerOfTwo, 2048) }
    private var mergeCount: Int { length.dividedUp(by: pieceSize).roundedUpToPowerOfTwo.trailingZeroBitCount }
    private var pairsByteCount: Int { (rows * length * 8).roundedUp(to: 256) }

    /// Memory for a result that is no buffer. Never none, so that it can be an argument.
    var orderByteCount: Int { max(rows * length * 4, 1).roundedUp(to: 256) }

    func workspaceByteCount(_ target: Target) -> Int {
        target.policy == .cpu ? orderByteCount : min(mergeCount, 2) * pairsByteCount
    }

    /// From `workspace` on, workspaceByteCount bytes are used.
    func launches(_ values: Argument, _ result: Argument, workspace: Int, _ target: Target) -> [Launch] {
        guard rows > 0, length > 0 else { return [] }
        let key =
            switch scalar {
            case .float32, .float64: "pf_sort_key_f32"
            case .int32: "pf_sort_key_i32"
            case .uint32: "pf_sort_key_u32"
            case .uint8, .bool: "pf_sort_key_u8"
            }
        let flip = descending ? "0xffffffffu" : "0u"
        let index = indexType(upTo: rows * length)
        if target.policy == .cpu {
            let share = max(Target.shareOfWork / 2 / length, 1)
            let text = KernelText(
                .argsortRow, headers: [.sortKeys],
                [
                    "TYPE": scalar.clType, "KEY": key, "FLIP": flip, "DIGITS": "\(scalar.byteCount)", "INDEX": index,
                    "ROWS": "\(rows)", "LENGTH": "\(length)", "SHARE": "\(share)",
                ])
            let arguments = [values, result, .workspace(byteOffset: workspace)]
            return [Launch(text, arguments, items: rows.dividedUp(by: share), target)]
        }
        let piecesPerRow = length.dividedUp(by: pieceSize)
        let pieces = min(max(512 / pieceSize, 1), rows)
        let text = KernelText(
            .argsortBlock, headers: [.sortKeys],
            [
                "TYPE": scalar.clType, "KEY": key, "FLIP": flip, "INDEX": index, "ROWS": "\(rows)",
                "LENGTH": "\(length)", "SIZE": "\(pieceSize)", "PIECES": "\(pieces)", "GROUP": "\(target.group)",
            ])
        // The pairs go to and fro between two areas; the last merge writes the result.
        let areas = (0...mergeCount).map {
            $0 == mergeCount ? result : Argument.workspace(byteOffset: workspace + $0 % 2 * pairsByteCount)
        }
        let groups = (rows * piecesPerRow).dividedUp(by: pieces)
        let merges = (0..<mergeCount).map { turn in
            Launch(
                KernelText(
                    .argsortMerge,
                    [
                        "INDEX": index, "ROWS": "\(rows)", "LENGTH": "\(length)",
                        "LAST": turn == mergeCount - 1 ? "1" : "0",
                    ]), [areas[turn], areas[turn + 1], .int(Int32(clamping: pieceSize << turn))],
                items: rows * length, target)
        }
        return [Launch(text, [values, areas[0]], groups: groups, of: target.group)] + merges
    }
}

extension Target {
    /// Elements worth handing to a CPU's work-item of their own: some microseconds of work.
    fileprivate static let shareOfWork = 8192

    /// Work-items of a group.
    var group: Int { policy == .cpu ? 1 : min(256, maxWorkGroupSize) }

    /// A work-item's part of rows: `share` whole rows or, where one is long, `piece` elements of each.
    fileprivate struct Cut {
        var share: Int
        var piece: Int
        var items: Int
    }

    /// `work`: what an element costs, in elements.
    fileprivate func cut(rows: Int, length: Int, work: Int, longestPiece: Int) -> Cut {
        guard rows > 0, length > 0 else { return Cut(share: 1, piece: 1, items: 0) }
        let piece: Int
        let share: Int
        switch policy {
        case .cpu:
            piece = min(length, longestPiece)
            share = max(Target.shareOfWork / (length * work), 1)
        case .gpu:
            piece = 1
            share = min(max(rows * length >> 18, 1), 16)
        }
        return Cut(share: share, piece: piece, items: rows.dividedUp(by: share) * length.dividedUp(by: piece))
    }
}

extension Launch {
    /// Work-items that need not know of each other.
    init(_ text: KernelText, _ arguments: [Argument], items: Int, _ target: Target) {
        self.init(text, arguments, groups: items.dividedUp(by: target.group), of: target.group)
    }

    init(_ text: KernelText, _ arguments: [Argument], groups: Int, of size: Int) {
        self.init(text: text, arguments: arguments, global: [groups * size], local: [size])
    }
}

extension Argument {
    static func result(_ buffer: BufferID) -> Argument { .buffer(buffer, byteOffset: 0) }
}

extension ScalarType {
    /// A type in which sums of this one wrap around.
    fileprivate var clSumType: String { self == .int32 ? "uint" : clType }
}

/// The type of indices up to `count` and somewhat beyond, where the last group's surplus work-items count.
func indexType(upTo count: Int) -> String { indexType(largest: count + 1 << 16) }

extension Int {
    fileprivate var roundedUpToPowerOfTwo: Int { self > 1 ? 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) : 1 }
    var roundedDownToPowerOfTwo: Int { self > 1 ? 1 << (Int.bitWidth - 1 - leadingZeroBitCount) : 1 }
}
