// How fast a device multiplies and adds at most: each work-item puts CHAINS independent vectors `turns` times through
// x * scale + shift. They begin differently, lest one stand for all, and end in memory, lest the work be left out.
//
// VECTOR is float4 or float16. Any global and local size; `out` has a VECTOR for each work-item.
__kernel void KERNEL(PF_OUT(out), const int turns, const float scale, const float shift) {
    VECTOR x[CHAINS];
#pragma unroll
    for (int i = 0; i < CHAINS; i++) x[i] = (VECTOR)((float)i);
    for (int turn = 0; turn < turns; turn++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) x[i] = fma(x[i], (VECTOR)(scale), (VECTOR)(shift));
    }
#pragma unroll
    for (int i = 1; i < CHAINS; i++) x[0] += x[i];
    PF_POINTER(VECTOR, out)[get_global_id(0)] = x[0];
}
