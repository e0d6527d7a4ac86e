// How a batch of small matrices is cut into chunks of work.
#ifndef PF_LINALG_CHUNKS_H
#define PF_LINALG_CHUNKS_H
#include "pf_linalg.h"

/// A chunk is `matrices` whole matrices, or one of the `blocks` of `width` right-hand sides of one system.
typedef struct { int64_t matrices, blocks, width; } pf_linalg_cut;

pf_linalg_cut pf_linalg_chunks(const pf_linalg *args);

// One kernel per element type and level.
void pf_linalg_f32_base(const void *args, int64_t chunk, void *scratch);
void pf_linalg_f64_base(const void *args, int64_t chunk, void *scratch);
void pf_linalg_f32_avx2(const void *args, int64_t chunk, void *scratch);
void pf_linalg_f64_avx2(const void *args, int64_t chunk, void *scratch);
void pf_linalg_f32_avx512(const void *args, int64_t chunk, void *scratch);
void pf_linalg_f64_avx512(const void *args, int64_t chunk, void *scratch);

#endif
