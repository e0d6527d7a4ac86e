// Loops put together piece by piece.
#include "programs.h"
#include <string.h>

int operand_count(pf_op op) {
    return op <= PF_OP_COPY ? 1 : op <= PF_OP_SHIFT_RIGHT ? 2 : op <= PF_OP_FMA ? 3 : 4;
}

pf_type operand_type(pf_op op, pf_type type, int operand) {
    if (op == PF_OP_UNIFORM || op == PF_OP_NORMAL) return PF_U32;
    return op == PF_OP_SELECT && operand == 0 ? PF_BOOL : type;
}

pf_type result_type(pf_op op, pf_type type, pf_type to) {
    switch (op) {
    case PF_OP_UNIFORM: case PF_OP_NORMAL: case PF_OP_CAST: return to;
    case PF_OP_IS_FINITE:
    case PF_OP_LESS: case PF_OP_LESS_EQUAL: case PF_OP_EQUAL: case PF_OP_NOT_EQUAL: return PF_BOOL;
    default: return type;
    }
}

void add_axis(program *p, int64_t extent) { p->loop.extent[p->loop.rank++] = extent; }

void *add_buffer(program *p, pf_type type, int64_t count, const uint32_t *seed) {
    void *data = seed ? elements(type, count, *seed) : zeros(type, count);
    p->buffers[p->buffer_count++] = (buffer){.type = type, .count = count, .data = data};
    return data;
}

pf_access contiguous(const program *p, pf_type type, void *data) {
    pf_access access = {.data = data, .type = type};
    int64_t stride = 1;
    for (int32_t d = p->loop.rank - 1; d >= 0; d--) {
        access.stride[d] = stride;
        stride *= p->loop.extent[d];
    }
    return access;
}

static uint16_t add_source(program *p, pf_source source) {
    source.reg = source.access.reg = (uint16_t)p->loop.register_count++;
    p->sources[p->loop.source_count++] = source;
    return source.reg;
}

uint16_t add_load(program *p, pf_access access) {
    return add_source(p, (pf_source){.kind = PF_SRC_LOAD, .type = access.type, .access = access});
}

uint16_t add_fill(program *p, pf_type type, const void *element) {
    pf_source source = {.kind = PF_SRC_FILL, .type = type};
    memcpy(&source.bits, element, (size_t)pf_type_size(type));
    return add_source(p, source);
}

uint16_t add_index(program *p, int32_t axis, int32_t scale, int32_t start) {
    return add_source(p, (pf_source){.kind = PF_SRC_INDEX, .type = PF_I32, .axis = axis, .scale = scale,
                                     .start = start});
}

uint16_t add_random(program *p, uint32_t stream, int64_t row_length, uint32_t seed) {
    int64_t count = 1;
    for (int32_t d = 0; d < p->loop.rank; d++) count *= p->loop.extent[d];
    return add_source(p, (pf_source){
        .kind = PF_SRC_RANDOM, .type = PF_U32, .stream = stream, .row_length = row_length,
        .sample = elements(PF_U32, count / row_length + 1, seed), .step = elements(PF_U32, 1, seed + 1),
        .seed = elements(PF_U32, 2, seed + 2)});
}

void add_operation_into(program *p, uint16_t to_register, pf_op op, pf_type type, pf_type to,
                        const uint16_t *operands) {
    pf_instruction *instruction = &p->instructions[p->loop.instruction_count++];
    *instruction = (pf_instruction){.op = (uint16_t)op, .type = (uint8_t)type, .to = (uint8_t)to, .dst = to_register};
    for (int k = 0; k < operand_count(op); k++) instruction->src[k] = operands[k];
}

uint16_t add_operation(program *p, pf_op op, pf_type type, pf_type to, const uint16_t *operands) {
    const uint16_t result = (uint16_t)p->loop.register_count++;
    add_operation_into(p, result, op, type, to, operands);
    return result;
}

void add_store(program *p, uint16_t from, pf_access access) {
    access.reg = from;
    p->stores[p->loop.store_count++] = access;
}

void add_reduction(program *p, pf_reduce_mode mode, pf_reduce_kind kind, pf_type type, uint16_t from, int32_t axes) {
    const int32_t last = p->loop.rank - (mode == PF_REDUCE_COLUMNS ? 1 : 0);
    int64_t kept = 1, reduced = 1;
    for (int32_t d = 0; d < p->loop.rank; d++) {
        if (d >= last - axes && d < last) reduced *= p->loop.extent[d];
        else kept *= p->loop.extent[d];
    }
    const int64_t blocks = reduced > PF_TILE ? (reduced + PF_TILE - 1) / PF_TILE : 1;
    void *results = add_buffer(p, type, kept * blocks * (kind == PF_REDUCE_COMPENSATED_PAIRS ? 2 : 1), NULL);
    p->loop.reduction = (pf_reduction){.mode = mode, .kind = kind, .type = type, .reg = from, .reduced_axes = axes,
                                       .data = results};
}

bool run_program(program *p) {
    p->loop.sources = p->sources;
    p->loop.instructions = p->instructions;
    p->loop.stores = p->stores;
    pf_loop_plan *plan = pf_loop_prepare(&p->loop);
    if (!plan) return false;
    run(pf_loop_step(plan));
    pf_loop_release(plan);
    for (int32_t i = 0; i < p->buffer_count; i++) take(p->buffers[i].type, p->buffers[i].data, p->buffers[i].count);
    return true;
}
