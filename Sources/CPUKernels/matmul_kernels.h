// The vector kernels of matrix multiplication and convolution, one table per element type and instruction-set level.
#ifndef PF_MATMUL_KERNELS_H
#define PF_MATMUL_KERNELS_H
#include "pf_types.h"

#define PF_TILE_ROWS 14         // most rows of a register tile
#define PF_TILE_VECTORS 8       // most vectors of a row of it
#define PF_TILE_WIDTHS 4        // a row has 1, 2, 4 or 8 vectors
#define PF_CLASS_CHANNELS 3     // most channels of a tile of four classes
#define PF_CLASS_VECTORS 6      // most vectors of one

/// What becomes of a tile's sums, in this order, before they are stored.
typedef struct {
    bool add;                   // they are added to what is there
    const void *bias;           // of the tile's lanes, or NULL
    bool rectify;               // 0 for what is not positive
    const void *mask;           // 0 where this, which lies like c, is not positive; or NULL
} pf_tile_end;

/// Multiplies one K block into a register tile: acc[i][j] = chain over kk of fma(a[kk * a_step + i],
/// b[kk * b_step + j]), then c[i * c_step + j] = acc, ended so.
typedef void (*pf_tile_kernel)(int64_t k, const void *a, int64_t a_step, const void *b, int64_t b_step, void *c,
                               int64_t c_step, const pf_tile_end *end);
/// The same with a[rows[i] + terms[kk]] in place of a[kk * a_step + i]: an operand that is read where it lies.
typedef void (*pf_located_kernel)(int64_t k, const void *a, const int64_t *rows, const int64_t *terms, const void *b,
                                  int64_t b_step, void *c, int64_t c_step, const pf_tile_end *end);
/// The same with vector v of the lanes at b[lanes[v] + terms[kk]]; always PF_TILE_VECTORS vectors.
typedef void (*pf_sliding_kernel)(int64_t k, const void *a, int64_t a_step, const void *b, const int64_t *lanes,
                                  const int64_t *terms, void *c, int64_t c_step, const pf_tile_end *end);

/// The taps of a stride of 2 along one axis, in pairs of one tap for each phase: half a pair for phase 1, whole pairs,
/// half a pair for phase 0. Each of them reads one place before the last.
typedef struct {
    bool head, tail;
    int64_t pairs;
} pf_phase_taps;

typedef struct {
    pf_phase_taps h, w;
    int64_t plane, row;         // distances in elements
} pf_class_taps;

/// The four classes (phase_h, phase_w) of pixels of a stride of 2, for some channels and vectors of pixels: chains over
/// `planes` and the taps of each class, with the first tap's places at `image`, go to row class * channels + channel of
/// c. The weights lie in the order (plane, pair_h, pair_w, class, channel).
typedef void (*pf_classes_kernel)(const pf_class_taps *taps, int64_t planes, const void *weights, const void *image,
                                  void *c, int64_t c_step, bool add);

typedef struct {
    int64_t lanes;                                      // elements of a vector
    int64_t rows[PF_TILE_WIDTHS];                       // most rows of a tile of 1 << w vectors; never grows with w
    pf_tile_kernel tile[PF_TILE_WIDTHS][PF_TILE_ROWS];  // [w][rows - 1]
    int64_t located_rows[PF_TILE_WIDTHS];               // the same for tiles with a located operand
    pf_located_kernel located[PF_TILE_WIDTHS][PF_TILE_ROWS];
    int64_t sliding_rows;                               // the same for tiles with located lanes
    pf_sliding_kernel sliding[PF_TILE_ROWS];            // [rows - 1]
    int64_t class_vectors[PF_CLASS_CHANNELS];           // most vectors of a tile of so many channels
    pf_classes_kernel classes[PF_CLASS_CHANNELS][PF_CLASS_VECTORS];

    /// to[kk * width + i] = from[i * stride_i + kk * stride_k] for i < count, 0 for count <= i < width. May write up to
    /// `lanes` elements past the end.
    void (*pack)(const void *from, int64_t stride_i, int64_t stride_k, int64_t count, int64_t k, int64_t width,
                 void *to);

    /// The whole product of a tiny matrix, straight from the strides.
    void (*tiny)(int64_t m, int64_t n, int64_t k, const void *a, int64_t a_row, int64_t a_col, const void *b,
                 int64_t b_row, int64_t b_col, void *c, const void *bias, bool rectify);

    // What is stored from tiles: with a bias added that is not NULL, 0 for what is not positive if `rectify`, and 0 where
    // a mask that is not NULL, which lies like c, is not positive.

    /// c[i * c_step + j] = t[i * t_step + j] and bias[j]; t may be c.
    void (*finish)(int64_t m, int64_t n, const void *t, int64_t t_step, const void *bias, bool rectify,
                   const void *mask, void *c, int64_t c_step);

    /// c[j * c_step + i] = t[i * t_step + j] and row_bias[i] or lane_bias[j]. May read t up to the end of a row's last
    /// vector.
    void (*transpose)(int64_t m, int64_t n, const void *t, int64_t t_step, const void *row_bias, const void *lane_bias,
                      bool rectify, const void *mask, void *c, int64_t c_step);

    /// sum[j] = ((parts[j] + parts[step + j]) + parts[2 * step + j]) + ...
    void (*join)(int64_t n, const void *parts, int64_t count, int64_t step, void *sum);

    // Convolution.
    /// One padded plane, split by stride phase: to[((py * sw + px) * ph + y) * pw + x] =
    /// from[y * sh + py - top][x * sw + px - left], or 0 outside.
    void (*pad)(const void *from, int64_t h, int64_t w, int64_t top, int64_t left, int64_t sh, int64_t sw, int64_t ph,
                int64_t pw, void *to);
    /// c[i * c_step + x * step] = t[i * t_step + x] and bias[i], for i < m and x < n.
    void (*store_run)(int64_t m, int64_t n, const void *t, int64_t t_step, const void *bias, bool rectify,
                      const void *mask, void *c, int64_t c_step, int64_t step);
    /// c[i * c_step + 2 x] = t0[i * t_step + x] and bias[i], c[i * c_step + 2 x + 1] likewise from t1. May read t0 and
    /// t1 up to the end of a row's last vector. Without a mask.
    void (*store_pairs)(int64_t m, int64_t n, const void *t0, const void *t1, int64_t t_step, const void *bias,
                        bool rectify, void *c, int64_t c_step);
} pf_matmul_kernels;

extern const pf_matmul_kernels pf_matmul_f32_base, pf_matmul_f64_base;
#if defined(__x86_64__)
extern const pf_matmul_kernels pf_matmul_f32_avx2, pf_matmul_f64_avx2, pf_matmul_f32_avx512, pf_matmul_f64_avx512;
#endif

/// The table for an instruction-set level.
const pf_matmul_kernels *pf_matmul_kernels_at(pf_isa level, pf_type type);

#endif
