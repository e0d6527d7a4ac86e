#if canImport(Glibc)
    import Glibc
#endif

/// Philox 4x32 with ten rounds: four uniform words from a counter and a key. Salmon, Moraes, Dror and Shaw, "Parallel
/// random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
public func philox(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var c = counter
    var k = key
    for _ in 0..<10 {
        let first = c[0].multipliedFullWidth(by: 0xd251_1f53)
        let second = c[2].multipliedFullWidth(by: 0xcd9e_8d57)
        c = [second.high ^ c[1] ^ k[0], second.low, first.high ^ c[3] ^ k[1], first.low]
        k = [k[0] &+ 0x9e37_79b9, k[1] &+ 0xbb67_ae85]
    }
    return c
}

/// The uniform in (0, 1) of 32 random bits: the middle of its 2^-32 wide cell.
func uniformValue(_ bits: UInt32) -> Double { (Double(bits) + 0.5) / 4_294_967_296 }

/// The standard normal whose distribution function has the value `uniformValue(bits)`, by Newton's method.
func normalValue(_ bits: UInt32) -> Double {
    let p = uniformValue(bits)
    let tail = min(p, 1 - p)
    // On x > 0 the upper tail is convex and falling, so that Newton's method climbs to the root from x = 0.
    var x = 0.0
    for _ in 0..<100 {
        // Of the two forms of (tail at x) - tail, the one that does not cancel.
        let error =
            tail > 0.25 ? (0.5 - tail) - 0.5 * erf(x / 2.0.squareRoot()) : 0.5 * erfc(x / 2.0.squareRoot()) - tail
        let step = error / (exp(-0.5 * x * x) / (2 * Double.pi).squareRoot())
        x += step
        if abs(step) <= 1e-16 * x { break }
    }
    return p < 0.5 ? -x : x
}
