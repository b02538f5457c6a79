/* ops/unary.c - elementwise functions of one tensor: neg, abs, sign, exp, log, sqrt, tanh, sigmoid, relu. */
#include "core/map.h"
#include "cpu/vmath.h"
#include <tison/ops.h>

#define U32(x) ((uint32_t)(x))
#define U64(x) ((uint64_t)(x))

/* A derivative made of dy and one saved tensor in one pass: NULL in *dx where the formula is to be used. */
static bool one_pass(tni_vjp *g, uint32_t which, tni_loop *const *loops, bool *done) {
    tn_tensor *dy = g->dy[0], *y = tni_saved(g, which);
    if (!y) return false;
    *done = dy->a.dtype == y->a.dtype && tni_dtype_is_float((tn_dtype)y->a.dtype) && tni_same_shape(&dy->a, &y->a);
    if (!*done) return true;
    tn_tensor *dx = tni_tensor_new_like(g->t, "backward", y, (tn_dtype)y->a.dtype);
    if (!dx) return false;
    tni_map_arrays(loops[y->a.dtype == TN_FLOAT64], (const tni_array *const[]){&dx->a, &dy->a, &y->a}, 3, NULL);
    return (g->dx[0] = tni_give(g->t, dx)) != NULL;
}

/* Defines <name>_fused: expr over a, an element of dy, and b, one of the saved tensor; <name>_vjp where it does not fit. */
#define FUSED(name, which, expr)                                                                                                   \
    TNI_LOOP2(name##_back_f32, float, float, expr)                                                                                 \
    TNI_LOOP2(name##_back_f64, double, double, expr)                                                                               \
    static tni_loop *const name##_back[2] = {name##_back_f32, name##_back_f64};                                                    \
    static bool name##_fused(tni_vjp *g) {                                                                                         \
        bool done;                                                                                                                 \
        TNI_TRY(one_pass(g, which, name##_back, &done));                                                                           \
        return done || name##_vjp(g);                                                                                              \
    }

/* A loop over the functions of cpu/vmath.h, which give the same bits by array and by element. */
#define VMATH_LOOP(name, T, type)                                                                                                  \
    static void name##_##type(char *const *p, const int64_t *s, int64_t n, const tni_value *arg) {                                 \
        (void)arg;                                                                                                                 \
        if (s[0] == sizeof(T) && s[1] == sizeof(T)) {                                                                              \
            tni_##name##_##type((T *)p[0], (const T *)p[1], n);                                                                    \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t i = 0; i < n; i++) *(T *)(p[0] + i * s[0]) = tni_##name##_##type##_(*(const T *)(p[1] + i * s[1]));           \
    }
#define VMATH_MAP(name)                                                                                                            \
    VMATH_LOOP(name, float, f32)                                                                                                   \
    VMATH_LOOP(name, double, f64)                                                                                                  \
    static const tni_map name##_map = {TNI_FLOATING, {NULL, NULL, NULL, name##_f32, name##_f64, NULL}};

/* ---- neg ---- */

TNI_LOOP1(neg_u8, uint8_t, uint8_t, 0 - a)
TNI_LOOP1(neg_i32, int32_t, int32_t, 0 - U32(a))
TNI_LOOP1(neg_i64, int64_t, int64_t, 0 - U64(a))
TNI_LOOP1(neg_f32, float, float, -a)
TNI_LOOP1(neg_f64, double, double, -a)
static const tni_map neg_map = {TNI_SAME, {neg_u8, neg_i32, neg_i64, neg_f32, neg_f64, NULL}};

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

TN_OP(neg, .schema = "neg(Tensor self) -> Tensor", .grad_name = "NegBackward0", .run = neg_run, .vjp = neg_vjp,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[]", "f32[0,3]", "i64[5]", "u8[3]", "bool[2] !dtype"));

/** -x: torch.neg. A bool tensor is TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_neg)(tn_tensor *x) { return tni_run_op(&tni_op_neg, TNI_INS(x), TNI_NO_ARGS); }
/** x = -x. Returns x. */
TN_API tn_tensor *(tn_neg_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_neg, TNI_INS(x), TNI_NO_ARGS); }

/* ---- sign, abs ---- */

#define SIGN(a) ((a > 0) - (a < 0))
TNI_LOOP1(sign_u8, uint8_t, uint8_t, a != 0)
TNI_LOOP1(sign_i32, int32_t, int32_t, SIGN(a))
TNI_LOOP1(sign_i64, int64_t, int64_t, SIGN(a))
TNI_LOOP1(sign_f32, float, float, SIGN(a))
TNI_LOOP1(sign_f64, double, double, SIGN(a))
static const tni_map sign_map = {TNI_SAME, {sign_u8, sign_i32, sign_i64, sign_f32, sign_f64, sign_u8}};

static bool sign_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_zeros_like_input(g, 0));
    return true;
}

TN_OP(sign, .schema = "sign(Tensor self) -> Tensor", .grad_name = "SignBackward0", .run = tni_run_map, .map = &sign_map,
      .vjp = sign_vjp, .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "i64[5]", "bool[3]", "f32[0]"));

