// Register tiles, packing and small loops of matrix multiplication for one element type T at one instruction-set level.
// The includer defines T with TYPE_NAME and TYPE_BYTES, LEVEL (a suffix), VECTOR_BYTES, REGISTERS, and MASKED_LOAD,
// MASKED_STORE and LOAD_BITS (the lanes whose bits are set) if there are such; see matmul_kernels.h for what each kernel
// does.
#define GLUE3(a, b, c) a##_##b##_##c
#define GLUE2(a, b, c) GLUE3(a, b, c)
#define NAME(n) GLUE2(n, TYPE_NAME, LEVEL)
#define LANES ((int64_t)(VECTOR_BYTES / sizeof(T)))
#define VEC NAME(vec)
#define LOOSE NAME(loose)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef T VEC __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(T))));
typedef T LOOSE __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(T)), aligned(sizeof(T))));

INLINE VEC NAME(load)(const T *p) {
    return *(const LOOSE *)p;
}

INLINE void NAME(put)(T *p, VEC v) {
    *(LOOSE *)p = v;
}

// What becomes of a sum before it is stored.
INLINE VEC NAME(finished)(VEC v, VEC bias, bool has_bias, bool rectify) {
    if (has_bias) v = v + bias;
    return rectify ? v > (VEC)(T)0 ? v : (VEC)(T)0 : v;
}

// MARK: register tiles

// rows and vectors are constants after inlining, so that acc lives in registers.
INLINE void NAME(put_tile)(const int rows, const int vectors, VEC *acc, T *c, int64_t c_step,
                           const pf_tile_end *end) {
    if (end->add) {
        UNROLL for (int i = 0; i < rows * vectors; i++)
            acc[i] = NAME(load)(c + i / vectors * c_step + i % vectors * LANES) + acc[i];
    }
    if (end->bias) {
        UNROLL for (int i = 0; i < rows * vectors; i++)
            acc[i] = acc[i] + NAME(load)((const T *)end->bias + i % vectors * LANES);
    }
    if (end->rectify) {
        UNROLL for (int i = 0; i < rows * vectors; i++) acc[i] = NAME(finished)(acc[i], acc[i], false, true);
    }
    if (end->mask) {
        UNROLL for (int i = 0; i < rows * vectors; i++) {
            VEC gate = NAME(load)((const T *)end->mask + i / vectors * c_step + i % vectors * LANES);
            acc[i] = gate > (VEC)(T)0 ? acc[i] : (VEC)(T)0;
        }
    }
    UNROLL for (int i = 0; i < rows * vectors; i++)
        NAME(put)(c + i / vectors * c_step + i % vectors * LANES, acc[i]);
}

INLINE void NAME(tile)(const int rows, const int vectors, int64_t k, const T *a, int64_t a_step, const T *b,
                       int64_t b_step, T *c, int64_t c_step, const pf_tile_end *end) {
    VEC acc[2 * PF_TILE_ROWS];
    UNROLL for (int i = 0; i < rows * vectors; i++) acc[i] = (VEC)(T)0;
    for (int64_t kk = 0; kk < k; kk++) {
        VEC row[PF_TILE_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) row[v] = NAME(load)(b + v * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            VEC x = (VEC)a[r];
            UNROLL for (int v = 0; v < vectors; v++) {
                acc[r * vectors + v] = __builtin_elementwise_fma(x, row[v], acc[r * vectors + v]);
            }
        }
        a += a_step;
        b += b_step;
    }
    NAME(put_tile)(rows, vectors, acc, c, c_step, end);
}

// The row pointers need a register each, so these tiles have fewer rows.
INLINE void NAME(located_tile)(const int rows, const int vectors, int64_t k, const T *a, const int64_t *row_offsets,
                               const int64_t *terms, const T *b, int64_t b_step, T *c, int64_t c_step,
                               const pf_tile_end *end) {
    VEC acc[2 * PF_TILE_ROWS];
    const T *from[PF_TILE_ROWS];
    UNROLL for (int r = 0; r < rows; r++) from[r] = a + row_offsets[r];
    UNROLL for (int i = 0; i < rows * vectors; i++) acc[i] = (VEC)(T)0;
    for (int64_t kk = 0; kk < k; kk++) {
        VEC row[PF_TILE_VECTORS];
        int64_t at = terms[kk];
        UNROLL for (int v = 0; v < vectors; v++) row[v] = NAME(load)(b + v * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            VEC x = (VEC)from[r][at];
            UNROLL for (int v = 0; v < vectors; v++) {
                acc[r * vectors + v] = __builtin_elementwise_fma(x, row[v], acc[r * vectors + v]);
            }
        }
        b += b_step;
    }
    NAME(put_tile)(rows, vectors, acc, c, c_step, end);
}

