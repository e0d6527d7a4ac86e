// Small pieces of counted loops and of the memory plan's switches: one chunk each; and steps that run as one.
#include "pf_region.h"

#include <string.h>

static void history_kernel(const void *args, int64_t chunk, void *scratch) {
    (void)chunk;
    (void)scratch;
    const pf_history *h = args;
    memcpy((char *)h->history + (int64_t)*h->turn * h->row_bytes, h->from, (size_t)h->row_bytes);
}

pf_step pf_history_step(const pf_history *args) {
    return (pf_step){.kernel = history_kernel, .args = args, .chunks = args->row_bytes > 0};
}

static void fill_kernel(const void *args, int64_t chunk, void *scratch) {
    (void)chunk;
    (void)scratch;
    const pf_fill *f = args;
    memset(f->to, f->byte, (size_t)f->bytes);
}

pf_step pf_fill_step(const pf_fill *args) {
    return (pf_step){.kernel = fill_kernel, .args = args, .chunks = args->bytes > 0};
}

static void side_by_side_kernel(const void *args, int64_t chunk, void *scratch) {
    const pf_side_by_side *all = args;
    const pf_step *step = all->steps;
    for (; chunk >= step->chunks; step++) chunk -= step->chunks;
    step->kernel(step->args, chunk, scratch);
}

pf_step pf_side_by_side_step(const pf_side_by_side *args) {
    int64_t chunks = 0;
    for (int64_t i = 0; i < args->count; i++) chunks += args->steps[i].chunks;
    return (pf_step){.kernel = side_by_side_kernel, .args = args, .chunks = chunks};
}
