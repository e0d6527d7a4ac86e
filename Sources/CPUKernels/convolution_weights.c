// The gradient of the weights: rows are (channel, tap), lanes are output channels, terms are output pixels of all
// samples.
#include "convolution_plan.h"

typedef struct {
    pf_plan plan;
    pf_convolution c;
    pf_image image;
    pf_gemm gemm;
    pf_grid taps;               // (channel, kh, kw) in the padded image
    pf_grid pixels;             // (sample, oh, ow) in it
} weights_plan;

static int64_t group_offset(const weights_plan *p, int64_t group) {
    return group * (p->c.in_channels / p->c.groups) * pf_image_plane(&p->image);
}

// MARK: operands and results

// Of a channel's first pixels, as far as packing fetches ahead.
#define HEAD_BYTES 256

// The output gradient has its pixels, the terms, contiguous; a K block may span several samples.
static void pack_output(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                        int64_t width, void *to) {
    const pf_convolution *c = &((const weights_plan *)o->context)->c;
    int64_t pixels = c->out_h * c->out_w, channel = entry * (c->out_channels / c->groups) + i0;
    for (int64_t done = 0; done < k;) {
        int64_t sample = (k0 + done) / pixels, pixel = (k0 + done) % pixels;
        int64_t length = pf_min(pixels - pixel, k - done);
        const char *from = (const char *)c->output + ((sample * c->out_channels + channel) * pixels + pixel) * o->size;
        if (sample + 1 < c->batch) {
            // The next sample's first pixels: packing fetches ahead along a row, but not from one sample to the next.
            const char *next = from + (c->out_channels * pixels - pixel) * o->size;
            for (int64_t i = 0; i < count; i++)
                for (int64_t at = 0; at < HEAD_BYTES; at += 64) __builtin_prefetch(next + i * pixels * o->size + at);
        }
        o->kernels->pack(from, pixels, 1, count, length, width, (char *)to + done * width * o->size);
        done += length;
    }
}

static void locate_taps(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    const weights_plan *p = o->context;
    pf_grid_offsets(&p->taps, i0, count, group_offset(p, entry), places);
}

static void locate_pixels(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    pf_grid_offsets(&((const weights_plan *)o->context)->pixels, k0, k, 0, terms);
}

static void store(const pf_gemm *g, int64_t entry, int64_t i0, int64_t m, int64_t j0, int64_t n, const void *tile,
                  int64_t step) {
    const weights_plan *p = g->context;
    char *c = (char *)p->c.weights + (entry * g->rows * g->cols + j0 * g->rows + i0) * g->size;
    g->kernels->transpose(m, n, tile, step, NULL, NULL, false, NULL, c, g->rows);
}

// MARK: the plan

static pf_image image_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    return pf_image_of_input(c, kernels, 1, 1, true);
}

static pf_gemm gemm_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    int64_t size = pf_type_size(c->type);
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = c->groups,
        .rows = c->in_channels / c->groups * c->kernel_h * c->kernel_w, .cols = c->out_channels / c->groups,
        .k = c->batch * c->out_h * c->out_w,
        .a = {.locate = locate_taps, .locate_terms = locate_pixels, .kernels = kernels, .size = size, .varies = true},
        .b = {.pack = pack_output, .kernels = kernels, .size = size, .varies = true},
        .store = store,
    };
    pf_gemm_shape(&g);
    return g;
}

int64_t pf_convolution_weights_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    pf_image image = image_of(c, kernels);
    pf_gemm gemm = gemm_of(c, kernels);
    return pf_image_bytes(&image) + pf_gemm_workspace(&gemm);
}

pf_plan *pf_convolution_weights(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace) {
    weights_plan *p = pf_plan_create(sizeof *p);
    if (!p) return NULL;
    p->c = *c;
    p->image = image_of(c, kernels);
    p->gemm = gemm_of(c, kernels);
    bool empty = p->gemm.batch <= 0 || p->gemm.rows <= 0 || p->gemm.cols <= 0;
    pf_image_add_step(&p->image, &p->plan, workspace, !empty && p->gemm.k > 0);
    p->taps = pf_tap_grid(c, &p->image);
    p->pixels = pf_pixel_grid(c, &p->image);
    p->gemm.context = p->gemm.a.context = p->gemm.b.context = p;
    p->gemm.a.data = p->image.to;
    pf_gemm_add_steps(&p->gemm, &p->plan, (char *)workspace + pf_image_bytes(&p->image));
    return &p->plan;
}