INLINE void NAME(sliding_tile)(const int rows, int64_t k, const T *a, int64_t a_step, const T *b, const int64_t *lanes,
                               const int64_t *terms, T *c, int64_t c_step, const pf_tile_end *end) {
    VEC acc[2 * PF_TILE_ROWS];
    const T *from[PF_TILE_VECTORS];
    UNROLL for (int v = 0; v < PF_TILE_VECTORS; v++) from[v] = b + lanes[v];
    UNROLL for (int i = 0; i < rows * PF_TILE_VECTORS; i++) acc[i] = (VEC)(T)0;
    for (int64_t kk = 0; kk < k; kk++) {
        int64_t at = terms[kk];
        UNROLL for (int v = 0; v < PF_TILE_VECTORS; v++) {
            VEC x = NAME(load)(from[v] + at);
            UNROLL for (int r = 0; r < rows; r++) {
                VEC *sum = &acc[r * PF_TILE_VECTORS + v];
                *sum = __builtin_elementwise_fma((VEC)a[r], x, *sum);
            }
        }
        a += a_step;
    }
    NAME(put_tile)(rows, PF_TILE_VECTORS, acc, c, c_step, end);
}

#define ROWS2(X, v) X(1, v) X(2, v)
#define ROWS6(X, v) ROWS2(X, v) X(3, v) X(4, v) X(5, v) X(6, v)
#define ROWS10(X, v) ROWS6(X, v) X(7, v) X(8, v) X(9, v) X(10, v)
#define ROWS14(X, v) ROWS10(X, v) X(11, v) X(12, v) X(13, v) X(14, v)
#if REGISTERS == 32
#define TILES(X) ROWS14(X, 1) ROWS14(X, 2) ROWS6(X, 4) ROWS2(X, 8)
#define LOCATED_TILES(X) ROWS10(X, 1) ROWS10(X, 2) ROWS6(X, 4) ROWS2(X, 8)
#define MOST_ROWS {14, 14, 6, 2}
#define MOST_LOCATED_ROWS {10, 10, 6, 2}
#define SLIDING_TILES(X) X(1) X(2) X(3)
#define MOST_SLIDING_ROWS 3
#else
#define TILES(X) ROWS6(X, 1) ROWS6(X, 2) ROWS2(X, 4) X(1, 8)
#define LOCATED_TILES(X) TILES(X)
#define MOST_ROWS {6, 6, 2, 1}
#define MOST_LOCATED_ROWS MOST_ROWS
#define SLIDING_TILES(X) X(1)
#define MOST_SLIDING_ROWS 1
#endif

#define DEFINE_TILE(r, v)                                                                                            \
    static void NAME(tile_##r##_##v)(int64_t k, const void *a, int64_t a_step, const void *b, int64_t b_step, void *c, \
                                     int64_t c_step, const pf_tile_end *end) {                                       \
        NAME(tile)(r, v, k, a, a_step, b, b_step, c, c_step, end);                                                   \
    }
TILES(DEFINE_TILE)

#define DEFINE_LOCATED_TILE(r, v)                                                                                     \
    static void NAME(located_tile_##r##_##v)(int64_t k, const void *a, const int64_t *rows, const int64_t *terms,    \
                                             const void *b, int64_t b_step, void *c, int64_t c_step,                 \
                                             const pf_tile_end *end) {                                               \
        NAME(located_tile)(r, v, k, a, rows, terms, b, b_step, c, c_step, end);                                      \
    }
LOCATED_TILES(DEFINE_LOCATED_TILE)

#define DEFINE_SLIDING_TILE(r)                                                                                        \
    static void NAME(sliding_tile_##r)(int64_t k, const void *a, int64_t a_step, const void *b, const int64_t *lanes, \
                                       const int64_t *terms, void *c, int64_t c_step, const pf_tile_end *end) {       \
        NAME(sliding_tile)(r, k, a, a_step, b, lanes, terms, c, c_step, end);                                         \
    }
SLIDING_TILES(DEFINE_SLIDING_TILE)

