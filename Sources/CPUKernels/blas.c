// OpenBLAS, opened at run time. Debian's 0.3.21 takes recent processors with AVX-512 for Haswell and so loses half
// their speed; it reads the name of a better kernel from the environment while it is being loaded.
#define _POSIX_C_SOURCE 200809L     // setenv, which strict ISO C hides
#include "pf_blas.h"
#include "matmul_kernels.h"
#include "plan.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };     // as in cblas.h

typedef void (*sgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                               int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*dgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha, const double *a,
                               int lda, const double *b, int ldb, double beta, double *c, int ldc);

// MARK: loading

static struct {
    sgemm_function sgemm;
    dgemm_function dgemm;
    char description[160];
} blas;

static void load(void) {
    if (pf_isa_best() == PF_ISA_AVX512) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(blas.description, sizeof blas.description, "no BLAS: libopenblas.so.0 not found, install OpenBLAS");
        return;
    }
    void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    char *(*config)(void) = (char *(*)(void))dlsym(library, "openblas_get_config");
    char *(*core)(void) = (char *(*)(void))dlsym(library, "openblas_get_corename");
    sgemm_function sgemm = (sgemm_function)dlsym(library, "cblas_sgemm");
    dgemm_function dgemm = (dgemm_function)dlsym(library, "cblas_dgemm");
    if (!set_threads || !config || !core || !sgemm || !dgemm) {
        snprintf(blas.description, sizeof blas.description, "no BLAS: libopenblas.so.0 lacks the CBLAS functions");
        dlclose(library);
        return;
    }
    set_threads(1);
    // "OpenBLAS 0.3.21 ...": its first two words.
    const char *text = config(), *space = strchr(text, ' '), *end = space ? strchr(space + 1, ' ') : NULL;
    int length = end ? (int)(end - text) : (int)strlen(text);
    snprintf(blas.description, sizeof blas.description, "%.*s (%s)", length, text, core());
    blas.sgemm = sgemm;
    blas.dgemm = dgemm;
}

bool pf_blas_available(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return blas.sgemm != NULL;
}

const char *pf_blas_description(void) {
    pf_blas_available();
    return blas.description;
}

// MARK: plans

// Work of a chunk in multiply-adds, and the least extent worth cutting off: BLAS packs its operands in every call.
#define CHUNK_WORK ((int64_t)4 << 20)
#define CHUNK_EXTENT 64

typedef struct { int transpose, leading; } layout;

typedef struct {
    pf_plan plan;
    pf_matmul m;
    layout a, b;
    bool by_columns;            // chunks are ranges of columns of c, else of rows
    int64_t extent, chunks;     // rows or columns of a chunk, chunks of a batch entry
    int64_t offsets[];
} blas_plan;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// How BLAS describes a matrix; false if it cannot.
static bool describe(int64_t rows, int64_t columns, int64_t row, int64_t column, layout *l) {
    bool row_major = (column == 1 || columns == 1) && (row >= columns || rows == 1);
    bool column_major = (row == 1 || rows == 1) && (column >= rows || columns == 1);
    int64_t leading = row_major ? (rows == 1 ? columns : row) : (columns == 1 ? rows : column);
    *l = (layout){.transpose = row_major ? NO_TRANSPOSE : TRANSPOSE, .leading = (int)leading};
    return (row_major || column_major) && leading <= INT_MAX;
}

// Chunk: a range of rows or columns of one batch entry.
static void blas_chunk(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const blas_plan *p = args;
    const pf_matmul *m = &p->m;
    int64_t entry = chunk / p->chunks, start = chunk % p->chunks * p->extent;
    int64_t i0 = p->by_columns ? 0 : start, j0 = p->by_columns ? start : 0;
    int64_t rows = p->by_columns ? m->m : least(p->extent, m->m - i0);
    int64_t columns = p->by_columns ? least(p->extent, m->n - j0) : m->n;
    int64_t a = (m->a_offsets ? m->a_offsets[entry] : 0) + i0 * m->a_row;
    int64_t b = (m->b_offsets ? m->b_offsets[entry] : 0) + j0 * m->b_col;
    int64_t c = (entry * m->m + i0) * m->n + j0;
    if (m->type == PF_F32) {
        float *to = (float *)m->c + c;
        blas.sgemm(ROW_MAJOR, p->a.transpose, p->b.transpose, (int)rows, (int)columns, (int)m->k, 1,
                   (const float *)m->a + a, p->a.leading, (const float *)m->b + b, p->b.leading, 0, to, (int)m->n);
    } else {
        double *to = (double *)m->c + c;
        blas.dgemm(ROW_MAJOR, p->a.transpose, p->b.transpose, (int)rows, (int)columns, (int)m->k, 1,
                   (const double *)m->a + a, p->a.leading, (const double *)m->b + b, p->b.leading, 0, to, (int)m->n);
    }
    if (!m->bias && !m->rectify) return;
    int64_t size = pf_type_size(m->type);
    char *result = (char *)m->c + c * size;
    const char *bias = m->bias ? (const char *)m->bias + j0 * size : NULL;
    const pf_matmul_kernels *kernels = pf_matmul_kernels_at(pf_isa_current(), m->type);
    kernels->finish(rows, columns, result, m->n, bias, m->rectify, NULL, result, m->n);
}

pf_plan *pf_blas_matmul_prepare(const pf_matmul *m) {
    layout a, b;
    bool suits = m->k > 0 && most(m->m, most(m->n, m->k)) <= INT_MAX && describe(m->m, m->k, m->a_row, m->a_col, &a)
        && describe(m->k, m->n, m->b_row, m->b_col, &b);
    if (!suits || !pf_blas_available()) return NULL;
    int64_t a_count = m->a_offsets ? m->batch : 0, b_count = m->b_offsets ? m->batch : 0;
    blas_plan *p = pf_plan_create((int64_t)sizeof *p + (a_count + b_count) * (int64_t)sizeof p->offsets[0]);
    if (!p) return NULL;
    p->m = *m;
    p->a = a;
    p->b = b;
    if (m->a_offsets) {
        p->m.a_offsets = p->offsets;
        memcpy(p->offsets, m->a_offsets, (size_t)a_count * sizeof p->offsets[0]);
    }
    if (m->b_offsets) {
        p->m.b_offsets = p->offsets + a_count;
        memcpy(p->offsets + a_count, m->b_offsets, (size_t)b_count * sizeof p->offsets[0]);
    }
    if (m->batch <= 0 || m->m <= 0 || m->n <= 0) return &p->plan;
    p->by_columns = m->n > m->m;
    int64_t along = p->by_columns ? m->n : m->m, work = m->m * m->n * m->k;
    int64_t pieces = most(1, least(least(work / CHUNK_WORK, 8), along / CHUNK_EXTENT));
    p->extent = (along + pieces - 1) / pieces;
    p->chunks = (along + p->extent - 1) / p->extent;
    pf_plan_add(&p->plan, blas_chunk, p, m->batch * p->chunks);
    return &p->plan;
}
