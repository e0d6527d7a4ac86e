// The tile program: registers renamed to values, sources emitted at their first use, results computed in place of their
// stores where nothing is lost, slots of scratch shared between values.
#include "loop_build.h"
#include <stdlib.h>

// Bytes of tile registers that leave the first-level cache some room; larger programs use shorter tiles.
#define CACHE_BYTES (40 << 10)

static int operand_count(pf_op op) {
    return op <= PF_OP_COPY ? 1 : op <= PF_OP_SHIFT_RIGHT ? 2 : op <= PF_OP_FMA ? 3 : 4;
}

static pf_type operand_type(const pf_instruction *i, int operand) {
    if (i->op == PF_OP_UNIFORM || i->op == PF_OP_NORMAL) return PF_U32;
    if (i->op == PF_OP_SELECT && operand == 0) return PF_BOOL;
    return (pf_type)i->type;
}

static pf_type result_type(const pf_instruction *i) {
    switch (i->op) {
    case PF_OP_UNIFORM: case PF_OP_NORMAL: case PF_OP_CAST: return (pf_type)i->to;
    case PF_OP_IS_FINITE:
    case PF_OP_LESS: case PF_OP_LESS_EQUAL: case PF_OP_EQUAL: case PF_OP_NOT_EQUAL: return PF_BOOL;
    default: return (pf_type)i->type;
    }
}

/// Costly enough that a few thousand elements are worth a chunk.
static bool is_heavy(pf_op op) {
    return (op >= PF_OP_EXP && op <= PF_OP_ERF) || op == PF_OP_NORMAL || op == PF_OP_POW || op == PF_OP_REM
        || op == PF_OP_PERMUTE;
}

static int32_t new_value(builder *b, value_kind kind, pf_type type) {
    pf_loop_plan *plan = b->plan;
    int32_t v = plan->value_count++;
    plan->values[v] = (tile_value){.kind = kind, .type = type, .slot = NONE, .access = NONE, .output = NONE};
    b->source_of[v] = b->filled[v] = b->last_use[v] = b->defined[v] = NONE;
    b->in_setup[v] = false;
    return v;
}

// The value has a slot that nothing else uses.
static void add_setup(builder *b, tile_step step) {
    b->in_setup[step.dst] = true;
    b->plan->setup[b->plan->setup_count++] = step;
}

static void add_step(builder *b, tile_step step) {
    if (step.kind != TILE_STORE) b->defined[step.dst] = b->plan->step_count;
    b->plan->steps[b->plan->step_count++] = step;
}

// Depends on the column alone.
static bool is_periodic(const builder *b, const tile_access *access) {
    if (!b->periodic_tiles || access->masked) return false;
    for (int32_t d = 0; d < b->plan->rank - 1; d++) if (access->stride[d] != 0) return false;
    return true;
}

// Emits the step of a source at its first use, so that its register lives no longer than needed.
static void materialise(builder *b, int32_t v) {
    int32_t s = b->source_of[v];
    if (s == NONE) return;
    b->source_of[v] = NONE;
    pf_loop_plan *plan = b->plan;
    tile_step step = {.dst = v, .src = {NONE, NONE, NONE, NONE}, .item = s};
    bool once = false;
    switch (b->loop->sources[s].kind) {
    case PF_SRC_LOAD:
        step.kind = TILE_LOAD;
        once = is_periodic(b, &plan->accesses[s]);
        break;
    case PF_SRC_INDEX:
        step.kind = TILE_INDEX;
        once = plan->sources[s].axis == NONE || (b->periodic_tiles && plan->sources[s].axis == plan->rank - 1);
        break;
    case PF_SRC_RANDOM:
        step.kind = TILE_RANDOM;
        b->heavy = true;
        break;
    default: return;
    }
    if (once) add_setup(b, step);
    else add_step(b, step);
}

// The value as n elements.
static int32_t as_vector(builder *b, int32_t v) {
    if (b->plan->values[v].kind != VALUE_UNIFORM) return v;
    if (b->filled[v] == NONE) {
        int32_t copy = new_value(b, VALUE_SLOT, b->plan->values[v].type);
        add_setup(b, (tile_step){.kind = TILE_FILL, .dst = copy, .src = {v, NONE, NONE, NONE}});
        b->filled[v] = copy;
    }
    return b->filled[v];
}

