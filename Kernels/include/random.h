// Random numbers of every device, which are functions of a counter and a key, and the permutation that a key picks:
// valid C and OpenCL C 1.2, and the same bits in both. After scalar.h and by its rules; docs/formats.md says what the
// counters hold.
#ifndef PF_RANDOM_H
#define PF_RANDOM_H
#ifndef __OPENCL_VERSION__
#include "scalar.h"
#endif

typedef struct { pf_u32 x, y, z, w; } pf_u32x4;

// One round, and the key's step before each later one, unrolled by hand because compilers vectorise that.
#define PF_PHILOX_ROUND                                                                                               \
    h0 = pf_mul_high(0xd2511f53u, c0);                                                                                \
    h1 = pf_mul_high(0xcd9e8d57u, c2);                                                                                \
    l0 = 0xd2511f53u * c0;                                                                                            \
    l1 = 0xcd9e8d57u * c2;                                                                                            \
    c0 = h1 ^ c1 ^ k0;                                                                                                \
    c1 = l1;                                                                                                          \
    c2 = h0 ^ c3 ^ k1;                                                                                                \
    c3 = l0;
#define PF_PHILOX_NEXT                                                                                                \
    k0 += 0x9e3779b9u;                                                                                                \
    k1 += 0xbb67ae85u;                                                                                                \
    PF_PHILOX_ROUND

/// Philox 4x32-10: four uniform words from a 128-bit counter and a 64-bit key. Salmon, Moraes, Dror and Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
PF_INLINE pf_u32x4 pf_philox(pf_u32 c0, pf_u32 c1, pf_u32 c2, pf_u32 c3, pf_u32 k0, pf_u32 k1) {
    pf_u32 h0, h1, l0, l1;
    PF_PHILOX_ROUND
    PF_PHILOX_NEXT PF_PHILOX_NEXT PF_PHILOX_NEXT
    PF_PHILOX_NEXT PF_PHILOX_NEXT PF_PHILOX_NEXT
    PF_PHILOX_NEXT PF_PHILOX_NEXT PF_PHILOX_NEXT
    pf_u32x4 result = {c0, c1, c2, c3};
    return result;
}

/// The random word of one element: counter (element >> 2, sample, step, stream), lane element & 3.
PF_INLINE pf_u32 pf_random(pf_u32 element, pf_u32 sample, pf_u32 step, pf_u32 stream, pf_u32 key0, pf_u32 key1) {
    pf_u32x4 four = pf_philox(element >> 2, sample, step, stream, key0, key1);
    pf_u32 low = (element & 1u) != 0u ? four.y : four.x;
    pf_u32 high = (element & 1u) != 0u ? four.w : four.z;
    return (element & 2u) != 0u ? high : low;
}

/// Uniform in (0, 1): (bits + 1/2) / 2^32 rounded to float32, at least 2^-33 and at most 1 - 2^-24.
PF_INLINE float pf_uniform(pf_u32 bits) {
    float u = pf_fma((float)bits, 0x1p-32f, 0x1p-33f);
    return u > 0x1.fffffep-1f ? 0x1.fffffep-1f : u;
}

