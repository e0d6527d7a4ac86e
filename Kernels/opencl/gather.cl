// out[i] = table[index[i]] for rows of ROW elements, moved as they are; an index outside 0..<TABLE_ROWS gives a row
// of 0.
//
// Work-item g copies the elements PIECE (g % PIECES) ..< + PIECE of the rows SHARE (g / PIECES) ..< + SHARE, of COUNT
// rows. Any local size; surplus work-items do nothing. INDEX counts the elements of the table and of the result.
// TYPE is uint or uchar. No aliasing.
#define PIECES ((ROW + PIECE - 1) / PIECE)

__kernel void KERNEL(PF_IN(table), PF_IN(index), PF_OUT(out)) {
    const INDEX item = (INDEX)get_global_id(0);
    const INDEX part = item / PIECES, first = part * SHARE, from = (item - part * PIECES) * PIECE;
    const INDEX last = min(first + SHARE, (INDEX)COUNT);
#if ROW % PIECE == 0
    const INDEX width = PIECE;
#else
    const INDEX width = min((INDEX)PIECE, ROW - from);
#endif
    for (INDEX i = first; i < last; i++) {
        const int row = PF_POINTER(const int, index)[i];
        const bool inside = row >= 0 && row < TABLE_ROWS;
        __global const TYPE *source = PF_POINTER(const TYPE, table) + (inside ? row : 0) * (INDEX)ROW + from;
        __global TYPE *target = PF_POINTER(TYPE, out) + i * ROW + from;
        if (inside) {
            PF_VECTORISE for (INDEX j = 0; j < width; j++) target[j] = source[j];
        } else {
            PF_VECTORISE for (INDEX j = 0; j < width; j++) target[j] = 0;
        }
    }
}
#undef PIECES
