// Kernels that move or order rows: gather, scatter-add, argsort, argmax, cumulative sum. All operands contiguous.
#ifndef PF_ROWS_H
#define PF_ROWS_H
#include "pf_types.h"
#include "pf_pool.h"

/// out[i] = table[index[i]] for i in 0..<count; rows of row_bytes bytes. An index outside 0..<table_rows gives a row
/// of 0.
typedef struct { const void *table; const int32_t *index; void *out; int64_t table_rows, count, row_bytes; } pf_gather;
pf_step pf_gather_step(const pf_gather *args);

/// out[r] = sum over i with index[i] == r of updates[i], in ascending i (from 0; rows without updates are 0);
/// indices outside 0..<table_rows are skipped. Integers wrap, bool is or. `workspace`: int32[table_rows + 1 + count],
/// to sort the updates by row.
typedef struct { pf_type type; const void *updates; const int32_t *index; void *out; int32_t *workspace;
                 int64_t table_rows, count, row_length; } pf_scatter_add;
/// Writes up to 2 steps (bucket, then sum); returns how many.
int32_t pf_scatter_add_steps(const pf_scatter_add *args, pf_step steps[2]);

/// For each of `rows` rows of `length` values: the indices that sort it, stable, ascending or descending, NaN last in
/// both; `workspace` holds rows * length int32.
typedef struct { pf_type type; const void *values; int32_t *out; int32_t *workspace; int64_t rows, length;
                 bool descending; } pf_argsort;
pf_step pf_argsort_step(const pf_argsort *args);

/// For each row the index of its largest (or smallest) value, the first among equals; the first NaN wins over all.
/// length >= 1 (nothing is written for 0).
typedef struct { pf_type type; const void *values; int32_t *out; int64_t rows, length; bool smallest; } pf_argmax;
pf_step pf_argmax_step(const pf_argmax *args);

/// For each row the running sum from 0, first to last (`reverse`: last to first), `exclusive`: without the element
/// itself. Numbers, not bool. out may be values.
typedef struct { pf_type type; const void *values; void *out; int64_t rows, length;
                 bool reverse, exclusive; } pf_cumsum;
pf_step pf_cumsum_step(const pf_cumsum *args);

/// Copies `bytes` bytes (chunked).
typedef struct { const void *from; void *to; int64_t bytes; } pf_copy;
pf_step pf_copy_step(const pf_copy *args);

#endif
