// Forward convolution. Where there are channels enough, rows are output pixels of all samples and lanes are output
// channels; else rows are channels and lanes are pixels. Terms are (channel, tap).
#include "convolution_plan.h"
#include <string.h>

typedef struct {
    pf_plan plan;
    pf_convolution c;
    pf_image image;
    pf_gemm gemm;
    bool channel_lanes;
    pf_grid pixels;             // output pixels in the padded image
    int64_t *taps;              // offset of each term in it
    int64_t tables[];           // weight offsets of the groups, then taps
} forward_plan;

static int64_t group_offset(const forward_plan *p, int64_t group) {
    return group * (p->c.in_channels / p->c.groups) * pf_image_plane(&p->image);
}

// MARK: pixels along lanes

static void pack_pixels(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                        int64_t width, void *to) {
    const forward_plan *p = o->context;
    pf_run runs[PF_MOST_LANES];
    int64_t n = pf_grid_runs(&p->pixels, i0, count, runs);
    const char *from = (const char *)p->image.to + group_offset(p, entry) * o->size;
    o->kernels->pack_runs(from, p->taps + k0, k, runs, n, width, to);
}

// MARK: pixels along rows

static void locate_pixels(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *rows) {
    const forward_plan *p = o->context;
    pf_grid_offsets(&p->pixels, i0, count, group_offset(p, entry), rows);
}

static void locate_taps(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    memcpy(terms, ((const forward_plan *)o->context)->taps + k0, (size_t)k * sizeof *terms);
}

// MARK: results

// The stretches of a range of pixels that lie in one sample are contiguous in each output channel.
static void store(const pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n, const void *tile,
                  int64_t step) {
    const forward_plan *p = g->context;
    int64_t pixels = p->c.out_h * p->c.out_w, per_group = p->c.out_channels / p->c.groups;
    int64_t channel = entry * per_group + (p->channel_lanes ? j0 : i0);
    int64_t first = p->channel_lanes ? i0 : j0, count = p->channel_lanes ? m : n;
    const char *bias = g->bias ? (const char *)g->bias + channel * g->size : NULL;
    for (int64_t done = 0; done < count;) {
        int64_t sample = (first + done) / pixels, pixel = (first + done) % pixels;
        int64_t length = pf_min(pixels - pixel, count - done);
        char *c = (char *)p->c.output + ((sample * p->c.out_channels + channel) * pixels + pixel) * g->size;
        if (p->channel_lanes) {
            const char *t = (const char *)tile + done * step * g->size;
            g->kernels->transpose(length, n, t, step, NULL, bias, c, pixels);
        } else {
            for (int64_t i = 0; i < m; i++) {
                const char *t = (const char *)tile + (i * step + done) * g->size;
                g->kernels->store_run(length, t, bias ? bias + i * g->size : NULL, c + i * pixels * g->size, 1);
            }
        }
        done += length;
    }
}

// MARK: the plan

static pf_image image_of(const pf_convolution *c) {
    bool channel_lanes = pf_channels_fill_lanes(c->type, c->out_channels / c->groups);
    return pf_image_of_input(c, channel_lanes ? 1 : c->stride_h, channel_lanes ? 1 : c->stride_w, channel_lanes);
}

static pf_gemm gemm_of(const pf_convolution *c) {
    const pf_matmul_kernels *kernels = pf_matmul_kernels_current(c->type);
    int64_t size = pf_type_size(c->type), k = c->in_channels / c->groups * c->kernel_h * c->kernel_w;
    int64_t pixels = c->batch * c->out_h * c->out_w, channels = c->out_channels / c->groups;
    bool channel_lanes = pf_channels_fill_lanes(c->type, channels);
    pf_operand weights = {.pack = pf_pack_strided, .kernels = kernels, .size = size, .varies = true,
                          .data = c->weights, .stride_i = k, .stride_k = 1};
    pf_operand image = {.kernels = kernels, .size = size, .varies = true, .streamed = true};
    if (channel_lanes) {
        image.locate_rows = locate_pixels;
        image.locate_terms = locate_taps;
    } else {
        image.pack = pack_pixels;
    }
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = c->groups, .rows = channel_lanes ? pixels : channels,
        .cols = channel_lanes ? channels : pixels, .k = k,
        .a = channel_lanes ? image : weights, .b = channel_lanes ? weights : image,
        .store = store, .bias = c->bias,
    };
    pf_gemm_shape(&g);
    return g;
}

int64_t pf_convolution_forward_workspace(const pf_convolution *c) {
    pf_image image = image_of(c);
    pf_gemm gemm = gemm_of(c);
    return pf_image_bytes(&image) + pf_gemm_workspace(&gemm);
}

pf_plan *pf_convolution_forward(const pf_convolution *c, void *workspace) {
    pf_gemm gemm = gemm_of(c);
    forward_plan *p = pf_plan_create((int64_t)sizeof *p + (c->groups + gemm.k) * (int64_t)sizeof p->tables[0]);
    if (!p) return NULL;
    p->c = *c;
    p->gemm = gemm;
    p->image = image_of(c);
    p->channel_lanes = !gemm.a.pack;
    bool empty = gemm.batch <= 0 || gemm.rows <= 0 || gemm.cols <= 0;
    pf_image_add_step(&p->image, &p->plan, workspace, !empty && gemm.k > 0);
    p->pixels = pf_pixel_grid(c, &p->image);
    p->gemm.context = p->gemm.a.context = p->gemm.b.context = p;
    pf_operand *weights = p->channel_lanes ? &p->gemm.b : &p->gemm.a;
    weights->offsets = p->tables;
    if (p->channel_lanes) p->gemm.a.data = p->image.to;
    for (int64_t g = 0; g < c->groups; g++) p->tables[g] = g * (c->out_channels / c->groups) * gemm.k;
    p->taps = p->tables + c->groups;
    const pf_image *image = &p->image;
    for (int64_t k = 0; k < gemm.k; k++) {
        int64_t channel = k / (c->kernel_h * c->kernel_w);
        int64_t y = k / c->kernel_w % c->kernel_h * c->dilation_h, x = k % c->kernel_w * c->dilation_w;
        int64_t phase = y % image->phase_h * image->phase_w + x % image->phase_w;
        p->taps[k] = channel * pf_image_plane(image)
            + (phase * image->rows + y / image->phase_h) * image->columns + x / image->phase_w;
    }
    pf_gemm_add_steps(&p->gemm, &p->plan, (char *)workspace + pf_image_bytes(image));
    return &p->plan;
}
