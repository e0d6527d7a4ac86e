// Moves elements between memory and tile registers: strided and masked loads, stores, coordinates, random words.

/// The tile at hand and where it lies in the iteration space.
typedef struct {
    const pf_loop_plan *plan;
    char *scratch;
    void **pointer;                 // of each value
    int64_t start, n;
    int64_t next;                   // where the next tile begins
    int64_t coordinate[PF_MAX_RANK];
} LEVEL(tile);

static void LEVEL(place)(LEVEL(tile) *tile, int64_t start, int64_t n) {
    const pf_loop_plan *plan = tile->plan;
    tile->start = start;
    tile->n = n;
    for (int32_t d = plan->rank - 1; d > 0; d--) {
        tile->coordinate[d] = start % plan->extent[d];
        start /= plan->extent[d];
    }
    tile->coordinate[0] = start;
}

/// Goes to the next row (the last axis is a row) and returns the change of an access's offset.
static inline int64_t LEVEL(next_row)(const pf_loop_plan *plan, int64_t *coordinate, const int64_t *stride) {
    int64_t change = 0;
    for (int32_t d = plan->rank - 2; d >= 0; d--) {
        change += stride[d];
        if (++coordinate[d] < plan->extent[d]) break;
        coordinate[d] = 0;
        change -= stride[d] * plan->extent[d];
    }
    return change;
}

// Elements i of `to` and `from`, at strides in elements.
#define STRIDED_COPY(T)                                                                                               \
    {                                                                                                                 \
        T *t = (T *)to;                                                                                               \
        const T *f = (const T *)from;                                                                                 \
        if (to_stride == 1 && from_stride == 0) {                                                                     \
            T value = *f;                                                                                             \
            for (int64_t i = 0; i < count; i++) t[i] = value;                                                         \
        } else {                                                                                                      \
            _Pragma("clang loop unroll_count(4)") for (int64_t i = 0; i < count; i++)                                 \
                t[i * to_stride] = f[i * from_stride];                                                                \
        }                                                                                                             \
    }

static inline void LEVEL(copy)(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t count,
                               int32_t size) {
    if (to_stride == 1 && from_stride == 1) {
        memmove(to, from, (size_t)(count * size));      // a stored value may lie where it belongs already
    } else if (size == 4) STRIDED_COPY(uint32_t)
    else if (size == 8) STRIDED_COPY(uint64_t)
    else STRIDED_COPY(uint8_t)
}

typedef uint8_t LEVEL(line) __attribute__((vector_size(64)));
typedef uint8_t LEVEL(loose_line) __attribute__((vector_size(64), aligned(1)));

/// Copies past the caches.
static void LEVEL(stream)(char *to, const char *from, int64_t bytes) {
    int64_t at = (int64_t)(-(uintptr_t)to & 63);
    if (at > bytes) at = bytes;
    memcpy(to, from, (size_t)at);
    for (; at + 64 <= bytes; at += 64) {
        __builtin_nontemporal_store(*(const LEVEL(loose_line) *)(from + at), (LEVEL(line) *)(to + at));
    }
    memcpy(to + at, from + at, (size_t)(bytes - at));
}

/// A part of one row under the access's mask, zero outside.
static inline void LEVEL(copy_masked)(const tile_access *access, const int64_t *coordinate, int32_t last, char *to,
                                      int64_t offset, int64_t column, int64_t count) {
    bool inside = true;
    for (int32_t d = 0; d < last; d++) inside &= coordinate[d] >= access->low[d] && coordinate[d] < access->high[d];
    int64_t first = access->low[last] > column ? access->low[last] : column;
    int64_t end = access->high[last] < column + count ? access->high[last] : column + count;
    if (!inside || first >= end) {
        memset(to, 0, (size_t)(count * access->size));
        return;
    }
    int64_t size = access->size;
    memset(to, 0, (size_t)((first - column) * size));
    LEVEL(copy)(to + (first - column) * size, 1, access->data + (offset + first * access->stride[last]) * size,
                access->stride[last], end - first, access->size);
    memset(to + (end - column) * size, 0, (size_t)((column + count - end) * size));
}

// Rows up to this long are moved column by column, as are those whose columns are closer together in memory.
#define NARROW 16

