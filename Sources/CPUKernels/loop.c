// Prepares loops: makes the tile program, and cuts the work into chunks by its size alone.
#include "loop_build.h"
#include <stdlib.h>

static const loop_level *current_level(void) {
#if defined(__x86_64__)
    switch (pf_isa_current()) {
    case PF_ISA_AVX512: return &loop_level_avx512;
    case PF_ISA_AVX2: return &loop_level_avx2;
    default: break;
    }
#endif
    return &loop_level_base;
}

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks from which on they are work enough for all threads, and elements of a block that are worth a unit.
#define MANY_BLOCKS 8
#define SHARE_ELEMENTS (8 * (int64_t)PF_TILE)

// Into how many units a block of whole rows is cut: each takes as many of the 32 lanes, and these as whole tiles.
static int64_t shares(const pf_loop_plan *plan) {
    int64_t rows = plan->reduced < PF_TILE ? plan->reduced : PF_TILE, count = 1;
    if (rows < 2 * PF_LANES) return 1;
    while (plan->kept * plan->blocks * count < MANY_BLOCKS && plan->tile / plan->columns * 2 * count <= PF_LANES
           && rows * plan->columns / (2 * count) >= SHARE_ELEMENTS) count *= 2;
    return count;
}

// Cuts the work into units.
static void cut(pf_loop_plan *plan) {
    int64_t width = plan->extent[plan->rank - 1];
    plan->pieces = plan->shares = 1;
    switch (plan->mode) {
    case PF_REDUCE_NONE:
        plan->unit_elements = plan->tile;
        if (plan->rank > 1 && width > plan->tile) {
            plan->pieces = divide_up(width, plan->tile);
            plan->piece = divide_up(divide_up(width, plan->pieces), PF_LANES) * PF_LANES;
            plan->units = plan->elements / width * plan->pieces;
        } else {
            if (plan->rank > 1 && width > 0) plan->unit_elements = plan->tile / width * width;
            plan->units = divide_up(plan->elements, plan->unit_elements);
        }
        break;
    case PF_REDUCE_ROWS:
        if (plan->reduced <= plan->tile) {
            plan->unit_rows = plan->tile / (plan->reduced > 0 ? plan->reduced : 1);
            plan->units = divide_up(plan->kept, plan->unit_rows);
        } else {
            plan->units = plan->kept * plan->blocks;
        }
        break;
    case PF_REDUCE_COLUMNS: {
        int64_t each = plan->reduced * plan->columns;
        if (plan->columns == 0) {
            plan->units = 0;
        } else if (each <= plan->tile && plan->columns <= COLUMN_PIECE) {
            plan->unit_rows = plan->tile / (each > 0 ? each : plan->columns);
            if (plan->unit_rows < 1) plan->unit_rows = 1;
            plan->units = divide_up(plan->kept, plan->unit_rows);
        } else if (plan->reduced == 0) {
            plan->unit_rows = 1;
            plan->units = plan->kept;
        } else {
            int64_t widest = plan->tile < COLUMN_PIECE ? plan->tile : COLUMN_PIECE;
            plan->pieces = divide_up(plan->columns, widest);
            plan->piece = plan->columns;
            if (plan->pieces > 1) plan->piece = divide_up(divide_up(plan->columns, plan->pieces), 16) * 16;
            plan->shares = plan->pieces > 1 ? 1 : shares(plan);
            plan->units = plan->kept * plan->blocks * plan->pieces * plan->shares;
        }
        break;
    }
    }
}

// Rows from which on to take them where they lie costs less than to copy them into a tile.
#define LONG_ROW (2 * PF_LANES)

// Channels of images that are only loaded and reduced need no tile; and a block of one channel after another is read as
// it lies in memory, all blocks of one channel in pieces far apart.
static const tile_access *in_place(const pf_loop_plan *plan) {
    if (plan->mode != PF_REDUCE_ROWS || plan->unit_rows > 0 || plan->step_count != 1) return NULL;
    const tile_step *step = &plan->steps[0];
    if (step->kind != TILE_LOAD || step->dst != plan->result_value) return NULL;
    const tile_access *a = &plan->accesses[step->item];
    bool channels = plan->rank == 3 && plan->extent[0] == plan->kept && a->stride[0] > 0 && a->stride[0] < a->stride[1];
    return channels && !a->masked && a->stride[2] == 1 && plan->extent[2] >= LONG_ROW ? a : NULL;
}

