/* ops/loss.c - losses: nll_loss, cross_entropy, mse_loss. */
#include "core/op.h"
#include "cpu/level.h"
#include "cpu/sum.h"
#include <math.h>
#include <tison/ops.h>

#ifdef TN_HEADER
/** How a loss is reduced: not at all, by the (weighted) mean, by the sum. */
typedef enum tn_reduction { TN_REDUCTION_NONE = 0, TN_REDUCTION_MEAN = 1, TN_REDUCTION_SUM = 2 } tn_reduction;
typedef struct tn_nll_loss_opts {
    size_t size;
    tn_tensor *weight;      /* (C) or NULL */
    int64_t ignore_index;   /* -100 */
    tn_reduction reduction; /* mean */
} tn_nll_loss_opts;
typedef struct tn_cross_entropy_opts {
    size_t size;
    tn_tensor *weight;      /* (C) or NULL */
    int64_t ignore_index;   /* -100 */
    tn_reduction reduction; /* mean */
    double label_smoothing; /* 0 */
} tn_cross_entropy_opts;
typedef struct tn_mse_loss_opts {
    size_t size;
    tn_reduction reduction; /* mean */
} tn_mse_loss_opts;
#ifndef __cplusplus
#define TN_LOSS(type, defaults, function, x, ...) TN_WITH(type, defaults, (function)(x, TN_FIRST(__VA_ARGS__), &tn_o), TN_REST(__VA_ARGS__))
#define tn_nll_loss(x, ...) \
    TN_LOSS(tn_nll_loss_opts, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN), tn_nll_loss, x, __VA_ARGS__, )
#define tn_cross_entropy(x, ...) \
    TN_LOSS(tn_cross_entropy_opts, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN), tn_cross_entropy, x, __VA_ARGS__, )
#define tn_mse_loss(x, ...) TN_LOSS(tn_mse_loss_opts, (.reduction = TN_REDUCTION_MEAN), tn_mse_loss, x, __VA_ARGS__, )
#endif
#endif

/* ---- nll_loss: inputs log-probabilities (N, C, inner...), target (N, inner...), weight (C) or NULL ---- */

enum { IGNORE = 0, REDUCTION = 1 };

typedef struct classes {
    int64_t n, c, inner;
    const int64_t *target;
    const tni_array *weight;
    int64_t ignore;
} classes;

static double weight_of(const classes *k, int64_t t) {
    return k->weight ? tni_array_double_at(k->weight, (size_t)(t * k->weight->strides[0]) * tni_array_item(k->weight)) : 1;
}

static bool check_nll(tni_call *c, classes *k) {
    const tni_array *x = &c->in[0]->a, *target = &c->in[1]->a, *weight = c->in[2] ? &c->in[2]->a : NULL;
    TNI_REQUIRE(c, x->ndim >= 1, TN_ERR_SHAPE, "input tensor should be 1D or more");
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)x->dtype), TN_ERR_NOT_IMPLEMENTED, "\"nll_loss_out_frame\" not implemented for '%s'",
                tni_dtype_get((tn_dtype)x->dtype)->legacy);
    TNI_REQUIRE(c, target->dtype == TN_INT64, TN_ERR_DTYPE, "expected scalar type Long but found %s", tni_dtype_get((tn_dtype)target->dtype)->legacy);
    bool single = x->ndim == 1;
    TNI_REQUIRE(c, target->ndim == (single ? 0 : x->ndim - 1) || (single && target->numel == 1), TN_ERR_SHAPE,
                "size mismatch (got input: %s, target: %s)", TNI_SHAPE(x), TNI_SHAPE(target));
    TNI_REQUIRE(c, single || x->sizes[0] == target->sizes[0], TN_ERR_VALUE, "Expected input batch_size (%lld) to match target batch_size (%lld).",
                (long long)x->sizes[0], (long long)target->sizes[0]);
    for (int d = 2; d < x->ndim; d++)
        TNI_REQUIRE(c, x->sizes[d] == target->sizes[d - 1], TN_ERR_SHAPE, "size mismatch (got input: %s, target: %s)", TNI_SHAPE(x), TNI_SHAPE(target));
    *k = (classes){single ? 1 : x->sizes[0], x->sizes[single ? 0 : 1], 1, NULL, weight, c->arg[IGNORE].i};
    for (int d = 2; d < x->ndim; d++) k->inner *= x->sizes[d];
    TNI_REQUIRE(c, !weight || (weight->ndim == 1 && weight->numel == k->c), TN_ERR_SHAPE,
                "weight tensor should be defined either for all %lld classes or no classes but got weight tensor of shape: %s", (long long)k->c,
                weight ? TNI_SHAPE(weight) : "");
    TNI_REQUIRE(c, !weight || weight->dtype == x->dtype, TN_ERR_DTYPE, "expected scalar type %s but found %s", tni_dtype_get((tn_dtype)x->dtype)->legacy,
                weight ? tni_dtype_get((tn_dtype)weight->dtype)->legacy : "");
    const tni_array *flat = tni_in_as(c, 1, TN_INT64);
    if (!flat) return false;
    k->target = flat->data;
    for (int64_t i = 0; i < k->n * k->inner; i++)
        TNI_REQUIRE(c, k->target[i] == k->ignore || (k->target[i] >= 0 && k->target[i] < k->c), TN_ERR_INDEX, "Target %lld is out of bounds.",
                    (long long)k->target[i]);
    return true;
}

