// What convolution adds to the kernels of matmul.inc.h: padded images and interleaved stores.

#define EVEN2 0, 2
#define EVEN4 EVEN2, 4, 6
#define EVEN8 EVEN4, 8, 10, 12, 14
#define EVEN16 EVEN8, 16, 18, 20, 22, 24, 26, 28, 30

INLINE void NAME(clear)(T *to, int64_t n) {
    int64_t x = 0;
    for (; x + LANES <= n; x += LANES) NAME(put)(to + x, (VEC)(T)0);
    if (x < n) NAME(put_some)(to + x, (VEC)(T)0, n - x);
}

// Every other element of from, n of them.
INLINE void NAME(copy_even)(T *to, const T *from, int64_t n) {
    for (int64_t x = 0; x < n; x += LANES) {
        int64_t some = n - x < LANES ? n - x : LANES, last = 2 * some - 1;
        VEC low = last >= LANES ? NAME(load)(from + 2 * x) : NAME(load_some)(from + 2 * x, last);
        VEC high = last > LANES ? NAME(load_some)(from + 2 * x + LANES, last - LANES) : (VEC)(T)0;
#if VECTOR_BYTES / TYPE_BYTES == 16
        VEC even = __builtin_shufflevector(low, high, EVEN16);
#elif VECTOR_BYTES / TYPE_BYTES == 8
        VEC even = __builtin_shufflevector(low, high, EVEN8);
#elif VECTOR_BYTES / TYPE_BYTES == 4
        VEC even = __builtin_shufflevector(low, high, EVEN4);
#else
        VEC even = __builtin_shufflevector(low, high, EVEN2);
#endif
        if (some == LANES) NAME(put)(to + x, even);
        else NAME(put_some)(to + x, even, some);
    }
}

#ifdef LOAD_BITS

// Rows of so many vectors at most, whose columns low..<high lie in the image; column 0 would be from[0]. Lanes outside
// are not read, and what a store spills over is written next.
#define MASKED_VECTORS 4
// How far ahead an image is fetched: padding waits for memory more than it works.
#define PAD_AHEAD ((int64_t)(2048 / sizeof(T)))

INLINE void NAME(pad_masked)(const int vectors, const T *from, int64_t rows, int64_t row, int64_t step, int64_t h,
                             int64_t w, int64_t low, int64_t high, int64_t columns, T *to, const T *end) {
    uint32_t bits[MASKED_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) {
        int64_t first = low - v * LANES, last = high - v * LANES;
        if (first < 0) first = 0;
        if (last > LANES) last = LANES;
        bits[v] = last > first ? ((1u << last) - 1) & ~((1u << first) - 1) : 0;
    }
    from += row * w;
    for (int64_t y = 0; y < rows; y++, row += step, from += step * w, to += columns) {
        bool inside = row >= 0 && row < h;
        __builtin_prefetch(from + PAD_AHEAD);
        UNROLL for (int v = 0; v < vectors; v++) {
            VEC x = (VEC)(T)0;
            if (inside) x = LOAD_BITS(from + v * LANES, bits[v]);
            if (v < vectors - 1 || end - to >= vectors * LANES) NAME(put)(to + v * LANES, x);
            else NAME(put_some)(to + v * LANES, x, columns - v * LANES);
        }
    }
}

#endif