// MARK: packing

#ifdef MASKED_LOAD

INLINE VEC NAME(load_some)(const T *p, int64_t n) {
    return MASKED_LOAD(p, n);
}

INLINE void NAME(put_some)(T *p, VEC v, int64_t n) {
    MASKED_STORE(p, v, n);
}

#else

// Exactly n elements, n < LANES, by overlapping copies of fixed size.
INLINE void NAME(copy_some)(T *to, const T *from, int64_t n) {
    if (n >= 4) {
        __builtin_memcpy(to, from, 4 * sizeof(T));
        __builtin_memcpy(to + n - 4, from + n - 4, 4 * sizeof(T));
    } else if (n >= 2) {
        __builtin_memcpy(to, from, 2 * sizeof(T));
        __builtin_memcpy(to + n - 2, from + n - 2, 2 * sizeof(T));
    } else if (n == 1) {
        *to = *from;
    }
}

INLINE VEC NAME(load_some)(const T *p, int64_t n) {
    VEC v = (VEC)(T)0;
    NAME(copy_some)((T *)&v, p, n);
    return v;
}

INLINE void NAME(put_some)(T *p, VEC v, int64_t n) {
    NAME(copy_some)(p, (const T *)&v, n);
}

#endif

// v where y is positive, else 0; n elements of y are read, or a whole vector.
INLINE VEC NAME(gated)(VEC v, const T *y, int64_t n) {
    VEC gate = n >= LANES ? NAME(load)(y) : NAME(load_some)(y, n);
    return gate > (VEC)(T)0 ? v : (VEC)(T)0;
}

// Exactly n elements.
INLINE void NAME(copy)(T *to, const T *from, int64_t n) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) NAME(put)(to + i, NAME(load)(from + i));
    if (i < n) NAME(put_some)(to + i, NAME(load_some)(from + i, n - i), n - i);
}

// One step of a transpose: interleaving row i with row i + LANES / 2, log2(LANES) times, turns rows into columns.
#define LOW16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW4 0, 4, 1, 5
#define HIGH4 2, 6, 3, 7
#define LOW2 0, 2
#define HIGH2 1, 3

#define SHUFFLE_STEP(n)                                                                     \
    UNROLL for (int i = 0; i < n / 2; i++) {                                                \
        next[2 * i] = __builtin_shufflevector(rows[i], rows[i + n / 2], LOW##n);            \
        next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + n / 2], HIGH##n);       \
    }

INLINE void NAME(transpose_block)(VEC *rows) {
    UNROLL for (int64_t stage = 1; stage < LANES; stage *= 2) {
        VEC next[VECTOR_BYTES / sizeof(T)];
#if VECTOR_BYTES / TYPE_BYTES == 16
        SHUFFLE_STEP(16)
#elif VECTOR_BYTES / TYPE_BYTES == 8
        SHUFFLE_STEP(8)
#elif VECTOR_BYTES / TYPE_BYTES == 4
        SHUFFLE_STEP(4)
#else
        SHUFFLE_STEP(2)
#endif
        UNROLL for (int64_t i = 0; i < LANES; i++) rows[i] = next[i];
    }
}

// How far ahead of a transpose its rows are fetched.
#define PREFETCH_VECTORS 4

// Rows that are contiguous along k, LANES at a time. A panel narrower than a vector lets each store spill into what the
// next one writes.
static void NAME(pack_transposed)(const T *from, int64_t stride, int64_t count, int64_t k, int64_t width, T *to) {
    for (int64_t i = 0; i < width; i += LANES) {
        int64_t rows = count - i < LANES ? count - i : LANES;
        for (int64_t at = 0; at < k && k >= LANES; at += LANES) {
            // The last block begins early, and gives some terms twice.
            int64_t kk = at + LANES <= k ? at : k - LANES;
            VEC block[VECTOR_BYTES / sizeof(T)];
            // So many rows at once are more streams than the processor foresees.
            const T *ahead = from + i * stride + kk + PREFETCH_VECTORS * LANES;
            for (int64_t r = 0; r < rows; r++) __builtin_prefetch(ahead + r * stride);
            if (rows == LANES) {
                UNROLL for (int64_t r = 0; r < LANES; r++) block[r] = NAME(load)(from + (i + r) * stride + kk);
            } else {
                for (int64_t r = 0; r < LANES; r++) {
                    block[r] = r < rows ? NAME(load)(from + (i + r) * stride + kk) : (VEC)(T)0;
                }
            }
            NAME(transpose_block)(block);
            if (i == 0 || i + LANES <= width) {
                UNROLL for (int64_t c = 0; c < LANES; c++) NAME(put)(to + (kk + c) * width + i, block[c]);
            } else {
                UNROLL for (int64_t c = 0; c < LANES; c++) {
                    NAME(put_some)(to + (kk + c) * width + i, block[c], width - i);
                }
            }
        }
        for (int64_t kk = 0; kk < k && k < LANES; kk++) {
            int64_t lanes = width - i < LANES ? width - i : LANES;
            for (int64_t r = 0; r < lanes; r++) to[kk * width + i + r] = r < rows ? from[(i + r) * stride + kk] : (T)0;
        }
    }
}

