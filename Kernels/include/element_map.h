// Couplings' maps of single elements (ElementMap in the graph says what they are), their gradients, and whole rows of
// them with their log-dets, on one processor.
//
// Valid C and OpenCL C 1.2, after scalar.h and compensated.h. Include it once per instruction set, after
//     #define EM(name) name##_avx512    // how the functions of this inclusion are called
// and #undef it afterwards; without EM it defines its constants only. In OpenCL it is part of a kernel's text, behind
// that of element_map_sums.h, and named after it, with an EM_TILE of the kernel's own: 1 on GPUs, where a work-item has
// one element.
//
// Every step is that of the subgraph, in the same order, but for choices: what the subgraph computes for all bins and
// then selects is computed here for the bin that it selects. Elements are taken by tiles, each number of theirs a plane
// of EM_TILE floats. n, the elements of a tile, is EM_ROUNDED; what is beyond the last element may hold anything.
#ifndef __OPENCL_C_VERSION__
#include "element_map_sums.h"
#endif
#ifndef EM_AFFINE
#define EM_AFFINE 0
#define EM_SOFT_AFFINE 1
#define EM_SPLINE 2
// Bins that there is room for in C; in OpenCL a kernel's text says how many parameters there are.
#define EM_BINS 32
#ifdef __OPENCL_C_VERSION__
#define EM_DEVICE __global
#define EM_INT INDEX
#define EM_PLANES PARAMETERS
#else
#define EM_DEVICE
#define EM_INT int64_t
#define EM_TILE 64
#define EM_PLANES (3 * EM_BINS - 1)
#endif
#define EM_EACH EM_VECTORS for (int i = 0; i < n; i++)
#define EM_ROUNDED(n) (EM_TILE == 1 ? 1 : ((n) + 15) / 16 * 16)

/// What an ElementMap has for options. least: places that are added to the running shares of bins, bins - 1 of them.
typedef struct {
    float bound, span, damping;
    int bins;
    const float *least;
} em_map;
#endif

#ifdef EM
// v / (1 + damping |v|) and its derivative.
#define EM_LIMITED(value, rate, v, damping)                                                                            \
    const float rate##_factor = 1.0f / (1.0f + pf_abs(v) * (damping)), value = (v) * rate##_factor;                    \
    const float rate = rate##_factor * rate##_factor

// MARK: Affine

