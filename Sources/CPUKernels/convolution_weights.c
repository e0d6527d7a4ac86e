// The gradient of the weights. Where there are channels enough, rows are (channel, tap) and lanes are output channels;
// else the other way round. Terms are output pixels of all samples.
#include "convolution_plan.h"

typedef struct {
    pf_plan plan;
    pf_convolution c;
    pf_image image;
    pf_gemm gemm;
    bool channel_lanes;
    pf_grid taps;               // (channel, kh, kw) in the padded image
    pf_grid pixels;             // (sample, oh, ow) in it
} weights_plan;

static int64_t group_offset(const weights_plan *p, int64_t group) {
    return group * (p->c.in_channels / p->c.groups) * pf_image_plane(&p->image);
}

// MARK: operands and results

// The output gradient has its pixels, the terms, contiguous; a K block may span several samples.
static void pack_output(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                        int64_t width, void *to) {
    const pf_convolution *c = &((const weights_plan *)o->context)->c;
    int64_t pixels = c->out_h * c->out_w, channel = entry * (c->out_channels / c->groups) + i0;
    for (int64_t done = 0; done < k;) {
        int64_t sample = (k0 + done) / pixels, pixel = (k0 + done) % pixels;
        int64_t length = pf_min(pixels - pixel, k - done);
        const char *from = (const char *)c->output + ((sample * c->out_channels + channel) * pixels + pixel) * o->size;
        o->kernels->pack(from, pixels, 1, count, length, width, (char *)to + done * width * o->size);
        done += length;
    }
}

static void pack_taps(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                      int64_t width, void *to) {
    const weights_plan *p = o->context;
    pf_run runs[PF_MOST_LANES];
    int64_t offsets[PF_K_BLOCK], n = pf_grid_runs(&p->taps, i0, count, runs);
    pf_grid_offsets(&p->pixels, k0, k, group_offset(p, entry), offsets);
    o->kernels->pack_runs(p->image.to, offsets, k, runs, n, width, to);
}

static void locate_taps(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *rows) {
    const weights_plan *p = o->context;
    pf_grid_offsets(&p->taps, i0, count, group_offset(p, entry), rows);
}

static void locate_pixels(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    pf_grid_offsets(&((const weights_plan *)o->context)->pixels, k0, k, 0, terms);
}

static void store(const pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n, const void *tile,
                  int64_t step) {
    const weights_plan *p = g->context;
    char *c = (char *)p->c.weights + entry * g->rows * g->cols * g->size;
    if (p->channel_lanes) {
        g->kernels->transpose(m, n, tile, step, NULL, NULL, c + (j0 * g->rows + i0) * g->size, g->rows);
    } else if (tile != c + (i0 * g->cols + j0) * g->size) {
        g->kernels->add_bias(m, n, tile, step, NULL, c + (i0 * g->cols + j0) * g->size, g->cols);
    }
}

// MARK: the plan

static pf_image image_of(const pf_convolution *c) {
    return pf_image_of_input(c, 1, 1, pf_channels_fill_lanes(c->type, c->out_channels / c->groups));
}

static pf_gemm gemm_of(const pf_convolution *c) {
    const pf_matmul_kernels *kernels = pf_matmul_kernels_current(c->type);
    int64_t size = pf_type_size(c->type), channels = c->out_channels / c->groups;
    int64_t taps = c->in_channels / c->groups * c->kernel_h * c->kernel_w;
    bool channel_lanes = pf_channels_fill_lanes(c->type, channels);
    pf_operand output = {.pack = pack_output, .kernels = kernels, .size = size, .varies = true};
    pf_operand image = {.kernels = kernels, .size = size, .varies = true, .streamed = true};
    if (channel_lanes) {
        image.locate_rows = locate_taps;
        image.locate_terms = locate_pixels;
    } else {
        image.pack = pack_taps;
    }
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = c->groups, .rows = channel_lanes ? taps : channels,
        .cols = channel_lanes ? channels : taps, .k = c->batch * c->out_h * c->out_w,
        .a = channel_lanes ? image : output, .b = channel_lanes ? output : image,
        .store = store, .c = channel_lanes ? NULL : c->weights,
    };
    pf_gemm_shape(&g);
    return g;
}

int64_t pf_convolution_weights_workspace(const pf_convolution *c) {
    pf_image image = image_of(c);
    pf_gemm gemm = gemm_of(c);
    return pf_image_bytes(&image) + pf_gemm_workspace(&gemm);
}

pf_plan *pf_convolution_weights(const pf_convolution *c, void *workspace) {
    weights_plan *p = pf_plan_create(sizeof *p);
    if (!p) return NULL;
    p->c = *c;
    p->image = image_of(c);
    p->gemm = gemm_of(c);
    p->channel_lanes = !p->gemm.a.pack;
    bool empty = p->gemm.batch <= 0 || p->gemm.rows <= 0 || p->gemm.cols <= 0;
    pf_image_add_step(&p->image, &p->plan, workspace, !empty && p->gemm.k > 0);
    p->taps = pf_tap_grid(c, &p->image);
    p->pixels = pf_pixel_grid(c, &p->image);
    p->gemm.context = p->gemm.a.context = p->gemm.b.context = p;
    if (p->channel_lanes) p->gemm.a.data = p->image.to;
    pf_gemm_add_steps(&p->gemm, &p->plan, (char *)workspace + pf_image_bytes(&p->image));
    return &p->plan;
}
