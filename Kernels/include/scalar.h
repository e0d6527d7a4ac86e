// The scalar mathematics of every device: valid C and OpenCL C 1.2, and the same bits in both.
//
// Rules that make it so: contraction is off and every fma is written; only +, -, *, /, sqrt, fma, rounding to integers
// and bit operations are used, all of which IEEE 754 rounds correctly; no library function, no table. Denormals stay.
// The code is branch-light so that compilers vectorise it: where a function has two ranges, the *coefficients* are
// selected with ?: and one polynomial is evaluated. Coefficients are our own weighted minimax fits, rounded to float32
// one after another. Errors are the largest measured against the float64 libm: for functions of one
// float over every third of all floats (erf, sin and cos: every 17th), for others as they say. Functions named `_f64`
// (CPU only) are in scalar_f64.h.
#ifndef PF_SCALAR_H
#define PF_SCALAR_H

#ifdef __OPENCL_VERSION__
#pragma OPENCL FP_CONTRACT OFF
typedef uint pf_u32;
typedef int pf_i32;
typedef uchar pf_u8;
#define PF_INLINE static inline
#define pf_fma(a, b, c) fma(a, b, c)
#define pf_sqrt(x) sqrt(x)
#define pf_floor(x) floor(x)
#define pf_ceil(x) ceil(x)
#define pf_round(x) rint(x)
#define pf_fmod(a, b) fmod(a, b)
#define pf_bits(x) as_uint(x)
#define pf_from_bits(u) as_float(u)
// By a wide product, which compilers for CPUs make vectors of, unlike mul_hi.
#define pf_mul_high(a, b) ((uint)(((ulong)(a) * (b)) >> 32))
#else
#pragma STDC FP_CONTRACT OFF
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
typedef uint32_t pf_u32;
typedef int32_t pf_i32;
typedef uint8_t pf_u8;
#define PF_INLINE static inline __attribute__((always_inline, unused))
// The elementwise builtins vectorise where fmaf and sqrtf stay calls.
PF_INLINE float pf_fma(float a, float b, float c) { return __builtin_elementwise_fma(a, b, c); }
PF_INLINE float pf_sqrt(float x) { return __builtin_elementwise_sqrt(x); }
PF_INLINE float pf_floor(float x) { return __builtin_elementwise_floor(x); }
PF_INLINE float pf_ceil(float x) { return __builtin_elementwise_ceil(x); }
/// To the nearest integer, halves to even.
PF_INLINE float pf_round(float x) { return __builtin_elementwise_roundeven(x); }
/// x - y trunc(x / y), exact; the sign of x.
PF_INLINE float pf_fmod(float x, float y) { return fmodf(x, y); }
PF_INLINE pf_u32 pf_bits(float x) { return (union { float f; pf_u32 u; }){.f = x}.u; }
PF_INLINE float pf_from_bits(pf_u32 u) { return (union { pf_u32 u; float f; }){.u = u}.f; }
PF_INLINE pf_u32 pf_mul_high(pf_u32 a, pf_u32 b) { return (pf_u32)(((uint64_t)a * b) >> 32); }
#endif

#define PF_INFINITY pf_from_bits(0x7f800000u)
#define PF_NAN pf_from_bits(0x7fc00000u)
#define PF_SIGN_BIT 0x80000000u

// ------------------------------------------------------------------------------------------ signs, order, comparisons

PF_INLINE float pf_abs(float x) { return pf_from_bits(pf_bits(x) & ~PF_SIGN_BIT); }
/// |magnitude| of x with the sign of s.
PF_INLINE float pf_copysign(float x, float s) {
    return pf_from_bits((pf_bits(x) & ~PF_SIGN_BIT) | (pf_bits(s) & PF_SIGN_BIT));
}
/// -1, 0 or +1; NaN stays NaN and zero keeps its sign.
PF_INLINE float pf_sign(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : x); }
/// NaN if either is NaN; of equal values the first.
PF_INLINE float pf_min(float a, float b) { return (a <= b || a != a) ? a : b; }
PF_INLINE float pf_max(float a, float b) { return (a >= b || a != a) ? a : b; }
PF_INLINE bool pf_is_finite(float x) { return (pf_bits(x) & 0x7f800000u) != 0x7f800000u; }
/// 1 / sqrt(x), each step rounded.
PF_INLINE float pf_rsqrt(float x) { return 1.0f / pf_sqrt(x); }