static bool add_source(builder *b, int32_t s) {
    const pf_source *source = &b->loop->sources[s];
    pf_loop_plan *plan = b->plan;
    if (source->reg >= b->loop->register_count || !loop_valid_type(source->type)) return false;
    pf_type type = source->type;
    int32_t v;
    switch (source->kind) {
    case PF_SRC_FILL:
        v = new_value(b, VALUE_UNIFORM, type);
        plan->constants[s] = source->bits;      // little endian: the first bytes are the element
        plan->values[v].uniform = &plan->constants[s];
        break;
    case PF_SRC_LOAD: {
        if (source->access.type != type) return false;
        const tile_access *access = &plan->accesses[s];
        if (access->uniform) {
            v = new_value(b, VALUE_UNIFORM, type);
            plan->values[v].uniform = access->data + access->offset * access->size;
        } else if (access->linear) {
            v = new_value(b, VALUE_LINEAR_LOAD, type);
            plan->linear_loads[plan->linear_load_count++] = v;
        } else {
            v = new_value(b, VALUE_SLOT, type);
            b->source_of[v] = s;
        }
        plan->values[v].access = s;
        break;
    }
    case PF_SRC_INDEX:
        if (type != PF_I32 || source->axis < 0 || source->axis >= b->loop->rank) return false;
        v = new_value(b, VALUE_SLOT, type);
        b->source_of[v] = s;
        break;
    case PF_SRC_RANDOM:
        if (type != PF_U32 || plan->mode == PF_REDUCE_COLUMNS || !source->sample || !source->step || !source->seed
            || (source->row_length <= 0 && plan->elements > 0)) return false;
        v = new_value(b, VALUE_SLOT, type);
        b->source_of[v] = s;
        break;
    default: return false;
    }
    b->value_of[source->reg] = v;
    return true;
}

static int32_t read_register(builder *b, int32_t reg, pf_type type) {
    if (reg >= b->loop->register_count) return NONE;
    int32_t v = b->value_of[reg];
    return v != NONE && b->plan->values[v].type == type ? v : NONE;
}

static bool add_instruction(builder *b, const pf_instruction *i) {
    if (i->op >= PF_OP_COUNT || i->dst >= b->loop->register_count || !loop_valid_type(i->type)
        || !loop_valid_type(i->to)) return false;
    pf_op op = (pf_op)i->op;
    int operands = operand_count(op);
    tile_step step = {
        .kind = TILE_COMPUTE, .src = {NONE, NONE, NONE, NONE}, .item = NONE, .op = (uint8_t)op, .type = i->type};
    bool uniform[4] = {false};
    for (int k = 0; k < operands; k++) {
        step.src[k] = read_register(b, i->src[k], operand_type(i, k));
        if (step.src[k] == NONE) return false;
        uniform[k] = b->plan->values[step.src[k]].kind == VALUE_UNIFORM;
    }
    operand_shape shape = OPERANDS_VECTORS;
    if (operands == 2 && uniform[0] != uniform[1])
        shape = uniform[1] ? OPERANDS_SECOND_UNIFORM : OPERANDS_FIRST_UNIFORM;
    step.kernel = b->level->find(op, (pf_type)i->type, (pf_type)i->to, shape);
    if (!step.kernel) return false;
    for (int k = 0; k < operands; k++) {
        if (shape == OPERANDS_VECTORS) step.src[k] = as_vector(b, step.src[k]);
        materialise(b, step.src[k]);
    }
    for (int k = 0; k < operands; k++) b->last_use[step.src[k]] = b->plan->step_count;
    step.dst = new_value(b, VALUE_SLOT, result_type(i));
    add_step(b, step);
    b->value_of[i->dst] = step.dst;
    b->heavy |= is_heavy(op);
    return true;
}

// May value v be computed into the memory of store `s`? Only if nothing that a load reads there is needed later.
static bool computes_in_place(const builder *b, int32_t v, int32_t s) {
    const pf_loop_plan *plan = b->plan;
    const tile_access *store = &plan->accesses[s];
    if ((!store->linear && !store->dense) || store->streamed
        || plan->values[v].kind != VALUE_SLOT || plan->values[v].output != NONE
        || b->in_setup[v] || b->defined[v] == NONE) return false;
    const tile_step_kind kind = plan->steps[b->defined[v]].kind;
    if (kind != TILE_COMPUTE && kind != TILE_CHAIN) return false;
    for (int32_t other = 0; other < plan->value_count; other++) {
        int32_t load = plan->values[other].access;
        if (load == NONE || !loop_overlap(plan, store, &plan->accesses[load])) continue;
        // A uniform value may have been filled at the start; its other uses read memory.
        if (b->last_use[other] > b->defined[v]) return false;
        // Chains read it again and again, between their stores.
        if (kind == TILE_CHAIN && plan->values[other].kind == VALUE_UNIFORM && b->last_use[other] != NONE) return false;
        if (b->defined[other] != NONE && b->defined[other] > b->defined[v]) return false;
    }
    return true;
}

