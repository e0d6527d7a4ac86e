// Dense linear algebra on a batch of row-major matrices by a function of linalg.h, whose text stands before this one's.
// One of CHOLESKY, TRIANGULAR_SOLVE, LU, QR and EIGH is defined; operands and results are those of its function.
//
// LA_GROUP = 1: work-item g has the matrices SHARE g ..< + SHARE of BATCH for itself; in a triangular solve the columns
// WIDTH (g % BLOCKS) ..< + WIDTH of the right-hand sides of the matrices SHARE (g / BLOCKS) ..< + SHARE. Any local
// size; surplus work-items do nothing. LA_GROUP > 1 (SHARE = 1): work-group g, of LA_GROUP work-items, has matrix g; as
// many groups as matrices. A is M by N for QR, else N by N; M counts right-hand sides. INDEX counts the elements of a
// whole batch. The first result may be the first operand (of a triangular solve, the second); nothing else may overlap.
#define SQUARE ((INDEX)N * N)
// Matrix `index` of a parameter, of `size` elements.
#define MATRIX(name, size) (PF_POINTER(REAL, name) + index * (size))
#define CONSTANT(name, size) (PF_POINTER(const REAL, name) + index * (size))

__kernel
#if LA_GROUP > 1
    __attribute__((reqd_work_group_size(LA_GROUP, 1, 1)))
#endif
    void KERNEL(
#if defined TRIANGULAR_SOLVE
    PF_IN(a), PF_IN(b), PF_OUT(x)
#elif defined LU
    PF_IN(a), PF_OUT(lu), PF_OUT(rows), PF_OUT(parity)
#elif defined QR
    PF_IN(a), PF_OUT(q), PF_OUT(r), PF_OUT(work)
#elif defined EIGH
    PF_IN(a), PF_OUT(values), PF_OUT(vectors), PF_OUT(work)
#else
    PF_IN(a), PF_OUT(l)
#endif
) {
#if LA_GROUP > 1
    const INDEX item = (INDEX)get_group_id(0);
#else
    const INDEX item = (INDEX)get_global_id(0);
#endif
#ifdef TRIANGULAR_SOLVE
    const INDEX part = item / BLOCKS, first = part * SHARE;
    const INDEX from = (item - part * BLOCKS) * WIDTH, to = min(from + WIDTH, (INDEX)M);
#else
    const INDEX first = item * SHARE;
#endif
    const INDEX last = min(first + SHARE, (INDEX)BATCH);
    for (INDEX index = first; index < last; index++) {
#if defined CHOLESKY
        LA(la_cholesky)(N, CONSTANT(a, SQUARE), MATRIX(l, SQUARE));
#elif defined TRIANGULAR_SOLVE
        LA(la_triangular_solve)(N, M, from, to, UPPER, TRANSPOSE, UNIT, CONSTANT(a, SQUARE), CONSTANT(b, (INDEX)N * M),
                                MATRIX(x, (INDEX)N * M));
#elif defined LU
        LA(la_lu)(N, CONSTANT(a, SQUARE), MATRIX(lu, SQUARE), PF_POINTER(int, rows) + index * N, MATRIX(parity, 1));
#elif defined QR
        LA(la_qr)(M, N, CONSTANT(a, (INDEX)M * N), MATRIX(q, (INDEX)M * N), MATRIX(r, SQUARE), MATRIX(work, 2 * N));
#elif defined EIGH
        LA(la_eigh)(N, CONSTANT(a, SQUARE), MATRIX(values, N), MATRIX(vectors, SQUARE), MATRIX(work, SQUARE + 2 * N));
#endif
    }
}
#undef SQUARE
#undef MATRIX
#undef CONSTANT