// ----------------------------------------------------------------------------------------------------- exponentials

// ln 2 as a float and the float nearest to the rest.
#define PF_LN2_HIGH 0x1.62e430p-1f
#define PF_LN2_LOW -0x1.05c610p-29f
// Adding this rounds to an integer (for |x| < 2^22), which then stands in the low bits. Unlike a conversion it is
// defined for NaN.
#define PF_ROUNDER 0x1.8p23f
#define PF_ROUNDER_BITS 0x4b400000u

/// 2^n for -126 <= n <= 127; other n give some value.
PF_INLINE float pf_power_of_two(pf_i32 n) { return pf_from_bits(((pf_u32)n + 127u) << 23); }

// The q of e^r = 1 + r + r^2 q(r), |r| <= 0.348; relative error 2^-33.
#define PF_EXP_0 0.5f
#define PF_EXP_1 0x1.555556p-3f
#define PF_EXP_2 0x1.5554e6p-5f
#define PF_EXP_3 0x1.110ffep-7f
#define PF_EXP_4 0x1.6d4fa8p-10f
#define PF_EXP_5 0x1.a25048p-13f

PF_INLINE float pf_exp_polynomial(float r) {
    float q = pf_fma(PF_EXP_5, r, PF_EXP_4);
    q = pf_fma(q, r, PF_EXP_3);
    q = pf_fma(q, r, PF_EXP_2);
    q = pf_fma(q, r, PF_EXP_1);
    q = pf_fma(q, r, PF_EXP_0);
    return q;
}

// x = n ln 2 + r: returns r and writes n, also as an integer.
#define PF_REDUCE_EXP(x, n, i, r)                                                                                     \
    float n = pf_fma(x, 0x1.715476p0f, PF_ROUNDER);                                                                   \
    pf_i32 i = (pf_i32)(pf_bits(n) - PF_ROUNDER_BITS);                                                                \
    n = n - PF_ROUNDER;                                                                                               \
    float r = pf_fma(n, -PF_LN2_HIGH, x);                                                                             \
    r = pf_fma(n, -PF_LN2_LOW, r)

// e^x where it is a normal number: -87 <= x <= 88.
PF_INLINE float pf_exp_normal(float x) {
    PF_REDUCE_EXP(x, n, i, r);
    float p = pf_fma(r * r, pf_exp_polynomial(r), r) + 1.0f;
    return p * pf_power_of_two(i);
}

/// e^x. Within 0.98 ulp.
PF_INLINE float pf_exp(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    PF_REDUCE_EXP(x, n, i, r);
    float p = pf_fma(r * r, pf_exp_polynomial(r), r) + 1.0f;
    // Two factors: 2^i itself may overflow, or lie below the normal numbers.
    pf_i32 half_i = i >> 1;
    return p * pf_power_of_two(half_i) * pf_power_of_two(i - half_i);
}

/// e^x - 1, accurate near 0. Within 1.45 ulp.
PF_INLINE float pf_expm1(float x) {
    float y = x > 89.0f ? 89.0f : x;
    y = y < -18.0f ? -18.0f : y;
    PF_REDUCE_EXP(y, n, i, r);
    float m = pf_fma(r * r, pf_exp_polynomial(r), r);
    // 2^i (m + 1) - 1, with half of 2^128.
    bool top = i > 127;
    float scale = pf_power_of_two(top ? 127 : i);
    float result = pf_fma(scale, m, scale - (top ? 0.5f : 1.0f)) * (top ? 2.0f : 1.0f);
    return x == 0.0f ? x : result;
}

