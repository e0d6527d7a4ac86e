import Execution
import Foundation
import Pushforward

/// How fast some work was done, beside what the device could do at most.
struct Rate {
    /// Operations where the work counts any, else bytes, in thousand millions a second.
    let value: Double
    let unit: String
    /// The least time that the device's measured peak and bandwidth allow over the time that it took. Beyond 1 where
    /// operands stay in caches, which the bandwidth of memory does not bound.
    let fraction: Double

    init(_ work: Work, in seconds: Double, beside roofline: Roofline) {
        let countsOperations = work.operations > 0
        value = Double(countsOperations ? work.operations : work.bytes) / seconds / 1e9
        unit = countsOperations ? "GFLOP/s" : "GB/s"
        fraction = roofline.seconds(operations: work.operations, bytes: work.bytes) / seconds
    }

    /// `545.1 GFLOP/s`; units are equally long.
    var text: String {
        String(format: "%.1f ", value) + unit.padding(toLength: "GFLOP/s".count, withPad: " ", startingAt: 0)
    }

    var percentage: String { String(format: "%.0f %%", fraction * 100) }

    var json: JSONTree {
        ["rate": .double(value), "unit": .string(unit), "fraction_of_roofline": .double(fraction)]
    }
}
