// The reduction order of pf_loop.h. ROWS keeps the 32 lanes of one block in a vector; COLUMNS keeps 32 lanes of whole
// rows in memory, so that consecutive rows of narrow matrices form one long vector.
//
// A lane that gets no element in a later round must not change: `neutral` is the value that leaves any other as it
// is (-0 for float sums, while the identity, which absent lanes start from, is +0).
#include "compensated.h"

#define COMBINE_SUM(a, b) ((a) + (b))
#define COMBINE_MAX(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define COMBINE_MIN(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))

typedef struct {
    /// Takes n elements (all but the last call of a block: a multiple of PF_LANES) into 32 lanes. Nothing behind them
    /// is read.
    void (*lanes)(void *lanes, const void *values, int64_t n, bool first);
    /// The lanes of a block into its result.
    void (*finish)(void *result, const void *lanes);
    /// `rows` blocks of `length` elements each.
    void (*rows)(void *results, const void *values, int64_t rows, int64_t length);
    /// n lanes, each with one value. Compensations lie `apart` elements behind their lanes.
    void (*take)(void *into, const void *values, int64_t n, int64_t apart);
    /// n lanes, each with another.
    void (*join)(void *into, const void *lanes, int64_t n, int64_t apart);
    /// n lanes into results; of those of pairs the second come `step` elements behind the first. NULL: a copy.
    void (*results)(void *results, const void *lanes, int64_t n, int64_t apart, int64_t step);
    const void *identity;
} LEVEL(reducer);

#define LOW_16 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define HIGH_16 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW_8 0, 1, 2, 3, 4, 5, 6, 7
#define HIGH_8 8, 9, 10, 11, 12, 13, 14, 15
#define LOW_4 0, 1, 2, 3
#define HIGH_4 4, 5, 6, 7
#define LOW_2 0, 1
#define HIGH_2 2, 3

