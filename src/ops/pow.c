/* ops/pow.c - powers, with a tensor or a number as base or exponent. */
#include "ops/unary.h"
#include <math.h>
#include <tison/ops.h>

#define U64(x) ((uint64_t)(x))

/* Powers of integers wrap. A negative exponent leaves something only for the bases 1 and -1. */
TNI_INLINE uint64_t power_of_int(int64_t base, int64_t exponent) {
    if (exponent < 0) return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : base == -1 ? U64(-1) : 0;
    uint64_t y = 1, x = U64(base);
    for (uint64_t e = U64(exponent); e; e >>= 1, x *= x)
        if (e & 1) y *= x;
    return y;
}

/* Plain loops: nothing in them vectorises. float powers are computed in double and rounded once. */
#define POWER(name, T, expr)                                                                                                       \
    static void name(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                                          \
        (void)arg;                                                                                                                 \
        for (int64_t i = 0; i < n; i++) {                                                                                          \
            const T a = *(const T *)(p[1] + i * s[1]), b = *(const T *)(p[2] + i * s[2]);                                          \
            *(T *)(p[0] + i * s[0]) = (T)(expr);                                                                                   \
        }                                                                                                                          \
    }
POWER(pow_u8, uint8_t, power_of_int(a, b))
POWER(pow_i8, int8_t, power_of_int(a, b))
POWER(pow_i16, int16_t, power_of_int(a, b))
POWER(pow_i32, int32_t, power_of_int(a, b))
POWER(pow_i64, int64_t, power_of_int(a, b))
POWER(pow_f32, float, pow((double)a, (double)b))
POWER(pow_f64, double, pow(a, b))
POWER(pow_c64, float _Complex, cpowf(a, b))
POWER(pow_c128, double _Complex, cpow(a, b))
static const tni_map pow_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(pow), TNI_COMPLEX_COLUMNS(pow));

/* Exponents that need no pow(): the same roundings as PyTorch's. b, the exponent, is not read. */
#define SPECIAL(name, expr) TNI_FLOAT2(name, ((void)b, expr))
SPECIAL(same, a)
SPECIAL(square, a *a)
SPECIAL(cube, a *a *a)
SPECIAL(root, TNI_F(sqrt, a))
SPECIAL(inverse_root, 1 / TNI_F(sqrt, a))
SPECIAL(inverse, 1 / a)
SPECIAL(inverse_square, 1 / (a * a))
#define SPECIAL_ROW(exponent, name)                                                                                                \
    { exponent, TNI_MAP(TNI_SAME, TNI_INT_COLUMNS(pow), TNI_FLOAT_COLUMNS(name), TNI_COMPLEX_COLUMNS(pow)) }
static const struct {
    double exponent;
    tni_map map;
} special[] = {
    SPECIAL_ROW(2, square),
    SPECIAL_ROW(1, same),
    SPECIAL_ROW(3, cube),
    SPECIAL_ROW(0.5, root),
    SPECIAL_ROW(-0.5, inverse_root),
    SPECIAL_ROW(-1, inverse),
    SPECIAL_ROW(-2, inverse_square),
};

/* ---- the exponent is a number: its value is the argument ---- */

static bool number_run(tni_call *c) {
    double exponent = c->arg[0].d;
    TNI_REQUIRE(c, exponent >= 0 || !tni_dtype_is_integral(tni_result_type(c->in, 2), true), TN_ERR_RUNTIME,
                "Integers to negative integer powers are not allowed.");
    for (size_t i = 0; i < TNI_COUNT(special); i++)
        if (special[i].exponent == exponent) return tni_run_map_with(c, &special[i].map);
    return tni_run_map_with(c, &pow_map);
}

static bool number_vjp(tni_vjp *g) {
    double exponent = g->arg[0].d;
    if (exponent == 0) {
        TNI_DX(g, 0, tni_zeros_like_input(g, 0));
        return true;
    }
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_mul(tn_pow(tni_saved(g, TNI_IN(0)), exponent - 1), exponent))));
    return true;
}

TNI_LOOP2(square_back_f32, float, float, a *(b * 2))
TNI_LOOP2(square_back_f64, double, double, a *(b * 2))

/* Squares are common in losses. */
static bool number_fused(tni_vjp *g) {
    if (g->arg[0].d != 2) return number_vjp(g);
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *dy = g->dy[0];
    if (!x) return false;
    bool fits = x->a.dtype == dy->a.dtype && tni_dtype_is_wide((tn_dtype)x->a.dtype) && tni_same_shape(&x->a, &dy->a);
    if (!fits) return number_vjp(g);
    tn_tensor *dx = tni_tensor_new_like(g->t, "pow", x, (tn_dtype)x->a.dtype);
    if (!dx) return false;
    tni_loop *loop = x->a.dtype == TN_FLOAT64 ? square_back_f64 : square_back_f32;
    tni_map_arrays(loop, (const tni_array *const[]){&dx->a, &dy->a, &x->a}, 3, NULL);
    return (g->dx[0] = tni_give(g->t, dx)) != NULL;
}

