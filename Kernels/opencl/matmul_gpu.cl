// c[entry, i, j] = sum over k of a[i, k] b[k, j] of the entry's matrices, in the order of pf_matmul.h, for GPUs.
//
// A work-group makes a tile of (ITEMS_M * EACH_M) x (ITEMS_N * EACH_N) elements: it brings TERMS terms at a time to
// local memory, fetching the next ones meanwhile, and each work-item makes EACH_M x EACH_N elements of them, in
// squares of four. TERMS divides 256; ITEMS_M * ITEMS_N divides TERMS rows of the tile, and TERMS columns.
// Local size: ITEMS_M * ITEMS_N; as many work-groups as PARTS * batch * row tiles * column tiles.
// With PARTS > 1 each K block is a part of its own, COUNT = batch * M * N elements from the one before. Entries of the
// batch begin A_STEP, B_STEP elements after one another or, with TABLE, where a pair of `starts` says. INDEX counts
// the elements of the largest buffer. `c` overlaps no operand. BIAS and RECTIFY, with one part only: see epilogue.h,
// which it needs.
#define ITEMS (ITEMS_M * ITEMS_N)
#define TILE_M (ITEMS_M * EACH_M)
#define TILE_N (ITEMS_N * EACH_N)
#define TILES_M ((M + TILE_M - 1) / TILE_M)
#define TILES_N ((N + TILE_N - 1) / TILE_N)
// In vectors of four; one is added, so that writing along the terms meets different banks.
#define PITCH_M (TILE_M / 4 + 1)
#define PITCH_N (TILE_N / 4 + 1)
// Which element of a tile work-item `item` fetches in turn `turn`: neighbours fetch neighbours.
#define PLACE(turn, along_terms, width)                                                              \
    const int place = (turn) * ITEMS + item;                                                         \
    const int term = along_terms ? place % TERMS : place / (width), at = along_terms ? place / TERMS : place % (width)
// Terms beyond the end are -0 * 0, which changes no sum.
#define FETCH(first)                                                                                             \
    _Pragma("unroll") for (int turn = 0; turn < TILE_M * TERMS / ITEMS; turn++) {                                \
        PLACE(turn, A_COLUMN == 1, TILE_M);                                                                      \
        next_a[turn] = row0 + at < M && (first) + term < end_term                                                \
            ? from_a[(row0 + at) * (INDEX)A_ROW + ((first) + term) * (INDEX)A_COLUMN] : -0.0f;                   \
    }                                                                                                            \
    _Pragma("unroll") for (int turn = 0; turn < TILE_N * TERMS / ITEMS; turn++) {                                \
        PLACE(turn, B_ROW == 1, TILE_N);                                                                         \
        next_b[turn] = column0 + at < N && (first) + term < end_term                                             \
            ? from_b[((first) + term) * (INDEX)B_ROW + (column0 + at) * (INDEX)B_COLUMN] : 0.0f;                 \
    }

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void KERNEL(PF_IN(a), PF_IN(b),
#if TABLE
                                                                        PF_IN(starts),
#endif
                                                                        PF_OUT(c) PF_BIAS) {
    __local float4 tile_a[TERMS * PITCH_M], tile_b[TERMS * PITCH_N];
    const int item = get_local_id(0), item_m = item / ITEMS_N, item_n = item % ITEMS_N;
    const INDEX group = get_group_id(0);
    const int column0 = (int)(group % TILES_N) * TILE_N, row0 = (int)(group / TILES_N % TILES_M) * TILE_M;
    const INDEX entry = group / (TILES_M * (INDEX)TILES_N) / PARTS;
    const int part = (int)(group / (TILES_M * (INDEX)TILES_N) % PARTS);
#if TABLE
    __global const long *start = PF_POINTER(const long, starts) + 2 * entry;
    const INDEX a_start = start[0], b_start = start[1];
#else
    const INDEX a_start = entry * A_STEP, b_start = entry * B_STEP;
#endif
    __global const float *from_a = PF_POINTER(const float, a) + a_start;
    __global const float *from_b = PF_POINTER(const float, b) + b_start;
    __global float *to = PF_POINTER(float, c) + part * (INDEX)COUNT + entry * (M * (INDEX)N);
    const int first_term = part * 256, end_term = PARTS > 1 ? min(first_term + 256, K) : K;

    float next_a[TILE_M * TERMS / ITEMS], next_b[TILE_N * TERMS / ITEMS];
    float4 sum[EACH_M * EACH_N / 4];
#pragma unroll
    for (int i = 0; i < EACH_M * EACH_N / 4; i++) sum[i] = 0.0f;
    int done = first_term;
    FETCH(done);
    do {
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int turn = 0; turn < TILE_M * TERMS / ITEMS; turn++) {
            PLACE(turn, A_COLUMN == 1, TILE_M);
            ((__local float *)tile_a)[term * (4 * PITCH_M) + at] = next_a[turn];
        }
#pragma unroll
        for (int turn = 0; turn < TILE_N * TERMS / ITEMS; turn++) {
            PLACE(turn, B_ROW == 1, TILE_N);
            ((__local float *)tile_b)[term * (4 * PITCH_N) + at] = next_b[turn];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        done += TERMS;
        if (done < end_term) {
            FETCH(done);
        }
#pragma unroll
        for (int k = 0; k < TERMS; k++) {
            float row[EACH_M];
            float4 columns[EACH_N / 4];
#pragma unroll
            for (int i = 0; i < EACH_M / 4; i++) {
                const float4 four = tile_a[k * PITCH_M + i * ITEMS_M + item_m];
                row[4 * i] = four.x, row[4 * i + 1] = four.y, row[4 * i + 2] = four.z, row[4 * i + 3] = four.w;
            }
#pragma unroll
            for (int j = 0; j < EACH_N / 4; j++) columns[j] = tile_b[k * PITCH_N + j * ITEMS_N + item_n];
#pragma unroll
            for (int i = 0; i < EACH_M; i++) {
#pragma unroll
                for (int j = 0; j < EACH_N / 4; j++) {
                    sum[i * (EACH_N / 4) + j] = fma((float4)row[i], columns[j], sum[i * (EACH_N / 4) + j]);
                }
            }
        }
        if (done % 256 == 0 || done >= end_term) {
            // The end of a K block.
            const bool more = done > first_term + 256, last = done >= end_term;
#pragma unroll
            for (int i = 0; i < EACH_M * EACH_N / 4; i++) {
                const int r = i / (EACH_N / 4), row = row0 + (r / 4 * ITEMS_M + item_m) * 4 + r % 4;
                const int column = column0 + (i % (EACH_N / 4) * ITEMS_N + item_n) * 4;
                __global float *place = to + row * (INDEX)N + column;
                if (row < M && column + 4 <= N) {
                    const float4 total = more ? vload4(0, place) + sum[i] : sum[i];
                    vstore4(last ? PF_FINISHED(float4, total, vload4(0, PF_BIAS_AT(column))) : total, 0, place);
                } else if (row < M) {
                    const float four[4] = {sum[i].x, sum[i].y, sum[i].z, sum[i].w};
                    for (int j = 0; j < N - column; j++) {
                        const float total = more ? place[j] + four[j] : four[j];
                        place[j] = last ? PF_FINISHED(float, total, *PF_BIAS_AT(column + j)) : total;
                    }
                }
                sum[i] = 0.0f;
            }
        }
    } while (done < end_term);
}
#undef ITEMS
#undef TILE_M
#undef TILE_N
#undef TILES_M
#undef TILES_N
#undef PITCH_M
#undef PITCH_N
#undef PLACE
#undef FETCH
