// The indices that sort each of ROWS rows of LENGTH values; stable. Counts the smaller ones in short rows, else a radix
// sort of the indices by the DIGITS bytes of a key; the indices wander between the result and `spare` [ROWS, LENGTH].
//
// Work-item g sorts the rows SHARE g ..< + SHARE by itself: for CPUs. Any local size; surplus work-items do nothing.
// INDEX counts the elements of all rows. KEY and FLIP: see sort_keys.h. No aliasing.
#define SHORT 64

__kernel void KERNEL(PF_IN(values), PF_OUT(out), PF_OUT(spare)) {
    const INDEX first = (INDEX)get_global_id(0) * SHARE;
    const INDEX last = min(first + SHARE, (INDEX)ROWS);
    for (INDEX row = first; row < last; row++) {
        __global const TYPE *x = PF_POINTER(const TYPE, values) + row * LENGTH;
        __global int *from = PF_POINTER(int, out) + row * LENGTH;
#if LENGTH <= SHORT
        uint keys[LENGTH];
        for (int i = 0; i < LENGTH; i++) keys[i] = KEY(x[i], FLIP);
        for (int i = 0; i < LENGTH; i++) {
            const uint key = keys[i];
            int rank = 0;
            for (int j = 0; j < LENGTH; j++) rank += (keys[j] < key) | ((keys[j] == key) & (j < i));
            from[rank] = i;
        }
#else
        __global int *to = PF_POINTER(int, spare) + row * LENGTH;
        uint counts[DIGITS][256];
        for (int digit = 0; digit < DIGITS; digit++) {
            for (int value = 0; value < 256; value++) counts[digit][value] = 0;
        }
        for (int i = 0; i < LENGTH; i++) {
            const uint key = KEY(x[i], FLIP);
            for (int digit = 0; digit < DIGITS; digit++) counts[digit][key >> 8 * digit & 255]++;
            from[i] = i;
        }
        bool moved = false;
        for (int digit = 0; digit < DIGITS; digit++) {
            // Nothing moves by a digit that all keys share.
            if (counts[digit][KEY(x[0], FLIP) >> 8 * digit & 255] == LENGTH) continue;
            uint sum = 0;
            for (int value = 0; value < 256; value++) {
                const uint count = counts[digit][value];
                counts[digit][value] = sum;
                sum += count;
            }
            for (int i = 0; i < LENGTH; i++) {
                const int index = from[i];
                to[counts[digit][KEY(x[index], FLIP) >> 8 * digit & 255]++] = index;
            }
            __global int *sorted = to;
            to = from;
            from = sorted;
            moved = !moved;
        }
        if (moved) {
            PF_VECTORISE for (int i = 0; i < LENGTH; i++) to[i] = from[i];
        }
#endif
    }
}
#undef SHORT
