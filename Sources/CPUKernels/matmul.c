// Matrix multiplication: strided operands over the blocked product of matmul_blocks.h.
//
// Every element of c is the same chain of fused multiply-adds whatever the tile, the chunk or the thread, so the free
// choices here (which operand lies along vector lanes, what is packed when) are choices of speed only.
#include "matmul_blocks.h"
#include <string.h>

// Up to so many multiply-adds a product is computed straight from its strides.
#define TINY_WORK 96
// Up to so many columns it takes longer to pack rows than the better tiles for packed ones save.
#define LOCATED_COLUMNS 1024

typedef struct {
    pf_plan plan;
    pf_matmul matmul;
    pf_gemm gemm;
    bool swapped;               // c is computed transposed: n along the rows of a tile, m along its lanes
    int64_t chunk_entries;      // tiny products of a chunk
    int64_t offsets[];
} matmul_plan;

const pf_matmul_kernels *pf_matmul_kernels_at(pf_isa level, pf_type type) {
    bool wide = type == PF_F64;
#if defined(__x86_64__)
    switch (level) {
    case PF_ISA_AVX512: return wide ? &pf_matmul_f64_avx512 : &pf_matmul_f32_avx512;
    case PF_ISA_AVX2: return wide ? &pf_matmul_f64_avx2 : &pf_matmul_f32_avx2;
    default: break;
    }
#endif
    return wide ? &pf_matmul_f64_base : &pf_matmul_f32_base;
}

static const void *at(const void *data, int64_t index, int64_t size) {
    return data ? (const char *)data + index * size : NULL;
}

static void store(const pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n, const void *tile,
                  int64_t step) {
    const matmul_plan *p = g->context;
    int64_t first = entry * p->matmul.m * p->matmul.n + (p->swapped ? j0 * g->rows + i0 : i0 * g->cols + j0);
    char *c = (char *)p->matmul.c + first * g->size;
    const void *mask = at(g->mask, first, g->size);
    if (p->swapped) {
        g->kernels->transpose(m, n, tile, step, at(g->bias, i0, g->size), NULL, g->rectify, mask, c, g->rows);
    } else {
        g->kernels->finish(m, n, tile, step, at(g->bias, j0, g->size), g->rectify, mask, c, g->cols);
    }
}

static int64_t work(const pf_matmul *m) {
    return m->m * m->n * m->k;
}

// Chunk: several tiny products.
static void tiny_chunk(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const matmul_plan *p = args;
    const pf_matmul *m = &p->matmul;
    int64_t size = pf_type_size(m->type), first = chunk * p->chunk_entries;
    for (int64_t e = first; e < pf_min(first + p->chunk_entries, m->batch); e++) {
        char *c = (char *)m->c + e * m->m * m->n * size;
        p->gemm.kernels->tiny(m->m, m->n, m->k, at(m->a, m->a_offsets ? m->a_offsets[e] : 0, size), m->a_row, m->a_col,
                              at(m->b, m->b_offsets ? m->b_offsets[e] : 0, size), m->b_row, m->b_col,
                              c, m->bias, m->rectify);
        const void *mask = at(m->mask, e * m->m * m->n, size);
        if (mask) p->gemm.kernels->finish(m->m, m->n, c, m->n, NULL, false, mask, c, m->n);
    }
}

static pf_operand operand(const pf_matmul_kernels *kernels, int64_t size, const void *data, const int64_t *offsets,
                          int64_t stride_i, int64_t stride_k) {
    return (pf_operand){.pack = pf_pack_strided, .kernels = kernels, .size = size, .varies = offsets != NULL,
                        .data = data, .offsets = offsets, .stride_i = stride_i, .stride_k = stride_k};
}

