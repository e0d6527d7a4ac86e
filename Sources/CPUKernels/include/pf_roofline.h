// What a processor can do at most: work that is nothing but arithmetic, and work that is nothing but memory.
#ifndef PF_ROOFLINE_H
#define PF_ROOFLINE_H
#include "pf_types.h"
#include "pf_pool.h"
#include "pf_rows.h"

/// How many independent vectors a loop of fused multiply-adds works on: enough of them hide the latency, too many do not
/// fit into the registers, and where either begins is the processor's.
typedef enum { PF_CHAINS_8 = 0, PF_CHAINS_12, PF_CHAINS_20, PF_CHAINS_COUNT } pf_chains;

/// In each of `chunks` chunks, every float32 of the vectors goes `turns` times through x * scale + shift; their sum is
/// out[chunk].
typedef struct { pf_chains chains; int64_t chunks, turns; float scale, shift; float *out; } pf_multiply_adds;
/// Makes the step; returns the operations of one turn of one chunk, two for each multiply-add.
int32_t pf_multiply_adds_step(const pf_multiply_adds *args, pf_step *step);

/// `pf_copy_step` with stores that go past the caches: both places aligned to 64 bytes, `bytes` a multiple of 64.
pf_step pf_streamed_copy_step(const pf_copy *args);

#endif
