import Foundation
import Kernels
import Testing

/// Distance in units of the last place of the float32 nearest to `exact`; overflow counts from the largest float.
private func ulps(_ value: Float, _ exact: Double) -> Double {
    if exact.isNaN { return value.isNaN ? 0 : .infinity }
    if value.isNaN { return .infinity }
    let nearest = Float(exact)
    if nearest.isInfinite || value.isInfinite {
        return nearest == value || abs(exact) > 0x1.fffffcp127 && abs(Double(value)) > 0x1.fffffcp127 ? 0 : .infinity
    }
    if exact == 0 { return value == 0 && value.sign == exact.sign ? 0 : .infinity }
    return abs(Double(value) - exact) / Double(max(abs(nearest), .leastNormalMagnitude).ulp)
}

private func sigmoid(_ x: Double) -> Double { x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)) }
private func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

private struct Function: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var value: @Sendable (Float) -> Float
    var exact: @Sendable (Double) -> Double
    var bound: Double
    var limit: Float = .infinity
}

private let functions = [
    Function(testDescription: "exp", value: { pf_exp($0) }, exact: { exp($0) }, bound: 0.98),
    Function(testDescription: "log", value: { pf_log($0) }, exact: { log($0) }, bound: 0.89),
    Function(testDescription: "log1p", value: { pf_log1p($0) }, exact: { log1p($0) }, bound: 1.61),
    Function(testDescription: "expm1", value: { pf_expm1($0) }, exact: { expm1($0) }, bound: 1.45),
    Function(testDescription: "tanh", value: { pf_tanh($0) }, exact: { tanh($0) }, bound: 1.34),
    Function(testDescription: "sigmoid", value: { pf_sigmoid($0) }, exact: { sigmoid($0) }, bound: 1.97),
    Function(testDescription: "softplus", value: { pf_softplus($0) }, exact: { softplus($0) }, bound: 1.89),
    Function(testDescription: "erf", value: { pf_erf($0) }, exact: { erf($0) }, bound: 1.1),
    Function(testDescription: "sin", value: { pf_sin($0) }, exact: { sin($0) }, bound: 1.5, limit: 1e5),
    Function(testDescription: "cos", value: { pf_cos($0) }, exact: { cos($0) }, bound: 1.5, limit: 1e5),
]

private let special: [Float] = [
    0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, .infinity, -.infinity, .nan, .leastNonzeroMagnitude,
    -.leastNonzeroMagnitude, .leastNormalMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, 0x1p-132, -0x1p-132, 1e10, -1e10, 8388607.5, 16777216, 16777215, 0x1.fffffep-1,
    0x1.000002p0,
    88.72284, 88.8, -87.4, -103.97, -104.1, 0.34657359, 0.625, 0.9, 9.5, -17.4, 2147483648, -2147483648, 4294967296,
    255.9,
]

@Suite struct ScalarTests {
    @Test(arguments: functions)
    private func accuracy(function: Function) {
        var worst = (ulps: 0.0, at: Float(0))
        func check(_ x: Float) {
            guard !(abs(x) > function.limit) else { return }
            let error = ulps(function.value(x), function.exact(Double(x)))
            if error > worst.ulps { worst = (error, x) }
        }
        special.forEach(check)
        for bits in stride(from: UInt32(0), to: .max - 4096, by: 4093) { check(Float(bitPattern: bits)) }
        // Where rounding errors are largest, every value of a few stretches.
        for start in [Float(0.3), 0.6, 0.9, 1, 3.4, 17, 600] {
            for i in 0..<20_000 as Range<UInt32> {
                check(Float(bitPattern: start.bitPattern + i * 7))
                check(-Float(bitPattern: start.bitPattern + i * 7))
            }
        }
        #expect(worst.ulps <= function.bound, "at \(worst.at)")
        #expect(worst.ulps > 0.5, "the sweep saw nothing")
    }

    @Test func sineOfLargeArgumentsIsBounded() {
        for x in [1e6, 6.4e6, 6.6e6, 1e9, 1e30, Float.greatestFiniteMagnitude] {
            #expect(abs(pf_sin(x)) <= 1 && abs(pf_cos(-x)) <= 1)
        }
        #expect(ulps(pf_sin(3e6), sin(3e6)) < 3.5 && ulps(pf_cos(3e6), cos(3e6)) < 3.5)
        #expect(pf_sin(.infinity).isNaN && pf_cos(-.infinity).isNaN && pf_sin(.nan).isNaN)
        #expect(pf_sin(-0.0).sign == .minus && pf_sin(0x1p-140) == 0x1p-140)
    }

