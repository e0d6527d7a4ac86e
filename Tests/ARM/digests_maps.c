// Element maps of couplings, and softmax.
#include "digests.h"
#include "pf_element_map.h"
#include "pf_softmax.h"
#pragma STDC FP_CONTRACT OFF

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
    run(pf_element_map_step(&args));
    const char *of_inverse = inverse ? " inverse" : "";
    take(PF_F32, y, rows * length);
    print("element map %d%s%s", (int)kind, of_inverse, gradient ? " gradient" : "");
    take(PF_F32, own, gradient ? rows * count * length : rows);
    print("element map %d%s %s", (int)kind, of_inverse, gradient ? "gradient of parameters" : "log-det");
}

static void soften(pf_softmax_kind kind, int64_t rows, int64_t length) {
    const int64_t count = rows * length;
    pf_softmax args = {
        .kind = kind, .rows = rows, .length = length, .x = numbers(PF_F32, count, 1),
        .g = kind >= PF_SOFTMAX_GRADIENT ? numbers(PF_F32, count, 2) : NULL, .out = numbers(PF_F32, count, 3),
    };
    run(pf_softmax_step(&args));
    take(PF_F32, args.out, count);
    print("softmax %d of rows of %d", (int)kind, (int)length);
}

void digest_maps(void) {
    for (pf_map_kind kind = PF_MAP_AFFINE; kind <= PF_MAP_SPLINE; kind++) {
        for (int form = 0; form < 4; form++) map(kind, form & 1, form & 2);
    }
    for (pf_softmax_kind kind = PF_SOFTMAX; kind <= PF_LOG_SOFTMAX_GRADIENT; kind++) {
        soften(kind, 37, 100);
        soften(kind, 5, 1024);
    }
}
