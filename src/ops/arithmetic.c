/* ops/arithmetic.c - addition, subtraction, multiplication, division. */
#include "core/map.h"
#include <math.h>
#include <tison/ops.h>

#define U32(x) ((uint32_t)(x))
#define U64(x) ((uint64_t)(x))

/* ---- add, sub: self + alpha * other ---- */

TNI_LOOP2(add_u8, uint8_t, uint8_t, a + b)
TNI_LOOP2(add_i32, int32_t, int32_t, U32(a) + U32(b))
TNI_LOOP2(add_i64, int64_t, int64_t, U64(a) + U64(b))
TNI_LOOP2(add_f32, float, float, a + b)
TNI_LOOP2(add_f64, double, double, a + b)
TNI_LOOP2(add_bool, uint8_t, uint8_t, (a != 0) | (b != 0))
static const tni_map add_map = {TNI_SAME, {add_u8, add_i32, add_i64, add_f32, add_f64, add_bool}};

TNI_LOOP2(sub_u8, uint8_t, uint8_t, a - b)
TNI_LOOP2(sub_i32, int32_t, int32_t, U32(a) - U32(b))
TNI_LOOP2(sub_i64, int64_t, int64_t, U64(a) - U64(b))
TNI_LOOP2(sub_f32, float, float, a - b)
TNI_LOOP2(sub_f64, double, double, a - b)
static const tni_map sub_map = {TNI_SAME, {sub_u8, sub_i32, sub_i64, sub_f32, sub_f64, NULL}};

/* With an alpha: one rounding, as PyTorch's vector code. */
TNI_LOOP2(axpy_u8, uint8_t, uint8_t, a + (uint8_t)(int64_t)arg->d * b)
TNI_LOOP2(axpy_i32, int32_t, int32_t, U32(a) + U32((int64_t)arg->d) * U32(b))
TNI_LOOP2(axpy_i64, int64_t, int64_t, U64(a) + U64((int64_t)arg->d) * U64(b))
TNI_LOOP2(axpy_f32, float, float, __builtin_fmaf((float)arg->d, b, a))
TNI_LOOP2(axpy_f64, double, double, __builtin_fma(arg->d, b, a))
TNI_LOOP2(axpy_bool, uint8_t, uint8_t, (a != 0) | ((b != 0) & (arg->d != 0)))
static const tni_map axpy_map = {TNI_SAME, {axpy_u8, axpy_i32, axpy_i64, axpy_f32, axpy_f64, axpy_bool}};

static bool check_alpha(const tni_call *c, double alpha) {
    if (alpha == 1 || alpha == -1) return true;
    bool whole = tni_dtype_is_integral(tni_result_type(c->in, 2), true);
    TNI_REQUIRE(c, !whole || alpha == floor(alpha), TN_ERR_DTYPE,
                "For integral input tensors, argument alpha must not be a floating point number.");
    return true;
}

static bool add_run(tni_call *c) {
    TNI_TRY(check_alpha(c, c->arg[0].d));
    return tni_run_map_with(c, c->arg[0].d == 1 ? &add_map : &axpy_map);
}

static bool add_vjp(tni_vjp *g) {
    double alpha = g->arg[0].d;
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, alpha == 1 ? g->dy[0] : tn_mul(g->dy[0], alpha));
    return true;
}

TN_OP(add, .schema = "add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", .grad_name = "AddBackward0",
      .run = add_run, .vjp = add_vjp,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f32[3,4] f32[4]", "f32[3,1] f32[1,4] alpha=0.5", "f32[2] i64[2]",
                            "i64[3] i64[3] alpha=2", "bool[3] bool[3]", "f32[0,3] f32[3]", "f32[] f32[]", "f64[3,2]^T f64[3,2]"));

#ifdef TN_HEADER
/* Keywords of tn_add, tn_sub and their in-place forms. */
typedef struct tn_add_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    double alpha; /* 1; whole for integers */
} tn_add_opts;
#ifndef __cplusplus
#define tn_add(a, ...) TN_BINARY_WITH(tn_add_opts, (.alpha = 1), tn_add, a, __VA_ARGS__, )
#define tn_add_(a, ...) TN_BINARY_WITH(tn_add_opts, (.alpha = 1), tn_add_, a, __VA_ARGS__, )
#define tn_sub(a, ...) TN_BINARY_WITH(tn_add_opts, (.alpha = 1), tn_sub, a, __VA_ARGS__, )
#define tn_sub_(a, ...) TN_BINARY_WITH(tn_add_opts, (.alpha = 1), tn_sub_, a, __VA_ARGS__, )
#endif
#endif

/** self + alpha * other, broadcast, in the promoted dtype: torch.add.
 *  self, other  any dtype and shapes that broadcast; the macro takes numbers too
 *  returns      [scope]; NULL with TN_ERR_SHAPE when the shapes do not broadcast
 */