/* Place in (N, C, inner) of the target of item i of (N, inner). */
static int64_t place(const classes *k, int64_t i, int64_t t) { return (i / k->inner * k->c + t) * k->inner + i % k->inner; }

/* Summed in the type, in order, as torch does on one thread; the total weight divides. */
#define NLL(T, name)                                                                                  \
    static void name(const classes *k, const T *x, T *y, int64_t reduction, T *total) {               \
        T sum = 0, weights = 0;                                                                       \
        for (int64_t i = 0; i < k->n * k->inner; i++) {                                               \
            int64_t t = k->target[i];                                                                 \
            T w = t == k->ignore ? 0 : (T)weight_of(k, t);                                            \
            T loss = t == k->ignore ? 0 : -x[place(k, i, t)] * w;                                     \
            if (reduction == TN_REDUCTION_NONE) y[i] = loss;                                          \
            sum += loss;                                                                              \
            weights += w;                                                                             \
        }                                                                                             \
        if (reduction != TN_REDUCTION_NONE) *y = reduction == TN_REDUCTION_MEAN ? sum / weights : sum; \
        *total = weights;                                                                             \
    }
NLL(float, nll_f32)
NLL(double, nll_f64)

static bool nll_loss_run(tni_call *c) {
    classes k;
    TNI_TRY(check_nll(c, &k));
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    const tni_array *x = tni_in_as(c, 0, dtype), *target = &c->in[1]->a;
    int64_t reduction = c->arg[REDUCTION].i;
    bool each = reduction == TN_REDUCTION_NONE;
    if (!x || !tni_out(c, 0, dtype, each ? target->sizes : NULL, each ? target->ndim : 0) || !tni_out(c, 1, dtype, NULL, 0)) return false;
    if (dtype == TN_FLOAT32) nll_f32(&k, x->data, c->out[0]->a.data, reduction, c->out[1]->a.data);
    else nll_f64(&k, x->data, c->out[0]->a.data, reduction, c->out[1]->a.data);
    return true;
}

/* Inputs dy, target, weight, total weight; arguments ignore_index, reduction, sizes of x. Linear in dy. */
extern const tni_op tni_op_nll_loss_backward;
static bool nll_backward_run(tni_call *c) {
    const tni_value *sizes = &c->arg[2];
    size_t n = sizes->ints.n;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    classes k = {n == 1 ? 1 : sizes->ints.v[0], sizes->ints.v[n == 1 ? 0 : 1], 1, NULL, c->in[2] ? &c->in[2]->a : NULL, c->arg[IGNORE].i};
    for (size_t d = 2; d < n; d++) k.inner *= sizes->ints.v[d];
    const tni_array *dy = tni_in_as(c, 0, dtype), *target = tni_in_as(c, 1, TN_INT64);
    if (!dy || !target) return false;
    c->out[0] = tni_tensor_zeros(c->t, "nll_loss", dtype, sizes->ints.v, n);
    if (!c->out[0]) return false;
    k.target = target->data;
    double total = tni_array_double_at(&c->in[3]->a, 0);
    bool each = c->arg[REDUCTION].i == TN_REDUCTION_NONE, mean = c->arg[REDUCTION].i == TN_REDUCTION_MEAN;
    for (int64_t i = 0; i < k.n * k.inner; i++) {
        if (k.target[i] == k.ignore) continue;
        double g = tni_array_double_at(dy, each ? (size_t)i * tni_array_item(dy) : 0), w = weight_of(&k, k.target[i]);
        int64_t at = place(&k, i, k.target[i]);
        if (dtype == TN_FLOAT32) ((float *)c->out[0]->a.data)[at] = -(float)w * (mean ? (float)g / (float)total : (float)g);
        else ((double *)c->out[0]->a.data)[at] = -w * (mean ? g / total : g);
    }
    return true;
}

