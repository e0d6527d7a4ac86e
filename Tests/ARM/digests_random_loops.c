// Random tile programs over random shapes: broadcasts, permuted and reversed axes, masks, results in place, reductions.
#include "programs.h"
#include <stdio.h>

#define REGISTERS 24
#define UNKNOWN PF_TYPE_COUNT

static int64_t one_of(uint32_t *seed, const int64_t *values, int64_t count) { return values[below(seed, count)]; }
#define ONE_OF(seed, ...)                                                                                              \
    one_of(seed, (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

/// A view of a new buffer: axes in a random order, with gaps, some reversed; for loads also broadcasts and masks.
static pf_access random_access(program *p, uint32_t *seed, pf_type type, bool load) {
    const int32_t rank = p->loop.rank;
    const int64_t *extent = p->loop.extent;
    pf_access access = {.type = type, .masked = load && below(seed, 5) == 0};
    int32_t order[PF_MAX_RANK];
    for (int32_t d = 0; d < rank; d++) order[d] = d;
    if (below(seed, 3) == 0) {
        for (int32_t d = rank - 1; d > 0; d--) {
            const int64_t other = below(seed, d + 1);
            const int32_t held = order[d];
            order[d] = order[other];
            order[other] = held;
        }
    }
    for (int32_t d = 0; d < rank && access.masked; d++) {
        access.low[d] = below(seed, 2) ? (int32_t)(below(seed, extent[d] + 2) - 1) : 0;
        access.high[d] = (int32_t)(below(seed, 2) ? below(seed, extent[d] + 3) : extent[d]);
    }
    int64_t next = below(seed, 6) == 0 ? 2 : 1;
    access.offset = below(seed, 3) == 0 ? below(seed, 5) : 0;
    int64_t span = access.offset + 1;
    for (int32_t place = rank - 1; place >= 0; place--) {
        const int32_t d = order[place];
        if (load && below(seed, 4) == 0) continue;
        const int64_t reach = extent[d] > 0 ? next * (extent[d] - 1) : 0;
        const bool reversed = below(seed, 6) == 0;
        access.stride[d] = reversed ? -next : next;
        if (reversed) access.offset += reach;
        span += reach;
        next *= extent[d] > 0 ? extent[d] : 1;
        if (below(seed, 8) == 0) next++;
    }
    const uint32_t content = next_word(seed);
    access.data = add_buffer(p, type, span, &content);
    return access;
}

/// Whether each element lies at a place of its own.
static bool is_injective(const program *p, const pf_access *access) {
    for (int32_t d = 0; d < p->loop.rank; d++) {
        if (access->stride[d] == 0 && p->loop.extent[d] > 1) return false;
    }
    return !access->masked;
}

/// One of the registers that hold the type, or none: -1.
static int32_t holding(uint32_t *seed, const pf_type *held, pf_type type) {
    int32_t all[REGISTERS], count = 0;
    for (int32_t r = 0; r < REGISTERS; r++) {
        if (held[r] == type) all[count++] = r;
    }
    return count > 0 ? all[below(seed, count)] : -1;
}

static bool is_defined(pf_op op, pf_type type, pf_type to) {
    program p = {0};
    uint16_t operands[4];
    for (int k = 0; k < operand_count(op); k++) {
        operands[k] = add_fill(&p, operand_type(op, type, k), &(uint64_t){0});
    }
    add_operation(&p, op, type, to, operands);
    p.loop.instructions = p.instructions;
    p.loop.sources = p.sources;
    pf_loop_plan *plan = pf_loop_prepare(&p.loop);
    const bool is_ready = plan;
    pf_loop_release(plan);
    return is_ready;
}

/// An operation on registers that there are, sometimes over one that is in use.
static void add_random_operation(program *p, uint32_t *seed, pf_type *held) {
    const pf_op op = (pf_op)below(seed, PF_OP_COUNT);
    const pf_type type = (pf_type)below(seed, PF_TYPE_COUNT), to = (pf_type)below(seed, PF_TYPE_COUNT);
    uint16_t operands[4] = {0};
    if (op == PF_OP_PERMUTE || !is_defined(op, type, to)) return;
    for (int k = 0; k < operand_count(op); k++) {
        const int32_t found = holding(seed, held, operand_type(op, type, k));
        if (found < 0) return;
        operands[k] = (uint16_t)found;
    }
    const bool anew = p->loop.register_count < REGISTERS && below(seed, 3) > 0;
    const uint16_t result = (uint16_t)(anew ? p->loop.register_count++ : below(seed, p->loop.register_count));
    add_operation_into(p, result, op, type, to, operands);
    held[result] = result_type(op, type, to);
}

static void run_random(uint32_t number) {
    uint32_t state = number * 2654435761u + 99, *seed = &state;
    program p = {0};
    pf_type held[REGISTERS];
    for (int32_t r = 0; r < REGISTERS; r++) held[r] = UNKNOWN;
    int64_t count = 1;
    for (int64_t axes = below(seed, 5); axes > 0; axes--) {
        const int64_t length = below(seed, 12) == 0 ? 0 : ONE_OF(seed, 1, 1, 2, 3, 4, 5, 7, 10, 16, 17, 32, 33, 64,
                                                                 100, 256, 300, 700, 1025, 2100);
        if (count * length > 12000) continue;
        add_axis(&p, length);
        count *= length;
    }
    const int32_t rank = p.loop.rank;
    const pf_reduce_mode mode = (pf_reduce_mode)below(seed, rank > 0 ? 3 : 2);

    pf_access in_place[4];
    int32_t in_place_count = 0;
    for (int64_t loads = 1 + below(seed, 4); loads > 0; loads--) {
        const pf_type type = (pf_type)ONE_OF(seed, PF_F32, PF_F32, PF_F32, PF_F64, PF_I32, PF_U32, PF_U8, PF_BOOL);
        const pf_access access = random_access(&p, seed, type, below(seed, 2));
        held[add_load(&p, access)] = type;
        if (is_injective(&p, &access)) in_place[in_place_count++] = access;
    }
    held[add_fill(&p, PF_F32, &(float){0.75f})] = PF_F32;
    if (rank > 0 && below(seed, 2)) held[add_index(&p, (int32_t)below(seed, rank), 3, -5)] = PF_I32;
    if (mode != PF_REDUCE_COLUMNS && below(seed, 4) == 0) {
        const int64_t length = ONE_OF(seed, 1, 6, rank > 0 ? p.loop.extent[rank - 1] : 1, count);
        held[add_random(&p, 5, length > 0 ? length : 1, next_word(seed))] = PF_U32;
    }
    for (int64_t wanted = below(seed, 40); wanted > 0; wanted--) add_random_operation(&p, seed, held);

    for (int64_t stores = below(seed, 4); stores > 0; stores--) {
        const uint16_t from = (uint16_t)below(seed, p.loop.register_count);
        int32_t same = 0;
        while (same < in_place_count && in_place[same].type != held[from]) same++;
        if (same < in_place_count && below(seed, 2)) {
            add_store(&p, from, in_place[same]);
            in_place[same] = in_place[--in_place_count];
        } else {
            add_store(&p, from, random_access(&p, seed, held[from], false));
        }
    }
    const uint16_t from = (uint16_t)below(seed, p.loop.register_count);
    const pf_reduce_kind kind = (pf_reduce_kind)below(seed, is_float(held[from]) ? PF_REDUCE_COUNT
                                                                                 : PF_REDUCE_COMPENSATED_SUM);
    if (mode != PF_REDUCE_NONE && held[from] != PF_BOOL) {
        const int32_t most = rank - (mode == PF_REDUCE_COLUMNS ? 1 : 0);
        add_reduction(&p, mode, kind, held[from], from, (int32_t)below(seed, most + 1));
    }
    const bool ran = run_program(&p);
    print("random loop %d of %d operations, %d stores, reduction %d%s", (int)number, (int)p.loop.instruction_count,
          (int)p.loop.store_count, (int)p.loop.reduction.mode, ran ? "" : ": refused");
}

/// Float32 arithmetic of which mostly the next operation alone reads a result.
static void run_chain(uint32_t number) {
    uint32_t state = number * 2654435761u + 7, *seed = &state;
    program p = {0};
    const int64_t size = ONE_OF(seed, 1, 5, 16, 127, 128, 129, 1025, 2300), constants = below(seed, 3);
    add_axis(&p, size);
    for (int64_t k = 0; k < 4; k++) {
        const uint32_t content = next_word(seed);
        void *data = add_buffer(&p, PF_F32, size, &content);
        if (k < constants) add_fill(&p, PF_F32, data);
        else add_load(&p, contiguous(&p, PF_F32, data));
    }
    uint16_t last = 3;
    for (int64_t count = 3 + below(seed, 30); count > 0; count--) {
        const pf_op op = (pf_op)ONE_OF(seed, PF_OP_ADD, PF_OP_SUB, PF_OP_MUL, PF_OP_DIV, PF_OP_NEG, PF_OP_SQRT,
                                       PF_OP_MAX, PF_OP_FMA);
        uint16_t operands[3];
        for (int k = 0; k < 3; k++) operands[k] = (uint16_t)below(seed, p.loop.register_count);
        if (below(seed, 4)) operands[below(seed, operand_count(op))] = last;
        last = add_operation(&p, op, PF_F32, PF_F32, operands);
        if (below(seed, 16) == 0 && p.loop.store_count < 4) {
            add_store(&p, last, contiguous(&p, PF_F32, add_buffer(&p, PF_F32, size, NULL)));
        }
    }
    add_store(&p, last, contiguous(&p, PF_F32, add_buffer(&p, PF_F32, size, NULL)));
    const bool ran = run_program(&p);
    print("chain %d of %d operations%s", (int)number, (int)p.loop.instruction_count, ran ? "" : ": refused");
}

void digest_random_loops(void) {
    for (uint32_t number = 0; number < 300; number++) run_random(number);
    for (uint32_t number = 0; number < 60; number++) run_chain(number);
}
