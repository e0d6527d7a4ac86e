// The blocked product: geometry, packing, blocks of results, joining of partial sums.
#include "matmul_blocks.h"

// Work in multiply-adds: about 10 us of one core, so that claiming a chunk costs nothing.
#define CHUNK_WORK ((int64_t)1 << 19)
// Packing an element takes the time of so many.
#define PACK_WORK 16
// A product is cut into at least so many chunks if each still has CHUNK_WORK.
#define MANY_CHUNKS 16
// Elements of a result so small that partial ones cost little.
#define SMALL_RESULT 16384
// An operand whose terms are no further apart is read where it lies however often; another by few rows or lanes only.
#define NEAR_BYTES 4096
#define FEW_READERS 512

// MARK: geometry

static void count_chunks(pf_gemm *g) {
    g->row_chunks = pf_min(g->row_chunks, g->row_panels);
    g->chunk_rows = pf_ceil_div(g->row_panels, g->row_chunks);
    g->lane_chunks = pf_ceil_div(g->lane_panels, g->chunk_lanes);
    g->block_chunks = pf_ceil_div(g->k_blocks, g->chunk_blocks);
}

static bool packs(const pf_operand *o) {
    return o->pack && !o->in_place;
}

// Multiply-adds of a chunk, and what it packs for itself counted as such.
static int64_t chunk_work(const pf_gemm *g) {
    int64_t rows = g->chunk_rows * g->panel_rows, lanes = g->chunk_lanes * g->width, k = pf_max(1, g->k);
    int64_t own_rows = packs(&g->a) && g->lane_chunks == 1 ? rows : 0;
    int64_t own_lanes = packs(&g->b) && g->row_chunks == 1 ? lanes : 0;
    return (rows * lanes + PACK_WORK * (own_rows + own_lanes)) * k;
}

static void choose_tiles(pf_gemm *g) {
    const pf_matmul_kernels *kn = g->kernels;
    bool located = !g->a.pack, sliding = !g->b.pack;
    const int64_t *most = located ? kn->located_rows : kn->rows;
    // Few rows want wide tiles: a tile needs about eight independent chains to hide the latency of fma. A located tile
    // is wide, too, if it then has more chains.
    bool wide = located && g->cols > 2 * kn->lanes && 4 * most[2] > 2 * most[1];
    int64_t w = g->rows <= most[3] ? 3 : g->rows <= most[2] || wide ? 2 : 1;
    while (w > 0 && g->cols <= (kn->lanes << w) / 2) w--;
    if (sliding) w = PF_TILE_WIDTHS - 1;
    g->width_index = w;
    g->width = kn->lanes << w;
    g->k_blocks = pf_max(1, pf_ceil_div(g->k, PF_K_BLOCK));
    g->row_panels = pf_max(1, pf_ceil_div(g->rows, sliding ? kn->sliding_rows : most[w]));
    g->panel_rows = pf_ceil_div(g->rows, g->row_panels);
    g->lane_panels = pf_max(1, pf_ceil_div(g->cols, g->width));
    // Packed panels lie so far apart that the spill of one never reaches the next.
    int64_t terms = pf_min(g->k, PF_K_BLOCK);
    g->a.panels = g->row_panels;
    g->b.panels = g->lane_panels;
    g->a.pitch = located ? 0 : pf_align64((g->panel_rows * terms + kn->lanes) * g->size);
    g->b.pitch = sliding ? 0 : pf_align64((g->width * terms + kn->lanes) * g->size);
}

