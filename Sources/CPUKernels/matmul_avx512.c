// Matrix multiplication and convolution for x86-64 with AVX-512.
#if defined(__x86_64__)
#include "matmul_kernels.h"
#include "pf_matmul.h"
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c"))), \
                             apply_to = function)

#define LEVEL avx512
#define VECTOR_BYTES 64
#define REGISTERS 32

#define T float
#define TYPE_NAME f32
#define TYPE_BYTES 4
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_ps((__mmask16)(bits), p)
#define MASKED_LOAD(p, n) LOAD_BITS(p, (1u << (n)) - 1)
#define MASKED_STORE(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#include "matmul.inc.h"
#undef T
#undef TYPE_NAME
#undef TYPE_BYTES
#undef LOAD_BITS
#undef MASKED_LOAD
#undef MASKED_STORE

#define T double
#define TYPE_NAME f64
#define TYPE_BYTES 8
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_pd((__mmask8)(bits), p)
#define MASKED_LOAD(p, n) LOAD_BITS(p, (1u << (n)) - 1)
#define MASKED_STORE(p, v, n) _mm512_mask_storeu_pd(p, (__mmask8)((1u << (n)) - 1), v)
#include "matmul.inc.h"
#undef T
#undef TYPE_NAME
#undef TYPE_BYTES
#undef LOAD_BITS
#undef MASKED_LOAD
#undef MASKED_STORE

#pragma clang attribute pop
#endif
