// Kernels that move, order or sum rows, small pieces of regions, and what the roofline measures with.
#include "digests.h"
#include "pf_region.h"
#include "pf_roofline.h"
#include "pf_rows.h"
#include <stdlib.h>
#include <string.h>

static void gather_and_scatter(pf_type type) {
    const int64_t table_rows = 40, count = 300, length = 21;
    int32_t *index = zeros(PF_I32, count);
    uint32_t seed = 1;
    // Some lie outside the table.
    for (int64_t i = 0; i < count; i++) index[i] = (int32_t)below(&seed, table_rows + 6) - 3;
    void *table = elements(type, table_rows * length, 2), *rows = zeros(type, count * length);
    pf_gather gather = {.table = table, .index = index, .out = rows, .table_rows = table_rows, .count = count,
                        .row_bytes = length * pf_type_size(type)};
    run(pf_gather_step(&gather));
    take(type, rows, count * length);
    print("gather %s", type_names[type]);
    gather.row_bytes = pf_type_size(type);
    run(pf_gather_step(&gather));
    take(type, rows, count);
    print("gather %s of single elements", type_names[type]);

    pf_scatter_add add = {.type = type, .updates = elements(type, count * length, 3), .index = index, .out = table,
                          .workspace = zeros(PF_I32, table_rows + 1 + count), .table_rows = table_rows,
                          .count = count, .row_length = length};
    pf_step steps[2];
    pf_pool_run(pool, steps, pf_scatter_add_steps(&add, steps));
    take(type, table, table_rows * length);
    print("scatter-add %s", type_names[type]);
}

static void along_rows(pf_type type, int64_t rows, int64_t length) {
    const int64_t count = rows * length;
    const void *values = elements(type, count, 4);
    int32_t *out = zeros(PF_I32, count), *workspace = zeros(PF_I32, count);
    for (int form = 0; form < 2; form++) {
        pf_argsort sort = {.type = type, .values = values, .out = out, .workspace = workspace, .rows = rows,
                           .length = length, .descending = form};
        run(pf_argsort_step(&sort));
        take(PF_I32, out, count);
        print("argsort %s %dx%d form %d", type_names[type], (int)rows, (int)length, form);
        pf_argmax most = {.type = type, .values = values, .out = out, .rows = rows, .length = length,
                          .smallest = form};
        run(pf_argmax_step(&most));
        take(PF_I32, out, rows);
        print("argmax %s %dx%d form %d", type_names[type], (int)rows, (int)length, form);
    }
    if (type == PF_BOOL) return;
    void *sums = zeros(type, count);
    // Floats that stay finite: one NaN would hide all sums behind it.
    if (is_float(type)) values = numbers(type, count, 5);
    for (int form = 0; form < 4; form++) {
        pf_cumsum sum = {.type = type, .values = values, .out = sums, .rows = rows, .length = length,
                         .reverse = form & 1, .exclusive = form & 2};
        run(pf_cumsum_step(&sum));
        take(type, sums, count);
        print("cumulative sum %s %dx%d form %d", type_names[type], (int)rows, (int)length, form);
    }
}

// A region of turns that write a history, and two fills side by side.
static void regions(void) {
    int32_t turn = 0, *history = zeros(PF_I32, 12);
    pf_history entry = {.from = &turn, .history = history, .turn = &turn, .row_bytes = sizeof turn};
    const pf_step body = pf_history_step(&entry);
    run((pf_step){.body = &body, .body_count = 1, .repeat = 9, .counter = &turn});
    take(PF_I32, history, 12);
    print("region with a history");

    uint8_t *bytes = zeros(PF_U8, 100);
    pf_fill first = {.to = bytes, .bytes = 30, .byte = 7}, second = {.to = bytes + 31, .bytes = 50, .byte = 200};
    const pf_step both[] = {pf_fill_step(&first), pf_fill_step(&second)};
    pf_side_by_side together = {.steps = both, .count = 2};
    run(pf_side_by_side_step(&together));
    take(PF_U8, bytes, 100);
    print("fills side by side");
}

static void copies(void) {
    const int64_t count = 200064;
    pf_copy copy = {.from = elements(PF_U8, count, 6), .to = zeros(PF_U8, count), .bytes = count - 1};
    run(pf_copy_step(&copy));
    take(PF_U8, copy.to, count);
    print("copy");

    uint8_t *from = aligned_alloc(64, (size_t)count), *to = aligned_alloc(64, (size_t)count);
    if (!from || !to) exit(1);
    memcpy(from, copy.from, (size_t)count);
    pf_copy streamed = {.from = from, .to = to, .bytes = count};
    run(pf_streamed_copy_step(&streamed));
    take(PF_U8, to, count);
    print("copy past the caches");
}

// Whole numbers, so that a processor's count of lanes can be taken out of their sums.
static void multiply_adds(pf_chains chains) {
    float sums[3];
    pf_multiply_adds work = {.chains = chains, .chunks = 3, .turns = 100, .scale = 1, .shift = 2, .out = sums};
    pf_step step;
    const float operations = (float)pf_multiply_adds_step(&work, &step);
    run(step);
    for (int i = 0; i < 3; i++) sums[i] /= operations;
    take(PF_F32, sums, 3);
    print("multiply-adds %d", (int)chains);
}

void digest_rows(void) {
    for (pf_type type = PF_F32; type < PF_TYPE_COUNT; type++) {
        gather_and_scatter(type);
        along_rows(type, 300, 17);
        along_rows(type, 5, 3000);
    }
    regions();
    copies();
    for (pf_chains chains = PF_CHAINS_8; chains < PF_CHAINS_COUNT; chains++) multiply_adds(chains);
}
