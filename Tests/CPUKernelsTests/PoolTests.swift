import CPUKernels
import Testing

/// What the kernels below write to, one slot per chunk.
private struct Tally {
    var counts: UnsafeMutablePointer<Int32>
    var turn: UnsafeMutablePointer<Int32>
    var turnSums: UnsafeMutablePointer<Int64>
}

private let count: pf_kernel = { args, chunk, _ in
    guard let tally = args?.assumingMemoryBound(to: Tally.self).pointee else { return }
    tally.counts[Int(chunk)] += 1
    tally.turnSums[Int(chunk)] += Int64(tally.turn.pointee)
}

/// Writes chunk's neighbourhood of what the step before wrote: wrong unless that step was finished. Some chunks take
/// long, so that the caller, too, must wait for others.
private let addNeighbours: pf_kernel = { args, chunk, scratch in
    guard let args, let scratch else { return }
    let buffers = args.assumingMemoryBound(to: UnsafeMutablePointer<Int64>.self)
    let (from, to) = (buffers[0], buffers[1])
    let n = 64
    let i = Int(chunk)
    // Scratch must be the thread's own: write, look again.
    scratch.assumingMemoryBound(to: Int64.self)[0] = chunk
    var sum = from[i]
    for j in 0..<(i % 9 == 8 ? 10_000 : 10) { sum = (sum &* 31 &+ Int64(j)) ^ (sum >> 7) }
    scratch.assumingMemoryBound(to: Int64.self)[1] = sum
    to[i] = (from[(i + n - 1) % n] &+ from[(i + 1) % n]) % 1_000_003
    if scratch.assumingMemoryBound(to: Int64.self)[0] != chunk { to[i] = -1 }
}

@Suite struct PoolTests {
    @Test(arguments: [1, 2, 3, 5])
    func everyChunkRunsOnce(threads: Int32) throws {
        let pool = try #require(pf_pool_create(threads))
        defer { pf_pool_destroy(pool) }
        #expect(pf_pool_threads(pool) == threads)
        let counts = UnsafeMutablePointer<Int32>.allocate(capacity: 100)
        let sums = UnsafeMutablePointer<Int64>.allocate(capacity: 100)
        let turn = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
        counts.initialize(repeating: 0, count: 100)
        sums.initialize(repeating: 0, count: 100)
        turn.initialize(to: 0)
        defer {
            counts.deallocate()
            sums.deallocate()
            turn.deallocate()
        }
        var tally = Tally(counts: counts, turn: turn, turnSums: sums)
        withUnsafePointer(to: &tally) { tally in
            let step = { (chunks: Int64) in
                var step = pf_step()
                step.kernel = count
                step.args = UnsafeRawPointer(tally)
                step.chunks = chunks
                return step
            }
            let body = [step(100), step(0), step(1), step(7)]
            body.withUnsafeBufferPointer { body in
                var region = pf_step()
                region.body = body.baseAddress
                region.body_count = Int64(body.count)
                region.repeat = 50
                region.counter = turn
                pf_pool_run(pool, [step(10), region, step(3)], 3)
            }
        }
        for chunk in 0..<100 {
            let perTurn = 1 + (chunk < 1 ? 1 : 0) + (chunk < 7 ? 1 : 0)
            let before = chunk < 10 ? 1 : 0
            let after = chunk < 3 ? 1 : 0
            #expect(counts[chunk] == 50 * perTurn + before + after)
            // Turns count 0, 1, ... 49, and the last value stays.
            #expect(sums[chunk] == Int64(perTurn * 49 * 50 / 2 + after * 49))
        }
    }

    @Test(arguments: [1, 2, 4])
    func stepsSeeAllEarlierWrites(threads: Int32) throws {
        let pool = try #require(pf_pool_create(threads))
        defer { pf_pool_destroy(pool) }
        var expected = (0..<64).map { Int64($0 * $0) }
        let a = UnsafeMutablePointer<Int64>.allocate(capacity: 64)
        let b = UnsafeMutablePointer<Int64>.allocate(capacity: 64)
        defer {
            a.deallocate()
            b.deallocate()
        }
        a.initialize(from: expected, count: 64)
        b.initialize(repeating: 0, count: 64)
        let there = [a, b]
        let back = [b, a]
        there.withUnsafeBufferPointer { there in
            back.withUnsafeBufferPointer { back in
                var body = [pf_step(), pf_step()]
                for (i, buffers) in [there, back].enumerated() {
                    body[i].kernel = addNeighbours
                    body[i].args = UnsafeRawPointer(buffers.baseAddress)
                    body[i].chunks = 64
                }
                body.withUnsafeBufferPointer { body in
                    var region = pf_step()
                    region.body = body.baseAddress
                    region.body_count = 2
                    region.repeat = 500
                    // Several runs, so that workers also wake from sleep.
                    for _ in 0..<4 { pf_pool_run(pool, [region], 1) }
                }
            }
        }
        for _ in 0..<4000 {
            expected = (0..<64).map { (expected[($0 + 63) % 64] &+ expected[($0 + 1) % 64]) % 1_000_003 }
        }
        #expect((0..<64).map { a[$0] } == expected)
    }

    @Test func levels() {
        let best = pf_isa_best()
        defer { _ = pf_isa_select(best) }
        #expect(pf_isa_select(PF_ISA_BASE))
        #expect(pf_isa_current() == PF_ISA_BASE)
        #expect(!pf_isa_select(PF_ISA_COUNT))
        #expect(pf_isa_current() == PF_ISA_BASE)
        #expect(pf_isa_select(best))
        #expect(pf_isa_current() == best)
    }
}
