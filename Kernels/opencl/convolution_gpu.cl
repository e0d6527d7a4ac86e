// A convolution in any direction, for GPUs: result[channel, position] = the sum over all terms of
// operand[channel, term] * image[position, term], in the order of convolution.c. Positions and terms are boxes of three
// extents; the image is 0 outside its HEIGHT x WIDTH.
//
// A work-group makes a tile of (ITEMS_C * EACH_C) channels x (ITEMS_P * EACH_P) positions: it brings DEPTH terms at a
// time to local memory, fetching the next ones meanwhile, and each work-item makes EACH_C x EACH_P elements of them, in
// squares of four. DEPTH divides 256 and is at most ITEMS_C * ITEMS_P.
//
// Local size: ITEMS_C * ITEMS_P; as many work-groups as groups * classes * PARTS * channel tiles * position tiles. With
// PARTS > 1 each K block is a part of its own, RESULT_PART elements from the one before. `classes`: for each class of
// positions along h, then for each along w: the row or column of the image where its first term lies, where its operand
// and its results begin, and how many positions it has. INDEX counts the elements of the largest buffer. `result`
// overlaps no other operand. BIAS and RECTIFY, with one part only: see epilogue.h, which it needs.
#define ITEMS (ITEMS_C * ITEMS_P)
#define TILE_C (ITEMS_C * EACH_C)
#define TILE_P (ITEMS_P * EACH_P)
#define POSITIONS ((INDEX)POSITIONS_0 * POSITIONS_1 * POSITIONS_2)
#define TERMS ((INDEX)TERMS_0 * TERMS_1 * TERMS_2)
#define TILES_P ((POSITIONS + TILE_P - 1) / TILE_P)
#define TILES_C ((CHANNELS + TILE_C - 1) / TILE_C)
#define TURNS(width) (((width) * DEPTH + ITEMS - 1) / ITEMS)
// In vectors of four; one is added, so that writing along the terms meets different banks.
#define PITCH_C (TILE_C / 4 + 1)
#define PITCH_P (TILE_P / 4 + 1)
// Which element of a tile work-item `item` fetches in turn `turn`: neighbours fetch neighbours.
#define PLACE(turn, along_terms, width)                                                              \
    const int place = (turn) * ITEMS + item;                                                         \
    const int term = along_terms ? place % DEPTH : place / (width), at = along_terms ? place / DEPTH : place % (width)
// Where the DEPTH terms from `first` on lie.
#define LOCATE(first)                                                                                \
    if (item < DEPTH) {                                                                              \
        const INDEX k = (first) + item;                                                              \
        const int t1 = k / TERMS_2 % TERMS_1, t2 = k % TERMS_2;                                      \
        const INDEX t0 = k / ((INDEX)TERMS_1 * TERMS_2);                                             \
        term_y[item] = t1 * IMAGE_TERM_1;                                                            \
        term_x[item] = t2 * IMAGE_TERM_2;                                                            \
        term_pixel[item] = t0 * IMAGE_TERM_0 + term_y[item] * (INDEX)WIDTH + term_x[item];           \
        term_factor[item] = t0 * OPERAND_TERM_0 + t1 * (INDEX)OPERAND_TERM_1 + t2 * (INDEX)OPERAND_TERM_2; \
    }
