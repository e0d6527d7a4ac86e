// The chunk kernel of pf_linalg for one element type and one instruction-set level; see linalg_base.c.
#include "linalg.h"

/// The output matrices (of a triangular system: the columns from..<to) of batch entry `index`.
static void LA(pf_linalg_matrix)(const pf_linalg *p, int64_t index, int64_t from, int64_t to) {
    const int64_t m = p->m, n = p->n, square = n * n;
    const REAL *a = (const REAL *)p->a + index * (p->kind == PF_QR ? m * n : square);
    REAL *out0 = p->out0, *out1 = p->out1, *workspace = p->workspace;
    switch (p->kind) {
    case PF_CHOLESKY:
        LA(la_cholesky)(n, a, out0 + index * square);
        break;
    case PF_TRIANGULAR_SOLVE:
        LA(la_triangular_solve)(n, m, from, to, p->upper, p->transpose, p->unit_diagonal, a,
                                (const REAL *)p->b + index * n * m, out0 + index * n * m);
        break;
    case PF_LU:
        LA(la_lu)(n, a, out0 + index * square, (int32_t *)p->out1 + index * n, (REAL *)p->out2 + index);
        break;
    case PF_QR:
        LA(la_qr)(m, n, a, out0 + index * m * n, out1 + index * square, workspace + index * 2 * n);
        break;
    case PF_EIGH:
        LA(la_eigh)(n, a, out0 + index * n, out1 + index * square, workspace + index * (square + 2 * n));
        break;
    }
}

void LA(pf_linalg)(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_linalg *p = args;
    const pf_linalg_cut cut = pf_linalg_chunks(p);
    const int64_t block = chunk % cut.blocks, first = chunk / cut.blocks * cut.matrices;
    const int64_t last = first + cut.matrices < p->batch ? first + cut.matrices : p->batch;
    const int64_t from = block * cut.width, to = from + cut.width < p->m ? from + cut.width : p->m;
    for (int64_t index = first; index < last; index++) LA(pf_linalg_matrix)(p, index, from, to);
}

#undef REAL
#undef LA