/** 1, 0 or -1 by the sign of each element; 0 for NaN: torch.sign. [scope] */
TN_API tn_tensor *(tn_sign)(tn_tensor *x) { return tni_run_op(&tni_op_sign, TNI_INS(x), TNI_NO_ARGS); }
/** x = sign(x). Returns x. */
TN_API tn_tensor *(tn_sign_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sign, TNI_INS(x), TNI_NO_ARGS); }

TNI_LOOP1(abs_u8, uint8_t, uint8_t, a)
TNI_LOOP1(abs_i32, int32_t, int32_t, a < 0 ? 0 - U32(a) : U32(a))
TNI_LOOP1(abs_i64, int64_t, int64_t, a < 0 ? 0 - U64(a) : U64(a))
TNI_LOOP1(abs_f32, float, float, __builtin_fabsf(a))
TNI_LOOP1(abs_f64, double, double, __builtin_fabs(a))
static const tni_map abs_map = {TNI_SAME, {abs_u8, abs_i32, abs_i64, abs_f32, abs_f64, NULL}};

static bool abs_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_sign(tni_saved(g, TNI_IN(0)))));
    return true;
}
FUSED(abs, TNI_IN(0), a *SIGN(b))

TN_OP(abs, .schema = "abs(Tensor self) -> Tensor", .grad_name = "AbsBackward0", .run = tni_run_map, .map = &abs_map, .vjp = abs_vjp,
      .fused_vjp = abs_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[]", "i64[5]", "u8[3]", "f32[0,3]"));

/** |x|: torch.abs. The derivative at 0 is 0. A bool tensor is TN_ERR_NOT_IMPLEMENTED. [scope] */
TN_API tn_tensor *(tn_abs)(tn_tensor *x) { return tni_run_op(&tni_op_abs, TNI_INS(x), TNI_NO_ARGS); }
/** x = |x|. Returns x. */
TN_API tn_tensor *(tn_abs_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_abs, TNI_INS(x), TNI_NO_ARGS); }

/* ---- exp, log, sqrt ---- */

VMATH_MAP(exp)

static bool exp_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tni_saved(g, TNI_OUT(0))));
    return true;
}

TN_OP(exp, .schema = "exp(Tensor self) -> Tensor", .grad_name = "ExpBackward0", .run = tni_run_map, .map = &exp_map, .vjp = exp_vjp,
      .save = TNI_OUT(0), .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "bool[3]", "f32[0,3]"));

/** e^x; integers give the default dtype: torch.exp. [scope] */
TN_API tn_tensor *(tn_exp)(tn_tensor *x) { return tni_run_op(&tni_op_exp, TNI_INS(x), TNI_NO_ARGS); }
/** x = e^x, for floating point x. Returns x. */
TN_API tn_tensor *(tn_exp_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_exp, TNI_INS(x), TNI_NO_ARGS); }

VMATH_MAP(log)

static bool log_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tni_saved(g, TNI_IN(0))));
    return true;
}

TN_OP(log, .schema = "log(Tensor self) -> Tensor", .grad_name = "LogBackward0", .run = tni_run_map, .map = &log_map, .vjp = log_vjp,
      .save = TNI_IN(0), .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[3,4]^T>0.5", "f32[]>0.5", "i64[5]<9", "f32[0,3]"));

/** Natural logarithm; integers give the default dtype: torch.log. [scope] */
TN_API tn_tensor *(tn_log)(tn_tensor *x) { return tni_run_op(&tni_op_log, TNI_INS(x), TNI_NO_ARGS); }
/** x = log(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_log_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_log, TNI_INS(x), TNI_NO_ARGS); }

VMATH_MAP(sqrt)

static bool sqrt_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_div(g->dy[0], tn_mul(tni_saved(g, TNI_OUT(0)), 2)));
    return true;
}
FUSED(sqrt, TNI_OUT(0), a / (b * 2))

TN_OP(sqrt, .schema = "sqrt(Tensor self) -> Tensor", .grad_name = "SqrtBackward0", .run = tni_run_map, .map = &sqrt_map,
      .vjp = sqrt_vjp, .fused_vjp = sqrt_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5", "f64[3,4]^T>0.5", "f32[]>0.5", "i64[5]<9", "f32[0,3]"));

/** Square root, rounded as IEEE 754 says; integers give the default dtype: torch.sqrt. [scope] */
TN_API tn_tensor *(tn_sqrt)(tn_tensor *x) { return tni_run_op(&tni_op_sqrt, TNI_INS(x), TNI_NO_ARGS); }
/** x = sqrt(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sqrt_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sqrt, TNI_INS(x), TNI_NO_ARGS); }

/* ---- tanh, sigmoid, relu ---- */

VMATH_MAP(tanh)

static bool tanh_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_sub(1, tn_mul(y, y))));
    return true;
}
FUSED(tanh, TNI_OUT(0), a *(1 - b * b))

