// For each of ROWS rows of LENGTH values the index (int) of the best one: the largest (ORDER is >) or smallest (<), the
// first among equals; the first NaN wins over all.
//
// LANES = 0: work-item g scans the rows SHARE g ..< + SHARE, in vectors (VECTOR: 16 of TYPE, compared to a MASK) where
// rows are long: for CPUs. Any local size; surplus work-items do nothing. LANES > 0, a power of two <= LENGTH:
// work-groups of GROUP work-items, LANES for each row. INDEX counts the elements of all rows. No aliasing.

// Whether value a is better than b, of numbers and of each lane of vectors. NaN is better than every number.
#define BETTER(a, b) ((a) ORDER (b) || ((a) != (a) && (b) == (b)))
#define BETTER_LANES(a, b) (((a) ORDER (b)) | (((a) != (a)) & ((b) == (b))))
// Whether value a at place i goes before value b at place j. Total, so it does not matter which are compared first.
#define BEFORE(a, i, b, j) (BETTER(a, b) || (!BETTER(b, a) && (i) < (j)))

#if LANES
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PF_IN(values), PF_OUT(out)) {
    __local TYPE bests[GROUP];
    __local int places[GROUP];
    const uint item = (uint)get_local_id(0);
    const int lane = (int)(item % LANES);
    const INDEX row = (INDEX)get_group_id(0) * (GROUP / LANES) + (INDEX)(item / LANES);
    TYPE best = 0;
    int place = lane;
    if (row < ROWS) {
        __global const TYPE *x = PF_POINTER(const TYPE, values) + row * LENGTH;
        best = x[lane];
        for (int i = lane + LANES; i < LENGTH; i += LANES) {
            if (BETTER(x[i], best)) {
                best = x[i];
                place = i;
            }
        }
    }
    bests[item] = best;
    places[item] = place;
    for (int apart = LANES / 2; apart > 0; apart /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < apart && BEFORE(bests[item + apart], places[item + apart], bests[item], places[item])) {
            bests[item] = bests[item + apart];
            places[item] = places[item + apart];
        }
    }
    if (lane == 0 && row < ROWS) PF_POINTER(int, out)[row] = places[item];
}
#else
__kernel void KERNEL(PF_IN(values), PF_OUT(out)) {
    const INDEX first = (INDEX)get_global_id(0) * SHARE;
    const INDEX last = min(first + SHARE, (INDEX)ROWS);
    for (INDEX row = first; row < last; row++) {
        __global const TYPE *x = PF_POINTER(const TYPE, values) + row * LENGTH;
        TYPE best = x[0];
        int place = 0, next = 1;
#if LENGTH >= 64
        const int16 lanes = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        VECTOR bests = vload16(0, x);
        int16 at = lanes;
        for (next = 16; next + 16 <= LENGTH; next += 16) {
            const VECTOR value = vload16(0, x + next);
            const MASK better = BETTER_LANES(value, bests);
            bests = better ? value : bests;
            at = convert_int16(better) ? lanes + next : at;
        }
        TYPE values16[16];
        int places16[16];
        vstore16(bests, 0, values16);
        vstore16(at, 0, places16);
        best = values16[0];
        place = places16[0];
        for (int i = 1; i < 16; i++) {
            if (BEFORE(values16[i], places16[i], best, place)) {
                best = values16[i];
                place = places16[i];
            }
        }
#endif
        for (; next < LENGTH; next++) {
            if (BETTER(x[next], best)) {
                best = x[next];
                place = next;
            }
        }
        PF_POINTER(int, out)[row] = place;
    }
}
#endif
#undef BETTER
#undef BETTER_LANES
#undef BEFORE
