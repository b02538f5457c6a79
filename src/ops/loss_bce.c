/* ops/loss_bce.c - binary cross entropy, of probabilities and of logits. */
#include "cpu/vmath.h"
#include "ops/loss.h"
#include <tison/ops.h>

enum { X, TARGET, WEIGHT, POSITIVE };

TNI_FLOAT2(times, a *b)

/* out[0] *= weight, which is input i and broadcasts to it. */
static bool weigh(tni_call *c, size_t i) {
    tn_tensor *y = c->out[0];
    if (!c->in[i]) return true;
    const tni_array *w = tni_in_as(c, i, (tn_dtype)y->a.dtype);
    bool fits = w && w->ndim <= y->a.ndim;
    for (int d = 1; fits && d <= w->ndim; d++)
        fits = w->sizes[w->ndim - d] == 1 || w->sizes[w->ndim - d] == y->a.sizes[y->a.ndim - d];
    if (!w) return false;
    TNI_REQUIRE(c, fits, TN_ERR_SHAPE, "output with shape %s doesn't match the broadcast shape of the weight %s", TNI_SHAPE(&y->a),
                TNI_SHAPE(w));
    const tni_array *arrays[] = {&y->a, &y->a, w};
    return tni_map_arrays(y->a.dtype == TN_FLOAT64 ? times_f64 : times_f32, arrays, 3, NULL);
}

/* The map on the first two inputs, or on three when the third is there. */
static bool run_first(tni_call *c, const tni_map *map, size_t n) {
    size_t kept = c->nin;
    c->nin = n;
    bool right = tni_run_map_with(c, map);
    c->nin = kept;
    return right;
}

static bool check(tni_call *c, const char *kernel) {
    tn_dtype dtype = (tn_dtype)c->in[X]->a.dtype, other = (tn_dtype)c->in[TARGET]->a.dtype;
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                tni_dtype_get(dtype)->legacy);
    TNI_REQUIRE(c, dtype == other, TN_ERR_DTYPE, "Found dtype %s but expected %s", tni_dtype_get(other)->legacy,
                tni_dtype_get(dtype)->legacy);
    TNI_REQUIRE(
        c, tni_same_shape(&c->in[X]->a, &c->in[TARGET]->a), TN_ERR_SHAPE,
        "Using a target size (torch.Size(%s)) that is different to the input size (torch.Size(%s)) is deprecated. Please ensure "
        "they have the same size.",
        TNI_SHAPE(&c->in[TARGET]->a), TNI_SHAPE(&c->in[X]->a));
    return true;
}

/* weight * scale * dy * derivative */
static tn_tensor *chain(const tni_vjp *g, tn_tensor *derivative, tn_tensor *x, tn_tensor *weight) {
    tn_tensor *dy = tn_mul(g->dy[0], tni_loss_scale(1, &x->a, &x->a, g->arg[0].i));
    return tn_mul(weight ? tn_mul(derivative, weight) : derivative, dy);
}

static tn_tensor *one_minus(tn_tensor *x) { return tn_sub(1, x); }

/* ---- of probabilities: -(t log x + (1 - t) log(1 - x)), logarithms at least -100 ---- */

#define LOG(x) _Generic((x), float : tni_log_f32_, default : tni_log_f64_)(x)
#define LOG1P(x) _Generic((x), float : tni_log1p_f32_, default : tni_log1p_f64_)(x)
#define EXP(x) _Generic((x), float : tni_exp_f32_, default : tni_exp_f64_)(x)
#define SIGMOID(x) _Generic((x), float : tni_sigmoid_f32_, default : tni_sigmoid_f64_)(x)
#define AT_LEAST(x, low) ((x) < (low) ? (low) : (x))

TNI_FLOAT2(bce, (b - 1) * AT_LEAST(LOG1P(-a), -100) - b * AT_LEAST(LOG(a), -100))
static const tni_map bce_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(bce));
TNI_LOSS_BACKWARD(bce_backward, scale *dy *(a - b) / AT_LEAST((1 - a) * a, extra))

static bool in_range(tni_call *c, size_t i, const char *name) {
    const tni_array *x = tni_in_as(c, i, (tn_dtype)c->in[i]->a.dtype);
    bool right = true;
    if (!x) return false;
    for (int64_t k = 0; k < x->numel && right && x->device == TNI_CPU; k++) {
        double v = x->dtype == TN_FLOAT64 ? ((const double *)x->data)[k] : (double)((const float *)x->data)[k];
        right = v >= 0 && v <= 1;
    }
    TNI_REQUIRE(c, right, TN_ERR_RUNTIME, "all elements of %s should be between 0 and 1", name);
    return true;
}

