// Rows of softmax, log-softmax or their gradients (Composite in the graph says what they are), on one
// processor.
//
// Valid C and OpenCL C 1.2, after scalar.h. Include it once per instruction set, after
//     #define SM(name) name##_avx512    // how the functions of this inclusion are called
// and #undef it afterwards; without SM it defines its constants only. In OpenCL it is part of a kernel's text and named after it.
//
// The order of arithmetic is that of the subgraph's loops (pf_loop.h): 32 lanes, then a tree over them. A row has 32 to
// SM_LONGEST elements: one block, and no lane is empty. `out` overlaps neither operand.
#ifndef SM_LONGEST
#define SM_LONGEST 1024
// Elements that stay in the innermost cache.
#define SM_TILE 2048
#define SM_SOFTMAX 0
#define SM_LOG_SOFTMAX 1
#define SM_SOFTMAX_GRADIENT 2
#define SM_LOG_SOFTMAX_GRADIENT 3
#ifdef __OPENCL_C_VERSION__
#define SM_DEVICE __global
#define SM_INT INDEX
typedef float16 sm_16;
#define SM_LOAD(place) vload16(0, place)
#define SM_STORE(value, place) vstore16(value, 0, place)
#define SM_JOINED(kernel, name) kernel##_##name
#define SM_NAMED(kernel, name) SM_JOINED(kernel, name)
#define SM(name) SM_NAMED(KERNEL, name)
#else
#define SM_DEVICE
#define SM_INT int64_t
typedef float sm_16 __attribute__((ext_vector_type(16)));
typedef float sm_16_anywhere __attribute__((ext_vector_type(16), aligned(4)));
#define SM_LOAD(place) (*(const sm_16_anywhere *)(place))
#define SM_STORE(value, place) (*(sm_16_anywhere *)(place) = (value))
#endif
#define SM_EACH _Pragma("clang loop vectorize(assume_safety) vectorize_width(16)")
#define SM_LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define SM_PLUS(a, b) ((a) + (b))
// Combines v[0..<n], a multiple of 32, into `result`.
#define SM_COMBINE(result, v, n, OP)                                                                                   \
    do {                                                                                                               \
        sm_16 low = SM_LOAD(v), high = SM_LOAD((v) + 16);                                                              \
        for (SM_INT e = 32; e < (n); e += 32) {                                                                        \
            const sm_16 next_low = SM_LOAD((v) + e), next_high = SM_LOAD((v) + e + 16);                                \
            low = OP(low, next_low);                                                                                   \
            high = OP(high, next_high);                                                                                \
        }                                                                                                              \
        float lane[16];                                                                                                \
        SM_STORE(OP(low, high), lane);                                                                                 \
        _Pragma("unroll") for (int apart = 8; apart > 0; apart /= 2) {                                                 \
            for (int l = 0; l < apart; l++) lane[l] = OP(lane[l], lane[l + apart]);                                    \
        }                                                                                                              \
        result = lane[0];                                                                                              \
    } while (0)
#endif

#ifdef SM
/// The whole rows of a tile: rows * n <= SM_TILE. kind: one of SM_SOFTMAX ...; g: the cotangents, of gradients only.
/// Rows take each step together, so that the chains of one row's lanes and logarithm overlap those of others.
PF_INLINE void SM(softmax_tile)(const int kind, const SM_INT rows, const SM_INT n, SM_DEVICE const float *x,
                                SM_DEVICE const float *g, SM_DEVICE float *out) {
    // Rows in `value` begin at multiples of 32, filled up with what changes no lane.
    float value[2 * SM_TILE], shift[SM_TILE / 32], total[SM_TILE / 32];
    const SM_INT filled = (n + 31) / 32 * 32;
    for (SM_INT row = 0; row < rows; row++) {
        float peak;
        if (filled == n) {
            SM_COMBINE(peak, x + row * n, n, SM_LARGER);
        } else {
            float *of_row = value + row * filled;
            SM_EACH for (SM_INT i = 0; i < n; i++) of_row[i] = x[row * n + i];
            for (SM_INT i = n; i < filled; i++) of_row[i] = -PF_INFINITY;
            SM_COMBINE(peak, of_row, filled, SM_LARGER);
        }
        shift[row] = pf_is_finite(peak) ? peak : 0.0f;
    }
    for (SM_INT row = 0; row < rows; row++) {
        float *of_row = value + row * filled;
        const float of_shift = shift[row];
        SM_EACH for (SM_INT i = 0; i < n; i++) of_row[i] = pf_exp(x[row * n + i] - of_shift);
        for (SM_INT i = n; i < filled; i++) of_row[i] = -0.0f;
        SM_COMBINE(total[row], of_row, filled, SM_PLUS);
    }
    if (kind == SM_LOG_SOFTMAX) {
        SM_EACH for (SM_INT row = 0; row < rows; row++) total[row] = pf_log(total[row]) + shift[row];
    }
    for (SM_INT row = 0; row < rows; row++) {
        float *of_row = value + row * filled;
        const float of_total = total[row];
        SM_DEVICE float *result = out + row * n;
        if (kind == SM_LOG_SOFTMAX) {
            SM_EACH for (SM_INT i = 0; i < n; i++) result[i] = x[row * n + i] - of_total;
        } else if (kind == SM_SOFTMAX) {
            SM_EACH for (SM_INT i = 0; i < n; i++) result[i] = of_row[i] / of_total;
        } else {
            SM_DEVICE const float *of_g = g + row * n;
            float weight[SM_LONGEST], sum;
            if (kind == SM_LOG_SOFTMAX_GRADIENT && filled == n) {
                SM_COMBINE(sum, of_g, n, SM_PLUS);
            } else {
                SM_EACH for (SM_INT i = 0; i < n; i++) {
                    weight[i] = kind == SM_SOFTMAX_GRADIENT ? of_row[i] / of_total * of_g[i] : of_g[i];
                }
                for (SM_INT i = n; i < filled; i++) weight[i] = -0.0f;
                SM_COMBINE(sum, weight, filled, SM_PLUS);
            }
            if (kind == SM_SOFTMAX_GRADIENT) {
                SM_EACH for (SM_INT i = 0; i < n; i++) result[i] = of_row[i] / of_total * (of_g[i] - sum);
            } else {
                SM_EACH for (SM_INT i = 0; i < n; i++) result[i] = of_g[i] - of_row[i] / of_total * sum;
            }
        }
    }
}
#endif
