// Dense linear algebra on one row-major matrix: Cholesky, triangular solve, LU, QR, symmetric eigenvalues.
//
// Valid C and OpenCL C 1.2. Include it once per element type, after
//     #define REAL float             // or double
//     #define LA(name) name##_f32    // how the functions of this inclusion are called
// and #undef both afterwards; without REAL it declares nothing. In OpenCL it is part of a kernel's text and takes the
// macros KERNEL, for names, INDEX and LA_GROUP: how many work-items, 1 or a whole work-group of a multiple of 32, share
// a matrix. No LA_SYNC stands under a condition or after a return (some compilers take even uniform ones badly).
//
// The order of arithmetic is fixed: every element is one chain of fma in the order of the pivots, written so that
// the inner loops run along rows and their iterations are independent. Hence neither vector width, nor lanes, nor
// the matrices beside it change a bit. Work areas are given by the caller; aliasing is allowed where a comment says so.
// Method: Golub and Van Loan, Matrix Computations, 4th ed., 3.4 (LU), 4.2 (Cholesky), 5.1-5.2 (QR), 8.5 (Jacobi).
#ifdef REAL

#ifndef LA_DEVICE
#ifdef __OPENCL_C_VERSION__
#pragma OPENCL FP_CONTRACT OFF
#define LA_DEVICE __global
#define LA_INT INDEX
#define LA_FMA(a, b, c) fma(a, b, c)
#define LA_SQRT(a) sqrt(a)
#define LA_ABS(a) fabs(a)
#define LA_NAN NAN
#define LA_JOINED(kernel, name) kernel##_##name
#define LA_NAMED(kernel, name) LA_JOINED(kernel, name)
#define LA(name) LA_NAMED(KERNEL, name)
#else
#include <stdint.h>
#pragma STDC FP_CONTRACT OFF
#define LA_DEVICE
#define LA_INT int64_t
#define LA_FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define LA_SQRT(a) __builtin_elementwise_sqrt(a)
#define LA_ABS(a) __builtin_elementwise_abs(a)
#define LA_NAN __builtin_nanf("")
#endif
// Vectors are a hint, never a need: without hardware fma, for example, loops stay scalar.
#pragma clang diagnostic ignored "-Wpass-failed"

// Independent iterations, dealt out to the lanes. (Never a sum: the hint lets the compiler reorder one.)
#define LA_EACH(j, from, to) LA_INDEPENDENT for (LA_INT j = (from) + LA_LANE; j < (to); j += LA_LANES)
// The same over a matrix, whose rows are dealt out too: an outer and an inner loop.
#define LA_EACH_ROW(i, from, to) for (LA_INT i = (from) + LA_LANE / LA_WIDTH; i < (to); i += LA_LANES / LA_WIDTH)
#define LA_EACH_COLUMN(j, from, to) \
    LA_INDEPENDENT for (LA_INT j = (from) + LA_LANE % LA_WIDTH; j < (to); j += LA_WIDTH)
// What one lane does for all.
#define LA_ONCE if (LA_LANE == 0)
// Jacobi converges quadratically, in 6 to 12 sweeps; the bound only makes the end certain.
#define LA_MAX_SWEEPS 64
#endif

// How work is shared may differ from one kernel of a program to the next.
#undef LA_LANE
#undef LA_LANES
#undef LA_WIDTH
#undef LA_SYNC
#undef LA_INDEPENDENT
#if defined __OPENCL_C_VERSION__ && LA_GROUP > 1
#define LA_LANE ((uint)get_local_id(0))
#define LA_LANES LA_GROUP
#define LA_WIDTH 32
#define LA_SYNC() barrier(CLK_GLOBAL_MEM_FENCE)
#define LA_INDEPENDENT
#else
#define LA_LANE 0
#define LA_LANES 1
#define LA_WIDTH 1
#define LA_SYNC()
#define LA_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#endif

/// a [n, n], lower triangle read -> l [n, n] with a = l l', upper part 0. A matrix that is not positive definite gives
/// NaN in the whole lower triangle. l may be a.
static inline void LA(la_cholesky)(LA_INT n, LA_DEVICE const REAL *a, LA_DEVICE REAL *l) {
    // Works on u = l' in the upper triangle, whose rows are contiguous.
    for (LA_INT i = 0; i < n; i++) {
        LA_EACH(j, i, n) l[i * n + j] = a[j * n + i];
    }
    LA_SYNC();
    for (LA_INT k = 0; k < n; k++) {
        const REAL pivot = l[k * n + k];
        const REAL root = pivot > 0 ? LA_SQRT(pivot) : (REAL)LA_NAN;
        LA_SYNC();
        LA_ONCE l[k * n + k] = root;
        LA_EACH(j, k + 1, n) l[k * n + j] = l[k * n + j] / root;
        LA_SYNC();
        LA_EACH_ROW(i, k + 1, n) {
            const REAL factor = -l[k * n + i];
            LA_EACH_COLUMN(j, i, n) l[i * n + j] = LA_FMA(factor, l[k * n + j], l[i * n + j]);
        }
        LA_SYNC();
    }
    // A failed pivot has made every later one NaN.
    const REAL last = n > 0 ? l[n * n - 1] : (REAL)0;
    LA_SYNC();
    for (LA_INT i = 0; i < n; i++) {
        LA_EACH(j, i, n) {
            const REAL value = l[i * n + j];
            l[i * n + j] = 0;
            l[j * n + i] = last == last ? value : (REAL)LA_NAN;
        }
    }
}

