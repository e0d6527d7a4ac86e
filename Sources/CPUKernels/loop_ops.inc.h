// The vector kernels of the tile interpreter, one per operation, type and operand shape, and the table that finds them.
// A destination may be one of the operands: each element is read before it is written, which `assume_safety` relies on.

#define EACH _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)
#define EACH_SCALAR for (int64_t i = 0; i < n; i++)

#define UNARY(name, R, A, expression) UNARY_(EACH, name, R, A, expression)
#define UNARY_SCALAR(name, R, A, expression) UNARY_(EACH_SCALAR, name, R, A, expression)
#define UNARY_(LOOP, name, R, A, expression)                                                                          \
    static void LEVEL(name)(int64_t n, void *dst, const void *const src[4]) {                                         \
        R *d = dst;                                                                                                   \
        const A *p = src[0];                                                                                          \
        LOOP {                                                                                                        \
            A a = p[i];                                                                                               \
            d[i] = (R)(expression);                                                                                   \
        }                                                                                                             \
    }

#define BINARY(name, R, A, expression) BINARY_(EACH, name, R, A, expression)
#define BINARY_SCALAR(name, R, A, expression) BINARY_(EACH_SCALAR, name, R, A, expression)
#define BINARY_(LOOP, name, R, A, expression)                                                                         \
    static void LEVEL(name)(int64_t n, void *dst, const void *const src[4]) {                                         \
        R *d = dst;                                                                                                   \
        const A *p = src[0], *q = src[1];                                                                             \
        LOOP {                                                                                                        \
            A a = p[i], b = q[i];                                                                                     \
            d[i] = (R)(expression);                                                                                   \
        }                                                                                                             \
    }                                                                                                                 \
    static void LEVEL(name##_u2)(int64_t n, void *dst, const void *const src[4]) {                                    \
        R *d = dst;                                                                                                   \
        const A *p = src[0];                                                                                          \
        const A b = *(const A *)src[1];                                                                               \
        LOOP {                                                                                                        \
            A a = p[i];                                                                                               \
            d[i] = (R)(expression);                                                                                   \
        }                                                                                                             \
    }                                                                                                                 \
    static void LEVEL(name##_u1)(int64_t n, void *dst, const void *const src[4]) {                                    \
        R *d = dst;                                                                                                   \
        const A *q = src[1];                                                                                          \
        const A a = *(const A *)src[0];                                                                               \
        LOOP {                                                                                                        \
            A b = q[i];                                                                                               \
            d[i] = (R)(expression);                                                                                   \
        }                                                                                                             \
    }

#define TERNARY(name, A, B, expression)                                                                               \
    static void LEVEL(name)(int64_t n, void *dst, const void *const src[4]) {                                         \
        B *d = dst;                                                                                                   \
        const A *p = src[0];                                                                                          \
        const B *q = src[1], *r = src[2];                                                                             \
        EACH {                                                                                                        \
            A a = p[i];                                                                                               \
            B b = q[i], c = r[i];                                                                                     \
            d[i] = expression;                                                                                        \
        }                                                                                                             \
    }

// Float32.
UNARY(neg_f32, float, float, -a)
UNARY(abs_f32, float, float, pf_abs(a))
UNARY(sign_f32, float, float, pf_sign(a))
UNARY(exp_f32, float, float, pf_exp(a))
UNARY(log_f32, float, float, pf_log(a))
UNARY(log1p_f32, float, float, pf_log1p(a))
UNARY(expm1_f32, float, float, pf_expm1(a))
UNARY(sin_f32, float, float, pf_sin(a))
UNARY(cos_f32, float, float, pf_cos(a))
UNARY(tanh_f32, float, float, pf_tanh(a))
UNARY(sigmoid_f32, float, float, pf_sigmoid(a))
UNARY(softplus_f32, float, float, pf_softplus(a))
UNARY(erf_f32, float, float, pf_erf(a))
UNARY(sqrt_f32, float, float, pf_sqrt(a))
UNARY(rsqrt_f32, float, float, pf_rsqrt(a))
UNARY(floor_f32, float, float, pf_floor(a))
UNARY(ceil_f32, float, float, pf_ceil(a))
UNARY(round_f32, float, float, pf_round(a))
UNARY(is_finite_f32, uint8_t, float, pf_is_finite(a))
UNARY(uniform_f32, float, uint32_t, pf_uniform(a))
UNARY(normal_f32, float, uint32_t, pf_normal(a))
BINARY(add_f32, float, float, a + b)
BINARY(sub_f32, float, float, a - b)
BINARY(mul_f32, float, float, a * b)
BINARY(div_f32, float, float, a / b)
BINARY_SCALAR(rem_f32, float, float, pf_fmod(a, b))
BINARY(pow_f32, float, float, pf_pow(a, b))
BINARY(min_f32, float, float, pf_min(a, b))
BINARY(max_f32, float, float, pf_max(a, b))
BINARY(mask_f32, float, float, b > 0.0f ? a : 0.0f)
TERNARY(fma_f32, float, float, pf_fma(a, b, c))

