// The tile interpreter. Included once per instruction set, with LEVEL(name) giving each its own names.
#include "loop_ops.inc.h"
#include "loop_memory.inc.h"
#include "loop_reduce.inc.h"
#include "loop_chain.inc.h"

static void LEVEL(do_step)(LEVEL(tile) *tile, const tile_step *step) {
    const pf_loop_plan *plan = tile->plan;
    const tile_value *value = &plan->values[step->dst];
    void **pointer = tile->pointer;
    switch (step->kind) {
    case TILE_FILL:
        LEVEL(fill)(pointer[step->dst], plan->values[step->src[0]].uniform, value->type, plan->tile);
        break;
    case TILE_LOAD: {
        char *address = LEVEL(dense_address)(tile, &plan->accesses[step->item]);
        pointer[step->dst] = address ? address : tile->scratch + value->slot;
        if (!address) LEVEL(move)(tile, &plan->accesses[step->item], pointer[step->dst], false);
        break;
    }
    case TILE_INDEX:
        LEVEL(index)(tile, &plan->sources[step->item], pointer[step->dst]);
        break;
    case TILE_RANDOM:
        LEVEL(random)(tile, &plan->sources[step->item], pointer[step->dst]);
        break;
    case TILE_COMPUTE: {
        const void *operands[4];
        for (int i = 0; i < 4; i++) operands[i] = step->src[i] < 0 ? NULL : pointer[step->src[i]];
        step->kernel(tile->n, pointer[step->dst], operands);
        break;
    }
    case TILE_CHAIN: break;     // in run_chains
    case TILE_STORE: {
        const tile_access *access = &plan->accesses[step->item];
        char *address = access->linear ? access->data + (access->offset + tile->start) * access->size
                                       : LEVEL(dense_address)(tile, access);
        if (access->streamed) LEVEL(stream)(address, pointer[step->dst], tile->n * access->size);
        else if (!address) LEVEL(move)(tile, access, pointer[step->dst], true);
        else if (address != pointer[step->dst]) memmove(address, pointer[step->dst], (size_t)(tile->n * access->size));
        break;
    }
    }
}

/// Asks for a share (part of parts) of what lies in memory as the tiles do of the n elements from `start` on, while the
/// tile before is computed: instructions touch one stream after the other, in bursts too short for the processor to
/// foresee, and all requests at once would fill its queue.
static void LEVEL(fetch_ahead)(const pf_loop_plan *plan, int64_t start, int64_t n, int64_t part, int64_t parts) {
    if (n > plan->elements - start) n = plan->elements - start;
    int64_t first = n * part / parts, end = n * (part + 1) / parts;
    for (int32_t i = 0; i < plan->linear_load_count; i++) {
        const tile_access *access = &plan->accesses[plan->values[plan->linear_loads[i]].access];
        const char *from = access->data + (access->offset + start) * access->size;
        int64_t line = first * access->size / 64 * 64;
        for (; line < end * access->size; line += 64) __builtin_prefetch(from + line, 0, 2);
    }
}

/// Computes elements start..<start + n; the next tile will begin at `next`.
static void LEVEL(run_tile)(LEVEL(tile) *tile, int64_t start, int64_t n, int64_t next) {
    const pf_loop_plan *plan = tile->plan;
    LEVEL(place)(tile, start, n);
    tile->next = next;
    for (int32_t i = 0; i < plan->linear_load_count; i++) {
        const tile_access *access = &plan->accesses[plan->values[plan->linear_loads[i]].access];
        tile->pointer[plan->linear_loads[i]] = access->data + (access->offset + start) * access->size;
    }
    for (int32_t i = 0; i < plan->output_count; i++) {
        const tile_value *value = &plan->values[plan->outputs[i]];
        const tile_access *access = &plan->accesses[value->output];
        char *address = access->linear ? access->data + (access->offset + start) * access->size
                                       : LEVEL(dense_address)(tile, access);
        tile->pointer[plan->outputs[i]] = address ? address : tile->scratch + value->slot;
    }
    // A sum alone takes no steps; the processor foresees what follows, but not a row further on.
    if (plan->step_count == 0 && next != start + n) LEVEL(fetch_ahead)(plan, next, n, 0, 1);
    for (int32_t i = 0, end = 0; i < plan->step_count; i = end) {
        while (end < plan->step_count && plan->steps[end].kind == TILE_CHAIN) end++;
        if (end > i) {
            LEVEL(run_chains)(tile, i, end);
            continue;
        }
        // Chains fetch for the others, too.
        if (plan->link_count == 0) LEVEL(fetch_ahead)(plan, next, n, i, plan->step_count);
        LEVEL(do_step)(tile, &plan->steps[i]);
        end = i + 1;
    }
}

