// A convolution in any direction, for CPUs: result[channel, position] = the sum over all terms of
// operand[channel, term] * image[position, term], in the order of convolution.c. Positions, terms and the rows of a
// tile are boxes of three extents.
//
// A work-item makes up to TILES tiles of TILE_0 x TILE_1 x TILE_2 <= 16 rows and LANES lanes. Either the rows are
// positions, read in place from the padded image, and the lanes channels, read from a panel (CHANNEL_LANES 1); or the
// rows are channels and the lanes positions as they follow one another in the padded image, both read in place.
//
// Global size: [row tiles / TILES, LANE_PLANES x LANE_BLOCKS, groups x classes x PARTS], local size 1. With PARTS > 1
// each K block is a part of its own, RESULT_PART elements from the one before; else they are joined here. `classes`:
// for each class of positions along h, then for each along w: where its rows, its lanes and its results begin, and how
// many positions it has. INDEX counts the elements of the largest buffer. `result` overlaps no other operand. BIAS and
// RECTIFY, with one part only: see epilogue.h, which it needs.
#define ROWS (TILE_0 * TILE_1 * TILE_2)
#define VECTORS (LANES / 16)
#define TERMS ((INDEX)TERMS_0 * TERMS_1 * TERMS_2)
#define TILES_ALONG(axis) ((ROWS_##axis + TILE_##axis - 1) / TILE_##axis)
#define ROW_OFFSET(r)                                                                                  \
    (r / (TILE_1 * TILE_2) * (INDEX)ROW_STEP_0 + r / TILE_2 % TILE_1 * (INDEX)ROW_STEP_1               \
     + r % TILE_2 * (INDEX)ROW_STEP_2)
// The last tile along an axis ends where the rows end; what it shares with the one before is stored once.
#define LOCATE_TILE(axis, index)                                                                       \
    const int wanted_##axis = (index) * TILE_##axis, at_##axis = min(wanted_##axis, ROWS_##axis - TILE_##axis)

#if LANE_STEP == 1
#define LOAD_LANES(from) vload16(0, from)
#else
#define LOAD_LANES(from)                                                                               \
    (float16)((from)[0], (from)[LANE_STEP], (from)[2 * LANE_STEP], (from)[3 * LANE_STEP],              \
              (from)[4 * LANE_STEP], (from)[5 * LANE_STEP], (from)[6 * LANE_STEP],                     \
              (from)[7 * LANE_STEP], (from)[8 * LANE_STEP], (from)[9 * LANE_STEP],                     \
              (from)[10 * LANE_STEP], (from)[11 * LANE_STEP], (from)[12 * LANE_STEP],                  \
              (from)[13 * LANE_STEP], (from)[14 * LANE_STEP], (from)[15 * LANE_STEP])
#endif

