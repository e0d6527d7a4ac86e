// Plans: what a matmul or convolution decided once, as steps for the pool.
#include "plan.h"
#include <stdlib.h>

void *pf_plan_create(int64_t bytes) {
    return calloc(1, (size_t)bytes);
}

void pf_plan_add(pf_plan *plan, pf_kernel kernel, const void *args, int64_t chunks) {
    plan->steps[plan->count++] = (pf_step){.kernel = kernel, .args = args, .chunks = chunks};
}

int32_t pf_plan_steps(const pf_plan *plan, const pf_step **steps) {
    *steps = plan->steps;
    return plan->count;
}

void pf_plan_release(pf_plan *plan) {
    free(plan);
}
