// The shape of a loop: extents, collapsed axes, and what each access is on them.
#include "loop_build.h"

bool loop_measure(pf_loop_plan *plan, const pf_loop *loop) {
    const pf_reduction *reduction = &loop->reduction;
    if (loop->rank < 0 || loop->rank > PF_MAX_RANK || loop->register_count < 0 || loop->register_count > UINT16_MAX + 1
        || loop->source_count < 0 || loop->instruction_count < 0 || loop->store_count < 0) return false;
    int32_t reduced = reduction->mode == PF_REDUCE_NONE ? 0 : reduction->reduced_axes;
    int32_t kept_inner = reduction->mode == PF_REDUCE_COLUMNS ? 1 : 0;
    if (reduced < 0 || reduced + kept_inner > loop->rank) return false;
    plan->mode = reduction->mode;
    plan->kept = plan->reduced = plan->columns = 1;
    bool empty = false, overflow = false;
    int64_t total = 1;
    for (int32_t d = 0; d < loop->rank; d++) {
        int64_t extent = loop->extent[d];
        if (extent < 0) return false;
        empty |= extent == 0;
        if (extent > 0) overflow |= __builtin_mul_overflow(total, extent, &total);
        int64_t *group = d >= loop->rank - kept_inner ? &plan->columns
            : d >= loop->rank - kept_inner - reduced ? &plan->reduced : &plan->kept;
        *group = overflow ? 0 : *group * extent;
    }
    if (overflow || total > (int64_t)1 << 62) return false;
    plan->elements = empty ? 0 : total;
    plan->blocks = plan->reduced > PF_TILE ? (plan->reduced + PF_TILE - 1) / PF_TILE : 1;
    if (plan->mode == PF_REDUCE_NONE) return true;
    if ((plan->mode != PF_REDUCE_ROWS && plan->mode != PF_REDUCE_COLUMNS) || (int)reduction->kind < 0
        || reduction->kind >= PF_REDUCE_COUNT || !loop_valid_type(reduction->type) || reduction->type == PF_BOOL)
        return false;
    if (loop_is_compensated(reduction->kind) && reduction->type != PF_F32 && reduction->type != PF_F64) return false;
    plan->kind = reduction->kind;
    plan->parts = reduction->kind == PF_REDUCE_COMPENSATED_PAIRS ? 2 : 1;
    plan->result_type = reduction->type;
    plan->results = reduction->data;
    return true;
}

static bool masks(const pf_access *a, const pf_loop *loop, int32_t d) {
    return a->masked && (a->low[d] > 0 || a->high[d] < loop->extent[d]);
}

const pf_access *loop_nth_access(const pf_loop *loop, int32_t i) {
    if (i >= loop->source_count) return &loop->stores[i - loop->source_count];
    return loop->sources[i].kind == PF_SRC_LOAD ? &loop->sources[i].access : NULL;
}

static bool indexes(const pf_loop *loop, int32_t d) {
    for (int32_t i = 0; i < loop->source_count; i++)
        if (loop->sources[i].kind == PF_SRC_INDEX && loop->sources[i].axis == d) return true;
    return false;
}

// Axis `inner` continues axis `outer` in every access, so that both are one.
static bool joinable(const pf_loop *loop, int32_t outer, int32_t inner) {
    if (indexes(loop, outer) || indexes(loop, inner)) return false;
    for (int32_t i = 0; i < loop->source_count + loop->store_count; i++) {
        const pf_access *a = loop_nth_access(loop, i);
        if (!a) continue;
        if (masks(a, loop, outer) || masks(a, loop, inner)) return false;
        if (a->stride[outer] != a->stride[inner] * loop->extent[inner]) return false;
    }
    return true;
}

void loop_collapse(pf_loop_plan *plan, const pf_loop *loop, int32_t *axis_of, int32_t *place_of) {
    int32_t rank = 0;
    for (int32_t d = 0; d < loop->rank; d++) {
        bool needed = loop->extent[d] != 1;
        for (int32_t i = 0; i < loop->source_count; i++) {
            const pf_access *a = loop_nth_access(loop, i);
            needed |= a && masks(a, loop, d);
        }
        place_of[d] = NONE;
        if (!needed) continue;
        if (rank > 0 && joinable(loop, axis_of[rank - 1], d)) {
            plan->extent[rank - 1] *= loop->extent[d];
        } else {
            plan->extent[rank++] = loop->extent[d];
        }
        axis_of[rank - 1] = d;
        place_of[d] = rank - 1;
    }
    if (rank == 0) {
        plan->extent[0] = 1;
        axis_of[0] = NONE;
        rank = 1;
    }
    plan->rank = rank;
}

tile_access loop_make_access(const pf_loop_plan *plan, const pf_loop *loop, const pf_access *a,
                             const int32_t *axis_of) {
    tile_access t = {.data = a->data, .offset = a->offset, .size = (int32_t)pf_type_size(a->type)};
    bool linear = true, uniform = true;
    int64_t expected = 1;
    for (int32_t d = plan->rank - 1; d >= 0; d--) {
        int32_t from = axis_of[d];
        t.stride[d] = from == NONE || plan->extent[d] == 1 ? 0 : a->stride[from];
        bool mask = from != NONE && masks(a, loop, from);
        t.masked |= mask;
        t.low[d] = mask ? a->low[from] : 0;
        t.high[d] = mask ? a->high[from] : plan->extent[d];
        uniform &= t.stride[d] == 0;
        linear &= plan->extent[d] == 1 || t.stride[d] == expected;
        expected *= plan->extent[d];
    }
    t.uniform = uniform && !t.masked;
    t.linear = linear && !t.masked;
    t.dense = !t.masked && (t.stride[plan->rank - 1] == 1 || plan->extent[plan->rank - 1] == 1);
    return t;
}

bool loop_overlap(const pf_loop_plan *plan, const tile_access *a, const tile_access *b) {
    uintptr_t low[2], high[2];
    const tile_access *both[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        int64_t first = both[i]->offset, last = both[i]->offset;
        for (int32_t d = 0; d < plan->rank; d++) {
            int64_t reach = both[i]->stride[d] * (plan->extent[d] - 1);
            if (reach < 0) first += reach; else last += reach;
        }
        low[i] = (uintptr_t)both[i]->data + (uintptr_t)(first * both[i]->size);
        high[i] = (uintptr_t)both[i]->data + (uintptr_t)((last + 1) * both[i]->size);
    }
    return low[0] < high[1] && low[1] < high[0];
}

bool loop_tiles_are_periodic(const pf_loop_plan *plan, int64_t tile) {
    int64_t width = plan->extent[plan->rank - 1];
    if (plan->rank < 2 || width > tile || plan->elements == 0) return false;
    switch (plan->mode) {
    case PF_REDUCE_NONE: return true;
    case PF_REDUCE_ROWS: return plan->reduced <= tile && plan->reduced % width == 0;
    case PF_REDUCE_COLUMNS: return plan->columns <= COLUMN_PIECE && plan->columns <= tile && plan->columns % width == 0;
    }
    return false;
}
