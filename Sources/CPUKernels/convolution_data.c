// The gradient of the input (transposed convolution). Pixels are sorted into stride_h * stride_w classes by their
// position modulo the stride; in a class all pixels meet the same taps, so each class is a dense convolution with
// stride 1 over the output gradient. Where there are channels enough, rows are pixels of a class and lanes are input
// channels; else rows are channels and lanes are pixels. Terms are (output channel, tap).
#include "convolution_plan.h"
#include <string.h>

typedef struct {
    pf_gemm gemm;
    int64_t *image_taps, *weight_taps;          // offsets of each term
} pixel_class;

typedef struct {
    pf_plan plan;
    pf_convolution c;
    pf_image image;
    bool channel_lanes;
    pf_grid pixels;                             // of a class, in the padded gradient
    pf_strip strip;                             // and along rows or lanes
    int64_t classes, pack_chunks;
    int64_t tiles;                              // where in the scratch memory tiles begin
    pixel_class class[];
} data_plan;

// MARK: taps

// Taps along one axis that pixels of phase p meet: output position = pixel of the class + shift.
typedef struct { int64_t kernel, stride, dilation, pad; } axis;

static bool meets(const axis *a, int64_t phase, int64_t tap, int64_t *shift) {
    int64_t distance = phase + a->pad - tap * a->dilation;
    *shift = distance / a->stride;
    return distance % a->stride == 0;
}

static int64_t count_taps(const axis *a, int64_t phase) {
    int64_t count = 0, shift;
    for (int64_t t = 0; t < a->kernel; t++) count += meets(a, phase, t, &shift);
    return count;
}

// The least and greatest shift of all phases.
static void shift_range(const axis *a, int64_t *least, int64_t *greatest) {
    *least = INT64_MAX;
    *greatest = INT64_MIN;
    for (int64_t phase = 0; phase < a->stride; phase++) {
        for (int64_t t = 0; t < a->kernel; t++) {
            int64_t shift;
            if (!meets(a, phase, t, &shift)) continue;
            *least = pf_min(*least, shift);
            *greatest = pf_max(*greatest, shift);
        }
    }
}

static axis axis_h(const pf_convolution *c) {
    return (axis){c->kernel_h, c->stride_h, c->dilation_h, c->pad_top};
}

static axis axis_w(const pf_convolution *c) {
    return (axis){c->kernel_w, c->stride_w, c->dilation_w, c->pad_left};
}

// MARK: operands and results

static void pack_weights(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t k0, int64_t k,
                         int64_t width, void *to) {
    const pixel_class *class = o->context;
    const data_plan *p = class->gemm.context;
    const pf_convolution *c = &p->c;
    int64_t taps = c->kernel_h * c->kernel_w, channels = c->in_channels / c->groups;
    const char *from = (const char *)c->weights
        + (entry * (c->out_channels / c->groups) * channels + i0) * taps * o->size;
    for (int64_t kk = 0; kk < k; kk++) {
        o->kernels->pack(from + class->weight_taps[k0 + kk] * o->size, taps, 0, count, 1, width,
                         (char *)to + kk * width * o->size);
    }
}

static int64_t group_offset(const data_plan *p, int64_t group) {
    return group * (p->c.out_channels / p->c.groups) * pf_image_plane(&p->image);
}

static void locate_vectors(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    const data_plan *p = ((const pixel_class *)o->context)->gemm.context;
    pf_strip_places(&p->strip, o->kernels->lanes, p->pixels.sample_step, i0, count, group_offset(p, entry), places);
}

static void locate_pixels(const pf_operand *o, int64_t entry, int64_t i0, int64_t count, int64_t *places) {
    const data_plan *p = ((const pixel_class *)o->context)->gemm.context;
    pf_grid_offsets(&p->pixels, i0, count, group_offset(p, entry), places);
}

static void locate_taps(const pf_operand *o, int64_t k0, int64_t k, int64_t *terms) {
    memcpy(terms, ((const pixel_class *)o->context)->image_taps + k0, (size_t)k * sizeof *terms);
}

