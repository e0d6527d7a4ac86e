// The compensated sums of rows that are the log-dets of element_map.h, on one processor.
//
// Valid C and OpenCL C 1.2, after scalar.h and compensated.h; functions are called as those of element_map.h, which
// includes this file.
#ifndef EM_BLOCK
// Elements of a block of the reduction order (pf_loop.h).
#define EM_BLOCK 1024
#ifdef __OPENCL_C_VERSION__
typedef float2 em_2;
typedef float4 em_4;
typedef float8 em_8;
typedef float16 em_16;
#define EM_LOAD(place) vload16(0, place)
#define EM_JOINED(kernel, name) kernel##_##name
#define EM_NAMED(kernel, name) EM_JOINED(kernel, name)
#define EM(name) EM_NAMED(KERNEL, name)
#else
typedef float em_2 __attribute__((ext_vector_type(2)));
typedef float em_4 __attribute__((ext_vector_type(4)));
typedef float em_8 __attribute__((ext_vector_type(8)));
typedef float em_16 __attribute__((ext_vector_type(16)));
typedef float em_16_anywhere __attribute__((ext_vector_type(16), aligned(4)));
#define EM_LOAD(place) (*(const em_16_anywhere *)(place))
#endif
// Not .hi, whose fourth element Oclgrind 21.10 takes for uninitialised.
#define EM_UPPER(sixteen) (((const em_8 *)&(sixteen))[1])
#define EM_VECTORS _Pragma("clang loop vectorize(assume_safety) vectorize_width(16)")
#endif

#ifdef EM
/// The compensated sum of a block of n elements, as pf_loop.h has it: 16 < n.
PF_INLINE void EM(sum)(const float *v, const int n, float *sum, float *rest) {
    float part[32];
    const int whole = n / 32 * 32;
    for (int l = 0; l < 32; l++) part[l] = l < n - whole ? v[whole + l] : (whole > 0 ? -0.0f : 0.0f);
    const float *begin = whole > 0 ? v : part;
    em_16 low = EM_LOAD(begin), high = EM_LOAD(begin + 16), low_rest = (em_16)(0.0f), high_rest = (em_16)(0.0f);
    for (int e = 32; e <= whole && e < n; e += 32) {
        const float *place = e == whole ? part : v + e;
        const em_16 next_low = EM_LOAD(place), next_high = EM_LOAD(place + 16);
        PF_TAKE(em_16, low, low_rest, next_low);
        PF_TAKE(em_16, high, high_rest, next_high);
    }
    PF_JOIN(em_16, low, low_rest, high, high_rest);
    em_8 a = low.lo, a_rest = low_rest.lo;
    PF_JOIN(em_8, a, a_rest, EM_UPPER(low), EM_UPPER(low_rest));
    em_4 b = a.lo, b_rest = a_rest.lo;
    PF_JOIN(em_4, b, b_rest, a.hi, a_rest.hi);
    em_2 c = b.lo, c_rest = b_rest.lo;
    PF_JOIN(em_2, c, c_rest, b.hi, b_rest.hi);
    *sum = c.x;
    *rest = c_rest.x;
    PF_JOIN(float, *sum, *rest, c.y, c_rest.y);
}

/// The sums of several rows' blocks of n elements, rows * n <= EM_BLOCK.
PF_INLINE void EM(sums)(const float *v, const int rows, const int n, float *sum, float *rest) {
    if (n > 16) {
        for (int r = 0; r < rows; r++) EM(sum)(v + r * n, n, sum + r, rest + r);
        return;
    }
    // Few lanes, each of all rows side by side.
    float lane[2 * EM_BLOCK], lane_rest[2 * EM_BLOCK];
    int lanes = 1;
    while (lanes < n) lanes *= 2;
    for (int l = 0; l < lanes; l++) {
        EM_VECTORS for (int r = 0; r < rows; r++) {
            lane[l * rows + r] = l < n ? v[r * n + l] : 0.0f;
            lane_rest[l * rows + r] = 0.0f;
        }
    }
    for (int apart = lanes / 2 * rows; apart >= rows; apart = apart / rows / 2 * rows) {
        EM_VECTORS for (int i = 0; i < apart; i++) {
            PF_JOIN(float, lane[i], lane_rest[i], lane[i + apart], lane_rest[i + apart]);
        }
    }
    // To join the other lanes, which hold nothing, once is to join them at every level.
    EM_VECTORS for (int r = 0; r < rows; r++) {
        PF_JOIN(float, lane[r], lane_rest[r], 0.0f, 0.0f);
        sum[r] = lane[r];
        rest[r] = lane_rest[r];
    }
}
#endif
