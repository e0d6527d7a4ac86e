// Kernels that move rows (gather, scatter-add, copy) or run along them (argmax, cumulative sum).
#include "pf_rows.h"
#include <string.h>
#pragma STDC FP_CONTRACT OFF

// Bytes and elements in a chunk: some microseconds of work.
#define CHUNK_BYTES 32768
#define CHUNK_ELEMENTS 8192

static int64_t ceiling(int64_t value, int64_t unit) { return (value + unit - 1) / unit; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/// Rows of `size` units that make up a chunk of `chunk` units: at least one.
static int64_t rows_per_chunk(int64_t size, int64_t chunk) {
    const int64_t rows = chunk / (size > 0 ? size : 1);
    return rows > 0 ? rows : 1;
}

static int64_t row_chunks(int64_t rows, int64_t length) {
    return rows > 0 && length > 0 ? ceiling(rows, rows_per_chunk(length, CHUNK_ELEMENTS)) : 0;
}

static bool inside(int32_t index, int64_t rows) { return index >= 0 && index < rows; }

// MARK: Copy

static void run_copy(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_copy *p = args;
    const int64_t first = chunk * CHUNK_BYTES;
    memcpy((char *)p->to + first, (const char *)p->from + first, (size_t)least(CHUNK_BYTES, p->bytes - first));
}

pf_step pf_copy_step(const pf_copy *p) {
    return (pf_step){.kernel = run_copy, .args = p, .chunks = p->bytes > 0 ? ceiling(p->bytes, CHUNK_BYTES) : 0};
}

// MARK: Gather

/// Bytes from..<to of rows first..<last. Inlined with a constant row size where it pays.
static inline __attribute__((always_inline)) void gather_rows(const pf_gather *p, int64_t first, int64_t last,
                                                              int64_t row_bytes, int64_t from, int64_t to) {
    const char *table = p->table;
    char *out = p->out;
    for (int64_t i = first; i < last; i++) {
        char *row = out + i * row_bytes + from;
        if (inside(p->index[i], p->table_rows)) {
            memcpy(row, table + p->index[i] * row_bytes + from, (size_t)(to - from));
        } else {
            memset(row, 0, (size_t)(to - from));
        }
    }
}

/// A row longer than a chunk is several chunks; several short rows are one.
static void run_gather(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_gather *p = args;
    const int64_t pieces = ceiling(p->row_bytes, CHUNK_BYTES), rows = rows_per_chunk(p->row_bytes, CHUNK_BYTES);
    const int64_t first = chunk / pieces * rows, last = least(first + rows, p->count);
    const int64_t from = chunk % pieces * CHUNK_BYTES, to = least(from + CHUNK_BYTES, p->row_bytes);
    switch (p->row_bytes) {
    case 1: return gather_rows(p, first, last, 1, 0, 1);
    case 4: return gather_rows(p, first, last, 4, 0, 4);
    case 8: return gather_rows(p, first, last, 8, 0, 8);
    default: return gather_rows(p, first, last, p->row_bytes, from, to);
    }
}

pf_step pf_gather_step(const pf_gather *p) {
    const int64_t groups = p->count > 0 ? ceiling(p->count, rows_per_chunk(p->row_bytes, CHUNK_BYTES)) : 0;
    const int64_t pieces = p->row_bytes > 0 ? ceiling(p->row_bytes, CHUNK_BYTES) : 0;
    return (pf_step){.kernel = run_gather, .args = p, .chunks = groups * pieces};
}

// MARK: Scatter-add

/// Counting sort by row: afterwards order[end[r - 1]..<end[r]] are the updates of row r, ascending (end[-1] = 0).
static void run_bucket(const void *args, int64_t chunk, void *scratch) {
    (void)chunk, (void)scratch;
    const pf_scatter_add *p = args;
    int32_t *end = p->workspace, *order = p->workspace + p->table_rows + 1;
    memset(end, 0, (size_t)(p->table_rows + 1) * sizeof *end);
    for (int64_t i = 0; i < p->count; i++) {
        if (inside(p->index[i], p->table_rows)) end[p->index[i] + 1]++;
    }
    for (int64_t r = 0; r < p->table_rows; r++) end[r + 1] += end[r];
    for (int64_t i = 0; i < p->count; i++) {
        if (inside(p->index[i], p->table_rows)) order[end[p->index[i]]++] = (int32_t)i;
    }
}

/// A row is summed in strips that stay in the first-level cache, apart from the output, whose cache lines another
/// thread may be writing to. Integers wrap.
#define STRIP 2048
#define SUM_ROW(name, type, add)                                                                                       \
    static void name(const pf_scatter_add *p, int64_t r, const int32_t *order, int64_t count, void *scratch) {        \
        type *restrict sum = scratch;                                                                                  \
        for (int64_t from = 0; from < p->row_length; from += STRIP) {                                                  \
            const int64_t length = least(STRIP, p->row_length - from);                                                 \
            memset(sum, 0, (size_t)length * sizeof *sum);                                                              \
            for (int64_t i = 0; i < count; i++) {                                                                      \
                const type *update = (const type *)p->updates + order[i] * p->row_length + from;                       \
                for (int64_t j = 0; j < length; j++) sum[j] = (type)(sum[j] add update[j]);                            \
            }                                                                                                          \
            memcpy((type *)p->out + r * p->row_length + from, sum, (size_t)length * sizeof *sum);                      \
        }                                                                                                              \
    }
SUM_ROW(sum_row_f32, float, +)
SUM_ROW(sum_row_f64, double, +)
SUM_ROW(sum_row_32, uint32_t, +)
SUM_ROW(sum_row_8, uint8_t, +)
SUM_ROW(sum_row_bool, uint8_t, |)

/// Rows of the table per chunk, by the mean work of a row.
static int64_t scatter_rows(const pf_scatter_add *p) {
    const int64_t updates_per_row = 1 + p->count / (p->table_rows > 0 ? p->table_rows : 1);
    return rows_per_chunk(p->row_length * updates_per_row, CHUNK_ELEMENTS);
}

static void run_sum(const void *args, int64_t chunk, void *scratch) {
    const pf_scatter_add *p = args;
    const int32_t *end = p->workspace, *order = p->workspace + p->table_rows + 1;
    const int64_t first = chunk * scatter_rows(p), last = least(first + scatter_rows(p), p->table_rows);
    for (int64_t r = first; r < last; r++) {
        const int64_t start = r > 0 ? end[r - 1] : 0, count = end[r] - start;
        switch (p->type) {
        case PF_F32: sum_row_f32(p, r, order + start, count, scratch); break;
        case PF_F64: sum_row_f64(p, r, order + start, count, scratch); break;
        case PF_I32:
        case PF_U32: sum_row_32(p, r, order + start, count, scratch); break;
        case PF_U8: sum_row_8(p, r, order + start, count, scratch); break;
        case PF_BOOL: sum_row_bool(p, r, order + start, count, scratch); break;
        case PF_TYPE_COUNT: break;
        }
    }
}

int32_t pf_scatter_add_steps(const pf_scatter_add *p, pf_step steps[2]) {
    if (p->table_rows <= 0 || p->row_length <= 0) return 0;
    steps[0] = (pf_step){.kernel = run_bucket, .args = p, .chunks = 1};
    steps[1] = (pf_step){.kernel = run_sum, .args = p, .chunks = ceiling(p->table_rows, scatter_rows(p))};
    return 2;
}

// MARK: Argmax

// NaN beats every number and no other NaN; of equal values the first stays.
#define ARGMAX_ROW(name, type)                                                                                         \
    static int32_t name(const void *values, int64_t row, int64_t length, bool smallest) {                             \
        const type *x = (const type *)values + row * length;                                                           \
        int64_t best = 0;                                                                                              \
        for (int64_t i = 1; i < length; i++) {                                                                         \
            const bool better = smallest ? x[i] < x[best] : x[i] > x[best];                                            \
            if (better || (x[i] != x[i] && x[best] == x[best])) best = i;                                              \
        }                                                                                                              \
        return (int32_t)best;                                                                                          \
    }
ARGMAX_ROW(argmax_f32, float)
ARGMAX_ROW(argmax_f64, double)
ARGMAX_ROW(argmax_i32, int32_t)
ARGMAX_ROW(argmax_u32, uint32_t)
ARGMAX_ROW(argmax_u8, uint8_t)

static void run_argmax(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_argmax *p = args;
    const int64_t rows = rows_per_chunk(p->length, CHUNK_ELEMENTS);
    const int64_t first = chunk * rows, last = least(first + rows, p->rows);
    for (int64_t r = first; r < last; r++) {
        switch (p->type) {
        case PF_F32: p->out[r] = argmax_f32(p->values, r, p->length, p->smallest); break;
        case PF_F64: p->out[r] = argmax_f64(p->values, r, p->length, p->smallest); break;
        case PF_I32: p->out[r] = argmax_i32(p->values, r, p->length, p->smallest); break;
        case PF_U32: p->out[r] = argmax_u32(p->values, r, p->length, p->smallest); break;
        case PF_U8:
        case PF_BOOL: p->out[r] = argmax_u8(p->values, r, p->length, p->smallest); break;
        case PF_TYPE_COUNT: break;
        }
    }
}

pf_step pf_argmax_step(const pf_argmax *p) {
    return (pf_step){.kernel = run_argmax, .args = p, .chunks = row_chunks(p->rows, p->length)};
}

// MARK: Cumulative sum

#define CUMSUM_ROW(name, type)                                                                                         \
    static void name(const pf_cumsum *p, int64_t row) {                                                                \
        const type *x = (const type *)p->values + row * p->length;                                                     \
        type *out = (type *)p->out + row * p->length;                                                                  \
        type sum = 0;                                                                                                  \
        for (int64_t step = 0; step < p->length; step++) {                                                             \
            const int64_t i = p->reverse ? p->length - 1 - step : step;                                                \
            const type before = sum;                                                                                   \
            sum = (type)(sum + x[i]);                                                                                  \
            out[i] = p->exclusive ? before : sum;                                                                      \
        }                                                                                                              \
    }
CUMSUM_ROW(cumsum_f32, float)
CUMSUM_ROW(cumsum_f64, double)
CUMSUM_ROW(cumsum_32, uint32_t)
CUMSUM_ROW(cumsum_8, uint8_t)

static void run_cumsum(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_cumsum *p = args;
    const int64_t rows = rows_per_chunk(p->length, CHUNK_ELEMENTS);
    const int64_t first = chunk * rows, last = least(first + rows, p->rows);
    for (int64_t r = first; r < last; r++) {
        switch (p->type) {
        case PF_F32: cumsum_f32(p, r); break;
        case PF_F64: cumsum_f64(p, r); break;
        case PF_I32:
        case PF_U32: cumsum_32(p, r); break;
        case PF_U8: cumsum_8(p, r); break;
        case PF_BOOL:
        case PF_TYPE_COUNT: break;
        }
    }
}

pf_step pf_cumsum_step(const pf_cumsum *p) {
    return (pf_step){.kernel = run_cumsum, .args = p, .chunks = row_chunks(p->rows, p->length)};
}
