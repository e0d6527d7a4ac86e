// Convolution as an implicit matrix product: no matrix of patches ever exists. A tile reads the elements of its patches
// where they lie in a padded copy of the image: at the offset of the pixel plus the offset of the tap.
//
// The order of arithmetic. Every written element is a chain as in pf_matmul.h (blocks of PF_K_BLOCK terms, joined in
// ascending order) over the terms listed here, in ascending k; then the bias, if any, is added once. With
// icg = in_channels / groups, ocg = out_channels / groups and g the group of the element's channel:
//
//   FORWARD           output[n, oc, oh, ow]: k = (ic * kernel_h + kh) * kernel_w + kw, ic in 0..<icg.
//                     Term: fma(weights[oc, ic, kh, kw], x, acc) with x = input[n, g * icg + ic, ih, iw],
//                     ih = oh * stride_h + kh * dilation_h - pad_top, iw likewise; x = 0 outside the image.
//
//   BACKWARD_DATA     input[n, g * icg + ic, ih, iw]: the taps (kh, kw) in ascending order for which
//                     ih + pad_top - kh * dilation_h is a multiple of stride_h, and iw likewise; other taps are no
//                     terms at all. With th of them along h and tw along w, counted from 0:
//                     k = (oc * th + [index of kh]) * tw + [index of kw], oc in 0..<ocg.
//                     Term: fma(weights[g * ocg + oc, ic, kh, kw], y, acc) with y = output[n, g * ocg + oc, oh, ow],
//                     oh = (ih + pad_top - kh * dilation_h) / stride_h, ow likewise; y = 0 outside the image.
//
//   BACKWARD_WEIGHTS  weights[g * ocg + oc, ic, kh, kw]: k = (n * out_h + oh) * out_w + ow, n in 0..<batch.
//                     Term: fma(output[n, g * ocg + oc, oh, ow], x, acc), x as in FORWARD.
//
// A term with x or y = 0 (positive zero) is a term like any other: a weight that is infinite or NaN makes it NaN.
// Terms count even where a whole block lies outside the image; without any term the value is 0.
#include "convolution_plan.h"

int64_t pf_convolution_workspace(const pf_convolution *c) {
    // Enough for every level: a plan of memory does not depend on the processor's.
    int64_t bytes = 0;
    for (pf_isa level = PF_ISA_BASE; level <= pf_isa_best(); level++) {
        const pf_matmul_kernels *kernels = pf_matmul_kernels_at(level, c->type);
        switch (c->direction) {
        case PF_CONV_FORWARD: bytes = pf_max(bytes, pf_convolution_forward_workspace(c, kernels)); break;
        case PF_CONV_BACKWARD_DATA: bytes = pf_max(bytes, pf_convolution_data_workspace(c, kernels)); break;
        case PF_CONV_BACKWARD_WEIGHTS: bytes = pf_max(bytes, pf_convolution_weights_workspace(c, kernels)); break;
        }
    }
    return bytes;
}

pf_plan *pf_convolution_prepare(const pf_convolution *c, void *workspace) {
    const pf_matmul_kernels *kernels = pf_matmul_kernels_at(pf_isa_current(), c->type);
    switch (c->direction) {
    case PF_CONV_FORWARD: return pf_convolution_forward(c, kernels, workspace);
    case PF_CONV_BACKWARD_DATA: return pf_convolution_data(c, kernels, workspace);
    case PF_CONV_BACKWARD_WEIGHTS: return pf_convolution_weights(c, kernels, workspace);
    }
    return NULL;
}

// MARK: padded images

#define IMAGE_CHUNK_BYTES (64 << 10)

static int64_t planes_per_chunk(const pf_image *i) {
    return pf_max(1, IMAGE_CHUNK_BYTES / pf_max(1, pf_image_plane(i) * i->size));
}

