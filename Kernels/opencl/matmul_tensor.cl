// c[entry, i, j] = sum over k of a[i, k] b[k, j] of the entry's matrices in TF32, for the tensor cores of NVIDIA GPUs:
// operands are rounded to 10 bits of mantissa, which is a relative error of at most 2^-11 each; their products are
// exact, and the sums float32, in an order and rounding of the device's.
//
// WARPS_M x WARPS_N warps, 32 consecutive work-items each, make a tile of a work-group, and a warp EACH_M x EACH_N
// fragments of 16 x 8 elements of it. 16 terms at a time are brought to local memory, of which there are two halves,
// fetching the next ones meanwhile. WARPS_N * EACH_N and 2 * WARPS_M * EACH_M are multiples of WARPS_M * WARPS_N.
// Local size: WARPS_M * WARPS_N * 32; as many work-groups as PARTS * batch * row tiles * column tiles.
// With PARTS > 1 each K block of 256 terms is a part of its own, COUNT = batch * M * N elements from the one before.
// Entries of the batch begin A_STEP, B_STEP elements after one another or, with TABLE, where a pair of `starts` says.
// With A_QUADS, four terms of `a` from any multiple of four on lie side by side, aligned to 16 bytes, and K is a
// multiple of four; B_QUADS likewise. INDEX counts the elements of the largest buffer. `c` overlaps no operand. BIAS
// and RECTIFY, with one part only: see epilogue.h, which it needs. PTX: whether the device takes that language.
#define WARPS (WARPS_M * WARPS_N)
#define ITEMS (WARPS * 32)
#define TILE_M (WARPS_M * EACH_M * 16)
#define TILE_N (WARPS_N * EACH_N * 8)
#define TILES_M ((M + TILE_M - 1) / TILE_M)
#define TILES_N ((N + TILE_N - 1) / TILE_N)
// Where the terms 4 * quad to 4 * quad + 3 of row or column `at` lie: eight quads of the same row or of the same terms
// that follow one another are in different banks.
#define QUAD(at, quad) ((at) * 4 + ((quad) ^ ((at) / 2 & 3)))
// Which quad of a tile work-item `item` brings in turn `turn`: neighbours fetch neighbours.
#define PLACE(turn, along_terms, width)       \
    const int place = (turn) * ITEMS + item;  \
    const int quad = along_terms ? place % 4 : place / (width), at = along_terms ? place / 4 : place % (width)
// Beyond the ends there are zeros.
#define FETCH(next, from, width, first, count, step, term_step, quads)                                               \
    _Pragma("unroll") for (int turn = 0; turn < (width) / (WARPS * 8); turn++) {                                     \
        PLACE(turn, term_step == 1, width);                                                                          \
        const int term = done + 4 * quad, left = first + at < count ? end_term - term : 0;                           \
        __global const float *four = from + (first + at) * (INDEX)step + term * (INDEX)term_step;                    \
        if (quads) {                                                                                                 \
            next[turn] = left > 0 ? *(__global const float4 *)four : (float4)0.0f;                                   \
        } else {                                                                                                     \
            next[turn] = (float4)(left > 0 ? four[0] : 0.0f, left > 1 ? four[(INDEX)term_step] : 0.0f,               \
                                  left > 2 ? four[2 * (INDEX)term_step] : 0.0f,                                      \
                                  left > 3 ? four[3 * (INDEX)term_step] : 0.0f);                                     \
        }                                                                                                            \
    }
// To the nearest number of TF32, those in the middle away from 0.
#define ROUNDED(x) (isnan(x) ? (float4)NAN : as_float4((as_uint4(x) + 0x1000u) & ~0x1fffu))
#define BRING(tile, next, width, term_step)                                              \
    _Pragma("unroll") for (int turn = 0; turn < (width) / (WARPS * 8); turn++) {         \
        PLACE(turn, term_step == 1, width);                                              \
        tile[QUAD(at, quad)] = ROUNDED(next[turn]);                                      \
    }
// c += a b of a warp, 16 x 8 by 8 x 8, spread over its lanes as the PTX ISA has it for mma.m16n8k8 with .tf32: lane
// 4 g + t holds rows g, g + 8, g, g + 8 of a at terms t, t, t + 4, t + 4; terms t, t + 4 of b at column g; and rows g,
// g, g + 8, g + 8 of c at columns 2 t, 2 t + 1, 2 t, 2 t + 1.
#if PTX
#define UNROLL _Pragma("unroll")
#define MULTIPLY_ADD(c, a0, a1, a2, a3, b0, b1)                                                                    \
    __asm__ volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "                                             \
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                 \
                 : "+f"((c)[0]), "+f"((c)[1]), "+f"((c)[2]), "+f"((c)[3])                                          \
                 : "r"(as_uint(a0)), "r"(as_uint(a1)), "r"(as_uint(a2)), "r"(as_uint(a3)), "r"(as_uint(b0)),       \
                   "r"(as_uint(b1)))
