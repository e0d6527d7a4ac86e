// Tile programs: every operation, every reduction, random words, and what a plan may decide about stores and tiles.
#include "programs.h"
#include <stdio.h>
#include <stdlib.h>

static void run_or_exit(program *p, const char *what) {
    if (run_program(p)) return;
    fprintf(stderr, "refused: %s\n", what);
    exit(1);
}

// MARK: Operations

/// Vectors, or one operand a constant; false where the operation is not defined for the types.
static bool compute(pf_op op, pf_type type, pf_type to, int constant) {
    const int64_t count = 6000;
    program p = {0};
    uint16_t operands[4];
    add_axis(&p, count);
    for (int k = 0; k < operand_count(op); k++) {
        const uint32_t seed = (uint32_t)(10 * op + k + 1);
        const pf_type operand = operand_type(op, type, k);
        uint32_t *data = add_buffer(&p, operand, count, &seed);
        // A permutation of n elements has images of less than n only.
        if (op == PF_OP_PERMUTE && type == PF_U32 && k < 2) {
            for (int64_t i = 0; i < count; i++) data[i] = (uint32_t)(k == 0 ? i % 50 : 50 + i % 900);
        }
        operands[k] = k == constant ? add_fill(&p, operand, data) : add_load(&p, contiguous(&p, operand, data));
    }
    const pf_type result = result_type(op, type, to);
    const uint16_t from = add_operation(&p, op, type, to, operands);
    add_store(&p, from, contiguous(&p, result, add_buffer(&p, result, count, NULL)));
    return run_program(&p);
}

static void every_operation(void) {
    for (pf_op op = PF_OP_NEG; op < PF_OP_COUNT; op++) {
        const bool is_random = op == PF_OP_UNIFORM || op == PF_OP_NORMAL, to_other = op == PF_OP_CAST || is_random;
        int defined = 0;
        for (pf_type type = is_random ? PF_U32 : PF_F32; type < (is_random ? PF_U8 : PF_TYPE_COUNT); type++) {
            for (pf_type to = to_other ? PF_F32 : type; to < (to_other ? PF_TYPE_COUNT : type + 1); to++) {
                if (!compute(op, type, to, -1)) continue;
                for (int k = 0; k < operand_count(op); k++) compute(op, type, to, k);
                print("operation %d %s to %s", (int)op, type_names[type], type_names[to]);
                defined++;
            }
        }
        if (defined > 0) continue;
        fprintf(stderr, "operation %d was refused for all types\n", (int)op);
        exit(1);
    }
}

// MARK: Reductions

static bool accepts(pf_reduce_kind kind, pf_type type) {
    return type != PF_BOOL && (kind < PF_REDUCE_COMPENSATED_SUM || is_float(type));
}

/// Floats are mostly finite, with zeros of both signs among them.
static void *summands(program *p, pf_type type, int64_t count, uint32_t seed) {
    void *data = add_buffer(p, type, count, &seed);
    const double none = seed % 2 ? 0.0 : -0.0;
    for (int64_t i = 0; i < count; i++) {
        if (type == PF_F32 && !__builtin_isfinite(((float *)data)[i]) && i % 400) ((float *)data)[i] = (float)none;
        if (type == PF_F64 && !__builtin_isfinite(((double *)data)[i]) && i % 400) ((double *)data)[i] = none;
    }
    return data;
}

static void reduce(pf_reduce_mode mode, pf_reduce_kind kind, pf_type type, int64_t outer, int64_t length,
                   int64_t inner) {
    program p = {0};
    if (mode == PF_REDUCE_ROWS) {
        add_axis(&p, outer * inner);
        add_axis(&p, length);
    } else {
        add_axis(&p, outer);
        add_axis(&p, length);
        add_axis(&p, inner);
    }
    void *data = summands(&p, type, outer * length * inner, (uint32_t)(length + inner));
    add_reduction(&p, mode, kind, type, add_load(&p, contiguous(&p, type, data)), 1);
    run_or_exit(&p, "a reduction");
}

/// The channels of images, which lie in pieces far apart.
static void reduce_channels(pf_reduce_kind kind, pf_type type, int64_t width) {
    program p = {0};
    const int64_t channels = 3, images = 3000 / width + 1;
    add_axis(&p, channels);
    add_axis(&p, images);
    add_axis(&p, width);
    pf_access access = {.data = summands(&p, type, channels * images * width, 3), .type = type};
    access.stride[0] = width;
    access.stride[1] = channels * width;
    access.stride[2] = 1;
    add_reduction(&p, PF_REDUCE_ROWS, kind, type, add_load(&p, access), 2);
    run_or_exit(&p, "a reduction of channels");
}