// ------------------------------------------------------------------------------------------------------- logarithms

// log(2^e (1 + f)) for |f| <= 1/3 and an integer e: log(1 + f) = f - f^2 / 2 + f^3 p(f), relative error 2^-27.6.
PF_INLINE float pf_log_reduced(float f, float e) {
    float p = pf_fma(-0x1.0e2bc2p-3f, f, 0x1.1defc4p-3f);
    p = pf_fma(p, f, -0x1.f03b82p-4f);
    p = pf_fma(p, f, 0x1.1ef264p-3f);
    p = pf_fma(p, f, -0x1.55b7eep-3f);
    p = pf_fma(p, f, 0x1.99ce34p-3f);
    p = pf_fma(p, f, -0x1.fffe5ep-3f);
    p = pf_fma(p, f, 0x1.55550cp-2f);
    float t = pf_fma(f * f, pf_fma(p, f, -0.5f), e * PF_LN2_LOW);
    return pf_fma(e, PF_LN2_HIGH, f + t);
}

// x = 2^e m with 2/3 <= m < 4/3, for a positive normal x. Writes e as an integer and as a float.
#define PF_SPLIT(x, i, e, m)                                                                                          \
    pf_i32 i = (pf_i32)(pf_bits(x) - 0x3f2aaaabu) >> 23;                                                              \
    float m = pf_from_bits(pf_bits(x) - ((pf_u32)i << 23));                                                           \
    float e = (float)i

/// Natural logarithm; of 0 it is -inf, of a negative number NaN. Within 0.89 ulp.
PF_INLINE float pf_log(float x) {
    bool denormal = x < 0x1p-126f;
    float y = x * (denormal ? 0x1p23f : 1.0f);
    PF_SPLIT(y, i, e, m);
    float result = pf_log_reduced(m - 1.0f, e - (denormal ? 23.0f : 0.0f));
    result = x == 0.0f ? -PF_INFINITY : (x < 0.0f ? PF_NAN : result);
    return x < PF_INFINITY ? result : x;    // inf and NaN
}

/// log(1 + x), accurate near 0. Within 1.60 ulp.
PF_INLINE float pf_log1p(float x) {
    // u + c = 1 + x exactly; where c no longer matters it is 0, which also serves infinity.
    float u = 1.0f + x;
    float b = u - 1.0f;
    float c = x < 0x1p30f ? (1.0f - (u - b)) + (x - b) : 0.0f;
    PF_SPLIT(u, i, e, m);
    float result = pf_log_reduced(pf_fma(c, pf_power_of_two(i < 64 ? -i : -64), m - 1.0f), e);
    result = u == 0.0f ? -PF_INFINITY : (x < -1.0f ? PF_NAN : result);
    result = x == 0.0f ? x : result;        // keeps -0
    return x < PF_INFINITY ? result : x;
}

// --------------------------------------------------------------------------------------- sigmoid, softplus, tanh, erf

/// 1 / (1 + e^-x). Within 1.96 ulp.
PF_INLINE float pf_sigmoid(float x) {
    float e = pf_exp(-pf_abs(x));
    float d = 1.0f + e;
    float s = (x < 0.0f ? e : 1.0f) / d;
    // Undo the rounding of d; 1 / d is s or 1 - s.
    return pf_fma(-s * (e - (d - 1.0f)), x < 0.0f ? 1.0f - s : s, s);
}

/// log(1 + e^x). Within 1.88 ulp.
PF_INLINE float pf_softplus(float x) {
    float e = pf_exp(-pf_abs(x));
    // log1p(e) for 0 <= e <= 1; without log1p's special cases.
    float u = 1.0f + e;
    PF_SPLIT(u, i, k, m);
    float f = pf_fma(e - (u - 1.0f), i == 0 ? 1.0f : 0.5f, m - 1.0f);
    return (x < 0.0f ? 0.0f : x) + pf_log_reduced(f, k);
}

