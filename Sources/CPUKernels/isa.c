// Which instruction-set level the vector kernels use.
#include "pf_types.h"
#include <stdatomic.h>

pf_isa pf_isa_best(void) {
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")
        && __builtin_cpu_supports("f16c");
    if (!avx2) return PF_ISA_BASE;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 ? PF_ISA_AVX512 : PF_ISA_AVX2;
#else
    return PF_ISA_BASE;
#endif
}

// The chosen level plus one; 0 means that nobody chose.
static atomic_int chosen;

pf_isa pf_isa_current(void) {
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    return level > 0 ? (pf_isa)(level - 1) : pf_isa_best();
}

bool pf_isa_select(pf_isa level) {
    if ((int)level < PF_ISA_BASE || level > pf_isa_best()) return false;
    atomic_store_explicit(&chosen, (int)level + 1, memory_order_relaxed);
    return true;
}
