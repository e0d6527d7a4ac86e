// Small pieces of counted loops and of the memory plan's switches, and steps that run as one.
#ifndef PF_REGION_H
#define PF_REGION_H
#include "pf_types.h"
#include "pf_pool.h"

/// Copies `row_bytes` bytes to row *turn of a history.
typedef struct { const void *from; void *history; const int32_t *turn; int64_t row_bytes; } pf_history;
pf_step pf_history_step(const pf_history *args);

/// Sets `bytes` bytes to `byte`.
typedef struct { void *to; int64_t bytes; uint8_t byte; } pf_fill;
pf_step pf_fill_step(const pf_fill *args);

/// Steps of which none touches what another writes, none of them a region, as one step.
typedef struct { const pf_step *steps; int64_t count; } pf_side_by_side;
pf_step pf_side_by_side_step(const pf_side_by_side *args);

#endif