/// Hyperbolic tangent. Within 1.34 ulp.
PF_INLINE float pf_tanh(float x) {
    // |x| < 0.625: x + x^3 p(x^2). Else 1 - 2 / (1 + e^2|x|).
    float a = pf_abs(x);
    bool small = a < 0.625f;
    float z = a * a;
    float y = a > 9.5f ? 19.0f : a + a;
    PF_REDUCE_EXP(y, n, i, r);
    float u = small ? z : r;
    float p = pf_fma(small ? 0x1.1ace3ep-9f : PF_EXP_5, u, small ? -0x1.0c895ep-7f : PF_EXP_4);
    p = pf_fma(p, u, small ? 0x1.63ad18p-6f : PF_EXP_3);
    p = pf_fma(p, u, small ? -0x1.b9f220p-5f : PF_EXP_2);
    p = pf_fma(p, u, small ? 0x1.11107cp-3f : PF_EXP_1);
    p = pf_fma(p, u, small ? -0x1.555554p-2f : PF_EXP_0);
    float e = (pf_fma(r * r, p, r) + 1.0f) * pf_power_of_two(i);
    float large = 1.0f - 2.0f / (1.0f + e);
    return pf_copysign(small ? pf_fma(a * z, p, a) : large, x);
}

/// Error function. Within 1.09 ulp.
PF_INLINE float pf_erf(float x) {
    // |x| < 0.9: x + x p(x^2). Else 1 - e^(|x| p(|x|)), a fit of log erfc.
    float a = pf_abs(x);
    bool small = a < 0.9f;
    float b = a > 4.0f ? 4.0f : a;
    float u = small ? a * a : b;
    float p = pf_fma(small ? 0x1.4bb582p-14f : -0x1.6940acp-17f, u, small ? -0x1.a52348p-11f : 0x1.4d8afcp-12f);
    p = pf_fma(p, u, small ? 0x1.543660p-8f : -0x1.dae166p-9f);
    p = pf_fma(p, u, small ? -0x1.b7ffbcp-6f : 0x1.84a2d8p-6f);
    p = pf_fma(p, u, small ? 0x1.ce2d5cp-4f : -0x1.b2f21ep-4f);
    p = pf_fma(p, u, small ? -0x1.812740p-2f : -0x1.45367cp-1f);
    p = pf_fma(p, u, small ? 0x1.06eba8p-3f : -0x1.20ee9ep+0f);
    float large = 1.0f - pf_exp_normal(b * p);
    return pf_copysign(small ? pf_fma(a, p, a) : large, x);
}

// ------------------------------------------------------------------------------------------------------ sine, cosine

// sin(|x| + quarter pi / 2) for x finite and quarter 0 or 1. Three terms of pi / 2 give the remainder accurately up to
// 2^22 quarter turns; beyond, where neighbouring floats are up to a turn apart, the argument is taken as 0.
PF_INLINE float pf_sine_shifted(float x, pf_u32 quarter) {
    float a = pf_abs(x);
    float b = a > 6.5e6f ? 0.0f : a;
    float n = pf_fma(b, 0x1.45f306p-1f, PF_ROUNDER);
    pf_u32 turn = pf_bits(n) - PF_ROUNDER_BITS + quarter;
    n = n - PF_ROUNDER;
    float r = pf_fma(n, -0x1.921fb6p+0f, b);
    r = pf_fma(n, 0x1.777a5cp-25f, r);
    r = pf_fma(n, 0x1.ee59dap-50f, r);
    float z = r * r;
    bool odd = (turn & 1u) != 0u;
    // Odd: cos r = 1 + z p(z). Even: sin r = r + r z p(z).
    float p = pf_fma(odd ? 0x1.99d83cp-16f : 0x1.7b20a8p-19f, z, odd ? -0x1.6c0c08p-10f : -0x1.a05636p-13f);
    p = pf_fma(p, z, odd ? 0x1.55554ap-5f : 0x1.111172p-7f);
    p = pf_fma(p, z, odd ? -0.5f : -0x1.555556p-3f);
    float lead = odd ? 1.0f : r;
    float result = pf_fma(lead * z, p, lead);
    result = pf_from_bits(pf_bits(result) ^ ((turn & 2u) << 30));
    return a < PF_INFINITY ? result : PF_NAN;
}

