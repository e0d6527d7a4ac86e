// What a product or convolution does to a finished sum before it stores it: BIAS and RECTIFY, 0 or 1, say what in each
// kernel. OpenCL C only.
#ifndef PF_EPILOGUE_H
#define PF_EPILOGUE_H

#define PF_RECTIFY(type) \
    static inline type pf_rectified_##type(type v) { return v > (type)0.0f ? v : (type)0.0f; }
PF_RECTIFY(float)
PF_RECTIFY(float4)
PF_RECTIFY(float16)
#undef PF_RECTIFY

#define PF_PASTE(a, b) a##b
#define PF_CHOOSE(a, b) PF_PASTE(a, b)

/// The kernel's last parameter, if there is a bias.
#define PF_BIAS PF_CHOOSE(PF_BIAS_, BIAS)
#define PF_BIAS_0
#define PF_BIAS_1 , PF_IN(bias)
/// The bias from its element `at` on.
#define PF_BIAS_AT(at) (PF_POINTER(const float, bias) + (at))

/// What becomes of `sum`, a `type`; `addend`, of the same type, is looked at only if there is a bias.
#define PF_FINISHED(type, sum, addend) \
    PF_CHOOSE(PF_RECTIFIED_, RECTIFY)(type, PF_CHOOSE(PF_BIASED_, BIAS)(sum, addend))
#define PF_BIASED_0(sum, addend) (sum)
#define PF_BIASED_1(sum, addend) ((sum) + (addend))
#define PF_RECTIFIED_0(type, value) (value)
#define PF_RECTIFIED_1(type, value) pf_rectified_##type(value)

#endif