// Writes pixels j0..<j0 + n of `m` channels in the classes (py, px0) and, with two phases, (py, px0 + 1).
// tiles[phase] + i * step holds channel i.
static void store(const data_plan *p, int64_t py, int64_t px0, int64_t phases, int64_t channel, int64_t m, int64_t j0,
                  int64_t n, const char *tiles[2], int64_t step) {
    const pf_convolution *c = &p->c;
    const pf_gemm *g = &p->class[0].gemm;
    for (int64_t done = 0; done < n;) {
        pf_stretch s = pf_strip_stretch(&p->strip, j0 + done, n - done);
        int64_t ih = s.y * c->stride_h + py, iw = s.x * c->stride_w + px0;
        // Pixels of each phase that lie in the image; the second phase may have one less.
        int64_t first = pf_min(s.pixels, pf_ceil_div(pf_max(0, c->in_w - iw), c->stride_w));
        int64_t second = phases > 1 ? pf_min(s.pixels, pf_ceil_div(pf_max(0, c->in_w - iw - 1), c->stride_w)) : 0;
        const char *bias = c->bias ? (const char *)c->bias + channel * g->size : NULL;
        int64_t plane = c->in_h * c->in_w, at = done * g->size;
        char *to = (char *)c->input + ((s.sample * c->in_channels + channel) * plane + ih * c->in_w + iw) * g->size;
        if (second > 0 && ih < c->in_h) {
            g->kernels->store_pairs(m, second, tiles[0] + at, tiles[1] + at, step, bias, c->rectify, to, plane);
        }
        if (first > second && ih < c->in_h) {
            g->kernels->store_run(m, first - second, tiles[0] + at + second * g->size, step, bias, c->rectify, NULL,
                                  to + second * c->stride_w * g->size, plane, c->stride_w);
        }
        done += s.length;
    }
}

// Pixels of a panel that are turned at a time.
#define TURN_PIXELS 64

// The same for tiles that hold pixels along rows i0..<i0 + m and channels j0..<j0 + n along lanes.
static void store_turned(const data_plan *p, int64_t py, int64_t px0, int64_t phases, int64_t channel, int64_t i0,
                         int64_t m, int64_t n, const char *tiles[2], char *scratch) {
    const pf_gemm *g = &p->class[0].gemm;
    int64_t bytes = n * TURN_PIXELS * g->size;
    const char *turned[2] = {scratch, scratch + bytes};
    for (int64_t i = 0; i < m; i += TURN_PIXELS) {
        int64_t count = pf_min(TURN_PIXELS, m - i);
        for (int64_t t = 0; t < phases; t++) {
            const char *from = tiles[t] + i * g->width * g->size;
            g->kernels->transpose(count, n, from, g->width, NULL, NULL, false, NULL, scratch + t * bytes, TURN_PIXELS);
        }
        store(p, py, px0, phases, channel, n, i0 + i, count, turned, TURN_PIXELS);
    }
}

// Chunk: a block of rows and lanes, in all classes.
static void data_chunk(const void *args, int64_t chunk, void *scratch) {
    const data_plan *p = args;
    const pf_gemm *g = &p->class[0].gemm;
    int64_t lane = chunk % g->lane_chunks, row = chunk / g->lane_chunks % g->row_chunks;
    pf_gemm_range r = {
        .entry = chunk / (g->lane_chunks * g->row_chunks),
        .row0 = pf_gemm_chunk_row(g, row), .row1 = pf_gemm_chunk_row(g, row + 1),
        .lane0 = lane * g->chunk_lanes, .lane1 = pf_min((lane + 1) * g->chunk_lanes, g->lane_panels),
    };
    int64_t i0 = pf_gemm_row(g, r.row0), m = pf_gemm_row(g, r.row1) - i0;
    int64_t together = p->c.stride_w == 2 ? 2 : 1, panel_bytes = m * g->width * g->size;
    int64_t group_channel = r.entry * (p->c.in_channels / p->c.groups);
    char *tile[2];
    tile[0] = (char *)scratch + p->tiles;
    tile[1] = tile[0] + (r.lane1 - r.lane0) * panel_bytes;
    for (int64_t class = 0; class < p->classes; class += together) {
        for (int64_t t = 0; t < together; t++) {
            const pf_gemm *each = &p->class[class + t].gemm;
            r.block1 = each->k_blocks;
            pf_gemm_block(each, &r, tile[t], scratch);
        }
        int64_t py = class / p->c.stride_w, px = class % p->c.stride_w;
        for (int64_t panel = r.lane0; panel < r.lane1; panel++) {
            int64_t j0 = panel * g->width, n = pf_min(g->width, g->cols - j0), at = (panel - r.lane0) * panel_bytes;
            const char *tiles[2] = {tile[0] + at, tile[1] + at};
            if (p->channel_lanes) {
                store_turned(p, py, px, together, group_channel + j0, i0, m, n, tiles, scratch);
            } else {
                store(p, py, px, together, group_channel + i0, m, j0, n, tiles, g->width);
            }
        }
    }
}