/// Sine of radians. Within 1.49 ulp for |x| <= 1e5, 3.3 ulp for |x| <= 6.5e6; beyond, the sine of 0.
PF_INLINE float pf_sin(float x) {
    return pf_from_bits(pf_bits(pf_sine_shifted(x, 0u)) ^ (pf_bits(x) & PF_SIGN_BIT));
}

/// Cosine of radians; accurate as `pf_sin`, beyond its range 1.
PF_INLINE float pf_cos(float x) { return pf_sine_shifted(x, 1u); }

// ------------------------------------------------------------------------------------------------------------ power

/// x^y with the special cases of C: x^0 = 1^y = 1, a negative x has powers for integers y only. Within 1.16 ulp
/// (60 million random pairs).
PF_INLINE float pf_pow(float x, float y) {
    float a = pf_abs(x);
    bool denormal = a < 0x1p-126f;
    float s = a * (denormal ? 0x1p23f : 1.0f);
    PF_SPLIT(s, i, e, m);
    e = e - (denormal ? 23.0f : 0.0f);
    // log m = 2 atanh(q) = 2 q + q^3 (c + z p(z)), q = (m - 1) / (m + 1) and z = q^2. All of it in pairs of floats, as
    // the exponent multiplies every error by up to 88.
    float f = m - 1.0f;
    float g = m + 1.0f;
    float q = f / g;
    float q_low = pf_fma(-q, m - (g - 1.0f), pf_fma(-q, g, f)) / g;
    float z = q * q;
    float z_low = pf_fma(q, q, -z) + 2.0f * q * q_low;
    float p = pf_fma(0x1.ee9e3ap-3f, z, 0x1.23e048p-2f);
    float tail = z * pf_fma(p, z, 0x1.999c0cp-2f);
    float c = 0x1.555554p-1f + tail;
    float c_low = tail - (c - 0x1.555554p-1f);
    float cube = q * z;
    float cube_low = pf_fma(q, z, -cube) + pf_fma(q, z_low, q_low * z);
    float rest = cube * c;
    float rest_low = pf_fma(cube, c, -rest) + pf_fma(cube, c_low, cube_low * c);
    // log a = e ln 2 + 2 q + rest = l + l_low; 0x1.62e4p-1 has few bits, so that e times it is exact.
    float k = e * 0x1.62e4p-1f;
    float d = q + q;
    float t = k + d;
    float v = t - k;
    float t_low = (k - (t - v)) + (d - v);
    float l = t + rest;
    float l_low = (rest - (l - t)) + (t_low + pf_fma(e, 0x1.7f7d1cp-20f, rest_low + (q_low + q_low)));
    t = l + l_low;
    l_low = l_low - (t - l);
    l = t;
    // y log a = w + w_low, then e^w.
    float w = y * l;
    float w_low = pf_fma(y, l_low, pf_fma(y, l, -w));
    bool far = !(pf_abs(w) < 150.0f);
    w_low = far ? 0.0f : w_low;
    w = w > 150.0f ? 150.0f : w;
    w = w < -150.0f ? -150.0f : w;
    PF_REDUCE_EXP(w, n, j, r);
    r = r + w_low;
    float result = pf_fma(r * r, pf_exp_polynomial(r), r) + 1.0f;
    pf_i32 half_j = j >> 1;
    result = result * pf_power_of_two(half_j) * pf_power_of_two(j - half_j);
    // 0 and infinity as base.
    float outer = ((a == 0.0f) == (y > 0.0f)) ? 0.0f : PF_INFINITY;
    result = (a == 0.0f || a == PF_INFINITY) ? outer : result;
    // Negative bases, -0 among them.
    bool integer = pf_floor(y) == y;
    bool odd = integer && pf_floor(0.5f * y) != 0.5f * y;
    result = (x < 0.0f && !integer && a < PF_INFINITY) ? PF_NAN : result;
    result = ((pf_bits(x) & PF_SIGN_BIT) != 0u && odd) ? -result : result;
    result = (x != x || y != y) ? PF_NAN : result;
    result = (x == -1.0f && pf_abs(y) == PF_INFINITY) ? 1.0f : result;
    return (y == 0.0f || x == 1.0f) ? 1.0f : result;
}

