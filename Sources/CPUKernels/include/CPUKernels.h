// Everything the CPU backend calls in C. Each header holds one family of kernels.
#ifndef PF_CPUKERNELS_H
#define PF_CPUKERNELS_H

#include "pf_types.h"
#include "pf_pool.h"
#include "pf_loop.h"
#include "pf_matmul.h"
#include "pf_blas.h"
#include "pf_convolution.h"
#include "pf_rows.h"
#include "pf_linalg.h"
#include "pf_softmax.h"
#include "pf_element_map.h"
#include "pf_region.h"
#include "pf_roofline.h"
#include "pf_blas.h"

#endif
