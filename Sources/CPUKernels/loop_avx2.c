// The tile interpreter for x86-64 processors with AVX2.
#if defined(__x86_64__)
#include "loop_plan.h"
#include "random.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#define LEVEL(name) name##_avx2
#define LANES_F32 8
#include "loop.inc.h"
#pragma clang attribute pop
#endif