    @Test func power() {
        for x in special {
            for y in special {
                let error = ulps(pf_pow(x, y), pow(Double(x), Double(y)))
                #expect(error < 1.2, "\(x) ^ \(y) = \(pf_pow(x, y))")
            }
        }
        var worst = 0.0
        var random = SplitMix(state: 5)
        for _ in 0..<400_000 {
            let x = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7fff_ffff)
            guard x.isFinite, x > 0, x != 1 else { continue }
            let y = Float((Double(random.next() >> 11) * 0x1p-52 - 1) * 88 / log(Double(x)))
            let exact = pow(Double(x), Double(y))
            if exact > 0x1p-126, exact < 0x1p127 { worst = max(worst, ulps(pf_pow(x, y), exact)) }
        }
        #expect(worst > 0.5 && worst < 1.2)
    }

    /// Against the C library's erf, which is within 1 ulp itself, and its erfc, within 3.
    @Test func errorFunctionOfFloat64() {
        var worst = (whole: 0.0, tail: 0.0), isOdd = true
        var random = SplitMix(state: 6)
        for _ in 0..<200_000 {
            let x = Double(random.next() >> 11) * 0x1p-53 * 6.1
            isOdd = isOdd && pf_erf_f64(-x) == -pf_erf_f64(x)
            worst.whole = max(worst.whole, abs(pf_erf_f64(x) - erf(x)) / erf(x).ulp)
            if x >= 0.47, x <= 6 { worst.tail = max(worst.tail, abs(pf_erf_tail_f64(x) - erfc(x)) / erfc(x).ulp) }
        }
        #expect(worst.whole > 0.5 && worst.whole < 2.2)
        #expect(worst.tail > 0.5 && worst.tail < 6.9)
        #expect(isOdd)
        #expect(pf_erf_f64(.infinity) == 1 && pf_erf_f64(-.infinity) == -1 && pf_erf_f64(.nan).isNaN)
        #expect(pf_erf_f64(-0.0).sign == .minus && pf_erf_f64(.leastNonzeroMagnitude) == .leastNonzeroMagnitude)
        // The quantile, by the distribution function of the value.
        var error = 0.0
        for bits in stride(from: UInt32(0), through: 1 << 31, by: 65_537) {
            let x = pf_normal_f64(bits), p = (Double(bits) + 0.5) * 0x1p-32
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            error = max(error, abs(0.5 * erfc(-x / 2.0.squareRoot()) - p) / density / max(abs(x), 0.1))
        }
        #expect(error < 2e-15)
    }

    @Test func normalQuantile() {
        var previous = -Float.infinity
        var worst = 0.0
        for bits in stride(from: UInt32(0), through: .max, by: 65_537) {
            let z = pf_normal(bits)
            #expect(pf_normal(~bits) == -z)
            #expect(z >= previous)
            previous = z
            // Independent of pf_normal_f64: the distribution function of the value, by the density.
            let p = (Double(bits) + 0.5) * 0x1p-32
            let x = Double(z)
            let tail = x < 0 ? 0.5 * erfc(-x / 2.0.squareRoot()) - p : (1 - p) - 0.5 * erfc(x / 2.0.squareRoot())
            worst = max(worst, abs(tail / (exp(-x * x / 2) / (2 * Double.pi).squareRoot()) / x))
            #expect(abs(pf_normal_f64(bits) - x) <= 4e-7 * abs(x))
        }
        #expect(worst < 4e-7)
        #expect(pf_normal(0) < -6.3 && pf_normal(.max) > 6.3)
        // Moments over an even sweep.
        var sums = [0.0, 0.0, 0.0]
        let count = 1 << 20
        for i in 0..<UInt32(count) {
            let z = Double(pf_normal(i << 12 | 0x800))
            sums[0] += z
            sums[1] += z * z
            sums[2] += z * z * z * z
        }
        #expect(abs(sums[0]) < 1e-3)
        #expect(abs(sums[1] / Double(count) - 1) < 1e-4)
        #expect(abs(sums[2] / Double(count) - 3) < 2e-3)
    }

    @Test func uniformStaysInside() {
        for bits in [0, 1, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_ff00, 0xffff_fffe, UInt32.max] {
            #expect(pf_uniform(bits) > 0 && pf_uniform(bits) < 1)
            #expect(abs(Double(pf_uniform(bits)) - pf_uniform_f64(bits)) <= 0x1p-24)
        }
        #expect(pf_uniform(0) == 0x1p-33)
    }

    /// Known answers of Random123 (kat_vectors, philox4x32 10).
    @Test func philoxKnownAnswers() {
        func words(_ c: [UInt32], _ k: [UInt32]) -> [UInt32] {
            let r = pf_philox(c[0], c[1], c[2], c[3], k[0], k[1])
            return [r.x, r.y, r.z, r.w]
        }
        #expect(words([0, 0, 0, 0], [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let ones = [UInt32](repeating: .max, count: 4)
        #expect(words(ones, ones) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        let pi: [UInt32] = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
        let answer: [UInt32] = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        #expect(words(pi, [0xa409_3822, 0x299f_31d0]) == answer)
        for lane in 0..<4 {
            // Element 4 * 0x048d159e + lane has the counter word 0x048d159e.
            let all = words([0x048d_159e, 7, 8, 9], [1, 2])
            #expect(pf_random(0x048d_159e << 2 | UInt32(lane), 7, 8, 9, 1, 2) == all[lane])
        }
    }

    @Test(arguments: [1, 2, 3, 5, 10, 255, 256, 257, 1000, 4097, 60_000] as [UInt32])
    func permutationIsABijection(n: UInt32) {
        for key: (UInt32, UInt32) in [(0, 0), (1, 0), (0, 1), (0xdead_beef, 0x1234_5678)] {
            var seen = [Bool](repeating: false, count: Int(n))
            for i in 0..<n {
                let image = pf_permute(i, n, key.0, key.1)
                #expect(image < n && !seen[Int(image)])
                if image < n { seen[Int(image)] = true }
            }
        }
        guard n >= 255 else { return }
        // Both keys matter, and positions do not stay in place.
        let images = { (a: UInt32, b: UInt32) in (0..<n).map { pf_permute($0, n, a, b) } }
        let base = images(1, 2)
        for other in [images(1, 3), images(2, 2), Array(0..<n)] {
            #expect(zip(base, other).filter { $0 == $1 }.count < 12)
        }
    }

    @Test func permutationsAreEvenlySpread() {
        // Image of 0 under many keys; chi-squared with n - 1 degrees of freedom, six standard deviations.
        for n in [3, 5, 7, 12, 100] as [UInt32] {
            var counts = [Double](repeating: 0, count: Int(n))
            let draws = 20_000
            for key in 0..<UInt32(draws) { counts[Int(pf_permute(0, n, key, 99))] += 1 }
            let mean = Double(draws) / Double(n)
            let chi = counts.map { ($0 - mean) * ($0 - mean) / mean }.reduce(0, +)
            let freedom = Double(n - 1)
            #expect(chi < freedom + 6 * (2 * freedom).squareRoot())
        }
        #expect(pf_permute(9, 5, 1, 2) == 9)
        #expect(pf_permute(0xffff_fffe, 0xffff_ffff, 1, 2) < 0xffff_ffff)
    }

    @Test func roundingSignsAndOrder() {
        #expect([0.5, 1.5, 2.5, -0.5, -1.5].map { pf_round($0) } == [0, 2, 2, 0, -2])
        #expect(pf_round(-0.5).sign == .minus && pf_floor(-0.0).sign == .minus && pf_ceil(-0.5).sign == .minus)
        #expect(pf_sign(-0.0).sign == .minus && pf_sign(.nan).isNaN && pf_sign(-3) == -1 && pf_sign(0x1p-149) == 1)
        #expect(pf_max(.nan, 1).isNaN && pf_max(1, .nan).isNaN && pf_min(.nan, 1).isNaN && pf_min(1, .nan).isNaN)
        #expect(pf_max(-0.0, 0).sign == .minus && pf_min(0, -0.0).sign == .plus)
        #expect(pf_max(1, 2) == 2 && pf_max(2, 1) == 2 && pf_min(1, 2) == 1 && pf_min(2, 1) == 1)
        #expect(pf_rsqrt(4) == 0.5 && pf_rsqrt(0) == .infinity && pf_rsqrt(-1).isNaN)
        #expect(pf_fmod(-7.5, 2) == -1.5 && pf_fmod(7.5, -2) == 1.5 && pf_fmod(1, 0).isNaN)
        #expect(pf_is_finite(1e38) && !pf_is_finite(.infinity) && !pf_is_finite(.nan))
    }

    @Test func castsSaturate() {
        for x in special {
            let i = x.isNaN ? 0 : Int32(clamping: Int64(max(-1e18, min(1e18, x)).rounded(.towardZero)))
            let u = x.isNaN ? 0 : UInt32(clamping: Int64(max(-1e18, min(1e18, x)).rounded(.towardZero)))
            let b = x.isNaN ? 0 : UInt8(clamping: Int64(max(-1e18, min(1e18, x)).rounded(.towardZero)))
            #expect(pf_f32_to_i32(x) == i && pf_f64_to_i32(Double(x)) == i, "\(x)")
            #expect(pf_f32_to_u32(x) == u && pf_f64_to_u32(Double(x)) == u, "\(x)")
            #expect(pf_f32_to_u8(x) == b && pf_f64_to_u8(Double(x)) == b, "\(x)")
        }
        #expect(pf_f64_to_i32(2147483647.5) == .max && pf_f64_to_u32(4294967295.5) == .max)
    }

    @Test func integerEdges() {
        #expect(pf_div_i32(.min, -1) == .min && pf_rem_i32(.min, -1) == 0)
        #expect(pf_div_i32(7, 0) == 0 && pf_rem_i32(7, 0) == 0 && pf_div_u32(7, 0) == 0 && pf_rem_u32(7, 0) == 0)
        #expect(pf_div_i32(-7, 2) == -3 && pf_rem_i32(-7, 2) == -1)
        #expect(pf_shift_right_i32(-8, 33) == -4 && pf_shift_left_u32(1, 32) == 1 && pf_shift_left_i32(-1, 31) == .min)
    }
}

/// A small generator for test data.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
