// The gradient of the input (transposed convolution) with a stride of 2 to few channels. Lanes are pixels, and the four
// classes of pixels (by position modulo the stride) are computed together: taps come in pairs, one for each phase of an
// axis, that read the output gradient at the same place, so a vector that is loaded serves four taps. What is read is
// padded a band of rows at a time, into memory that stays in the cache. Each class sees its own terms in their order.
#include "convolution_plan.h"
#include <string.h>

// Most bytes of a band, the padded output gradient and the sums: what a second-level cache holds beside other things.
#define BAND_BYTES (256 << 10)
// Multiply-adds of a chunk, about.
#define CHUNK_WORK ((int64_t)1 << 20)

// Pixel i of the input has phase (i + lead) % 2 and lies at (i + lead) / 2 - first of its class.
typedef struct {
    int64_t kernel, lead, first, count;     // count: pixels of a class
    int64_t skipped, reach;                 // tap t belongs to pair (t + skipped) / 2; reach: pairs
    pf_phase_taps taps;
} class_axis;

typedef struct {
    pf_plan plan;
    pf_convolution c;
    const pf_matmul_kernels *kernels;
    int64_t size, channels, planes;         // of a group
    class_axis h, w;
    pf_class_taps taps;
    int64_t block_planes;                   // that a K block holds
    int64_t band_rows, bands, band_bytes;   // rows of a class
    int64_t units_per_chunk, units;         // a band of a group of a sample
    char *weights;
} classes_plan;

static class_axis axis_of(int64_t extent, int64_t kernel, int64_t pad) {
    class_axis a = {.kernel = kernel};
    // An odd kernel starts with half a pair where that spares a row of pixels.
    a.skipped = kernel % 2 == 1 && pad % 2 == 1;
    a.lead = pad + a.skipped;
    a.first = a.lead / 2;
    a.count = (extent + a.lead + 1) / 2 - a.first;
    a.taps = (pf_phase_taps){.head = a.skipped == 1, .pairs = (kernel - a.skipped) / 2,
                             .tail = (kernel - a.skipped) % 2 == 1};
    a.reach = (kernel + a.skipped + 1) / 2;
    return a;
}

// Lanes of all pixels of `rows` rows of a class, in whole vectors.
static int64_t band_lanes(const classes_plan *p, int64_t rows) {
    int64_t lanes = p->kernels->lanes;
    return pf_ceil_div((rows - 1) * p->taps.row + p->w.count, lanes) * lanes;
}

// Elements of a padded plane. An odd number of cache lines lets planes spread over the cache.
static int64_t plane_step(const classes_plan *p, int64_t rows) {
    return (pf_align64((rows + p->h.reach - 1) * p->taps.row * p->size) | 64) / p->size;
}

static int64_t most_channels(const classes_plan *p) {
    return pf_min(p->channels, PF_CLASS_CHANNELS);
}

// Sums and what the last vectors may read beyond.
static int64_t sum_bytes(const classes_plan *p, int64_t rows) {
    return pf_align64((4 * most_channels(p) * band_lanes(p, rows) + p->kernels->lanes) * p->size);
}

static int64_t bytes_of_band(const classes_plan *p, int64_t rows) {
    return sum_bytes(p, rows) + (p->planes * plane_step(p, rows) + p->kernels->lanes) * p->size;
}

