// What pf_loop_prepare decides and the tile interpreters (loop.inc.h, once per instruction set) carry out.
//
// Every tile is a range of the row-major linear index of the iteration space, in all modes; its elements lie one after
// another in each register. Registers are renamed to values that are written once, so that their memory (a slot of
// scratch) can be shared by values that do not live at the same time.
#ifndef LOOP_PLAN_H
#define LOOP_PLAN_H
#include "pf_loop.h"
#include <stdatomic.h>

/// Computes n elements. An operand holds n elements or, in a variant for it, one that stands for all.
typedef void (*tile_kernel)(int64_t n, void *dst, const void *const src[4]);

typedef enum { OPERANDS_VECTORS = 0, OPERANDS_SECOND_UNIFORM, OPERANDS_FIRST_UNIFORM, OPERANDS_COUNT } operand_shape;

/// An access on the collapsed axes.
typedef struct {
    char *data;
    int64_t offset;
    int64_t stride[PF_MAX_RANK];
    int64_t low[PF_MAX_RANK], high[PF_MAX_RANK];
    int32_t size;           // bytes of an element
    bool masked;
    bool linear;            // element L of the iteration space is at offset + L: no copy, ever
    bool uniform;           // one element for all
    bool dense;             // last stride 1 and no mask: no copy for a tile inside one row
    bool streamed;          // a linear store past the caches
} tile_access;

typedef enum { VALUE_SLOT = 0, VALUE_UNIFORM, VALUE_LINEAR_LOAD } value_kind;

typedef struct {
    value_kind kind;
    pf_type type;
    int64_t slot;           // offset in scratch, -1 without
    const void *uniform;    // VALUE_UNIFORM: the element
    int32_t access;         // VALUE_LINEAR_LOAD: which
    int32_t output;         // a store that the value may be computed into directly, or -1
} tile_value;

typedef enum { TILE_FILL = 0, TILE_LOAD, TILE_INDEX, TILE_RANDOM, TILE_COMPUTE, TILE_CHAIN, TILE_STORE } tile_step_kind;

typedef struct {
    tile_step_kind kind;
    int32_t dst;            // value; of a store its source
    int32_t src[4];         // values; -1 where unused; of a chain the first is what its links begin with
    int32_t item;           // access or source; of a chain its first link
    int32_t links;          // of a chain
    uint8_t op, type;       // of what is computed: pf_op, pf_type
    tile_kernel kernel;
} tile_step;

/// What a link of a chain does to the value a that comes down, with its operand x; and the same with one x for all.
typedef enum {
    CHAIN_ADD = 0, CHAIN_SUBTRACT, CHAIN_SUBTRACT_FROM, CHAIN_MULTIPLY, CHAIN_DIVIDE, CHAIN_DIVIDE_INTO,
    CHAIN_MASK, CHAIN_MASK_OF, CHAIN_ONE, CHAIN_NEGATE = 2 * CHAIN_ONE, CHAIN_SQRT, CHAIN_NONE
} chain_op;

typedef struct {
    int32_t op;             // chain_op, one with an operand plus CHAIN_ONE where one element stands for all
    int32_t value;          // x, or -1
} chain_link;

/// The most links of a chain.
#define CHAIN_LINKS 16

typedef struct {
    const uint32_t *sample, *step, *seed;
    uint32_t stream;
    int64_t row_length;
    int32_t axis, scale, start;     // of an index; axis -1: the constant start
} tile_source;

struct pf_loop_plan {
    int32_t rank;                   // at least 1
    int64_t extent[PF_MAX_RANK];    // collapsed
    int64_t elements;
    int64_t tile;                   // the most elements of a tile

    tile_value *values;
    int32_t value_count;
    tile_step *setup, *steps;       // setup: once per chunk
    int32_t setup_count, step_count;
    chain_link *links;              // of the chains, one after the other
    int32_t link_count;
    tile_access *accesses;
    int32_t access_count;
    int32_t *linear_loads;          // values whose pointers move with the tile
    int32_t linear_load_count;
    int32_t *outputs;               // values that may be computed in place of a store
    int32_t output_count;
    tile_source *sources;
    uint64_t *constants;
    int64_t random_offset, accumulator_offset;  // areas in scratch

    // Units are what chunks consist of; each computes results of its own.
    pf_reduce_mode mode;
    pf_reduce_kind kind;
    pf_type result_type;
    int32_t result_value;
    char *results;
    int64_t kept, reduced, columns; // results: kept * blocks * parts * columns
    int64_t blocks, parts;          // parts: results of a block
    int64_t units, units_per_chunk, chunks;
    int64_t unit_elements;          // NONE: elements of a unit, when it is no piece of a row
    int64_t unit_rows;              // ROWS, COLUMNS: kept indices of a unit, when it holds whole ones
    const tile_access *in_place;    // ROWS, or NULL: what is reduced where it lies; units go over the kept index first
    int64_t pieces, piece;          // NONE, COLUMNS: pieces of a row (the last axis) and their width
    // COLUMNS: units that share a block, each with lanes of its own; the last of them to be done combines all lanes.
    int64_t shares;
    char *shared_lanes;             // of each block in turn; NULL with one share
    atomic_int_fast32_t *done;      // shares of each block

    const uint8_t *gate;            // NULL, or whether a run does anything
    bool streams;                   // some stores are streamed
    pf_kernel run;
};

/// Values that a step reads, those of a chain's links among them; -1 for none.
static inline int32_t loop_operand_count(const tile_step *step) { return 4 + step->links; }
static inline int32_t loop_operand(const pf_loop_plan *plan, const tile_step *step, int32_t k) {
    return k < 4 ? step->src[k] : plan->links[step->item + k - 4].value;
}

/// Bytes of the lanes of a block of all columns.
static inline int64_t loop_lane_bytes(const pf_loop_plan *plan) {
    bool pairs = plan->kind == PF_REDUCE_COMPENSATED_SUM || plan->kind == PF_REDUCE_COMPENSATED_PAIRS;
    return PF_LANES * plan->columns * pf_type_size(plan->result_type) * (pairs ? 2 : 1);
}

/// One instruction set's interpreter.
typedef struct {
    pf_kernel run;
    /// NULL where the operation is not defined for the types or the shape.
    tile_kernel (*find)(pf_op op, pf_type type, pf_type to, operand_shape shape);
} loop_level;

extern const loop_level loop_level_base;
#if defined(__x86_64__)
extern const loop_level loop_level_avx2, loop_level_avx512;
#endif

#endif
