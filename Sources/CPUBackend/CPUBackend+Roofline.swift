import CPUKernels
import Execution
import Foundation

extension CPUBackend {
    /// Multiply-adds and copies by all threads: the best of some loops, for about a second.
    public func roofline() throws(DeviceError) -> Roofline {
        Roofline(peak: measuredPeak(), bandwidth: try measuredBandwidth())
    }

    private func measuredPeak() -> Double {
        // More chunks than threads: one that the system puts aside holds up less.
        let chunks = threads * 4
        let out = UnsafeMutablePointer<Float>.allocate(capacity: chunks)
        defer { out.deallocate() }
        let rates = [PF_CHAINS_8, PF_CHAINS_12, PF_CHAINS_20].map { chains -> Double in
            // Values that stay between 0 and 20.
            var work = pf_multiply_adds(
                chains: chains, chunks: Int64(chunks), turns: 1000, scale: 0.5, shift: 1, out: out)
            @discardableResult func run() -> Double {
                withUnsafePointer(to: &work) { work in
                    var step = pf_step()
                    let operations = pf_multiply_adds_step(work, &step)
                    pf_pool_run(pool, &step, 1)
                    return Double(operations) * Double(work.pointee.turns) * Double(chunks)
                }
            }
            // From a thousand turns to about 2 ms: short enough to find all processors free now and then.
            let trial = Roofline.quickest(within: 0) { run() }
            work.turns = max(1000, Int64(1000 * 0.002 / trial))
            let operations = run()
            return operations / Roofline.quickest { run() }
        }
        return rates.max() ?? .nan
    }

    private func measuredBandwidth() throws(DeviceError) -> Double {
        let count = CPUBackend.copiedByteCount
        let (from, to) = (try CPUBuffer(count), try CPUBuffer(count))
        var work = pf_copy(from: from.pointer, to: to.pointer, bytes: Int64(count))
        let seconds = withExtendedLifetime((from, to)) {
            [pf_copy_step, pf_streamed_copy_step].map { makeStep in
                Roofline.quickest(within: 0.25) {
                    withUnsafePointer(to: &work) { work in
                        var step = makeStep(work)
                        pf_pool_run(pool, &step, 1)
                    }
                }
            }
        }
        return 2 * Double(count) / (seconds.min() ?? .nan)
    }

    /// Four times what the caches hold, but both arrays no more than an eighth of the memory.
    private static var copiedByteCount: Int {
        let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        return min(4 * (lastLevelCacheByteCount ?? 64 << 20), memory / 16) / 64 * 64
    }
}
