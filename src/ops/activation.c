/* ops/activation.c - activations of one tensor: gelu, silu, leaky_relu, elu, softplus, hardtanh, relu6, logsigmoid. */
#include "ops/unary.h"
#include <string.h>
#include <tison/ops.h>

#define ROOT_HALF 0.70710678118654752440       /* 1 / sqrt(2) */
#define ROOT_2_BY_PI 0.79788456080286535588    /* sqrt(2 / pi) */
#define ROOT_HALF_BY_PI 0.39894228040143267794 /* 1 / sqrt(2 pi) */
#define CUBIC 0.044715

/* ---- gelu ---- */

TNI_FLOAT1(gelu, a *TNI_V(0.5) * (1 + TNI_VM(erf, a *TNI_V(ROOT_HALF))))
static const tni_map gelu_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(gelu));

#define INNER(a) (TNI_V(ROOT_2_BY_PI) * ((a) + TNI_V(CUBIC) * ((a) * (a) * (a))))
TNI_FLOAT1(gelu_tanh, TNI_V(0.5) * a * (1 + TNI_VM(tanh, INNER(a))))
static const tni_map gelu_tanh_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(gelu_tanh));

static bool gelu_run(tni_call *c) {
    const char *how = c->arg[0].p;
    c->arg[0].b = how && strcmp(how, "tanh") == 0; /* what is recorded must outlive the text */
    if (how && strcmp(how, "none") != 0 && strcmp(how, "tanh") != 0)
        return tni_fail(TN_ERR_RUNTIME, "approximate argument must be either none or tanh.");
    return tni_run_map_with(c, c->arg[0].b ? &gelu_tanh_map : &gelu_map);
}

/* dy * (cdf + x * pdf) */
static tn_tensor *exact_slope(tn_tensor *x) {
    tn_tensor *cdf = tn_mul(tn_add(tn_erf(tn_mul(x, ROOT_HALF)), 1), 0.5);
    tn_tensor *pdf = tn_mul(tn_exp(tn_mul(tn_mul(x, x), -0.5)), ROOT_HALF_BY_PI);
    return tn_add(cdf, tn_mul(x, pdf));
}

static tn_tensor *tanh_slope(tn_tensor *x) {
    tn_tensor *square = tn_mul(x, x), *inner = tn_mul(tn_add(x, tn_mul(tn_mul(square, x), CUBIC)), ROOT_2_BY_PI);
    tn_tensor *y = tn_tanh(inner), *left = tn_mul(tn_add(y, 1), 0.5);
    tn_tensor *slope = tn_mul(tn_add(tn_mul(square, 3 * CUBIC), 1), ROOT_2_BY_PI);
    return tn_add(left, tn_mul(tn_mul(tn_mul(x, 0.5), tn_sub(1, tn_mul(y, y))), slope));
}

static bool gelu_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_mul(g->dy[0], g->arg[0].b ? tanh_slope(x) : exact_slope(x)));
    return true;
}

#define EXACT_SLOPE(b)                                                                                                             \
    (TNI_V(0.5) * (1 + TNI_VM(erf, (b)*TNI_V(ROOT_HALF))) + (b) * (TNI_VM(exp, (b) * (b)*TNI_V(-0.5)) * TNI_V(ROOT_HALF_BY_PI)))
TNI_LOOP2(gelu_back_f32, float, float, a *EXACT_SLOPE(b))
TNI_LOOP2(gelu_back_f64, double, double, a *EXACT_SLOPE(b))
#define TANH_SLOPE(b, y)                                                                                                           \
    (TNI_V(0.5) * (1 + (y)) + TNI_V(0.5) * (b) * (1 - (y) * (y)) * (TNI_V(ROOT_2_BY_PI) * (1 + TNI_V(3 * CUBIC) * ((b) * (b)))))
TNI_LOOP2(gelu_tanh_back_f32, float, float, a *TANH_SLOPE(b, TNI_VM(tanh, INNER(b))))
TNI_LOOP2(gelu_tanh_back_f64, double, double, a *TANH_SLOPE(b, TNI_VM(tanh, INNER(b))))

static bool gelu_fused(tni_vjp *g) {
    static tni_loop *const exact[2] = {gelu_back_f32, gelu_back_f64}, *const tanh_[2] = {gelu_tanh_back_f32, gelu_tanh_back_f64};
    bool done;
    TNI_TRY(tni_one_pass(g, TNI_IN(0), g->arg[0].b ? tanh_ : exact, &done));
    return done || gelu_vjp(g);
}

