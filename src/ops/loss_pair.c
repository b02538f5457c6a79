/* ops/loss_pair.c - losses of two tensors, element by element: l1, smooth_l1, huber, kl_div. */
#include "ops/loss.h"
#include <tison/ops.h>

#define DISTANCE TNI_F(fabs, a - b)
#define EXTRA TNI_V(arg->d)

static bool check_kernel(tni_call *c, const char *kernel) {
    tn_dtype dtype = tni_result_type(c->in, 2);
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                tni_dtype_get(dtype)->legacy);
    return true;
}

/* A map whose parameter is argument 1, then the reduction of argument 0. */
static bool run_pair(tni_call *c, const tni_map *map, const char *kernel) {
    TNI_TRY(check_kernel(c, kernel));
    tni_value *kept = c->arg;
    c->arg = &kept[1];
    bool right = tni_run_map_with(c, map);
    c->arg = kept;
    return right && tni_loss_reduce(c, kept[0].i);
}

/* The derivative for x by a formula, which for the target is the same with both exchanged. */
typedef tn_tensor *slope(tn_tensor *x, tn_tensor *t, double extra);
static bool pair_vjp(tni_vjp *g, slope *of) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *t = tni_saved(g, TNI_IN(1));
    if (!x || !t) return false;
    tn_tensor *dy = tn_mul(g->dy[0], tni_loss_scale(1, &x->a, &t->a, g->arg[0].i));
    TNI_DX(g, 0, tn_mul(of(x, t, g->arg[1].d), dy));
    TNI_DX(g, 1, tn_mul(of(t, x, g->arg[1].d), dy));
    return true;
}

/* The same by a row on raw arrays. */
static bool pair_fused(tni_vjp *g, const tni_op *row) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *t = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tni_run_op(row, TNI_INS(g->dy[0], x, t), TNI_ARGS({.i = g->arg[0].i}, {.d = g->arg[1].d})));
    TNI_DX(g, 1, tni_run_op(row, TNI_INS(g->dy[0], t, x), TNI_ARGS({.i = g->arg[0].i}, {.d = g->arg[1].d})));
    return true;
}

static bool run_backward(tni_call *c, const tni_map *map) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    return tni_loss_run_backward(c, map, tni_loss_scale(1, &c->in[1]->a, &c->in[2]->a, c->arg[0].i), c->arg[1].d);
}

static tn_tensor *reduced(tn_tensor *losses, int64_t reduction) {
    return reduction == TN_REDUCTION_MEAN ? tn_mean(losses) : reduction == TN_REDUCTION_SUM ? tn_sum(losses) : losses;
}

/* ---- l1_loss ---- */

static bool l1_run(tni_call *c) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    c->out[0] = reduced(tn_abs(tn_sub(c->in[0], c->in[1])), c->arg[0].i);
    return c->out[0] != NULL;
}
TN_OP(l1_loss, .schema = "l1_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor", .run = l1_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 @bench", "f64[3,4] f64[4] 2", "f64[3,4]^T f64[3,4]^T 0", "f32[0] f32[0] 1",
                            "f32[] f32[] 1", "i64[3] i64[3] 2", "f16[3] f16[3] 1", "i64[2] i64[2] 1 !dtype",
                            "f32[2,3] f32[2] 1 !shape"));