static bool nll_backward_vjp(tni_vjp *g) {
    tn_nll_loss_opts opts = {.size = sizeof opts, .weight = tni_saved(g, TNI_IN(2)), .ignore_index = g->arg[IGNORE].i, .reduction = (tn_reduction)g->arg[REDUCTION].i};
    if (tni_failed()) return false;
    TNI_DX(g, 0, (tn_nll_loss)(g->dy[0], tni_saved(g, TNI_IN(1)), &opts));
    return true;
}
TN_OP(nll_loss_backward, .grad_name = "NllLossBackwardBackward0", .run = nll_backward_run, .vjp = nll_backward_vjp, .save = TNI_IN(1) | TNI_IN(2),
      .optional = 4, .ints = 4);

static bool nll_loss_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    tn_tensor *target = tni_saved(g, TNI_IN(1)), *weight = tni_saved(g, TNI_IN(2)), *total = tni_saved(g, TNI_OUT(1));
    if (tni_failed()) return false;
    TNI_DX(g, 0, tni_run_op(&tni_op_nll_loss_backward, TNI_INS(g->dy[0], target, weight, total),
                            TNI_ARGS(g->arg[IGNORE], g->arg[REDUCTION], {.ints = {sizes, ndim}})));
    return true;
}

TN_OP(nll_loss, .schema = "nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, int ignore_index=-100) -> Tensor",
      .grad_name = "NllLossBackward0", .run = nll_loss_run, .vjp = nll_loss_vjp, .save = TNI_IN(1) | TNI_IN(2) | TNI_OUT(1), .optional = 4,
      .no_grad_outputs = 2, .samples = TN_SAMPLES("f32[3,5] i64[3]<5 -", "f64[2,4,3] i64[2,3]<4 f64[4]>0.5", "f64[4] i64[]<4 -"));

/** F.nll_loss: x (N, C), (C) or (N, C, d...) log-probabilities, target (N), () or (N, d...) int64 class numbers -> a scalar, or target's
 *  shape without reduction. TN_ERR_INDEX "Target 7 is out of bounds."; TN_ERR_VALUE, TN_ERR_SHAPE, TN_ERR_DTYPE. [scope] */
TN_API tn_tensor *(tn_nll_loss)(tn_tensor *x, tn_tensor *target, const tn_nll_loss_opts *opts) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_nll_loss, TNI_INS(x, target, TNI_OPT(opts, weight, NULL)),
                                  TNI_ARGS({.i = TNI_OPT(opts, ignore_index, -100)}, {.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}), out, 2);
    return right ? out[0] : NULL;
}

/* ---- cross_entropy ---- */

enum { SMOOTHING = 2 };

static tn_tensor *reduce(tn_tensor *x, int64_t reduction) {
    return reduction == TN_REDUCTION_MEAN ? (tn_mean)(x, NULL) : reduction == TN_REDUCTION_SUM ? (tn_sum)(x, NULL) : x;
}

