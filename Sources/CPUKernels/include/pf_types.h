// Element types and the instruction-set level that all kernel families share.
#ifndef PF_TYPES_H
#define PF_TYPES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Element types in memory. A bool is one byte, 0 or 1.
typedef enum { PF_F32 = 0, PF_F64, PF_I32, PF_U32, PF_U8, PF_BOOL, PF_TYPE_COUNT } pf_type;

/// Bytes of one element.
static inline int64_t pf_type_size(pf_type t) {
    return t == PF_F64 ? 8 : (t == PF_U8 || t == PF_BOOL) ? 1 : 4;
}

/// Vector kernels are compiled once per level from one source; all levels give the same bits.
typedef enum { PF_ISA_BASE = 0, PF_ISA_AVX2, PF_ISA_AVX512, PF_ISA_COUNT } pf_isa;

/// The best level that this processor has.
pf_isa pf_isa_best(void);
/// The level in use: the best one unless `pf_isa_select` chose a lower one.
pf_isa pf_isa_current(void);
/// Chooses a level for plans made from now on (tests compare levels); false when the processor lacks it.
bool pf_isa_select(pf_isa level);

#endif
