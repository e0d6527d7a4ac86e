import CPUKernels
import Testing

/// An element type of the kernels, as Swift knows it.
protocol KernelElement: Comparable, Sendable {
    static var kernelType: pf_type { get }
    /// A value out of few, so that there are equal ones.
    static func random(using random: inout TestRandom) -> Self
    static var none: Self { get }
    /// Addition as the kernels do it: integers wrap.
    func plus(_ other: Self) -> Self
}

extension Float: KernelElement {
    static var kernelType: pf_type { PF_F32 }
    static func random(using random: inout TestRandom) -> Float {
        switch UInt8.random(in: 0..<20, using: &random) {
        case 0: .nan
        case 1: -0.0
        case 2: .infinity
        case let n: Float(n) - 10 + (n < 10 ? .random(in: 0..<1, using: &random) : 0)
        }
    }
    static var none: Float { 0 }
    func plus(_ other: Float) -> Float { self + other }
}
extension Double: KernelElement {
    static var kernelType: pf_type { PF_F64 }
    static func random(using random: inout TestRandom) -> Double { Double(Float.random(using: &random)) * 1.0000000001 }
    static var none: Double { 0 }
    func plus(_ other: Double) -> Double { self + other }
}
extension KernelElement where Self: FixedWidthInteger {
    static func random(using random: inout TestRandom) -> Self {
        let value = Self(truncatingIfNeeded: random.next())
        return random.next() % 2 == 0 ? value : value & 7
    }
    static var none: Self { 0 }
    func plus(_ other: Self) -> Self { self &+ other }
}
extension Int32: KernelElement { static var kernelType: pf_type { PF_I32 } }
extension UInt32: KernelElement { static var kernelType: pf_type { PF_U32 } }
extension UInt8: KernelElement { static var kernelType: pf_type { PF_U8 } }

private func values<T: KernelElement>(_ count: Int, seed: UInt64, of type: T.Type = T.self) -> [T] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { _ in T.random(using: &random) }
}

private func indices(_ count: Int, in range: Range<Int32>, seed: UInt64) -> [Int32] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { _ in .random(in: range, using: &random) }
}

