// Loops put together piece by piece.
#ifndef PROGRAMS_H
#define PROGRAMS_H
#include "digests.h"
#include "pf_loop.h"

typedef struct {
    pf_type type;
    int64_t count;
    void *data;
} buffer;

/// Begins as {0}. Registers are numbered as they come.
typedef struct {
    pf_loop loop;
    pf_source sources[16];
    pf_instruction instructions[640];
    pf_access stores[8];
    buffer buffers[32];     // what is read, written or both
    int32_t buffer_count;
} program;

int operand_count(pf_op op);
pf_type operand_type(pf_op op, pf_type type, int operand);
pf_type result_type(pf_op op, pf_type type, pf_type to);

/// Another axis, the innermost.
void add_axis(program *p, int64_t extent);
/// A buffer of `elements`, or of 0.
void *add_buffer(program *p, pf_type type, int64_t count, const uint32_t *seed);
/// The iteration space in row-major order.
pf_access contiguous(const program *p, pf_type type, void *data);
/// These return the new register.
uint16_t add_load(program *p, pf_access access);
uint16_t add_fill(program *p, pf_type type, const void *element);
uint16_t add_index(program *p, int32_t axis, int32_t scale, int32_t start);
uint16_t add_random(program *p, uint32_t stream, int64_t row_length, uint32_t seed);
uint16_t add_operation(program *p, pf_op op, pf_type type, pf_type to, const uint16_t *operands);
/// The register may have been another value's.
void add_operation_into(program *p, uint16_t to_register, pf_op op, pf_type type, pf_type to,
                        const uint16_t *operands);
void add_store(program *p, uint16_t from, pf_access access);
/// Ends the loop with a reduction of as many of its axes as `axes` says; its results lie in a buffer of their own.
void add_reduction(program *p, pf_reduce_mode mode, pf_reduce_kind kind, pf_type type, uint16_t from, int32_t axes);

/// Runs the program and takes all buffers into the digest; false if it was refused.
bool run_program(program *p);

#endif
