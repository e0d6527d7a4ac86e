// Prints a digest of the bits that each family of CPU kernels computes, for tools/neon to compare across processors.
#include "pf_convolution.h"
#include "pf_element_map.h"
#include "pf_matmul.h"
#include "pf_softmax.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pf_pool *pool;

// Numbers in -1..<1, the same everywhere: a linear congruence.
static void *numbers(pf_type type, int64_t count, uint32_t seed) {
    void *all = calloc((size_t)count + 64, (size_t)pf_type_size(type));
    if (!all) exit(1);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        double value = (double)(int32_t)seed / 2147483648.0;
        if (type == PF_F64) ((double *)all)[i] = value;
        else ((float *)all)[i] = (float)value;
    }
    return all;
}

static void print_digest(const char *name, const void *bytes, int64_t count) {
    uint64_t digest = 14695981039346656037u;
    for (int64_t i = 0; i < count; i++) digest = (digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    printf("%s %016llx\n", name, (unsigned long long)digest);
}

static void run(pf_plan *plan) {
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
        run(pf_matmul_prepare(&product, numbers(type, pf_matmul_workspace(&product), 6)));
        char name[80];
        snprintf(name, sizeof name, "product %s %lldx%lldx%lld form %d", type == PF_F64 ? "f64" : "f32", (long long)m,
                 (long long)n, (long long)k, form);
        print_digest(name, product.c, m * n * pf_type_size(type));
    }
}

static void convolve(pf_type type, int64_t from, int64_t to, int64_t extent, int64_t kernel, int64_t stride) {
    int64_t batch = 3, pad = 1, out = (extent + 2 * pad - kernel) / stride + 1;
    for (pf_conv_direction direction = PF_CONV_FORWARD; direction <= PF_CONV_BACKWARD_WEIGHTS; direction++) {
        int64_t counts[] = {batch * from * extent * extent, to * from * kernel * kernel, batch * to * out * out};
        bool weights = direction == PF_CONV_BACKWARD_WEIGHTS;
        pf_convolution c = {
            .type = type, .direction = direction, .batch = batch, .in_channels = from, .in_h = extent, .in_w = extent,
            .out_channels = to, .out_h = out, .out_w = out, .groups = 1, .kernel_h = kernel, .kernel_w = kernel,
            .stride_h = stride, .stride_w = stride, .dilation_h = 1, .dilation_w = 1, .pad_top = pad, .pad_left = pad,
            .input = numbers(type, counts[0], 1), .weights = numbers(type, counts[1], 2),
            .output = numbers(type, counts[2], 3), .bias = weights ? NULL : numbers(type, from > to ? from : to, 4),
            .rectify = !weights,
        };
        run(pf_convolution_prepare(&c, numbers(type, pf_convolution_workspace(&c), 5)));
        void *results[] = {c.output, c.input, c.weights};
        int64_t sizes[] = {counts[2], counts[0], counts[1]};
        char name[80];
        snprintf(name, sizeof name, "convolution %s %lld to %lld, %lld, kernel %lld, stride %lld, direction %d",
                 type == PF_F64 ? "f64" : "f32", (long long)from, (long long)to, (long long)extent, (long long)kernel,
                 (long long)stride, (int)direction);
        print_digest(name, results[direction], sizes[direction] * pf_type_size(type));
    }
}

static void map(pf_map_kind kind, bool inverse, bool gradient) {
    int64_t rows = 70, length = 33, count = kind == PF_MAP_SPLINE ? 3 * 8 - 1 : 2;
    float *y = numbers(PF_F32, rows * length, 1), *own = numbers(PF_F32, rows * count * length, 2);
    pf_element_map args = {
        .kind = kind, .inverse = inverse, .gradient = gradient, .rows = rows, .length = length,
        .x = numbers(PF_F32, rows * length, 3), .parameters = numbers(PF_F32, rows * count * length, 4),
        .value = numbers(PF_F32, rows * length, 5), .log_det = numbers(PF_F32, rows, 6), .y = y, .own = own,
        .bound = 0.9f, .span = 1.8f * (1 - 0.008f), .damping = 0.1447648f, .bins = 8,
    };
    for (int i = 0; i < 7; i++) args.least[i] = 0.9f * (2 * 1e-3f * (float)(i + 1) - 1);
    pf_step step = pf_element_map_step(&args);
    pf_pool_run(pool, &step, 1);
    char name[80];
    snprintf(name, sizeof name, "element map %d%s%s", (int)kind, inverse ? " inverse" : "",
             gradient ? " gradient" : "");
    print_digest(name, y, rows * length * 4);
    print_digest(name, own, (gradient ? rows * count * length : rows) * 4);
}

int main(void) {
    pool = pf_pool_create(2);
    if (!pool) return 1;
    for (pf_type type = PF_F32; type <= PF_F64; type++) {
        multiply(type, 1, 1, 3);
        multiply(type, 7, 5, 300);
        multiply(type, 130, 70, 65);
        multiply(type, 33, 257, 600);
        multiply(type, 300, 2, 128);
        convolve(type, 1, 8, 14, 4, 2);
        convolve(type, 8, 16, 9, 3, 1);
        convolve(type, 5, 3, 8, 3, 2);
    }
    for (pf_map_kind kind = PF_MAP_AFFINE; kind <= PF_MAP_SPLINE; kind++) {
        for (int form = 0; form < 4; form++) map(kind, form & 1, form & 2);
    }
    for (pf_softmax_kind kind = PF_SOFTMAX; kind <= PF_LOG_SOFTMAX_GRADIENT; kind++) {
        pf_softmax args = {
            .kind = kind, .rows = 37, .length = 100, .x = numbers(PF_F32, 3700, 1),
            .g = kind >= PF_SOFTMAX_GRADIENT ? numbers(PF_F32, 3700, 2) : NULL, .out = numbers(PF_F32, 3700, 3),
        };
        pf_step step = pf_softmax_step(&args);
        pf_pool_run(pool, &step, 1);
        char name[80];
        snprintf(name, sizeof name, "softmax %d", (int)kind);
        print_digest(name, args.out, 3700 * 4);
    }
    pf_pool_destroy(pool);
    return 0;
}
