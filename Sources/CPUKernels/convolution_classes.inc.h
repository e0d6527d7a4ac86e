// Tiles of the gradient of the input with a stride of 2 (convolution_classes.c): the four classes of pixels together,
// so that each vector of the output gradient that is loaded serves up to four taps.

// Phases of one axis that a tap serves, as bits.
#define PHASE_0 1
#define PHASE_1 2
#define BOTH_PHASES 3

// Sums lie by (class, channel, vector); the weights of a point lie by (class, channel).
INLINE void NAME(class_point)(const int channels, const int vectors, const int phases_h, const int phases_w,
                              const T **weights, const T *image, VEC *acc) {
    VEC x[PF_CLASS_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) x[v] = NAME(load)(image + v * LANES);
    UNROLL for (int class = 0; class < 4; class++) {
        if (!(phases_h >> class / 2 & phases_w >> class % 2 & 1)) continue;
        UNROLL for (int c = 0; c < channels; c++) {
            VEC weight = (VEC)*(*weights)++;
            UNROLL for (int v = 0; v < vectors; v++) {
                VEC *sum = &acc[(class * channels + c) * vectors + v];
                *sum = __builtin_elementwise_fma(weight, x[v], *sum);
            }
        }
    }
}

INLINE void NAME(class_row)(const int channels, const int vectors, const int phases, const pf_class_taps *taps,
                            const T **weights, const T *image, VEC *acc) {
    if (taps->w.head) NAME(class_point)(channels, vectors, phases, PHASE_1, weights, image--, acc);
    for (int64_t i = 0; i < taps->w.pairs; i++) {
        NAME(class_point)(channels, vectors, phases, BOTH_PHASES, weights, image--, acc);
    }
    if (taps->w.tail) NAME(class_point)(channels, vectors, phases, PHASE_0, weights, image, acc);
}

INLINE void NAME(class_tile)(const int channels, const int vectors, const pf_class_taps *taps, int64_t planes,
                             const T *weights, const T *image, T *c, int64_t c_step, bool add) {
    VEC acc[2 * PF_TILE_ROWS];
    UNROLL for (int i = 0; i < 4 * channels * vectors; i++) acc[i] = (VEC)(T)0;
    for (int64_t plane = 0; plane < planes; plane++, image += taps->plane) {
        const T *row = image;
        if (taps->h.head) {
            NAME(class_row)(channels, vectors, PHASE_1, taps, &weights, row, acc);
            row -= taps->row;
        }
        for (int64_t i = 0; i < taps->h.pairs; i++, row -= taps->row) {
            NAME(class_row)(channels, vectors, BOTH_PHASES, taps, &weights, row, acc);
        }
        if (taps->h.tail) NAME(class_row)(channels, vectors, PHASE_0, taps, &weights, row, acc);
    }
    NAME(put_tile)(4 * channels, vectors, acc, c, c_step, &(pf_tile_end){.add = add});
}

#if REGISTERS == 32
#define CLASS_TILES(X) X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 1) X(2, 2) X(2, 3) X(3, 1) X(3, 2)
#define MOST_CLASS_VECTORS {6, 3, 2}
#else
#define CLASS_TILES(X) X(1, 1) X(1, 2) X(1, 3) X(2, 1) X(3, 1)
#define MOST_CLASS_VECTORS {3, 1, 1}
#endif

#define DEFINE_CLASS_TILE(channels, v)                                                                                \
    static void NAME(class_tile_##channels##_##v)(const pf_class_taps *taps, int64_t planes, const void *weights,     \
                                                  const void *image, void *c, int64_t c_step, bool add) {             \
        NAME(class_tile)(channels, v, taps, planes, weights, image, c, c_step, add);                                  \
    }
CLASS_TILES(DEFINE_CLASS_TILE)

#define CLASS_ENTRY(channels, v) [channels - 1][v - 1] = NAME(class_tile_##channels##_##v),