// All but the plan's memory; no units where this is not the way.
static classes_plan shape_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    classes_plan p = {.c = *c, .kernels = kernels, .size = pf_type_size(c->type),
                      .channels = c->in_channels / c->groups, .planes = c->out_channels / c->groups};
    bool pairs = c->stride_h == 2 && c->stride_w == 2 && c->dilation_h == 1 && c->dilation_w == 1;
    if (!pairs || pf_channels_fill_lanes(kernels, p.channels)) return p;
    if (p.channels == 0 || c->in_h == 0 || c->in_w == 0) return p;
    p.h = axis_of(c->in_h, c->kernel_h, c->pad_top);
    p.w = axis_of(c->in_w, c->kernel_w, c->pad_left);
    // A K block must end with a plane, in all classes with the same one.
    int64_t terms = pf_ceil_div(c->kernel_h, 2) * pf_ceil_div(c->kernel_w, 2);
    bool alike = c->kernel_h % 2 == 0 && c->kernel_w % 2 == 0 && PF_K_BLOCK % terms == 0;
    p.block_planes = PF_K_BLOCK / terms;
    if (p.planes > p.block_planes && !alike) return p;
    p.taps = (pf_class_taps){.h = p.h.taps, .w = p.w.taps, .row = p.w.count + p.w.reach - 1};
    p.band_rows = p.h.count;
    while (p.band_rows > 1 && bytes_of_band(&p, p.band_rows) > BAND_BYTES) p.band_rows = pf_ceil_div(p.band_rows, 2);
    if (bytes_of_band(&p, p.band_rows) > BAND_BYTES) return p;
    p.taps.plane = plane_step(&p, p.band_rows);
    p.bands = pf_ceil_div(p.h.count, p.band_rows);
    p.units = c->batch * c->groups * p.bands;
    int64_t work = band_lanes(&p, p.band_rows) * p.channels * p.planes * c->kernel_h * c->kernel_w;
    p.units_per_chunk = pf_max(1, CHUNK_WORK / pf_max(1, work));
    return p;
}

bool pf_convolution_has_classes(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    return shape_of(c, kernels).units > 0;
}

int64_t pf_convolution_classes_workspace(const pf_convolution *c) {
    return pf_align64(c->out_channels * (c->in_channels / c->groups) * c->kernel_h * c->kernel_w
                      * pf_type_size(c->type));
}

// MARK: weights

static int64_t weight_bytes(const classes_plan *p) {
    return p->c.kernel_h * p->c.kernel_w * p->size;
}

// One plane of `count` channels from `from` on, in the order in which the tiles read them.
static char *pack_plane(const classes_plan *p, const char *from, int64_t count, char *to) {
    for (int64_t y = 0; y < 2 * p->h.reach; y += 2) {
        for (int64_t x = 0; x < 2 * p->w.reach; x += 2) {
            for (int64_t class = 0; class < 4; class++) {
                int64_t kh = y + class / 2 - p->h.skipped, kw = x + class % 2 - p->w.skipped;
                if (kh < 0 || kh >= p->h.kernel || kw < 0 || kw >= p->w.kernel) continue;
                for (int64_t c = 0; c < count; c++, to += p->size) {
                    memcpy(to, from + c * weight_bytes(p) + (kh * p->w.kernel + kw) * p->size, (size_t)p->size);
                }
            }
        }
    }
    return to;
}

// Chunk: a group. Channels that a tile computes lie together.
static void pack_chunk(const void *args, int64_t group, void *scratch) {
    (void)scratch;
    const classes_plan *p = args;
    int64_t offset = group * p->planes * p->channels * weight_bytes(p);
    const char *from = (const char *)p->c.weights + offset;
    char *to = p->weights + offset;
    for (int64_t first = 0; first < p->channels; first += PF_CLASS_CHANNELS) {
        int64_t count = pf_min(PF_CLASS_CHANNELS, p->channels - first);
        for (int64_t plane = 0; plane < p->planes; plane++) {
            to = pack_plane(p, from + (plane * p->channels + first) * weight_bytes(p), count, to);
        }
    }
}

// MARK: bands

// All sums of `count` channels; those of a class and channel follow one another at `lanes`.
static void compute(const classes_plan *p, const char *image, const char *weights, int64_t count, int64_t lanes,
                    char *sums) {
    const pf_matmul_kernels *kn = p->kernels;
    int64_t vectors = lanes / kn->lanes, tiles = pf_ceil_div(vectors, kn->class_vectors[count - 1]);
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t first = tile * vectors / tiles, last = (tile + 1) * vectors / tiles;
        for (int64_t plane = 0; plane == 0 || plane < p->planes; plane += p->block_planes) {
            kn->classes[count - 1][last - first - 1](
                &p->taps, pf_min(p->block_planes, p->planes - plane), weights + plane * count * weight_bytes(p),
                image + (plane * p->taps.plane + first * kn->lanes) * p->size, sums + first * kn->lanes * p->size,
                lanes, plane > 0);
        }
    }
}

