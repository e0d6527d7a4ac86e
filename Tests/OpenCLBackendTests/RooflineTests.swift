import Execution
import Testing

@testable import OpenCLBackend

@Suite(.needsOpenCL) struct RooflineTests {
    /// Cut for either kind of device, and where little memory can be had; all of it is given back.
    @Test(arguments: TilePolicy.allCases) func aRooflineIsMeasured(_ policy: TilePolicy) throws {
        let backend = try Devices().backend { options in
            options.tilePolicy = policy
            options.allocationLimit = 8 << 20
            options.memoryLimit = 12 << 20
        }
        let roofline = try backend.roofline()
        #expect(roofline.peak > 0 && roofline.peak.isFinite)
        #expect(roofline.bandwidth > 0 && roofline.bandwidth.isFinite)
        #expect(backend.account.used == 0)
    }
}
