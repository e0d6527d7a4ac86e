// Rows of softmax and its relatives; the mathematics is in Kernels/include/softmax.h.
#include "pf_softmax.h"
#include "scalar.h"
#include "softmax.h"
#pragma STDC FP_CONTRACT OFF
// Vectors are a hint, never a need.
#pragma clang diagnostic ignored "-Wpass-failed"

// Tiles in a chunk: some microseconds of work.
#define TILES 4

static int64_t rows_per_tile(const pf_softmax *p) { return SM_TILE / p->length; }

// With the kind as a constant, so that each is code of its own.
#define TILE(kind)                                                                                                     \
    SM(softmax_tile)(kind, rows, p->length, p->x + at, p->g ? p->g + at : NULL, p->out + at);                          \
    break
#define KERNEL                                                                                                         \
    static void SM(softmax)(const void *args, int64_t chunk, void *scratch) {                                          \
        (void)scratch;                                                                                                 \
        const pf_softmax *p = args;                                                                                    \
        const int64_t tile = rows_per_tile(p), first = chunk * TILES * tile;                                           \
        const int64_t last = first + TILES * tile < p->rows ? first + TILES * tile : p->rows;                          \
        for (int64_t row = first; row < last; row += tile) {                                                           \
            const int64_t rows = last - row < tile ? last - row : tile, at = row * p->length;                          \
            switch (p->kind) {                                                                                         \
            case PF_SOFTMAX: TILE(SM_SOFTMAX);                                                                         \
            case PF_LOG_SOFTMAX: TILE(SM_LOG_SOFTMAX);                                                                 \
            case PF_SOFTMAX_GRADIENT: TILE(SM_SOFTMAX_GRADIENT);                                                       \
            case PF_LOG_SOFTMAX_GRADIENT: TILE(SM_LOG_SOFTMAX_GRADIENT);                                               \
            }                                                                                                          \
        }                                                                                                              \
    }

#define SM(name) name##_base
#include "softmax.h"
KERNEL
#undef SM

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SM(name) name##_avx2
#include "softmax.h"
KERNEL
#undef SM
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define SM(name) name##_avx512
#include "softmax.h"
KERNEL
#undef SM
#pragma clang attribute pop
#endif

static pf_kernel kernel(void) {
#if defined(__x86_64__)
    switch (pf_isa_current()) {
    case PF_ISA_AVX512: return softmax_avx512;
    case PF_ISA_AVX2: return softmax_avx2;
    default: break;
    }
#endif
    return softmax_base;
}

pf_step pf_softmax_step(const pf_softmax *p) {
    const bool possible = p->rows > 0 && p->length >= 32 && p->length <= SM_LONGEST;
    const int64_t share = possible ? TILES * rows_per_tile(p) : 1;
    return (pf_step){.kernel = kernel(), .args = p, .chunks = possible ? (p->rows + share - 1) / share : 0};
}
