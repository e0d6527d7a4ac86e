import CPUBackend
import CPUKernels
import Execution
import Foundation
import Graph
import Testing

/// What a compensated sum is for. (Its bits, on all devices, are a matter of the op table.)
@Suite struct CompensatedSumTests {
    private static let epsilon = Double(Float.ulpOfOne) / 2

    /// Numbers of magnitudes 2^-20 to 2^10 that cancel exactly, and some small ones that are left: in random order.
    private static func cancelling(_ count: Int) -> (values: [Float], sum: Double) {
        var generator = SampleGenerator(seed: "cancelling")
        let large = (0..<(count * 49 / 100)).map { _ in
            Float(exp2(Double.random(in: -20...10, using: &generator)))
        }
        let small = (0..<(count - 2 * large.count)).map { _ in Float.random(in: -1e-3...2e-3, using: &generator) }
        let values = (large + large.map { -$0 } + small).shuffled(using: &generator)
        return (values, small.reduce(0) { $0 + Double($1) })
    }

    private func sums(_ values: [Float], _ shape: [Int], axes: [Int]?) throws -> (plain: [Float], compensated: [Float])
    {
        let graph = Graph()
        let x = graph.input("x", TensorType(shape, .float32))
        let outputs = [try x.sum(axes: axes), try x.sum(axes: axes, compensated: true)]
        let program = try CompiledProgram(Program(graph, outputs: outputs), states: DeviceStates(on: CPUBackend()))
        let results = try program([try #require(HostArray(values, shape: shape))])
        return (results[0].floats, results[1].floats)
    }

    /// A number goes through some 60 additions: 31 and 5 of its block, as many at most for the pairs of 98 blocks. So the
    /// errors of the compensations themselves are below 60^2 epsilon^2 of all magnitudes, far below what is left of the
    /// sum; besides them only the result is rounded.
    @Test(arguments: [1, 3])
    func cancellationLeavesARoundedSum(columns: Int) throws {
        let (values, sum) = Self.cancelling(100_000)
        let magnitude = values.reduce(0) { $0 + Double(abs($1)) }
        let bound = 2 * Self.epsilon * abs(sum) + 3600 * Self.epsilon * Self.epsilon * magnitude
        let inColumns = values.flatMap { [Float](repeating: $0, count: columns) }
        let (plain, compensated) = try sums(inColumns, [values.count, columns], axes: [0])
        for (plain, compensated) in zip(plain, compensated) {
            #expect(abs(Double(compensated) - sum) <= bound)
            #expect(abs(Double(plain) - sum) > 10 * bound)
        }
    }

    /// What two additions lose is found again.
    @Test func fewNumbersGiveTheExactSum() throws {
        let (plain, compensated) = try sums([0x1p40, 1, 0x1p-10, -0x1p40], [4], axes: nil)
        #expect(plain == [0])
        #expect(compensated == [1 + 0x1p-10])
    }

    /// Infinities, NaN and overflow are what a plain sum makes of them.
    @Test(arguments: [8, 40, 3000])
    func whatIsNotFiniteStays(length: Int) throws {
        let large = Float.greatestFiniteMagnitude
        let special: [[Float]] = [
            [.infinity], [-.infinity], [.infinity, -.infinity], [.nan], [.nan, .infinity], [.infinity, -large],
            [large, large],
        ]
        let rows = special.map { $0 + [Float](repeating: 0.25, count: length - $0.count) }
        let (plain, compensated) = try sums(rows.flatMap { $0 }, [rows.count, length], axes: [1])
        for ((plain, compensated), row) in zip(zip(plain, compensated), special) {
            #expect(!plain.isFinite)
            #expect(plain == compensated || plain.isNaN && compensated.isNaN, "of \(row) in \(length)")
        }
    }
}
