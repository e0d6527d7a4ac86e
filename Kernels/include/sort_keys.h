// Integer keys that order like values: what a sort compares. Valid C and OpenCL C.
#ifndef PF_SORT_KEYS_H
#define PF_SORT_KEYS_H
#ifndef __OPENCL_VERSION__
#include "scalar.h"
#endif

// `flip` is 0 to ascend, all ones to descend. NaN has the largest key both ways, -0 the key of +0.
PF_INLINE pf_u32 pf_sort_key_f32(float x, pf_u32 flip) {
    const pf_u32 bits = pf_bits(x), magnitude = bits & ~PF_SIGN_BIT;
    const pf_u32 key = magnitude != 0 && magnitude != bits ? ~bits : magnitude | PF_SIGN_BIT;
    return magnitude > 0x7f800000u ? 0xffffffffu : key ^ flip;
}
PF_INLINE pf_u32 pf_sort_key_i32(pf_i32 x, pf_u32 flip) { return ((pf_u32)x ^ PF_SIGN_BIT) ^ flip; }
PF_INLINE pf_u32 pf_sort_key_u32(pf_u32 x, pf_u32 flip) { return x ^ flip; }
PF_INLINE pf_u32 pf_sort_key_u8(pf_u8 x, pf_u32 flip) { return (x ^ flip) & 0xffu; }

#endif
