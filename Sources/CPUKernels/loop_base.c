// The tile interpreter for every processor.
#include "loop_plan.h"
#include "random.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL(name) name##_base
#include "loop.inc.h"