static void choose_chunks(pf_gemm *g) {
    bool located = !g->a.pack, sliding = !g->b.pack;
    int64_t row_limit = PF_CHUNK_ROW_BYTES / g->size / pf_max(1, g->panel_rows), k = pf_max(1, g->k);
    // An even number: three chunks keep two threads busy for as long as four.
    g->row_chunks = g->row_panels <= row_limit ? 1 : pf_ceil_div(g->row_panels, 2 * row_limit) * 2;
    g->chunk_lanes = g->chunk_entries = 1;
    g->chunk_blocks = g->k_blocks;
    count_chunks(g);
    int64_t panel_work = g->chunk_rows * g->panel_rows * g->width * k;
    // A small result of many terms is cut along K; others along rows and lanes.
    bool cut = g->rows * g->cols > SMALL_RESULT || g->k_blocks < MANY_CHUNKS;
    // A located operand, and many rows, are best read once, by a chunk that computes all their lanes.
    bool once = located || !cut || g->row_chunks >= MANY_CHUNKS;
    int64_t target = once ? INT64_MAX : pf_max(4 * CHUNK_WORK, g->rows * g->cols * g->k / 32);
    int64_t lane_limit = PF_CHUNK_TILE_BYTES / (g->chunk_rows * g->panel_rows * g->width * g->size + 1);
    lane_limit = pf_min(g->lane_panels, pf_min(lane_limit, 16));
    g->chunk_lanes = pf_max(1, pf_min(target / pf_max(1, panel_work), lane_limit));
    count_chunks(g);
    while (cut && g->batch * g->row_chunks * g->lane_chunks < MANY_CHUNKS && chunk_work(g) > 2 * CHUNK_WORK) {
        if (g->chunk_rows > 4 && (!sliding || g->chunk_lanes == 1)) g->row_chunks = (g->row_chunks + 1) / 2 * 4;
        else if (g->chunk_lanes > 1) g->chunk_lanes = pf_ceil_div(g->chunk_lanes, 2);
        else break;
        count_chunks(g);
    }
    int64_t chunks = g->batch * g->row_chunks * g->lane_chunks, work = chunk_work(g);
    if (chunks < MANY_CHUNKS / 2 && g->k_blocks >= 4 && work > 4 * CHUNK_WORK) {
        int64_t pieces = pf_min(pf_min(work / CHUNK_WORK, g->k_blocks), pf_ceil_div(MANY_CHUNKS, pf_max(1, chunks)));
        g->chunk_blocks = pf_ceil_div(g->k_blocks, pieces);
    } else if (g->row_chunks == 1 && g->lane_chunks == 1) {
        g->chunk_entries = pf_max(1, pf_min(g->batch, CHUNK_WORK / pf_max(1, g->rows * g->cols * k)));
    }
    count_chunks(g);
}

// Whether tiles should read an operand where it lies, which they can when it follows itself along i. Terms that are
// pages apart share few places in the caches: whoever reads them again and again packs them.
static bool lies_well(const pf_operand *o, int64_t readers) {
    bool follows = o->pack == pf_pack_strided && o->stride_i == 1;
    return follows && (o->stride_k * o->size <= NEAR_BYTES || readers <= FEW_READERS);
}

void pf_gemm_shape(pf_gemm *g) {
    g->a.in_place = lies_well(&g->a, g->cols);
    g->b.in_place = lies_well(&g->b, g->rows);
    choose_tiles(g);
    choose_chunks(g);
    g->a.shared = g->lane_chunks > 1 && packs(&g->a);
    g->b.shared = g->row_chunks > 1 && packs(&g->b);
}

// MARK: packing

void pf_pack_strided(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                     int64_t width, void *to) {
    int64_t start = (o->offsets ? o->offsets[entry] : 0) + i0 * o->stride_i + k0 * o->stride_k;
    o->kernels->pack((const char *)o->data + start * o->size, o->stride_i, o->stride_k, count, k, width, to);
}

static int64_t block_terms(const pf_gemm *g, int64_t block) {
    return pf_min(PF_K_BLOCK, g->k - block * PF_K_BLOCK);
}

static int64_t packed_entries(const pf_gemm *g, const pf_operand *o) {
    return o->varies ? g->batch : 1;
}

static char *packed_panel(const pf_gemm *g, const pf_operand *o, int64_t entry, int64_t block, int64_t panel) {
    return o->packed + (((o->varies ? entry : 0) * g->k_blocks + block) * o->panels + panel) * o->pitch;
}

static void pack_row_panel(const pf_gemm *g, int64_t entry, int64_t block, int64_t panel, void *to) {
    int64_t i0 = pf_gemm_row(g, panel), m = pf_gemm_row(g, panel + 1) - i0;
    g->a.pack(&g->a, entry, i0, m, block * PF_K_BLOCK, block_terms(g, block), m, to);
}

