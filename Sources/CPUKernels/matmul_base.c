// Matrix multiplication and convolution for every processor. One without fused multiply-add calls the C library's.
#include "matmul_kernels.h"
#include "pf_matmul.h"

#pragma STDC FP_CONTRACT OFF

#define LEVEL base
#define VECTOR_BYTES 16
#if defined(__x86_64__)
#define REGISTERS 16
#else
#define REGISTERS 32
#endif

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
