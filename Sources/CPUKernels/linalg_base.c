// Linear algebra for every processor.
#include "linalg_chunks.h"

#define REAL float
#define LA(name) name##_f32_base
#include "linalg.inc.h"

#define REAL double
#define LA(name) name##_f64_base
#include "linalg.inc.h"
