// What the digests of all families of kernels share. Nothing is freed: the program is short.
#ifndef DIGESTS_H
#define DIGESTS_H
#include "pf_pool.h"
#include "pf_types.h"

extern pf_pool *pool;
extern const char *const type_names[PF_TYPE_COUNT];

static inline bool is_float(pf_type type) { return type == PF_F32 || type == PF_F64; }

/// The next word of a sequence that is the same everywhere.
uint32_t next_word(uint32_t *seed);
/// A number in 0..<count.
int64_t below(uint32_t *seed, int64_t count);

/// Memory of 0 for `count` elements, and some more behind them.
void *zeros(pf_type type, int64_t count);
/// Floats in -1..<1.
void *numbers(pf_type type, int64_t count, uint32_t seed);
/// Elements of any type: special ones, moderate ones and any bits.
void *elements(pf_type type, int64_t count, uint32_t seed);

/// Takes elements into the digest at hand. All NaNs are the same one.
void take(pf_type type, const void *values, int64_t count);
/// Prints the digest at hand behind a name and begins the next.
void print(const char *name, ...) __attribute__((format(printf, 1, 2)));

void run(pf_step step);

// One for each file.
void digest_products(void);
void digest_maps(void);
void digest_loops(void);
void digest_random_loops(void);
void digest_linalg(void);
void digest_rows(void);

#endif
