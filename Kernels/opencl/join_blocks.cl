// sum[i] = ((parts[i] + parts[COUNT + i]) + parts[2 COUNT + i]) + ...: joins the K blocks of a product that were
// computed apart, in ascending order.
//
// Elements of one column or channel are CHANNEL_STEP apart from those of the next of CHANNELS; BIAS and RECTIFY: see
// epilogue.h, which it needs.
//
// COUNT elements, BLOCKS >= 1 parts. A work-item takes RUN elements: 1 where many work-items run side by side, a
// multiple of 16 where one works by vectors. Global size: at least COUNT / RUN, any local size. INDEX counts BLOCKS *
// COUNT + RUN elements. `sum` may not overlap `parts`.
__kernel void KERNEL(PF_IN(parts), PF_OUT(sum) PF_BIAS) {
    __global const float *part = PF_POINTER(const float, parts);
    __global float *joined = PF_POINTER(float, sum);
    INDEX i = (INDEX)get_global_id(0) * RUN;
    const INDEX end = min(i + RUN, (INDEX)COUNT);
#if RUN > 1 && !BIAS
    for (; i + 16 <= end; i += 16) {
        float16 total = vload16(0, part + i);
        for (int block = 1; block < BLOCKS; block++) total += vload16(0, part + i + (INDEX)COUNT * block);
        vstore16(PF_FINISHED(float16, total, total), 0, joined + i);
    }
#endif
    for (; i < end; i++) {
        float total = part[i];
        for (int block = 1; block < BLOCKS; block++) total += part[i + (INDEX)COUNT * block];
        joined[i] = PF_FINISHED(float, total, *PF_BIAS_AT(i / CHANNEL_STEP % CHANNELS));
    }
}
