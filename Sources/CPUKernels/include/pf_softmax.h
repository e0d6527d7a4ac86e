// Softmax, log-softmax and their gradients along rows of float32.
#ifndef PF_SOFTMAX_H
#define PF_SOFTMAX_H
#include "pf_types.h"
#include "pf_pool.h"

typedef enum { PF_SOFTMAX = 0, PF_LOG_SOFTMAX, PF_SOFTMAX_GRADIENT, PF_LOG_SOFTMAX_GRADIENT } pf_softmax_kind;

/// Rows are contiguous, of 32 to 1024 elements; `g`, the cotangents, only for gradients, else NULL. No overlap.
typedef struct {
    pf_softmax_kind kind;
    int64_t rows, length;
    const float *x, *g;
    float *out;
} pf_softmax;

pf_step pf_softmax_step(const pf_softmax *args);

#endif
