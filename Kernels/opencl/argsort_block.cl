// Sorts pieces of SIZE values (a power of two, >= 2; the last of a row may be shorter) of ROWS rows of LENGTH values in
// local memory, by a bitonic network over pairs (key, index in the row) packed in a ulong. All pairs differ, so the
// order is that of a stable sort. A row of one piece is done: `out` gets its indices (int). Otherwise `out` gets the
// pairs, which argsort_merge.cl joins.
//
// Work-groups of GROUP work-items sort PIECES pieces each, side by side; a piece may lie beyond the last row.
// INDEX counts the elements of all rows. KEY and FLIP: see sort_keys.h. No aliasing.
#define PIECES_PER_ROW ((LENGTH + SIZE - 1) / SIZE)
// The piece of a work-group's element e, its row and its place there.
#define PIECE_OF(e) ((INDEX)get_group_id(0) * PIECES + (INDEX)((e) / SIZE))
#define ROW_OF(e) (PIECE_OF(e) / PIECES_PER_ROW)
#define PLACE_OF(e) ((int)(PIECE_OF(e) - ROW_OF(e) * PIECES_PER_ROW) * SIZE + (int)((e) % SIZE))

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void KERNEL(PF_IN(values), PF_OUT(out)) {
    __local ulong pairs[PIECES * SIZE];
    const uint item = (uint)get_local_id(0);
    for (uint e = item; e < PIECES * SIZE; e += GROUP) {
        const INDEX row = ROW_OF(e);
        const int place = PLACE_OF(e);
        ulong pair = ULONG_MAX;
        if (row < ROWS && place < LENGTH) {
            pair = (ulong)KEY(PF_POINTER(const TYPE, values)[row * LENGTH + place], FLIP) << 32 | (uint)place;
        }
        pairs[e] = pair;
    }
    for (uint run = 2; run <= SIZE; run *= 2) {
        for (uint apart = run / 2; apart > 0; apart /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint t = item; t < PIECES * SIZE / 2; t += GROUP) {
                const uint low = 2 * t - (t & (apart - 1)), high = low + apart;
                const bool ascending = (low % SIZE & run) == 0;
                const ulong a = pairs[low], b = pairs[high];
                if ((a > b) == ascending) {
                    pairs[low] = b;
                    pairs[high] = a;
                }
            }
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < PIECES * SIZE; e += GROUP) {
        const INDEX row = ROW_OF(e);
        const int place = PLACE_OF(e);
        if (row < ROWS && place < LENGTH) {
#if PIECES_PER_ROW == 1
            PF_POINTER(int, out)[row * LENGTH + place] = (int)(uint)pairs[e];
#else
            PF_POINTER(ulong, out)[row * LENGTH + place] = pairs[e];
#endif
        }
    }
}
#undef PIECES_PER_ROW
#undef PIECE_OF
#undef ROW_OF
#undef PLACE_OF