#ifdef TN_HEADER
/* Keywords of tn_l1_loss. */
typedef struct tn_l1_loss_opts {
    size_t size;
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
} tn_l1_loss_opts;
/* Keywords of tn_smooth_l1_loss. */
typedef struct tn_smooth_l1_loss_opts {
    size_t size;
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
    double beta;            /* 1; 0 gives l1_loss */
} tn_smooth_l1_loss_opts;
/* Keywords of tn_huber_loss. */
typedef struct tn_huber_loss_opts {
    size_t size;
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
    double delta;           /* 1 */
} tn_huber_loss_opts;
/* Keywords of tn_kl_div. */
typedef struct tn_kl_div_opts {
    size_t size;
    tn_reduction reduction; /* TN_REDUCTION_MEAN, or TN_REDUCTION_BATCHMEAN: the sum divided by the first size */
    struct tn_keywords_only *keywords_only;
    bool log_target; /* false; true: target holds logarithms too */
} tn_kl_div_opts;
#ifndef __cplusplus
#define tn_l1_loss(x, ...)                                                                                                         \
    TN_WITH(tn_l1_loss_opts, (.reduction = TN_REDUCTION_MEAN), (tn_l1_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                    \
            TN_REST(__VA_ARGS__, ))
#define tn_smooth_l1_loss(x, ...)                                                                                                  \
    TN_WITH(tn_smooth_l1_loss_opts, (.reduction = TN_REDUCTION_MEAN, .beta = 1),                                                   \
            (tn_smooth_l1_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_huber_loss(x, ...)                                                                                                      \
    TN_WITH(tn_huber_loss_opts, (.reduction = TN_REDUCTION_MEAN, .delta = 1), (tn_huber_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),  \
            TN_REST(__VA_ARGS__, ))
#define tn_kl_div(x, ...)                                                                                                          \
    TN_WITH(tn_kl_div_opts, (.reduction = TN_REDUCTION_MEAN), (tn_kl_div)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Mean of |x - target|: torch.nn.functional.l1_loss. The shapes broadcast, with PyTorch's warning. [scope] */
TN_API tn_tensor *(tn_l1_loss)(tn_tensor *x, tn_tensor *target, const tn_l1_loss_opts *opts) {
    tni_loss_warn_shapes(x, target);
    return tni_run_op(&tni_op_l1_loss, TNI_INS(x, target), TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}));
}

/* ---- smooth_l1_loss: d^2 / (2 beta) up to beta, then |d| - beta / 2 ---- */

TNI_FLOAT2(smooth_l1, DISTANCE < EXTRA ? TNI_V(0.5) * DISTANCE * DISTANCE / EXTRA : DISTANCE - TNI_V(0.5) * EXTRA)
static const tni_map smooth_l1_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(smooth_l1));
TNI_LOSS_BACKWARD(smooth_l1_backward, a - b <= -extra ? -scale * dy : a - b >= extra ? scale * dy : scale * (a - b) * dy / extra)

static bool smooth_l1_run(tni_call *c) {
    TNI_REQUIRE(c, !(c->arg[1].d < 0), TN_ERR_RUNTIME, "smooth_l1_loss does not support negative values for beta.");
    return run_pair(c, &smooth_l1_map, "smooth_l1_cpu");
}
static bool smooth_l1_backward_run(tni_call *c) { return run_backward(c, &smooth_l1_backward_map); }
TN_OP(smooth_l1_loss_backward,
      .schema = "smooth_l1_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction, float beta) -> Tensor",
      .run = smooth_l1_backward_run, .hidden = true, .widen = true,
      .samples = TN_SAMPLES("f32[] f32[3,4] f32[3,4] 1 0.5 nograd", "f64[3,4] f64[3,4] f64[4] 0 1.0 nograd"));

static tn_tensor *smooth_l1_slope(tn_tensor *x, tn_tensor *t, double beta) {
    tn_tensor *d = tn_sub(x, t);
    return tn_where(tn_lt(tn_abs(d), beta), tn_div(d, beta), tn_sign(d));
}
static bool smooth_l1_vjp(tni_vjp *g) { return pair_vjp(g, smooth_l1_slope); }
static bool smooth_l1_fused(tni_vjp *g) { return pair_fused(g, &tni_op_smooth_l1_loss_backward); }

static tn_tensor *smooth_l1_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(smooth_l1_loss, .schema = "smooth_l1_loss(Tensor self, Tensor target, int reduction=Mean, float beta=1.0) -> Tensor",
      .grad_name = "SmoothL1LossBackward0", .run = smooth_l1_run, .front = smooth_l1_front, .widen = true, .vjp = smooth_l1_vjp,
      .fused_vjp = smooth_l1_fused, .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 @bench", "f64[3,4] f64[4] 2 0.7", "f64[3,4]^T f64[3,4]^T 0 2.0", "f32[0] f32[0] 1",
                            "f32[] f32[] 1", "f64[3,4] f64[3,4] beta=0.0", "bf16[3,4] bf16[3,4]",
                            "f32[3] f32[3] beta=-1.0 !runtime", "i64[2] i64[2] 1 !not_implemented", "f32[2,3] f32[2] 1 !shape"));

/** Mean of d^2 / (2 beta) where d = |x - target| is below beta, else of d - beta / 2: torch.nn.functional.smooth_l1_loss. As
 *  tn_l1_loss; floating point. A negative beta is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_smooth_l1_loss)(tn_tensor *x, tn_tensor *target, const tn_smooth_l1_loss_opts *opts) {
    int64_t reduction = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN);
    double beta = TNI_OPT(opts, beta, 1.0);
    tni_loss_warn_shapes(x, target);
    if (beta == 0) return tni_run_op(&tni_op_l1_loss, TNI_INS(x, target), TNI_ARGS({.i = reduction}));
    return tni_run_op(&tni_op_smooth_l1_loss, TNI_INS(x, target), TNI_ARGS({.i = reduction}, {.d = beta}));
}

static tn_tensor *smooth_l1_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_smooth_l1_loss_opts o = {.size = sizeof o, .reduction = (tn_reduction)arg[0].i, .beta = arg[1].d};
    return (tn_smooth_l1_loss)(in[0], in[1], &o);
}

/* ---- huber_loss: d^2 / 2 up to delta, then delta (|d| - delta / 2) ---- */

TNI_FLOAT2(huber, DISTANCE <= EXTRA ? TNI_V(0.5) * DISTANCE * DISTANCE : EXTRA * (DISTANCE - TNI_V(0.5) * EXTRA))
static const tni_map huber_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(huber));
TNI_LOSS_BACKWARD(huber_backward, a - b <= -extra  ? -scale * dy * extra
                                  : a - b >= extra ? scale * dy * extra
                                                   : scale * (a - b) * dy)

