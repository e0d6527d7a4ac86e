// Rows of couplings' maps; the mathematics is in Kernels/include/element_map.h.
#include "pf_element_map.h"
#include "scalar.h"
#include "compensated.h"
#include "element_map.h"
#pragma STDC FP_CONTRACT OFF
// Vectors are a hint, never a need.
#pragma clang diagnostic ignored "-Wpass-failed"

/// Rows in a chunk: some microseconds of work.
static int64_t rows_per_chunk(const pf_element_map *p) {
    const int64_t elements = p->kind == PF_MAP_SPLINE ? 512 : 2048;
    return p->length < elements ? elements / p->length : 1;
}

// With all choices as constants, so that each is code of its own.
#define RUN(name, kind, inverse, gradient)                                                                             \
    static void EM(name)(const void *args, int64_t chunk, void *scratch) {                                             \
        (void)scratch;                                                                                                 \
        const pf_element_map *p = args;                                                                                \
        const em_map map = {p->bound, p->span, p->damping, p->bins, p->least};                                         \
        const int64_t share = rows_per_chunk(p), row = chunk * share, at = row * p->length;                            \
        const int64_t rows = p->rows - row < share ? p->rows - row : share;                                            \
        const int64_t planes = (kind == EM_SPLINE ? 3 * p->bins - 1 : 2) * at;                                         \
        EM(rows)(kind, inverse, gradient, map, rows, (int)p->length, p->x + at, p->parameters + planes,                \
                 gradient ? p->value + at : NULL, gradient ? p->log_det + row : NULL, p->y + at,                       \
                 p->own + (gradient ? planes : row));                                                                  \
    }
#define RUNS                                                                                                           \
    RUN(affine_forward, EM_AFFINE, false, false)                                                                       \
    RUN(affine_inverse, EM_AFFINE, true, false)                                                                        \
    RUN(affine_forward_gradient, EM_AFFINE, false, true)                                                               \
    RUN(affine_inverse_gradient, EM_AFFINE, true, true)                                                                \
    RUN(soft_affine_forward, EM_SOFT_AFFINE, false, false)                                                             \
    RUN(soft_affine_inverse, EM_SOFT_AFFINE, true, false)                                                              \
    RUN(soft_affine_forward_gradient, EM_SOFT_AFFINE, false, true)                                                     \
    RUN(soft_affine_inverse_gradient, EM_SOFT_AFFINE, true, true)                                                      \
    RUN(spline_forward, EM_SPLINE, false, false)                                                                       \
    RUN(spline_inverse, EM_SPLINE, true, false)                                                                        \
    RUN(spline_forward_gradient, EM_SPLINE, false, true)                                                               \
    RUN(spline_inverse_gradient, EM_SPLINE, true, true)                                                                \
    static const pf_kernel EM(kernels)[3][2][2] = {                                                                    \
        {{EM(affine_forward), EM(affine_forward_gradient)}, {EM(affine_inverse), EM(affine_inverse_gradient)}},        \
        {{EM(soft_affine_forward), EM(soft_affine_forward_gradient)},                                                  \
         {EM(soft_affine_inverse), EM(soft_affine_inverse_gradient)}},                                                 \
        {{EM(spline_forward), EM(spline_forward_gradient)}, {EM(spline_inverse), EM(spline_inverse_gradient)}},        \
    };

#define EM(name) name##_base
#include "element_map.h"
RUNS
#undef EM

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define EM(name) name##_avx2
#include "element_map.h"
RUNS
#undef EM
#pragma clang attribute pop

#define AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#pragma clang attribute push(__attribute__((target(AVX512))), apply_to = function)
#define EM(name) name##_avx512
#include "element_map.h"
RUNS
#undef EM
#pragma clang attribute pop
#endif

pf_step pf_element_map_step(const pf_element_map *p) {
    const bool possible = p->rows > 0 && p->length >= 1 && p->length <= EM_BLOCK * EM_BLOCK / 2
        && (p->kind != PF_MAP_SPLINE || (p->bins >= 2 && p->bins <= EM_BINS));
    const int64_t share = possible ? rows_per_chunk(p) : 1;
    pf_kernel kernel = kernels_base[p->kind][p->inverse][p->gradient];
#if defined(__x86_64__)
    if (pf_isa_current() == PF_ISA_AVX2) kernel = kernels_avx2[p->kind][p->inverse][p->gradient];
    if (pf_isa_current() == PF_ISA_AVX512) kernel = kernels_avx512[p->kind][p->inverse][p->gradient];
#endif
    return (pf_step){.kernel = kernel, .args = p, .chunks = possible ? (p->rows + share - 1) / share : 0};
}
