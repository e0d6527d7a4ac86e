// A copy of an image with what taps meet around it: padded[plane, y, x] = image[plane, TOP + y, LEFT + x], or 0
// outside.
//
// A work-item copies one of PLANES planes of HEIGHT x WIDTH to ROWS x COLUMNS; one more writes SLACK zeros after the
// last one, for vectors that read on. Columns FIRST..<LAST lie inside. Global size: [PLANES + 1], local size 1. INDEX
// counts elements of the larger buffer. `padded` may not overlap `image`.
__kernel void KERNEL(PF_IN(image), PF_OUT(padded)) {
    const INDEX plane = (INDEX)get_global_id(0);
    __global const float *from = PF_POINTER(const float, image) + plane * (HEIGHT * WIDTH) + LEFT;
    __global float *to = PF_POINTER(float, padded) + plane * (ROWS * COLUMNS);
    if (plane == PLANES) {
        for (int i = 0; i < SLACK; i++) to[i] = 0.0f;
        return;
    }
    for (int row = 0; row < ROWS; row++, to += COLUMNS) {
        const int y = TOP + row;
        const bool inside = y >= 0 && y < HEIGHT;
        for (int x = 0; x < (inside ? FIRST : COLUMNS); x++) to[x] = 0.0f;
        if (!inside) continue;
        for (int x = FIRST; x < LAST; x++) to[x] = from[y * (INDEX)WIDTH + x];
        for (int x = LAST; x < COLUMNS; x++) to[x] = 0.0f;
    }
}
