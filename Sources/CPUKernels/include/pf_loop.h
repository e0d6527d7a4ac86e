// Fused elementwise loops, with an optional reduction at their end, run as tile programs: every instruction works
// on a tile of up to PF_TILE elements that stays in the first-level cache.
#ifndef PF_LOOP_H
#define PF_LOOP_H
#include "pf_types.h"
#include "pf_pool.h"

#define PF_TILE 1024        // elements of a tile; also the block of the reduction order (see pf_reduction)
#define PF_LANES 32         // virtual lanes of the reduction order
#define PF_MAX_RANK 8

/// Scalar operations. `type` in an instruction is the operand type (for PF_OP_CAST the source type, for
/// PF_OP_SELECT and comparisons the type of the values compared or chosen). Comparisons give PF_BOOL.
/// Defined for: F = float32/float64, N = F plus int32/uint32/uint8, I = int32/uint32/uint8, B = bool.
typedef enum {
    // unary
    PF_OP_NEG = 0,      // N
    PF_OP_ABS,          // N
    PF_OP_SIGN,         // F, int32: -1, 0, +1; NaN stays NaN, zero keeps its sign
    PF_OP_EXP, PF_OP_LOG, PF_OP_LOG1P, PF_OP_EXPM1, PF_OP_SIN, PF_OP_COS, PF_OP_TANH,       // F
    PF_OP_SIGMOID, PF_OP_SOFTPLUS, PF_OP_ERF, PF_OP_SQRT, PF_OP_RSQRT,                      // F
    PF_OP_FLOOR, PF_OP_CEIL, PF_OP_ROUND,   // F; round half to even
    PF_OP_IS_FINITE,    // F -> bool
    PF_OP_NOT,          // I: bitwise; B: logical
    PF_OP_UNIFORM,      // uint32 bits -> F in (0, 1); `to` names F
    PF_OP_NORMAL,       // uint32 bits -> F, standard normal by inverse CDF; `to` names F
    PF_OP_CAST,         // any -> any, `to` names the target; to bool: x != 0; float to int: toward zero, saturating, NaN -> 0
    PF_OP_COPY,         // any
    // binary
    PF_OP_ADD, PF_OP_SUB, PF_OP_MUL,        // N (integers wrap)
    PF_OP_DIV,          // F; I: truncating, x / 0 = 0
    PF_OP_REM,          // I: sign of the dividend, x % 0 = 0; F: fmod
    PF_OP_POW,          // F
    PF_OP_MIN, PF_OP_MAX,                   // N; NaN if either is NaN; of equal values the first
    PF_OP_MASK,         // F: a where b > 0, else 0
    PF_OP_LESS, PF_OP_LESS_EQUAL, PF_OP_EQUAL, PF_OP_NOT_EQUAL,     // N, B -> bool
    PF_OP_AND, PF_OP_OR, PF_OP_XOR,         // I: bitwise; B: logical
    PF_OP_SHIFT_LEFT, PF_OP_SHIFT_RIGHT,    // int32 (arithmetic), uint32; the count modulo 32
    // ternary
    PF_OP_SELECT,       // any: a is bool; a ? b : c
    PF_OP_FMA,          // F: a * b + c, rounded once
    // quaternary
    PF_OP_PERMUTE,      // uint32 i, n, key0, key1 -> uint32: image of i under a keyed permutation of 0..<n
    PF_OP_COUNT
} pf_op;

/// Where a tile register's values come from or go to: element (i0, i1, ...) of the iteration space is at
/// `data + offset + sum(i[d] * stride[d])`, in elements. Where any i[d] lies outside low[d]..<high[d], nothing is
/// read and the value is 0 (masked loads only; stores have no mask).
typedef struct {
    void *data;
    int64_t offset;
    int64_t stride[PF_MAX_RANK];
    int32_t low[PF_MAX_RANK], high[PF_MAX_RANK];
    bool masked;
    pf_type type;
    uint16_t reg;
} pf_access;

typedef enum { PF_SRC_FILL = 0, PF_SRC_LOAD, PF_SRC_INDEX, PF_SRC_RANDOM } pf_source_kind;

