// Rows of 16 floats turned into columns, in registers. OpenCL C only.
#ifndef PF_TRANSPOSE_H
#define PF_TRANSPOSE_H

// Interleaving row i with row i + 8 four times makes columns of rows.
static inline void pf_transpose(float16 rows[16]) {
#pragma unroll
    for (int step = 0; step < 4; step++) {
        float16 turned[16];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            turned[2 * i].even = rows[i].lo;
            turned[2 * i].odd = rows[i + 8].lo;
            turned[2 * i + 1].even = rows[i].hi;
            turned[2 * i + 1].odd = rows[i + 8].hi;
        }
#pragma unroll
        for (int i = 0; i < 16; i++) rows[i] = turned[i];
    }
}

#endif