__kernel void KERNEL(PF_IN(row_operand), PF_IN(lane_operand), PF_IN(classes), PF_OUT(result) PF_BIAS) {
    const int first_tile = (int)get_global_id(0) * TILES;
    const int last_tile = min(first_tile + TILES, TILES_ALONG(0) * TILES_ALONG(1) * TILES_ALONG(2));
    const int plane = (int)get_global_id(1) / LANE_BLOCKS, lane_block = (int)get_global_id(1) % LANE_BLOCKS;
    const int part = (int)get_global_id(2) % PARTS, class = (int)get_global_id(2) / PARTS % (CLASSES_H * CLASSES_W);
    const INDEX group = (int)get_global_id(2) / (PARTS * CLASSES_H * CLASSES_W);
    __global const long *h = PF_POINTER(const long, classes) + class / CLASSES_W * 4;
    __global const long *w = PF_POINTER(const long, classes) + (CLASSES_H + class % CLASSES_W) * 4;
    __global const float *rows = PF_POINTER(const float, row_operand) + group * ROW_GROUP + (INDEX)(h[0] + w[0]);
    __global const float *lanes = PF_POINTER(const float, lane_operand) + group * LANE_GROUP + (INDEX)(h[1] + w[1])
        + plane * (INDEX)LANE_PLANE + lane_block * (INDEX)LANE_BLOCK;
    float total[TILES * ROWS * LANES];

    INDEX done = (INDEX)part * 256;
    const INDEX end = PARTS > 1 ? min(done + 256, TERMS) : TERMS;
    const INDEX first = done;
    do {
        const int terms = (int)min((INDEX)256, end - done);
        const int t2 = done % TERMS_2, t1 = done / TERMS_2 % TERMS_1, t0 = done / TERMS_2 / TERMS_1;
        for (int tile = first_tile; tile < last_tile; tile++) {
            LOCATE_TILE(2, tile % TILES_ALONG(2));
            LOCATE_TILE(1, tile / TILES_ALONG(2) % TILES_ALONG(1));
            LOCATE_TILE(0, tile / TILES_ALONG(2) / TILES_ALONG(1));
            __global const float *a = rows + at_0 * (INDEX)ROW_STEP_0 + at_1 * (INDEX)ROW_STEP_1
                + at_2 * (INDEX)ROW_STEP_2 + t0 * (INDEX)ROW_TERM_0 + t1 * (INDEX)ROW_TERM_1 + t2 * (INDEX)ROW_TERM_2;
            __global const float *b = lanes + t0 * (INDEX)LANE_TERM_0 + t1 * (INDEX)LANE_TERM_1
                + t2 * (INDEX)LANE_TERM_2;
            float16 sum[ROWS * VECTORS];
#pragma unroll
            for (int i = 0; i < ROWS * VECTORS; i++) sum[i] = 0.0f;
            for (int k = 0, x = t2, y = t1; k < terms; k++) {
                float16 lane[VECTORS];
#pragma unroll
                for (int v = 0; v < VECTORS; v++) lane[v] = LOAD_LANES(b + v * 16 * LANE_STEP);
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    const float16 row = a[ROW_OFFSET(r)];
#pragma unroll
                    for (int v = 0; v < VECTORS; v++) sum[r * VECTORS + v] = fma(row, lane[v], sum[r * VECTORS + v]);
                }
                a += ROW_TERM_2;
                b += LANE_TERM_2;
                if (++x < TERMS_2) continue;
                x = 0;
                a += ROW_TERM_1 - (INDEX)TERMS_2 * ROW_TERM_2;
                b += LANE_TERM_1 - (INDEX)TERMS_2 * LANE_TERM_2;
                if (++y < TERMS_1) continue;
                y = 0;
                a += ROW_TERM_0 - (INDEX)TERMS_1 * ROW_TERM_1;
                b += LANE_TERM_0 - (INDEX)TERMS_1 * LANE_TERM_1;
            }
            float *to = total + (tile - first_tile) * (ROWS * LANES);
#pragma unroll
            for (int i = 0; i < ROWS * VECTORS; i++) {
                vstore16(done == first ? sum[i] : vload16(i, to) + sum[i], i, to);
            }
        }
        done += 256;
    } while (done < end);

    __global float *to = PF_POINTER(float, result) + group * RESULT_GROUP + part * (INDEX)RESULT_PART
        + plane * (INDEX)RESULT_PLANE + (INDEX)(h[2] + w[2]);
    for (int tile = first_tile; tile < last_tile; tile++) {
        const float *from = total + (tile - first_tile) * (ROWS * LANES);
        LOCATE_TILE(2, tile % TILES_ALONG(2));
#if CHANNEL_LANES
        LOCATE_TILE(1, tile / TILES_ALONG(2) % TILES_ALONG(1));
        LOCATE_TILE(0, tile / TILES_ALONG(2) / TILES_ALONG(1));
        const int end_1 = min(TILE_1, (int)h[3] - at_1), end_2 = min(TILE_2, (int)w[3] - at_2);
        for (int v = 0; v < VECTORS; v++) {
            float16 channel[16];
#pragma unroll
            for (int r = 0; r < 16; r++) channel[r] = r < ROWS ? vload16(0, from + r * LANES + v * 16) : (float16)0.0f;
            pf_transpose(channel);
            float turned[16 * 16];
#pragma unroll
            for (int i = 0; i < 16; i++) {
                // Lanes beyond the channels are not stored.
                const float16 done_with = PF_FINISHED(
                    float16, channel[i],
                    (float16)*PF_BIAS_AT(group * CHANNELS + min(lane_block * LANES + v * 16 + i, CHANNELS - 1)));
                vstore16(done_with, i, turned);
            }
            const int channels = min(16, CHANNELS - (lane_block * LANES + v * 16));
            for (int i = 0; i < channels; i++) {
                __global float *c = to + (lane_block * LANES + v * 16 + i) * (INDEX)RESULT_LANE_1;
                for (int z = wanted_0 - at_0; z < TILE_0; z++) {
                    for (int y = wanted_1 - at_1; y < end_1; y++) {
                        __global float *run = c + (at_0 + z) * (INDEX)RESULT_ROW_0
                            + (at_1 + y) * (INDEX)RESULT_ROW_1 + at_2 * (INDEX)RESULT_ROW_2;
                        const float *row = turned + i * 16 + (z * TILE_1 + y) * TILE_2;
                        if (at_2 == wanted_2 && end_2 == TILE_2) {
#pragma unroll
                            for (int x = 0; x < TILE_2; x++) run[x * (INDEX)RESULT_ROW_2] = row[x];
                        } else {
                            for (int x = wanted_2 - at_2; x < end_2; x++) run[x * (INDEX)RESULT_ROW_2] = row[x];
                        }
                    }
                }
            }
        }
#else
        for (int lane = 0; lane < LANES; lane++) {
            const int y = (lane_block * LANES + lane) / LANE_PITCH, x = (lane_block * LANES + lane) % LANE_PITCH;
            if (y >= h[3] || x >= w[3]) continue;
            __global float *c = to + y * (INDEX)RESULT_LANE_1 + x * (INDEX)RESULT_LANE_2;
            for (int r = wanted_2 - at_2; r < TILE_2; r++) {
                c[(at_2 + r) * (INDEX)RESULT_ROW_2] =
                    PF_FINISHED(float, from[r * LANES + lane], *PF_BIAS_AT(group * CHANNELS + at_2 + r));
            }
        }
#endif
    }
}
#undef ROWS
#undef VECTORS
#undef TERMS
#undef TILES_ALONG
#undef ROW_OFFSET
#undef LOCATE_TILE
#undef LOAD_LANES
