// Merges neighbouring sorted runs of `run` pairs (see argsort_block.cl) in each of ROWS rows of LENGTH; a row's last
// run may be shorter or lack its neighbour. With LAST, `out` gets the indices (int), else the pairs.
//
// Work-item g moves pair g: its place is its rank in its own run plus the number of smaller pairs in the other one,
// found by bisection. Any local size; surplus work-items do nothing. INDEX counts the elements of all rows.
// No aliasing.
__kernel void KERNEL(PF_IN(in), PF_OUT(out), const int run) {
    const INDEX item = (INDEX)get_global_id(0);
    if (item >= (INDEX)ROWS * LENGTH) return;
    const int place = (int)(item % LENGTH);
    __global const ulong *row = PF_POINTER(const ulong, in) + (item - place);
    const ulong pair = row[place];
    const int number = place / run;
    // Where the other run begins; the rank counts from there, not past the end of the row.
    const int other = (int)min((long)(number ^ 1) * run, (long)LENGTH);
    int low = other, high = (int)min((long)other + run, (long)LENGTH);
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (row[middle] < pair) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const INDEX target = item - (number & 1 ? run : 0) + (low - other);
#if LAST
    PF_POINTER(int, out)[target] = (int)(uint)pair;
#else
    PF_POINTER(ulong, out)[target] = pair;
#endif
}
