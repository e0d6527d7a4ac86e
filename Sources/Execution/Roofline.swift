/// What a device can do at most, as measured: no kernel works faster than its arithmetic, nor faster than its operands
/// come from memory.
public struct Roofline: Hashable, Sendable {
    /// Operations a second in float32; a fused multiply-add is two.
    public var peak: Double
    /// Bytes a second, those read and those written, of a copy that no cache holds.
    public var bandwidth: Double

    public init(peak: Double, bandwidth: Double) {
        self.peak = peak
        self.bandwidth = bandwidth
    }

    /// The least time that so much work takes where operands come from memory; those that a cache holds may come faster.
    public func seconds(operations: Int, bytes: Int) -> Double {
        max(Double(operations) / peak, Double(bytes) / bandwidth)
    }

    /// The best of two measurements of one device, either of which others on the machine may have held up.
    public func best(with other: Roofline) -> Roofline {
        Roofline(peak: max(peak, other.peak), bandwidth: max(bandwidth, other.bandwidth))
    }
}

extension Roofline {
    /// Runs work again and again for about `budget` seconds, at least three times, and gives the seconds of the quickest
    /// run: others on the machine can only lengthen one.
    public static func quickest<Failure: Error>(
        within budget: Double = 0.15, _ run: () throws(Failure) -> Void
    ) throws(Failure) -> Double {
        var (best, total, runs) = (Double.infinity, 0.0, 0)
        while runs < 3 || total < budget {
            let seconds = try secondsTaken(by: run)
            (best, total, runs) = (min(best, seconds), total + seconds, runs + 1)
        }
        // A clock that stood still would make rates infinite.
        return max(best, 1e-9)
    }
}
