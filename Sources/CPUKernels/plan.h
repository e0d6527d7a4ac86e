// A plan is one block of memory: this header, then whatever the arguments of its steps point to.
#ifndef PF_PLAN_H
#define PF_PLAN_H
#include "pf_matmul.h"

#define PF_PLAN_STEPS 4

struct pf_plan {
    int32_t count;
    pf_step steps[PF_PLAN_STEPS];
};

/// A zeroed plan of `bytes` bytes in all, released with pf_plan_release; NULL when memory runs out.
void *pf_plan_create(int64_t bytes);

/// Appends a step.
void pf_plan_add(pf_plan *plan, pf_kernel kernel, const void *args, int64_t chunks);

#endif