// Whether rows of c lie along the lanes: with few columns, where most lanes would idle, if that halves the work; and
// where less has to be packed then.
static bool swaps(const pf_matmul *m, int64_t lanes) {
    if (2 * m->n * pf_ceil_div(m->m, lanes) <= m->m * pf_ceil_div(m->n, lanes)) return true;
    // The operand along the lanes is packed unless it follows itself there; swapped, the result is transposed, too.
    int64_t packed = m->b_col == 1 ? 0 : m->n * m->k, swapped = (m->a_row == 1 ? 0 : m->m * m->k) + m->m * m->n;
    return m->m >= 2 * lanes && swapped < packed;
}

// A row-major operand is read where it lies: tiles of fewer rows, but nothing is packed.
static void locate_rows(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    int64_t start = o->offsets ? o->offsets[entry] : 0;
    for (int64_t i = 0; i < count; i++) places[i] = start + (i0 + i) * o->stride_i;
}

static void locate_terms(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    for (int64_t kk = 0; kk < k; kk++) terms[kk] = (k0 + kk) * o->stride_k;
}

static pf_gemm gemm_of(const pf_matmul *m, const pf_matmul_kernels *kernels) {
    int64_t size = pf_type_size(m->type);
    pf_operand a = operand(kernels, size, m->a, m->a_offsets, m->a_row, m->a_col);
    pf_operand b = operand(kernels, size, m->b, m->b_offsets, m->b_col, m->b_row);
    bool swapped = swaps(m, kernels->lanes);
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = m->batch,
        .rows = swapped ? m->n : m->m, .cols = swapped ? m->m : m->n, .k = m->k,
        .a = swapped ? b : a, .b = swapped ? a : b,
        .store = store, .c = swapped ? NULL : m->c, .bias = m->bias, .rectify = m->rectify, .mask = m->mask,
    };
    if (g.a.stride_i != 1 && g.a.stride_k == 1 && g.cols <= LOCATED_COLUMNS) {
        g.a.pack = NULL;
        g.a.locate = locate_rows;
        g.a.locate_terms = locate_terms;
    }
    pf_gemm_shape(&g);
    return g;
}

int64_t pf_matmul_workspace(const pf_matmul *m) {
    if (work(m) <= TINY_WORK) return 0;
    // Enough for every level: a plan of memory does not depend on the processor's.
    int64_t bytes = 0;
    for (pf_isa level = PF_ISA_BASE; level <= pf_isa_best(); level++) {
        pf_gemm g = gemm_of(m, pf_matmul_kernels_at(level, m->type));
        bytes = pf_max(bytes, pf_gemm_workspace(&g));
    }
    return bytes;
}

pf_plan *pf_matmul_prepare(const pf_matmul *m, void *workspace) {
    int64_t a_count = m->a_offsets ? m->batch : 0, b_count = m->b_offsets ? m->batch : 0;
    matmul_plan *p = pf_plan_create((int64_t)sizeof *p + (a_count + b_count) * (int64_t)sizeof p->offsets[0]);
    if (!p) return NULL;
    p->matmul = *m;
    if (m->a_offsets) {
        p->matmul.a_offsets = p->offsets;
        memcpy(p->offsets, m->a_offsets, (size_t)a_count * sizeof p->offsets[0]);
    }
    if (m->b_offsets) {
        p->matmul.b_offsets = p->offsets + a_count;
        memcpy(p->offsets + a_count, m->b_offsets, (size_t)b_count * sizeof p->offsets[0]);
    }
    const pf_matmul_kernels *kernels = pf_matmul_kernels_at(pf_isa_current(), m->type);
    p->swapped = swaps(m, kernels->lanes);
    p->gemm = gemm_of(&p->matmul, kernels);
    p->gemm.context = p;
    if (work(m) <= TINY_WORK) {
        p->chunk_entries = 4096 / pf_max(1, work(m) + 8) + 1;
        bool empty = m->batch <= 0 || m->m <= 0 || m->n <= 0;
        if (!empty) pf_plan_add(&p->plan, tiny_chunk, p, pf_ceil_div(m->batch, p->chunk_entries));
    } else {
        pf_gemm_add_steps(&p->gemm, &p->plan, workspace);
    }
    return &p->plan;
}
