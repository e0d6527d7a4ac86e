// Prints digests of the bits that the CPU kernels compute, for tools/neon to compare across processors. Left out is
// blas.c, which calls another library.
#include "digests.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_pool *pool;
const char *const type_names[PF_TYPE_COUNT] = {"f32", "f64", "i32", "u32", "u8", "bool"};

// A linear congruence.
uint32_t next_word(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u; }

// Of its upper bits, for the lower ones repeat soon.
int64_t below(uint32_t *seed, int64_t count) { return (int64_t)((uint64_t)next_word(seed) * (uint64_t)count >> 32); }

void *zeros(pf_type type, int64_t count) {
    void *all = calloc((size_t)count + 64, (size_t)pf_type_size(type));
    if (!all) exit(1);
    return all;
}

void *numbers(pf_type type, int64_t count, uint32_t seed) {
    void *all = zeros(type, count);
    for (int64_t i = 0; i < count; i++) {
        double value = (double)(int32_t)next_word(&seed) / 2147483648.0;
        if (type == PF_F64) ((double *)all)[i] = value;
        else ((float *)all)[i] = (float)value;
    }
    return all;
}

static double special_number(uint32_t *seed) {
    static const double all[] = {0,  -0.0, 1,   -1,  __builtin_inf(), -__builtin_inf(), __builtin_nan(""),
                                 -2, 2,    0.5, 2.5, 3e9,             -3e9,             0x1p-132,
                                 -0x1p-1030};
    return all[below(seed, sizeof all / sizeof *all)];
}

void *elements(pf_type type, int64_t count, uint32_t seed) {
    void *all = zeros(type, count);
    for (int64_t i = 0; i < count; i++) {
        // NaNs among any bits are rare, and signalling ones rarer.
        const int64_t kind = below(&seed, 8);
        const bool is_nan = below(&seed, 32) == 0;
        const double moderate = (double)((int32_t)next_word(&seed) >> 8) / 1048576.0;
        const double number = kind == 0 ? special_number(&seed) : moderate;
        const uint32_t high = next_word(&seed), low = next_word(&seed);
        const uint32_t bits_32 = high | (is_nan ? 0x7f800000u : 0);
        const uint64_t bits_64 = ((uint64_t)high << 32 | low) | (is_nan ? UINT64_C(0x7ff) << 52 : 0);
        const uint32_t whole = kind < 3 ? (uint32_t)(below(&seed, 7) - 3) : high;
        switch (type) {
        case PF_F32:
            ((float *)all)[i] = (float)number;
            if (kind == 1 || is_nan) memcpy((float *)all + i, &bits_32, sizeof bits_32);
            break;
        case PF_F64:
            ((double *)all)[i] = number;
            if (kind == 1 || is_nan) memcpy((double *)all + i, &bits_64, sizeof bits_64);
            break;
        case PF_I32:
        case PF_U32: ((uint32_t *)all)[i] = whole; break;
        case PF_U8: ((uint8_t *)all)[i] = (uint8_t)(whole >> (kind < 3 ? 0 : 24)); break;
        case PF_BOOL: ((uint8_t *)all)[i] = (uint8_t)(high >> 31); break;
        case PF_TYPE_COUNT: break;
        }
    }
    return all;
}

static const uint64_t empty_digest = 14695981039346656037u;
static uint64_t digest = empty_digest;

// FNV-1a.
void take(pf_type type, const void *values, int64_t count) {
    const int64_t size = pf_type_size(type);
    for (int64_t i = 0; i < count; i++) {
        uint8_t bytes[8];
        memcpy(bytes, (const uint8_t *)values + i * size, (size_t)size);
        const bool is_nan = type == PF_F32   ? ((const float *)values)[i] != ((const float *)values)[i]
                            : type == PF_F64 ? ((const double *)values)[i] != ((const double *)values)[i]
                                             : false;
        if (is_nan) memset(bytes, 0xff, sizeof bytes);
        for (int64_t k = 0; k < size; k++) digest = (digest ^ bytes[k]) * 1099511628211u;
    }
}

void print(const char *name, ...) {
    va_list arguments;
    va_start(arguments, name);
    vprintf(name, arguments);
    va_end(arguments);
    printf(" %016llx\n", (unsigned long long)digest);
    digest = empty_digest;
}

void run(pf_step step) { pf_pool_run(pool, &step, 1); }

int main(void) {
    pool = pf_pool_create(2);
    if (!pool) return 1;
    digest_products();
    digest_maps();
    digest_loops();
    digest_random_loops();
    digest_linalg();
    digest_rows();
    pf_pool_destroy(pool);
    return 0;
}