private func bytes<T>(of values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// NaNs count as equal; +0 and -0 do not.
private func same<T: KernelElement>(_ a: [T], _ b: [T]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { ($0 != $0 && $1 != $1) || bytes(of: [$0]) == bytes(of: [$1]) }
}

private let elementTypes: [any KernelElement.Type] = [Float.self, Double.self, Int32.self, UInt32.self, UInt8.self]
/// Rows and their length: empty, single, odd, and large enough for several chunks.
private let shapes: [(rows: Int, length: Int)] = [
    (0, 5), (1, 1), (1, 2), (3, 17), (7, 100), (2, 64), (2, 65), (1000, 10), (3, 5000), (20, 784),
]

@Suite struct RowsTests {
    // MARK: Gather and copy

    @Test(arguments: [(0, 3), (1, 0), (1, 1), (5, 1), (9, 3), (100, 4), (33, 8), (300, 12), (128, 784), (3, 40_000)])
    func gatherCopiesRows(count: Int, rowBytes: Int) throws {
        let tableRows = 9
        let table = values(tableRows * rowBytes, seed: 1, of: UInt8.self)
        // Some lie outside the table: they give rows of 0 and read nothing.
        let index = indices(count, in: -3..<Int32(tableRows + 3), seed: 2) + [.min, .max]
        let expected = index.flatMap { i in
            table.indices.isEmpty || !(0..<Int32(tableRows)).contains(i)
                ? Array(repeating: 0, count: rowBytes) : Array(table[Int(i) * rowBytes..<(Int(i) + 1) * rowBytes])
        }
        let (tableMemory, indexMemory) = (GuardedMemory(table), GuardedMemory(index))
        for threads: Int32 in [1, 2] {
            let out = GuardedMemory<UInt8>(count: index.count * rowBytes)
            let args = pf_gather(
                table: tableMemory.base, index: indexMemory.base, out: out.base, table_rows: Int64(tableRows),
                count: Int64(index.count), row_bytes: Int64(rowBytes))
            try withUnsafePointer(to: args) { try run([pf_gather_step($0)], threads: threads) }
            #expect(out.array == expected && out.isIntact)
        }
    }

    @Test func gatherFromAnEmptyTableGivesZeros() throws {
        let out = GuardedMemory<UInt8>(count: 12)
        let index = GuardedMemory<Int32>([0, -1, 5])
        let args = pf_gather(table: nil, index: index.base, out: out.base, table_rows: 0, count: 3, row_bytes: 4)
        try withUnsafePointer(to: args) { try run([pf_gather_step($0)], threads: 1) }
        #expect(out.array == Array(repeating: 0, count: 12) && out.isIntact)
    }

    @Test(arguments: [0, 1, 63, 32_768, 32_769, 200_001])
    func copyCopiesEveryByte(count: Int) throws {
        let from = GuardedMemory(values(count, seed: 3, of: UInt8.self))
        let to = GuardedMemory<UInt8>(count: count)
        let args = pf_copy(from: from.base, to: to.base, bytes: Int64(count))
        try withUnsafePointer(to: args) { try run([pf_copy_step($0)], threads: 2) }
        #expect(to.array == from.array && to.isIntact)
    }

    // MARK: Scatter-add

    private func scatterAdd<T: KernelElement>(
        _ updates: [T], _ index: [Int32], tableRows: Int, rowLength: Int, threads: Int32
    ) throws -> [T] {
        let (updates, index) = (GuardedMemory(updates), GuardedMemory(index))
        let out = GuardedMemory<T>(count: tableRows * rowLength)
        let workspace = GuardedMemory<Int32>(count: tableRows + 1 + index.count)
        let args = pf_scatter_add(
            type: T.kernelType, updates: updates.base, index: index.base, out: out.base, workspace: workspace.base,
            table_rows: Int64(tableRows), count: Int64(index.count), row_length: Int64(rowLength))
        try withUnsafePointer(to: args) { args in
            var steps = [pf_step](repeating: pf_step(), count: 2)
            let count = pf_scatter_add_steps(args, &steps)
            try run(Array(steps.prefix(Int(count))), threads: threads)
        }
        #expect(out.isIntact && workspace.isIntact)
        return out.array
    }

    private func checkScatterAdd<T: KernelElement>(_ type: T.Type, count: Int, tableRows: Int, rowLength: Int) throws {
        let updates = values(count * rowLength, seed: 4, of: T.self)
        var index = indices(count, in: -2..<Int32(tableRows + 2), seed: 5)
        if count > 1 { index[0...1] = [.min, .max] }
        var expected = [T](repeating: .none, count: tableRows * rowLength)
        for (i, r) in index.enumerated() where (0..<Int32(tableRows)).contains(r) {
            for j in 0..<rowLength {
                let position = Int(r) * rowLength + j
                expected[position] = expected[position].plus(updates[i * rowLength + j])
            }
        }
        for threads: Int32 in [1, 2] {
            let sums = try scatterAdd(updates, index, tableRows: tableRows, rowLength: rowLength, threads: threads)
            #expect(same(sums, expected), "\(T.self) \(count) \(tableRows) \(rowLength) on \(threads) threads")
        }
    }

    @Test(arguments: [
        (0, 5, 3), (5, 0, 3), (5, 3, 0), (1, 1, 1), (10, 4, 7), (1000, 3, 1), (200, 1000, 5), (2000, 100, 24),
        (9, 2, 5000),
    ])
    func scatterAddSumsInAscendingOrder(count: Int, tableRows: Int, rowLength: Int) throws {
        for type in elementTypes {
            try checkScatterAdd(type, count: count, tableRows: tableRows, rowLength: rowLength)
        }
    }

    @Test func scatterAddKeepsTheOrderOfRounding() throws {
        // (1e8 + 1) - 1e8 is 0 in float32, (1e8 - 1e8) + 1 is 1.
        let index = [Int32](repeating: 0, count: 3)
        #expect(try scatterAdd([1e8, 1, -1e8] as [Float], index, tableRows: 1, rowLength: 1, threads: 2) == [0])
        #expect(try scatterAdd([1e8, -1e8, 1] as [Float], index, tableRows: 1, rowLength: 1, threads: 2) == [1])
    }

    // MARK: Argsort

    private func checkArgsort<T: KernelElement>(_ type: T.Type, rows: Int, length: Int, descending: Bool) throws {
        let x = values(rows * length, seed: 6, of: T.self)
        let input = GuardedMemory(x)
        // Swift's sort is stable.
        let expected = (0..<rows).flatMap { r in
            (0..<length).sorted { i, j in
                let (a, b) = (x[r * length + i], x[r * length + j])
                return a != a ? false : b != b ? true : descending ? a > b : a < b
            }.map { Int32($0) }
        }
        for threads: Int32 in [1, 2] {
            let out = GuardedMemory<Int32>(count: rows * length)
            let workspace = GuardedMemory<Int32>(count: rows * length)
            let args = pf_argsort(
                type: T.kernelType, values: input.base, out: out.base, workspace: workspace.base, rows: Int64(rows),
                length: Int64(length), descending: descending)
            try withUnsafePointer(to: args) { try run([pf_argsort_step($0)], threads: threads) }
            // Compared outside: a failed comparison of long arrays would be described for minutes.
            let sorted = out.array == expected
            #expect(sorted, "\(T.self) \(rows) x \(length) on \(threads) threads")
            #expect(out.isIntact && workspace.isIntact)
        }
    }

    @Test(arguments: shapes, [false, true])
    func argsortIsStableWithNaNLast(shape: (rows: Int, length: Int), descending: Bool) throws {
        for type in elementTypes {
            try checkArgsort(type, rows: shape.rows, length: shape.length, descending: descending)
        }
        try checkArgsort(Float.self, rows: 4, length: 0, descending: descending)
    }

    // MARK: Argmax

    private func argmax<T: KernelElement>(
        _ x: [T], rows: Int, length: Int, smallest: Bool = false, threads: Int32 = 1
    ) throws -> [Int32] {
        let input = GuardedMemory(x)
        let out = GuardedMemory<Int32>(count: rows)
        let args = pf_argmax(
            type: T.kernelType, values: input.base, out: out.base, rows: Int64(rows), length: Int64(length),
            smallest: smallest)
        try withUnsafePointer(to: args) { try run([pf_argmax_step($0)], threads: threads) }
        #expect(out.isIntact)
        return out.array
    }

    private func checkArgmax<T: KernelElement>(_ type: T.Type, rows: Int, length: Int, smallest: Bool) throws {
        let x = values(rows * length, seed: 7, of: T.self)
        let expected = (0..<rows).map { r in
            let row = x[r * length..<(r + 1) * length]
            let best = row.firstIndex { $0 != $0 } ?? row.firstIndex(of: smallest ? row.min()! : row.max()!)!
            return Int32(best - r * length)
        }
        for threads: Int32 in [1, 2] {
            #expect(try argmax(x, rows: rows, length: length, smallest: smallest, threads: threads) == expected)
        }
    }

    @Test(arguments: shapes, [false, true])
    func argmaxTakesTheFirstOfTheLargest(shape: (rows: Int, length: Int), smallest: Bool) throws {
        for type in elementTypes {
            try checkArgmax(type, rows: shape.rows, length: shape.length, smallest: smallest)
        }
    }

    @Test func argmaxSpecialValues() throws {
        #expect(try argmax([1, .nan, 3, .nan, .infinity] as [Float], rows: 1, length: 5) == [1])
        #expect(try argmax([1, .nan, 3, -.infinity] as [Double], rows: 1, length: 4, smallest: true) == [1])
        #expect(try argmax([-.infinity, -.infinity] as [Float], rows: 1, length: 2) == [0])
        #expect(try argmax([-0.0, 0.0, 0.0] as [Float], rows: 1, length: 3) == [0])
        #expect(try argmax([Int32.min, .max, .max], rows: 1, length: 3) == [1])
    }

    // MARK: Cumulative sum

    private func checkCumulativeSum<T: KernelElement>(
        _ type: T.Type, rows: Int, length: Int, reverse: Bool, exclusive: Bool
    ) throws {
        let x = values(rows * length, seed: 8, of: T.self)
        var expected = x
        for r in 0..<rows {
            var sum = T.none
            for step in 0..<length {
                let i = r * length + (reverse ? length - 1 - step : step)
                let next = sum.plus(x[i])
                expected[i] = exclusive ? sum : next
                sum = next
            }
        }
        for threads: Int32 in [1, 2] {
            for inPlace in [false, true] {
                let input = GuardedMemory(x)
                let out = inPlace ? input : GuardedMemory<T>(count: x.count)
                let args = pf_cumsum(
                    type: T.kernelType, values: input.base, out: out.base, rows: Int64(rows), length: Int64(length),
                    reverse: reverse, exclusive: exclusive)
                try withUnsafePointer(to: args) { try run([pf_cumsum_step($0)], threads: threads) }
                #expect(same(out.array, expected) && out.isIntact, "\(T.self) \(rows) x \(length)")
            }
        }
    }

    @Test(arguments: shapes, [(false, false), (false, true), (true, false), (true, true)])
    func cumulativeSumRunsBothWays(shape: (rows: Int, length: Int), mode: (reverse: Bool, exclusive: Bool)) throws {
        for type in elementTypes {
            try checkCumulativeSum(
                type, rows: shape.rows, length: shape.length, reverse: mode.reverse, exclusive: mode.exclusive)
        }
    }

    // MARK: Nothing to do

    @Test func emptyWorkHasNoChunks() {
        var gather = pf_gather(table: nil, index: nil, out: nil, table_rows: 0, count: 0, row_bytes: 4)
        #expect(pf_gather_step(&gather).chunks == 0)
        gather.count = 3
        gather.row_bytes = 0
        #expect(pf_gather_step(&gather).chunks == 0)
        var copy = pf_copy(from: nil, to: nil, bytes: 0)
        #expect(pf_copy_step(&copy).chunks == 0)
        var argmax = pf_argmax(type: PF_F32, values: nil, out: nil, rows: 5, length: 0, smallest: false)
        #expect(pf_argmax_step(&argmax).chunks == 0)
    }
}
