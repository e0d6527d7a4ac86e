// Matrix multiplication by OpenBLAS, for `--math fast`: found at run time, never linked. Its bits differ from
// pf_matmul.h's and depend on the extents.
#ifndef PF_BLAS_H
#define PF_BLAS_H
#include "pf_matmul.h"

/// Whether libopenblas.so.0 could be loaded; the first call tries.
bool pf_blas_available(void);
/// Its version and the processor it optimises for, or why there is none: one line.
const char *pf_blas_description(void);

/// A plan of one step that needs no workspace, released with pf_plan_release. NULL when there is no BLAS, when the
/// strides do not suit it (it wants rows or columns contiguous and not overlapping), or when memory runs out: then take
/// pf_matmul_prepare.
pf_plan *pf_blas_matmul_prepare(const pf_matmul *m);

#endif
