// out[r] = sum of updates[i] over i with index[i] == r, from 0 in ascending i; rows of ROW elements. Rows without
// updates are 0; indices outside 0..<TABLE_ROWS are skipped. `order` is the stable ascending argsort of the COUNT
// indices taken as uint, so that the updates of a row follow one another.
//
// Work-item g sums the elements PIECE (g % PIECES) ..< + PIECE of the rows SHARE (g / PIECES) ..< + SHARE. Any local
// size; surplus work-items write nothing. INDEX counts the elements of the updates and of the result. TYPE is an
// unsigned integer or float, PLUS is + or | (bool). No aliasing.
#define PIECES ((ROW + PIECE - 1) / PIECE)

__kernel void KERNEL(PF_IN(index), PF_IN(order), PF_IN(updates), PF_OUT(out)) {
    __global const uint *rows = PF_POINTER(const uint, index);
    __global const int *sorted = PF_POINTER(const int, order);
    const INDEX item = (INDEX)get_global_id(0);
    const INDEX part = item / PIECES, first = part * SHARE, from = (item - part * PIECES) * PIECE;
    const INDEX last = min(first + SHARE, (INDEX)TABLE_ROWS);
#if ROW % PIECE == 0
    const INDEX width = PIECE;
#else
    const INDEX width = min((INDEX)PIECE, ROW - from);
#endif
    // Where the updates of the first row begin.
    int start = 0;
    for (int end = COUNT; start < end;) {
        const int middle = start + (end - start) / 2;
        if (rows[sorted[middle]] < (uint)first) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    for (INDEX row = first; row < last; row++) {
        // The end is found first: a loop of known length loads ahead of its additions.
        int end = start;
        while (end < COUNT && rows[sorted[end]] == (uint)row) end++;
        TYPE sum[PIECE];
        for (INDEX j = 0; j < width; j++) sum[j] = 0;
        // Some compilers for CPUs would make partial sums of the updates, in another order.
#pragma clang loop vectorize(disable)
        for (; start < end; start++) {
            __global const TYPE *update = PF_POINTER(const TYPE, updates) + sorted[start] * (INDEX)ROW + from;
            for (INDEX j = 0; j < width; j++) sum[j] = (TYPE)(sum[j] PLUS update[j]);
        }
        __global TYPE *target = PF_POINTER(TYPE, out) + row * ROW + from;
        for (INDEX j = 0; j < width; j++) target[j] = sum[j];
    }
}
#undef PIECES
