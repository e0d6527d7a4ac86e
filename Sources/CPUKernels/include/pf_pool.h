// One persistent pool of threads that replays a list of steps.
#ifndef PF_POOL_H
#define PF_POOL_H
#include "pf_types.h"

/// Bytes of thread-private scratch memory that a kernel may use without asking (64-byte aligned).
#define PF_SCRATCH_BYTES (1 << 20)

/// Does chunk number `chunk` of a step's work. Chunks write disjoint memory and may run in any order on any
/// thread, so results cannot depend on how many threads there are.
typedef void (*pf_kernel)(const void *args, int64_t chunk, void *scratch);

typedef struct pf_step {
    pf_kernel kernel;            // NULL for a repeated region
    const void *args;            // owned by whoever made the step; unchanged while it runs
    int64_t chunks;              // work items; 0 is allowed and does nothing
    // A region (kernel == NULL): `body` runs `repeat` times; before turn i, *counter = i.
    const struct pf_step *body;
    int64_t body_count;
    int64_t repeat;
    int32_t *counter;
} pf_step;

typedef struct pf_pool pf_pool;

/// A pool of `threads` workers, the caller counted among them (at least 1); NULL when memory or threads run out.
pf_pool *pf_pool_create(int32_t threads);
void pf_pool_destroy(pf_pool *pool);
int32_t pf_pool_threads(const pf_pool *pool);

/// Runs the steps in order; each step sees all writes of the steps before it. Returns when the last is done.
/// Allocates nothing. Not reentrant: one run at a time on a pool.
void pf_pool_run(pf_pool *pool, const pf_step *steps, int64_t count);

#endif