TN_OP(tanh, .schema = "tanh(Tensor self) -> Tensor", .grad_name = "TanhBackward0", .run = tni_run_map, .map = &tanh_map,
      .vjp = tanh_vjp, .fused_vjp = tanh_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "f32[0,3]"));

/** Hyperbolic tangent; integers give the default dtype: torch.tanh. [scope] */
TN_API tn_tensor *(tn_tanh)(tn_tensor *x) { return tni_run_op(&tni_op_tanh, TNI_INS(x), TNI_NO_ARGS); }
/** x = tanh(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_tanh_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_tanh, TNI_INS(x), TNI_NO_ARGS); }

VMATH_MAP(sigmoid)

static bool sigmoid_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    TNI_DX(g, 0, tn_mul(tn_mul(g->dy[0], tn_sub(1, y)), y));
    return true;
}
FUSED(sigmoid, TNI_OUT(0), a *(1 - b) * b)

TN_OP(sigmoid, .schema = "sigmoid(Tensor self) -> Tensor", .grad_name = "SigmoidBackward0", .run = tni_run_map, .map = &sigmoid_map,
      .vjp = sigmoid_vjp, .fused_vjp = sigmoid_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]<3", "f32[0,3]"));

/** 1 / (1 + e^-x); integers give the default dtype: torch.sigmoid. [scope] */
TN_API tn_tensor *(tn_sigmoid)(tn_tensor *x) { return tni_run_op(&tni_op_sigmoid, TNI_INS(x), TNI_NO_ARGS); }
/** x = sigmoid(x), for floating point x. Returns x. */
TN_API tn_tensor *(tn_sigmoid_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_sigmoid, TNI_INS(x), TNI_NO_ARGS); }

/* NaN and -0 stay. */
TNI_LOOP1(relu_u8, uint8_t, uint8_t, a)
TNI_LOOP1(relu_i32, int32_t, int32_t, a < 0 ? 0 : a)
TNI_LOOP1(relu_i64, int64_t, int64_t, a < 0 ? 0 : a)
TNI_LOOP1(relu_f32, float, float, a < 0 ? 0 : a)
TNI_LOOP1(relu_f64, double, double, a < 0 ? 0 : a)
static const tni_map relu_map = {TNI_SAME, {relu_u8, relu_i32, relu_i64, relu_f32, relu_f64, NULL}};

static bool relu_run(tni_call *c) {
    TNI_REQUIRE(c, c->in[0]->a.dtype != TN_BOOL, TN_ERR_DTYPE, "Boolean inputs not supported for relu");
    return tni_run_map_with(c, &relu_map);
}

/* Where the result is NaN the gradient passes, as in PyTorch. */
static bool relu_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_where(tn_le(tni_saved(g, TNI_OUT(0)), 0), 0, g->dy[0]));
    return true;
}
FUSED(relu, TNI_OUT(0), b <= 0 ? 0 : a)

TN_OP(relu, .schema = "relu(Tensor self) -> Tensor", .grad_name = "ReluBackward0", .run = relu_run, .vjp = relu_vjp,
      .fused_vjp = relu_fused, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "i64[5]", "f32[0,3]", "bool[2] !dtype"));

/** max(x, 0): torch.relu. The derivative at 0 is 0. A bool tensor is TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_relu)(tn_tensor *x) { return tni_run_op(&tni_op_relu, TNI_INS(x), TNI_NO_ARGS); }
/** x = max(x, 0). Returns x. */
TN_API tn_tensor *(tn_relu_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_relu, TNI_INS(x), TNI_NO_ARGS); }
