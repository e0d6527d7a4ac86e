// Multiply-adds and streamed copies for every processor. One without fused multiply-add calls the C library's.
#include "roofline_kernels.h"

#define LEVEL base
#define VECTOR_BYTES 16
#include "roofline.inc.h"