#else
// The same on any device, by local memory.
#define UNROLL
#define MULTIPLY_ADD(c, a0, a1, a2, a3, b0, b1)                                            \
    {                                                                                      \
        __local float *own = lanes + item * 6;                                             \
        own[0] = a0, own[1] = a1, own[2] = a2, own[3] = a3, own[4] = b0, own[5] = b1;      \
        barrier(CLK_LOCAL_MEM_FENCE);                                                      \
        for (int i = 0; i < 4; i++) {                                                      \
            const int row = group + i / 2 * 8, column = third * 2 + i % 2;                 \
            __local const float *of_warp = lanes + item / 32 * 32 * 6;                     \
            for (int k = 0; k < 8; k++) {                                                  \
                (c)[i] += of_warp[(row % 8 * 4 + k % 4) * 6 + row / 8 + k / 4 * 2]         \
                          * of_warp[(column * 4 + k % 4) * 6 + 4 + k / 4];                 \
            }                                                                              \
        }                                                                                  \
        barrier(CLK_LOCAL_MEM_FENCE);                                                      \
    }
#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void KERNEL(PF_IN(a), PF_IN(b),
#if TABLE
                                                                        PF_IN(starts),
#endif
                                                                        PF_OUT(c) PF_BIAS) {
    __local float4 tiles_a[2 * TILE_M * 4], tiles_b[2 * TILE_N * 4];
#if !PTX
    __local float lanes[ITEMS * 6];
#endif
    const int item = get_local_id(0), warp = item / 32, group = item % 32 / 4, third = item % 4;
    const INDEX number = get_group_id(0);
    const int column0 = (int)(number % TILES_N) * TILE_N, row0 = (int)(number / TILES_N % TILES_M) * TILE_M;
    const INDEX entry = number / (TILES_M * (INDEX)TILES_N) / PARTS;
    const int part = (int)(number / (TILES_M * (INDEX)TILES_N) % PARTS);
#if TABLE
    __global const long *start = PF_POINTER(const long, starts) + 2 * entry;
    const INDEX a_start = start[0], b_start = start[1];
#else
    const INDEX a_start = entry * A_STEP, b_start = entry * B_STEP;
#endif
    __global const float *from_a = PF_POINTER(const float, a) + a_start;
    __global const float *from_b = PF_POINTER(const float, b) + b_start;
    __global float *to = PF_POINTER(float, c) + part * (INDEX)COUNT + entry * (M * (INDEX)N);
    const int end_term = PARTS > 1 ? min(part * 256 + 256, K) : K;
    // The warp's, in the tile.
    const int first_row = warp / WARPS_N * (EACH_M * 16), first_column = warp % WARPS_N * (EACH_N * 8);

    float4 next_a[TILE_M / (WARPS * 8)], next_b[TILE_N / (WARPS * 8)];
    float sum[EACH_M * EACH_N * 4];
#pragma unroll
    for (int i = 0; i < EACH_M * EACH_N * 4; i++) sum[i] = 0.0f;
    int done = part * 256, half_used = 0;
    FETCH(next_a, from_a, TILE_M, row0, M, A_ROW, A_COLUMN, A_QUADS);
    FETCH(next_b, from_b, TILE_N, column0, N, B_COLUMN, B_ROW, B_QUADS);
    do {
        __local float4 *tile_a = tiles_a + half_used * (TILE_M * 4), *tile_b = tiles_b + half_used * (TILE_N * 4);
        BRING(tile_a, next_a, TILE_M, A_COLUMN);
        BRING(tile_b, next_b, TILE_N, B_ROW);
        // One barrier is enough: who is here has done with the other half.
        barrier(CLK_LOCAL_MEM_FENCE);
        done += 16;
        if (done < end_term) {
            FETCH(next_a, from_a, TILE_M, row0, M, A_ROW, A_COLUMN, A_QUADS);
            FETCH(next_b, from_b, TILE_N, column0, N, B_COLUMN, B_ROW, B_QUADS);
        }
        // Sums have no order in k: a lane's terms t and t + 4 are neighbours here, and those of the second eight, too.
        float4 column[EACH_N];
#pragma unroll
        for (int j = 0; j < EACH_N; j++) column[j] = tile_b[QUAD(first_column + j * 8 + group, third)];
        UNROLL for (int i = 0; i < EACH_M; i++) {
            const float4 upper = tile_a[QUAD(first_row + i * 16 + group, third)];
            const float4 lower = tile_a[QUAD(first_row + i * 16 + 8 + group, third)];
            UNROLL for (int j = 0; j < EACH_N; j++) {
                float *four = sum + (i * EACH_N + j) * 4;
                MULTIPLY_ADD(four, upper.x, lower.x, upper.y, lower.y, column[j].x, column[j].y);
                MULTIPLY_ADD(four, upper.z, lower.z, upper.w, lower.w, column[j].z, column[j].w);
            }
        }
        half_used ^= 1;
    } while (done < end_term);

#pragma unroll
    for (int i = 0; i < EACH_M * EACH_N * 4; i++) {
        const int row = row0 + first_row + i / (EACH_N * 4) * 16 + i % 4 / 2 * 8 + group;
        const int at = column0 + first_column + i / 4 % EACH_N * 8 + third * 2 + i % 2;
        if (row < M && at < N) to[row * (INDEX)N + at] = PF_FINISHED(float, sum[i], *PF_BIAS_AT(at));
    }
}
#undef WARPS
#undef ITEMS
#undef TILE_M
#undef TILE_N
#undef TILES_M
#undef TILES_N
#undef QUAD
#undef PLACE
#undef FETCH
#undef ROUNDED
#undef BRING
#undef UNROLL
#undef MULTIPLY_ADD
