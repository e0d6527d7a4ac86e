// Products and convolutions.
#include "digests.h"
#include "pf_convolution.h"
#include "pf_matmul.h"
#include <stdlib.h>

static void run_plan(pf_plan *plan) {
    const pf_step *steps;
    if (!plan) exit(1);
    int32_t count = pf_plan_steps(plan, &steps);
    pf_pool_run(pool, steps, count);
    pf_plan_release(plan);
}

// Operands in both orders, with everything that may become of the sums.
static void multiply(pf_type type, int64_t m, int64_t n, int64_t k) {
    for (int form = 0; form < 16; form++) {
        bool turned_a = form & 1, turned_b = form & 2;
        pf_matmul product = {
            .type = type, .batch = 1, .m = m, .n = n, .k = k,
            .a = numbers(type, m * k, 1), .a_row = turned_a ? 1 : k, .a_col = turned_a ? m : 1,
            .b = numbers(type, k * n, 2), .b_row = turned_b ? 1 : n, .b_col = turned_b ? k : 1,
            .c = numbers(type, m * n, 3), .rectify = form & 4,
            .bias = form & 4 ? numbers(type, n, 4) : NULL, .mask = form & 8 ? numbers(type, m * n, 5) : NULL,
        };
        run_plan(pf_matmul_prepare(&product, numbers(type, pf_matmul_workspace(&product), 6)));
        take(type, product.c, m * n);
        print("product %s %dx%dx%d form %d", type_names[type], (int)m, (int)n, (int)k, form);
    }
}

static void convolve(pf_type type, int64_t from, int64_t to, int64_t groups, int64_t extent, int64_t kernel,
                     int64_t stride, int64_t dilation) {
    int64_t batch = 3, pad = 1, out = (extent + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    for (pf_conv_direction direction = PF_CONV_FORWARD; direction <= PF_CONV_BACKWARD_WEIGHTS; direction++) {
        int64_t counts[] = {batch * from * extent * extent, to * from / groups * kernel * kernel,
                            batch * to * out * out};
        bool weights = direction == PF_CONV_BACKWARD_WEIGHTS;
        pf_convolution c = {
            .type = type, .direction = direction, .batch = batch, .in_channels = from, .in_h = extent, .in_w = extent,
            .out_channels = to, .out_h = out, .out_w = out, .groups = groups, .kernel_h = kernel, .kernel_w = kernel,
            .stride_h = stride, .stride_w = stride, .dilation_h = dilation, .dilation_w = dilation,
            .pad_top = pad, .pad_left = pad,
            .input = numbers(type, counts[0], 1), .weights = numbers(type, counts[1], 2),
            .output = numbers(type, counts[2], 3), .bias = weights ? NULL : numbers(type, from > to ? from : to, 4),
            .rectify = !weights,
        };
        run_plan(pf_convolution_prepare(&c, numbers(type, pf_convolution_workspace(&c), 5)));
        void *results[] = {c.output, c.input, c.weights};
        int64_t sizes[] = {counts[2], counts[0], counts[1]};
        take(type, results[direction], sizes[direction]);
        print("convolution %s %d to %d in %d, %d, kernel %d, stride %d, dilation %d, direction %d", type_names[type],
              (int)from, (int)to, (int)groups, (int)extent, (int)kernel, (int)stride, (int)dilation, (int)direction);
    }
}

void digest_products(void) {
    for (pf_type type = PF_F32; type <= PF_F64; type++) {
        multiply(type, 1, 1, 3);
        multiply(type, 7, 5, 300);
        multiply(type, 130, 70, 65);
        multiply(type, 33, 257, 600);
        multiply(type, 300, 2, 128);
        convolve(type, 1, 8, 1, 14, 4, 2, 1);
        convolve(type, 8, 16, 1, 9, 3, 1, 1);
        convolve(type, 5, 3, 1, 8, 3, 2, 1);
        convolve(type, 6, 4, 2, 10, 3, 1, 2);
    }
}
