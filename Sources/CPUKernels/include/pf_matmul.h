// Batched matrix multiplication in a fixed order of arithmetic.
#ifndef PF_MATMUL_H
#define PF_MATMUL_H
#include "pf_types.h"
#include "pf_pool.h"

/// Terms of one fused chain; part of the arithmetic contract: c = ((chain(block 0) + chain(block 1)) + ...), where
/// chain(block) is acc = fma(a[i,k], b[k,j], acc) from acc = 0 over ascending k in the block. k = 0 gives 0.
#define PF_K_BLOCK 256

/// c[p] = a[p] b[p] for p in 0..<batch. Strides count elements and may be 0 or negative. c is row-major, contiguous.
typedef struct {
    pf_type type;                       // PF_F32 or PF_F64
    int64_t batch, m, n, k;
    const void *a; const int64_t *a_offsets; int64_t a_row, a_col;      // offsets per batch entry; NULL: all 0
    const void *b; const int64_t *b_offsets; int64_t b_row, b_col;
    void *c;
    const void *bias;                   // n elements added to every row at the end, or NULL
    bool rectify;                       // then 0 for what is not positive
    const void *mask;                   // then 0 where this is not positive, which lies like c; or NULL
} pf_matmul;

/// Bytes of workspace (64-byte aligned, shared by all threads) that the plan needs.
int64_t pf_matmul_workspace(const pf_matmul *m);

/// A plan is one or more steps, to be run in order.
typedef struct pf_plan pf_plan;
pf_plan *pf_matmul_prepare(const pf_matmul *m, void *workspace);
int32_t pf_plan_steps(const pf_plan *plan, const pf_step **steps);
void pf_plan_release(pf_plan *plan);

#endif