// The logarithm of the scale and its derivative by h.
#define EM_LOG_SCALE(soft, s, rate, h, map)                                                                            \
    EM_LIMITED(soft_##s, soft_##rate, h, (map).damping);                                                               \
    const float tangent = (soft) ? 0.0f : pf_tanh((h) / (map).bound);                                                  \
    const float s = (soft) ? soft_##s : tangent * (map).bound, rate = (soft) ? soft_##rate : 1.0f - tangent * tangent

/// x, (h, t) -> y, the logarithm of the slope.
PF_INLINE void EM(affine)(const bool soft, const bool inverse, const int n, const em_map map, const float *x,
                          const float *planes, float *y, float *log_slope) {
    const float *h = planes, *t = planes + EM_TILE;
    EM_EACH {
        EM_LOG_SCALE(soft, s, rate, h[i], map);
        y[i] = inverse ? (x[i] - t[i]) * pf_exp(-s) : x[i] * pf_exp(s) + t[i];
        log_slope[i] = inverse ? -s : s;
    }
}

/// x, (h, t), cotangents of y and of the logarithm -> those of x and, in place, of (h, t).
PF_INLINE void EM(affine_gradient)(const bool soft, const bool inverse, const int n, const em_map map, const float *x,
                                   float *planes, const float *value, const float *log_slope, float *of_x) {
    float *h = planes, *t = planes + EM_TILE;
    EM_EACH {
        EM_LOG_SCALE(soft, s, rate, h[i], map);
        const float moved = value[i] * pf_exp(inverse ? -s : s);
        const float of_scale = moved * (inverse ? x[i] - t[i] : x[i]) + log_slope[i];
        of_x[i] = moved;
        h[i] = (inverse ? -of_scale : of_scale) * rate;
        t[i] = inverse ? -moved : value[i];
    }
}

// MARK: Spline

/// The bin that each element falls into: its number, -1 where NaN leaves none, then at its left [0] and right [1] end
/// the place in x [0][] and y [1][], the share before that, and what becomes the slope.
typedef struct {
    int index[EM_TILE];
    float value[EM_TILE], total[2][EM_TILE], place[2][2][EM_TILE], share[2][2][EM_TILE], raw[2][EM_TILE];
} EM(bin);

// exp(v / (1 + damping |v|)) and its derivative.
#define EM_LIMITED_EXP(value, rate, v, damping)                                                                        \
    EM_LIMITED(rate##_exponent, rate##_exponent_rate, v, damping);                                                     \
    const float value = pf_exp(rate##_exponent), rate = value * rate##_exponent_rate

/// The bins' widths or heights, all but divided by their total, from their logits; `each` may be `logits`.
PF_INLINE void EM(exponentials)(const int n, const em_map map, const float *logits, float *each, float *total) {
    EM_EACH total[i] = 0.0f;
    for (int k = 0; k < map.bins; k++) {
        const float *logit = logits + k * EM_TILE;
        float *own = each + k * EM_TILE;
        EM_EACH {
            EM_LIMITED_EXP(value, rate, logit[i], 2.0f * map.damping);
            own[i] = value;
            total[i] = total[i] + value;
        }
    }
}

/// Finds the bins along an axis.
PF_INLINE void EM(search)(const int n, const em_map map, const float *planes, const int axis, EM(bin) *bin) {
    float sum[EM_TILE], left[EM_TILE], before[EM_TILE];
    EM_EACH {
        sum[i] = before[i] = 0.0f;
        left[i] = -map.bound;
        bin->index[i] = -1;
        bin->place[axis][0][i] = bin->place[axis][1][i] = bin->share[axis][0][i] = bin->share[axis][1][i] = 0.0f;
    }
    for (int k = 0; k < map.bins; k++) {
        const float *each = planes + k * EM_TILE;
        const bool last = k == map.bins - 1;
        const float least = last ? 0.0f : map.least[k];
        EM_EACH {
            sum[i] = sum[i] + each[i];
            const float share = last ? 1.0f : sum[i] / bin->total[axis][i];
            const float right = last ? map.bound : share * map.span + least + 0.0f;
            const bool here = (left[i] <= bin->value[i]) & (bin->value[i] < right);
            bin->index[i] = here ? k : bin->index[i];
            bin->place[axis][0][i] = here ? left[i] : bin->place[axis][0][i];
            bin->place[axis][1][i] = here ? right : bin->place[axis][1][i];
            bin->share[axis][0][i] = here ? before[i] : bin->share[axis][0][i];
            bin->share[axis][1][i] = here ? share : bin->share[axis][1][i];
            left[i] = right;
            before[i] = share;
        }
    }
}

/// The bins' places along the other axis, and their slopes' parameters.
PF_INLINE void EM(fetch)(const int n, const em_map map, const float *planes, const float *slopes, const int axis,
                         EM(bin) *bin) {
    float sum[EM_TILE], low[EM_TILE], high[EM_TILE], least_low[EM_TILE], least_high[EM_TILE];
    EM_EACH {
        sum[i] = low[i] = high[i] = least_low[i] = least_high[i] = 0.0f;
        bin->raw[0][i] = bin->raw[1][i] = 0.0f;
    }
    for (int k = 0; k < map.bins; k++) {
        const bool first = k == 0, last = k == map.bins - 1;
        const float *each = planes + k * EM_TILE;
        const float *slope_low = slopes + (first ? 0 : k - 1) * EM_TILE;
        const float *slope_high = slopes + (last ? 0 : k) * EM_TILE;
        const float of_low = first ? 0.0f : map.least[k - 1], of_high = last ? 0.0f : map.least[k];
        EM_EACH {
            const bool here = bin->index[i] == k;
            const float next = sum[i] + each[i];
            low[i] = here ? sum[i] : low[i];
            high[i] = here ? next : high[i];
            least_low[i] = here ? of_low : least_low[i];
            least_high[i] = here ? of_high : least_high[i];
            bin->raw[0][i] = here ? slope_low[i] : bin->raw[0][i];
            bin->raw[1][i] = here ? slope_high[i] : bin->raw[1][i];
            sum[i] = next;
        }
    }
    EM_EACH {
        const int k = bin->index[i];
        const float share_low = low[i] / bin->total[axis][i], share_high = high[i] / bin->total[axis][i];
        const float place_low = share_low * map.span + least_low[i] + 0.0f;
        const float place_high = share_high * map.span + least_high[i] + 0.0f;
        bin->share[axis][0][i] = k <= 0 ? 0.0f : share_low;
        bin->share[axis][1][i] = k < 0 ? 0.0f : (k == map.bins - 1 ? 1.0f : share_high);
        bin->place[axis][0][i] = k < 0 ? 0.0f : (k == 0 ? -map.bound : place_low);
        bin->place[axis][1][i] = k < 0 ? 0.0f : (k == map.bins - 1 ? map.bound : place_high);
    }
}

/// each: 2 bins planes, which may be the first of `planes`.
PF_INLINE void EM(find)(const bool inverse, const int n, const em_map map, const float *x, const float *planes,
                        float *each, EM(bin) *bin) {
    const int axis = inverse ? 1 : 0, apart = map.bins * EM_TILE;
    EM_EACH bin->value[i] = pf_abs(x[i]) < map.bound ? x[i] : 0.0f;
    for (int a = 0; a < 2; a++) EM(exponentials)(n, map, planes + a * apart, each + a * apart, bin->total[a]);
    EM(search)(n, map, each + axis * apart, axis, bin);
    EM(fetch)(n, map, each + (1 - axis) * apart, planes + 2 * apart, 1 - axis, bin);
}

// One element's bin as numbers: x0, x1, y0, y1, width, height, s, and the slopes d0 and d1.
#define EM_ENDS(bin, map, i)                                                                                           \
    const float x0 = bin.place[0][0][i], x1 = bin.place[0][1][i], y0 = bin.place[1][0][i], y1 = bin.place[1][1][i];    \
    const float width = x1 - x0, height = y1 - y0, s = height / width;                                                 \
    const int k = bin.index[i];                                                                                        \
    EM_LIMITED_EXP(slope_0, rate_0, bin.raw[0][i], map.damping);                                                       \
    EM_LIMITED_EXP(slope_1, rate_1, bin.raw[1][i], map.damping);                                                       \
    const float d0 = k < 0 ? 0.0f : (k == 0 ? 1.0f : slope_0), d1 = k < 0 ? 0.0f : (k == map.bins - 1 ? 1.0f : slope_1)

// The share xi of its width before the element, and the rest.
#define EM_POSITION(inverse, v)                                                                                        \
    float xi, rest;                                                                                                    \
    if (inverse) {                                                                                                     \
        const float eta = ((v) - y0) / height, above = (y1 - (v)) / height;                                            \
        const float balance = d0 * above - d1 * eta;                                                                   \
        const float product = 4.0f * s * s * eta * above;                                                              \
        const float root = pf_sqrt(balance * balance + product) + pf_abs(balance);                                     \
        const float upper = balance < 0.0f ? product / root : root, lower = 2.0f * s * eta;                            \
        xi = lower / (lower + upper);                                                                                  \
        rest = upper / (lower + upper);                                                                                \
    } else {                                                                                                           \
        xi = ((v) - x0) / width;                                                                                       \
        rest = (x1 - (v)) / width;                                                                                     \
    }                                                                                                                  \
    const float ahead = xi * xi, behind = rest * rest, product = xi * rest;                                            \
    const float denominator = s * (ahead + behind) + (d0 + d1) * product;                                              \
    const float blend = d1 * ahead + 2.0f * s * product + d0 * behind;                                                 \
    const float scale = s / denominator

/// x, parameters -> y, the logarithm of the slope.
PF_INLINE void EM(spline)(const bool inverse, const int n, const em_map map, const float *x, float *planes, float *y,
                          float *log_slope) {
    EM(bin) bin;
    EM(find)(inverse, n, map, x, planes, planes, &bin);
    EM_EACH {
        EM_ENDS(bin, map, i);
        EM_POSITION(inverse, bin.value[i]);
        const float logarithm = pf_log(scale * scale * blend);
        const float place = inverse ? x0 + width * xi : y0 + height * ((s * ahead + d0 * product) / denominator);
        const bool inside = pf_abs(x[i]) < map.bound;
        y[i] = inside ? place : x[i];
        log_slope[i] = inside ? (inverse ? -logarithm : logarithm) : 0.0f;
    }
}

/// x, parameters, cotangents of y and of the logarithm -> those of x and, in place, of the parameters.
PF_INLINE void EM(spline_gradient)(const bool inverse, const int n, const em_map map, const float *x, float *planes,
                                   const float *value, const float *log_slope, float *of_x) {
    EM(bin) bin;
    float each[(EM_PLANES + 1) / 3 * 2 * EM_TILE];
    EM(find)(inverse, n, map, x, planes, each, &bin);
    float before[2][EM_TILE], here[2][EM_TILE], after[2][EM_TILE], end[2][EM_TILE];
    EM_EACH {
        EM_ENDS(bin, map, i);
        EM_POSITION(inverse, bin.value[i]);
        const bool inside = pf_abs(x[i]) < map.bound;
        const float slope = scale * scale * blend;
        const float bend = ((d1 - s) * xi + (s - d0) * rest) / blend
            - (rest - xi) * (d0 + d1 - 2.0f * s) / denominator;
        const float log_bend = 2.0f * bend / width;
        const float own = inverse ? (value[i] - log_slope[i] * log_bend) / slope
                                  : value[i] * slope + log_slope[i] * log_bend;
        const float of_f = inverse ? -own : value[i], of_l = inverse ? -log_slope[i] : log_slope[i];
        const float of_u = inverse ? -value[i] : own;
        const float hump = product / denominator, lift = of_f * height * hump;
        const float of_s = lift * scale * (d1 * ahead - d0 * behind)
            + 2.0f * of_l * (hump * (d0 + d1) + product * (s / blend));
        const float by_width = of_s / width, by_height = of_s / height;
        const float below = (s * ahead + d0 * product) / denominator;
        const float above = (s * behind + d1 * product) / denominator;
        const float left[2] = {by_width - of_u * rest, of_f * above - by_height};
        const float right[2] = {-(of_u * xi + by_width), of_f * below + by_height};
        const float of_d0 = lift * above + of_l * (behind / blend - 2.0f * hump);
        const float of_d1 = of_l * (ahead / blend - 2.0f * hump) - lift * below;
#pragma unroll
        for (int a = 0; a < 2; a++) {
            const float first = bin.share[a][0][i], last = bin.share[a][1][i], factor = map.span / bin.total[a][i];
            before[a][i] = inside ? (left[a] * (1.0f - first) + right[a] * (1.0f - last)) * factor : 0.0f;
            here[a][i] = inside ? (right[a] * (1.0f - last) - left[a] * first) * factor : 0.0f;
            after[a][i] = inside ? -(left[a] * first + right[a] * last) * factor : 0.0f;
        }
        end[0][i] = (inside ? of_d0 : 0.0f) * rate_0;
        end[1][i] = (inside ? of_d1 : 0.0f) * rate_1;
        of_x[i] = inside ? own : value[i];
    }
    for (int a = 0; a < 2; a++) {
        for (int b = 0; b < map.bins; b++) {
            float *plane = planes + (a * map.bins + b) * EM_TILE;
            EM_EACH {
                const float side = b < bin.index[i] ? before[a][i] : after[a][i];
                EM_LIMITED_EXP(value, rate, plane[i], 2.0f * map.damping);
                plane[i] = rate * (b == bin.index[i] ? here[a][i] : side);
            }
        }
    }
    for (int b = 0; b < map.bins - 1; b++) {
        float *plane = planes + (2 * map.bins + b) * EM_TILE;
        EM_EACH plane[i] = (bin.index[i] == b + 1 ? end[0][i] : 0.0f) + (bin.index[i] == b ? end[1][i] : 0.0f);
    }
}

// MARK: Rows

/// Where the n elements of a tile have their first parameters: from each at[] one after another, `segment` of them.
typedef struct {
    int n, segment, at[EM_TILE];
} EM(tile);

/// The elements' `count` parameters; those of one lie `length` apart.
PF_INLINE void EM(load)(EM_DEVICE const float *parameters, const EM(tile) *tile, const int count, const int length,
                        float *planes) {
    const int n = tile->n, segment = tile->segment;
    for (int k = 0; k < count; k++) {
        float *plane = planes + k * EM_TILE;
        EM_DEVICE const float *place = parameters + k * length;
        if (segment == 1) {
            EM_EACH plane[i] = place[tile->at[i]];
        } else {
            for (int from = 0, s = 0; from < n; from += segment, s++) {
                EM_DEVICE const float *some = place + tile->at[s];
                EM_VECTORS for (int i = 0; i < segment; i++) plane[from + i] = some[i];
            }
        }
        for (int i = n; i < EM_ROUNDED(n); i++) plane[i] = 0.0f;
    }
}

PF_INLINE void EM(store)(EM_DEVICE float *parameters, const EM(tile) *tile, const int count, const int length,
                         const float *planes) {
    const int n = tile->n, segment = tile->segment;
    for (int k = 0; k < count; k++) {
        const float *plane = planes + k * EM_TILE;
        EM_DEVICE float *place = parameters + k * length;
        if (segment == 1) {
            EM_EACH place[tile->at[i]] = plane[i];
        } else {
            for (int from = 0, s = 0; from < n; from += segment, s++) {
                EM_DEVICE float *some = place + tile->at[s];
                EM_VECTORS for (int i = 0; i < segment; i++) some[i] = plane[from + i];
            }
        }
    }
}

/// The elements first ..< first + count of some rows, EM_BLOCK at most; of several rows only whole ones.
/// kind: EM_AFFINE, EM_SOFT_AFFINE or EM_SPLINE. Of gradients value and log_det are the cotangents, y gets those of x,
/// `own` those of the parameters; else log_slope gets the logarithms of the slopes, rows * count.
PF_INLINE void EM(elements)(const int kind, const bool inverse, const bool gradient, const em_map map, const int rows,
                            const int length, const int first, const int count, EM_DEVICE const float *x,
                            EM_DEVICE const float *parameters, EM_DEVICE const float *value,
                            EM_DEVICE const float *log_det, EM_DEVICE float *y, EM_DEVICE float *own,
                            float *log_slope) {
    const int planes_count = kind == EM_SPLINE ? 3 * map.bins - 1 : 2;
    const bool soft = kind == EM_SOFT_AFFINE;
    // Short rows are taken element by element, others by as many as a tile holds, or by parts of one.
    const bool isShort = count < 16;
    const int whole = count < EM_TILE ? EM_TILE / count * count : EM_TILE;
    const int some = isShort || count >= EM_TILE ? EM_TILE : whole;
    for (int from = 0; from < rows * count;) {
        EM(tile) tile;
        // The part of a long row ends with it.
        int n = rows * count - from;
        if (n > some) n = some;
        if (count >= EM_TILE && n > count - from % count) n = count - from % count;
        float planes[EM_PLANES * EM_TILE], in[EM_TILE], out[EM_TILE], slope[EM_TILE], of_y[EM_TILE];
        int row_of[EM_TILE];
        tile.n = n;
        tile.segment = isShort ? 1 : (count < EM_TILE ? count : n);
        const int places = n / tile.segment;
        EM_VECTORS for (int i = 0; i < places; i++) {
            // Exact: no numerator, all below EM_BLOCK, is nearer to a multiple of count than a half.
            row_of[i] = (int)(((float)(from + i * tile.segment) + 0.5f) / (float)count);
            tile.at[i] = row_of[i] * (planes_count - 1) * length + first + from + i * tile.segment;
        }
        const int start = first + from, rounded = EM_ROUNDED(n);
        EM(load)(parameters, &tile, planes_count, length, planes);
        EM_EACH in[i] = x[start + i];
        for (int i = n; i < rounded; i++) in[i] = 0.0f;
        if (gradient) {
            EM_EACH of_y[i] = value[start + i];
            if (isShort) {
                EM_EACH slope[i] = log_det[row_of[i]];
            } else {
                for (int s = 0; s < places; s++) {
                    const float of_row = log_det[row_of[s]];
                    EM_VECTORS for (int i = 0; i < tile.segment; i++) slope[s * tile.segment + i] = of_row;
                }
            }
            for (int i = n; i < rounded; i++) of_y[i] = slope[i] = 0.0f;
            if (kind == EM_SPLINE) EM(spline_gradient)(inverse, rounded, map, in, planes, of_y, slope, out);
            else EM(affine_gradient)(soft, inverse, rounded, map, in, planes, of_y, slope, out);
            EM(store)(own, &tile, planes_count, length, planes);
        } else {
            if (kind == EM_SPLINE) EM(spline)(inverse, rounded, map, in, planes, out, slope);
            else EM(affine)(soft, inverse, rounded, map, in, planes, out, slope);
            EM_EACH log_slope[from + i] = slope[i];
        }
        EM_EACH y[start + i] = out[i];
        from += n;
    }
}

/// Some rows: x [rows, length], parameters [rows, planes, length], y like x. Of gradients value and log_det are the
/// cotangents, y gets those of x, `own` those of the parameters; else `own` gets the log-dets [rows].
PF_INLINE void EM(rows)(const int kind, const bool inverse, const bool gradient, const em_map map, const EM_INT rows,
                        const int length, EM_DEVICE const float *x, EM_DEVICE const float *parameters,
                        EM_DEVICE const float *value, EM_DEVICE const float *log_det, EM_DEVICE float *y,
                        EM_DEVICE float *own) {
    const EM_INT stride = (EM_INT)(kind == EM_SPLINE ? 3 * map.bins - 1 : 2) * length;
    const int together = length < EM_BLOCK ? EM_BLOCK / length : 1;
    float log_slope[EM_BLOCK], sum[EM_BLOCK], rest[EM_BLOCK], pair[EM_BLOCK];
    for (EM_INT row = 0; row < rows; row += together) {
        const int some = rows - row < together ? (int)(rows - row) : together;
        const EM_INT at = row * length;
        int pairs = 0;
        for (int first = 0; first < length; first += EM_BLOCK) {
            const int count = length - first < EM_BLOCK ? length - first : EM_BLOCK;
            if (gradient) {
                EM(elements)(kind, inverse, true, map, some, length, first, count, x + at, parameters + row * stride,
                             value + at, log_det + row, y + at, own + row * stride, log_slope);
                continue;
            }
            EM(elements)(kind, inverse, false, map, some, length, first, count, x + at, parameters + row * stride,
                         value, log_det, y + at, own, log_slope);
            if (length == 1) {
                // One element is not summed.
                for (int r = 0; r < some; r++) own[row + r] = log_slope[r];
                continue;
            }
            EM(sums)(log_slope, some, count, sum, rest);
            if (length <= EM_BLOCK) {
                for (int r = 0; r < some; r++) own[row + r] = pf_total(sum[r], rest[r]);
            } else {
                pair[pairs++] = sum[0];
                pair[pairs++] = pf_rest(sum[0], rest[0]);
            }
        }
        if (pairs > 0) {
            EM(sums)(pair, 1, pairs, sum, rest);
            own[row] = pf_total(sum[0], rest[0]);
        }
    }
}
#endif