// The value to store or reduce at the end. A load that is read where a store may have written by then is copied first.
static int32_t read_at_end(builder *b, int32_t reg, pf_type type) {
    pf_loop_plan *plan = b->plan;
    int32_t v = read_register(b, reg, type);
    if (v == NONE) return NONE;
    v = as_vector(b, v);
    materialise(b, v);
    int32_t load = plan->values[v].access;
    bool overwritten = false;
    for (int32_t s = 0; s < b->loop->store_count && load != NONE; s++)
        overwritten |= loop_overlap(plan, &plan->accesses[load], &plan->accesses[b->loop->source_count + s]);
    if (!overwritten) return v;
    tile_step copy = {.kind = TILE_COMPUTE, .src = {v, NONE, NONE, NONE}, .item = NONE};
    copy.kernel = b->level->find(PF_OP_COPY, type, type, OPERANDS_VECTORS);
    b->last_use[v] = plan->step_count;
    copy.dst = new_value(b, VALUE_SLOT, type);
    add_step(b, copy);
    return copy.dst;
}

// Results that no cache will hold until they are read. Past the caches, memory need not be read to be overwritten.
#define STREAMED_BYTES (16 << 20)

// What a load reads, too, is in the caches already.
static bool is_streamed(const builder *b, const tile_access *store) {
    const pf_loop_plan *plan = b->plan;
    if (!store->linear || plan->elements * store->size < STREAMED_BYTES) return false;
    for (int32_t i = 0; i < b->loop->source_count; i++)
        if (b->loop->sources[i].kind == PF_SRC_LOAD && loop_overlap(plan, store, &plan->accesses[i])) return false;
    return true;
}

static bool add_stores(builder *b) {
    pf_loop_plan *plan = b->plan;
    const pf_loop *loop = b->loop;
    plan->streams = false;
    for (int32_t s = 0; s < loop->store_count; s++) {
        tile_access *store = &plan->accesses[loop->source_count + s];
        store->streamed = is_streamed(b, store);
        plan->streams |= store->streamed;
    }
    // All is loaded and computed before anything is stored.
    for (int32_t s = 0; s < loop->store_count; s++) {
        int32_t v = read_at_end(b, loop->stores[s].reg, loop->stores[s].type);
        if (v == NONE || loop->stores[s].masked) return false;
        b->stored[s] = v;
    }
    if (plan->mode != PF_REDUCE_NONE) {
        plan->result_value = read_at_end(b, loop->reduction.reg, loop->reduction.type);
        if (plan->result_value == NONE) return false;
    }
    for (int32_t s = 0; s < loop->store_count; s++) {
        b->last_use[b->stored[s]] = plan->step_count;
        add_step(b, (tile_step){
            .kind = TILE_STORE, .dst = b->stored[s], .src = {NONE, NONE, NONE, NONE}, .item = loop->source_count + s});
    }
    if (plan->mode != PF_REDUCE_NONE) b->last_use[plan->result_value] = plan->step_count;
    for (int32_t s = 0; s < loop->store_count; s++) {
        if (!computes_in_place(b, b->stored[s], loop->source_count + s)) continue;
        plan->values[b->stored[s]].output = loop->source_count + s;
        plan->outputs[plan->output_count++] = b->stored[s];
    }
    return true;
}

static int64_t align64(int64_t bytes) { return (bytes + 63) & ~(int64_t)63; }

