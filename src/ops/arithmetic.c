/* ops/arithmetic.c - addition, subtraction, multiplication, division. */
#include "cpu/cmath.h"
#include "ops/unary.h"
#include "ops/sparse.h"
#include <math.h>
#include <tison/ops.h>

/* ---- add, sub: self + alpha * other ---- */

TNI_INT2(add, a + b)
TNI_FLOAT2(add, a + b)
TNI_COMPLEX2(add, a + b)
TNI_BOOL2(add, a | b)
static const tni_map add_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(add), TNI_COMPLEX_COLUMNS(add), TNI_BOOL_COLUMN(add));

TNI_INT2(sub, a - b)
TNI_FLOAT2(sub, a - b)
TNI_COMPLEX2(sub, a - b)
static const tni_map sub_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(sub), TNI_COMPLEX_COLUMNS(sub));

/* With an alpha: one rounding, as PyTorch's vector code. */
TNI_INT2(axpy, a + TNI_V((int64_t)arg->d) * b)
TNI_FLOAT2(axpy, TNI_F(fma, TNI_V(arg->d), b, a))
TNI_COMPLEX2(axpy, a + TNI_CMUL(b, TNI_V(arg->d)))
TNI_BOOL2(axpy, a | (b & (arg->d != 0)))
static const tni_map axpy_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(axpy), TNI_COMPLEX_COLUMNS(axpy), TNI_BOOL_COLUMN(axpy));

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
      .run = add_run, .sparse = tni_sparse_add_run, .inplace = true, .vjp = add_vjp,
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
      .run = sub_run, .sparse = tni_sparse_sub_run, .inplace = true, .vjp = sub_vjp,
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

TNI_INT2(mul, a *b)
TNI_FLOAT2(mul, a *b)
TNI_COMPLEX2(mul, TNI_CMUL(a, b))
TNI_BOOL2(mul, a &b)
static const tni_map mul_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(mul), TNI_COMPLEX_COLUMNS(mul), TNI_BOOL_COLUMN(mul));

static bool mul_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tni_saved(g, TNI_IN(1)))));
    TNI_DX(g, 1, tn_mul(g->dy[0], tni_conjugate(tni_saved(g, TNI_IN(0)))));
    return true;
}

TN_OP(mul, .schema = "mul.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "MulBackward0", .run = tni_run_map,
      .sparse = tni_sparse_values_run, .inplace = true, .map = &mul_map, .vjp = mul_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .save_for = {TNI_IN(1), TNI_IN(0)},
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f32[3,4] f32[4]", "f64[2,1,3] f64[4,1]", "i64[3] f32[3]", "bool[3] bool[3]",
                            "u8[4] u8[4]", "f32[] f32[2]", "c64[3] c64[3]", "c128[2] f64[2]"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_mul(a, b) TN_BINARY(tn_mul, a, b)
#define tn_mul_(a, b) TN_BINARY(tn_mul_, a, b)
#endif
#endif

/** self * other, broadcast, in the promoted dtype: torch.mul. [scope] */
TN_API tn_tensor *(tn_mul)(tn_tensor *self, tn_tensor *other) { return tni_run_op(&tni_op_mul, TNI_INS(self, other), TNI_NO_ARGS); }
/** self *= other. Returns self. */
TN_API tn_tensor *(tn_mul_)(tn_tensor *self, tn_tensor *other) {
    return tni_run_op_inplace(&tni_op_mul, TNI_INS(self, other), TNI_NO_ARGS);
}

/* ---- div: true division ---- */

TNI_FLOAT2(div, a / b)
TNI_COMPLEX2(div, TNI_CDIV(a, b))
static const tni_map div_map = {
    .rule = TNI_FLOATING, .exact_scalars = true, .loop = {TNI_FLOAT_COLUMNS(div), TNI_COMPLEX_COLUMNS(div)}};

static bool div_vjp(tni_vjp *g) {
    tn_tensor *b = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(b)));
    if (!tni_needs(g, 1)) return true;
    tn_tensor *slope = tn_div(tn_div(tni_saved(g, TNI_IN(0)), b), b);
    TNI_DX(g, 1, tn_neg(tn_mul(g->dy[0], tni_conjugate(slope))));
    return true;
}

TN_OP(div, .schema = "div.Tensor(Tensor self, Tensor other) -> Tensor", .grad_name = "DivBackward0", .run = tni_run_map,
      .sparse = tni_sparse_div_run, .inplace = true, .map = &div_map, .vjp = div_vjp, .save = TNI_IN(0) | TNI_IN(1),
      .save_for = {TNI_IN(1), 0},
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]>0.5", "f64[3,4] f64[4]>0.5", "i64[3] i64[3]>0.5", "f32[2] f32[]>0.5",
                            "c64[3] c64[3]", "f64[2] c128[2]", "f32[0,2] f32[2]"));

#ifdef TN_HEADER
/* Keywords of tn_div. */
typedef struct tn_div_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    const char *rounding_mode; /* NULL: true division; "trunc": toward zero; "floor": down; integers stay integers with these two */
} tn_div_opts;
#ifndef __cplusplus
#define tn_div(a, ...) TN_BINARY_WITH(tn_div_opts, (.rounding_mode = NULL), tn_div, a, __VA_ARGS__, )
#define tn_div_(a, ...) TN_BINARY_WITH(tn_div_opts, (.rounding_mode = NULL), tn_div_, a, __VA_ARGS__, )
#endif
#endif

extern const tni_op tni_op_div_mode; /* ops/divide.c */

/** self / other, true division: integers give the default dtype: torch.div. [scope]
 *  With .rounding_mode an integer divisor 0 is TN_ERR_RUNTIME, and so is another word. */
TN_API tn_tensor *(tn_div)(tn_tensor *self, tn_tensor *other, const tn_div_opts *opts) {
    const char *mode = TNI_OPT(opts, rounding_mode, NULL);
    if (TNI_LIKELY(!mode)) return tni_run_op(&tni_op_div, TNI_INS(self, other), TNI_NO_ARGS);
    return tni_run_op(&tni_op_div_mode, TNI_INS(self, other), TNI_ARGS({.p = mode}));
}
/** self /= other, for floating point self unless it is rounded. Returns self. */
TN_API tn_tensor *(tn_div_)(tn_tensor *self, tn_tensor *other, const tn_div_opts *opts) {
    const char *mode = TNI_OPT(opts, rounding_mode, NULL);
    if (!mode) return tni_run_op_inplace(&tni_op_div, TNI_INS(self, other), TNI_NO_ARGS);
    return tni_run_op_inplace(&tni_op_div_mode, TNI_INS(self, other), TNI_ARGS({.p = mode}));
}
