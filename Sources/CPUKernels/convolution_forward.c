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
    pf_strip strip;             // and along rows or lanes
    int64_t *taps;              // offset of each term in it
    int64_t tables[];           // weight offsets of the groups, then taps
} forward_plan;

static int64_t group_offset(const forward_plan *p, int64_t group) {
    return group * (p->c.in_channels / p->c.groups) * pf_image_plane(&p->image);
}

// MARK: where pixels and terms lie

static void locate_vectors(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    const forward_plan *p = o->context;
    pf_strip_places(&p->strip, o->kernels->lanes, p->pixels.sample_step, i0, count, group_offset(p, entry), places);
}

static void locate_pixels(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    const forward_plan *p = o->context;
    pf_grid_offsets(&p->pixels, i0, count, group_offset(p, entry), places);
}

static void locate_taps(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    memcpy(terms, ((const forward_plan *)o->context)->taps + k0, (size_t)k * sizeof *terms);
}

// MARK: results

static void store(const pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n, const void *tile,
                  int64_t step) {
    const forward_plan *p = g->context;
    int64_t pixels = p->c.out_h * p->c.out_w, per_group = p->c.out_channels / p->c.groups;
    int64_t channel = entry * per_group + (p->channel_lanes ? j0 : i0);
    int64_t first = p->channel_lanes ? i0 : j0, count = p->channel_lanes ? m : n;
    const char *bias = g->bias ? (const char *)g->bias + channel * g->size : NULL;
    for (int64_t done = 0; done < count;) {
        // Along rows a whole sample is one stretch, as it is in each output channel.
        pf_stretch s = pf_strip_stretch(&p->strip, first + done, count - done);
        int64_t pixel = s.y * p->c.out_w + s.x;
        int64_t offset = ((s.sample * p->c.out_channels + channel) * pixels + pixel) * g->size;
        char *c = (char *)p->c.output + offset;
        const char *mask = p->c.mask ? (const char *)p->c.mask + offset : NULL;
        if (p->channel_lanes) {
            const char *t = (const char *)tile + done * step * g->size;
            g->kernels->transpose(s.length, n, t, step, NULL, bias, g->rectify, mask, c, pixels);
        } else if (s.pixels > 0) {
            const char *t = (const char *)tile + done * g->size;
            g->kernels->store_run(m, s.pixels, t, step, bias, g->rectify, mask, c, pixels, 1);
        }
        done += s.length;
    }
}

// MARK: the plan

static pf_image image_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    bool channel_lanes = pf_channels_fill_lanes(kernels, c->out_channels / c->groups);
    if (channel_lanes) return pf_image_of_input(c, kernels, 1, 1, true);
    return pf_image_of_input(c, kernels, c->stride_h, c->stride_w, false);
}

// Whole samples are contiguous along rows; along lanes there is padding between.
static pf_strip strip_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    pf_image image = image_of(c, kernels);
    if (!pf_channels_fill_lanes(kernels, c->out_channels / c->groups)) {
        return pf_strip_of(c->out_h, c->out_w, true, &image);
    }
    return pf_strip_of(1, c->out_h * c->out_w, false, &image);
}

static pf_gemm gemm_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    int64_t size = pf_type_size(c->type), k = c->in_channels / c->groups * c->kernel_h * c->kernel_w;
    int64_t channels = c->out_channels / c->groups;
    bool channel_lanes = pf_channels_fill_lanes(kernels, channels);
    int64_t pixels = c->batch * strip_of(c, kernels).sample;
    pf_operand weights = {.pack = pf_pack_strided, .kernels = kernels, .size = size, .varies = true,
                          .data = c->weights, .stride_i = k, .stride_k = 1};
    pf_operand image = {.kernels = kernels, .size = size, .varies = true};
    image.locate = channel_lanes ? locate_pixels : locate_vectors;
    image.locate_terms = locate_taps;
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = c->groups, .rows = channel_lanes ? pixels : channels,
        .cols = channel_lanes ? channels : pixels, .k = k,
        .a = channel_lanes ? image : weights, .b = channel_lanes ? weights : image,
        .store = store, .bias = c->bias, .rectify = c->rectify,
    };
    pf_gemm_shape(&g);
    return g;
}

int64_t pf_convolution_forward_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    pf_image image = image_of(c, kernels);
    pf_gemm gemm = gemm_of(c, kernels);
    return pf_image_bytes(&image) + pf_gemm_workspace(&gemm);
}

pf_plan *pf_convolution_forward(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace) {
    pf_gemm gemm = gemm_of(c, kernels);
    forward_plan *p = pf_plan_create((int64_t)sizeof *p + (c->groups + gemm.k) * (int64_t)sizeof p->tables[0]);
    if (!p) return NULL;
    p->c = *c;
    p->gemm = gemm;
    p->image = image_of(c, kernels);
    p->channel_lanes = !gemm.a.pack;
    p->strip = strip_of(c, kernels);
    bool empty = gemm.batch <= 0 || gemm.rows <= 0 || gemm.cols <= 0;
    pf_image_add_step(&p->image, &p->plan, workspace, !empty && gemm.k > 0);
    p->pixels = pf_pixel_grid(c, &p->image);
    p->gemm.context = p->gemm.a.context = p->gemm.b.context = p;
    pf_operand *weights = p->channel_lanes ? &p->gemm.b : &p->gemm.a;
    weights->offsets = p->tables;
    *(p->channel_lanes ? &p->gemm.a.data : &p->gemm.b.data) = p->image.to;
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