/// x = inv(op(t)) b for the columns from..<to of b and x [n, m]; t [n, n] is upper or lower triangular, the other
/// triangle is not read (nor the diagonal, if unit); op transposes or not. x may be b. A pivot of 0 gives what a
/// division by 0 gives.
static inline void LA(la_triangular_solve)(LA_INT n, LA_INT m, LA_INT from, LA_INT to, int upper, int transpose,
                                           int unit, LA_DEVICE const REAL *t, LA_DEVICE const REAL *b,
                                           LA_DEVICE REAL *x) {
    const int backward = upper != transpose;
    const LA_INT row = transpose ? 1 : n, column = transpose ? n : 1;
    for (LA_INT step = 0; step < n; step++) {
        const LA_INT i = backward ? n - 1 - step : step;
        LA_EACH(j, from, to) x[i * m + j] = b[i * m + j];
        for (LA_INT before = 0; before < step; before++) {
            const LA_INT k = backward ? n - 1 - before : before;
            const REAL factor = -t[i * row + k * column];
            LA_EACH(j, from, to) x[i * m + j] = LA_FMA(factor, x[k * m + j], x[i * m + j]);
        }
        if (!unit) {
            const REAL pivot = t[i * row + i * column];
            LA_EACH(j, from, to) x[i * m + j] = x[i * m + j] / pivot;
        }
    }
}

/// a [n, n] -> lu [n, n], unit lower and upper factor packed, such that row i of l u is row `rows[i]` of a, and the
/// permutation's sign (+1 or -1). The pivot is the first of the largest magnitudes; NaN counts as larger than all,
/// so that it reaches everything after it. A column without a pivot leaves 0 on the diagonal. lu may be a.
static inline void LA(la_lu)(LA_INT n, LA_DEVICE const REAL *a, LA_DEVICE REAL *lu, LA_DEVICE int *rows,
                             LA_DEVICE REAL *sign) {
    for (LA_INT i = 0; i < n; i++) {
        LA_EACH(j, 0, n) lu[i * n + j] = a[i * n + j];
    }
    LA_EACH(i, 0, n) rows[i] = (int)i;
    REAL parity = 1;
    LA_SYNC();
    for (LA_INT k = 0; k < n; k++) {
        LA_INT best = k;
        REAL largest = LA_ABS(lu[k * n + k]);
        for (LA_INT i = k + 1; i < n; i++) {
            const REAL size = LA_ABS(lu[i * n + k]);
            if (size > largest || (size != size && largest == largest)) {
                largest = size;
                best = i;
            }
        }
        LA_SYNC();
        if (best != k) {
            LA_EACH(j, 0, n) {
                const REAL value = lu[k * n + j];
                lu[k * n + j] = lu[best * n + j];
                lu[best * n + j] = value;
            }
            LA_ONCE {
                const int row = rows[k];
                rows[k] = rows[best];
                rows[best] = row;
            }
            parity = -parity;
        }
        LA_SYNC();
        const REAL pivot = lu[k * n + k];
        if (largest != 0) {
            LA_EACH(i, k + 1, n) lu[i * n + k] = lu[i * n + k] / pivot;
        }
        LA_SYNC();
        if (largest != 0) {
            LA_EACH_ROW(i, k + 1, n) {
                const REAL factor = -lu[i * n + k];
                LA_EACH_COLUMN(j, k + 1, n) lu[i * n + j] = LA_FMA(factor, lu[k * n + j], lu[i * n + j]);
            }
        }
        LA_SYNC();
    }
    LA_ONCE *sign = parity;
}

