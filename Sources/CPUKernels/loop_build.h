// What the makers of a plan share: loop_shape.c (extents, axes, accesses), loop_program.c (steps and slots) and loop.c.
#ifndef LOOP_BUILD_H
#define LOOP_BUILD_H
#include "loop_plan.h"

#define NONE (-1)
// The widest row of which COLUMNS keeps 32 lanes.
#define COLUMN_PIECE 512

// While a plan is made: who wrote each register last, and where values begin and end in the list of steps.
typedef struct {
    pf_loop_plan *plan;
    const pf_loop *loop;
    const loop_level *level;
    int32_t *value_of;          // register -> value
    int32_t *source_of;         // value -> source not yet emitted, or NONE
    int32_t *filled;            // uniform value -> its copy in all elements, or NONE
    int32_t *last_use;          // value -> step
    int32_t *defined;           // value -> step, NONE for what setup makes and for loads without a step
    int32_t *in_setup;          // value -> lives as long as the chunk
    int32_t *stored;            // store -> value
    bool periodic_tiles;        // every tile starts at a row, so that what depends on the column alone is made once
    bool heavy;
} builder;

static inline bool loop_valid_type(int type) { return type >= 0 && type < PF_TYPE_COUNT; }
/// Whether lanes are pairs.
static inline bool loop_is_compensated(pf_reduce_kind kind) {
    return kind == PF_REDUCE_COMPENSATED_SUM || kind == PF_REDUCE_COMPENSATED_PAIRS;
}

/// Fills in the shape; false when it is malformed or has more than 2^62 elements.
bool loop_measure(pf_loop_plan *plan, const pf_loop *loop);
/// Fills plan->extent, `axis_of` (the last original axis of each plan axis; strides are taken from there) and
/// `place_of` (the plan axis of an original one, NONE where it was dropped).
void loop_collapse(pf_loop_plan *plan, const pf_loop *loop, int32_t *axis_of, int32_t *place_of);
/// Accesses are numbered: those of the sources, then the stores. NULL for a source that is no load.
const pf_access *loop_nth_access(const pf_loop *loop, int32_t i);
tile_access loop_make_access(const pf_loop_plan *plan, const pf_loop *loop, const pf_access *a, const int32_t *axis_of);
/// Do two accesses touch a common byte range? (Cautious: ranges, not elements.)
bool loop_overlap(const pf_loop_plan *plan, const tile_access *a, const tile_access *b);

/// Joins steps to chains and counts the uses and definitions of values anew; false when memory runs out.
bool loop_join_chains(builder *b);

/// Makes the program for this length of tile; false when it is malformed or memory runs out. `fits` tells whether its
/// registers fit into scratch and, preferably, the cache.
bool loop_build(builder *b, const int32_t *axis_of, const int32_t *place_of, int64_t tile, bool *fits);

/// True when every tile will start at the beginning of a row and hold whole rows.
bool loop_tiles_are_periodic(const pf_loop_plan *plan, int64_t tile);

#endif
