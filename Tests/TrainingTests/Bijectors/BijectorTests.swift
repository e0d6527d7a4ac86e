import Foundation
import Pushforward
import Testing

/// What holds of every bijector: its log-dets are those of its Jacobians, in both directions, its directions undo each
/// other, in either precision, and devices agree on every bit.
@Suite struct BijectorTests {
    @Test(arguments: BijectorCase.all) func logDetsAreThoseOfTheJacobians(_ test: BijectorCase) throws {
        let run = try BijectorRun(test, .float64, jacobians: true)
        let tolerance = test.inverseTolerance?.0 ?? 1e-9 * Double(test.dimensions)
        for row in 0..<test.rows {
            #expect(abs(run.logDet[row] - run.jacobianLogDet[row]) < 1e-9 * Double(test.dimensions))
            #expect(abs(run.backLogDet[row] - run.backJacobianLogDet[row]) < tolerance)
            #expect(abs(run.logDet[row] + run.backLogDet[row]) < tolerance)
            if test.keepsVolume { #expect(run.logDet[row] == 0 && run.backLogDet[row] == 0) }
        }
        // A log-det near 0 would prove little.
        if !test.keepsVolume { #expect(run.logDet.allSatisfy { abs($0) > 0.1 }) }
    }

    @Test(arguments: BijectorCase.all) func directionsUndoEachOther(_ test: BijectorCase) throws {
        let double = try BijectorRun(test, .float64)
        for (z, back) in zip(double.z, double.back) {
            #expect(abs(z - back) <= (test.inverseTolerance?.0 ?? 1e-10) * max(1, abs(z)))
        }
        let single = try BijectorRun(test, .float32)
        // 32 roundings, as far as the inverse amplifies them: no further than its volume and 10 times that.
        let amplification = 10 * Foundation.exp((single.backLogDet.map { abs($0) }.max() ?? 0))
        for (z, back) in zip(single.z, single.back) {
            #expect(
                abs(z - back) <= (test.inverseTolerance?.1 ?? 32 * 0x1p-23) * max(1, abs(z)) * max(amplification, 1))
        }
        let tolerance = 1e-5 * Double(test.dimensions)
        #expect(areClose(single.logDet, double.logDet, tolerance))
        // The inverse has the float32 rows to go by: its log-det is off by as much as they are, amplified.
        for (there, back) in zip(single.logDet, single.backLogDet) {
            let inverseTolerance = max(tolerance, test.inverseTolerance?.1 ?? 0)
            #expect(abs(there + back) <= inverseTolerance * max(amplification, 1))
        }
    }

    @Test(
        .enabled(if: (try? Device.openCL().makeBackend()) != nil, "there is no OpenCL device"),
        arguments: BijectorCase.all)
    func devicesAgreeOnEveryBit(_ test: BijectorCase) throws {
        let cpu = try BijectorRun(test, .float32)
        let device = try BijectorRun(test, .float32, on: .openCL())
        #expect(cpu.x.map(\.bitPattern) == device.x.map(\.bitPattern))
        #expect(cpu.logDet.map(\.bitPattern) == device.logDet.map(\.bitPattern))
        #expect(cpu.back.map(\.bitPattern) == device.back.map(\.bitPattern))
        #expect(cpu.backLogDet.map(\.bitPattern) == device.backLogDet.map(\.bitPattern))
    }

    @Test func aScopeServesOneBijector() {
        #expect(
            message {
                let root = Trace().root
                for _ in 0..<2 {
                    _ = try Coupling(.half(0), AdditiveTransformer(), MLP([4]), root["layer0"])
                }
            }.contains("layer0: is used twice"))
    }
}