/// Standard normal: the inverse of its distribution function at (bits + 1/2) / 2^32, so |value| <= 6.34, and ~bits
/// gives the opposite value. The form, a polynomial in w = -log(4 p (1 - p)) or in its root, is that of M. Giles,
/// "Approximating the erfinv function", GPU Computing Gems 2, 2011. Relative error 4e-7, increasing in bits.
PF_INLINE float pf_normal(pf_u32 bits) {
    bool negative = bits < PF_SIGN_BIT;
    pf_i32 k = (pf_i32)(negative ? bits : ~bits);
    // p is the smaller tail and q = 1/2 - p; both are rounded once or twice, so each is relatively accurate.
    float p = pf_fma((float)k, 0x1p-32f, 0x1p-33f);
    float q = pf_fma((float)(0x7fffffff - k), 0x1p-32f, 0x1p-33f);
    float y = (4.0f * p) * (1.0f - p);
    PF_SPLIT(y, i, e, m);
    float w = -pf_log_reduced(m - 1.0f, e);
    bool tail = w > 5.3f;
    // (Not inside the choice: a root under a condition stops compilers, Intel's OpenCL of 2026 by a crash.)
    float root = pf_sqrt(w);
    float t = tail ? root - 3.0f : w - 2.5f;
    float r = pf_fma(tail ? -0x1.003b70p-18f : 0x1.c4c20ap-26f, t, tail ? -0x1.0eaa92p-12f : 0x1.f7ab3ep-22f);
    r = pf_fma(r, t, tail ? 0x1.c3eed8p-10f : -0x1.442db2p-18f);
    r = pf_fma(r, t, tail ? -0x1.3b6316p-8f : -0x1.95cf68p-18f);
    r = pf_fma(r, t, tail ? 0x1.0ad614p-7f : 0x1.43966ep-12f);
    r = pf_fma(r, t, tail ? -0x1.64ccf0p-7f : -0x1.d0e7a4p-10f);
    r = pf_fma(r, t, tail ? 0x1.b56076p-7f : -0x1.832898p-8f);
    r = pf_fma(r, t, tail ? 0x1.6aa594p+0f : 0x1.652c98p-2f);
    r = pf_fma(r, t, tail ? 0x1.00696cp+2f : 0x1.0fc8bcp+1f);
    r = r * (q + q);
    return negative ? -r : r;
}

/// A permutation of 0..<n that the key picks: image of i (i >= n maps to itself). Eight rounds of a Feistel network on
/// the smallest power of two that holds n, walked until the value lies below n (less than two turns on average). Halves
/// may differ by a bit: even rounds change the low half, odd ones the high half. At least 8 bits: on smaller domains
/// such networks reach the permutations unevenly. For shuffling, not for secrets.
PF_INLINE pf_u32 pf_permute(pf_u32 i, pf_u32 n, pf_u32 key0, pf_u32 key1) {
    if (i >= n || n < 2u) return i;
    pf_u32 bits = 8u;
    while (bits < 32u && ((n - 1u) >> bits) != 0u) bits++;
    pf_u32 low_bits = bits >> 1;
    pf_u32 low_mask = (1u << low_bits) - 1u;
    pf_u32 high_mask = (1u << (bits - low_bits)) - 1u;
    do {
        pf_u32 low = i & low_mask;
        pf_u32 high = i >> low_bits;
        pf_u32 a = key0;
        pf_u32 b = key1;
        for (int round = 0; round < 8; round++) {
            bool even = (round & 1) == 0;
            pf_u32 h = ((even ? high : low) + a) * 0xd2511f53u;
            h = ((h ^ (h >> 15)) + b) * 0xcd9e8d57u;
            h = (h ^ (h >> 13)) * 0x9e3779b1u;
            h = h ^ (h >> 16);
            low = even ? (low ^ h) & low_mask : low;
            high = even ? high : (high ^ h) & high_mask;
            a += 0x9e3779b9u;
            b += 0xbb67ae85u;
        }
        i = (high << low_bits) | low;
    } while (i >= n);
    return i;
}

#ifndef __OPENCL_VERSION__
/// Uniform in (0, 1) from the same bits: (bits + 1/2) / 2^32, exact.
PF_INLINE double pf_uniform_f64(pf_u32 bits) { return ((double)bits + 0.5) * 0x1p-32; }

/// Standard normal from the same bits: one step of Halley's method from `pf_normal`.
PF_INLINE double pf_normal_f64(pf_u32 bits) {
    bool negative = bits < PF_SIGN_BIT;
    double p = pf_uniform_f64(negative ? bits : ~bits);
    double x = -pf_abs_f64((double)pf_normal(bits));
    // (distribution function - p) / density, from erf near the middle where p is close to 1/2.
    double y = x * 0x1.6a09e667f3bcdp-1;    // x / sqrt(2)
    double error = p > 0.25 ? 0.5 * pf_erf_f64(y) + (0.5 - p) : 0.5 * pf_erf_tail_f64(-y) - p;
    double step = error * 0x1.40d931ff62706p1 * exp(0.5 * x * x);
    x = x - step / (1.0 + 0.5 * x * step);
    return negative ? x : -x;
}
#endif

#endif
