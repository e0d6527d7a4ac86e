// The scalar mathematics of float64, on CPUs only.
//
// exp, log and their kin are the C library's, whose bits are other ones on processors without fma and may be in another
// version of it.
#ifndef PF_SCALAR_F64_H
#define PF_SCALAR_F64_H
#include "scalar.h"
#pragma STDC FP_CONTRACT OFF

PF_INLINE double pf_fma_f64(double a, double b, double c) { return __builtin_elementwise_fma(a, b, c); }
PF_INLINE double pf_sqrt_f64(double x) { return __builtin_elementwise_sqrt(x); }
PF_INLINE double pf_floor_f64(double x) { return __builtin_elementwise_floor(x); }
PF_INLINE double pf_ceil_f64(double x) { return __builtin_elementwise_ceil(x); }
PF_INLINE double pf_round_f64(double x) { return __builtin_elementwise_roundeven(x); }
PF_INLINE double pf_abs_f64(double x) { return __builtin_elementwise_abs(x); }
PF_INLINE double pf_sign_f64(double x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : x); }
PF_INLINE double pf_min_f64(double a, double b) { return (a <= b || a != a) ? a : b; }
PF_INLINE double pf_max_f64(double a, double b) { return (a >= b || a != a) ? a : b; }
PF_INLINE bool pf_is_finite_f64(double x) { return pf_abs_f64(x) <= 0x1.fffffffffffffp1023; }
PF_INLINE double pf_rsqrt_f64(double x) { return 1.0 / pf_sqrt_f64(x); }
PF_INLINE double pf_fmod_f64(double x, double y) { return fmod(x, y); }
PF_INLINE double pf_exp_f64(double x) { return exp(x); }
PF_INLINE double pf_log_f64(double x) { return log(x); }
PF_INLINE double pf_log1p_f64(double x) { return log1p(x); }
PF_INLINE double pf_expm1_f64(double x) { return expm1(x); }
PF_INLINE double pf_sin_f64(double x) { return sin(x); }
PF_INLINE double pf_cos_f64(double x) { return cos(x); }
PF_INLINE double pf_tanh_f64(double x) { return tanh(x); }
PF_INLINE double pf_pow_f64(double x, double y) { return pow(x, y); }
PF_INLINE double pf_sigmoid_f64(double x) {
    double e = exp(-pf_abs_f64(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
PF_INLINE double pf_softplus_f64(double x) { return (x < 0.0 ? 0.0 : x) + log1p(exp(-pf_abs_f64(x))); }

// 1 - erf(x) for 0.47 <= x <= 6. Within 3.9 ulp.
PF_INLINE double pf_erf_tail_f64(double x) {
    // e^(-x^2), with what the square lost in rounding, times a fit of the rest.
    double square = x * x, lost = pf_fma_f64(x, x, -square), e = exp(-square);
    double t = (x - 3.0) / (x + 3.0);
    double p = pf_fma_f64(0x1.734870bda6f4cp-27, t, 0x1.9269c2d5aa8dfp-25);
    p = pf_fma_f64(p, t, 0x1.8077481e5aa19p-26);
    p = pf_fma_f64(p, t, -0x1.fe0955598a86dp-23);
    p = pf_fma_f64(p, t, -0x1.3a9f23ad8f069p-22);
    p = pf_fma_f64(p, t, 0x1.507abbe35de0fp-20);
    p = pf_fma_f64(p, t, 0x1.1c8d7109085ecp-19);
    p = pf_fma_f64(p, t, -0x1.0bb4d23206117p-17);
    p = pf_fma_f64(p, t, -0x1.af872299f4e18p-17);
    p = pf_fma_f64(p, t, 0x1.0cac3653e92c4p-14);
    p = pf_fma_f64(p, t, 0x1.7ba105cf85032p-15);
    p = pf_fma_f64(p, t, -0x1.39084c5900140p-11);
    p = pf_fma_f64(p, t, 0x1.73101e76b5f21p-11);
    p = pf_fma_f64(p, t, 0x1.17c838ee83772p-8);
    p = pf_fma_f64(p, t, -0x1.8fa58eb5d8f43p-6);
    p = pf_fma_f64(p, t, 0x1.258b13b017aa0p-4);
    p = pf_fma_f64(p, t, -0x1.336ffbef08b4ep-3);
    p = pf_fma_f64(p, t, 0x1.f6ff204105974p-3);
    p = pf_fma_f64(p, t, -0x1.4e102b9cf8513p-2);
    p = pf_fma_f64(p, t, 0x1.6e9827d229d2dp-3);
    return p * pf_fma_f64(e, -lost, e);
}

/// Error function. Within 1.2 ulp. The C library's has other bits on other processors.
PF_INLINE double pf_erf_f64(double x) {
    double a = pf_abs_f64(x), u = x * x;
    if (a < 0.9) {
        double p = pf_fma_f64(-0x1.d2f667da9b81bp-31, u, 0x1.e2ce2646d66cbp-27);
        p = pf_fma_f64(p, u, -0x1.5d8926e69e361p-23);
        p = pf_fma_f64(p, u, 0x1.b9b82879bf4f3p-20);
        p = pf_fma_f64(p, u, -0x1.f4cf6a5de9cf3p-17);
        p = pf_fma_f64(p, u, 0x1.f9a307176ef13p-14);
        p = pf_fma_f64(p, u, -0x1.c02db31c72a35p-11);
        p = pf_fma_f64(p, u, 0x1.565bcd0a60cdcp-8);
        p = pf_fma_f64(p, u, -0x1.b82ce31273114p-6);
        p = pf_fma_f64(p, u, 0x1.ce2f21a042822p-4);
        p = pf_fma_f64(p, u, -0x1.812746b0379e3p-2);
        p = pf_fma_f64(p, u, 0x1.06eba8214db69p-3);
        return pf_fma_f64(x, p, x);
    }
    double large = a > 6.0 ? 1.0 : 1.0 - pf_erf_tail_f64(a);
    return x < 0.0 ? -large : large;
}

PF_INLINE pf_i32 pf_f64_to_i32(double x) {
    double y = x > -0x1p31 ? x : -0x1p31;
    y = y < 0x1.fffffffcp30 ? y : 0x1.fffffffcp30;
    return x == x ? (pf_i32)y : 0;
}
PF_INLINE pf_u32 pf_f64_to_u32(double x) {
    double y = x > 0.0 ? x : 0.0;
    y = y < 0x1.fffffffep31 ? y : 0x1.fffffffep31;
    return x > 0.0 ? (pf_u32)y : 0u;
}
PF_INLINE pf_u8 pf_f64_to_u8(double x) {
    double y = x > 0.0 ? x : 0.0;
    y = y < 255.0 ? y : 255.0;
    return x > 0.0 ? (pf_u8)(pf_i32)y : (pf_u8)0;
}

#endif