// About 64 chunks, but none so small that claiming it would show.
static void make_chunks(pf_loop_plan *plan, bool heavy) {
    int64_t work = plan->elements > plan->units ? plan->elements : plan->units;
    int64_t per_unit = plan->units > 0 ? divide_up(work, plan->units) : 1;
    int64_t least = (heavy ? 4 : 16) * (int64_t)PF_TILE, most = 64 * (int64_t)PF_TILE;
    int64_t wanted = work / 64;
    if (wanted < least) wanted = least;
    if (wanted > most) wanted = most;
    plan->units_per_chunk = divide_up(wanted, per_unit);
    if (plan->units_per_chunk < 1) plan->units_per_chunk = 1;
    plan->chunks = divide_up(plan->units, plan->units_per_chunk);
}

static bool allocate(builder *b) {
    const pf_loop *loop = b->loop;
    pf_loop_plan *plan = b->plan;
    size_t sources = (size_t)loop->source_count, stores = (size_t)loop->store_count;
    // Each source may also be filled, and what is stored or reduced copied.
    size_t values = 2 * sources + (size_t)loop->instruction_count + stores + 1;
    size_t steps = sources + (size_t)loop->instruction_count + 2 * stores + 1;
    plan->values = calloc(values, sizeof(tile_value));
    plan->setup = calloc(2 * sources + 1, sizeof(tile_step));
    plan->steps = calloc(steps, sizeof(tile_step));
    plan->links = calloc((size_t)loop->instruction_count + 1, sizeof(chain_link));
    plan->accesses = calloc(sources + stores + 1, sizeof(tile_access));
    plan->linear_loads = calloc(sources + 1, sizeof(int32_t));
    plan->outputs = calloc(stores + 1, sizeof(int32_t));
    plan->sources = calloc(sources + 1, sizeof(tile_source));
    plan->constants = calloc(sources + 1, sizeof(uint64_t));
    b->value_of = malloc(sizeof(int32_t) * ((size_t)loop->register_count + 1));
    b->source_of = malloc(sizeof(int32_t) * values * 6);
    if (!plan->values || !plan->setup || !plan->steps || !plan->links || !plan->accesses || !plan->linear_loads
        || !plan->outputs || !plan->sources || !plan->constants || !b->value_of || !b->source_of) return false;
    b->filled = b->source_of + values;
    b->last_use = b->filled + values;
    b->defined = b->last_use + values;
    b->in_setup = b->defined + values;
    b->stored = b->in_setup + values;
    return true;
}

static bool allocate_shared(pf_loop_plan *plan) {
    size_t blocks = (size_t)(plan->kept * plan->blocks);
    plan->shared_lanes = malloc(blocks * (size_t)loop_lane_bytes(plan));
    plan->done = calloc(blocks, sizeof *plan->done);
    return plan->shared_lanes && plan->done;
}

pf_loop_plan *pf_loop_prepare(const pf_loop *loop) {
    pf_loop_plan *plan = calloc(1, sizeof(pf_loop_plan));
    if (!plan) return NULL;
    builder b = {.plan = plan, .loop = loop, .level = current_level()};
    int32_t axis_of[PF_MAX_RANK], place_of[PF_MAX_RANK];
    bool ready = loop_measure(plan, loop) && allocate(&b);
    if (ready) {
        loop_collapse(plan, loop, axis_of, place_of);
        bool fits = false;
        for (int64_t tile = PF_TILE; ready && !fits; tile /= 2)
            ready = tile >= PF_LANES && loop_build(&b, axis_of, place_of, tile, &fits);
    }
    if (ready) {
        plan->run = b.level->run;
        plan->gate = loop->gate;
        cut(plan);
        plan->in_place = in_place(plan);
        make_chunks(plan, b.heavy);
        ready = plan->shares == 1 || allocate_shared(plan);
    }
    free(b.value_of);
    free(b.source_of);
    if (ready) return plan;
    pf_loop_release(plan);
    return NULL;
}

void pf_loop_release(pf_loop_plan *plan) {
    if (!plan) return;
    free(plan->values);
    free(plan->setup);
    free(plan->steps);
    free(plan->links);
    free(plan->accesses);
    free(plan->linear_loads);
    free(plan->outputs);
    free(plan->sources);
    free(plan->constants);
    free(plan->shared_lanes);
    free(plan->done);
    free(plan);
}

pf_step pf_loop_step(const pf_loop_plan *plan) {
    return (pf_step){.kernel = plan->run, .args = plan, .chunks = plan->chunks};
}