// Lanes of a panel, and the narrowest tile (log2 of its vectors) that holds them.
static int64_t panel_lanes(const pf_gemm *g, int64_t panel, int64_t *w) {
    int64_t n = pf_min(g->width, g->cols - panel * g->width);
    *w = g->width_index;
    while (g->b.pack && *w > 0 && n <= (g->kernels->lanes << *w) / 2) --*w;
    return n;
}

static void pack_lane_panel(const pf_gemm *g, int64_t entry, int64_t block, int64_t panel, void *to) {
    int64_t w, n = panel_lanes(g, panel, &w);
    g->b.pack(&g->b, entry, panel * g->width, n, block * PF_K_BLOCK, block_terms(g, block), g->kernels->lanes << w, to);
}

#define PACK_PANELS 2

static int64_t pack_chunks(const pf_gemm *g, const pf_operand *o) {
    return o->shared ? packed_entries(g, o) * g->k_blocks * pf_ceil_div(o->panels, PACK_PANELS) : 0;
}

int64_t pf_gemm_pack_chunks(const pf_gemm *g) {
    return pack_chunks(g, &g->a) + pack_chunks(g, &g->b);
}

// Chunk: some panels of one K block of one entry of one operand.
void pf_gemm_pack_chunk(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_gemm *g = args;
    bool rows = chunk < pack_chunks(g, &g->a);
    const pf_operand *o = rows ? &g->a : &g->b;
    if (!rows) chunk -= pack_chunks(g, &g->a);
    int64_t groups = pf_ceil_div(o->panels, PACK_PANELS), first = chunk % groups * PACK_PANELS;
    int64_t block = chunk / groups % g->k_blocks, entry = chunk / groups / g->k_blocks;
    for (int64_t panel = first; panel < pf_min(first + PACK_PANELS, o->panels); panel++) {
        (rows ? pack_row_panel : pack_lane_panel)(g, entry, block, panel, packed_panel(g, o, entry, block, panel));
    }
}

// MARK: blocks of results

int64_t pf_gemm_block_scratch(const pf_gemm *g) {
    return (g->b.shared ? 0 : g->b.pitch) + (g->a.shared || g->a.in_place ? 0 : g->chunk_rows * g->a.pitch);
}

// Where a block's lanes lie in c if its tiles can be written there directly; else NULL.
static char *direct(const pf_gemm *g, int64_t entry, int64_t i0, int64_t panel) {
    int64_t w, n = panel_lanes(g, panel, &w);
    if (!g->c || n != g->kernels->lanes << w) return NULL;
    return (char *)g->c + ((entry * g->rows + i0) * g->cols + panel * g->width) * g->size;
}

// Element (i, first term of a K block) of an operand that is read where it lies.
static const char *placed(const pf_gemm *g, const pf_operand *o, int64_t entry, int64_t block, int64_t i) {
    int64_t start = (o->offsets ? o->offsets[entry] : 0) + i + block * PF_K_BLOCK * o->stride_k;
    return (const char *)o->data + start * g->size;
}

// A panel of `b`: where it lies if all its vectors are whole; else packed, for all chunks or just now.
static const void *lane_panel(const pf_gemm *g, int64_t entry, int64_t block, int64_t panel, void *to, int64_t *step) {
    int64_t w, n = panel_lanes(g, panel, &w);
    *step = g->kernels->lanes << w;
    if (g->b.shared) return packed_panel(g, &g->b, entry, block, panel);
    if (g->b.in_place && n == *step) {
        *step = g->b.stride_k;
        return placed(g, &g->b, entry, block, panel * g->width);
    }
    pack_lane_panel(g, entry, block, panel, to);
    return to;
}

