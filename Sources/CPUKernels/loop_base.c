// The tile interpreter for every processor.
#include "loop_plan.h"
#include "random.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL(name) name##_base
#define LANES_F32 4
#include "loop.inc.h"