static void NAME(pack)(const void *source, int64_t stride_i, int64_t stride_k, int64_t count, int64_t k, int64_t width,
                       void *target) {
    const T *from = source;
    T *to = target;
    if (stride_i == 1) {
        for (int64_t kk = 0; kk < k; kk++, from += stride_k, to += width) {
            NAME(copy)(to, from, count);
            for (int64_t i = count; i < width; i++) to[i] = (T)0;
        }
    } else if (stride_k == 1) {
        NAME(pack_transposed)(from, stride_i, count, k, width, to);
    } else {
        for (int64_t kk = 0; kk < k; kk++, from += stride_k, to += width) {
            for (int64_t i = 0; i < width; i++) to[i] = i < count ? from[i * stride_i] : (T)0;
        }
    }
}

// MARK: small loops

static void NAME(tiny)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_row, int64_t a_col, const void *b,
                       int64_t b_row, int64_t b_col, void *c, const void *bias, bool rectify) {
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            const T *x = (const T *)a + i * a_row, *y = (const T *)b + j * b_col;
            T acc = 0;
            for (int64_t kk = 0; kk < k; kk++) acc = __builtin_elementwise_fma(x[kk * a_col], y[kk * b_row], acc);
            if (bias) acc = acc + ((const T *)bias)[j];
            ((T *)c)[i * n + j] = rectify && !(acc > 0) ? 0 : acc;
        }
    }
}

static void NAME(finish)(int64_t m, int64_t n, const void *tile, int64_t t_step, const void *bias, bool rectify,
                         const void *mask, void *result, int64_t c_step) {
    const T *add = bias;
    for (int64_t i = 0; i < m; i++) {
        const T *t = (const T *)tile + i * t_step;
        const T *y = mask ? (const T *)mask + i * c_step : NULL;
        T *c = (T *)result + i * c_step;
        int64_t j = 0;
        for (; j + LANES <= n; j += LANES) {
            VEC addend = add ? NAME(load)(add + j) : (VEC)(T)0;
            VEC some = NAME(finished)(NAME(load)(t + j), addend, add, rectify);
            NAME(put)(c + j, y ? NAME(gated)(some, y + j, LANES) : some);
        }
        if (j < n) {
            VEC addend = add ? NAME(load_some)(add + j, n - j) : (VEC)(T)0;
            VEC some = NAME(finished)(NAME(load_some)(t + j, n - j), addend, add, rectify);
            NAME(put_some)(c + j, y ? NAME(gated)(some, y + j, n - j) : some, n - j);
        }
    }
}

// How many vectors ahead a transpose fetches the lines that it will write.
#define WRITE_AHEAD 2