// Float64.
UNARY(neg_f64, double, double, -a)
UNARY(abs_f64, double, double, pf_abs_f64(a))
UNARY(sign_f64, double, double, pf_sign_f64(a))
UNARY_SCALAR(exp_f64, double, double, pf_exp_f64(a))
UNARY_SCALAR(log_f64, double, double, pf_log_f64(a))
UNARY_SCALAR(log1p_f64, double, double, pf_log1p_f64(a))
UNARY_SCALAR(expm1_f64, double, double, pf_expm1_f64(a))
UNARY_SCALAR(sin_f64, double, double, pf_sin_f64(a))
UNARY_SCALAR(cos_f64, double, double, pf_cos_f64(a))
UNARY_SCALAR(tanh_f64, double, double, pf_tanh_f64(a))
UNARY_SCALAR(sigmoid_f64, double, double, pf_sigmoid_f64(a))
UNARY_SCALAR(softplus_f64, double, double, pf_softplus_f64(a))
UNARY_SCALAR(erf_f64, double, double, pf_erf_f64(a))
UNARY(sqrt_f64, double, double, pf_sqrt_f64(a))
UNARY(rsqrt_f64, double, double, pf_rsqrt_f64(a))
UNARY(floor_f64, double, double, pf_floor_f64(a))
UNARY(ceil_f64, double, double, pf_ceil_f64(a))
UNARY(round_f64, double, double, pf_round_f64(a))
UNARY(is_finite_f64, uint8_t, double, pf_is_finite_f64(a))
UNARY(uniform_f64, double, uint32_t, pf_uniform_f64(a))
UNARY_SCALAR(normal_f64, double, uint32_t, pf_normal_f64(a))
BINARY(add_f64, double, double, a + b)
BINARY(sub_f64, double, double, a - b)
BINARY(mul_f64, double, double, a * b)
BINARY(div_f64, double, double, a / b)
BINARY_SCALAR(rem_f64, double, double, pf_fmod_f64(a, b))
BINARY_SCALAR(pow_f64, double, double, pf_pow_f64(a, b))
BINARY(min_f64, double, double, pf_min_f64(a, b))
BINARY(max_f64, double, double, pf_max_f64(a, b))
BINARY(mask_f64, double, double, b > 0.0 ? a : 0.0)
TERNARY(fma_f64, double, double, pf_fma_f64(a, b, c))