void pf_gemm_block(const pf_gemm *g, const pf_gemm_range *range, void *tile, void *scratch) {
    const pf_matmul_kernels *kn = g->kernels;
    char *lanes = scratch, *rows = lanes + (g->b.shared ? 0 : g->b.pitch);
    int64_t entry = range->entry, i0 = pf_gemm_row(g, range->row0), m = pf_gemm_row(g, range->row1) - i0;
    const pf_operand *located = !g->a.pack ? &g->a : !g->b.pack ? &g->b : NULL;
    int64_t places[PF_CHUNK_ROWS], terms[PF_K_BLOCK];
    if (located == &g->a) located->locate(located, entry, i0, m, places);
    for (int64_t block = range->block0; block < range->block1; block++) {
        int64_t k = block_terms(g, block);
        if (located) located->locate_terms(located, block * PF_K_BLOCK, k, terms);
        if (packs(&g->a) && !g->a.shared) {
            for (int64_t panel = range->row0; panel < range->row1; panel++) {
                pack_row_panel(g, entry, block, panel, rows + (panel - range->row0) * g->a.pitch);
            }
        }
        for (int64_t lane = range->lane0; lane < range->lane1; lane++) {
            int64_t w, n = panel_lanes(g, lane, &w), b_step = 0;
            const void *b = g->b.data;
            if (located == &g->b) {
                // A last panel may have fewer vectors; the tile wants a place for each.
                int64_t count = n / kn->lanes;
                located->locate(located, entry, lane * PF_TILE_VECTORS, count, places);
                for (int64_t v = count; v < PF_TILE_VECTORS; v++) places[v] = places[0];
            } else {
                b = lane_panel(g, entry, block, lane, lanes, &b_step);
            }
            char *c = direct(g, entry, i0, lane);
            int64_t c_step = c ? g->cols : g->width;
            // What goes to c directly is not touched again.
            bool last = c && block == range->block1 - 1;
            pf_tile_end end = {
                .add = block > range->block0,
                .bias = last && g->bias ? (const char *)g->bias + lane * g->width * g->size : NULL,
                .rectify = last && g->rectify,
            };
            if (!c) c = (char *)tile + (lane - range->lane0) * m * g->width * g->size;
            for (int64_t panel = range->row0; panel < range->row1; panel++) {
                int64_t i = pf_gemm_row(g, panel) - i0, count = pf_gemm_row(g, panel + 1) - i0 - i;
                char *to = c + i * c_step * g->size;
                if (last && g->mask) end.mask = (const char *)g->mask + (to - (char *)g->c);
                if (located == &g->a) {
                    kn->located[w][count - 1](k, g->a.data, places + i, terms, b, b_step, to, c_step, &end);
                    continue;
                }
                const char *a = g->a.in_place ? placed(g, &g->a, entry, block, i0 + i)
                              : g->a.shared ? packed_panel(g, &g->a, entry, block, panel)
                                            : rows + (panel - range->row0) * g->a.pitch;
                int64_t a_step = g->a.in_place ? g->a.stride_k : count;
                if (located == &g->b) {
                    kn->sliding[count - 1](k, a, a_step, b, places, terms, to, c_step, &end);
                } else {
                    kn->tile[w][count - 1](k, a, a_step, b, b_step, to, c_step, &end);
                }
            }
        }
    }
}

// Chunk: a block of one entry, or several small entries.
static void block_chunk(const void *args, int64_t chunk, void *scratch) {
    const pf_gemm *g = args;
    int64_t lane = chunk % g->lane_chunks, row = chunk / g->lane_chunks % g->row_chunks;
    int64_t first = chunk / (g->lane_chunks * g->row_chunks) * g->chunk_entries;
    char *tile = (char *)scratch + pf_gemm_block_scratch(g);
    pf_gemm_range r = {
        .row0 = pf_gemm_chunk_row(g, row), .row1 = pf_gemm_chunk_row(g, row + 1),
        .lane0 = lane * g->chunk_lanes, .lane1 = pf_min((lane + 1) * g->chunk_lanes, g->lane_panels),
        .block0 = 0, .block1 = g->k_blocks,
    };
    int64_t i0 = pf_gemm_row(g, r.row0), m = pf_gemm_row(g, r.row1) - i0;
    for (r.entry = first; r.entry < pf_min(first + g->chunk_entries, g->batch); r.entry++) {
        pf_gemm_block(g, &r, tile, scratch);
        for (int64_t panel = r.lane0; panel < r.lane1; panel++) {
            int64_t j0 = panel * g->width, n = pf_min(g->width, g->cols - j0);
            const char *from = tile + (panel - r.lane0) * m * g->width * g->size;
            if (!direct(g, r.entry, i0, panel)) g->store(g, r.entry, i0, m, j0, n, from, g->width);
        }
    }
}

// MARK: partial sums

static int64_t part_step(const pf_gemm *g) {
    return g->lane_panels * g->rows * g->width;
}