static void NAME(transpose)(int64_t m, int64_t n, const void *tile, int64_t t_step, const void *row_bias,
                            const void *lane_bias, bool rectify, const void *mask, void *result, int64_t c_step) {
    for (int64_t i = 0; i < m; i += LANES) {
        int64_t rows = m - i < LANES ? m - i : LANES;
        for (int64_t j = 0; j < n; j += LANES) {
            int64_t lanes = n - j < LANES ? n - j : LANES;
            VEC block[VECTOR_BYTES / sizeof(T)];
            // Rows of the result lie on pages of their own, too many for the processor to foresee.
            T *ahead = (T *)result + j * c_step + i + WRITE_AHEAD * LANES;
            for (int64_t l = 0; l < lanes; l++) __builtin_prefetch(ahead + l * c_step, 1);
            UNROLL for (int64_t r = 0; r < LANES; r++) {
                block[r] = r < rows ? NAME(load)((const T *)tile + (i + r) * t_step + j) : (VEC)(T)0;
                if (row_bias && r < rows) block[r] = block[r] + (VEC)((const T *)row_bias)[i + r];
            }
            // Loops of fixed length keep the block in registers.
            if (rectify && !lane_bias) {
                UNROLL for (int64_t r = 0; r < LANES; r++) block[r] = NAME(finished)(block[r], block[r], false, true);
            }
            NAME(transpose_block)(block);
            if (rectify && lane_bias) {
                UNROLL for (int64_t l = 0; l < LANES; l++) {
                    VEC add = (VEC)((const T *)lane_bias)[j + (l < lanes ? l : 0)];
                    block[l] = NAME(finished)(block[l], add, true, true);
                }
            }
            UNROLL for (int64_t l = 0; l < LANES; l++) {
                if (l < lanes) {
                    VEC column = block[l];
                    if (lane_bias && !rectify) column = column + (VEC)((const T *)lane_bias)[j + l];
                    int64_t at = (j + l) * c_step + i;
                    if (mask) column = NAME(gated)(column, (const T *)mask + at, rows);
                    T *c = (T *)result + at;
                    if (rows == LANES) NAME(put)(c, column);
                    else NAME(put_some)(c, column, rows);
                }
            }
        }
    }
}

static void NAME(join)(int64_t n, const void *parts, int64_t count, int64_t step, void *sum) {
    const T *p = parts;
    T *s = sum;
    for (int64_t j = 0; j < n; j++) s[j] = p[j];
    for (int64_t i = 1; i < count; i++) {
        for (int64_t j = 0; j < n; j++) s[j] = s[j] + p[i * step + j];
    }
}

#include "convolution.inc.h"
#include "convolution_classes.inc.h"

#define LOG_1 0
#define LOG_2 1
#define LOG_4 2
#define LOG_8 3
#define TILE_ENTRY(r, v) [LOG_##v][r - 1] = NAME(tile_##r##_##v),
#define LOCATED_ENTRY(r, v) [LOG_##v][r - 1] = NAME(located_tile_##r##_##v),
#define SLIDING_ENTRY(r) [r - 1] = NAME(sliding_tile_##r),

const pf_matmul_kernels NAME(pf_matmul) = {
    .lanes = VECTOR_BYTES / sizeof(T),
    .rows = MOST_ROWS,
    .tile = {TILES(TILE_ENTRY)},
    .located_rows = MOST_LOCATED_ROWS,
    .located = {LOCATED_TILES(LOCATED_ENTRY)},
    .sliding_rows = MOST_SLIDING_ROWS,
    .sliding = {SLIDING_TILES(SLIDING_ENTRY)},
    .class_vectors = MOST_CLASS_VECTORS,
    .classes = {CLASS_TILES(CLASS_ENTRY)},
    .pack = NAME(pack),
    .tiny = NAME(tiny),
    .finish = NAME(finish),
    .transpose = NAME(transpose),
    .join = NAME(join),
    .pad = NAME(pad),
    .store_run = NAME(store_run),
    .store_pairs = NAME(store_pairs),
};

#undef GLUE3
#undef GLUE2
#undef NAME
#undef LANES
#undef VEC
#undef LOOSE
#undef INLINE
#undef UNROLL
#undef ROWS2
#undef ROWS6
#undef ROWS14
#undef TILES
#undef MOST_ROWS
#undef DEFINE_TILE
#undef LOW16
#undef HIGH16
#undef LOW8
#undef HIGH8
#undef LOW4
#undef HIGH4
#undef LOW2
#undef HIGH2
#undef SHUFFLE_STEP
#undef LOG_1
#undef LOG_2
#undef LOG_4
#undef LOG_8
#undef TILE_ENTRY
#undef ROWS10
#undef LOCATED_TILES
#undef MOST_LOCATED_ROWS
#undef DEFINE_LOCATED_TILE
#undef LOCATED_ENTRY
#undef SLIDING_TILES
#undef MOST_SLIDING_ROWS
#undef DEFINE_SLIDING_TILE
#undef SLIDING_ENTRY
#undef PHASE_0
#undef PHASE_1
#undef BOTH_PHASES
#undef CLASS_TILES
#undef MOST_CLASS_VECTORS
#undef DEFINE_CLASS_TILE
#undef CLASS_ENTRY