static void LEVEL(run_plain)(LEVEL(tile) *tile, int64_t unit) {
    const pf_loop_plan *plan = tile->plan;
    int64_t start, end;
    if (plan->pieces > 1) {
        int64_t width = plan->extent[plan->rank - 1];
        int64_t column = unit % plan->pieces * plan->piece;
        start = unit / plan->pieces * width + column;
        end = start + (width - column < plan->piece ? width - column : plan->piece);
    } else {
        start = unit * plan->unit_elements;
        end = start + plan->unit_elements < plan->elements ? start + plan->unit_elements : plan->elements;
    }
    LEVEL(run_tile)(tile, start, end - start, end);
}

/// Takes elements start..<start + n, a whole block, into lanes: straight from memory where 32 of them lie in one row.
static void LEVEL(take_in_place)(LEVEL(tile) *tile, const LEVEL(reducer) *reducer, int64_t start, int64_t n,
                                 char *lanes) {
    const pf_loop_plan *plan = tile->plan;
    const tile_access *access = plan->in_place;
    const int32_t last = plan->rank - 1;
    const int64_t size = access->size;
    LEVEL(place)(tile, start, n);
    const char *row = access->data + access->offset * size;
    for (int32_t d = 0; d < last; d++) row += tile->coordinate[d] * access->stride[d] * size;
    int64_t column = tile->coordinate[last], held = 0;
    uint64_t group[PF_LANES];       // put together from two rows
    bool first = true;
    while (n > 0) {
        int64_t count = plan->extent[last] - column < n ? plan->extent[last] - column : n, taken = 0;
        const char *from = row + column * size;
        // The next unit's: what lies behind, in pieces too short for the processor to foresee.
        const char *ahead = from + access->stride[0] * size;
        for (int64_t at = 0; at < count * size; at += 64) __builtin_prefetch(ahead + at, 0, 2);
        if (held > 0) {
            taken = PF_LANES - held < count ? PF_LANES - held : count;
            memcpy((char *)group + held * size, from, (size_t)(taken * size));
            held += taken;
        }
        if (held == PF_LANES) {
            reducer->lanes(lanes, group, held, first);
            first = false;
            held = 0;
        }
        int64_t whole = (count - taken) / PF_LANES * PF_LANES;
        if (whole > 0) {
            reducer->lanes(lanes, from + taken * size, whole, first);
            first = false;
            taken += whole;
        }
        if (taken < count) {
            held = count - taken;
            memcpy(group, from + taken * size, (size_t)(held * size));
        }
        n -= count;
        column = 0;
        row += LEVEL(next_row)(plan, tile->coordinate, access->stride) * size;
    }
    if (held > 0) reducer->lanes(lanes, group, held, first);
}

static void LEVEL(run_rows)(LEVEL(tile) *tile, int64_t unit) {
    const pf_loop_plan *plan = tile->plan;
    const LEVEL(reducer) *reducer = &LEVEL(reducers)[plan->kind][plan->result_type];
    int64_t size = pf_type_size(plan->result_type);
    void **value = &tile->pointer[plan->result_value];
    if (plan->unit_rows > 0) {
        int64_t first = unit * plan->unit_rows;
        int64_t rows = plan->kept - first < plan->unit_rows ? plan->kept - first : plan->unit_rows;
        if (plan->reduced > 0) {
            LEVEL(run_tile)(tile, first * plan->reduced, rows * plan->reduced, (first + rows) * plan->reduced);
            reducer->rows(plan->results + first * plan->parts * size, *value, rows, plan->reduced);
        } else {
            LEVEL(fill)(plan->results + first * plan->parts * size, reducer->identity, plan->result_type,
                        rows * plan->parts);
        }
        return;
    }
    // One block, in one tile or in several.
    int64_t row = plan->in_place ? unit % plan->kept : unit / plan->blocks;
    int64_t block = plan->in_place ? unit / plan->kept : unit % plan->blocks;
    int64_t first = block * PF_TILE;
    int64_t n = plan->reduced - first < PF_TILE ? plan->reduced - first : PF_TILE;
    char *lanes = tile->scratch + plan->accumulator_offset;
    if (plan->in_place) LEVEL(take_in_place)(tile, reducer, row * plan->reduced + first, n, lanes);
    else for (int64_t i = 0; i < n; i += plan->tile) {
        int64_t count = n - i < plan->tile ? n - i : plan->tile;
        int64_t start = row * plan->reduced + first + i;
        LEVEL(run_tile)(tile, start, count, start + count);
        reducer->lanes(lanes, *value, count, i == 0);
    }
    reducer->finish(plan->results + (row * plan->blocks + block) * plan->parts * size, lanes);
}