TN_OP(gelu, .schema = "gelu(Tensor self, *, str approximate='none') -> Tensor", .grad_name = "GeluBackward0", .run = gelu_run,
      .inplace = true, .vjp = gelu_vjp, .fused_vjp = gelu_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[3,4] approximate='tanh'", "f64[5] approximate='tanh'", "f32[]",
                            "bf16[5]", "f16[5] approximate='tanh'", "f32[0,3]", "i64[2] !not_implemented",
                            "f32[2] approximate='x' !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_gelu. */
typedef struct tn_gelu_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    const char *approximate; /* "none" or "tanh"; NULL: "none" */
} tn_gelu_opts;
#ifndef __cplusplus
#define tn_gelu(...) TN_WITH(tn_gelu_opts, (.approximate = NULL), (tn_gelu)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x times the normal distribution's share below x: torch.nn.functional.gelu. Floating point; another word for .approximate is
 *  TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_gelu)(tn_tensor *x, const tn_gelu_opts *opts) {
    return tni_run_op(&tni_op_gelu, TNI_INS(x), TNI_ARGS({.p = TNI_OPT(opts, approximate, NULL)}));
}

/* ---- silu ---- */

TNI_FLOAT1(silu, a / (1 + TNI_VM(exp, -a)))
static const tni_map silu_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(silu));

static bool silu_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *s = tn_sigmoid(x);
    TNI_DX(g, 0, tn_mul(tn_mul(g->dy[0], s), tn_add(tn_mul(x, tn_sub(1, s)), 1)));
    return true;
}
#define SILU_SLOPE(b, s) ((s) * (1 + (b) * (1 - (s))))
TNI_FUSED(silu, TNI_IN(0), a *SILU_SLOPE(b, TNI_VM(sigmoid, b)))

TN_OP(silu, .schema = "silu(Tensor self) -> Tensor", .grad_name = "SiluBackward0", .run = tni_run_map, .inplace = true,
      .map = &silu_map, .vjp = silu_vjp, .fused_vjp = silu_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "bf16[5]", "f32[0,3]", "i64[2] !not_implemented"));

/** x * sigmoid(x): torch.nn.functional.silu. Floating point. [scope] */
TN_API tn_tensor *(tn_silu)(tn_tensor *x) { return tni_run_op(&tni_op_silu, TNI_INS(x), TNI_NO_ARGS); }
/** x = silu(x). Returns x. */
TN_API tn_tensor *(tn_silu_)(tn_tensor *x) { return tni_run_op_inplace(&tni_op_silu, TNI_INS(x), TNI_NO_ARGS); }

/* ---- leaky_relu ---- */

TNI_FLOAT1(leaky_relu, TNI_ARG1(a > 0 ? a : a * d0))
static const tni_map leaky_relu_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(leaky_relu));

static bool leaky_relu_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_where(tn_gt(tni_saved(g, TNI_IN(0)), 0), g->dy[0], tn_mul(g->dy[0], g->arg[0].d)));
    return true;
}
TNI_FUSED(leaky_relu, TNI_IN(0), TNI_ARG1(b > 0 ? a : a * d0))

TN_OP(leaky_relu, .schema = "leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor", .grad_name = "LeakyReluBackward0",
      .run = tni_run_map, .inplace = true, .map = &leaky_relu_map, .vjp = leaky_relu_vjp, .fused_vjp = leaky_relu_fused,
      .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T 0.2", "f32[]", "bf16[5]", "f32[0,3]", "i64[2] !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_leaky_relu. */
typedef struct tn_leaky_relu_opts {
    size_t size;
    double negative_slope; /* 0.01 */
} tn_leaky_relu_opts;
#ifndef __cplusplus
#define tn_leaky_relu(...)                                                                                                         \
    TN_WITH(tn_leaky_relu_opts, (.negative_slope = 0.01), (tn_leaky_relu)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_leaky_relu_(...)                                                                                                        \
    TN_WITH(tn_leaky_relu_opts, (.negative_slope = 0.01), (tn_leaky_relu_)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x where it is positive, else negative_slope * x: torch.nn.functional.leaky_relu. Floating point. [scope] */
TN_API tn_tensor *(tn_leaky_relu)(tn_tensor *x, const tn_leaky_relu_opts *opts) {
    return tni_run_op(&tni_op_leaky_relu, TNI_INS(x), TNI_ARGS({.d = TNI_OPT(opts, negative_slope, 0.01)}));
}
/** x = leaky_relu(x). Returns x. */
TN_API tn_tensor *(tn_leaky_relu_)(tn_tensor *x, const tn_leaky_relu_opts *opts) {
    return tni_run_op_inplace(&tni_op_leaky_relu, TNI_INS(x), TNI_ARGS({.d = TNI_OPT(opts, negative_slope, 0.01)}));
}

/* ---- elu ---- */

TNI_FLOAT1(elu, TNI_ARG1(a > 0 ? a : TNI_VM(expm1, a) * d0))
static const tni_map elu_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(elu));

static bool elu_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_where(tn_gt(x, 0), g->dy[0], tn_mul(g->dy[0], tn_mul(tn_exp(x), g->arg[0].d))));
    return true;
}
TNI_FUSED(elu, TNI_IN(0), TNI_ARG1(b > 0 ? a : a * TNI_VM(exp, b) * d0))