static bool bce_run(tni_call *c) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i) && check(c, "binary_cross_entropy"));
    TNI_TRY(in_range(c, X, "input") && in_range(c, TARGET, "target"));
    return run_first(c, &bce_map, 2) && weigh(c, WEIGHT) && tni_loss_reduce(c, c->arg[0].i);
}

/* Inputs: dy, x, target, weight. */
static bool bce_backward_run(tni_call *c) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    double scale = tni_loss_scale(1, &c->in[1]->a, &c->in[1]->a, c->arg[0].i);
    size_t kept = c->nin;
    c->nin = 3;
    bool right = tni_loss_run_backward(c, &bce_backward_map, scale, 1e-12);
    c->nin = kept;
    return right && weigh(c, 3);
}
TN_OP(binary_cross_entropy_backward,
      .schema =
          "binary_cross_entropy_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean) "
          "-> Tensor",
      .run = bce_backward_run, .hidden = true, .widen = true, .optional = TNI_IN(3),
      .samples = TN_SAMPLES("f32[] f32[3,4]=0.3 f32[3,4]=0.4 - 1 nograd", "f64[3,4] f64[3,4]=0.3 f64[3,4]=0.4 f64[4] 0 nograd"));

static bool bce_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(X)), *t = tni_saved(g, TNI_IN(TARGET)), *weight = tni_saved(g, TNI_IN(WEIGHT));
    if (!x || !t) return false;
    if (tni_needs(g, X)) {
        tn_tensor *divisor = tn_mul(one_minus(x), x);
        divisor = tn_where(tn_lt(divisor, 1e-12), 1e-12, divisor);
        TNI_DX(g, X, chain(g, tn_div(tn_sub(x, t), divisor), x, weight));
    }
    TNI_DX(g, TARGET, chain(g, tn_sub(tn_log(one_minus(x)), tn_log(x)), x, weight));
    return true;
}

static bool bce_fused(tni_vjp *g) {
    if (tni_needs(g, TARGET)) return bce_vjp(g);
    TNI_DX(g, X,
           tni_run_op(&tni_op_binary_cross_entropy_backward,
                      TNI_INS(g->dy[0], tni_saved(g, TNI_IN(X)), tni_saved(g, TNI_IN(TARGET)), tni_saved(g, TNI_IN(WEIGHT))),
                      TNI_ARGS({.i = g->arg[0].i})));
    return true;
}

TN_OP(binary_cross_entropy,
      .schema = "binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean) -> Tensor",
      .grad_name = "BinaryCrossEntropyBackward0", .run = bce_run, .widen = true, .vjp = bce_vjp, .fused_vjp = bce_fused,
      .save = TNI_IN(X) | TNI_IN(TARGET) | TNI_IN(WEIGHT), .optional = TNI_IN(WEIGHT),
      .samples = TN_SAMPLES("f32[3,4]=0.3 f32[3,4]=0.6 - 1 @bench", "f64[3,4]=0.2 f64[3,4]=0.7 - 2",
                            "f64[2,3]=0.2 f64[2,3]=0.7 - 0", "f32[3,4]=0.2 f32[3,4]=0.7 f32[4] 1 nograd",
                            "f64[3,4]^T=0.2 f64[3,4]=0.7 f64[3,1] 0 nograd", "f32[4]=0 f32[4]=1 - 0 nograd",
                            "f32[]=0.1 f32[]=0.2 - 1", "f32[0] f32[0] - 1", "bf16[3]=0.25 bf16[3]=0.5 -",
                            "f32[3]=1.5 f32[3]=0.5 - !runtime", "f32[3]=0.5 f32[3]=-0.5 - !runtime",
                            "f32[3]=0.5 f64[3]=0.5 - !dtype", "i64[3]=1 i64[3]=1 - !not_implemented",
                            "f32[4]=0.5 f32[4]=0.5 f32[3,4] !shape"));