/// Loads the tile into `registers` or stores it from there.
static void LEVEL(move)(const LEVEL(tile) *tile, const tile_access *access, char *registers, bool store) {
    const pf_loop_plan *plan = tile->plan;
    int32_t last = plan->rank - 1;
    int32_t size = access->size;
    int64_t stride = access->stride[last], width = plan->extent[last];
    int64_t coordinate[PF_MAX_RANK];
    int64_t offset = access->offset;
    for (int32_t d = 0; d < last; d++) {
        coordinate[d] = tile->coordinate[d];
        offset += coordinate[d] * access->stride[d];
    }
    int64_t column = tile->coordinate[last];
    int64_t left = tile->n;
    int64_t row_stride = last > 0 ? access->stride[last - 1] : 0;
    bool by_column = width <= NARROW || (left >= 8 * width && row_stride != 0 && llabs(row_stride) < llabs(stride));
    if (by_column && last > 0 && column == 0 && left % width == 0 && !access->masked) {
        for (int64_t rows = left / width; rows > 0;) {
            int64_t run = plan->extent[last - 1] - coordinate[last - 1];
            if (run > rows) run = rows;
            for (int64_t j = 0; j < width; j++) {
                char *memory = access->data + (offset + j * stride) * size;
                if (store) LEVEL(copy)(memory, row_stride, registers + j * size, width, run, size);
                else LEVEL(copy)(registers + j * size, width, memory, row_stride, run, size);
            }
            registers += run * width * size;
            rows -= run;
            // To the last row of the run, then one further.
            coordinate[last - 1] += run - 1;
            offset += (run - 1) * row_stride;
            offset += LEVEL(next_row)(plan, coordinate, access->stride);
        }
        return;
    }
    // The next tile's rows, unless an axis ends before: a processor foresees little of rows that lie far apart.
    int64_t ahead = stride == 1 ? row_stride * (plan->tile / width + 1) * size : 0;
    while (left > 0) {
        int64_t count = width - column < left ? width - column : left;
        char *memory = access->data + (offset + column * stride) * size;
        if (ahead != 0) for (int64_t at = 0; at < count * size; at += 64) __builtin_prefetch(memory + ahead + at, 0, 2);
        if (store) LEVEL(copy)(memory, stride, registers, 1, count, size);
        else if (!access->masked) LEVEL(copy)(registers, 1, memory, stride, count, size);
        else LEVEL(copy_masked)(access, coordinate, last, registers, offset, column, count);
        registers += count * size;
        left -= count;
        column = 0;
        offset += LEVEL(next_row)(plan, coordinate, access->stride);
    }
}

/// Where a tile inside one row begins, for accesses that are dense there; else NULL.
static char *LEVEL(dense_address)(const LEVEL(tile) *tile, const tile_access *access) {
    int32_t last = tile->plan->rank - 1;
    if (!access->dense || tile->coordinate[last] + tile->n > tile->plan->extent[last]) return NULL;
    int64_t offset = access->offset;
    for (int32_t d = 0; d <= last; d++) offset += tile->coordinate[d] * access->stride[d];
    return access->data + offset * access->size;
}

static void LEVEL(fill)(void *to, const void *element, pf_type type, int64_t n) {
    LEVEL(copy)(to, 1, element, 0, n, (int32_t)pf_type_size(type));
}

static void LEVEL(index)(const LEVEL(tile) *tile, const tile_source *source, int32_t *to) {
    const pf_loop_plan *plan = tile->plan;
    int32_t last = plan->rank - 1;
    static const int64_t no_stride[PF_MAX_RANK];
    int64_t coordinate[PF_MAX_RANK];
    for (int32_t d = 0; d <= last; d++) coordinate[d] = tile->coordinate[d];
    int64_t column = coordinate[last];
    uint32_t scale = (uint32_t)source->scale, start = (uint32_t)source->start;
    for (int64_t left = tile->n; left > 0;) {
        int64_t count = plan->extent[last] - column < left ? plan->extent[last] - column : left;
        bool along = source->axis == last;
        uint32_t first = start + scale * (uint32_t)(along ? column : source->axis < 0 ? 0 : coordinate[source->axis]);
        uint32_t step = along ? scale : 0u;
        for (int64_t i = 0; i < count; i++) to[i] = (int32_t)(first + step * (uint32_t)i);
        to += count;
        left -= count;
        column = 0;
        LEVEL(next_row)(plan, coordinate, no_stride);
    }
}

/// Philox for the tile. Counters of all groups of four are listed first, so that one vector loop serves rows of any
/// length; then each row's part is taken out of its groups.
static void LEVEL(random)(const LEVEL(tile) *tile, const tile_source *source, uint32_t *to) {
    // A row of one element still takes a group; the area holds the counters of `tile` groups and their words.
    int64_t capacity = tile->plan->tile + 8;
    uint32_t *group = (uint32_t *)(tile->scratch + tile->plan->random_offset);
    uint32_t *sample = group + capacity;
    uint32_t *words = sample + capacity;
    int64_t length = source->row_length;
    int64_t row = tile->start / length, element = tile->start % length;
    int64_t groups = 0;
    bool aligned = true;
    for (int64_t left = tile->n, r = row, e = element; left > 0; r++, e = 0) {
        int64_t count = length - e < left ? length - e : left;
        uint32_t first = (uint32_t)(e >> 2), here = (uint32_t)(((e + count + 3) >> 2) - (e >> 2));
        uint32_t of = source->sample[r];
        for (uint32_t i = 0; i < here; i++) {
            group[groups + i] = first + i;
            sample[groups + i] = of;
        }
        groups += here;
        left -= count;
        aligned &= (e & 3) == 0 && ((count & 3) == 0 || left == 0);
    }
    uint32_t step = source->step[0], stream = source->stream, key0 = source->seed[0], key1 = source->seed[1];
    _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < groups; i++) {
        pf_u32x4 four = pf_philox(group[i], sample[i], step, stream, key0, key1);
        words[4 * i] = four.x;
        words[4 * i + 1] = four.y;
        words[4 * i + 2] = four.z;
        words[4 * i + 3] = four.w;
    }
    if (aligned) {
        memcpy(to, words, (size_t)tile->n * 4);
        return;
    }
    for (int64_t left = tile->n, e = element; left > 0; e = 0) {
        int64_t count = length - e < left ? length - e : left;
        memcpy(to, words + (e & 3), (size_t)count * 4);
        words += 4 * (((e + count + 3) >> 2) - (e >> 2));
        to += count;
        left -= count;
    }
}