static void NAME(pad)(const void *source, int64_t h, int64_t w, int64_t top, int64_t left, int64_t sh, int64_t sw,
                      int64_t ph, int64_t pw, void *target) {
    T *to = target;
    const T *end = to + sh * sw * ph * pw;
    for (int64_t phase = 0; phase < sh * sw; phase++) {
        // A division costs as much as a row.
        int64_t py = (sw == 1 ? phase : phase / sw) - top, px = (sw == 1 ? 0 : phase % sw) - left;
        // Columns low..<high of this phase lie in the image.
        int64_t low = px >= 0 ? 0 : -px, high = px >= w ? 0 : w - px;
        if (sw > 1) {
            low = (low + sw - 1) / sw;
            high = (high + sw - 1) / sw;
        }
        if (low > pw) low = pw;
        if (high > pw) high = pw;
        if (high < low) high = low;
#ifdef LOAD_BITS
        if (sw == 1 && pw <= MASKED_VECTORS * LANES) {
            const T *from = (const T *)source + px;
            switch ((pw + LANES - 1) / LANES) {
            case 1: NAME(pad_masked)(1, from, ph, py, sh, h, w, low, high, pw, to, end); break;
            case 2: NAME(pad_masked)(2, from, ph, py, sh, h, w, low, high, pw, to, end); break;
            case 3: NAME(pad_masked)(3, from, ph, py, sh, h, w, low, high, pw, to, end); break;
            default: NAME(pad_masked)(MASKED_VECTORS, from, ph, py, sh, h, w, low, high, pw, to, end); break;
            }
            to += ph * pw;
            continue;
        }
#endif
        for (int64_t y = 0; y < ph; y++, to += pw) {
            int64_t row = y * sh + py;
            bool inside = row >= 0 && row < h;
            if (!inside || high - low < pw) {
                // Whole vectors; what they spill over is written next.
                if (end - to >= pw + LANES) for (int64_t x = 0; x < pw; x += LANES) NAME(put)(to + x, (VEC)(T)0);
                else NAME(clear)(to, pw);
            }
            if (!inside) continue;
            const T *from = (const T *)source + row * w + low * sw + px;
            int64_t count = high - low;
            if (sw == 1 && count < LANES) {
                NAME(put_some)(to + low, NAME(load_some)(from, count), count);
            } else if (sw == 1) {
                NAME(copy)(to + low, from, count);
            } else if (sw == 2) {
                NAME(copy_even)(to + low, from, count);
            } else {
                for (int64_t x = 0; x < count; x++) to[low + x] = from[sw * x];
            }
        }
    }
}

static void NAME(store_run)(int64_t m, int64_t n, const void *tile, int64_t t_step, const void *bias, bool rectify,
                            const void *mask, void *result, int64_t c_step, int64_t step) {
    for (int64_t i = 0; i < m; i++) {
        const T *t = (const T *)tile + i * t_step, *add = bias ? (const T *)bias + i : NULL;
        const T *y = mask ? (const T *)mask + i * c_step : NULL;
        T *c = (T *)result + i * c_step;
        VEC addend = add ? (VEC)*add : (VEC)(T)0;
        if (step == 1) {
            int64_t x = 0;
            for (; x + LANES <= n; x += LANES) {
                VEC some = NAME(finished)(NAME(load)(t + x), addend, add, rectify);
                NAME(put)(c + x, y ? NAME(gated)(some, y + x, LANES) : some);
            }
            if (x < n) {
                VEC some = NAME(finished)(NAME(load_some)(t + x, n - x), addend, add, rectify);
                NAME(put_some)(c + x, y ? NAME(gated)(some, y + x, n - x) : some, n - x);
            }
        } else {
            for (int64_t x = 0; x < n; x++) {
                T value = add ? t[x] + *add : t[x];
                c[x * step] = (rectify && !(value > 0)) || (y && !(y[x * step] > 0)) ? 0 : value;
            }
        }
    }
}

#define INTERLEAVE(n) \
    VEC low = __builtin_shufflevector(even, odd, LOW##n), high = __builtin_shufflevector(even, odd, HIGH##n)

static void NAME(store_pairs)(int64_t m, int64_t n, const void *tile0, const void *tile1, int64_t t_step,
                              const void *bias, bool rectify, void *result, int64_t c_step) {
    for (int64_t i = 0; i < m; i++) {
        const T *t0 = (const T *)tile0 + i * t_step, *t1 = (const T *)tile1 + i * t_step;
        T *c = (T *)result + i * c_step;
        VEC add = bias ? (VEC)((const T *)bias)[i] : (VEC)(T)0;
        for (int64_t x = 0; x < n; x += LANES) {
            VEC even = NAME(finished)(NAME(load)(t0 + x), add, bias, rectify);
            VEC odd = NAME(finished)(NAME(load)(t1 + x), add, bias, rectify);
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
}

#undef INTERLEAVE
#undef MASKED_VECTORS
#undef PAD_AHEAD
#undef EVEN2
#undef EVEN4
#undef EVEN8
#undef EVEN16
