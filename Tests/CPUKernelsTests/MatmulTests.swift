import CPUKernels
import Testing

/// The arithmetic contract of pf_matmul.h, word for word: fused chains over blocks of PF_K_BLOCK terms, joined in
/// ascending order.
struct Chain<T: BinaryFloatingPoint> {
    private var joined: T = 0
    private var block: T = 0
    private var terms = 0

    mutating func add(_ a: T, _ b: T) {
        if terms > 0, terms % Int(PF_K_BLOCK) == 0 {
            joined = terms == Int(PF_K_BLOCK) ? block : joined + block
            block = 0
        }
        block.addProduct(a, b)
        terms += 1
    }

    var value: T { terms <= Int(PF_K_BLOCK) ? block : joined + block }
}

/// Element types of matrices.
protocol MatrixElement: BinaryFloatingPoint, SendableMetatype where RawSignificand: FixedWidthInteger {
    static var type: pf_type { get }
}

extension Float: MatrixElement { static var type: pf_type { PF_F32 } }
extension Double: MatrixElement { static var type: pf_type { PF_F64 } }

extension MatrixElement {
    static func random(_ count: Int, seed: UInt64) -> [Self] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in Self.random(in: -1...1, using: &random) }
    }
}

let instructionSets = (0...pf_isa_best().rawValue).map { pf_isa(rawValue: $0) }

/// Runs and releases a plan.
func run(_ plan: OpaquePointer, threads: Int32) throws {
    defer { pf_plan_release(plan) }
    var steps: UnsafePointer<pf_step>?
    let count = Int(pf_plan_steps(plan, &steps))
    try run(Array(UnsafeBufferPointer(start: steps, count: count)), threads: threads)
}

/// Where a matrix lies in memory: offset and strides for `rows` x `columns`, and how many elements that takes.
enum Layout: CaseIterable {
    case rowMajor, columnMajor, everySecond, reversed, repeatedRow

    func strides(_ rows: Int, _ columns: Int) -> (offset: Int, row: Int, column: Int, count: Int) {
        let count = rows * columns
        return switch self {
        case .rowMajor: (0, columns, 1, count)
        case .columnMajor: (0, 1, rows, count)
        case .everySecond: (1, 2 * columns, 2, 2 * count + 1)
        case .reversed: (max(0, count - 1), -columns, -1, count)
        case .repeatedRow: (0, 0, 1, columns)
        }
    }
}

struct MatmulCase: CustomTestStringConvertible {
    var m: Int, n: Int, k: Int
    var a = Layout.rowMajor, b = Layout.rowMajor
    var batch = 1
    var bias = false

    var testDescription: String { "\(batch) x \(m)x\(n)x\(k) \(a) \(b)\(bias ? " bias" : "")" }

    /// Calls `body` with the arguments, pointing to operands of random elements; c is unset. Batch entries lie one after
    /// another, but entry 1 uses the operand b of entry 0.
    func withArguments<T: MatrixElement>(_: T.Type, _ body: (inout pf_matmul, Operands<T>) throws -> Void) rethrows {
        let (sa, sb) = (a.strides(m, k), b.strides(k, n))
        let operands = Operands<T>(
            a: T.random(sa.count * batch, seed: 1), b: T.random(sb.count * batch, seed: 2), bias: T.random(n, seed: 3),
            aOffsets: (0..<batch).map { Int64($0 * sa.count + sa.offset) },
            bOffsets: (0..<batch).map { Int64(($0 == 1 ? 0 : $0) * sb.count + sb.offset) })
        var arguments = pf_matmul()
        arguments.type = T.type
        (arguments.batch, arguments.m, arguments.n, arguments.k) = (Int64(batch), Int64(m), Int64(n), Int64(k))
        (arguments.a_row, arguments.a_col) = (Int64(sa.row), Int64(sa.column))
        (arguments.b_row, arguments.b_col) = (Int64(sb.row), Int64(sb.column))
        try operands.a.withUnsafeBufferPointer { a in
            try operands.b.withUnsafeBufferPointer { b in
                try operands.bias.withUnsafeBufferPointer { bias in
                    try operands.aOffsets.withUnsafeBufferPointer { aOffsets in
                        try operands.bOffsets.withUnsafeBufferPointer { bOffsets in
                            arguments.a = UnsafeRawPointer(a.baseAddress)
                            arguments.b = UnsafeRawPointer(b.baseAddress)
                            arguments.bias = self.bias ? UnsafeRawPointer(bias.baseAddress) : nil
                            arguments.a_offsets = aOffsets.baseAddress
                            arguments.b_offsets = bOffsets.baseAddress
                            try body(&arguments, operands)
                        }
                    }
                }
            }
        }
    }