// Chunk: part of the weights of one class.
static void pack_chunk(const void *args, int64_t chunk, void *scratch) {
    const data_plan *p = args;
    for (int64_t class = 0; class < p->classes; class++) {
        const pf_gemm *g = &p->class[class].gemm;
        int64_t chunks = pf_gemm_pack_chunks(g);
        if (chunk < chunks) {
            pf_gemm_pack_chunk(g, chunk, scratch);
            return;
        }
        chunk -= chunks;
    }
}

// MARK: the plan

static pf_image image_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    axis h = axis_h(c), w = axis_w(c);
    int64_t top, bottom, left, right;
    shift_range(&h, &top, &bottom);
    shift_range(&w, &left, &right);
    return (pf_image){
        .kernels = kernels, .size = pf_type_size(c->type),
        .planes = c->batch * c->out_channels, .h = c->out_h, .w = c->out_w, .top = -top, .left = -left,
        .phase_h = 1, .phase_w = 1,
        .rows = pf_ceil_div(c->in_h, c->stride_h) + bottom - top,
        .columns = pf_ceil_div(c->in_w, c->stride_w) + right - left,
        .from = c->output,
    };
}

static pf_strip strip_of(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    pf_image image = image_of(c, kernels);
    bool along_lanes = !pf_channels_fill_lanes(kernels, c->in_channels / c->groups);
    return pf_strip_of(pf_ceil_div(c->in_h, c->stride_h), pf_ceil_div(c->in_w, c->stride_w), along_lanes, &image);
}

// The products of all classes, which share one geometry, chosen for the work of all of them together.
static pf_gemm gemm_of(const pf_convolution *c, const pf_matmul_kernels *kernels, const pf_gemm *shape,
                       int64_t class) {
    axis h = axis_h(c), w = axis_w(c);
    int64_t size = pf_type_size(c->type), channels = c->out_channels / c->groups, rows = c->in_channels / c->groups;
    int64_t pixels = c->batch * strip_of(c, kernels).sample;
    bool channel_lanes = pf_channels_fill_lanes(kernels, rows);
    pf_operand weights = {.pack = pack_weights, .kernels = kernels, .size = size, .varies = true};
    pf_operand image = {.kernels = kernels, .size = size, .varies = true};
    image.locate = channel_lanes ? locate_pixels : locate_vectors;
    image.locate_terms = locate_taps;
    pf_gemm g = {
        .kernels = kernels, .size = size, .batch = c->groups, .rows = channel_lanes ? pixels : rows,
        .cols = channel_lanes ? rows : pixels, .k = channels * c->kernel_h * c->kernel_w,
        .a = channel_lanes ? image : weights, .b = channel_lanes ? weights : image,
    };
    if (shape) g = *shape;
    else pf_gemm_shape(&g);
    if (shape) g.k = channels * count_taps(&h, class / c->stride_w) * count_taps(&w, class % c->stride_w);
    g.k_blocks = g.chunk_blocks = pf_max(1, pf_ceil_div(g.k, PF_K_BLOCK));
    return g;
}