static void every_reduction(void) {
    static const int64_t lengths[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 784, 1023, 1024, 1025, 5000};
    static const int64_t shapes[][2] = {{1, 1}, {3, 2}, {2, 19}, {1, 600}};
    static const int64_t widths[] = {31, 64, 100, 1024, 2500};
    for (pf_reduce_kind kind = PF_REDUCE_SUM; kind < PF_REDUCE_COUNT; kind++) {
        for (pf_type type = PF_F32; type < PF_TYPE_COUNT; type++) {
            if (!accepts(kind, type)) continue;
            for (pf_reduce_mode mode = PF_REDUCE_ROWS; mode <= PF_REDUCE_COLUMNS; mode++) {
                for (int l = 0; l < 14; l++) {
                    for (int s = 0; s < 4; s++) {
                        const int64_t outer = shapes[s][0], inner = shapes[s][1];
                        if (outer * inner * lengths[l] > 500000 || (mode == PF_REDUCE_ROWS && inner > 19)) continue;
                        reduce(mode, kind, type, outer, lengths[l], inner);
                    }
                }
                // So wide that several units share a block.
                if (mode == PF_REDUCE_COLUMNS) reduce(mode, kind, type, 1, 1100, 128);
                print("reduction %d %s of %s", (int)kind, type_names[type],
                      mode == PF_REDUCE_ROWS ? "rows" : "columns");
            }
            for (int w = 0; w < 5; w++) reduce_channels(kind, type, widths[w]);
            print("reduction %d %s of channels", (int)kind, type_names[type]);
        }
    }
}

// MARK: The rest

/// Words, and numbers that are made of them, stored and summed.
static void random_words(int64_t row_length) {
    program p = {0};
    const int64_t rows = 3 + 3000 / row_length, count = rows * row_length;
    add_axis(&p, rows);
    add_axis(&p, row_length);
    const uint16_t words = add_random(&p, 77, row_length, 5);
    const uint16_t normal = add_operation(&p, PF_OP_NORMAL, PF_U32, PF_F32, &words);
    const uint16_t uniform = add_operation(&p, PF_OP_UNIFORM, PF_U32, PF_F64, &words);
    add_store(&p, words, contiguous(&p, PF_U32, add_buffer(&p, PF_U32, count, NULL)));
    add_store(&p, normal, contiguous(&p, PF_F32, add_buffer(&p, PF_F32, count, NULL)));
    add_store(&p, uniform, contiguous(&p, PF_F64, add_buffer(&p, PF_F64, count, NULL)));
    add_reduction(&p, PF_REDUCE_ROWS, PF_REDUCE_COMPENSATED_SUM, PF_F32, normal, 1);
    run_or_exit(&p, "random words");
    print("random words in rows of %d", (int)row_length);
}

/// A loop that its gate lets through, and one that it keeps from changing anything.
static void gate(bool open) {
    program p = {0};
    const uint8_t value = open;
    const uint32_t seed = 6;
    add_axis(&p, 2000);
    pf_access access = contiguous(&p, PF_F32, add_buffer(&p, PF_F32, 2000, &seed));
    const uint16_t x = add_load(&p, access);
    add_store(&p, add_operation(&p, PF_OP_EXP, PF_F32, PF_F32, &x), access);
    p.loop.gate = &value;
    run_or_exit(&p, "a gate");
    print("gate %s", open ? "open" : "closed");
}

/// So much that it is stored past the caches, and not from the beginning of a line on.
static void streamed_store(void) {
    program p = {0};
    const int64_t count = (16 << 20) / 4 + 37;
    add_axis(&p, count);
    pf_access access = contiguous(&p, PF_I32, add_buffer(&p, PF_I32, count + 1, NULL));
    access.offset = 1;
    add_store(&p, add_index(&p, 0, 3, 5), access);
    run_or_exit(&p, "a streamed store");
    print("store past the caches");
}

/// So many registers live at a time that the tile shrinks.
static void many_registers(int32_t count) {
    program p = {0};
    const int64_t n = 2100;
    add_axis(&p, n);
    double *data = add_buffer(&p, PF_F64, n, NULL);
    for (int64_t i = 0; i < n; i++) data[i] = (double)(i % 17 - 8) / 4;
    const uint16_t x = add_load(&p, contiguous(&p, PF_F64, data));
    uint16_t last = x;
    for (int32_t i = 0; i < count; i++) {
        last = add_operation(&p, PF_OP_ADD, PF_F64, PF_F64, (const uint16_t[]){last, x});
    }
    for (uint16_t i = 1; i < count; i++) {
        add_operation_into(&p, last, PF_OP_MUL, PF_F64, PF_F64, (const uint16_t[]){last, i});
    }
    add_reduction(&p, PF_REDUCE_ROWS, PF_REDUCE_SUM, PF_F64, last, 1);
    run_or_exit(&p, "many registers");
    print("%d registers", (int)count);
}

void digest_loops(void) {
    every_operation();
    every_reduction();
    static const int64_t row_lengths[] = {1, 3, 4, 5, 32, 63, 784, 1030, 4099};
    for (int i = 0; i < 9; i++) random_words(row_lengths[i]);
    gate(true);
    gate(false);
    streamed_store();
    many_registers(40);
    many_registers(300);
}
