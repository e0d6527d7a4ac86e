// c[entry, i, j] = sum over k of a[i, k] b[k, j] of the entry's matrices, in the order of pf_matmul.h, for CPUs. c may
// be the transposed result (C_ROW, C_COLUMN): which operand lies along vector lanes is a matter of speed.
//
// A work-item makes TILES tiles of ROWS <= M rows and VECTORS * 16 lanes (columns), one K block after the other; with
// PACKED it first copies a block of b, so that it lies together. The last tile ends where the rows (or lanes) end, and
// what it shares with the one before is stored once. Local size: 1; as many work-items as batch * PARTS * (row tiles /
// TILES) * lane panels, lane panels innermost.
//
// With PARTS > 1 each K block is a part of its own, COUNT = batch * M * N elements from the one before. Entries of the
// batch begin A_STEP, B_STEP elements after one another or, with TABLE, where a pair of `starts` says. INDEX counts
// the elements of the largest buffer. `c` overlaps no operand. BIAS and RECTIFY, with one part only: see epilogue.h.
// Needs transpose.h and epilogue.h.
#define LANES (VECTORS * 16)
#define HELD (N < LANES ? N : LANES)
#define PANELS ((N + LANES - 1) / LANES)
#define CHUNKS (((M + ROWS - 1) / ROWS + TILES - 1) / TILES)

#if PACKED
#define TERM_PITCH LANES
#else
#define TERM_PITCH B_ROW
#endif

__kernel void KERNEL(PF_IN(a), PF_IN(b),
#if TABLE
                     PF_IN(starts),
#endif
                     PF_OUT(c) PF_BIAS) {
    const INDEX item = get_global_id(0), chunk = item / PANELS;
    const int wanted_lane = (int)(item % PANELS) * LANES, at_lane = max(0, min(wanted_lane, N - LANES));
    const int first_tile = (int)(chunk % CHUNKS) * TILES, end_tile = min(first_tile + TILES, (M + ROWS - 1) / ROWS);
    const int part = (int)(chunk / CHUNKS % PARTS);
    const INDEX entry = chunk / CHUNKS / PARTS;
#if TABLE
    __global const long *start = PF_POINTER(const long, starts) + 2 * entry;
    const INDEX a_start = start[0], b_start = start[1];
#else
    const INDEX a_start = entry * A_STEP, b_start = entry * B_STEP;
#endif
    __global const float *rows = PF_POINTER(const float, a) + a_start;
    __global const float *lanes = PF_POINTER(const float, b) + b_start + at_lane * (INDEX)B_COLUMN;
    __global float *result = PF_POINTER(float, c) + part * (INDEX)COUNT + entry * (M * (INDEX)N)
        + at_lane * (INDEX)C_COLUMN;
    const int first_term = part * 256, end_term = PARTS > 1 ? min(first_term + 256, K) : K;

#if PACKED
    float panel[256 * LANES];
#endif
    int done = first_term;
    do {
        const int terms = min(256, end_term - done);
        __global const float *from = lanes + done * (INDEX)B_ROW;
#if PACKED
        int packed = 0;
#if B_ROW == 1 && B_COLUMN != 1 && N >= LANES
        for (; packed + 16 <= terms; packed += 16) {
            for (int v = 0; v < VECTORS; v++) {
                float16 square[16];
#pragma unroll
                for (int i = 0; i < 16; i++) square[i] = vload16(0, from + (v * 16 + i) * (INDEX)B_COLUMN + packed);
                pf_transpose(square);
#pragma unroll
                for (int i = 0; i < 16; i++) vstore16(square[i], v, panel + (packed + i) * LANES);
            }
        }
#endif
        for (; packed < terms; packed++) {
            for (int lane = 0; lane < LANES; lane++) {
                panel[packed * LANES + lane] =
                    lane < HELD ? from[packed * (INDEX)B_ROW + lane * (INDEX)B_COLUMN] : 0.0f;
            }
        }
#endif
        for (int tile = first_tile; tile < end_tile; tile++) {
            const int wanted_row = tile * ROWS, at_row = min(wanted_row, M - ROWS);
            __global const float *row_at = rows + at_row * (INDEX)A_ROW + done * (INDEX)A_COLUMN;
#if PACKED
            const float *lane_at = panel;
#else
            __global const float *lane_at = from;
#endif
            float16 sum[ROWS * VECTORS];
#pragma unroll
            for (int i = 0; i < ROWS * VECTORS; i++) sum[i] = 0.0f;
            for (int k = 0; k < terms; k++) {
                float16 lane[VECTORS];
#pragma unroll
                for (int v = 0; v < VECTORS; v++) lane[v] = vload16(v, lane_at);
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    const float16 row = row_at[r * (INDEX)A_ROW];
#pragma unroll
                    for (int v = 0; v < VECTORS; v++) sum[r * VECTORS + v] = fma(row, lane[v], sum[r * VECTORS + v]);
                }
                row_at += A_COLUMN;
                lane_at += TERM_PITCH;
            }

            __global float *to = result + at_row * (INDEX)C_ROW;
            const int first_row = wanted_row - at_row, first_lane = wanted_lane - at_lane;
            const bool more = done > first_term, last = done + 256 >= end_term;
#if C_COLUMN == 1 && N >= LANES
            if (first_lane == 0) {
#pragma unroll
                for (int i = 0; i < ROWS * VECTORS; i++) {
                    if (i / VECTORS < first_row) continue;
                    __global float *place = to + i / VECTORS * (INDEX)C_ROW + i % VECTORS * 16;
                    const float16 all = more ? vload16(0, place) + sum[i] : sum[i];
                    const float16 finished = PF_FINISHED(float16, all, vload16(i % VECTORS, PF_BIAS_AT(at_lane)));
                    vstore16(last ? finished : all, 0, place);
                }
                continue;
            }
#endif
            float total[ROWS * LANES];
#pragma unroll
            for (int i = 0; i < ROWS * VECTORS; i++) vstore16(sum[i], i, total);
            for (int lane = first_lane; lane < HELD; lane++) {
                for (int r = first_row; r < ROWS; r++) {
                    __global float *place = to + r * (INDEX)C_ROW + lane * (INDEX)C_COLUMN;
                    const float all = more ? *place + total[r * LANES + lane] : total[r * LANES + lane];
                    const int column = C_COLUMN == 1 ? at_lane + lane : at_row + r;
                    *place = last ? PF_FINISHED(float, all, *PF_BIAS_AT(column)) : all;
                }
            }
        }
        done += 256;
    } while (done < end_term);
}
#undef LANES
#undef HELD
#undef PANELS
#undef CHUNKS
#undef TERM_PITCH
