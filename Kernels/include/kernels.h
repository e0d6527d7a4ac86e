// The texts of the device kernels, as they lie in Kernels/.
#ifndef PF_KERNELS_H
#define PF_KERNELS_H

/// The text of a file of Kernels/ by its name ("matmul_gpu.cl"); NULL when there is none.
const char *pf_kernel_text(const char *name);

#endif
