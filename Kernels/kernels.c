// The sources of device kernels. So far one header, which must compile by itself.
#include "scalar.h"
