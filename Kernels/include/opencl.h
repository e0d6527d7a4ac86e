// What every OpenCL program of ours begins with, before scalar.h.
#ifndef PF_OPENCL_H
#define PF_OPENCL_H

// Memory is handed to a kernel as an object and a byte offset into it, because most of it lies in shared arenas.
#define PF_IN(name) __global const uchar *name, const ulong name##_at
#define PF_OUT(name) __global uchar *name, const ulong name##_at
// A parameter as a pointer: PF_POINTER(const float, x).
#define PF_POINTER(type, name) ((__global type *)(name + name##_at))

// Iterations do not depend on each other: compilers for CPUs make vectors of them, others ignore it. Never for sums.
#define PF_VECTORISE _Pragma("clang loop vectorize(assume_safety)")

#endif