static bool huber_run(tni_call *c) {
    TNI_REQUIRE(c, c->arg[1].d > 0, TN_ERR_RUNTIME, "huber_loss does not support non-positive values for delta.");
    return run_pair(c, &huber_map, "huber_cpu");
}
static bool huber_backward_run(tni_call *c) { return run_backward(c, &huber_backward_map); }
TN_OP(huber_loss_backward,
      .schema = "huber_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction, float delta) -> Tensor",
      .run = huber_backward_run, .hidden = true, .widen = true,
      .samples = TN_SAMPLES("f32[] f32[3,4] f32[3,4] 1 0.5 nograd", "f64[3,4] f64[3,4] f64[4] 0 1.0 nograd"));

static tn_tensor *huber_slope(tn_tensor *x, tn_tensor *t, double delta) {
    tn_tensor *d = tn_sub(x, t);
    return tn_where(tn_le(tn_abs(d), delta), d, tn_mul(tn_sign(d), delta));
}
static bool huber_vjp(tni_vjp *g) { return pair_vjp(g, huber_slope); }
static bool huber_fused(tni_vjp *g) { return pair_fused(g, &tni_op_huber_loss_backward); }

TN_OP(huber_loss, .schema = "huber_loss(Tensor self, Tensor target, int reduction=Mean, float delta=1.0) -> Tensor",
      .grad_name = "HuberLossBackward0", .run = huber_run, .widen = true, .vjp = huber_vjp, .fused_vjp = huber_fused,
      .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 @bench", "f64[3,4] f64[4] 2 0.7", "f64[3,4]^T f64[3,4]^T 0 2.0", "f32[0] f32[0] 1",
                            "f32[] f32[] 1", "f16[3,4] f16[3,4]", "f32[3] f32[3] delta=0.0 !runtime",
                            "i64[2] i64[2] 1 !not_implemented", "f32[2,3] f32[2] 1 !shape"));

/** Mean of d^2 / 2 where d = |x - target| is at most delta, else of delta (d - delta / 2): torch.nn.functional.huber_loss. As
 *  tn_l1_loss; floating point. A delta that is not positive is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_huber_loss)(tn_tensor *x, tn_tensor *target, const tn_huber_loss_opts *opts) {
    tni_loss_warn_shapes(x, target);
    return tni_run_op(&tni_op_huber_loss, TNI_INS(x, target),
                      TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}, {.d = TNI_OPT(opts, delta, 1.0)}));
}

/* ---- kl_div: target (log(target) - x), where x holds logarithms ---- */

static bool kl_div_run(tni_call *c) {
    tn_tensor *x = c->in[0], *t = c->in[1];
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    for (int i = 0; i < 2; i++) {
        tn_dtype dtype = (tn_dtype)c->in[i]->a.dtype;
        TNI_REQUIRE(c, !tni_dtype_is_complex(dtype), TN_ERR_DTYPE, "Complex inputs not supported.");
        TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_DTYPE, "Integral inputs not supported.");
    }
    tn_tensor *losses;
    if (c->arg[1].b)
        losses = tn_mul(tn_exp(t), tn_sub(t, x));
    else /* 0 log 0 is 0 */
        losses = tn_sub(tn_where(tn_eq(t, 0), 0, tn_mul(t, tn_log(t))), tn_mul(t, x));
    c->out[0] = reduced(losses, c->arg[0].i);
    return c->out[0] != NULL;
}
TN_OP(kl_div, .schema = "kl_div(Tensor self, Tensor target, int reduction=Mean, *, bool log_target=False) -> Tensor",
      .run = kl_div_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]>0.1 1 @bench", "f64[3,4] f64[4]>0.1 2", "f64[3,4]^T f64[3,4]^T 0 log_target=true",
                            "f32[0] f32[0] 1", "f32[4] f32[4]=0 0 nograd", "f16[3,4] f16[3,4]>0.1", "i64[2] f32[2] !dtype",
                            "f32[2] c64[2] !dtype", "f32[2,3] f32[2] 1 !shape"));

/** Mean of target (log(target) - x), element by element: torch.nn.functional.kl_div. x holds logarithms, target probabilities, or
 *  logarithms too with .log_target; floating point. [scope] */
TN_API tn_tensor *(tn_kl_div)(tn_tensor *x, tn_tensor *target, const tn_kl_div_opts *opts) {
    int64_t reduction = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN);
    bool batch = reduction == TN_REDUCTION_BATCHMEAN, log_target = TNI_OPT(opts, log_target, false);
    tn_tensor *y =
        tni_run_op(&tni_op_kl_div, TNI_INS(x, target), TNI_ARGS({.i = batch ? TN_REDUCTION_SUM : reduction}, {.b = log_target}));
    return batch && y ? tn_div(y, x->a.ndim ? x->a.sizes[0] : (int64_t)1) : y;
}