pf_image pf_image_of_input(const pf_convolution *c, const pf_matmul_kernels *kernels, int64_t phase_h, int64_t phase_w,
                           bool may_stay) {
    pf_image i = {
        .kernels = kernels, .size = pf_type_size(c->type),
        .planes = c->batch * c->in_channels, .h = c->in_h, .w = c->in_w, .top = c->pad_top, .left = c->pad_left,
        .phase_h = phase_h, .phase_w = phase_w,
        .rows = (pf_max(0, c->out_h - 1) * c->stride_h + (c->kernel_h - 1) * c->dilation_h) / phase_h + 1,
        .columns = (pf_max(0, c->out_w - 1) * c->stride_w + (c->kernel_w - 1) * c->dilation_w) / phase_w + 1,
        .from = c->input,
    };
    bool inside = i.top == 0 && i.left == 0 && i.rows <= i.h && i.columns <= i.w;
    if (may_stay && inside && phase_h == 1 && phase_w == 1) {
        i.in_place = true;
        i.rows = i.h;
        i.columns = i.w;
    }
    return i;
}

int64_t pf_image_bytes(const pf_image *i) {
    return i->in_place ? 0 : pf_align64((i->planes * pf_image_plane(i) + i->kernels->lanes) * i->size);
}

// Chunk: some planes.
static void image_chunk(const void *args, int64_t chunk, void *scratch) {
    (void)scratch;
    const pf_image *i = args;
    int64_t first = chunk * planes_per_chunk(i), last = pf_min(first + planes_per_chunk(i), i->planes);
    for (int64_t p = first; p < last; p++) {
        i->kernels->pad((const char *)i->from + p * i->h * i->w * i->size, i->h, i->w, i->top, i->left, i->phase_h,
                        i->phase_w, i->rows, i->columns, (char *)i->to + p * pf_image_plane(i) * i->size);
    }
}

void pf_image_add_step(pf_image *i, pf_plan *plan, void *workspace, bool needed) {
    i->to = i->in_place ? (void *)i->from : workspace;
    if (needed && !i->in_place && i->planes > 0) {
        pf_plan_add(plan, image_chunk, i, pf_ceil_div(i->planes, planes_per_chunk(i)));
    }
}

// MARK: grids

void pf_grid_offsets(const pf_grid *g, int64_t j0, int64_t n, int64_t base, int64_t *offsets) {
    int64_t x = j0 % g->width, y = j0 / g->width % g->height, sample = j0 / g->width / g->height;
    for (int64_t i = 0; i < n; i++) {
        offsets[i] = base + sample * g->sample_step + y * g->row_step + x * g->column_step;
        if (++x < g->width) continue;
        x = 0;
        if (++y < g->height) continue;
        y = 0;
        sample++;
    }
}

pf_grid pf_pixel_grid(const pf_convolution *c, const pf_image *i) {
    return (pf_grid){.height = c->out_h, .width = c->out_w, .sample_step = c->in_channels * pf_image_plane(i),
                     .row_step = c->stride_h / i->phase_h * i->columns, .column_step = c->stride_w / i->phase_w};
}

pf_grid pf_tap_grid(const pf_convolution *c, const pf_image *i) {
    return (pf_grid){.height = c->kernel_h, .width = c->kernel_w, .sample_step = pf_image_plane(i),
                     .row_step = c->dilation_h * i->columns, .column_step = c->dilation_w};
}

// MARK: strips

pf_strip pf_strip_of(int64_t height, int64_t width, bool along_lanes, const pf_image *i) {
    pf_strip s = {.height = height, .width = width, .pitch = width, .sample = height * width};
    int64_t lanes = i->kernels->lanes;
    if (along_lanes && s.sample > 0) {
        s.pitch = i->columns;
        s.sample = pf_ceil_div((height - 1) * s.pitch + width, lanes) * lanes;
    }
    return s;
}

pf_stretch pf_strip_stretch(const pf_strip *s, int64_t at, int64_t most) {
    int64_t in_sample = at % s->sample;
    pf_stretch r = {.sample = at / s->sample, .y = in_sample / s->pitch, .x = in_sample % s->pitch};
    r.length = pf_min(most, pf_min(s->pitch - r.x, s->sample - in_sample));
    r.pixels = r.y < s->height ? pf_max(0, pf_min(r.length, s->width - r.x)) : 0;
    return r;
}

void pf_strip_places(const pf_strip *s, int64_t lanes, int64_t sample_step, int64_t v0, int64_t count, int64_t base,
                     int64_t *places) {
    int64_t vectors = s->sample / lanes;
    for (int64_t v = v0; v < v0 + count; v++) *places++ = base + v / vectors * sample_step + v % vectors * lanes;
}

bool pf_channels_fill_lanes(const pf_matmul_kernels *kernels, int64_t channels) {
    return 2 * channels >= kernels->lanes;
}
