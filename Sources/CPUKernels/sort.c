// Argsort of rows: insertion for short ones, else a radix sort of indices by an integer key of the same order.
// Both are stable. The indices wander between two arrays, the values stay where they are.
#include "pf_rows.h"
#include <string.h>
#pragma STDC FP_CONTRACT OFF

#define CHUNK_ELEMENTS 4096
#define SHORT_ROW 64

// Keys order like values; `flip` is all ones to descend. NaN has the largest key both ways, -0 the key of +0.
static inline uint32_t key_f32(float x, uint32_t flip) {
    const float value = x + 0.0f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t key = (bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31)) ^ flip;
    return x != x ? UINT32_MAX : key;
}
static inline uint64_t key_f64(double x, uint64_t flip) {
    const double value = x + 0.0;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint64_t key = (bits ^ (bits >> 63 ? UINT64_MAX : UINT64_C(1) << 63)) ^ flip;
    return x != x ? UINT64_MAX : key;
}
static inline uint32_t key_i32(int32_t x, uint32_t flip) { return ((uint32_t)x ^ UINT32_C(1) << 31) ^ flip; }
static inline uint32_t key_u32(uint32_t x, uint32_t flip) { return x ^ flip; }
static inline uint8_t key_u8(uint8_t x, uint8_t flip) { return x ^ flip; }

/// Fills `out` with the order of x[0..<length]; `spare` is as long.
#define ARGSORT(name, type, unsigned_type, key_of)                                                                     \
    static void name(const void *values, int32_t *out, int32_t *spare, int64_t length, bool descending) {             \
        const type *x = values;                                                                                        \
        const unsigned_type flip = descending ? (unsigned_type)-1 : 0;                                                 \
        if (length <= SHORT_ROW) {                                                                                     \
            unsigned_type keys[SHORT_ROW];                                                                             \
            for (int64_t i = 0; i < length; i++) {                                                                     \
                const unsigned_type key = key_of(x[i], flip);                                                          \
                int64_t j = i;                                                                                         \
                for (; j > 0 && key < keys[j - 1]; j--) keys[j] = keys[j - 1], out[j] = out[j - 1];                    \
                keys[j] = key, out[j] = (int32_t)i;                                                                    \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        uint32_t counts[sizeof(type)][256] = {0};                                                                      \
        for (int64_t i = 0; i < length; i++) {                                                                         \
            const unsigned_type key = key_of(x[i], flip);                                                              \
            for (unsigned digit = 0; digit < sizeof(type); digit++) counts[digit][key >> 8 * digit & 255]++;           \
            out[i] = (int32_t)i;                                                                                       \
        }                                                                                                              \
        int32_t *from = out, *to = spare;                                                                              \
        for (unsigned digit = 0; digit < sizeof(type); digit++) {                                                      \
            uint32_t *next = counts[digit];                                                                            \
            if (next[key_of(x[0], flip) >> 8 * digit & 255] == length) continue;                                       \
            for (uint32_t value = 0, sum = 0; value < 256; value++) {                                                  \
                const uint32_t count = next[value];                                                                    \
                next[value] = sum;                                                                                     \
                sum += count;                                                                                          \
            }                                                                                                          \
            for (int64_t i = 0; i < length; i++) {                                                                     \
                const int32_t index = from[i];                                                                         \
                to[next[key_of(x[index], flip) >> 8 * digit & 255]++] = index;                                         \
            }                                                                                                          \
            int32_t *sorted = to;                                                                                      \
            to = from, from = sorted;                                                                                  \
        }                                                                                                              \
        if (from != out) memcpy(out, from, (size_t)length * sizeof *out);                                              \
    }
ARGSORT(argsort_f32, float, uint32_t, key_f32)
ARGSORT(argsort_f64, double, uint64_t, key_f64)
ARGSORT(argsort_i32, int32_t, uint32_t, key_i32)
ARGSORT(argsort_u32, uint32_t, uint32_t, key_u32)
ARGSORT(argsort_u8, uint8_t, uint8_t, key_u8)

static int64_t rows_per_chunk(int64_t length) {
    return length < CHUNK_ELEMENTS && length > 0 ? CHUNK_ELEMENTS / length : 1;
}

static void run_argsort(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_argsort *p = args;
    const int64_t rows = rows_per_chunk(p->length), first = chunk * rows;
    const int64_t last = first + rows < p->rows ? first + rows : p->rows;
    for (int64_t r = first; r < last; r++) {
        const int64_t start = r * p->length;
        const void *values = (const char *)p->values + start * pf_type_size(p->type);
        int32_t *out = p->out + start, *spare = p->workspace + start;
        switch (p->type) {
        case PF_F32: argsort_f32(values, out, spare, p->length, p->descending); break;
        case PF_F64: argsort_f64(values, out, spare, p->length, p->descending); break;
        case PF_I32: argsort_i32(values, out, spare, p->length, p->descending); break;
        case PF_U32: argsort_u32(values, out, spare, p->length, p->descending); break;
        case PF_U8:
        case PF_BOOL: argsort_u8(values, out, spare, p->length, p->descending); break;
        case PF_TYPE_COUNT: break;
        }
    }
}

pf_step pf_argsort_step(const pf_argsort *p) {
    const int64_t rows = rows_per_chunk(p->length);
    const int64_t chunks = p->rows > 0 && p->length > 0 ? (p->rows + rows - 1) / rows : 0;
    return (pf_step){.kernel = run_argsort, .args = p, .chunks = chunks};
}
