// The channel operand of a convolution with channels side by side: panel[group, class, lane block, term, lane] =
// operand[channel, term] of channel lane block * LANES + lane, or 0 beyond CHANNELS.
//
// A work-item packs RUN terms of a lane block. Global size: [terms / RUN, lane blocks, groups x classes], local size 1.
// `classes` as in convolution_cpu.cl, followed by where each class's taps begin in the operand. INDEX counts elements
// of the larger buffer. `panel` may not overlap `operand`.
#define TERMS ((INDEX)TERMS_0 * TERMS_1 * TERMS_2)
__kernel void KERNEL(PF_IN(operand), PF_IN(classes), PF_OUT(panel)) {
    const int first = (int)get_global_id(1) * LANES, class = (int)get_global_id(2) % (CLASSES_H * CLASSES_W);
    const INDEX group = (int)get_global_id(2) / (CLASSES_H * CLASSES_W);
    __global const long *taps = PF_POINTER(const long, classes) + 4 * (CLASSES_H + CLASSES_W);
    __global const float *from = PF_POINTER(const float, operand) + group * OPERAND_GROUP
        + first * (INDEX)OPERAND_CHANNEL + (INDEX)(taps[class / CLASSES_W] + taps[CLASSES_H + class % CLASSES_W]);
    INDEX k = (INDEX)get_global_id(0) * RUN;
    const INDEX end = min(k + RUN, TERMS);
    __global float *to = PF_POINTER(float, panel)
        + (((INDEX)get_global_id(2) * get_global_size(1) + get_global_id(1)) * TERMS + k) * LANES;
    const int channels = min(LANES, CHANNELS - first);
    while (k < end) {
        const int t2 = k % TERMS_2, run = (int)min((INDEX)min(16, TERMS_2 - t2), end - k);
        const INDEX term = k / (TERMS_1 * TERMS_2) * OPERAND_TERM_0 + k / TERMS_2 % TERMS_1 * OPERAND_TERM_1
            + t2 * (INDEX)OPERAND_TERM_2;
        for (int c = 0; c < LANES; c += 16) {
#if OPERAND_TERM_2 == 1
            if (run == 16 && c + 16 <= channels) {
                float16 rows[16];
#pragma unroll
                for (int i = 0; i < 16; i++) rows[i] = vload16(0, from + (c + i) * (INDEX)OPERAND_CHANNEL + term);
                pf_transpose(rows);
#pragma unroll
                for (int i = 0; i < 16; i++) vstore16(rows[i], 0, to + i * LANES + c);
                continue;
            }
#endif
            for (int i = 0; i < run; i++) {
                __global const float *x = from + c * (INDEX)OPERAND_CHANNEL + term + i * (INDEX)OPERAND_TERM_2;
#pragma unroll
                for (int lane = 0; lane < 16; lane++) {
                    to[i * LANES + c + lane] = c + lane < channels ? x[lane * (INDEX)OPERAND_CHANNEL] : 0.0f;
                }
            }
        }
        k += run;
        to += run * LANES;
    }
}
#undef TERMS
