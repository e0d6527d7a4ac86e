// Multiply-adds and streamed copies for x86-64 with AVX-512.
#if defined(__x86_64__)
#include "roofline_kernels.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c"))), apply_to = function)
#define LEVEL avx512
#define VECTOR_BYTES 64
#include "roofline.inc.h"
#pragma clang attribute pop
#endif
