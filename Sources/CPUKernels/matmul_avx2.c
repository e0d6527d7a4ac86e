// Matrix multiplication and convolution for x86-64 with AVX2 and FMA.
#if defined(__x86_64__)
#include "matmul_kernels.h"
#include "pf_matmul.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)

#define LEVEL avx2
#define VECTOR_BYTES 32
#define REGISTERS 16

#define T float
#define TYPE_NAME f32
#define TYPE_BYTES 4
#include "matmul.inc.h"
#undef T
#undef TYPE_NAME
#undef TYPE_BYTES

#define T double
#define TYPE_NAME f64
#define TYPE_BYTES 8
#include "matmul.inc.h"
#undef T
#undef TYPE_NAME
#undef TYPE_BYTES

#pragma clang attribute pop
#endif