TN_OP(elu, .schema = "elu(Tensor self, Scalar alpha=1) -> Tensor", .grad_name = "EluBackward0", .run = tni_run_map, .inplace = true,
      .map = &elu_map, .vjp = elu_vjp, .fused_vjp = elu_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T 0.5", "f32[]", "bf16[5]", "f32[0,3]", "i64[2] !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_elu. */
typedef struct tn_elu_opts {
    size_t size;
    double alpha; /* 1 */
} tn_elu_opts;
#ifndef __cplusplus
#define tn_elu(...) TN_WITH(tn_elu_opts, (.alpha = 1), (tn_elu)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_elu_(...) TN_WITH(tn_elu_opts, (.alpha = 1), (tn_elu_)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x where it is positive, else alpha * (e^x - 1): torch.nn.functional.elu. Floating point. [scope] */
TN_API tn_tensor *(tn_elu)(tn_tensor *x, const tn_elu_opts *opts) {
    return tni_run_op(&tni_op_elu, TNI_INS(x), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}
/** x = elu(x). Returns x. */
TN_API tn_tensor *(tn_elu_)(tn_tensor *x, const tn_elu_opts *opts) {
    return tni_run_op_inplace(&tni_op_elu, TNI_INS(x), TNI_ARGS({.d = TNI_OPT(opts, alpha, 1.0)}));
}

/* ---- softplus ---- */

/* arg: beta, threshold */
TNI_FLOAT1(softplus, TNI_ARG2(a *d0 > d1 ? a : TNI_VM(log1p, TNI_VM(exp, a *d0)) / d0))
static const tni_map softplus_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(softplus));

static bool softplus_vjp(tni_vjp *g) {
    tn_tensor *scaled = tn_mul(tni_saved(g, TNI_IN(0)), g->arg[0].d);
    TNI_DX(g, 0, tn_where(tn_gt(scaled, g->arg[1].d), g->dy[0], tn_mul(g->dy[0], tn_sigmoid(scaled))));
    return true;
}
TNI_FUSED(softplus, TNI_IN(0), TNI_ARG2(b *d0 > d1 ? a : a * TNI_VM(sigmoid, b *d0)))

TN_OP(softplus, .schema = "softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", .grad_name = "SoftplusBackward0",
      .run = tni_run_map, .map = &softplus_map, .vjp = softplus_vjp, .fused_vjp = softplus_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T 2", "f64[3,4] 3 0.5 nograd", "f32[]", "bf16[5]", "f32[0,3]",
                            "i64[2] !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_softplus. */
typedef struct tn_softplus_opts {
    size_t size;
    double beta;      /* 1 */
    double threshold; /* 20: above it, of beta * x, the result is x */
} tn_softplus_opts;
#ifndef __cplusplus
#define tn_softplus(...)                                                                                                           \
    TN_WITH(tn_softplus_opts, (.beta = 1, .threshold = 20), (tn_softplus)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** log(1 + e^(beta * x)) / beta: torch.nn.functional.softplus. Floating point. [scope] */
TN_API tn_tensor *(tn_softplus)(tn_tensor *x, const tn_softplus_opts *opts) {
    return tni_run_op(&tni_op_softplus, TNI_INS(x),
                      TNI_ARGS({.d = TNI_OPT(opts, beta, 1.0)}, {.d = TNI_OPT(opts, threshold, 20.0)}));
}

/* ---- hardtanh, relu6 ---- */

/* arg: min_val, max_val; NaN stays. */
#define HARDTANH TNI_ARG2(a<d0 ? d0 : a> d1 ? d1 : a)
TNI_INT1(hardtanh, HARDTANH)
TNI_FLOAT1(hardtanh, HARDTANH)
static const tni_map hardtanh_map = TNI_MAP(TNI_SAME, TNI_REAL_COLUMNS(hardtanh));

static bool hardtanh_run(tni_call *c) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_REQUIRE(c, dtype != TN_BOOL, TN_ERR_RUNTIME, "Bool inputs not supported for hardtanh");
    TNI_REQUIRE(c, dtype != TN_UINT8 || (c->arg[0].d >= 0 && c->arg[1].d >= 0), TN_ERR_RUNTIME,
                "cannot do hardtanh on an unsigned type with negative limits");
    return tni_run_map_with(c, &hardtanh_map);
}

static bool hardtanh_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tn_where(tn_le(x, g->arg[0].d), 0, tn_where(tn_ge(x, g->arg[1].d), 0, g->dy[0])));
    return true;
}
TNI_FUSED(hardtanh, TNI_IN(0), TNI_ARG2(((b <= d0) | (b >= d1)) ? 0 : a))

