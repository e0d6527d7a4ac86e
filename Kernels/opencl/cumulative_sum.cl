// Running sums from 0 along each of ROWS rows of LENGTH values, first to last or (REVERSE) last to first; EXCLUSIVE:
// without the element itself. One chain of additions per row, so only rows are parallel. TYPE is an unsigned integer
// or float.
//
// TILE = 0: work-item g sums the rows SHARE g ..< + SHARE: for CPUs. Any local size; surplus work-items do nothing.
// TILE > 0: a work-group of GROUP work-items moves tiles of SHARE rows (<= GROUP) by TILE steps through local memory,
// where SHARE of them sum. INDEX counts the elements of all rows. `out` may be `values`.
#if REVERSE
#define COLUMN(step) (LENGTH - 1 - (step))
#else
#define COLUMN(step) (step)
#endif

#if TILE
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PF_IN(values), PF_OUT(out)) {
    // An odd pitch keeps the summing work-items in different banks.
    __local TYPE tile[SHARE][TILE + 1];
    const uint item = (uint)get_local_id(0);
    const INDEX first = (INDEX)get_group_id(0) * SHARE;
    TYPE sum = 0;
    for (int from = 0; from < LENGTH; from += TILE) {
        for (uint e = item; e < SHARE * TILE; e += GROUP) {
            const INDEX row = first + (INDEX)(e / TILE);
            const int step = from + (int)(e % TILE);
            const bool inside = row < ROWS && step < LENGTH;
            tile[e / TILE][e % TILE] = inside ? PF_POINTER(const TYPE, values)[row * LENGTH + COLUMN(step)] : (TYPE)0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < SHARE) {
            for (int step = 0; step < TILE; step++) {
                const TYPE before = sum;
                sum = (TYPE)(sum + tile[item][step]);
                tile[item][step] = EXCLUSIVE ? before : sum;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint e = item; e < SHARE * TILE; e += GROUP) {
            const INDEX row = first + (INDEX)(e / TILE);
            const int step = from + (int)(e % TILE);
            if (row < ROWS && step < LENGTH) {
                PF_POINTER(TYPE, out)[row * LENGTH + COLUMN(step)] = tile[e / TILE][e % TILE];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#else
__kernel void KERNEL(PF_IN(values), PF_OUT(out)) {
    const INDEX first = (INDEX)get_global_id(0) * SHARE;
    const INDEX last = min(first + SHARE, (INDEX)ROWS);
    for (INDEX row = first; row < last; row++) {
        __global const TYPE *x = PF_POINTER(const TYPE, values) + row * LENGTH;
        __global TYPE *sums = PF_POINTER(TYPE, out) + row * LENGTH;
        TYPE sum = 0;
        for (int step = 0; step < LENGTH; step++) {
            const TYPE before = sum;
            sum = (TYPE)(sum + x[COLUMN(step)]);
            sums[COLUMN(step)] = EXCLUSIVE ? before : sum;
        }
    }
}
#endif
#undef COLUMN
