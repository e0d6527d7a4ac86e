// The blocked product that matrix multiplication and the three directions of convolution share.
//
//     c[i, j] = sum over k of a[i, k] b[k, j]          i: rows, j: lanes
//
// Operands are packed panel by panel, one K block at a time: a panel of `a` holds up to PF_TILE_ROWS rows, one of `b`
// up to PF_TILE_VECTORS vectors of lanes. What an operand is in memory only its `pack` function knows, so transposed,
// strided and implicit (convolution) operands run through the same tiles. An operand whose elements lie at the sum of
// two offsets, one of the row or vector and one of the term, can be read in place instead.
#ifndef PF_MATMUL_BLOCKS_H
#define PF_MATMUL_BLOCKS_H
#include "matmul_kernels.h"
#include "plan.h"

/// Most rows of a chunk, times the bytes of an element, and most bytes of its results: what the scratch memory allows.
#define PF_CHUNK_ROW_BYTES 1024
#define PF_CHUNK_ROWS 256
#define PF_CHUNK_TILE_BYTES (256 << 10)

typedef struct pf_operand {
    /// Writes elements i0..<i0 + count of terms k0..<k0 + k as to[kk * width + i]; may write a vector past the end.
    void (*pack)(const struct pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                 int64_t width, void *to);
    /// Or, for one of the operands, with `pack` NULL: element (i, k) is data[places[i] + terms[k]]. For `b` only every
    /// vector has a place, where its lanes follow one another: i0 and count are vectors.
    void (*locate)(const struct pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places);
    void (*locate_terms)(const struct pf_operand *o, int64_t k0, int64_t k, int64_t *terms);
    const pf_matmul_kernels *kernels;
    int64_t size;
    const void *data;
    const void *context;                // whatever else these functions need
    bool varies;                        // between batch entries
    const int64_t *offsets;             // strided operands only: of each batch entry, or NULL: all 0
    int64_t stride_i, stride_k;
    // Set by pf_gemm_shape and pf_gemm_place:
    bool in_place;                      // tiles read it where it lies, term after term
    int64_t panels, pitch;              // pitch: bytes from packed panel to packed panel
    bool shared;                        // packed once, for all chunks
    char *packed;
} pf_operand;

/// Packs a strided matrix.
void pf_pack_strided(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                     int64_t width, void *to);

typedef struct pf_gemm {
    const pf_matmul_kernels *kernels;
    int64_t size, batch, rows, cols, k;
    pf_operand a, b;

    /// Takes a finished part of the result that tiles did not write to c: rows i0..<i0 + m, lanes j0..<j0 + n, row i at
    /// tile + i * step.
    void (*store)(const struct pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n,
                  const void *tile, int64_t step);
    void *c;                            // where full panels go without a detour (row-major, contiguous), or NULL
    // What `store` does to the result, and tiles that write to c, there with a bias for each lane:
    const void *bias;                   // what they add
    bool rectify;                       // whether they clip
    const void *mask;                   // where this, which lies like c, is not positive, they write 0
    const void *context;                // whatever else it needs

    // Geometry, set by pf_gemm_shape.
    int64_t width, width_index;         // lanes of a panel, log2 of its vectors
    int64_t k_blocks, row_panels, lane_panels, panel_rows;
    int64_t chunk_rows, chunk_lanes;    // panels of a chunk
    int64_t chunk_entries;              // whole products of a chunk, when they are small
    int64_t chunk_blocks;               // K blocks of a chunk; fewer than k_blocks: partial sums are joined afterwards
    int64_t row_chunks, lane_chunks, block_chunks;
    char *parts;
} pf_gemm;

/// Decides on tiles and chunks by the amount of work, from kernels, size and extents.
void pf_gemm_shape(pf_gemm *g);
int64_t pf_gemm_workspace(const pf_gemm *g);
/// Adds the steps that compute g, which must outlive them. `workspace` as large as pf_gemm_workspace says.
void pf_gemm_add_steps(pf_gemm *g, pf_plan *plan, void *workspace);

/// The parts of pf_gemm_add_steps, for those who bring their own chunks: the place of what is packed for all chunks,
/// that packing (0 chunks if there is none), and one block of results.
void pf_gemm_place(pf_gemm *g, void *workspace);
int64_t pf_gemm_pack_chunks(const pf_gemm *g);
void pf_gemm_pack_chunk(const void *gemm, int64_t chunk, void *scratch);

typedef struct {
    int64_t entry, row0, row1, lane0, lane1, block0, block1;        // panels and K blocks
} pf_gemm_range;

/// Computes a block; panel p of it is at tile + (p - lane0) * m * width, where m is the rows of the block, unless it
/// goes straight to c. `scratch` holds the packed panels.
void pf_gemm_block(const pf_gemm *g, const pf_gemm_range *range, void *tile, void *scratch);

/// First row of a panel; panels differ by at most one row.
static inline int64_t pf_gemm_row(const pf_gemm *g, int64_t panel) {
    return panel * g->rows / g->row_panels;
}

/// First row panel of a chunk; chunks differ by at most one panel.
static inline int64_t pf_gemm_chunk_row(const pf_gemm *g, int64_t chunk) {
    return chunk * g->row_panels / g->row_chunks;
}

/// Bytes of scratch that pf_gemm_block uses; tiles may follow.
int64_t pf_gemm_block_scratch(const pf_gemm *g);

static inline int64_t pf_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t pf_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline int64_t pf_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static inline int64_t pf_align64(int64_t bytes) {
    return (bytes + 63) / 64 * 64;
}

#endif
