/* ops/lerp.c - lerp, addcmul, addcdiv. */
#include "cpu/cmath.h"
#include "ops/unary.h"
#include <tison/ops.h>

/* ---- lerp: from a to b; the form that is exact at the nearer end ---- */

#define LERP(a, b, w) ((w) < TNI_V(0.5) ? TNI_F(fma, w, (b) - (a), a) : TNI_F(fma, -((b) - (a)), 1 - (w), b))
TNI_FLOAT2(lerp, LERP(a, b, TNI_V(arg->d)))
TNI_COMPLEX2(lerp, arg->d < 0.5 ? a + TNI_CMUL(TNI_V(arg->d), b - a) : b - TNI_CMUL(b - a, TNI_V(1 - arg->d)))
static const tni_map lerp_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(lerp), TNI_COMPLEX_COLUMNS(lerp));
TNI_FLOAT3(lerp_tensor, LERP(a, b, c))
static const tni_map lerp_tensor_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(lerp_tensor));

/* Nothing is promoted. */
static bool check_same(const tni_call *c, size_t i, const char *name) {
    const tn_tensor *x = c->in[0], *y = c->in[i];
    TNI_REQUIRE(c, x->a.dtype == y->a.dtype, TN_ERR_DTYPE, "expected dtype %s for `%s` but got dtype %s",
                tni_dtype_get((tn_dtype)x->a.dtype)->name, name, tni_dtype_get((tn_dtype)y->a.dtype)->name);
    return true;
}

static bool lerp_run(tni_call *c) { return check_same(c, 1, "end") && tni_run_map_with(c, &lerp_map); }

static bool lerp_vjp(tni_vjp *g) {
    double weight = g->arg[0].d;
    TNI_DX(g, 0, tn_mul(g->dy[0], 1 - weight));
    TNI_DX(g, 1, tn_mul(g->dy[0], weight));
    return true;
}

TN_OP(lerp, .schema = "lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor", .grad_name = "LerpBackward0",
      .run = lerp_run, .inplace = true, .vjp = lerp_vjp,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 0.25 @bench", "f64[3,4]^T f64[4] 0.75", "f32[] f32[2] 2", "bf16[4] bf16[4] 0.5",
                            "c64[3] c64[3] 0.25", "f32[0,3] f32[3] 1", "f32[2] f64[2] 0.5 !dtype",
                            "i64[2] i64[2] 1 !not_implemented"));

static bool lerp_tensor_run(tni_call *c) {
    return check_same(c, 1, "end") && check_same(c, 2, "weight") && tni_run_map_with(c, &lerp_tensor_map);
}

static bool lerp_tensor_vjp(tni_vjp *g) {
    tn_tensor *weight = tni_saved(g, TNI_IN(2));
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_sub(1, weight)));
    TNI_DX(g, 1, tn_mul(g->dy[0], weight));
    TNI_DX(g, 2, tn_mul(g->dy[0], tn_sub(tni_saved(g, TNI_IN(1)), tni_saved(g, TNI_IN(0)))));
    return true;
}

TN_OP(lerp_tensor, .schema = "lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor", .grad_name = "LerpBackward1",
      .run = lerp_tensor_run, .inplace = true, .vjp = lerp_tensor_vjp, .save = TNI_IN(0) | TNI_IN(1) | TNI_IN(2),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] f32[3,4]", "f64[3,4]^T f64[4] f64[]", "bf16[4] bf16[4] bf16[4]",
                            "f32[0,3] f32[3] f32[3]", "f32[2] f32[2] f64[2] !dtype"));

/** self + weight * (end - self), broadcast: torch.lerp. One floating dtype. [scope] */
TN_API tn_tensor *tn_lerp(tn_tensor *self, tn_tensor *end, double weight) {
    return tni_run_op(&tni_op_lerp, TNI_INS(self, end), TNI_ARGS({.d = weight}));
}
/** self = lerp(self, end, weight). Returns self. */
TN_API tn_tensor *tn_lerp_(tn_tensor *self, tn_tensor *end, double weight) {
    return tni_run_op_inplace(&tni_op_lerp, TNI_INS(self, end), TNI_ARGS({.d = weight}));
}
/** The same with a tensor of weights: torch.lerp. [scope] */
TN_API tn_tensor *tn_lerp_tensor(tn_tensor *self, tn_tensor *end, tn_tensor *weight) {
    return tni_run_op(&tni_op_lerp_tensor, TNI_INS(self, end, weight), TNI_NO_ARGS);
}
/** self = lerp_tensor(self, end, weight). Returns self. */
TN_API tn_tensor *tn_lerp_tensor_(tn_tensor *self, tn_tensor *end, tn_tensor *weight) {
    return tni_run_op_inplace(&tni_op_lerp_tensor, TNI_INS(self, end, weight), TNI_NO_ARGS);
}

/* ---- addcmul, addcdiv: with PyTorch's roundings ---- */

TNI_INT3(addcmul, a + TNI_V((int64_t)arg->d) * b * c)
TNI_FLOAT3(addcmul, TNI_F(fma, TNI_V(arg->d) * b, c, a))
TNI_COMPLEX3(addcmul, a + TNI_CMUL(TNI_CMUL(TNI_V(arg->d), b), c))
static const tni_map addcmul_map = TNI_ARITHMETIC_MAP(TNI_REAL_COLUMNS(addcmul), TNI_COMPLEX_COLUMNS(addcmul));
TNI_FLOAT3(addcdiv, a + TNI_V(arg->d) * b / c)
TNI_COMPLEX3(addcdiv, a + TNI_CDIV(TNI_CMUL(TNI_V(arg->d), b), c))
static const tni_map addcdiv_map = TNI_ARITHMETIC_MAP(TNI_FLOAT_COLUMNS(addcdiv), TNI_COMPLEX_COLUMNS(addcdiv));

