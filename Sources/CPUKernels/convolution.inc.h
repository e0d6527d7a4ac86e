// What convolution adds to the kernels of matmul.inc.h: padded images and interleaved stores.

INLINE void NAME(clear)(T *to, int64_t n) {
    int64_t x = 0;
    for (; x + LANES <= n; x += LANES) NAME(put)(to + x, (VEC)(T)0);
    if (x < n) NAME(put_some)(to + x, (VEC)(T)0, n - x);
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

#define INTERLEAVE(n) \
    VEC low = __builtin_shufflevector(even, odd, LOW##n), high = __builtin_shufflevector(even, odd, HIGH##n)

static void NAME(store_pairs)(int64_t n, const void *tile0, const void *tile1, const void *bias, void *result) {
    const T *t0 = tile0, *t1 = tile1;
    T *c = result;
    for (int64_t x = 0; x < n; x += LANES) {
        VEC even = NAME(load)(t0 + x), odd = NAME(load)(t1 + x);
        if (bias) {
            even = even + (VEC)*(const T *)bias;
            odd = odd + (VEC)*(const T *)bias;
        }
#if VECTOR_BYTES / TYPE_BYTES == 16
        INTERLEAVE(16);
#elif VECTOR_BYTES / TYPE_BYTES == 8
        INTERLEAVE(8);
#elif VECTOR_BYTES / TYPE_BYTES == 4
        INTERLEAVE(4);
#else
        INTERLEAVE(2);
#endif
        int64_t rest = 2 * (n - x);
        if (rest >= LANES) NAME(put)(c + 2 * x, low);
        else NAME(put_some)(c + 2 * x, low, rest);
        if (rest >= 2 * LANES) NAME(put)(c + 2 * x + LANES, high);
        else if (rest > LANES) NAME(put_some)(c + 2 * x + LANES, high, rest - LANES);
    }
}

#undef INTERLEAVE
