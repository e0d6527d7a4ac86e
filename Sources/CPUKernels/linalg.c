// Small dense linear algebra: how work is cut and which kernel runs it. The mathematics is in Kernels/include/linalg.h.
#include "linalg_chunks.h"

// Fused multiply-adds in a chunk, about 10 microseconds: large beside the cost of handing out a chunk.
static const double work_per_chunk = 1 << 16;

/// Fused multiply-adds for one matrix, roughly. (In double: no overflow.)
static double matrix_work(const pf_linalg *p) {
    const double m = (double)p->m, n = (double)p->n;
    switch (p->kind) {
    case PF_CHOLESKY: return n * n * n / 6 + n * n;
    case PF_TRIANGULAR_SOLVE: return n * (n + 1) / 2 * m;
    case PF_LU: return n * n * n / 3 + n * n;
    case PF_QR: return 2 * m * n * n + m * n;
    case PF_EIGH: return 30 * n * n * n + n * n;
    }
    return 0;
}

pf_linalg_cut pf_linalg_chunks(const pf_linalg *p) {
    const double work = matrix_work(p), share = work > 1 ? work_per_chunk / work : work_per_chunk;
    if (p->kind == PF_TRIANGULAR_SOLVE && share < 1) {
        // Right-hand sides are independent; 64 of them fill vectors and amortise the reading of the matrix.
        const int64_t fitting = (int64_t)(share * (double)p->m) / 64 * 64, width = fitting > 64 ? fitting : 64;
        return (pf_linalg_cut){.matrices = 1, .blocks = (p->m + width - 1) / width, .width = width};
    }
    const int64_t matrices = share > 1 ? (int64_t)share : 1;
    return (pf_linalg_cut){.matrices = matrices, .blocks = 1, .width = p->m};
}

int64_t pf_linalg_workspace(const pf_linalg *p) {
    const int64_t size = pf_type_size(p->type) * p->batch;
    switch (p->kind) {
    case PF_QR: return size * 2 * p->n;
    case PF_EIGH: return size * (p->n * p->n + 2 * p->n);
    case PF_CHOLESKY:
    case PF_TRIANGULAR_SOLVE:
    case PF_LU: return 0;
    }
    return 0;
}

static pf_kernel kernel(pf_type type) {
    const bool wide = type == PF_F64;
#if defined(__x86_64__)
    switch (pf_isa_current()) {
    case PF_ISA_AVX512: return wide ? pf_linalg_f64_avx512 : pf_linalg_f32_avx512;
    case PF_ISA_AVX2: return wide ? pf_linalg_f64_avx2 : pf_linalg_f32_avx2;
    default: break;
    }
#endif
    return wide ? pf_linalg_f64_base : pf_linalg_f32_base;
}

pf_step pf_linalg_step(const pf_linalg *p) {
    const bool wide_enough = p->kind != PF_QR || p->m >= p->n;
    // LU of an empty matrix still has a sign to write.
    const bool empty = p->batch <= 0 || p->n < 0 || p->m < 0 || (p->n == 0 && p->kind != PF_LU) ||
                       (p->kind == PF_TRIANGULAR_SOLVE && p->m == 0) || !wide_enough;
    const pf_linalg_cut cut = pf_linalg_chunks(p);
    const int64_t groups = empty ? 0 : (p->batch + cut.matrices - 1) / cut.matrices;
    return (pf_step){.kernel = kernel(p->type), .args = p, .chunks = groups * cut.blocks};
}
