// The kernels of pf_roofline.h, one table per instruction-set level.
#ifndef PF_ROOFLINE_KERNELS_H
#define PF_ROOFLINE_KERNELS_H
#include "pf_roofline.h"

/// Bytes that a chunk of a streamed copy moves.
#define PF_STREAM_CHUNK (256 << 10)

typedef struct {
    int32_t lanes;                              // float32 of a vector
    pf_kernel multiply_adds[PF_CHAINS_COUNT];   // of pf_multiply_adds
    pf_kernel streamed_copy;                    // of pf_copy
} pf_roofline_kernels;

extern const pf_roofline_kernels pf_roofline_base;
#if defined(__x86_64__)
extern const pf_roofline_kernels pf_roofline_avx2, pf_roofline_avx512;
#endif

#endif