#define REDUCER(name, T, OP, neutral_value, identity_value)                                                           \
    typedef T LEVEL(name##_32) __attribute__((ext_vector_type(32), aligned(sizeof(T))));                              \
    typedef T LEVEL(name##_16) __attribute__((ext_vector_type(16)));                                                  \
    typedef T LEVEL(name##_8) __attribute__((ext_vector_type(8)));                                                    \
    typedef T LEVEL(name##_4) __attribute__((ext_vector_type(4)));                                                    \
    typedef T LEVEL(name##_2) __attribute__((ext_vector_type(2)));                                                    \
    static const T LEVEL(name##_identity) = identity_value;                                                           \
    /* v[0..<n] (n < 32) in the first lanes, `other` in the rest; `readable` elements lie at v. */                    \
    static inline __attribute__((always_inline)) void LEVEL(name##_part)(                                             \
        LEVEL(name##_32) *result, const T *v, int64_t n, int64_t readable, T other) {                                 \
        typedef LEVEL(name##_32) V;                                                                                   \
        if (readable >= PF_LANES) {                                                                                   \
            const V lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,                                     \
                            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};                          \
            *result = lane < (V)(T)n ? *(const V *)v : (V)other;                                                      \
        } else {                                                                                                      \
            T part[PF_LANES];                                                                                         \
            for (int l = 0; l < PF_LANES; l++) part[l] = other;                                                       \
            for (int l = 0; l < n; l++) part[l] = v[l];                                                               \
            *result = *(const V *)part;                                                                               \
        }                                                                                                             \
    }                                                                                                                 \
    static inline __attribute__((always_inline)) void LEVEL(name##_lanes_inline)(                                     \
        void *lanes, const void *values, int64_t n, int64_t readable, bool first) {                                   \
        typedef LEVEL(name##_32) V;                                                                                   \
        const T *v = values;                                                                                          \
        int64_t i = first ? (n < PF_LANES ? n : PF_LANES) : 0;                                                        \
        V acc;                                                                                                        \
        if (!first) acc = *(const V *)lanes;                                                                          \
        else if (n >= PF_LANES) acc = *(const V *)v;                                                                  \
        else LEVEL(name##_part)(&acc, v, n, readable, identity_value);                                                \
        for (; i + PF_LANES <= n; i += PF_LANES) {                                                                    \
            V next = *(const V *)(v + i);                                                                             \
            acc = OP(acc, next);                                                                                      \
        }                                                                                                             \
        if (i < n) {                                                                                                  \
            V next;                                                                                                   \
            LEVEL(name##_part)(&next, v + i, n - i, readable - i, neutral_value);                                     \
            acc = OP(acc, next);                                                                                      \
        }                                                                                                             \
        *(V *)lanes = acc;                                                                                            \
    }                                                                                                                 \
    static inline __attribute__((always_inline)) void LEVEL(name##_finish_inline)(void *result, const void *lanes) {  \
        LEVEL(name##_32) v = *(const LEVEL(name##_32) *)lanes;                                                        \
        LEVEL(name##_16) a = __builtin_shufflevector(v, v, LOW_16), b = __builtin_shufflevector(v, v, HIGH_16);       \
        a = OP(a, b);                                                                                                 \
        LEVEL(name##_8) c = __builtin_shufflevector(a, a, LOW_8), d = __builtin_shufflevector(a, a, HIGH_8);          \
        c = OP(c, d);                                                                                                 \
        LEVEL(name##_4) e = __builtin_shufflevector(c, c, LOW_4), f = __builtin_shufflevector(c, c, HIGH_4);          \
        e = OP(e, f);                                                                                                 \
        LEVEL(name##_2) g = __builtin_shufflevector(e, e, LOW_2), h = __builtin_shufflevector(e, e, HIGH_2);          \
        g = OP(g, h);                                                                                                 \
        T x = g.x, y = g.y;                                                                                           \
        *(T *)result = OP(x, y);                                                                                      \
    }                                                                                                                 \
    static void LEVEL(name##_lanes)(void *lanes, const void *values, int64_t n, bool first) {                         \
        LEVEL(name##_lanes_inline)(lanes, values, n, n, first);                                                       \
    }                                                                                                                 \
    static void LEVEL(name##_finish)(void *result, const void *lanes) { LEVEL(name##_finish_inline)(result, lanes); } \
    static void LEVEL(name##_rows)(void *results, const void *values, int64_t rows, int64_t length) {                 \
        for (int64_t r = 0; r < rows; r++) {                                                                          \
            LEVEL(name##_32) lanes;                                                                                   \
            LEVEL(name##_lanes_inline)(                                                                               \
                &lanes, (const T *)values + r * length, length, (rows - r) * length, true);                           \
            LEVEL(name##_finish_inline)((T *)results + r, &lanes);                                                    \
        }                                                                                                             \
    }                                                                                                                 \
    static void LEVEL(name##_combine)(void *into, const void *values, int64_t n, int64_t apart) {                     \
        (void)apart;                                                                                                  \
        T *d = into;                                                                                                  \
        const T *v = values;                                                                                          \
        EACH {                                                                                                        \
            T a = d[i], b = v[i];                                                                                     \
            d[i] = (T)(OP(a, b));                                                                                     \
        }                                                                                                             \
    }

#define ORDER_REDUCERS(type, T, lowest, highest)                                                                      \
    REDUCER(max_##type, T, COMBINE_MAX, lowest, lowest)                                                               \
    REDUCER(min_##type, T, COMBINE_MIN, highest, highest)

// Signed integers are summed as unsigned ones, so that they wrap.
REDUCER(sum_f32, float, COMBINE_SUM, -0.0f, 0.0f)
REDUCER(sum_f64, double, COMBINE_SUM, -0.0, 0.0)
REDUCER(sum_u32, uint32_t, COMBINE_SUM, 0, 0)
REDUCER(sum_u8, uint8_t, COMBINE_SUM, 0, 0)
ORDER_REDUCERS(f32, float, -__builtin_inff(), __builtin_inff())
ORDER_REDUCERS(f64, double, -__builtin_inf(), __builtin_inf())
ORDER_REDUCERS(i32, int32_t, INT32_MIN, INT32_MAX)
ORDER_REDUCERS(u32, uint32_t, 0, UINT32_MAX)
ORDER_REDUCERS(u8, uint8_t, 0, UINT8_MAX)

#include "loop_compensated.inc.h"

#define ENTRY(name)                                                                                                   \
    {LEVEL(name##_lanes), LEVEL(name##_finish), LEVEL(name##_rows), LEVEL(name##_combine), LEVEL(name##_combine),     \
     NULL, &LEVEL(name##_identity)}
#define COMPENSATED_ENTRY(name, lanes_of, plain)                                                                      \
    {LEVEL(lanes_of##_lanes), LEVEL(name##_finish), LEVEL(name##_rows), LEVEL(lanes_of##_take),                       \
     LEVEL(lanes_of##_join), LEVEL(name##_results), &LEVEL(plain##_identity)}

static const LEVEL(reducer) LEVEL(reducers)[PF_REDUCE_COUNT][PF_TYPE_COUNT] = {
    [PF_REDUCE_SUM] = {ENTRY(sum_f32), ENTRY(sum_f64), ENTRY(sum_u32), ENTRY(sum_u32), ENTRY(sum_u8)},
    [PF_REDUCE_MAX] = {ENTRY(max_f32), ENTRY(max_f64), ENTRY(max_i32), ENTRY(max_u32), ENTRY(max_u8)},
    [PF_REDUCE_MIN] = {ENTRY(min_f32), ENTRY(min_f64), ENTRY(min_i32), ENTRY(min_u32), ENTRY(min_u8)},
    [PF_REDUCE_COMPENSATED_SUM] = {COMPENSATED_ENTRY(total_f32, compensated_f32, sum_f32),
                                   COMPENSATED_ENTRY(total_f64, compensated_f64, sum_f64)},
    [PF_REDUCE_COMPENSATED_PAIRS] = {COMPENSATED_ENTRY(pairs_f32, compensated_f32, sum_f32),
                                     COMPENSATED_ENTRY(pairs_f64, compensated_f64, sum_f64)},
};

/// Rows first..<first + rows of a block into 32 lanes of rows.
static void LEVEL(accumulate)(const LEVEL(reducer) *reducer, char *lanes, const char *values, int64_t first,
                              int64_t rows, int64_t width, int64_t size) {
    const int64_t apart = PF_LANES * width;
    while (rows > 0) {
        int64_t lane = first % PF_LANES;
        int64_t run = PF_LANES - lane < rows ? PF_LANES - lane : rows;
        char *into = lanes + lane * width * size;
        if (first < PF_LANES) {
            memcpy(into, values, (size_t)(run * width * size));
            if (reducer->results) memset(into + apart * size, 0, (size_t)(run * width * size));
        } else {
            reducer->take(into, values, run * width, apart);
        }
        values += run * width * size;
        first += run;
        rows -= run;
    }
}

/// Combines the lanes, of which the first `present` hold values, and writes a row of results, of those of pairs two
/// that are `step` elements apart.
static void LEVEL(finish_columns)(const LEVEL(reducer) *reducer, pf_type type, char *lanes, int64_t present,
                                  int64_t width, char *results, int64_t step) {
    const int64_t size = pf_type_size(type), apart = PF_LANES * width;
    int64_t half = 16;
    if (present < PF_LANES) {
        const int64_t absent = (PF_LANES - present) * width;
        LEVEL(fill)(lanes + present * width * size, reducer->identity, type, absent);
        if (reducer->results) memset(lanes + (apart + present * width) * size, 0, (size_t)(absent * size));
    }
    if (present <= 16) {
        // Lanes beyond the first power of two would combine identities with each other only; combining each lane that
        // remains with the identity once is the same as doing so at every level.
        int64_t held = 1;
        while (held < present) held *= 2;
        reducer->join(lanes, lanes + held * width * size, held * width, apart);
        half = held / 2;
    }
    for (; half > 0; half /= 2) reducer->join(lanes, lanes + half * width * size, half * width, apart);
    if (reducer->results) reducer->results(results, lanes, width, apart, step);
    else memcpy(results, lanes, (size_t)(width * size));
}
