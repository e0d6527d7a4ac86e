import CPUKernels
import Testing

/// The kernels that measure what a processor can do, at each level that this one has.
@Suite(.serialized) struct RooflineTests {
    private func atEachLevel(_ body: () throws -> Void) rethrows {
        defer { _ = pf_isa_select(pf_isa_best()) }
        for level in instructionSets where pf_isa_select(level) { try body() }
    }

    /// Every number ends at the fixed point 2, so the sums say how many numbers went through all turns: as many as
    /// operations are counted.
    @Test func operationsAreThoseThatAreDone() throws {
        let pool = try #require(pf_pool_create(2))
        defer { pf_pool_destroy(pool) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3) { out in
            out.update(repeating: -1)
            atEachLevel {
                for chains in [PF_CHAINS_8, PF_CHAINS_12, PF_CHAINS_20] {
                    var work = pf_multiply_adds(
                        chains: chains, chunks: 3, turns: 100, scale: 0.5, shift: 1, out: out.baseAddress)
                    let each = withUnsafePointer(to: &work) { work in
                        var step = pf_step()
                        let operations = pf_multiply_adds_step(work, &step)
                        pf_pool_run(pool, &step, 1)
                        return operations
                    }
                    #expect(out.allSatisfy { Int32($0) == each }, "\(chains): \(Array(out)), not \(each)")
                }
            }
        }
    }

    @Test(arguments: [64, 256 << 10, (256 << 10) + 192, 3 << 20])
    func streamedCopiesAreWhole(byteCount: Int) throws {
        let pool = try #require(pf_pool_create(2))
        defer { pf_pool_destroy(pool) }
        let from = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        let to = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount + 64, alignment: 64)
        defer {
            from.deallocate()
            to.deallocate()
        }
        for index in from.indices { from[index] = UInt8(truncatingIfNeeded: index % 251) }
        atEachLevel {
            _ = to.initializeMemory(as: UInt8.self, repeating: 255)
            var work = pf_copy(from: from.baseAddress, to: to.baseAddress, bytes: Int64(byteCount))
            withUnsafePointer(to: &work) { work in
                var step = pf_streamed_copy_step(work)
                pf_pool_run(pool, &step, 1)
            }
            #expect(to.prefix(byteCount).elementsEqual(from) && to.suffix(64).allSatisfy { $0 == 255 })
        }
    }
}