int64_t pf_convolution_data_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels) {
    if (pf_convolution_has_classes(c, kernels)) return pf_convolution_classes_workspace(c);
    pf_image image = image_of(c, kernels);
    pf_gemm shape = gemm_of(c, kernels, NULL, 0);
    int64_t bytes = pf_image_bytes(&image);
    for (int64_t class = 0; class < c->stride_h * c->stride_w; class++) {
        pf_gemm g = gemm_of(c, kernels, &shape, class);
        bytes += pf_gemm_workspace(&g);
    }
    return bytes;
}

static void fill_taps(const data_plan *p, pixel_class *class, int64_t index) {
    const pf_convolution *c = &p->c;
    axis h = axis_h(c), w = axis_w(c);
    int64_t k = 0, taps = c->kernel_h * c->kernel_w, channels = c->in_channels / c->groups;
    for (int64_t oc = 0; oc < c->out_channels / c->groups; oc++) {
        for (int64_t kh = 0; kh < c->kernel_h; kh++) {
            for (int64_t kw = 0; kw < c->kernel_w; kw++) {
                int64_t y, x;
                if (!meets(&h, index / c->stride_w, kh, &y) || !meets(&w, index % c->stride_w, kw, &x)) continue;
                class->image_taps[k] = oc * pf_image_plane(&p->image)
                    + (y + p->image.top) * p->image.columns + x + p->image.left;
                class->weight_taps[k] = oc * channels * taps + kh * c->kernel_w + kw;
                k++;
            }
        }
    }
}

pf_plan *pf_convolution_data(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace) {
    if (pf_convolution_has_classes(c, kernels)) return pf_convolution_classes(c, kernels, workspace);
    int64_t classes = c->stride_h * c->stride_w;
    int64_t terms = c->out_channels / c->groups * c->kernel_h * c->kernel_w;      // of all classes together, at most
    pf_gemm shape = gemm_of(c, kernels, NULL, 0);
    data_plan *p = pf_plan_create((int64_t)sizeof *p + classes * (int64_t)sizeof p->class[0]
                                  + 2 * terms * (int64_t)sizeof(int64_t));
    if (!p) return NULL;
    p->c = *c;
    p->image = image_of(c, kernels);
    bool empty = shape.batch <= 0 || shape.rows <= 0 || shape.cols <= 0;
    pf_image_add_step(&p->image, &p->plan, workspace, !empty && terms > 0);
    p->classes = classes;
    p->channel_lanes = !shape.a.pack;
    p->strip = strip_of(c, kernels);
    p->pixels = (pf_grid){.height = pf_ceil_div(c->in_h, c->stride_h), .width = pf_ceil_div(c->in_w, c->stride_w),
                          .sample_step = c->out_channels * pf_image_plane(&p->image),
                          .row_step = p->image.columns, .column_step = 1};
    int64_t *tables = (int64_t *)(p->class + classes);
    char *packed = (char *)workspace + pf_image_bytes(&p->image);
    for (int64_t i = 0; i < classes; i++) {
        pixel_class *class = &p->class[i];
        class->gemm = gemm_of(c, kernels, &shape, i);
        class->gemm.context = p;
        class->gemm.a.context = class->gemm.b.context = class;
        pf_gemm_place(&class->gemm, packed);
        packed += pf_gemm_workspace(&class->gemm);
        class->image_taps = tables;
        class->weight_taps = tables + class->gemm.k;
        tables += 2 * class->gemm.k;
        fill_taps(p, class, i);
        *(p->channel_lanes ? &class->gemm.a.data : &class->gemm.b.data) = p->image.to;
        p->tiles = pf_max(p->tiles, pf_gemm_block_scratch(&class->gemm));
        p->tiles = pf_max(p->tiles, pf_align64(2 * TURN_PIXELS * shape.width * shape.size));
        p->pack_chunks += pf_gemm_pack_chunks(&class->gemm);
    }
    if (!empty) {
        pf_plan_add(&p->plan, pack_chunk, p, p->pack_chunks);
        pf_plan_add(&p->plan, data_chunk, p, shape.batch * shape.row_chunks * shape.lane_chunks);
    }
    return &p->plan;
}
