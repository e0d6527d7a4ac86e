// What convolution adds to the kernels of matmul.inc.h: padded images, packing of runs of them, and interleaved stores.

// Zeros, by overlapping stores of fixed size.
INLINE void NAME(clear)(T *to, int64_t n) {
    static const T zeros[VECTOR_BYTES / sizeof(T)];
    if (n >= LANES) {
        for (int64_t x = 0; x + LANES <= n; x += LANES) NAME(put)(to + x, (VEC)(T)0);
        NAME(put)(to + n - LANES, (VEC)(T)0);
    } else {
        NAME(copy)(to, zeros, n);
    }
}

static void NAME(pad)(const void *source, int64_t h, int64_t w, int64_t top, int64_t left, int64_t sh, int64_t sw,
                      int64_t ph, int64_t pw, void *target) {
    T *to = target;
    for (int64_t phase = 0; phase < sh * sw; phase++) {
        int64_t py = phase / sw - top, px = phase % sw - left;
        // Columns low..<high of this phase lie in the image.
        int64_t low = px >= 0 ? 0 : (-px + sw - 1) / sw, high = px >= w ? 0 : (w - px + sw - 1) / sw;
        if (low > pw) low = pw;
        if (high > pw) high = pw;
        if (high < low) high = low;
        for (int64_t y = 0; y < ph; y++, to += pw) {
            int64_t row = y * sh + py;
            bool inside = row >= 0 && row < h;
            if (!inside || high - low < pw) NAME(clear)(to, pw);
            if (!inside) continue;
            const T *from = (const T *)source + row * w + low * sw + px;
            if (sw == 1) {
                NAME(copy)(to + low, from, high - low);
            } else if (sw == 2) {
                for (int64_t x = 0; x < high - low; x++) to[low + x] = from[2 * x];
            } else {
                for (int64_t x = 0; x < high - low; x++) to[low + x] = from[sw * x];
            }
        }
    }
}

// `piece` elements at a time (a constant after inlining); the excess of a run is overwritten by the next one.
INLINE void NAME(pack_pieces)(const int64_t piece, const T *from, const int64_t *offsets, int64_t k, const pf_run *runs,
                              int64_t count, int64_t width, T *to) {
    for (int64_t kk = 0; kk < k; kk++, to += width) {
        for (int64_t r = 0; r < count; r++) {
            const T *source = from + offsets[kk] + runs[r].offset;
            T *target = to + runs[r].lane;
            int64_t x = 0;
            do {
                __builtin_memcpy(target + x, source + x, (size_t)piece * sizeof(T));
                x += piece;
            } while (x < runs[r].length);
        }
    }
}

static void NAME(pack_runs)(const void *source, const int64_t *offsets, int64_t k, const pf_run *runs, int64_t count,
                            int64_t width, void *to) {
    int64_t longest = 0;
    for (int64_t r = 0; r < count; r++) {
        if (runs[r].length > longest) longest = runs[r].length;
    }
    if (LANES > 8 && longest > 8) {
        NAME(pack_pieces)(16, source, offsets, k, runs, count, width, to);
    } else if (LANES > 4 && longest > 4) {
        NAME(pack_pieces)(8, source, offsets, k, runs, count, width, to);
    } else if (LANES > 2 && longest > 2) {
        NAME(pack_pieces)(4, source, offsets, k, runs, count, width, to);
    } else if (longest > 1) {
        NAME(pack_pieces)(2, source, offsets, k, runs, count, width, to);
    } else {
        NAME(pack_pieces)(1, source, offsets, k, runs, count, width, to);
    }
}

static void NAME(store_run)(int64_t n, const void *tile, const void *bias, void *result, int64_t step) {
    const T *t = tile;
    T *c = result;
    if (bias) {
        T add = *(const T *)bias;
        if (step == 1) {
            for (int64_t x = 0; x < n; x++) c[x] = t[x] + add;
        } else {
            for (int64_t x = 0; x < n; x++) c[x * step] = t[x] + add;
        }
    } else if (step == 1) {
        NAME(copy)(c, t, n);
    } else {
        for (int64_t x = 0; x < n; x++) c[x * step] = t[x];
    }
}

#define INTERLEAVE(n) NAME(put)(pair, __builtin_shufflevector(even, odd, LOW##n)); \
    NAME(put)(pair + LANES, __builtin_shufflevector(even, odd, HIGH##n))

static void NAME(store_pairs)(int64_t n, const void *tile0, const void *tile1, const void *bias, void *result) {
    const T *t0 = tile0, *t1 = tile1;
    T *c = result;
    for (int64_t x = 0; x < n; x += LANES) {
        VEC even = NAME(load)(t0 + x), odd = NAME(load)(t1 + x);
        if (bias) {
            even = even + (VEC)*(const T *)bias;
            odd = odd + (VEC)*(const T *)bias;
        }
        T pair[2 * VECTOR_BYTES / sizeof(T)];
#if VECTOR_BYTES / TYPE_BYTES == 16
        INTERLEAVE(16);
#elif VECTOR_BYTES / TYPE_BYTES == 8
        INTERLEAVE(8);
#elif VECTOR_BYTES / TYPE_BYTES == 4
        INTERLEAVE(4);
#else
        INTERLEAVE(2);
#endif
        NAME(copy)(c + 2 * x, pair, 2 * (n - x < LANES ? n - x : LANES));
    }
}

#undef INTERLEAVE
