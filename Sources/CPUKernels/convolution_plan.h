// What the three directions of convolution share: a padded copy of the image that is read through taps, and the lanes
// or terms that walk over it.
#ifndef PF_CONVOLUTION_PLAN_H
#define PF_CONVOLUTION_PLAN_H
#include "matmul_blocks.h"
#include "pf_convolution.h"

/// A copy of an image [batch, channels, h, w] with its padding, each plane split into phase_h * phase_w planes of
/// [rows, columns]: element (py, px, y, x) is pixel (y * phase_h + py - top, x * phase_w + px - left), or 0 outside.
/// With the phases of a stride the pixels that a tap meets along a row become neighbours.
typedef struct {
    const pf_matmul_kernels *kernels;
    int64_t size, planes, h, w, top, left, phase_h, phase_w, rows, columns;
    bool in_place;              // no copy is needed: `rows` and `columns` are h and w
    const void *from;
    void *to;
} pf_image;

static inline int64_t pf_image_plane(const pf_image *i) {
    return i->phase_h * i->phase_w * i->rows * i->columns;
}

/// The input as the output pixels see it, with the given phases (which divide the strides). `in_place` where an
/// unpadded input serves as it is.
pf_image pf_image_of_input(const pf_convolution *c, const pf_matmul_kernels *kernels, int64_t phase_h, int64_t phase_w,
                           bool may_stay);
/// Bytes of the copy and of what vectors may read beyond it.
int64_t pf_image_bytes(const pf_image *i);
/// Says where the copy goes, and adds the step that makes it (if `needed`).
void pf_image_add_step(pf_image *i, pf_plan *plan, void *workspace, bool needed);

/// Positions (sample, y, x) in row-major order, and where in memory they lie.
typedef struct {
    int64_t height, width;
    int64_t sample_step, row_step, column_step;
} pf_grid;

/// The places of positions j0..<j0 + n, plus `base`.
void pf_grid_offsets(const pf_grid *g, int64_t j0, int64_t n, int64_t base, int64_t *offsets);

/// Output pixels in an image of the input, and taps (channel, kh, kw) relative to them (one phase).
pf_grid pf_pixel_grid(const pf_convolution *c, const pf_image *i);
pf_grid pf_tap_grid(const pf_convolution *c, const pf_image *i);

/// Pixels as they lie along lanes: each sample's rows one after another at the pitch of the padded image, with what
/// lies between them, filled up to whole vectors. Along rows: nothing in between (pitch == width).
typedef struct {
    int64_t height, width, pitch, sample;       // sample: lanes (or rows) of one
} pf_strip;

pf_strip pf_strip_of(int64_t height, int64_t width, bool along_lanes, const pf_image *i);

/// The stretch of pixels of one image row that starts at position `at`: where it lies, and how many of its `length`
/// positions (up to `most`) are pixels.
typedef struct {
    int64_t sample, y, x, length, pixels;
} pf_stretch;
pf_stretch pf_strip_stretch(const pf_strip *s, int64_t at, int64_t most);

/// The places of vectors v0..<v0 + count in the padded image, plus `base`.
void pf_strip_places(const pf_strip *s, int64_t lanes, int64_t sample_step, int64_t v0, int64_t count, int64_t base,
                     int64_t *places);

/// Whether `channels` fill vector lanes well enough to lie along them; then pixels are rows and are read in
/// place from the padded image. Otherwise pixels lie along the lanes, and vectors of them slide over the image.
bool pf_channels_fill_lanes(const pf_matmul_kernels *kernels, int64_t channels);

/// Each direction: the bytes of its workspace, and its plan.
int64_t pf_convolution_forward_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels);
int64_t pf_convolution_data_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels);
int64_t pf_convolution_weights_workspace(const pf_convolution *c, const pf_matmul_kernels *kernels);
pf_plan *pf_convolution_forward(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace);
pf_plan *pf_convolution_data(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace);
pf_plan *pf_convolution_weights(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace);

/// The gradient of the input with a stride of 2 to few channels, and whether it is one.
bool pf_convolution_has_classes(const pf_convolution *c, const pf_matmul_kernels *kernels);
int64_t pf_convolution_classes_workspace(const pf_convolution *c);
pf_plan *pf_convolution_classes(const pf_convolution *c, const pf_matmul_kernels *kernels, void *workspace);

#endif