/// How a register gets its first value.
///  FILL    a constant: `bits` holds the element's bytes (little endian, first sizeof(type) bytes).
///  LOAD    `access`.
///  INDEX   the coordinate along iteration axis `axis`, times `scale` plus `start` (int32).
///  RANDOM  uint32: Philox 4x32-10. The linear index of the iteration space, L = row * row_length + e, gives the
///          counter (e >> 2, sample[row], step[0], stream) and the lane e & 3; key = (seed[0], seed[1]).
///          sample, step and seed are uint32 buffers. Only in loops whose reduction is none or rows.
typedef struct {
    pf_source_kind kind;
    pf_type type;
    uint16_t reg;
    uint64_t bits;
    pf_access access;
    int32_t axis; int32_t scale; int32_t start;
    const uint32_t *sample, *step, *seed;
    uint32_t stream;
    int64_t row_length;
} pf_source;

typedef struct {
    uint16_t op;            // pf_op
    uint8_t type, to;       // pf_type
    uint16_t dst;           // register; may equal an operand of the same size
    uint16_t src[4];
} pf_instruction;

/// ROWS: iteration space is [kept..., reduced...]. COLUMNS: [kept outer..., reduced..., one kept inner axis].
typedef enum { PF_REDUCE_NONE = 0, PF_REDUCE_ROWS, PF_REDUCE_COLUMNS } pf_reduce_mode;
typedef enum {
    PF_REDUCE_SUM = 0, PF_REDUCE_MAX, PF_REDUCE_MIN,
    PF_REDUCE_COMPENSATED_SUM, PF_REDUCE_COMPENSATED_PAIRS,
    PF_REDUCE_COUNT
} pf_reduce_kind;

/// The reduction order, part of the arithmetic contract. The R reduced elements of one result, in row-major order of
/// the reduced axes, are cut into blocks of PF_TILE. In a block, lane l of PF_LANES takes elements l, l + PF_LANES, ...
/// in ascending order, starting from its first element (absent lanes hold the identity: 0, -inf/lowest, +inf/highest);
/// then lanes l and l + 16, l + 8, l + 4, l + 2, l + 1 are combined. One result per block is written, at index
/// [kept..., block] (ROWS) or [kept outer..., block, kept inner] (COLUMNS); further stages, if R > PF_TILE, are
/// loops of their own. R = 0 gives one block holding the identity.
/// Sum: a + b. Max: (a > b || a != a) ? a : b. Min: (a < b || a != a) ? a : b. Types: N; bool through casts.
///
/// A compensated sum (F) is the same with pairs for lanes, as compensated.h defines them: a lane that gets its first
/// element holds (element, +0), an absent one (+0, +0); elements are taken by PF_TAKE, lanes joined by PF_JOIN, and the
/// result is pf_total. PAIRS writes two results per block instead, the sum and pf_rest, as if there were twice as many
/// blocks: the next stage sums both, so that nothing is lost between stages.
typedef struct {
    pf_reduce_mode mode;
    pf_reduce_kind kind;
    pf_type type;
    uint16_t reg;
    int32_t reduced_axes;   // how many axes are reduced: the last ones (ROWS), those before the last one (COLUMNS)
    void *data;             // contiguous results
} pf_reduction;

typedef struct {
    int32_t rank;                       // 0...PF_MAX_RANK
    int64_t extent[PF_MAX_RANK];
    int32_t register_count;
    int32_t source_count, instruction_count, store_count;
    const pf_source *sources;
    const pf_instruction *instructions;
    const pf_access *stores;            // elementwise results; may name a buffer that a load with the very same access
                                        // (and no other) also names: in place
    pf_reduction reduction;
    const uint8_t *gate;                // NULL, or a bool: false, and a run changes nothing
} pf_loop;

/// A loop made ready to run: all decisions (direct loads without a copy, chunking, kernel pointers, register slots in
/// scratch) are taken here, once. NULL when memory runs out or the program is malformed. The plan copies what it needs
/// but keeps the data pointers.
typedef struct pf_loop_plan pf_loop_plan;
pf_loop_plan *pf_loop_prepare(const pf_loop *loop);
void pf_loop_release(pf_loop_plan *plan);
/// The step that runs the plan.
pf_step pf_loop_step(const pf_loop_plan *plan);

#endif