#ifdef TN_HEADER
/* Keywords of tn_binary_cross_entropy. */
typedef struct tn_binary_cross_entropy_opts {
    size_t size;
    tn_tensor *weight;      /* NULL: 1; broadcasts to the losses of the elements */
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
} tn_binary_cross_entropy_opts;
/* Keywords of tn_binary_cross_entropy_with_logits. */
typedef struct tn_binary_cross_entropy_with_logits_opts {
    size_t size;
    tn_tensor *weight;      /* NULL: 1; broadcasts to the losses of the elements */
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
    tn_tensor *pos_weight;  /* NULL: 1; weight of the positive part, broadcasts */
} tn_binary_cross_entropy_with_logits_opts;
#ifndef __cplusplus
#define tn_binary_cross_entropy(x, ...)                                                                                            \
    TN_WITH(tn_binary_cross_entropy_opts, (.reduction = TN_REDUCTION_MEAN),                                                        \
            (tn_binary_cross_entropy)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_binary_cross_entropy_with_logits(x, ...)                                                                                \
    TN_WITH(tn_binary_cross_entropy_with_logits_opts, (.reduction = TN_REDUCTION_MEAN),                                            \
            (tn_binary_cross_entropy_with_logits)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static bool sizes_differ(const tn_tensor *x, const tn_tensor *t) {
    bool tensors = x && t && x->object.tag == TNI_TENSOR && t->object.tag == TNI_TENSOR;
    return !tni_failed() && tensors && !x->uninitialized && !t->uninitialized && !tni_same_shape(&x->a, &t->a);
}

/** Mean of -(target log(x) + (1 - target) log(1 - x)), logarithms at least -100: torch.nn.functional.binary_cross_entropy.
 *  x, target  one shape and floating dtype, all elements in [0, 1], else TN_ERR_RUNTIME
 *  returns    0-d, or x's shape without reduction [scope]; TN_ERR_VALUE for different shapes
 */
TN_API tn_tensor *(tn_binary_cross_entropy)(tn_tensor *x, tn_tensor *target, const tn_binary_cross_entropy_opts *opts) {
    if (sizes_differ(x, target))
        return (void)tni_fail(TN_ERR_VALUE,
                              "binary_cross_entropy: Using a target size (torch.Size(%s)) that is different to the input size "
                              "(torch.Size(%s)) is deprecated. Please ensure they have the same size.",
                              TNI_SHAPE(&target->a), TNI_SHAPE(&x->a)),
               NULL;
    return tni_run_op(&tni_op_binary_cross_entropy, TNI_INS(x, target, TNI_OPT(opts, weight, NULL)),
                      TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}));
}

/* ---- of logits: (1 - t) x - (1 + (p - 1) t) log_sigmoid(x) ---- */

#define LOG_SIGMOID(x) (((x) < 0 ? (x) : (x) == (x) ? 0 : (x)) - LOG1P(EXP(-TNI_F(fabs, x))))
TNI_FLOAT2(logits, (1 - b) * a - LOG_SIGMOID(a))
TNI_FLOAT3(logits_weighted, (1 - b) * a - ((c - 1) * b + 1) * LOG_SIGMOID(a))
static const tni_map logits_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(logits)),
                     logits_weighted_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(logits_weighted));
TNI_LOSS_BACKWARD(logits_backward, scale *dy *(SIGMOID(a) - b))

/* pos_weight stands third while the map runs; it must broadcast to x. */
static bool run_logits(tni_call *c) {
    if (!c->in[POSITIVE]) return run_first(c, &logits_map, 2);
    tn_tensor *in[] = {c->in[X], c->in[TARGET], c->in[POSITIVE]}, **kept = c->in;
    c->in = in;
    bool right = run_first(c, &logits_weighted_map, 3);
    c->in = kept;
    TNI_REQUIRE(c, !right || tni_same_shape(&c->out[0]->a, &c->in[X]->a), TN_ERR_SHAPE,
                "output with shape %s doesn't match the broadcast shape %s", TNI_SHAPE(&c->in[X]->a), TNI_SHAPE(&c->out[0]->a));
    return right;
}

static bool logits_run(tni_call *c) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i) && check(c, "log_sigmoid_cpu"));
    return run_logits(c) && weigh(c, WEIGHT) && tni_loss_reduce(c, c->arg[0].i);
}