/// Rows k..<m of columns k+1..<n of q become (1 - tau v v') times themselves; v = (1, q[k+1.., k]). w: n values.
static inline void LA(la_reflect)(LA_INT m, LA_INT n, LA_INT k, REAL tau, LA_DEVICE REAL *q, LA_DEVICE REAL *w) {
    LA_EACH(j, k + 1, n) w[j] = q[k * n + j];
    for (LA_INT i = k + 1; i < m; i++) {
        const REAL v = q[i * n + k];
        LA_EACH(j, k + 1, n) w[j] = LA_FMA(v, q[i * n + j], w[j]);
    }
    LA_EACH(j, k + 1, n) {
        w[j] = tau * w[j];
        q[k * n + j] = q[k * n + j] - w[j];
    }
    LA_SYNC();
    LA_EACH_ROW(i, k + 1, m) {
        const REAL factor = -q[i * n + k];
        LA_EACH_COLUMN(j, k + 1, n) q[i * n + j] = LA_FMA(factor, w[j], q[i * n + j]);
    }
}

/// a [m, n], m >= n -> q [m, n] with orthonormal columns and upper triangular r [n, n], diagonal >= 0, a = q r.
/// work: 2 n values. q may be a.
static inline void LA(la_qr)(LA_INT m, LA_INT n, LA_DEVICE const REAL *a, LA_DEVICE REAL *q, LA_DEVICE REAL *r,
                             LA_DEVICE REAL *work) {
    LA_DEVICE REAL *taus = work;
    LA_DEVICE REAL *w = work + n;
    LA_EACH(i, 0, m * n) q[i] = a[i];
    LA_SYNC();
    for (LA_INT k = 0; k < n; k++) {
        // The reflection takes the column to (beta, 0 ...); scaled by its largest entry, so that no square overflows.
        REAL scale = 0;
        for (LA_INT i = k; i < m; i++) {
            const REAL size = LA_ABS(q[i * n + k]);
            scale = size > scale || size != size ? size : scale;
        }
        REAL alpha = 0, beta = 0, tau = 0, leading = 1;
        if (scale != 0) {
            REAL square = 0;
            for (LA_INT i = k; i < m; i++) {
                const REAL value = q[i * n + k] / scale;
                square = LA_FMA(value, value, square);
            }
            alpha = q[k * n + k] / scale;
            beta = alpha > 0 ? -LA_SQRT(square) : LA_SQRT(square);
            tau = (beta - alpha) / beta;
            leading = alpha - beta;
        }
        LA_SYNC();
        LA_EACH(i, k + 1, m) q[i * n + k] = scale != 0 ? q[i * n + k] / scale / leading : (REAL)0;
        LA_ONCE {
            q[k * n + k] = beta * scale;
            taus[k] = tau;
        }
        LA_SYNC();
        LA(la_reflect)(m, n, k, tau, q, w);
        LA_SYNC();
    }
    for (LA_INT i = 0; i < n; i++) {
        LA_EACH(j, 0, n) r[i * n + j] = j < i ? (REAL)0 : q[i * n + j];
    }
    LA_SYNC();
    // q = H(0) H(1) ... H(n-1) (first n columns of 1), built from the last reflection back, in place of the vectors.
    for (LA_INT k = n - 1; k >= 0; k--) {
        const REAL tau = taus[k];
        LA_EACH(j, k + 1, n) q[k * n + j] = 0;
        LA(la_reflect)(m, n, k, tau, q, w);
        LA_SYNC();
        LA_EACH(i, k, m) q[i * n + k] = i == k ? 1 - tau : -tau * q[i * n + k];
        LA_SYNC();
    }
    for (LA_INT i = 0; i < m; i++) {
        LA_EACH(j, 0, n) q[i * n + j] = r[j * n + j] < 0 ? -q[i * n + j] : q[i * n + j];
    }
    LA_SYNC();
    LA_EACH(i, 0, n) {
        if (r[i * n + i] < 0) {
            for (LA_INT j = i; j < n; j++) r[i * n + j] = -r[i * n + j];
        }
    }
}

/// x[k], y[k] = c x[k] - s y[k], s x[k] + c y[k]; with tan_half = s / (1 + c) = tan(angle / 2), which makes small
/// rotations small changes and so keeps the basis orthogonal twenty times better than the plain formula.
static inline void LA(la_rotate)(LA_INT n, REAL s, REAL tan_half, LA_DEVICE REAL *x, LA_DEVICE REAL *y) {
    LA_EACH(k, 0, n) {
        const REAL u = x[k], v = y[k];
        x[k] = LA_FMA(-s, LA_FMA(tan_half, u, v), u);
        y[k] = LA_FMA(s, LA_FMA(-tan_half, v, u), v);
    }
}

