// 2-D convolution (cross-correlation) and its two gradients, NCHW, in a fixed order of arithmetic. 1-D is height 1.
#ifndef PF_CONVOLUTION_H
#define PF_CONVOLUTION_H
#include "pf_types.h"
#include "pf_pool.h"
#include "pf_matmul.h"

typedef enum { PF_CONV_FORWARD = 0, PF_CONV_BACKWARD_DATA, PF_CONV_BACKWARD_WEIGHTS } pf_conv_direction;

/// input [batch, in_channels, in_h, in_w], weights [out_channels, in_channels / groups, kernel_h, kernel_w],
/// output [batch, out_channels, out_h, out_w], all contiguous; padding may differ before and after:
/// out_h = (in_h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1.
/// FORWARD reads input and weights and writes output; BACKWARD_DATA reads output (its gradient) and weights and writes
/// input; BACKWARD_WEIGHTS reads input and output and writes weights.
/// Every written element is a chain as in pf_matmul.h. The order of its terms, and which taps belong to it, is stated in
/// convolution.c; it never depends on the batch for FORWARD and BACKWARD_DATA, nor on threads, tiles or instruction set.
typedef struct {
    pf_type type;
    pf_conv_direction direction;
    int64_t batch, in_channels, in_h, in_w, out_channels, out_h, out_w, groups;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    void *input, *weights, *output;
    const void *bias;                   // FORWARD: out_channels values, BACKWARD_DATA: in_channels values, or NULL
    bool rectify;                       // then 0 for what is not positive (not BACKWARD_WEIGHTS)
    const void *mask;                   // FORWARD: then 0 where this is not positive, which lies like output; or NULL
} pf_convolution;

int64_t pf_convolution_workspace(const pf_convolution *c);
pf_plan *pf_convolution_prepare(const pf_convolution *c, void *workspace);

#endif
