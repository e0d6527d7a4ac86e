// Linear algebra: every kind, of matrices that are hard in one way or another.
#include "digests.h"
#include "pf_linalg.h"
#include <math.h>
#pragma STDC FP_CONTRACT OFF

#define BATCH 3

typedef enum { RANDOM, HEAVY, ZERO, RANK_1, GRADED, LARGE, SMALL, WITH_NAN, FORM_COUNT } matrix_form;
static const char *const form_names[FORM_COUNT] = {"random", "with a heavy diagonal", "of zeros", "of rank 1",
                                                   "graded", "large",                "small",    "with a NaN"};

static double entry(matrix_form form, double x, int64_t i, int64_t j, int64_t n, bool wide) {
    switch (form) {
    case HEAVY: return i == j ? x + (double)n : x;
    case ZERO: return 0;
    case RANK_1: return 1;
    case GRADED: return ldexp(x, -(int)(i + j));
    case LARGE: return ldexp(x, wide ? 1022 : 126);
    case SMALL: return ldexp(x, wide ? -1015 : -120);
    case WITH_NAN: return i == n / 2 && j == n / 3 ? __builtin_nan("") : x;
    case RANDOM:
    case FORM_COUNT: break;
    }
    return x;
}

static void *matrices(pf_type type, matrix_form form, int64_t m, int64_t n) {
    double *all = numbers(PF_F64, BATCH * m * n, 1);
    float *narrow = zeros(PF_F32, BATCH * m * n);
    for (int64_t at = 0; at < BATCH * m * n; at++) {
        all[at] = entry(form, all[at], at / n % m, at % n, n, type == PF_F64);
        narrow[at] = (float)all[at];
    }
    return type == PF_F64 ? (void *)all : (void *)narrow;
}

static void solve(pf_linalg_kind kind, pf_type type, matrix_form form, int64_t m, int64_t n, int flags) {
    const bool triangular = kind == PF_TRIANGULAR_SOLVE;
    const int64_t most = m > n ? m : n, count = BATCH * most * most;
    pf_linalg args = {
        .kind = kind, .type = type, .batch = BATCH, .m = m, .n = n,
        .upper = flags & 1, .transpose = flags & 2, .unit_diagonal = flags & 4,
        .a = matrices(type, form, kind == PF_QR ? m : n, n), .b = triangular ? numbers(type, BATCH * n * m, 2) : NULL,
        .out0 = zeros(type, count), .out1 = zeros(kind == PF_LU ? PF_I32 : type, count), .out2 = zeros(type, BATCH),
    };
    args.workspace = zeros(PF_U8, pf_linalg_workspace(&args));
    run(pf_linalg_step(&args));
    // What is not written is 0.
    take(type, args.out0, count);
    take(kind == PF_LU ? PF_I32 : type, args.out1, count);
    take(type, args.out2, BATCH);
}

void digest_linalg(void) {
    static const char *const names[] = {"Cholesky", "triangular solve", "LU", "QR", "eigenvalues"};
    static const int64_t sizes[] = {1, 2, 3, 5, 8, 17, 33, 64};
    for (pf_linalg_kind kind = PF_CHOLESKY; kind <= PF_EIGH; kind++) {
        for (pf_type type = PF_F32; type <= PF_F64; type++) {
            for (matrix_form form = RANDOM; form < FORM_COUNT; form++) {
                for (int s = 0; s < 8; s++) {
                    const int64_t n = sizes[s];
                    if (kind == PF_TRIANGULAR_SOLVE) {
                        for (int flags = 0; flags < 8; flags++) solve(kind, type, form, 3 * n, n, flags);
                    } else {
                        solve(kind, type, form, n, n, 0);
                        if (kind == PF_QR) solve(kind, type, form, 2 * n + 1, n, 0);
                    }
                }
                print("%s %s %s", names[kind], type_names[type], form_names[form]);
            }
        }
    }
}
