// Chains: float32 operations each of whose results only the next one reads. The results stay in registers, some vectors
// at a time, where single operations would store and load them.

#define CHAIN_VECTORS 8

typedef float LEVEL(vector) __attribute__((ext_vector_type(LANES_F32), aligned(4)));

#define EACH_1(X) X(0)
#define EACH_8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define CHAIN_BEGIN(j) LEVEL(vector) a##j = *(const LEVEL(vector) *)(first + at + j * LANES_F32);
#define CHAIN_OPERAND(j) const LEVEL(vector) x##j = *(const LEVEL(vector) *)(p + at + j * LANES_F32);
#define CHAIN_OPERAND_ONE(j) const LEVEL(vector) x##j = one;
#define CHAIN_END(j) *(LEVEL(vector) *)(dst + at + j * LANES_F32) = a##j;
#define DO_ADD(j) a##j = a##j + x##j;
#define DO_SUBTRACT(j) a##j = a##j - x##j;
#define DO_SUBTRACT_FROM(j) a##j = x##j - a##j;
#define DO_MULTIPLY(j) a##j = a##j * x##j;
#define DO_DIVIDE(j) a##j = a##j / x##j;
#define DO_DIVIDE_INTO(j) a##j = x##j / a##j;
#define DO_MASK(j) a##j = x##j > 0.0f ? a##j : (LEVEL(vector))0.0f;
#define DO_MASK_OF(j) a##j = a##j > 0.0f ? x##j : (LEVEL(vector))0.0f;
#define DO_NEGATE(j) a##j = -a##j;
#define DO_SQRT(j) a##j = __builtin_elementwise_sqrt(a##j);

#define CHAIN_CASES(EACH, name)                                                                                       \
    case CHAIN_##name: {                                                                                              \
        EACH(CHAIN_OPERAND) EACH(DO_##name)                                                                           \
        break;                                                                                                        \
    }                                                                                                                 \
    case CHAIN_##name + CHAIN_ONE: {                                                                                  \
        const LEVEL(vector) one = *p;                                                                                 \
        EACH(CHAIN_OPERAND_ONE) EACH(DO_##name)                                                                       \
        break;                                                                                                        \
    }

#define CHAIN_RUN(name, EACH)                                                                                         \
    static inline void LEVEL(name)(const chain_link *links, int32_t count, void *const *pointer, const float *first,  \
                                   float *dst, int64_t at) {                                                          \
        EACH(CHAIN_BEGIN)                                                                                             \
        for (int32_t i = 0; i < count; i++) {                                                                         \
            const float *p = links[i].value < 0 ? NULL : pointer[links[i].value];                                     \
            switch (links[i].op) {                                                                                    \
            CHAIN_CASES(EACH, ADD)                                                                                    \
            CHAIN_CASES(EACH, SUBTRACT)                                                                               \
            CHAIN_CASES(EACH, SUBTRACT_FROM)                                                                          \
            CHAIN_CASES(EACH, MULTIPLY)                                                                               \
            CHAIN_CASES(EACH, DIVIDE)                                                                                 \
            CHAIN_CASES(EACH, DIVIDE_INTO)                                                                            \
            CHAIN_CASES(EACH, MASK)                                                                                   \
            CHAIN_CASES(EACH, MASK_OF)                                                                                \
            case CHAIN_NEGATE: { EACH(DO_NEGATE) break; }                                                             \
            case CHAIN_SQRT: { EACH(DO_SQRT) break; }                                                                 \
            default: break;                                                                                           \
            }                                                                                                         \
        }                                                                                                             \
        EACH(CHAIN_END)                                                                                               \
    }
CHAIN_RUN(chain_vectors, EACH_8)
CHAIN_RUN(chain_vector, EACH_1)

/// The last n elements, fewer than a vector: through copies, as nothing beyond them may be touched.
static void LEVEL(chain_rest)(const chain_link *links, int32_t count, void *const *pointer, const float *first,
                              float *dst, int64_t at, int64_t n) {
    chain_link copied[CHAIN_LINKS];
    float operand[CHAIN_LINKS + 1][LANES_F32] = {};
    void *place[CHAIN_LINKS];
    for (int32_t i = 0; i < count; i++) {
        copied[i] = (chain_link){.op = links[i].op, .value = i};
        place[i] = operand[i];
        if (links[i].op >= CHAIN_NEGATE) continue;
        const float *from = pointer[links[i].value];
        if (links[i].op >= CHAIN_ONE) operand[i][0] = *from;
        else memcpy(operand[i], from + at, (size_t)n * sizeof(float));
    }
    memcpy(operand[count], first + at, (size_t)n * sizeof(float));
    LEVEL(chain_vector)(copied, count, place, operand[count], operand[count], 0);
    memcpy(dst + at, operand[count], (size_t)n * sizeof(float));
}

/// Asks for what lies in memory as elements at..<at + n of the next tile do.
static inline void LEVEL(fetch_block)(const LEVEL(tile) *tile, int64_t at, int64_t n) {
    const pf_loop_plan *plan = tile->plan;
    const int64_t ahead = tile->next - tile->start;
    if (tile->next + at + n > plan->elements) return;
    for (int32_t i = 0; i < plan->linear_load_count; i++) {
        const int32_t v = plan->linear_loads[i], size = plan->accesses[plan->values[v].access].size;
        const char *data = (const char *)tile->pointer[v] + (ahead + at) * size;
        for (int64_t line = 0; line < n * size; line += 64) __builtin_prefetch(data + line, 0, 2);
    }
}

/// The steps from..<to, which are chains: some vectors go through all of them before the next ones, so that what waits
/// for divisions in one chain and for memory in another waits together.
static void LEVEL(run_chains)(const LEVEL(tile) *tile, int32_t from, int32_t to) {
    const pf_loop_plan *plan = tile->plan;
    const int64_t n = tile->n, block = CHAIN_VECTORS * LANES_F32, blocks = (n + block - 1) / block;
    for (int64_t i = 0; i < blocks; i++) {
        LEVEL(fetch_block)(tile, i * block, block);
        for (int32_t s = from; s < to; s++) {
            const tile_step *step = &plan->steps[s];
            const chain_link *links = plan->links + step->item;
            const float *first = tile->pointer[step->src[0]];
            float *dst = tile->pointer[step->dst];
            int64_t at = i * block;
            if (at + block <= n) {
                LEVEL(chain_vectors)(links, step->links, tile->pointer, first, dst, at);
                continue;
            }
            for (; at + LANES_F32 <= n; at += LANES_F32)
                LEVEL(chain_vector)(links, step->links, tile->pointer, first, dst, at);
            if (at < n) LEVEL(chain_rest)(links, step->links, tile->pointer, first, dst, at, n - at);
        }
    }
}