TN_OP(hardtanh, .schema = "hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", .grad_name = "HardtanhBackward0",
      .run = hardtanh_run, .inplace = true, .vjp = hardtanh_vjp, .fused_vjp = hardtanh_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T -0.5 0.25", "f32[]", "bf16[5]", "f32[0,3]", "i64[5] -2 2",
                            "bool[2] !runtime", "u8[3] !runtime", "u8[3] 0 2"));

#ifdef TN_HEADER
/* Keywords of tn_hardtanh. */
typedef struct tn_hardtanh_opts {
    size_t size;
    double min_val; /* -1 */
    double max_val; /* 1 */
} tn_hardtanh_opts;
#ifndef __cplusplus
#define tn_hardtanh(...)                                                                                                           \
    TN_WITH(tn_hardtanh_opts, (.min_val = -1, .max_val = 1), (tn_hardtanh)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_hardtanh_(...)                                                                                                          \
    TN_WITH(tn_hardtanh_opts, (.min_val = -1, .max_val = 1), (tn_hardtanh_)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x cut to [min_val, max_val]: torch.nn.functional.hardtanh. The derivative at the limits is 0. A bool tensor is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_hardtanh)(tn_tensor *x, const tn_hardtanh_opts *opts) {
    return tni_run_op(&tni_op_hardtanh, TNI_INS(x),
                      TNI_ARGS({.d = TNI_OPT(opts, min_val, -1.0)}, {.d = TNI_OPT(opts, max_val, 1.0)}));
}
/** x = hardtanh(x). Returns x. */
TN_API tn_tensor *(tn_hardtanh_)(tn_tensor *x, const tn_hardtanh_opts *opts) {
    return tni_run_op_inplace(&tni_op_hardtanh, TNI_INS(x),
                              TNI_ARGS({.d = TNI_OPT(opts, min_val, -1.0)}, {.d = TNI_OPT(opts, max_val, 1.0)}));
}

static bool relu6_run(tni_call *c) { return (c->out[0] = tn_hardtanh(c->in[0], 0, 6)) != NULL; }
TN_OP(relu6, .schema = "relu6(Tensor self) -> Tensor", .run = relu6_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4]^T", "f32[3]=7 nograd", "i64[5]", "f32[]", "bf16[5]", "f32[0,3]",
                            "bool[2] !runtime"));

/** x cut to [0, 6]: torch.nn.functional.relu6. [scope] */
TN_API tn_tensor *(tn_relu6)(tn_tensor *x) { return tni_run_op(&tni_op_relu6, TNI_INS(x), TNI_NO_ARGS); }
/** x = relu6(x). Returns x. */
TN_API tn_tensor *(tn_relu6_)(tn_tensor *x) { return tn_hardtanh_(x, 0, 6); }

/* ---- logsigmoid ---- */

TNI_FLOAT1(logsigmoid, (a < 0 ? a : 0) - TNI_VM(log1p, TNI_VM(exp, -TNI_F(fabs, a))))
static const tni_map logsigmoid_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(logsigmoid));

/* Row-major, as PyTorch makes it. */
static bool logsigmoid_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    if (!x->contiguous && tni_dtype_is_float((tn_dtype)x->dtype)) TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, x->sizes, x->ndim));
    return tni_run_map_with(c, &logsigmoid_map);
}

static bool logsigmoid_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_mul(g->dy[0], tn_sigmoid(tn_neg(tni_saved(g, TNI_IN(0))))));
    return true;
}
TNI_FUSED(logsigmoid, TNI_IN(0), a *TNI_VM(sigmoid, -b))

TN_OP(logsigmoid, .schema = "log_sigmoid(Tensor self) -> Tensor", .grad_name = "LogSigmoidBackward0", .run = logsigmoid_run,
      .vjp = logsigmoid_vjp, .fused_vjp = logsigmoid_fused, .save = TNI_IN(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[3,4]^T", "f32[]", "bf16[5]", "f32[0,3]", "i64[2] !not_implemented"));

/** log(1 / (1 + e^-x)), accurate for all x: torch.nn.functional.logsigmoid. Floating point. [scope] */
TN_API tn_tensor *(tn_logsigmoid)(tn_tensor *x) { return tni_run_op(&tni_op_logsigmoid, TNI_INS(x), TNI_NO_ARGS); }