// Linear scan over the steps. A result may take the slot of an operand of its size that is read for the last time.
// Slots are counted first in elements' bytes (times the tile later): `slot` is the sum of element sizes before it.
// Returns that sum, or NONE when memory runs out.
static int64_t assign_slots(const builder *b) {
    pf_loop_plan *plan = b->plan;
    int64_t *stack = malloc(sizeof(int64_t) * (size_t)(plan->value_count + 1) * 3);
    if (!stack) return NONE;
    int64_t *free_slots[3] = {stack, stack + plan->value_count + 1, stack + 2 * (plan->value_count + 1)};
    int32_t free_count[3] = {0};
    int64_t used = 0;
    for (int32_t i = 0; i < plan->setup_count; i++) {
        tile_value *value = &plan->values[plan->setup[i].dst];
        value->slot = used;
        used += pf_type_size(value->type);
    }
    for (int32_t i = 0; i < plan->step_count; i++) {
        const tile_step *step = &plan->steps[i];
        // Values that die here, then the one that is born; of another size it finds another list.
        for (int32_t k = 0; k < loop_operand_count(step); k++) {
            int32_t v = loop_operand(plan, step, k);
            if (v == NONE || plan->values[v].slot == NONE || b->in_setup[v] || b->last_use[v] != i) continue;
            bool seen = false;
            for (int32_t j = 0; j < k; j++) seen |= loop_operand(plan, step, j) == v;
            int64_t size = pf_type_size(plan->values[v].type);
            int class = size == 1 ? 0 : size == 4 ? 1 : 2;
            if (!seen) free_slots[class][free_count[class]++] = plan->values[v].slot;
        }
        if (step->kind == TILE_STORE) continue;
        tile_value *value = &plan->values[step->dst];
        if (value->output != NONE && plan->accesses[value->output].linear) continue;    // always computed in place
        int64_t size = pf_type_size(value->type);
        int class = size == 1 ? 0 : size == 4 ? 1 : 2;
        if (free_count[class] > 0) {
            value->slot = free_slots[class][--free_count[class]];
        } else {
            value->slot = used;
            used += size;
        }
        // Never read: free at once.
        if (b->last_use[step->dst] == NONE) free_slots[class][free_count[class]++] = value->slot;
    }
    free(stack);
    return used;
}

// Turns slots into offsets in scratch for this length of tile; `fits` tells whether it will do.
static bool lay_out(builder *b, int64_t tile, bool *fits) {
    pf_loop_plan *plan = b->plan;
    int64_t slot_bytes = assign_slots(b);
    if (slot_bytes < 0) return false;
    bool random = false;
    for (int32_t s = 0; s < b->loop->source_count; s++) random |= b->loop->sources[s].kind == PF_SRC_RANDOM;
    int64_t pointers = align64((int64_t)sizeof(void *) * plan->value_count);
    int64_t random_bytes = random ? align64((tile + 8) * 4 * 6) : 0;
    int64_t accumulator = plan->mode == PF_REDUCE_NONE ? 0 : PF_LANES * 8;
    if (plan->mode == PF_REDUCE_COLUMNS) accumulator *= COLUMN_PIECE;
    if (loop_is_compensated(plan->kind)) accumulator *= 2;
    plan->tile = tile;
    for (int32_t v = 0; v < plan->value_count; v++)
        if (plan->values[v].slot != NONE) plan->values[v].slot = pointers + plan->values[v].slot * tile;
    plan->random_offset = pointers + slot_bytes * tile;
    plan->accumulator_offset = plan->random_offset + random_bytes;
    *fits = plan->accumulator_offset + accumulator <= PF_SCRATCH_BYTES
        && (slot_bytes * tile <= CACHE_BYTES || tile <= 256);
    return true;
}

bool loop_build(builder *b, const int32_t *axis_of, const int32_t *place_of, int64_t tile, bool *fits) {
    pf_loop_plan *plan = b->plan;
    const pf_loop *loop = b->loop;
    plan->value_count = plan->setup_count = plan->step_count = plan->linear_load_count = plan->output_count = 0;
    for (int32_t r = 0; r < loop->register_count; r++) b->value_of[r] = NONE;
    b->periodic_tiles = loop_tiles_are_periodic(plan, tile);
    for (int32_t i = 0; i < loop->source_count + loop->store_count; i++) {
        const pf_access *a = loop_nth_access(loop, i);
        if (a && !loop_valid_type(a->type)) return false;
        if (a) plan->accesses[i] = loop_make_access(plan, loop, a, axis_of);
    }
    for (int32_t s = 0; s < loop->source_count; s++) {
        const pf_source *source = &loop->sources[s];
        bool along = source->kind == PF_SRC_INDEX && source->axis >= 0 && source->axis < loop->rank;
        plan->sources[s] = (tile_source){
            source->sample, source->step, source->seed, source->stream, source->row_length,
            along ? place_of[source->axis] : NONE, source->scale, source->start};
        if (!add_source(b, s)) return false;
    }
    for (int32_t i = 0; i < loop->instruction_count; i++) if (!add_instruction(b, &loop->instructions[i])) return false;
    return loop_join_chains(b) && add_stores(b) && lay_out(b, tile, fits);
}