/* -sum over classes of w * p * log_softmax, per item; probabilities as the target. */
static tn_tensor *with_probabilities(tn_tensor *logp, tn_tensor *p, tn_tensor *weight, const tni_value *arg, int64_t dim) {
    int64_t c = logp->a.sizes[dim], n = logp->a.numel / TNI_MAX(c, 1);
    double smoothing = arg[SMOOTHING].d;
    if (smoothing > 0) p = tn_add(tn_mul(p, 1 - smoothing), smoothing / (double)c);
    tn_tensor *terms = tn_mul(logp, p);
    if (weight) {
        int64_t sizes[TNI_MAX_DIMS];
        for (int d = 0; d < logp->a.ndim; d++) sizes[d] = d == dim ? c : 1;
        terms = tn_mul(terms, (tn_reshape)(weight, sizes, logp->a.ndim));
    }
    if (arg[REDUCTION].i == TN_REDUCTION_NONE) return tn_neg(tn_sum(terms, dim));
    tn_tensor *sum = tn_neg(tn_sum(terms));
    return arg[REDUCTION].i == TN_REDUCTION_MEAN ? tn_div(sum, (double)n) : sum;
}

static bool cross_entropy_run(tni_call *c) {
    tn_tensor *x = c->in[0], *target = c->in[1], *weight = c->in[2];
    double smoothing = c->arg[SMOOTHING].d;
    TNI_REQUIRE(c, x->a.ndim >= 1, TN_ERR_SHAPE, "input must have at least one dimension");
    TNI_REQUIRE(c, smoothing >= 0 && smoothing <= 1, TN_ERR_VALUE, "label_smoothing must be between 0.0 and 1.0. Got: %g", smoothing);
    int64_t dim = x->a.ndim == 1 ? 0 : 1;
    tn_tensor *logp = (tn_log_softmax)(x, dim, NULL);
    if (!logp) return false;
    bool probabilities = tni_same_shape(&x->a, &target->a) && tni_dtype_is_float((tn_dtype)target->a.dtype);
    if (probabilities) return (c->out[0] = with_probabilities(logp, target, weight, c->arg, dim)) != NULL;
    tn_nll_loss_opts opts = {.size = sizeof opts, .weight = weight, .ignore_index = c->arg[IGNORE].i, .reduction = (tn_reduction)c->arg[REDUCTION].i};
    tn_tensor *nll = (tn_nll_loss)(logp, target, &opts);
    if (!nll || smoothing == 0) return (c->out[0] = nll) != NULL;
    TNI_REQUIRE(c, !weight, TN_ERR_NOT_IMPLEMENTED, "label_smoothing together with weight and class numbers");
    tn_tensor *ignored = tn_eq(target, c->arg[IGNORE].i), *smooth = tn_where(ignored, 0.0, tn_neg(tn_sum(logp, dim)));
    if (c->arg[REDUCTION].i == TN_REDUCTION_MEAN) smooth = tn_div(tn_sum(smooth), tn_sum(tn_eq(ignored, false)));
    else smooth = reduce(smooth, c->arg[REDUCTION].i);
    c->out[0] = tn_add(tn_mul(nll, 1 - smoothing), tn_mul(smooth, smoothing / (double)x->a.sizes[dim]));
    return c->out[0] != NULL;
}

TN_OP(cross_entropy, .schema = "cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100, float label_smoothing=0.0) -> Tensor",
      .run = cross_entropy_run, .composite = true, .optional = 4,
      .samples = TN_SAMPLES("f32[3,5] i64[3]<5 -", "f64[2,4,3] i64[2,3]<4 f64[4]>0.5", "f64[3,4] f64[3,4]>0.5 -", "f32[3,5] i64[2]<5 - !value"));

/** F.cross_entropy: logits x (N, C), (C) or (N, C, d...); target class numbers int64 (N), (), (N, d...), or probabilities of x's shape
 *  -> a scalar. log_softmax over the classes, then nll_loss; errors as theirs. [scope] */
TN_API tn_tensor *(tn_cross_entropy)(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts) {
    return tni_run_op(&tni_op_cross_entropy, TNI_INS(x, target, TNI_OPT(opts, weight, NULL)),
                      TNI_ARGS({.i = TNI_OPT(opts, ignore_index, -100)}, {.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)},
                               {.d = TNI_OPT(opts, label_smoothing, 0.0)}));
}

/* ---- mse_loss ---- */

