import Compiler
import Execution
import Graph

/// What became of TF32 products on a device.
///
/// They are used only where this very device was seen to compute them rightly, and a tenth faster than what would be used
/// otherwise. Whatever goes wrong while it is examined, be it in a kernel, leaves the device's other work alone: the
/// examination has a context of its own.
enum TensorCores: CustomStringConvertible {
    /// So many times as fast as `other`, where they gain the least.
    case used(TensorProducts, gain: Double, other: String)
    case notOffered
    /// The device's compiler refuses the kernel, or it cannot be run.
    case failed(String)
    case wrong
    case slower(gain: Double, other: String)
    /// Not asked for.
    case setAside

    /// Nil where they are not used.
    var products: TensorProducts? { if case .used(let products, _, _) = self { products } else { nil } }

    var description: String {
        func times(_ gain: Double) -> String { "\((gain * 100).rounded() / 100) times the speed of" }
        switch self {
        case .used(_, let gain, let other): return "used: at least \(times(gain)) \(other)"
        case .notOffered: return "not offered by the device"
        case .failed(let reason): return "not used: \(reason)"
        case .wrong: return "not used: wrong results"
        case .slower(let gain, let other): return "not used: \(times(gain)) \(other)"
        case .setAside: return "not used"
        }
    }

    /// The instruction needs NVIDIA's compute capability 8.0 (PTX ISA, mma with .tf32).
    init(of backend: OpenCLBackend) {
        guard backend.device.computeCapability ?? 0 >= 8, backend.target.policy == .gpu else {
            self = .notOffered
            return
        }
        do {
            let examination = try TensorExamination(TensorProducts(), of: backend)
            self = try examination.finding { try examination.leastGain(backend.target.computeUnits) }
        } catch {
            self = .failed("\(error)")
        }
    }
}

/// Runs TF32 products on a device.
struct TensorExamination {
    let backend: OpenCLBackend
    private let products: TensorProducts

    /// - Parameter backend: is only asked how it was opened.
    init(_ products: TensorProducts, of backend: OpenCLBackend) throws {
        self.products = products
        self.backend = try OpenCLBackend(backend.device, host: backend.host, options: backend.options)
    }

    /// - Parameter leastGain: how many times as fast products are, measured where all are right.
    func finding(_ leastGain: () throws -> Double) throws -> TensorCores {
        for tile in TensorTile.all {
            for item in Item.all where !item.isRight(try results(of: item, by: tile)) { return .wrong }
        }
        let gain = try leastGain()
        let other = backend.clblast != nil ? "CLBlast" : "our kernels"
        return gain >= 1.1 ? .used(products, gain: gain, other: other) : .slower(gain: gain, other: other)
    }

    // MARK: results

    /// A product with numbers that no wrong order of rows, columns or terms leaves as they are.
    struct Item {
        var name: String
        var batch = 1
        var m: Int, n: Int, k: Int
        var isATransposed = false, isBTransposed = false

        /// With edges, for each way in which operands are fetched.
        static let all = [
            Item(name: "plain", m: 200, n: 136, k: 72),
            Item(name: "transposed", m: 131, n: 70, k: 84, isATransposed: true, isBTransposed: true),
            Item(name: "batch", batch: 2, m: 50, n: 147, k: 37),
        ]

        /// Numbers of either sign between 1/2 and 2, all of their bits in use.
        func operand(_ number: Int) -> [Float] {
            let count = batch * k * (number == 0 ? m : n)
            return (0..<count).map { place in
                var bits = UInt32(truncatingIfNeeded: place &+ number << 24) &* 2_654_435_761
                bits = (bits ^ bits >> 15) &* 2_246_822_519
                bits ^= bits >> 13
                return Float(bitPattern: bits & 0x80ff_ffff | 0x3f00_0000)
            }
        }

        /// [batch, m, k] and [batch, k, n], or what they are the transposes of.
        var shapes: [[Int]] {
            [[batch] + (isATransposed ? [k, m] : [m, k]), [batch] + (isBTransposed ? [n, k] : [k, n])]
        }

