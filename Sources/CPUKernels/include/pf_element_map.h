// Couplings' maps of single elements of float32 rows, with log-dets, and their gradients.
#ifndef PF_ELEMENT_MAP_H
#define PF_ELEMENT_MAP_H
#include "pf_types.h"
#include "pf_pool.h"

typedef enum { PF_MAP_AFFINE = 0, PF_MAP_SOFT_AFFINE, PF_MAP_SPLINE } pf_map_kind;

/// x [rows, length], parameters [rows, count, length] -> y like x, own = log-det [rows]. Of gradients value (like x)
/// and log_det [rows] are the cotangents of those, y gets x's and own the parameters'. All contiguous, no overlap;
/// length is 1 to 2^19. Parameters of the affine maps: 2; of the spline, 3 bins - 1 for 2 to 32 bins.
typedef struct {
    pf_map_kind kind;
    bool inverse, gradient;
    int64_t rows, length;
    const float *x, *parameters, *value, *log_det;
    float *y, *own;
    // Options of an ElementMap.
    float bound, span, damping;
    int32_t bins;
    float least[31];
} pf_element_map;

pf_step pf_element_map_step(const pf_element_map *args);

#endif