static bool addcmul_vjp(tni_vjp *g) {
    double value = g->arg[0].d;
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, tn_mul(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_IN(2)), value))));
    TNI_DX(g, 2, tn_mul(g->dy[0], tni_conjugate(tn_mul(tni_saved(g, TNI_IN(1)), value))));
    return true;
}

TN_OP(addcmul, .schema = "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      .grad_name = "AddcmulBackward0", .run = tni_run_map, .inplace = true, .map = &addcmul_map, .vjp = addcmul_vjp,
      .save = TNI_IN(1) | TNI_IN(2),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] f32[3,4] @bench", "f64[3,4]^T f64[4] f64[] value=0.5",
                            "f32[3,1] f32[1,4] f32[4] value=-2", "i64[3] i64[3] i64[3] value=2", "bf16[4] bf16[4] bf16[4]",
                            "c64[2] c64[2] c64[2] value=2", "f32[0,3] f32[3] f32[3]", "bool[2] bool[2] bool[2] !not_implemented"));

static bool addcdiv_run(tni_call *c) {
    bool whole = true;
    for (size_t i = 1; i < 3; i++) whole = whole && tni_dtype_is_integral((tn_dtype)c->in[i]->a.dtype, true);
    TNI_REQUIRE(
        c, !whole, TN_ERR_RUNTIME,
        "Integer division with addcdiv is no longer supported, and in a future release addcdiv will perform a true division "
        "of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 / "
        "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float inputs. The future "
        "addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all dtypes.");
    return tni_run_map_with(c, &addcdiv_map);
}

static bool addcdiv_vjp(tni_vjp *g) {
    double value = g->arg[0].d;
    tn_tensor *above = tni_saved(g, TNI_IN(1)), *below = tni_saved(g, TNI_IN(2));
    TNI_DX(g, 0, g->dy[0]);
    TNI_DX(g, 1, tn_mul(g->dy[0], tni_conjugate(tn_div(value, below))));
    TNI_DX(g, 2, tn_mul(tn_neg(g->dy[0]), tni_conjugate(tn_div(tn_mul(above, value), tn_mul(below, below)))));
    return true;
}

TN_OP(addcdiv, .schema = "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
      .grad_name = "AddcdivBackward0", .run = addcdiv_run, .inplace = true, .vjp = addcdiv_vjp, .save = TNI_IN(1) | TNI_IN(2),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] f32[3,4]>0.5 @bench", "f64[3,4]^T f64[4] f64[]>0.5 value=0.5",
                            "f32[3,1] f32[1,4] f32[4]>0.5 value=-2", "bf16[4] bf16[4] bf16[4]>0.5", "c64[2] c64[2] c64[2]>0.5",
                            "f32[0,3] f32[3] f32[3]", "i64[2] i64[2] i64[2] !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_addcmul and tn_addcdiv. */
typedef struct tn_addcmul_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    double value; /* 1 */
} tn_addcmul_opts;
#ifndef __cplusplus
#define TN_ADDC_(function, x, a, ...)                                                                                              \
    TN_WITH(tn_addcmul_opts, (.value = 1), (function)(x, a, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_addcmul(x, a, ...) TN_ADDC_(tn_addcmul, x, a, __VA_ARGS__)
#define tn_addcmul_(x, a, ...) TN_ADDC_(tn_addcmul_, x, a, __VA_ARGS__)
#define tn_addcdiv(x, a, ...) TN_ADDC_(tn_addcdiv, x, a, __VA_ARGS__)
#define tn_addcdiv_(x, a, ...) TN_ADDC_(tn_addcdiv_, x, a, __VA_ARGS__)
#endif
#endif

/** self + value * tensor1 * tensor2, broadcast: torch.addcmul. [scope] */
TN_API tn_tensor *(tn_addcmul)(tn_tensor *self, tn_tensor *tensor1, tn_tensor *tensor2, const tn_addcmul_opts *opts) {
    return tni_run_op(&tni_op_addcmul, TNI_INS(self, tensor1, tensor2), TNI_ARGS({.d = TNI_OPT(opts, value, 1.0)}));
}
/** self = addcmul(self, tensor1, tensor2). Returns self. */
TN_API tn_tensor *(tn_addcmul_)(tn_tensor *self, tn_tensor *tensor1, tn_tensor *tensor2, const tn_addcmul_opts *opts) {
    return tni_run_op_inplace(&tni_op_addcmul, TNI_INS(self, tensor1, tensor2), TNI_ARGS({.d = TNI_OPT(opts, value, 1.0)}));
}
/** self + value * tensor1 / tensor2, broadcast: torch.addcdiv. Integers alone are TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_addcdiv)(tn_tensor *self, tn_tensor *tensor1, tn_tensor *tensor2, const tn_addcmul_opts *opts) {
    return tni_run_op(&tni_op_addcdiv, TNI_INS(self, tensor1, tensor2), TNI_ARGS({.d = TNI_OPT(opts, value, 1.0)}));
}
/** self = addcdiv(self, tensor1, tensor2). Returns self. */
TN_API tn_tensor *(tn_addcdiv_)(tn_tensor *self, tn_tensor *tensor1, tn_tensor *tensor2, const tn_addcmul_opts *opts) {
    return tni_run_op_inplace(&tni_op_addcdiv, TNI_INS(self, tensor1, tensor2), TNI_ARGS({.d = TNI_OPT(opts, value, 1.0)}));
}