TNI_INLINE void square_f32_body(float *y, const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = (a[i] - b[i]) * (a[i] - b[i]);
}
TNI_INLINE void square_f64_body(double *y, const double *a, const double *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = (a[i] - b[i]) * (a[i] - b[i]);
}
TNI_KERNEL(static, square_f32, square_f32_body, (float *y, const float *a, const float *b, int64_t n), (y, a, b, n))
TNI_KERNEL(static, square_f64, square_f64_body, (double *y, const double *a, const double *b, int64_t n), (y, a, b, n))

/* Inputs of one shape and one floating dtype; the public function sees to both. */
static bool mse_loss_run(tni_call *c) {
    const tni_array *shape = &c->in[0]->a;
    tn_dtype dtype = (tn_dtype)shape->dtype;
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"mse_cpu\" not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    const tni_array *a = tni_in_as(c, 0, dtype), *b = tni_in_as(c, 1, dtype);
    tn_tensor *squares = a && b ? tni_tensor_new(c->t, "mse_loss", dtype, shape->sizes, shape->ndim) : NULL;
    if (!squares) return false;
    int64_t n = shape->numel;
    if (dtype == TN_FLOAT32) square_f32(squares->a.data, a->data, b->data, n);
    else square_f64(squares->a.data, a->data, b->data, n);
    if (c->arg[0].i == TN_REDUCTION_NONE) {
        c->out[0] = squares;
        return true;
    }
    bool mean = c->arg[0].i == TN_REDUCTION_MEAN, right = tni_out(c, 0, dtype, NULL, 0);
    if (right && dtype == TN_FLOAT32) {
        float *y = c->out[0]->a.data;
        tni_sum_inner_f32(y, 1, squares->a.data, 1, n, n);
        if (mean) *y /= (float)n;
    } else if (right) {
        double *y = c->out[0]->a.data;
        tni_sum_inner_f64(y, 1, squares->a.data, 1, n, n);
        if (mean) *y /= (double)n;
    }
    tni_tensor_destroy_new(c->t, squares);
    return right;
}

static bool mse_loss_vjp(tni_vjp *g) {
    tn_tensor *a = tni_saved(g, TNI_IN(0)), *b = tni_saved(g, TNI_IN(1));
    if (!a || !b) return false;
    double scale = g->arg[0].i == TN_REDUCTION_MEAN ? 2.0 / (double)a->a.numel : 2.0;
    tn_tensor *dx = tn_mul(tn_mul(tn_sub(a, b), scale), g->dy[0]);
    TNI_DX(g, 0, dx);
    TNI_DX(g, 1, tn_neg(dx));
    return true;
}

TN_OP(mse_loss, .schema = "mse_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor", .grad_name = "MseLossBackward0", .run = mse_loss_run,
      .vjp = mse_loss_vjp, .save = TNI_IN(0) | TNI_IN(1), .samples = TN_SAMPLES("f32[3,4] f32[3,4]", "f64[5] f64[5]", "f32[0] f32[0]"));

/** F.mse_loss: (x - target)^2, broadcast and promoted, reduced. [scope] */
TN_API tn_tensor *(tn_mse_loss)(tn_tensor *x, tn_tensor *target, const tn_mse_loss_opts *opts) {
    if (tni_failed()) return NULL;
    TNI_CHECK_TENSOR("mse_loss", x);
    TNI_CHECK_TENSOR("mse_loss", target);
    tni_value arg = {.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)};
    if (tni_same_shape(&x->a, &target->a) && x->a.dtype == target->a.dtype) return tni_run_op(&tni_op_mse_loss, TNI_INS(x, target), &arg, 1);
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = 0;
    if (!tni_shape_broadcast("mse_loss", sizes, &ndim, x->a.sizes, x->a.ndim) ||
        !tni_shape_broadcast("mse_loss", sizes, &ndim, target->a.sizes, target->a.ndim)) return NULL;
    tn_dtype dtype = tni_promote((tn_dtype)x->a.dtype, (tn_dtype)target->a.dtype);
    tn_tensor *a = tn_to((tn_expand)(x, sizes, ndim), dtype), *b = tn_to((tn_expand)(target, sizes, ndim), dtype);
    return a && b ? tni_run_op(&tni_op_mse_loss, TNI_INS(a, b), &arg, 1) : NULL;
}