/* Inputs: dy, x, target, weight. */
static bool logits_backward_run(tni_call *c) {
    double scale = tni_loss_scale(1, &c->in[1]->a, &c->in[1]->a, c->arg[0].i);
    size_t kept = c->nin;
    c->nin = 3;
    bool right = tni_loss_run_backward(c, &logits_backward_map, scale, 0);
    c->nin = kept;
    return right && weigh(c, 3);
}
TN_OP(binary_cross_entropy_with_logits_backward, .run = logits_backward_run, .hidden = true, .widen = true, .optional = TNI_IN(3));

/* log_sigmoid(x), differentiable. */
static tn_tensor *log_sigmoid(tn_tensor *x) {
    return tn_neg(tn_add(tn_relu(tn_neg(x)), tn_log(tn_add(tn_exp(tn_neg(tn_abs(x))), 1))));
}

static bool logits_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(X)), *t = tni_saved(g, TNI_IN(TARGET)), *weight = tni_saved(g, TNI_IN(WEIGHT)),
              *positive = tni_saved(g, TNI_IN(POSITIVE));
    if (!x || !t) return false;
    if (tni_needs(g, X)) {
        tn_tensor *s = tn_sigmoid(x), *p = positive ? tn_mul(positive, t) : t;
        tn_tensor *d = positive ? tn_sub(tn_mul(tn_sub(tn_add(p, 1), t), s), p) : tn_sub(s, t);
        TNI_DX(g, X, chain(g, d, x, weight));
    }
    if (tni_needs(g, TARGET)) {
        tn_tensor *d = tn_neg(x);
        if (positive) d = tn_sub(d, tn_mul(tn_sub(positive, 1), log_sigmoid(x)));
        TNI_DX(g, TARGET, chain(g, d, x, weight));
    }
    return true;
}

static bool logits_fused(tni_vjp *g) {
    tn_tensor *positive = tni_saved(g, TNI_IN(POSITIVE));
    if (positive || tni_needs(g, TARGET)) return logits_vjp(g);
    TNI_DX(g, X,
           tni_run_op(&tni_op_binary_cross_entropy_with_logits_backward,
                      TNI_INS(g->dy[0], tni_saved(g, TNI_IN(X)), tni_saved(g, TNI_IN(TARGET)), tni_saved(g, TNI_IN(WEIGHT))),
                      TNI_ARGS({.i = g->arg[0].i})));
    return true;
}

TN_OP(binary_cross_entropy_with_logits,
      .schema = "binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int "
                "reduction=Mean) -> Tensor",
      .grad_name = "BinaryCrossEntropyWithLogitsBackward0", .run = logits_run, .widen = true, .vjp = logits_vjp,
      .fused_vjp = logits_fused, .save = TNI_IN(X) | TNI_IN(TARGET) | TNI_IN(WEIGHT) | TNI_IN(POSITIVE),
      .optional = TNI_IN(WEIGHT) | TNI_IN(POSITIVE),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4]=0.6 - - 1 @bench", "f64[3,4] f64[3,4]=0.7 - - 2", "f64[3,4]^T f64[3,4]^T - - 0",
                            "f64[3,4] f64[3,4]=0.7 f64[4] f64[3,1] 1 nograd", "f32[3,4] f32[3,4]=0.7 - f32[4] 0 nograd",
                            "f32[] f32[] - - 1", "f32[0] f32[0] - - 1", "f16[3,4] f16[3,4] - -",
                            "i64[3] i64[3] - - !not_implemented", "f32[3,4] f32[3,4] f32[2,3,4] - !shape",
                            "f32[3,4] f32[3,4] - f32[3] !shape", "f32[4] f32[4] - f32[3,4] !shape"));

/** Binary cross entropy of sigmoid(x), accurately: torch.nn.functional.binary_cross_entropy_with_logits. As tn_binary_cross_entropy, x
 *  any numbers. [scope] */
TN_API tn_tensor *(tn_binary_cross_entropy_with_logits)(tn_tensor *x, tn_tensor *target,
                                                        const tn_binary_cross_entropy_with_logits_opts *opts) {
    if (sizes_differ(x, target))
        return (void)tni_fail(TN_ERR_VALUE,
                              "binary_cross_entropy_with_logits: Target size (torch.Size(%s)) must be the same as input size "
                              "(torch.Size(%s))",
                              TNI_SHAPE(&target->a), TNI_SHAPE(&x->a)),
               NULL;
    return tni_run_op(&tni_op_binary_cross_entropy_with_logits,
                      TNI_INS(x, target, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, pos_weight, NULL)),
                      TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}));
}