/// a [n, n] symmetric, lower triangle read -> values [n] ascending, vectors [n, n] in columns, each with its entry of
/// largest magnitude (the first among equals) positive. An entry that is not finite gives NaN everywhere.
/// work: n n + 2 n values. No aliasing.
static inline void LA(la_eigh)(LA_INT n, LA_DEVICE const REAL *a, LA_DEVICE REAL *values, LA_DEVICE REAL *vectors,
                               LA_DEVICE REAL *work) {
    // The matrix on its way to a diagonal. Rows have an odd pitch: with a power of two a column would share few cache
    // sets (six times slower at n = 256 in float64).
    const LA_INT pitch = n | 1;
    LA_DEVICE REAL *s = work;
    LA_DEVICE REAL *diagonal = work + n * pitch;
    LA_DEVICE REAL *basis = vectors;  // eigenvectors in rows while they grow
    REAL largest = 0;
    for (LA_INT i = 0; i < n; i++) {
        for (LA_INT j = 0; j <= i; j++) {
            const REAL size = LA_ABS(a[i * n + j]);
            largest = size > largest || size != size ? size : largest;
        }
    }
    const int finite = largest - largest == 0;
    // A power of two brings the largest entry near 1, exactly: no product overflows and none that matters underflows.
    REAL scale = 1;
    while (finite && largest * scale > 4) scale = scale / 2;
    while (largest * scale < (REAL)0.5f && largest > 0 && scale < (REAL)0x1p126f) scale = scale * 2;
    for (LA_INT i = 0; i < n; i++) {
        LA_EACH(j, 0, n) {
            s[i * pitch + j] = scale * (j <= i ? a[i * n + j] : a[j * n + i]);
            basis[i * n + j] = i == j ? (REAL)1 : (REAL)0;
        }
    }
    LA_SYNC();
    const REAL epsilon = sizeof(REAL) == 4 ? (REAL)0x1p-24f : (REAL)0x1p-53f;
    int rotated = finite;
    for (int sweep = 0; sweep < LA_MAX_SWEEPS && rotated; sweep++) {
        rotated = 0;
        for (LA_INT p = 0; p < n; p++) {
            for (LA_INT q = p + 1; q < n; q++) {
                const REAL off = s[p * pitch + q], spp = s[p * pitch + p], sqq = s[q * pitch + q];
                // Negligible beside both eigenvalues, not only beside the largest: small ones keep their digits.
                const REAL size = LA_ABS(off);
                const int turn = size > epsilon * LA_ABS(spp) || size > epsilon * LA_ABS(sqq);
                if (LA_LANES == 1 && !turn) continue;
                REAL tangent = 0;
                LA_SYNC();
                if (turn) {
                    const REAL theta = (sqq - spp) / (2 * off), slope = LA_ABS(theta);
                    const REAL sum = slope * epsilon > 1 ? 2 * slope : slope + LA_SQRT(LA_FMA(slope, slope, (REAL)1));
                    tangent = theta < 0 ? -1 / sum : 1 / sum;
                    const REAL cosine = 1 / LA_SQRT(LA_FMA(tangent, tangent, (REAL)1));
                    const REAL sine = tangent * cosine, tan_half = sine / (1 + cosine);
                    LA(la_rotate)(n, sine, tan_half, s + p * pitch, s + q * pitch);
                    LA(la_rotate)(n, sine, tan_half, basis + p * n, basis + q * n);
                    rotated = 1;
                }
                LA_SYNC();
                if (turn) {
                    LA_ONCE {
                        s[p * pitch + p] = LA_FMA(-tangent, off, spp);
                        s[q * pitch + q] = LA_FMA(tangent, off, sqq);
                        s[p * pitch + q] = 0;
                        s[q * pitch + p] = 0;
                    }
                    LA_EACH(k, 0, n) {
                        if (k != p && k != q) {
                            s[k * pitch + p] = s[p * pitch + k];
                            s[k * pitch + q] = s[q * pitch + k];
                        }
                    }
                }
                LA_SYNC();
            }
        }
    }
    LA_EACH(i, 0, n) diagonal[i] = s[i * pitch + i];
    LA_SYNC();
    LA_EACH(i, 0, n * n) s[i] = basis[i];
    LA_SYNC();
    if (!finite) {
        LA_EACH(i, 0, n) values[i] = (REAL)LA_NAN;
        LA_EACH(i, 0, n * n) vectors[i] = (REAL)LA_NAN;
        return;
    }
    LA_EACH(i, 0, n) {
        LA_INT rank = 0, peak = 0;
        for (LA_INT j = 0; j < n; j++) {
            rank += diagonal[j] < diagonal[i] || (diagonal[j] == diagonal[i] && j < i);
            peak = LA_ABS(s[i * n + j]) > LA_ABS(s[i * n + peak]) ? j : peak;
        }
        values[rank] = diagonal[i] / scale;
        const REAL sign = s[i * n + peak] < 0 ? (REAL)-1 : (REAL)1;
        for (LA_INT j = 0; j < n; j++) vectors[j * n + rank] = sign * s[i * n + j];
    }
}

#endif
