// c[entry, i, j] = sum over k of a[i, k] b[k, j] of the entry's matrices, in the order of pf_matmul.h, straight from
// their strides: for matrices too small or too narrow for tiles.
//
// A work-item makes RUN elements of one part of c. Global size: at least PARTS * ITEMS, where ITEMS is COUNT / RUN
// rounded up, any local size; COUNT = batch * M * N. With PARTS > 1 each K block is a part of its own, COUNT elements
// from the one before. Entries of the batch begin A_STEP, B_STEP elements after one another or, with TABLE, where a
// pair of `starts` says. INDEX counts work-items and the elements of the largest buffer. `c` overlaps no operand.
// BIAS and RECTIFY, with one part only: see epilogue.h, which it needs.
__kernel void KERNEL(PF_IN(a), PF_IN(b),
#if TABLE
                     PF_IN(starts),
#endif
                     PF_OUT(c) PF_BIAS) {
    const INDEX item = get_global_id(0);
    const int part = (int)(item / ITEMS);
    if (part >= PARTS) return;
    const INDEX first = item % ITEMS * RUN, end = min(first + RUN, (INDEX)COUNT);
    const int first_term = part * 256, end_term = PARTS > 1 ? min(first_term + 256, K) : K;
    __global float *result = PF_POINTER(float, c) + part * (INDEX)COUNT;
    for (INDEX e = first; e < end; e++) {
        const INDEX entry = e / (M * (INDEX)N), i = e / N % M, j = e % N;
#if TABLE
        __global const long *start = PF_POINTER(const long, starts) + 2 * entry;
        const INDEX a_start = start[0], b_start = start[1];
#else
        const INDEX a_start = entry * A_STEP, b_start = entry * B_STEP;
#endif
        __global const float *row = PF_POINTER(const float, a) + a_start + i * A_ROW + first_term * (INDEX)A_COLUMN;
        __global const float *column = PF_POINTER(const float, b) + b_start + j * B_COLUMN + first_term * (INDEX)B_ROW;
        float total = 0.0f;
        int done = first_term;
        do {
            float sum = 0.0f;
            for (int k = min(256, end_term - done); k > 0; k--) {
                sum = fma(*row, *column, sum);
                row += A_COLUMN;
                column += B_ROW;
            }
            total = done > first_term ? total + sum : sum;
            done += 256;
        } while (done < end_term);
        result[e] = PF_FINISHED(float, total, *PF_BIAS_AT(j));
    }
}
