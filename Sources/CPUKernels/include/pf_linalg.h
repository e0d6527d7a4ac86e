// Small dense linear algebra, many matrices side by side; the mathematics is in Kernels/include/linalg.h.
#ifndef PF_LINALG_H
#define PF_LINALG_H
#include "pf_types.h"
#include "pf_pool.h"

/// Matrices are row-major, contiguous, `batch` of them one after another; float32 or float64. out0 may be a (Cholesky,
/// LU, QR) or b (triangular solve); nothing else may overlap. A NaN reaches every result that depends on it.
typedef enum {
    // a [n, n], lower triangle read -> out0 lower L [n, n], upper part 0.
    // Not positive definite: the whole lower triangle is NaN.
    PF_CHOLESKY = 0,
    // a [n, n], b [n, m] -> out0 x [n, m]; flags: upper, transpose, unit diagonal.
    PF_TRIANGULAR_SOLVE,
    // a [n, n] -> out0 packed LU with partial pivoting (first largest); out1 int32 [n]: row i of LU is row out1[i] of
    // a; out2 [1], of the matrices' type: the sign of the permutation. Singular: a 0 on the diagonal.
    PF_LU,
    // a [m, n], m >= n -> out0 Q [m, n], out1 R [n, n], diagonal of R >= 0 (Householder).
    PF_QR,
    // a [n, n] symmetric, lower triangle read -> out0 eigenvalues [n] ascending, out1 eigenvectors in columns [n, n]
    // (cyclic Jacobi); each vector's largest-magnitude entry (first among equals) is positive.
    // An entry that is not finite: all NaN.
    PF_EIGH
} pf_linalg_kind;

typedef struct {
    pf_linalg_kind kind;
    pf_type type;
    int64_t batch, m, n;
    bool upper, transpose, unit_diagonal;
    const void *a, *b;
    void *out0, *out1, *out2;
    void *workspace;
} pf_linalg;

/// Bytes of workspace for the whole batch.
int64_t pf_linalg_workspace(const pf_linalg *args);
pf_step pf_linalg_step(const pf_linalg *args);

#endif
