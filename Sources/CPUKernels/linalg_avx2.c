// Linear algebra for processors with AVX2 and FMA.
#include "linalg_chunks.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define REAL float
#define LA(name) name##_f32_avx2
#include "linalg.inc.h"

#define REAL double
#define LA(name) name##_f64_avx2
#include "linalg.inc.h"

#pragma clang attribute pop
#endif
