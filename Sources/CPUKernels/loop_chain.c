// Joins float32 operations to chains (loop_chain.inc.h) wherever one alone reads what another computes.
#include "loop_build.h"
#include <stdlib.h>
#include <string.h>

static bool is_uniform(const builder *b, int32_t v) { return b->plan->values[v].kind == VALUE_UNIFORM; }

// The link that a step is when operand `from` comes down the chain; CHAIN_NONE for what no chain can hold.
static chain_link link_of(const builder *b, const tile_step *step, int from) {
    chain_link link = {.op = CHAIN_NONE, .value = step->src[1 - from]};
    if (step->kind != TILE_COMPUTE || step->type != PF_F32) return link;
    switch (step->op) {
    case PF_OP_NEG: link.op = CHAIN_NEGATE; break;
    case PF_OP_SQRT: link.op = CHAIN_SQRT; break;
    case PF_OP_ADD: link.op = CHAIN_ADD; break;
    case PF_OP_SUB: link.op = from == 0 ? CHAIN_SUBTRACT : CHAIN_SUBTRACT_FROM; break;
    case PF_OP_MUL: link.op = CHAIN_MULTIPLY; break;
    case PF_OP_DIV: link.op = from == 0 ? CHAIN_DIVIDE : CHAIN_DIVIDE_INTO; break;
    case PF_OP_MASK: link.op = from == 0 ? CHAIN_MASK : CHAIN_MASK_OF; break;
    default: return link;
    }
    if (link.value != NONE && is_uniform(b, link.value)) link.op += CHAIN_ONE;
    return link;
}

// While steps are joined.
typedef struct {
    tile_step *steps;   // as they were
    int32_t *uses;      // value -> how often it is read
    int32_t *length;    // step -> links of the chain that ends in it
    int32_t *before;    // step -> the step before it in its chain, or NONE
    int32_t *maker;     // value -> the step that computes it, or NONE
    bool *joined;       // step -> has become part of a later one
    bool are_many;      // there is a chain of several links
} chains;

static void count_uses(const builder *b, chains *c, int32_t steps) {
    const pf_loop_plan *plan = b->plan;
    for (int32_t i = 0; i < steps; i++) {
        const tile_step *step = &c->steps[i];
        for (int k = 0; k < 4; k++) if (step->src[k] != NONE) c->uses[step->src[k]]++;
        c->maker[step->dst] = i;
    }
    for (int32_t s = 0; s < b->loop->store_count; s++) {
        const int32_t reg = b->loop->stores[s].reg;
        if (reg < b->loop->register_count && b->value_of[reg] != NONE) c->uses[b->value_of[reg]]++;
    }
    const int32_t reg = b->loop->reduction.reg;
    if (plan->mode != PF_REDUCE_NONE && reg < b->loop->register_count && b->value_of[reg] != NONE)
        c->uses[b->value_of[reg]]++;
}

// Each step takes in the longest chain that ends in one of its operands.
static void join(const builder *b, chains *c, int32_t steps) {
    for (int32_t i = 0; i < steps; i++) {
        const tile_step *step = &c->steps[i];
        if (link_of(b, step, 0).op == CHAIN_NONE) continue;
        for (int k = 0; k < 2; k++) {
            const int32_t maker = step->src[k] == NONE ? NONE : c->maker[step->src[k]];
            if (maker == NONE || c->length[maker] == 0 || c->length[maker] == CHAIN_LINKS
                || c->uses[step->src[k]] != 1) continue;
            if (c->before[i] == NONE || c->length[maker] > c->length[c->before[i]]) c->before[i] = maker;
        }
        if (c->before[i] != NONE) c->joined[c->before[i]] = true;
        c->are_many |= c->before[i] != NONE;
        c->length[i] = c->before[i] == NONE ? 1 : c->length[c->before[i]] + 1;
    }
}

// The chain that ends in step i, as one step.
static tile_step whole(builder *b, const chains *c, int32_t i) {
    pf_loop_plan *plan = b->plan;
    tile_step result = c->steps[i];
    if (c->length[i] == 0 || (c->length[i] == 1 && !c->are_many)) return result;
    result.kind = TILE_CHAIN;
    result.item = plan->link_count;
    result.links = c->length[i];
    plan->link_count += result.links;
    for (int k = 0; k < 4; k++) result.src[k] = NONE;
    for (int32_t place = plan->link_count; i != NONE; i = c->before[i]) {
        const tile_step *step = &c->steps[i];
        int from = step->src[1] != NONE && is_uniform(b, step->src[0]) ? 1 : 0;
        if (c->before[i] != NONE) from = step->src[0] == c->steps[c->before[i]].dst ? 0 : 1;
        else result.src[0] = step->src[from];
        plan->links[--place] = link_of(b, step, from);
    }
    return result;
}

bool loop_join_chains(builder *b) {
    pf_loop_plan *plan = b->plan;
    const int32_t steps = plan->step_count, values = plan->value_count;
    plan->link_count = 0;
    if (steps == 0) return true;
    int32_t *memory = calloc(2 * ((size_t)values + (size_t)steps), sizeof *memory);
    chains c = {
        .steps = malloc((size_t)steps * sizeof *c.steps), .joined = calloc((size_t)steps, sizeof *c.joined),
        .uses = memory, .maker = memory + values, .length = memory + 2 * values, .before = memory + 2 * values + steps};
    const bool ready = memory && c.steps && c.joined;
    if (ready) {
        memcpy(c.steps, plan->steps, (size_t)steps * sizeof *c.steps);
        for (int32_t i = 0; i < steps; i++) c.before[i] = NONE;
        for (int32_t v = 0; v < values; v++) c.maker[v] = b->last_use[v] = b->defined[v] = NONE;
        count_uses(b, &c, steps);
        join(b, &c, steps);
        plan->step_count = 0;
        for (int32_t i = 0; i < steps; i++) {
            if (c.joined[i]) continue;
            const tile_step step = whole(b, &c, i);
            for (int32_t k = 0; k < loop_operand_count(&step); k++) {
                const int32_t v = loop_operand(plan, &step, k);
                if (v != NONE) b->last_use[v] = plan->step_count;
            }
            b->defined[step.dst] = plan->step_count;
            plan->steps[plan->step_count++] = step;
        }
    }
    free(memory);
    free(c.steps);
    free(c.joined);
    return ready;
}
