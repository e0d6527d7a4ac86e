// Multiply-adds and streamed copies at one instruction-set level. The includer defines LEVEL (a suffix) and VECTOR_BYTES.
#define GLUE2(a, b) a##_##b
#define GLUE(a, b) GLUE2(a, b)
#define NAME(n) GLUE(n, LEVEL)
#define VEC NAME(vec)
#define LANES ((int32_t)(VECTOR_BYTES / sizeof(float)))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float VEC __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(float))));

// `chains` is a constant after inlining, so that the vectors live in registers. They begin differently, lest one stand
// for all, and end in memory, lest the work be left out.
INLINE void NAME(chains)(const int chains, const pf_multiply_adds *p, int64_t chunk) {
    VEC x[20];
    const VEC scale = (VEC)p->scale, shift = (VEC)p->shift;
    UNROLL for (int i = 0; i < chains; i++) x[i] = (VEC)(float)i;
    for (int64_t turn = 0; turn < p->turns; turn++) {
        UNROLL for (int i = 0; i < chains; i++) x[i] = __builtin_elementwise_fma(x[i], scale, shift);
    }
    UNROLL for (int i = 1; i < chains; i++) x[0] += x[i];
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += x[0][lane];
    p->out[chunk] = sum;
}

#define CHAINS(count)                                                                                                  \
    static void NAME(multiply_adds_##count)(const void *args, int64_t chunk, void *scratch) {                          \
        (void)scratch;                                                                                                 \
        NAME(chains)(count, args, chunk);                                                                              \
    }
CHAINS(8)
CHAINS(12)
CHAINS(20)

static void NAME(streamed_copy)(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_copy *p = args;
    const int64_t first = chunk * PF_STREAM_CHUNK, rest = p->bytes - first;
    const int64_t count = (rest < PF_STREAM_CHUNK ? rest : PF_STREAM_CHUNK) / VECTOR_BYTES;
    const VEC *from = (const VEC *)((const char *)p->from + first);
    VEC *to = (VEC *)((char *)p->to + first);
    for (int64_t i = 0; i < count; i++) __builtin_nontemporal_store(from[i], to + i);
    // Such stores are in no order with others, those of the pool that say that the chunk is done among them.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

const pf_roofline_kernels NAME(pf_roofline) = {
    .lanes = LANES,
    .multiply_adds = {NAME(multiply_adds_8), NAME(multiply_adds_12), NAME(multiply_adds_20)},
    .streamed_copy = NAME(streamed_copy),
};
