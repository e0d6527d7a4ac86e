// The steps of pf_roofline.h at the instruction-set level in use.
#include "roofline_kernels.h"

static const pf_roofline_kernels *kernels(void) {
#if defined(__x86_64__)
    switch (pf_isa_current()) {
    case PF_ISA_AVX512: return &pf_roofline_avx512;
    case PF_ISA_AVX2: return &pf_roofline_avx2;
    default: break;
    }
#endif
    return &pf_roofline_base;
}

int32_t pf_multiply_adds_step(const pf_multiply_adds *p, pf_step *step) {
    static const int32_t vectors[PF_CHAINS_COUNT] = {8, 12, 20};
    const pf_roofline_kernels *k = kernels();
    *step = (pf_step){.kernel = k->multiply_adds[p->chains], .args = p, .chunks = p->chunks};
    return 2 * vectors[p->chains] * k->lanes;
}

pf_step pf_streamed_copy_step(const pf_copy *p) {
    return (pf_step){
        .kernel = kernels()->streamed_copy, .args = p, .chunks = (p->bytes + PF_STREAM_CHUNK - 1) / PF_STREAM_CHUNK};
}