static const tni_op pow_number = {.name = "pow",
                                  .schema = "pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
                                  .grad_name = "PowBackward0",
                                  .run = number_run,
                                  .vjp = number_vjp,
                                  .fused_vjp = number_fused,
                                  .save = TNI_IN(0)};

/* ---- the base is a number: its value is the argument ---- */

/* dy * result * log(base), but 0 where the base is 0 and the exponent is not negative. */
static bool base_vjp(tni_vjp *g) {
    double base = g->arg[0].d;
    tn_tensor *slope = tn_mul(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_OUT(0)), log(base))));
    TNI_DX(g, 1, base == 0 ? tn_where(tn_ge(tni_saved(g, TNI_IN(1)), 0), 0, slope) : slope);
    return true;
}

static const tni_op pow_base = {.name = "pow",
                                .schema = "pow.Scalar(Scalar self, Tensor exponent) -> Tensor",
                                .grad_name = "PowBackward2",
                                .run = tni_run_map,
                                .map = &pow_map,
                                .vjp = base_vjp,
                                .save = TNI_IN(1) | TNI_OUT(0)};

/* ---- both are tensors ---- */

static tn_tensor *slope_of_base(tni_vjp *g, tn_tensor *self, tn_tensor *exponent) {
    tn_tensor *slope = tn_mul(g->dy[0], tni_conjugate(tn_mul(exponent, tn_pow(self, tn_sub(exponent, 1)))));
    return tn_where(tn_eq(exponent, 0), 0, slope);
}

static tn_tensor *slope_of_exponent(tni_vjp *g, tn_tensor *self, tn_tensor *exponent) {
    tn_tensor *slope = tn_mul(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_OUT(0)), tn_log(self))));
    tn_tensor *part = exponent ? tn_real(exponent) : NULL; /* complex numbers have no order */
    return tn_where(tn_mul(tn_eq(self, 0), tn_ge(part, 0)), 0, slope);
}

static bool pow_vjp(tni_vjp *g) {
    tn_tensor *self = tni_saved(g, TNI_IN(0)), *exponent = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, slope_of_base(g, self, exponent));
    TNI_DX(g, 1, slope_of_exponent(g, self, exponent));
    return true;
}

static tn_tensor *pow_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(pow, .schema = "pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor", .grad_name = "PowBackward1", .run = tni_run_map,
      .inplace = true, .front = pow_front, .map = &pow_map, .vjp = pow_vjp, .save = TNI_IN(0) | TNI_IN(1) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 f32[3,4]", "f32[3,4]>0.5 f32[4]", "f64[3,4]^T>0.5 f64[]", "i64[3]<4 i64[3]<4",
                            "i64[3]<4 f32[3]>0.5 nograd", "i64[3]>0.5 f32[3]", "f32[0,3] f32[3]", "c64[3] c64[3]",
                            "c128[2,3] c128[3]"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_pow(self, exponent) TN_BINARY(tn_pow, self, exponent)
#define tn_pow_(self, exponent) TN_BINARY(tn_pow_, self, exponent)
#endif
#endif

/* The row for these operands; *number is the value of the one that is a number. */
static const tni_op *row_for(const tn_tensor *self, const tn_tensor *exponent, tni_value *number) {
    bool readable = self && exponent && self->object.tag == TNI_TENSOR && exponent->object.tag == TNI_TENSOR;
    if (!readable || (!self->number && !exponent->number)) return &tni_op_pow;
    number->d = tni_array_double_at(exponent->number ? &exponent->a : &self->a, 0);
    return exponent->number ? &pow_number : &pow_base;
}

/** self ^ exponent, broadcast, in the promoted dtype: torch.pow. Integers wrap.
 *  self, exponent  the macro takes numbers too; an integer self and a negative whole number are TN_ERR_RUNTIME
 *  returns         [scope]; NULL with TN_ERR_SHAPE when the shapes do not broadcast
 */
TN_API tn_tensor *(tn_pow)(tn_tensor *self, tn_tensor *exponent) {
    tni_value number = {.d = 0};
    const tni_op *op = row_for(self, exponent, &number);
    return tni_run_op(op, TNI_INS(self, exponent), &number, op != &tni_op_pow);
}
/** self = self ^ exponent; self's shape and dtype stay. Returns self. */
TN_API tn_tensor *(tn_pow_)(tn_tensor *self, tn_tensor *exponent) {
    tni_value number = {.d = 0};
    const tni_op *op = row_for(self, exponent, &number);
    return tni_run_op_inplace(op, TNI_INS(self, exponent), &number, op != &tni_op_pow);
}

/** x * x: torch.square. [scope] */
TN_API tn_tensor *(tn_square)(tn_tensor *x) { return tn_pow(x, 2); }

static tn_tensor *pow_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    (void)arg;
    return (tn_pow)(in[0], in[1]);
}
