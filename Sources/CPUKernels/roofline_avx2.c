// Multiply-adds and streamed copies for x86-64 with AVX2 and FMA.
#if defined(__x86_64__)
#include "roofline_kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#define LEVEL avx2
#define VECTOR_BYTES 32
#include "roofline.inc.h"
#pragma clang attribute pop
#endif