// Integers; signed ones are computed as unsigned, so that they wrap.
UNARY(neg_u32, uint32_t, uint32_t, 0u - a)
UNARY(neg_u8, uint8_t, uint8_t, 0 - a)
UNARY(abs_i32, uint32_t, int32_t, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
UNARY(sign_i32, int32_t, int32_t, (a > 0) - (a < 0))
UNARY(not_u32, uint32_t, uint32_t, ~a)
UNARY(not_u8, uint8_t, uint8_t, ~a)
UNARY(not_bool, uint8_t, uint8_t, a ^ 1)
BINARY(add_u32, uint32_t, uint32_t, a + b)
BINARY(sub_u32, uint32_t, uint32_t, a - b)
BINARY(mul_u32, uint32_t, uint32_t, a * b)
BINARY(add_u8, uint8_t, uint8_t, a + b)
BINARY(sub_u8, uint8_t, uint8_t, a - b)
BINARY(mul_u8, uint8_t, uint8_t, a * b)
BINARY_SCALAR(div_i32, int32_t, int32_t, pf_div_i32(a, b))
BINARY_SCALAR(div_u32, uint32_t, uint32_t, pf_div_u32(a, b))
BINARY_SCALAR(div_u8, uint8_t, uint8_t, pf_div_u32(a, b))
BINARY_SCALAR(rem_i32, int32_t, int32_t, pf_rem_i32(a, b))
BINARY_SCALAR(rem_u32, uint32_t, uint32_t, pf_rem_u32(a, b))
BINARY_SCALAR(rem_u8, uint8_t, uint8_t, pf_rem_u32(a, b))
BINARY(min_i32, int32_t, int32_t, a <= b ? a : b)
BINARY(max_i32, int32_t, int32_t, a >= b ? a : b)
BINARY(min_u32, uint32_t, uint32_t, a <= b ? a : b)
BINARY(max_u32, uint32_t, uint32_t, a >= b ? a : b)
BINARY(min_u8, uint8_t, uint8_t, a <= b ? a : b)
BINARY(max_u8, uint8_t, uint8_t, a >= b ? a : b)
BINARY(and_u32, uint32_t, uint32_t, a & b)
BINARY(or_u32, uint32_t, uint32_t, a | b)
BINARY(xor_u32, uint32_t, uint32_t, a ^ b)
BINARY(and_u8, uint8_t, uint8_t, a & b)
BINARY(or_u8, uint8_t, uint8_t, a | b)
BINARY(xor_u8, uint8_t, uint8_t, a ^ b)
BINARY(shift_left_u32, uint32_t, uint32_t, pf_shift_left_u32(a, b))
BINARY(shift_right_u32, uint32_t, uint32_t, pf_shift_right_u32(a, b))
BINARY(shift_right_i32, int32_t, int32_t, pf_shift_right_i32(a, b))

// Comparisons.
#define COMPARISONS(T, type)                                                                                          \
    BINARY(less_##type, uint8_t, T, a < b)                                                                            \
    BINARY(less_equal_##type, uint8_t, T, a <= b)                                                                     \
    BINARY(equal_##type, uint8_t, T, a == b)                                                                          \
    BINARY(not_equal_##type, uint8_t, T, a != b)
COMPARISONS(float, f32)
COMPARISONS(double, f64)
COMPARISONS(int32_t, i32)
COMPARISONS(uint32_t, u32)
COMPARISONS(uint8_t, u8)

// Selection and copies look at bits only.
TERNARY(select_8, uint8_t, uint8_t, a ? b : c)
TERNARY(select_32, uint8_t, uint32_t, a ? b : c)
TERNARY(select_64, uint8_t, uint64_t, a ? b : c)
UNARY(copy_8, uint8_t, uint8_t, a)
UNARY(copy_32, uint32_t, uint32_t, a)
UNARY(copy_64, uint64_t, uint64_t, a)

// Casts that are not copies.
UNARY(f32_to_f64, double, float, a)
UNARY(f32_to_i32, int32_t, float, pf_f32_to_i32(a))
UNARY(f32_to_u32, uint32_t, float, pf_f32_to_u32(a))
UNARY(f32_to_u8, uint8_t, float, pf_f32_to_u8(a))
UNARY(f32_to_bool, uint8_t, float, a != 0.0f)
UNARY(f64_to_f32, float, double, a)
UNARY(f64_to_i32, int32_t, double, pf_f64_to_i32(a))
UNARY(f64_to_u32, uint32_t, double, pf_f64_to_u32(a))
UNARY(f64_to_u8, uint8_t, double, pf_f64_to_u8(a))
UNARY(f64_to_bool, uint8_t, double, a != 0.0)
UNARY(i32_to_f32, float, int32_t, a)
UNARY(i32_to_f64, double, int32_t, a)
UNARY(u32_to_f32, float, uint32_t, a)
UNARY(u32_to_f64, double, uint32_t, a)
UNARY(u32_to_u8, uint8_t, uint32_t, a)
UNARY(u32_to_bool, uint8_t, uint32_t, a != 0u)
UNARY(u8_to_f32, float, uint8_t, a)
UNARY(u8_to_f64, double, uint8_t, a)
UNARY(u8_to_u32, uint32_t, uint8_t, a)
UNARY(u8_to_bool, uint8_t, uint8_t, a != 0)

static void LEVEL(permute)(int64_t n, void *dst, const void *const src[4]) {
    uint32_t *d = dst;
    const uint32_t *i = src[0], *count = src[1], *key0 = src[2], *key1 = src[3];
    for (int64_t j = 0; j < n; j++) d[j] = pf_permute(i[j], count[j], key0[j], key1[j]);
}

typedef struct {
    tile_kernel shape[OPERANDS_COUNT];
} LEVEL(shapes);

#define ONE(name) {{LEVEL(name)}}
#define TWO(name) {{LEVEL(name), LEVEL(name##_u2), LEVEL(name##_u1)}}
#define FLOATS(WAYS, name) [PF_F32] = WAYS(name##_f32), [PF_F64] = WAYS(name##_f64)

// By operation and operand type. For uniform and normal the type is the result's.
static const LEVEL(shapes) LEVEL(table)[PF_OP_COUNT][PF_TYPE_COUNT] = {
    [PF_OP_NEG] = {FLOATS(ONE, neg), [PF_I32] = ONE(neg_u32), [PF_U32] = ONE(neg_u32), [PF_U8] = ONE(neg_u8)},
    [PF_OP_ABS] = {FLOATS(ONE, abs), [PF_I32] = ONE(abs_i32), [PF_U32] = ONE(copy_32), [PF_U8] = ONE(copy_8)},
    [PF_OP_SIGN] = {FLOATS(ONE, sign), [PF_I32] = ONE(sign_i32)},
    [PF_OP_EXP] = {FLOATS(ONE, exp)},
    [PF_OP_LOG] = {FLOATS(ONE, log)},
    [PF_OP_LOG1P] = {FLOATS(ONE, log1p)},
    [PF_OP_EXPM1] = {FLOATS(ONE, expm1)},
    [PF_OP_SIN] = {FLOATS(ONE, sin)},
    [PF_OP_COS] = {FLOATS(ONE, cos)},
    [PF_OP_TANH] = {FLOATS(ONE, tanh)},
    [PF_OP_SIGMOID] = {FLOATS(ONE, sigmoid)},
    [PF_OP_SOFTPLUS] = {FLOATS(ONE, softplus)},
    [PF_OP_ERF] = {FLOATS(ONE, erf)},
    [PF_OP_SQRT] = {FLOATS(ONE, sqrt)},
    [PF_OP_RSQRT] = {FLOATS(ONE, rsqrt)},
    [PF_OP_FLOOR] = {FLOATS(ONE, floor)},
    [PF_OP_CEIL] = {FLOATS(ONE, ceil)},
    [PF_OP_ROUND] = {FLOATS(ONE, round)},
    [PF_OP_IS_FINITE] = {FLOATS(ONE, is_finite)},
    [PF_OP_NOT] = {[PF_I32] = ONE(not_u32), [PF_U32] = ONE(not_u32), [PF_U8] = ONE(not_u8), [PF_BOOL] = ONE(not_bool)},
    [PF_OP_UNIFORM] = {FLOATS(ONE, uniform)},
    [PF_OP_NORMAL] = {FLOATS(ONE, normal)},
    [PF_OP_COPY] = {[PF_F32] = ONE(copy_32), [PF_F64] = ONE(copy_64), [PF_I32] = ONE(copy_32), [PF_U32] = ONE(copy_32),
                    [PF_U8] = ONE(copy_8), [PF_BOOL] = ONE(copy_8)},
    [PF_OP_ADD] = {FLOATS(TWO, add), [PF_I32] = TWO(add_u32), [PF_U32] = TWO(add_u32), [PF_U8] = TWO(add_u8)},
    [PF_OP_SUB] = {FLOATS(TWO, sub), [PF_I32] = TWO(sub_u32), [PF_U32] = TWO(sub_u32), [PF_U8] = TWO(sub_u8)},
    [PF_OP_MUL] = {FLOATS(TWO, mul), [PF_I32] = TWO(mul_u32), [PF_U32] = TWO(mul_u32), [PF_U8] = TWO(mul_u8)},
    [PF_OP_DIV] = {FLOATS(TWO, div), [PF_I32] = TWO(div_i32), [PF_U32] = TWO(div_u32), [PF_U8] = TWO(div_u8)},
    [PF_OP_REM] = {FLOATS(TWO, rem), [PF_I32] = TWO(rem_i32), [PF_U32] = TWO(rem_u32), [PF_U8] = TWO(rem_u8)},
    [PF_OP_POW] = {FLOATS(TWO, pow)},
    [PF_OP_MIN] = {FLOATS(TWO, min), [PF_I32] = TWO(min_i32), [PF_U32] = TWO(min_u32), [PF_U8] = TWO(min_u8)},
    [PF_OP_MAX] = {FLOATS(TWO, max), [PF_I32] = TWO(max_i32), [PF_U32] = TWO(max_u32), [PF_U8] = TWO(max_u8)},
    [PF_OP_MASK] = {FLOATS(TWO, mask)},
#define COMPARED(name)                                                                                                \
    {FLOATS(TWO, name), [PF_I32] = TWO(name##_i32), [PF_U32] = TWO(name##_u32), [PF_U8] = TWO(name##_u8),             \
     [PF_BOOL] = TWO(name##_u8)}
    [PF_OP_LESS] = COMPARED(less),
    [PF_OP_LESS_EQUAL] = COMPARED(less_equal),
    [PF_OP_EQUAL] = COMPARED(equal),
    [PF_OP_NOT_EQUAL] = COMPARED(not_equal),
#define BITWISE(name)                                                                                                 \
    {[PF_I32] = TWO(name##_u32), [PF_U32] = TWO(name##_u32), [PF_U8] = TWO(name##_u8), [PF_BOOL] = TWO(name##_u8)}
    [PF_OP_AND] = BITWISE(and),
    [PF_OP_OR] = BITWISE(or),
    [PF_OP_XOR] = BITWISE(xor),
    [PF_OP_SHIFT_LEFT] = {[PF_I32] = TWO(shift_left_u32), [PF_U32] = TWO(shift_left_u32)},
    [PF_OP_SHIFT_RIGHT] = {[PF_I32] = TWO(shift_right_i32), [PF_U32] = TWO(shift_right_u32)},
    [PF_OP_SELECT] = {[PF_F32] = ONE(select_32), [PF_F64] = ONE(select_64), [PF_I32] = ONE(select_32),
                      [PF_U32] = ONE(select_32), [PF_U8] = ONE(select_8), [PF_BOOL] = ONE(select_8)},
    [PF_OP_FMA] = {FLOATS(ONE, fma)},
    [PF_OP_PERMUTE] = {[PF_U32] = ONE(permute)},
};

// By source and target type.
static const tile_kernel LEVEL(casts)[PF_TYPE_COUNT][PF_TYPE_COUNT] = {
    [PF_F32] = {LEVEL(copy_32), LEVEL(f32_to_f64), LEVEL(f32_to_i32), LEVEL(f32_to_u32), LEVEL(f32_to_u8),
                LEVEL(f32_to_bool)},
    [PF_F64] = {LEVEL(f64_to_f32), LEVEL(copy_64), LEVEL(f64_to_i32), LEVEL(f64_to_u32), LEVEL(f64_to_u8),
                LEVEL(f64_to_bool)},
    [PF_I32] = {LEVEL(i32_to_f32), LEVEL(i32_to_f64), LEVEL(copy_32), LEVEL(copy_32), LEVEL(u32_to_u8),
                LEVEL(u32_to_bool)},
    [PF_U32] = {LEVEL(u32_to_f32), LEVEL(u32_to_f64), LEVEL(copy_32), LEVEL(copy_32), LEVEL(u32_to_u8),
                LEVEL(u32_to_bool)},
    [PF_U8] = {LEVEL(u8_to_f32), LEVEL(u8_to_f64), LEVEL(u8_to_u32), LEVEL(u8_to_u32), LEVEL(copy_8),
               LEVEL(u8_to_bool)},
    [PF_BOOL] = {LEVEL(u8_to_f32), LEVEL(u8_to_f64), LEVEL(u8_to_u32), LEVEL(u8_to_u32), LEVEL(copy_8), LEVEL(copy_8)},
};

static tile_kernel LEVEL(find)(pf_op op, pf_type type, pf_type to, operand_shape shape) {
    if ((unsigned)op >= PF_OP_COUNT || (unsigned)type >= PF_TYPE_COUNT || (unsigned)to >= PF_TYPE_COUNT) return NULL;
    if (op == PF_OP_CAST) return shape == OPERANDS_VECTORS ? LEVEL(casts)[type][to] : NULL;
    if (op == PF_OP_UNIFORM || op == PF_OP_NORMAL) return LEVEL(table)[op][to].shape[shape];
    return LEVEL(table)[op][type].shape[shape];
}