// Terms beyond the end are -0 * 0, which changes no sum.
#define FETCH(first)                                                                                 \
    _Pragma("unroll") for (int turn = 0; turn < TURNS(TILE_C); turn++) {                             \
        PLACE(turn, true, TILE_C);                                                                   \
        next_factors[turn] = at < TILE_C && c0 + at < CHANNELS && (first) + term < end_term          \
            ? factors[(c0 + at) * (INDEX)OPERAND_CHANNEL + term_factor[term]] : -0.0f;               \
    }                                                                                                \
    _Pragma("unroll") for (int turn = 0; turn < TURNS(TILE_P); turn++) {                             \
        PLACE(turn, TERMS_ALONG_ROWS, TILE_P);                                                       \
        const INDEX p = p0 + at;                                                                     \
        const int y = top + (int)(p / POSITIONS_2 % POSITIONS_1) * IMAGE_POSITION_1;                 \
        const int x = left + (int)(p % POSITIONS_2) * IMAGE_POSITION_2;                              \
        const INDEX pixel = p / ((INDEX)POSITIONS_1 * POSITIONS_2) * IMAGE_POSITION_0 + y * (INDEX)WIDTH + x; \
        const bool inside = term < DEPTH && at < TILE_P && p < POSITIONS && (first) + term < end_term \
            && (uint)(y + term_y[term % DEPTH]) < HEIGHT && (uint)(x + term_x[term % DEPTH]) < WIDTH; \
        next_pixels[turn] = inside ? pixels[pixel + term_pixel[term % DEPTH]] : 0.0f;                \
    }

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void KERNEL(PF_IN(image), PF_IN(operand), PF_IN(classes),
                                                                        PF_OUT(result) PF_BIAS) {
    __local float4 tile_c[DEPTH * PITCH_C], tile_p[DEPTH * PITCH_P];
    __local INDEX term_pixel[DEPTH], term_factor[DEPTH];
    __local int term_y[DEPTH], term_x[DEPTH];
    const int item = get_local_id(0), item_c = item / ITEMS_P, item_p = item % ITEMS_P;
    const INDEX work_group = get_group_id(0);
    const INDEX p0 = work_group % TILES_P * TILE_P;
    const int c0 = (int)(work_group / TILES_P % TILES_C) * TILE_C;
    const int job = (int)(work_group / TILES_P / TILES_C), part = job % PARTS;
    const int class = job / PARTS % (CLASSES_H * CLASSES_W), group = job / PARTS / (CLASSES_H * CLASSES_W);
    __global const long *h = PF_POINTER(const long, classes) + class / CLASSES_W * 4;
    __global const long *w = PF_POINTER(const long, classes) + (CLASSES_H + class % CLASSES_W) * 4;
    const int top = (int)h[0], left = (int)w[0];
    __global const float *pixels = PF_POINTER(const float, image) + group * (INDEX)IMAGE_GROUP;
    __global const float *factors = PF_POINTER(const float, operand) + group * (INDEX)OPERAND_GROUP
        + (INDEX)(h[1] + w[1]);
    __global float *to = PF_POINTER(float, result) + group * (INDEX)RESULT_GROUP + part * (INDEX)RESULT_PART
        + (INDEX)(h[2] + w[2]);
    const INDEX first_term = part * (INDEX)256, end_term = PARTS > 1 ? min(first_term + 256, TERMS) : TERMS;

    float next_factors[TURNS(TILE_C)], next_pixels[TURNS(TILE_P)];
    float4 sum[EACH_C * EACH_P / 4];
#pragma unroll
    for (int i = 0; i < EACH_C * EACH_P / 4; i++) sum[i] = 0.0f;
    INDEX done = first_term;
    LOCATE(done);
    barrier(CLK_LOCAL_MEM_FENCE);
    FETCH(done);
    do {
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int turn = 0; turn < TURNS(TILE_C); turn++) {
            PLACE(turn, true, TILE_C);
            if (at < TILE_C) ((__local float *)tile_c)[term * (4 * PITCH_C) + at] = next_factors[turn];
        }
#pragma unroll
        for (int turn = 0; turn < TURNS(TILE_P); turn++) {
            PLACE(turn, TERMS_ALONG_ROWS, TILE_P);
            if (term < DEPTH && at < TILE_P) ((__local float *)tile_p)[term * (4 * PITCH_P) + at] = next_pixels[turn];
        }
        done += DEPTH;
        LOCATE(done);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (done < end_term) {
            FETCH(done);
        }
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float channels[EACH_C];
            float4 positions[EACH_P / 4];
#pragma unroll
            for (int i = 0; i < EACH_C / 4; i++) {
                const float4 four = tile_c[k * PITCH_C + i * ITEMS_C + item_c];
                channels[4 * i] = four.x, channels[4 * i + 1] = four.y;
                channels[4 * i + 2] = four.z, channels[4 * i + 3] = four.w;
            }
#pragma unroll
            for (int j = 0; j < EACH_P / 4; j++) positions[j] = tile_p[k * PITCH_P + j * ITEMS_P + item_p];
#pragma unroll
            for (int i = 0; i < EACH_C; i++) {
#pragma unroll
                for (int j = 0; j < EACH_P / 4; j++) {
                    sum[i * (EACH_P / 4) + j] = fma((float4)channels[i], positions[j], sum[i * (EACH_P / 4) + j]);
                }
            }
        }
        if (done % 256 != 0 && done < end_term) continue;

        // The end of a K block.
        const bool more = done > first_term + 256, last = done >= end_term;
#pragma unroll
        for (int j = 0; j < EACH_P; j++) {
            const INDEX p = p0 + (j / 4 * ITEMS_P + item_p) * 4 + j % 4;
            const int y = p / POSITIONS_2 % POSITIONS_1, x = p % POSITIONS_2;
            const bool exists = p < POSITIONS && y < h[3] && x < w[3];
            __global float *column = to + p / ((INDEX)POSITIONS_1 * POSITIONS_2) * RESULT_POSITION_0
                + y * (INDEX)RESULT_POSITION_1 + x * (INDEX)RESULT_POSITION_2;
#pragma unroll
            for (int i = 0; i < EACH_C; i++) {
                const int c = c0 + (i / 4 * ITEMS_C + item_c) * 4 + i % 4;
                const float4 four = sum[i * (EACH_P / 4) + j / 4];
                const float value = j % 4 == 0 ? four.x : j % 4 == 1 ? four.y : j % 4 == 2 ? four.z : four.w;
                __global float *place = column + c * (INDEX)RESULT_CHANNEL;
                if (exists && c < CHANNELS) {
                    const float total = more ? *place + value : value;
                    *place = last ? PF_FINISHED(float, total, *PF_BIAS_AT(group * CHANNELS + c)) : total;
                }
            }
        }
#pragma unroll
        for (int i = 0; i < EACH_C * EACH_P / 4; i++) sum[i] = 0.0f;
    } while (done < end_term);
}
#undef ITEMS
#undef TILE_C
#undef TILE_P
#undef POSITIONS
#undef TERMS
#undef TILES_P
#undef TILES_C
#undef TURNS
#undef PITCH_C
#undef PITCH_P
#undef PLACE
#undef LOCATE
#undef FETCH
