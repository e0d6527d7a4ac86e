// Softmax, log-softmax or a gradient of theirs (KIND, see softmax.h) along ROWS rows of LENGTH elements, 32 to 1024.
//
// GROUP = 1: work-item i has the rows SHARE i ..< + SHARE, a tile, by the function of softmax.h, whose text stands before this
// one's: for CPUs. Any local size; surplus work-items do nothing. GROUP > 1, a multiple of 32: work-groups of GROUP
// work-items, 32 for each row. INDEX counts the elements of all rows. `out` overlaps neither operand.
#if KIND == SM_SOFTMAX_GRADIENT || KIND == SM_LOG_SOFTMAX_GRADIENT
#define COTANGENT (PF_POINTER(const float, g) + at)
#else
#define COTANGENT 0
#endif

__kernel
#if GROUP > 1
    __attribute__((reqd_work_group_size(GROUP, 1, 1)))
#endif
    void KERNEL(PF_IN(x),
#if KIND == SM_SOFTMAX_GRADIENT || KIND == SM_LOG_SOFTMAX_GRADIENT
    PF_IN(g),
#endif
    PF_OUT(out)) {
#if GROUP == 1
    const INDEX first = (INDEX)get_global_id(0) * SHARE;
    const INDEX last = min(first + SHARE, (INDEX)ROWS);
    if (first < last) {
        const INDEX at = first * LENGTH;
        SM(softmax_tile)(KIND, last - first, LENGTH, PF_POINTER(const float, x) + at, COTANGENT,
                         PF_POINTER(float, out) + at);
    }
#else
    __local float lane[GROUP];
    const int item = (int)get_local_id(0), l = item % 32;
    const INDEX row = (INDEX)get_group_id(0) * (GROUP / 32) + item / 32;
    const int end = row < ROWS ? LENGTH : 0;
    const INDEX at = row * LENGTH;
    __global const float *values = PF_POINTER(const float, x) + at;
    __global float *results = PF_POINTER(float, out) + at;
// All lanes of the row into every work-item's `held`.
#define TREE(OP)                                                                                                       \
    lane[item] = held;                                                                                                 \
    for (int apart = 16; apart > 0; apart /= 2) {                                                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        if (l < apart) lane[item] = OP(lane[item], lane[item + apart]);                                                \
    }                                                                                                                  \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                      \
    held = lane[item - l];                                                                                             \
    barrier(CLK_LOCAL_MEM_FENCE);
    float held = -PF_INFINITY;
    for (int e = l; e < end; e += 32) held = SM_LARGER(held, values[e]);
    TREE(SM_LARGER)
    const float shift = pf_is_finite(held) ? held : 0.0f;
    held = -0.0f;
    for (int e = l; e < end; e += 32) held = held + pf_exp(values[e] - shift);
    TREE(SM_PLUS)
    const float total = held;
#if KIND == SM_SOFTMAX
    for (int e = l; e < end; e += 32) results[e] = pf_exp(values[e] - shift) / total;
#elif KIND == SM_LOG_SOFTMAX
    const float logarithm = pf_log(total) + shift;
    for (int e = l; e < end; e += 32) results[e] = values[e] - logarithm;
#else
    __global const float *cotangents = COTANGENT;
    held = -0.0f;
#if KIND == SM_LOG_SOFTMAX_GRADIENT
    for (int e = l; e < end; e += 32) held = held + cotangents[e];
    TREE(SM_PLUS)
    for (int e = l; e < end; e += 32) results[e] = cotangents[e] - pf_exp(values[e] - shift) / total * held;
#else
    for (int e = l; e < end; e += 32) held = held + pf_exp(values[e] - shift) / total * cotangents[e];
    TREE(SM_PLUS)
    for (int e = l; e < end; e += 32) results[e] = pf_exp(values[e] - shift) / total * (cotangents[e] - held);
#endif
#endif
#undef TREE
#endif
}
#undef COTANGENT