    struct Operands<T> { var a, b, bias: [T], aOffsets, bOffsets: [Int64] }

    func reference<T: MatrixElement>(_ operands: Operands<T>) -> [T] {
        let (sa, sb) = (a.strides(m, k), b.strides(k, n))
        var result: [T] = []
        for p in 0..<batch {
            for i in 0..<m {
                for j in 0..<n {
                    var chain = Chain<T>()
                    for l in 0..<k {
                        chain.add(
                            operands.a[Int(operands.aOffsets[p]) + i * sa.row + l * sa.column],
                            operands.b[Int(operands.bOffsets[p]) + l * sb.row + j * sb.column])
                    }
                    result.append(bias ? chain.value + operands.bias[j] : chain.value)
                }
            }
        }
        return result
    }
}

@Suite(.serialized) struct MatmulTests {
    static let sizes: [MatmulCase] = [
        // Empty and single.
        MatmulCase(m: 0, n: 5, k: 3), MatmulCase(m: 4, n: 0, k: 3), MatmulCase(m: 3, n: 5, k: 0, bias: true),
        MatmulCase(m: 30, n: 50, k: 0), MatmulCase(m: 1, n: 1, k: 1), MatmulCase(m: 1, n: 1, k: 1000, bias: true),
        MatmulCase(m: 5, n: 5, k: 5, batch: 0),
        // One row or column, and a few.
        MatmulCase(m: 1, n: 300, k: 257), MatmulCase(m: 300, n: 1, k: 257), MatmulCase(m: 2, n: 131, k: 40),
        MatmulCase(m: 131, n: 2, k: 40, bias: true), MatmulCase(m: 5, n: 260, k: 33), MatmulCase(m: 260, n: 5, k: 33),
        // Around tiles of every width.
        MatmulCase(m: 13, n: 31, k: 17), MatmulCase(m: 14, n: 32, k: 16, bias: true), MatmulCase(m: 15, n: 33, k: 15),
        MatmulCase(m: 29, n: 65, k: 64), MatmulCase(m: 6, n: 16, k: 8), MatmulCase(m: 7, n: 17, k: 9),
        MatmulCase(m: 4, n: 4, k: 4, bias: true), MatmulCase(m: 100, n: 10, k: 30),
        // Around blocks of K.
        MatmulCase(m: 20, n: 40, k: 255), MatmulCase(m: 20, n: 40, k: 256), MatmulCase(m: 20, n: 40, k: 257),
        MatmulCase(m: 9, n: 70, k: 511), MatmulCase(m: 9, n: 70, k: 512, bias: true), MatmulCase(m: 9, n: 70, k: 513),
        MatmulCase(m: 33, n: 34, k: 1000),
        // Several chunks: of rows, of lanes, of K; operands packed for all chunks.
        MatmulCase(m: 300, n: 70, k: 300, bias: true), MatmulCase(m: 64, n: 600, k: 130),
        MatmulCase(m: 30, n: 20, k: 20000, bias: true),
        // Batches, tiny and not.
        MatmulCase(m: 3, n: 4, k: 5, batch: 700, bias: true), MatmulCase(m: 16, n: 17, k: 18, batch: 90),
        MatmulCase(m: 40, n: 300, k: 300, batch: 3, bias: true),
    ]

