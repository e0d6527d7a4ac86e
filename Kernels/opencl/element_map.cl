// A coupling's map of single elements, or its gradient (MAP, INVERSE, GRADIENT: see element_map.h), along ROWS rows of
// LENGTH elements, each with PARAMETERS parameters.
//
// GROUP = 1: work-item i has the rows SHARE i ..< + SHARE, by the function of element_map.h, whose text stands before
// this one's: for CPUs. Any local size; surplus work-items do nothing. GROUP > 1, gradients: a work-item for each
// element. GROUP > 1, else: work-groups of GROUP work-items, LANES for each row: 32, or the least power of two that is
// not below LENGTH. INDEX counts all parameters. Results overlap no operands.
#if GRADIENT
#define COTANGENTS PF_IN(value), PF_IN(log_det),
#else
#define COTANGENTS
#endif

__kernel
#if GROUP > 1
    __attribute__((reqd_work_group_size(GROUP, 1, 1)))
#endif
    void KERNEL(PF_IN(x), PF_IN(parameters), COTANGENTS PF_OUT(y), PF_OUT(own)) {
    const float least[] = LEAST;
    const em_map map = {BOUND, SPAN, DAMPING, BINS, least};
    __global const float *from = PF_POINTER(const float, x), *planes = PF_POINTER(const float, parameters);
    __global float *to = PF_POINTER(float, y), *rest_to = PF_POINTER(float, own);
#if GROUP == 1
    const INDEX first = (INDEX)get_global_id(0) * SHARE;
    const INDEX rows = min((INDEX)SHARE, (INDEX)ROWS - first), at = first * LENGTH;
    if (rows > 0) {
#if GRADIENT
        EM(rows)(MAP, INVERSE, true, map, rows, LENGTH, from + at, planes + at * PARAMETERS,
                 PF_POINTER(const float, value) + at, PF_POINTER(const float, log_det) + first, to + at,
                 rest_to + at * PARAMETERS);
#else
        EM(rows)(MAP, INVERSE, false, map, rows, LENGTH, from + at, planes + at * PARAMETERS, 0, 0, to + at,
                 rest_to + first);
#endif
    }
#elif GRADIENT
    const INDEX at = (INDEX)get_global_id(0);
    if (at < (INDEX)ROWS * LENGTH) {
        const INDEX row = at / LENGTH;
        float plane[PARAMETERS];
        const INDEX place = row * (PARAMETERS - 1) * LENGTH + at;
        for (int k = 0; k < PARAMETERS; k++) plane[k] = planes[place + (INDEX)k * LENGTH];
        const float in = from[at], of_y = PF_POINTER(const float, value)[at];
        const float of_log = PF_POINTER(const float, log_det)[row];
        float of_x;
#if MAP == EM_SPLINE
        EM(spline_gradient)(INVERSE, 1, map, &in, plane, &of_y, &of_log, &of_x);
#else
        EM(affine_gradient)(MAP == EM_SOFT_AFFINE, INVERSE, 1, map, &in, plane, &of_y, &of_log, &of_x);
#endif
        to[at] = of_x;
        for (int k = 0; k < PARAMETERS; k++) rest_to[place + (INDEX)k * LENGTH] = plane[k];
    }
#else
    __local float sums[GROUP], rests[GROUP];
    const int item = (int)get_local_id(0), l = item % LANES;
    const INDEX row = (INDEX)get_group_id(0) * (GROUP / LANES) + item / LANES, at = row * LENGTH;
    // Of the row's blocks, where there are several.
    float total = 0.0f, total_rest = 0.0f, log_slope = 0.0f;
// All lanes of the row into its first one; lanes that hold nothing are joined once more at the end.
#define TREE(sum, rest)                                                                                                \
    sums[item] = sum;                                                                                                  \
    rests[item] = rest;                                                                                                \
    for (int apart = LANES / 2; apart > 0; apart /= 2) {                                                               \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        if (l < apart) {                                                                                               \
            PF_JOIN(float, sums[item], rests[item], sums[item + apart], rests[item + apart]);                          \
        }                                                                                                              \
    }                                                                                                                  \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                      \
    sum = sums[item - l];                                                                                              \
    rest = rests[item - l];                                                                                            \
    if (LANES < 32) PF_JOIN(float, sum, rest, 0.0f, 0.0f);                                                             \
    barrier(CLK_LOCAL_MEM_FENCE)
    for (int first = 0, block = 0; first < LENGTH; first += EM_BLOCK, block++) {
        const int end = row < ROWS ? min(first + EM_BLOCK, LENGTH) : 0;
        float sum = 0.0f, rest = 0.0f;
        for (int e = first + l; e < end; e += LANES) {
            float plane[PARAMETERS];
            for (int k = 0; k < PARAMETERS; k++) plane[k] = planes[(row * PARAMETERS + k) * LENGTH + e];
            const float in = from[at + e];
            float out;
#if MAP == EM_SPLINE
            EM(spline)(INVERSE, 1, map, &in, plane, &out, &log_slope);
#else
            EM(affine)(MAP == EM_SOFT_AFFINE, INVERSE, 1, map, &in, plane, &out, &log_slope);
#endif
            to[at + e] = out;
            if (e == first + l) sum = log_slope;
            else PF_TAKE(float, sum, rest, log_slope);
        }
        TREE(sum, rest);
        if (LENGTH <= EM_BLOCK) {
            total = sum;
            total_rest = rest;
        } else {
            // The blocks' sums and rests, one after another, are elements of a block themselves.
            if (l == 2 * block % 32) PF_TAKE(float, total, total_rest, sum);
            if (l == (2 * block + 1) % 32) PF_TAKE(float, total, total_rest, pf_rest(sum, rest));
        }
    }
#if LENGTH > EM_BLOCK
    TREE(total, total_rest);
#endif
    // One element is not summed.
    if (l == 0 && row < ROWS) rest_to[row] = LENGTH == 1 ? log_slope : pf_total(total, total_rest);
#undef TREE
#endif
}
#undef COTANGENTS
