// Compensated sums: lanes are the pairs of compensated.h, all sums lying before all compensations. COMPENSATED makes
// what takes and joins them, with the vectors of the plain sum; COMPENSATED_END what makes results of them.
#define COMPENSATED(name, plain, T, total, rest_of)                                                                   \
    static inline __attribute__((always_inline)) void LEVEL(name##_lanes_inline)(                                     \
        void *lanes, const void *values, int64_t n, int64_t readable, bool first) {                                   \
        typedef LEVEL(plain##_32) V;                                                                                  \
        const T *v = values;                                                                                          \
        V *held = lanes;                                                                                              \
        int64_t i = first ? (n < PF_LANES ? n : PF_LANES) : 0;                                                        \
        V sum, rest = (V)(T)0;                                                                                        \
        if (!first) sum = held[0], rest = held[1];                                                                    \
        else if (n >= PF_LANES) sum = *(const V *)v;                                                                  \
        else LEVEL(plain##_part)(&sum, v, n, readable, (T)0);                                                         \
        for (; i + PF_LANES <= n; i += PF_LANES) {                                                                    \
            V next = *(const V *)(v + i);                                                                             \
            PF_TAKE(V, sum, rest, next);                                                                              \
        }                                                                                                             \
        if (i < n) {                                                                                                  \
            V next;                                                                                                   \
            LEVEL(plain##_part)(&next, v + i, n - i, readable - i, -(T)0);                                            \
            PF_TAKE(V, sum, rest, next);                                                                              \
        }                                                                                                             \
        held[0] = sum;                                                                                                \
        held[1] = rest;                                                                                               \
    }                                                                                                                 \
    static void LEVEL(name##_lanes)(void *lanes, const void *values, int64_t n, bool first) {                         \
        LEVEL(name##_lanes_inline)(lanes, values, n, n, first);                                                       \
    }                                                                                                                 \
    static inline __attribute__((always_inline)) void LEVEL(name##_tree)(T *sum, T *rest, const void *lanes) {        \
        const LEVEL(plain##_32) v = ((const LEVEL(plain##_32) *)lanes)[0], w = ((const LEVEL(plain##_32) *)lanes)[1]; \
        LEVEL(plain##_16) a = __builtin_shufflevector(v, v, LOW_16), b = __builtin_shufflevector(v, v, HIGH_16);      \
        LEVEL(plain##_16) ra = __builtin_shufflevector(w, w, LOW_16), rb = __builtin_shufflevector(w, w, HIGH_16);    \
        PF_JOIN(LEVEL(plain##_16), a, ra, b, rb);                                                                     \
        LEVEL(plain##_8) c = __builtin_shufflevector(a, a, LOW_8), d = __builtin_shufflevector(a, a, HIGH_8);         \
        LEVEL(plain##_8) rc = __builtin_shufflevector(ra, ra, LOW_8), rd = __builtin_shufflevector(ra, ra, HIGH_8);   \
        PF_JOIN(LEVEL(plain##_8), c, rc, d, rd);                                                                      \
        LEVEL(plain##_4) e = __builtin_shufflevector(c, c, LOW_4), f = __builtin_shufflevector(c, c, HIGH_4);         \
        LEVEL(plain##_4) re = __builtin_shufflevector(rc, rc, LOW_4), rf = __builtin_shufflevector(rc, rc, HIGH_4);   \
        PF_JOIN(LEVEL(plain##_4), e, re, f, rf);                                                                      \
        LEVEL(plain##_2) g = __builtin_shufflevector(e, e, LOW_2), h = __builtin_shufflevector(e, e, HIGH_2);         \
        LEVEL(plain##_2) rg = __builtin_shufflevector(re, re, LOW_2), rh = __builtin_shufflevector(re, re, HIGH_2);   \
        PF_JOIN(LEVEL(plain##_2), g, rg, h, rh);                                                                      \
        T x = g.x, rx = rg.x;                                                                                         \
        PF_JOIN(T, x, rx, g.y, rg.y);                                                                                 \
        *sum = x;                                                                                                     \
        *rest = rx;                                                                                                   \
    }                                                                                                                 \
    static void LEVEL(name##_take)(void *into, const void *values, int64_t n, int64_t apart) {                        \
        T *s = into, *r = s + apart;                                                                                  \
        const T *v = values;                                                                                          \
        EACH {                                                                                                        \
            T sum = s[i], rest = r[i], x = v[i];                                                                      \
            PF_TAKE(T, sum, rest, x);                                                                                 \
            s[i] = sum;                                                                                               \
            r[i] = rest;                                                                                              \
        }                                                                                                             \
    }                                                                                                                 \
    static void LEVEL(name##_join)(void *into, const void *lanes, int64_t n, int64_t apart) {                         \
        T *s = into, *r = s + apart;                                                                                  \
        const T *t = lanes, *q = t + apart;                                                                           \
        EACH {                                                                                                        \
            T sum = s[i], rest = r[i], x = t[i], y = q[i];                                                            \
            PF_JOIN(T, sum, rest, x, y);                                                                              \
            s[i] = sum;                                                                                               \
            r[i] = rest;                                                                                              \
        }                                                                                                             \
    }                                                                                                                 \
    static inline __attribute__((always_inline)) void LEVEL(name##_put)(                                              \
        T *result, int64_t step, T sum, T rest, const bool pairs) {                                                   \
        *result = pairs ? sum : total(sum, rest);                                                                     \
        if (pairs) result[step] = rest_of(sum, rest);                                                                 \
    }

#define COMPENSATED_END(name, lanes_of, plain, T, pairs)                                                              \
    static inline __attribute__((always_inline)) void LEVEL(name##_finish_inline)(void *result, const void *lanes) {  \
        T sum, rest;                                                                                                  \
        LEVEL(lanes_of##_tree)(&sum, &rest, lanes);                                                                   \
        LEVEL(lanes_of##_put)(result, 1, sum, rest, pairs);                                                           \
    }                                                                                                                 \
    static void LEVEL(name##_finish)(void *result, const void *lanes) { LEVEL(name##_finish_inline)(result, lanes); } \
    static void LEVEL(name##_rows)(void *results, const void *values, int64_t rows, int64_t length) {                 \
        for (int64_t r = 0; r < rows; r++) {                                                                          \
            LEVEL(plain##_32) lanes[2];                                                                               \
            LEVEL(lanes_of##_lanes_inline)(                                                                           \
                lanes, (const T *)values + r * length, length, (rows - r) * length, true);                            \
            LEVEL(name##_finish_inline)((T *)results + (pairs ? 2 * r : r), lanes);                                   \
        }                                                                                                             \
    }                                                                                                                 \
    static void LEVEL(name##_results)(void *results, const void *lanes, int64_t n, int64_t apart, int64_t step) {     \
        T *p = results;                                                                                               \
        const T *s = lanes, *r = s + apart;                                                                           \
        EACH LEVEL(lanes_of##_put)(p + i, step, s[i], r[i], pairs);                                                   \
    }

COMPENSATED(compensated_f32, sum_f32, float, pf_total, pf_rest)
COMPENSATED(compensated_f64, sum_f64, double, pf_total_f64, pf_rest_f64)
COMPENSATED_END(total_f32, compensated_f32, sum_f32, float, false)
COMPENSATED_END(total_f64, compensated_f64, sum_f64, double, false)
COMPENSATED_END(pairs_f32, compensated_f32, sum_f32, float, true)
COMPENSATED_END(pairs_f64, compensated_f64, sum_f64, double, true)