    static let layouts: [MatmulCase] = Layout.allCases.flatMap { a in
        Layout.allCases.flatMap { b in
            [
                MatmulCase(m: 37, n: 45, k: 290, a: a, b: b, bias: true), MatmulCase(m: 3, n: 150, k: 21, a: a, b: b),
                MatmulCase(m: 150, n: 3, k: 21, a: a, b: b, batch: 2),
                MatmulCase(m: 4, n: 5, k: 3, a: a, b: b, batch: 3),
                MatmulCase(m: 280, n: 200, k: 64, a: a, b: b),
                MatmulCase(m: 64, n: 200, k: 150, a: a, b: b, bias: true),
            ]
        }
    }

    /// Terms of either operand so far apart that many readers pack them.
    static let farApart = [Layout.rowMajor, .columnMajor].map { MatmulCase(m: 1040, n: 1100, k: 9, a: $0, bias: true) }

    static func verify<T: MatrixElement>(_ test: MatmulCase, _: T.Type) throws {
        defer { _ = pf_isa_select(pf_isa_best()) }
        try test.withArguments(T.self) { arguments, operands in
            let expected = test.reference(operands)
            for level in instructionSets where pf_isa_select(level) {
                for threads in [1, 2] as [Int32] {
                    let c = GuardedMemory<T>(count: test.batch * test.m * test.n)
                    let workspace = GuardedMemory<UInt8>(count: Int(pf_matmul_workspace(&arguments)))
                    arguments.c = UnsafeMutableRawPointer(c.base)
                    try run(#require(pf_matmul_prepare(&arguments, workspace.base)), threads: threads)
                    #expect(c.array == expected, "\(T.self), level \(level.rawValue), \(threads) threads")
                    #expect(c.isIntact && workspace.isIntact)
                }
            }
        }
    }

    @Test(arguments: sizes + farApart)
    func sameBitsForAnySize(test: MatmulCase) throws {
        try Self.verify(test, Float.self)
        try Self.verify(test, Double.self)
    }

    @Test(arguments: layouts)
    func sameBitsForAnyLayout(test: MatmulCase) throws {
        try Self.verify(test, Float.self)
        try Self.verify(test, Double.self)
    }

    /// A row of the result has the same bits in any number of rows, and so a sample in any batch.
    @Test(arguments: [(40, 257), (1, 1000), (10, 64), (300, 40)])
    func rowsDoNotDependOnTheirNumber(n: Int, k: Int) throws {
        let a = Float.random(128 * k, seed: 5), b = Float.random(k * n, seed: 6)
        func product(rows: Range<Int>) throws -> [Float] {
            let c = GuardedMemory<Float>(count: rows.count * n)
            try a.withUnsafeBufferPointer { a in
                try b.withUnsafeBufferPointer { b in
                    var arguments = pf_matmul()
                    (arguments.batch, arguments.m, arguments.n, arguments.k) = (
                        1, Int64(rows.count), Int64(n), Int64(k)
                    )
                    (arguments.a_row, arguments.a_col, arguments.b_row, arguments.b_col) = (Int64(k), 1, Int64(n), 1)
                    arguments.a = UnsafeRawPointer(a.baseAddress! + rows.lowerBound * k)
                    arguments.b = UnsafeRawPointer(b.baseAddress)
                    arguments.c = UnsafeMutableRawPointer(c.base)
                    let workspace = GuardedMemory<UInt8>(count: Int(pf_matmul_workspace(&arguments)))
                    try run(#require(pf_matmul_prepare(&arguments, workspace.base)), threads: 2)
                }
            }
            return c.array
        }
        let all = try product(rows: 0..<128)
        for rows in [0..<1, 127..<128, 3..<5, 20..<26, 0..<14, 1..<16, 60..<127] {
            #expect(try product(rows: rows) == Array(all[rows.lowerBound * n..<rows.upperBound * n]))
        }
    }

    /// A plan may run again after its operands have changed, and ignores what its workspace holds.
    @Test func plansRunAgain() throws {
        let test = MatmulCase(m: 70, n: 600, k: 300, bias: true)
        try test.withArguments(Float.self) { arguments, operands in
            let a = GuardedMemory(operands.a)
            let c = GuardedMemory<Float>(count: test.m * test.n)
            arguments.a = UnsafeRawPointer(a.base)
            arguments.c = UnsafeMutableRawPointer(c.base)
            let workspace = GuardedMemory<UInt8>(count: Int(pf_matmul_workspace(&arguments)))
            let plan = try #require(pf_matmul_prepare(&arguments, workspace.base))
            defer { pf_plan_release(plan) }
            var steps: UnsafePointer<pf_step>?
            let count = Int(pf_plan_steps(plan, &steps))
            for turn in 0..<2 {
                var changed = operands
                changed.a = Float.random(operands.a.count, seed: UInt64(40 + turn))
                for (i, value) in changed.a.enumerated() { a.base[i] = value }
                for i in 0..<workspace.count { workspace.base[i] = 0xFF }
                try run(Array(UnsafeBufferPointer(start: steps, count: count)), threads: 2)
                #expect(c.array == test.reference(changed))
            }
        }
    }
}

@Suite struct BLASTests {
    @Test func description() {
        let text = String(cString: pf_blas_description())
        #expect(text.contains(pf_blas_available() ? "OpenBLAS" : "no BLAS"))
        #expect(!text.contains("\n"))
    }

    static let cases: [MatmulCase] = [
        MatmulCase(m: 128, n: 256, k: 3136, bias: true), MatmulCase(m: 3136, n: 256, k: 128, a: .columnMajor),
        MatmulCase(m: 300, n: 200, k: 100, b: .columnMajor, bias: true),
        MatmulCase(m: 50, n: 60, k: 70, a: .columnMajor, b: .columnMajor, batch: 5, bias: true),
        MatmulCase(m: 1, n: 300, k: 40), MatmulCase(m: 300, n: 1, k: 40, bias: true), MatmulCase(m: 20, n: 30, k: 1),
    ]

    static func verify<T: MatrixElement>(_ test: MatmulCase, _: T.Type) throws {
        try test.withArguments(T.self) { arguments, operands in
            let c = GuardedMemory<T>(count: test.batch * test.m * test.n)
            arguments.c = UnsafeMutableRawPointer(c.base)
            try run(#require(pf_blas_matmul_prepare(&arguments)), threads: 2)
            let tolerance = T.ulpOfOne * 8 * T(test.k).squareRoot() + T.ulpOfOne
            #expect(zip(c.array, test.reference(operands)).allSatisfy { abs($0 - $1) <= tolerance })
            #expect(c.isIntact)
        }
    }

    @Test(.enabled(if: pf_blas_available()), arguments: cases)
    func closeToTheContract(test: MatmulCase) throws {
        try Self.verify(test, Float.self)
        try Self.verify(test, Double.self)
    }

    /// What BLAS cannot describe is left to the caller.
    @Test(arguments: [Layout.everySecond, .reversed, .repeatedRow])
    func refusesOtherStrides(layout: Layout) {
        MatmulCase(m: 20, n: 30, k: 40, a: layout).withArguments(Float.self) { arguments, _ in
            #expect(pf_blas_matmul_prepare(&arguments) == nil)
        }
        MatmulCase(m: 20, n: 30, k: 40, b: layout).withArguments(Float.self) { arguments, _ in
            #expect(pf_blas_matmul_prepare(&arguments) == nil)
        }
    }
}