// Where lane panel `lane` of rows i0..<i0 + m lies in the partial result of a K block.
static char *part(const pf_gemm *g, int64_t entry, int64_t block, int64_t i0, int64_t m, int64_t lane) {
    int64_t at = (entry * g->k_blocks + block) * part_step(g) + (i0 * g->lane_panels + lane * m) * g->width;
    return g->parts + at * g->size;
}

// Chunk: some K blocks of a block of results; each K block leaves its own partial result.
static void part_chunk(const void *args, int64_t chunk, void *scratch) {
    const pf_gemm *g = args;
    int64_t piece = chunk % g->block_chunks, lane = chunk / g->block_chunks % g->lane_chunks;
    int64_t row = chunk / (g->block_chunks * g->lane_chunks) % g->row_chunks;
    pf_gemm_range r = {
        .entry = chunk / (g->block_chunks * g->lane_chunks * g->row_chunks),
        .row0 = pf_gemm_chunk_row(g, row), .row1 = pf_gemm_chunk_row(g, row + 1),
        .lane0 = lane * g->chunk_lanes, .lane1 = pf_min((lane + 1) * g->chunk_lanes, g->lane_panels),
    };
    int64_t i0 = pf_gemm_row(g, r.row0), m = pf_gemm_row(g, r.row1) - i0;
    for (int64_t b = piece * g->chunk_blocks; b < pf_min((piece + 1) * g->chunk_blocks, g->k_blocks); b++) {
        r.block0 = b;
        r.block1 = b + 1;
        pf_gemm_block(g, &r, part(g, r.entry, b, i0, m, r.lane0), scratch);
    }
}

// Chunk: one lane panel of one row chunk, joined over the K blocks in ascending order.
static void join_chunk(const void *args, int64_t chunk, void *scratch) {
    const pf_gemm *g = args;
    int64_t lane = chunk % g->lane_panels, row = chunk / g->lane_panels % g->row_chunks;
    int64_t entry = chunk / (g->lane_panels * g->row_chunks);
    int64_t i0 = pf_gemm_row(g, pf_gemm_chunk_row(g, row)), m = pf_gemm_row(g, pf_gemm_chunk_row(g, row + 1)) - i0;
    int64_t j0 = lane * g->width, n = pf_min(g->width, g->cols - j0);
    g->kernels->join(m * g->width, part(g, entry, 0, i0, m, lane), g->k_blocks, part_step(g), scratch);
    g->store(g, entry, i0, m, j0, n, scratch, g->width);
}

// MARK: steps

static bool joins(const pf_gemm *g) {
    return g->chunk_blocks < g->k_blocks;
}

static int64_t packed_bytes(const pf_gemm *g, const pf_operand *o) {
    return o->shared ? packed_entries(g, o) * g->k_blocks * o->panels * o->pitch : 0;
}

int64_t pf_gemm_workspace(const pf_gemm *g) {
    int64_t parts = joins(g) ? pf_align64(g->batch * g->k_blocks * part_step(g) * g->size) : 0;
    return packed_bytes(g, &g->a) + packed_bytes(g, &g->b) + parts;
}

void pf_gemm_place(pf_gemm *g, void *workspace) {
    g->a.packed = workspace;
    g->b.packed = g->a.packed + packed_bytes(g, &g->a);
    g->parts = g->b.packed + packed_bytes(g, &g->b);
}

void pf_gemm_add_steps(pf_gemm *g, pf_plan *plan, void *workspace) {
    if (g->batch <= 0 || g->rows <= 0 || g->cols <= 0) return;
    pf_gemm_place(g, workspace);
    if (pf_gemm_pack_chunks(g) > 0) pf_plan_add(plan, pf_gemm_pack_chunk, g, pf_gemm_pack_chunks(g));
    if (joins(g)) {
        g->c = NULL;
        pf_plan_add(plan, part_chunk, g, g->batch * g->row_chunks * g->lane_chunks * g->block_chunks);
        pf_plan_add(plan, join_chunk, g, g->batch * g->row_chunks * g->lane_panels);
    } else {
        int64_t groups = pf_ceil_div(g->batch, g->chunk_entries);
        pf_plan_add(plan, block_chunk, g, groups * g->row_chunks * g->lane_chunks);
    }
}
