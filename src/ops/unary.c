/* ops/unary.c - elementwise functions of one tensor: neg, abs, sign, exp, log, sqrt, tanh, sigmoid, relu. */
#include "cpu/cmath.h"
#include "ops/unary.h"
#include "ops/sparse.h"
#include <tison/ops.h>

/* ---- neg ---- */

TNI_INT1(neg, -a)
TNI_FLOAT1(neg, -a)
TNI_COMPLEX1(neg, -a)
static const tni_map neg_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(neg), TNI_COMPLEX_COLUMNS(neg));

static bool neg_run(tni_call *c) {
    TNI_REQUIRE(c, c->in[0]->a.dtype != TN_BOOL, TN_ERR_DTYPE,
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or "
                "`logical_not()` operator instead.");
    return tni_run_map_with(c, &neg_map);
}

static bool neg_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_neg(g->dy[0]));
    return true;
}

TN_OP(neg, .schema = "neg(Tensor self) -> Tensor", .grad_name = "NegBackward0", .run = neg_run, .sparse = tni_sparse_values_run,
      .inplace = true, .vjp = neg_vjp,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[]", "f32[0,3]", "i64[5]", "u8[3]", "bool[2] !dtype"));

/** -x: torch.neg. A bool tensor is TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_neg)(tn_tensor *x) { return tni_run_op(&tni_op_neg, TNI_INS(x), TNI_NO_ARGS); }
/** x = -x. Returns x. */
TN_API tn_tensor *(tn_neg_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_neg, TNI_INS(x), TNI_NO_ARGS); }

/* ---- sign, abs ---- */

#define SIGN(a) ((a > 0) - (a < 0))
TNI_INT1(sign, SIGN(a))
TNI_FLOAT1(sign, SIGN(a))
TNI_BOOL1(sign, a)
static const tni_map sign_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(sign), TNI_BOOL_COLUMN(sign));

static bool sign_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    return true;
}

TN_OP(sign, .schema = "sign(Tensor self) -> Tensor", .grad_name = "SignBackward0", .run = tni_run_map, .inplace = true,
      .map = &sign_map, .vjp = sign_vjp, .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "i64[5]", "bool[3]", "f32[0]"));

/** 1, 0 or -1 by the sign of each element; 0 for NaN: torch.sign. [scope] */
TN_API tn_tensor *(tn_sign)(tn_tensor *x) { return tni_run_op(&tni_op_sign, TNI_INS(x), TNI_NO_ARGS); }
/** x = sign(x). Returns x. */
TN_API tn_tensor *(tn_sign_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sign, TNI_INS(x), TNI_NO_ARGS); }

TNI_INT1(abs, a < 0 ? -a : a)
TNI_FLOAT1(abs, TNI_F(fabs, a))
TNI_LOOP1_(TNI_ONCE, abs_c64, float, float _Complex, float _Complex, cabsf(a))
TNI_LOOP1_(TNI_ONCE, abs_c128, double, double _Complex, double _Complex, cabs(a))
static const tni_map abs_map = TNI_MAP(TNI_TO_REAL, TNI_REAL_COLUMNS(abs), TNI_COMPLEX_COLUMNS(abs));

static bool abs_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_sgn(tni_saved(g, TNI_IN(0)))));
    return true;
}
TNI_FUSED(abs, TNI_IN(0), a *SIGN(b))

TN_OP(abs, .schema = "abs(Tensor self) -> Tensor", .grad_name = "AbsBackward0", .run = tni_run_map, .inplace = true,
      .map = &abs_map, .vjp = abs_vjp, .fused_vjp = abs_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[]", "i64[5]", "u8[3]", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** |x|: torch.abs. The derivative at 0 is 0. A bool tensor is TN_ERR_NOT_IMPLEMENTED. [scope] */
TN_API tn_tensor *(tn_abs)(tn_tensor *x) { return tni_run_op(&tni_op_abs, TNI_INS(x), TNI_NO_ARGS); }
/** x = |x|. Returns x. */
TN_API tn_tensor *(tn_abs_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_abs, TNI_INS(x), TNI_NO_ARGS); }

/* ---- exp, log, sqrt ---- */

TNI_VMATH_COMPLEX_MAP(exp, cexp)

static bool exp_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tni_saved(g, TNI_OUT(0)))));
    return true;
}

TN_OP(exp, .schema = "exp(Tensor self) -> Tensor", .grad_name = "ExpBackward0", .run = tni_run_map, .inplace = true,
      .map = &exp_map, .vjp = exp_vjp, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "bool[3]", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** e^x; integers give the default dtype: torch.exp. [scope] */
TN_API tn_tensor *(tn_exp)(tn_tensor *x) { return tni_run_op(&tni_op_exp, TNI_INS(x), TNI_NO_ARGS); }
/** x = e^x, for floating point x. Returns x. */
TN_API tn_tensor *(tn_exp_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_exp, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(log, clog)

static bool log_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tni_conjugate(tni_saved(g, TNI_IN(0)))));
    return true;
}