// --------------------------------------------------------------------------------------------------- casts, integers

/// Toward zero, saturating, NaN gives 0. (Integers to integers keep the low bits.) What NaN gives is chosen among
/// integers: compilers make a maximum of a choice among floats, and of a signalling NaN processors make different ones.
PF_INLINE pf_i32 pf_f32_to_i32(float x) {
    float y = x > -0x1p31f ? x : -0x1p31f;
    y = y < 0x1.fffffep30f ? y : 0x1.fffffep30f;
    pf_i32 i = x >= 0x1p31f ? 0x7fffffff : (pf_i32)y;
    return x == x ? i : 0;
}
PF_INLINE pf_u32 pf_f32_to_u32(float x) {
    float y = x > 0.0f ? x : 0.0f;
    y = y < 0x1.fffffep31f ? y : 0x1.fffffep31f;
    return x >= 0x1p32f ? 0xffffffffu : (x > 0.0f ? (pf_u32)y : 0u);
}
PF_INLINE pf_u8 pf_f32_to_u8(float x) {
    float y = x > 0.0f ? x : 0.0f;
    y = y < 255.0f ? y : 255.0f;
    return x > 0.0f ? (pf_u8)(pf_i32)y : (pf_u8)0;
}

/// Truncating; x / 0 = 0, and the one quotient that does not fit wraps.
PF_INLINE pf_i32 pf_div_i32(pf_i32 a, pf_i32 b) {
    bool special = b == 0 || b == -1;
    pf_i32 quotient = a / (special ? 1 : b);
    return b == 0 ? 0 : (b == -1 ? (pf_i32)(0u - (pf_u32)a) : quotient);
}
PF_INLINE pf_u32 pf_div_u32(pf_u32 a, pf_u32 b) { return b == 0u ? 0u : a / (b == 0u ? 1u : b); }
/// The sign of the dividend; x % 0 = 0.
PF_INLINE pf_i32 pf_rem_i32(pf_i32 a, pf_i32 b) { return (b == 0 || b == -1) ? 0 : a % ((b == 0 || b == -1) ? 1 : b); }
PF_INLINE pf_u32 pf_rem_u32(pf_u32 a, pf_u32 b) { return b == 0u ? 0u : a % (b == 0u ? 1u : b); }
/// Shifts by the count modulo 32; to the right the sign is kept for pf_i32.
PF_INLINE pf_i32 pf_shift_left_i32(pf_i32 a, pf_i32 count) { return (pf_i32)((pf_u32)a << ((pf_u32)count & 31u)); }
PF_INLINE pf_i32 pf_shift_right_i32(pf_i32 a, pf_i32 count) { return a >> ((pf_u32)count & 31u); }
PF_INLINE pf_u32 pf_shift_left_u32(pf_u32 a, pf_u32 count) { return a << (count & 31u); }
PF_INLINE pf_u32 pf_shift_right_u32(pf_u32 a, pf_u32 count) { return a >> (count & 31u); }

#ifndef __OPENCL_VERSION__
#include "scalar_f64.h"
#endif

#endif