        func program() throws -> Program {
            let graph = Graph()
            let (a, b) = (
                graph.input("a", TensorType(shapes[0], .float32)), graph.input("b", TensorType(shapes[1], .float32))
            )
            let product = try matmul(isATransposed ? a.transposed() : a, isBTransposed ? b.transposed() : b)
            return Program(graph, outputs: [product])
        }

        /// Whether these are the products of the operands rounded to TF32, but for the rounding of float32 sums.
        ///
        /// A sum of k terms, eight at a time, loses at each of nine additions less than a unit in its last place, which is
        /// 2^-23 of the sum of all magnitudes at most, also where the device only truncates.
        func isRight(_ found: [Float]) -> Bool {
            let (a, b) = (operand(0).map(\.roundedToTF32), operand(1).map(\.roundedToTF32))
            let (aRow, aColumn) = isATransposed ? (1, m) : (k, 1)
            let (bRow, bColumn) = isBTransposed ? (1, k) : (n, 1)
            guard found.count == batch * m * n else { return false }
            for place in found.indices {
                let (entry, row, column) = (place / (m * n), place / n % m, place % n)
                var (sum, magnitude) = (0.0, 0.0)
                for term in 0..<k {
                    let product =
                        Double(a[entry * m * k + row * aRow + term * aColumn])
                        * Double(b[entry * k * n + term * bRow + column * bColumn])
                    sum += product
                    magnitude += abs(product)
                }
                let additions = Double(k.dividedUp(by: 8) * 9)
                // Also false for NaN.
                guard abs(Double(found[place]) - sum) <= additions * 0x1p-23 * magnitude else { return false }
            }
            return true
        }
    }

    func results(of item: Item, by tile: TensorTile) throws -> [Float] {
        var forced = products
        forced.forced = tile
        let program = try compiled(item, forced)
        try program.run()
        return try program.output(0).floats
    }

    private func compiled(_ item: Item, _ products: TensorProducts?) throws -> CompiledProgram {
        backend.tensorCores = products.map { .used($0, gain: 1, other: "") } ?? .setAside
        let program = try CompiledProgram(
            try item.program(), states: DeviceStates(on: backend), options: CompileOptions(math: .fast))
        for (index, shape) in item.shapes.enumerated() {
            if let numbers = HostArray(item.operand(index), shape: shape) { try program.setInput(index, numbers) }
        }
        return program
    }

    // MARK: time

    /// Of the products that take the tensor cores on a device of so many compute units: the smallest, a deep one whose K
    /// blocks are apart, and a large one.
    static func timed(_ computeUnits: Int) -> [Item] {
        let tile = TensorTile.smallest
        let tilesM = Int(Double(computeUnits).squareRoot().rounded(.up))
        let (m, n) = (tilesM * tile.rows, computeUnits.dividedUp(by: tilesM) * tile.columns)
        return [
            Item(name: "small", m: m, n: n, k: 256),
            Item(
                name: "deep", m: 4 * tile.rows, n: 4 * tile.columns, k: 256 * max(2, computeUnits.dividedUp(by: 16))),
            Item(name: "large", m: 4 * m, n: 4 * n, k: 1024),
        ]
    }

    func leastGain(_ computeUnits: Int) throws -> Double {
        try TensorExamination.timed(computeUnits).reduce(.infinity) { min($0, try gain($1)) }
    }

    /// How many times as fast a product is in TF32.
    func gain(_ item: Item) throws -> Double {
        let (other, own) = (try compiled(item, nil), try compiled(item, products))
        var least = (other: Double.infinity, own: Double.infinity)
        // In turn, as clocks change.
        for _ in 0..<2 {
            least.other = min(least.other, try seconds(other))
            least.own = min(least.own, try seconds(own))
        }
        return least.other / least.own
    }

    /// Of a run among others.
    private func seconds(_ program: CompiledProgram) throws -> Double {
        let runs = 8
        return try Roofline.quickest(within: 0.05) {
            for _ in 0..<runs { try program.run() }
            try backend.synchronize()
        } / Double(runs)
    }
}

extension Float {
    /// The nearest number with 10 bits of mantissa, from the middle away from 0.
    var roundedToTF32: Float { isNaN ? self : Float(bitPattern: (bitPattern &+ 0x1000) & ~0x1fff) }
}