TN_API tn_tensor *(tn_add)(tn_tensor *self, tn_tensor *other, const tn_add_opts *opts) {
    return tni_run_op(&tni_op_add, TNI_INS(self, other), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}
/** self += alpha * other; self's shape and dtype stay. Returns self. */
TN_API tn_tensor *(tn_add_)(tn_tensor *self, tn_tensor *other, const tn_add_opts *opts) {
    return tni_run_op_inplace(&tni_op_add, TNI_INS(self, other), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}

static bool sub_run(tni_call *c) {
    double alpha = c->arg[0].d;
    TNI_TRY(check_alpha(c, alpha));
    TNI_REQUIRE(
        c, tni_result_type(c->in, 2) != TN_BOOL, TN_ERR_DTYPE,
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.");
    if (alpha == 1) return tni_run_map_with(c, &sub_map);
    tni_value minus = {.d = -alpha}, *kept = c->arg;
    c->arg = &minus;
    bool right = tni_run_map_with(c, &axpy_map);
    c->arg = kept;
    return right;
}

static bool sub_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, tn_mul(g->dy[0], -g->arg[0].d));
    return true;
}

TN_OP(sub, .schema = "sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", .grad_name = "SubBackward0",
      .run = sub_run, .vjp = sub_vjp,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f32[3,4] f32[]", "f64[3,1] f64[4] alpha=-1.5", "i32[2] u8[2]", "f32[0] f32[1]",
                            "bool[2] bool[2] !dtype"));

/** self - alpha * other: torch.sub. As tn_add; two bool tensors are TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_sub)(tn_tensor *self, tn_tensor *other, const tn_add_opts *opts) {
    return tni_run_op(&tni_op_sub, TNI_INS(self, other), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}
/** self -= alpha * other. Returns self. */
TN_API tn_tensor *(tn_sub_)(tn_tensor *self, tn_tensor *other, const tn_add_opts *opts) {
    return tni_run_op_inplace(&tni_op_sub, TNI_INS(self, other), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}

/* ---- mul ---- */

TNI_LOOP2(mul_u8, uint8_t, uint8_t, a *b)
TNI_LOOP2(mul_i32, int32_t, int32_t, U32(a) * U32(b))
TNI_LOOP2(mul_i64, int64_t, int64_t, U64(a) * U64(b))
TNI_LOOP2(mul_f32, float, float, a *b)
TNI_LOOP2(mul_f64, double, double, a *b)
TNI_LOOP2(mul_bool, uint8_t, uint8_t, (a != 0) & (b != 0))
static const tni_map mul_map = {TNI_SAME, {mul_u8, mul_i32, mul_i64, mul_f32, mul_f64, mul_bool}};

static bool mul_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_saved(g, TNI_IN(1))));
    TNI_DX(g, 1, tn_mul(g->dy[0], tni_saved(g, TNI_IN(0))));
    return true;
}

TN_OP(mul, .schema = "mul.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "MulBackward0", .run = tni_run_map,
      .map = &mul_map, .vjp = mul_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f32[3,4] f32[4]", "f64[2,1,3] f64[4,1]", "i64[3] f32[3]", "bool[3] bool[3]",
                            "u8[4] u8[4]", "f32[] f32[2]"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_mul(a, b) TN_BINARY(tn_mul, a, b)
#define tn_mul_(a, b) TN_BINARY(tn_mul_, a, b)
#define tn_div(a, b) TN_BINARY(tn_div, a, b)
#define tn_div_(a, b) TN_BINARY(tn_div_, a, b)
#endif
#endif

/** self * other, broadcast, in the promoted dtype: torch.mul. [scope] */
TN_API tn_tensor *(tn_mul)(tn_tensor *self, tn_tensor *other) { return tni_run_op(&tni_op_mul, TNI_INS(self, other), TNI_NO_ARGS); }
/** self *= other. Returns self. */
TN_API tn_tensor *(tn_mul_)(tn_tensor *self, tn_tensor *other) {
    return tni_run_op_inplace(&tni_op_mul, TNI_INS(self, other), TNI_NO_ARGS);
}

/* ---- div: true division ---- */

TNI_LOOP2(div_f32, float, float, a / b)
TNI_LOOP2(div_f64, double, double, a / b)
static const tni_map div_map = {TNI_FLOATING, {NULL, NULL, NULL, div_f32, div_f64, NULL}};

static bool div_vjp(tni_vjp *g) {
    tn_tensor *b = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tn_div(g->dy[0], b));
    if (!tni_needs(g, 1)) return true;
    tn_tensor *slope = tn_div(tn_div(tni_saved(g, TNI_IN(0)), b), b);
    TNI_DX(g, 1, tn_neg(tn_mul(g->dy[0], slope)));
    return true;
}

TN_OP(div, .schema = "div.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "DivBackward0", .run = tni_run_map,
      .map = &div_map, .vjp = div_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]>0.5", "f64[3,4] f64[4]>0.5", "i64[3] i64[3]>0.5", "f32[2] f32[]>0.5",
                            "f32[0,2] f32[2]"));

/** self / other, true division: integers give the default dtype: torch.div. [scope] */
TN_API tn_tensor *(tn_div)(tn_tensor *self, tn_tensor *other) { return tni_run_op(&tni_op_div, TNI_INS(self, other), TNI_NO_ARGS); }
/** self /= other, for floating point self. Returns self. */
TN_API tn_tensor *(tn_div_)(tn_tensor *self, tn_tensor *other) {
    return tni_run_op_inplace(&tni_op_div, TNI_INS(self, other), TNI_NO_ARGS);
}