static void LEVEL(run_columns)(LEVEL(tile) *tile, int64_t unit) {
    const pf_loop_plan *plan = tile->plan;
    const LEVEL(reducer) *reducer = &LEVEL(reducers)[plan->kind][plan->result_type];
    pf_type type = plan->result_type;
    int64_t size = pf_type_size(type);
    void **value = &tile->pointer[plan->result_value];
    char *lanes = tile->scratch + plan->accumulator_offset;
    if (plan->unit_rows > 0) {
        int64_t first = unit * plan->unit_rows;
        int64_t count = plan->kept - first < plan->unit_rows ? plan->kept - first : plan->unit_rows;
        int64_t row = plan->parts * plan->columns;
        char *results = plan->results + first * row * size;
        if (plan->reduced == 0) {
            LEVEL(fill)(results, reducer->identity, type, count * row);
            return;
        }
        int64_t each = plan->reduced * plan->columns;
        LEVEL(run_tile)(tile, first * each, count * each, (first + count) * each);
        for (int64_t i = 0; i < count; i++) {
            LEVEL(accumulate)(reducer, lanes, (char *)*value + i * each * size, 0, plan->reduced, plan->columns, size);
            LEVEL(finish_columns)(reducer, type, lanes, plan->reduced < PF_LANES ? plan->reduced : PF_LANES,
                                  plan->columns, results + i * row * size, plan->columns);
        }
        return;
    }
    // One block of some or all columns, or a share of one: some of the lanes.
    int64_t column = unit % plan->pieces * plan->piece, share = unit % plan->shares;
    int64_t width = plan->columns - column < plan->piece ? plan->columns - column : plan->piece;
    int64_t of_all = unit / (plan->pieces * plan->shares);
    int64_t kept = of_all / plan->blocks, first = of_all % plan->blocks * PF_TILE;
    int64_t rows = plan->reduced - first < PF_TILE ? plan->reduced - first : PF_TILE;
    int64_t rows_per_tile = plan->pieces > 1 ? 1 : plan->tile / width;
    if (plan->shares > 1) lanes = plan->shared_lanes + of_all * loop_lane_bytes(plan);
    int64_t apart = plan->shares > 1 ? PF_LANES : rows, run = plan->shares > 1 ? PF_LANES / plan->shares : rows;
    for (int64_t base = share * run; base < rows; base += apart) {
        int64_t end = base + run < rows ? base + run : rows;
        for (int64_t i = base; i < end; i += rows_per_tile) {
            int64_t count = end - i < rows_per_tile ? end - i : rows_per_tile;
            int64_t start = (kept * plan->reduced + first + i) * plan->columns + column;
            LEVEL(run_tile)(tile, start, count * width, start + count * plan->columns);
            LEVEL(accumulate)(reducer, lanes, *value, i, count, width, size);
        }
    }
    if (plan->shares > 1) {
        if (atomic_fetch_add(&plan->done[of_all], 1) + 1 < plan->shares) return;
        atomic_store(&plan->done[of_all], 0);
    }
    int64_t result = of_all * plan->parts * plan->columns + column;
    LEVEL(finish_columns)(reducer, type, lanes, rows < PF_LANES ? rows : PF_LANES, width,
                          plan->results + result * size, plan->columns);
}

static void LEVEL(run)(const void *args, int64_t chunk, void *scratch) {
    const pf_loop_plan *plan = args;
    if (plan->gate && !*plan->gate) return;
    LEVEL(tile) tile = {.plan = plan, .scratch = scratch, .pointer = scratch, .n = plan->tile};
    for (int32_t i = 0; i < plan->value_count; i++) {
        const tile_value *value = &plan->values[i];
        // Uniform elements are only read.
        tile.pointer[i] = value->kind == VALUE_UNIFORM ? (void *)(uintptr_t)value->uniform : tile.scratch + value->slot;
    }
    if (plan->elements > 0) for (int32_t i = 0; i < plan->setup_count; i++) LEVEL(do_step)(&tile, &plan->setup[i]);
    int64_t first = chunk * plan->units_per_chunk;
    int64_t end = first + plan->units_per_chunk < plan->units ? first + plan->units_per_chunk : plan->units;
    for (int64_t unit = first; unit < end; unit++) {
        if (plan->mode == PF_REDUCE_NONE) LEVEL(run_plain)(&tile, unit);
        else if (plan->mode == PF_REDUCE_ROWS) LEVEL(run_rows)(&tile, unit);
        else LEVEL(run_columns)(&tile, unit);
    }
    // Streamed stores are ordered by nothing else.
    if (plan->streams) atomic_thread_fence(memory_order_seq_cst);
}

const loop_level LEVEL(loop_level) = {LEVEL(run), LEVEL(find)};