// Rows y0..<y1 of all classes, of `count` channels from `channel` on.
static void store(const classes_plan *p, int64_t sample, int64_t channel, int64_t count, int64_t y0, int64_t y1,
                  int64_t lanes, const char *sums) {
    const pf_convolution *c = &p->c;
    const char *bias = c->bias ? (const char *)c->bias + channel * p->size : NULL;
    int64_t plane = c->in_h * c->in_w, size = p->size;
    for (int64_t row = 2 * y0; row < 2 * y1; row++) {
        int64_t ih = row + 2 * p->h.first - p->h.lead;
        if (ih < 0 || ih >= c->in_h) continue;
        // The sums of even and of odd pixels; with an odd lead an odd pixel is its class's next.
        const char *sum[2];
        for (int64_t px = 0; px < 2; px++) {
            int64_t at = px + p->w.lead - 2 * p->w.first;
            sum[px] = sums + ((row % 2 * 2 + at % 2) * count * lanes + (row / 2 - y0) * p->taps.row + at / 2) * size;
        }
        char *to = (char *)c->input + ((sample * c->in_channels + channel) * plane + ih * c->in_w) * size;
        int64_t pairs = c->in_w / 2;
        p->kernels->store_pairs(count, pairs, sum[0], sum[1], lanes, bias, c->rectify, to, plane);
        if (c->in_w % 2 == 1) {
            p->kernels->store_run(count, 1, sum[0] + pairs * size, lanes, bias, c->rectify, NULL,
                                  to + 2 * pairs * size, plane, 1);
        }
    }
}

// Chunk: some units.
static void classes_chunk(const void *args, int64_t chunk, void *scratch) {
    const classes_plan *p = args;
    const pf_convolution *c = &p->c;
    for (int64_t unit = chunk * p->units_per_chunk; unit < pf_min((chunk + 1) * p->units_per_chunk, p->units); unit++) {
        int64_t band = unit % p->bands, group = unit / p->bands % c->groups, sample = unit / p->bands / c->groups;
        int64_t y0 = band * p->band_rows, y1 = pf_min(y0 + p->band_rows, p->h.count), lanes = band_lanes(p, y1 - y0);
        char *sums = scratch, *image = sums + sum_bytes(p, p->band_rows);
        const char *from = (const char *)c->output
            + (sample * c->out_channels + group * p->planes) * c->out_h * c->out_w * p->size;
        int64_t top = p->h.reach - 1 - p->h.first - y0, left = p->w.reach - 1 - p->w.first;
        for (int64_t plane = 0; plane < p->planes; plane++) {
            p->kernels->pad(from + plane * c->out_h * c->out_w * p->size, c->out_h, c->out_w, top, left, 1, 1,
                            y1 - y0 + p->h.reach - 1, p->taps.row, image + plane * p->taps.plane * p->size);
        }
        image += ((p->h.reach - 1) * p->taps.row + p->w.reach - 1) * p->size;
        const char *weights = p->weights + group * p->planes * p->channels * weight_bytes(p);
        for (int64_t first = 0; first < p->channels; first += PF_CLASS_CHANNELS) {
            int64_t count = pf_min(PF_CLASS_CHANNELS, p->channels - first);
            compute(p, image, weights + first * p->planes * weight_bytes(p), count, lanes, sums);
            store(p, sample, group * p->channels + first, count, y0, y1, lanes, sums);
        }
    }
}

pf_plan *pf_convolution_classes(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace) {
    classes_plan shape = shape_of(c, kernels), *p = pf_plan_create((int64_t)sizeof *p);
    if (!p) return NULL;
    shape.plan = p->plan;
    *p = shape;
    p->weights = workspace;
    pf_plan_add(&p->plan, pack_chunk, p, c->groups);
    pf_plan_add(&p->plan, classes_chunk, p, pf_ceil_div(p->units, p->units_per_chunk));
    return &p->plan;
}