TN_OP(log, .schema = "log(Tensor self) -> Tensor", .grad_name = "LogBackward0", .run = tni_run_map, .inplace = true,
      .map = &log_map, .vjp = log_vjp, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "i64[5]<9", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** Natural logarithm; integers give the default dtype: torch.log. [scope] */
TN_API tn_tensor *(tn_log)(tn_tensor *x) { return tni_run_op(&tni_op_log, TNI_INS(x), TNI_NO_ARGS); }
/** x = log(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_log_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_log, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_COMPLEX_MAP(sqrt, csqrt)

static bool sqrt_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tn_mul(tni_conjugate(tni_saved(g, TNI_OUT(0))), 2)));
    return true;
}
TNI_FUSED(sqrt, TNI_OUT(0), a / (b * 2))

TN_OP(sqrt, .schema = "sqrt(Tensor self) -> Tensor", .grad_name = "SqrtBackward0", .run = tni_run_map, .inplace = true,
      .map = &sqrt_map, .vjp = sqrt_vjp, .fused_vjp = sqrt_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5", "f64[3,4]^T>0.5", "f32[]>0.5", "i64[5]<9", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** Square root, rounded as IEEE 754 says; integers give the default dtype: torch.sqrt. [scope] */
TN_API tn_tensor *(tn_sqrt)(tn_tensor *x) { return tni_run_op(&tni_op_sqrt, TNI_INS(x), TNI_NO_ARGS); }
/** x = sqrt(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sqrt_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sqrt, TNI_INS(x), TNI_NO_ARGS); }

/* ---- tanh, sigmoid, relu ---- */

TNI_VMATH_COMPLEX_MAP(tanh, ctanh)

static bool tanh_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_sub(1, tn_mul(y, y)))));
    return true;
}
TNI_FUSED(tanh, TNI_OUT(0), a *(1 - b * b))

TN_OP(tanh, .schema = "tanh(Tensor self) -> Tensor", .grad_name = "TanhBackward0", .run = tni_run_map, .inplace = true,
      .map = &tanh_map, .vjp = tanh_vjp, .fused_vjp = tanh_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** Hyperbolic tangent; integers give the default dtype: torch.tanh. [scope] */
TN_API tn_tensor *(tn_tanh)(tn_tensor *x) { return tni_run_op(&tni_op_tanh, TNI_INS(x), TNI_NO_ARGS); }
/** x = tanh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_tanh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_tanh, TNI_INS(x), TNI_NO_ARGS); }

TNI_VMATH_LOOPS(sigmoid)
TNI_LOOP1_(TNI_ONCE, sigmoid_c64, float _Complex, float _Complex, float _Complex, TNI_CDIV(TNI_V(1), 1 + cexpf(-a)))
TNI_LOOP1_(TNI_ONCE, sigmoid_c128, double _Complex, double _Complex, double _Complex, TNI_CDIV(TNI_V(1), 1 + cexp(-a)))
static const tni_map sigmoid_map = TNI_MAP(TNI_FLOATING, TNI_FLOAT_COLUMNS(sigmoid), TNI_COMPLEX_COLUMNS(sigmoid));

static bool sigmoid_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_conjugate(tn_mul(tn_sub(1, y), y))));
    return true;
}
TNI_FUSED(sigmoid, TNI_OUT(0), a *(1 - b) * b)

TN_OP(sigmoid, .schema = "sigmoid(Tensor self) -> Tensor", .grad_name = "SigmoidBackward0", .run = tni_run_map, .inplace = true,
      .map = &sigmoid_map, .vjp = sigmoid_vjp, .fused_vjp = sigmoid_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "f32[0,3]", "c64[3]", "c128[2,3]"));

/** 1 / (1 + e^-x); integers give the default dtype: torch.sigmoid. [scope] */
TN_API tn_tensor *(tn_sigmoid)(tn_tensor *x) { return tni_run_op(&tni_op_sigmoid, TNI_INS(x), TNI_NO_ARGS); }
/** x = sigmoid(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sigmoid_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sigmoid, TNI_INS(x), TNI_NO_ARGS); }

/* NaN and -0 stay. */
TNI_INT1(relu, a < 0 ? 0 : a)
TNI_FLOAT1(relu, a < 0 ? 0 : a)
static const tni_map relu_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(relu));

static bool relu_run(tni_call *c) {
    TNI_REQUIRE(c, c->in[0]->a.dtype != TN_BOOL, TN_ERR_DTYPE, "Boolean inputs not supported for relu");
    return tni_run_map_with(c, &relu_map);
}

/* Where the result is NaN the gradient passes, as in PyTorch. */
static bool relu_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_where(tn_le(tni_saved(g, TNI_OUT(0)), 0), 0, g->dy[0]));
    return true;
}
TNI_FUSED(relu, TNI_OUT(0), b <= 0 ? 0 : a)

TN_OP(relu, .schema = "relu(Tensor self) -> Tensor", .grad_name = "ReluBackward0", .run = relu_run, .inplace = true,
      .vjp = relu_vjp, .fused_vjp = relu_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]", "f32[0,3]", "bool[2] !dtype"));

/** max(x, 0): torch.relu. The derivative at 0 is 0. A bool tensor is TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_relu)(tn_tensor *x) { return tni_run_op(&tni_op_relu, TNI_INS(x), TNI_NO_ARGS); }
/** x = max(x, 0). Returns x. */
TN_API tn_tensor *(tn_relu_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_relu, TNI_INS(x), TNI_NO_ARGS); }
