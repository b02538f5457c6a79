/* ops/loss.c - nll_loss, cross_entropy, mse_loss. */
#include "ops/loss.h"
#include "cpu/sum.h"
#include <math.h>
#include <tison/ops.h>

#ifdef TN_HEADER
/* What a loss does with the losses of the elements. The numbers are PyTorch's. */
typedef enum tn_reduction {
    TN_REDUCTION_NONE = 0,
    TN_REDUCTION_MEAN = 1,
    TN_REDUCTION_SUM = 2,
    TN_REDUCTION_BATCHMEAN = 3 /* of tn_kl_div alone */
} tn_reduction;
#endif

bool tni_loss_check_reduction(const tni_call *c, int64_t reduction) {
    TNI_REQUIRE(c, reduction >= TN_REDUCTION_NONE && reduction <= TN_REDUCTION_SUM, TN_ERR_VALUE,
                "%lld is not a valid value for reduction", (long long)reduction);
    return true;
}

/* ---- nll_loss ---- */

/* One call: x seen as (outer, classes, inner), one target for each (outer, inner). All arrays are row-major. */
typedef struct nll {
    int64_t outer, classes, inner, ignore;
    const int64_t *target;
    const void *weight; /* of x's dtype; or NULL */
} nll;

/* Loss and weight of all elements. The order of addition is PyTorch's: partial sums in levels, each of which takes over what the
 * one below gathered from 16 elements. */
enum { LEVELS = 8, STEP_BITS = 4, STEP_MASK = (1 << STEP_BITS) - 1 };
#define NLL_KERNELS(T, total, forward_each, backward)                                                                              \
    static void total(const nll *p, const T *x, T *loss, T *weight) {                                                              \
        int64_t at = 0, taken = 0;                                                                                                 \
        T losses[LEVELS] = {0}, weights[LEVELS] = {0};                                                                             \
        for (int64_t i = 0; i < p->outer; i++)                                                                                     \
            for (int64_t k = 0; k < p->inner; k++, at++) {                                                                         \
                int64_t t = p->target[at];                                                                                         \
                if (t == p->ignore) continue;                                                                                      \
                T w = p->weight ? ((const T *)p->weight)[t] : 1;                                                                   \
                if (x) losses[0] -= x[(i * p->classes + t) * p->inner + k] * w;                                                    \
                weights[0] += w;                                                                                                   \
                taken++;                                                                                                           \
                for (int j = 0; j + 1 < LEVELS && (at >> (j * STEP_BITS) & STEP_MASK) == 0; j++) {                                 \
                    losses[j + 1] += losses[j], losses[j] = 0;                                                                     \
                    weights[j + 1] += weights[j], weights[j] = 0;                                                                  \
                }                                                                                                                  \
            }                                                                                                                      \
        *loss = 0, *weight = p->weight ? 0 : (T)taken;                                                                             \
        for (int j = 0; j < LEVELS; j++) *loss += losses[j];                                                                       \
        for (int j = 0; j < LEVELS && p->weight; j++) *weight += weights[j];                                                       \
    }                                                                                                                              \
    static void forward_each(const nll *p, const T *x, T *y) {                                                                     \
        for (int64_t i = 0; i < p->outer; i++)                                                                                     \
            for (int64_t k = 0; k < p->inner; k++) {                                                                               \
                int64_t at = i * p->inner + k, t = p->target[at];                                                                  \
                T w = p->weight && t != p->ignore ? ((const T *)p->weight)[t] : 1;                                                 \
                y[at] = t == p->ignore ? 0 : -x[(i * p->classes + t) * p->inner + k] * w;                                          \
            }                                                                                                                      \
    }                                                                                                                              \
    /* dx is zero at first; step: 1 when each element has a dy of its own, else 0 */                                               \
    static void backward(const nll *p, const T *dy, int64_t step, bool mean, T *dx) {                                              \
        T loss, divisor = 1;                                                                                                       \
        if (mean) total(p, NULL, &loss, &divisor);                                                                                 \
        for (int64_t i = 0; i < p->outer; i++)                                                                                     \
            for (int64_t k = 0; k < p->inner; k++) {                                                                               \
                int64_t at = i * p->inner + k, t = p->target[at];                                                                  \
                if (t == p->ignore) continue;                                                                                      \
                T w = p->weight ? ((const T *)p->weight)[t] : 1;                                                                   \
                dx[(i * p->classes + t) * p->inner + k] = -w * (mean ? *dy / divisor : dy[at * step]);                             \
            }                                                                                                                      \
    }
NLL_KERNELS(float, total_f32, each_f32, backward_f32)
NLL_KERNELS(double, total_f64, each_f64, backward_f64)

/* Shapes of target and weight for an input of these sizes. */
static bool check_shapes(const tni_call *c, const int64_t *x, size_t ndim, const tni_array *target, const tn_tensor *weight) {
    int64_t batch = target->ndim ? target->sizes[0] : 0, classes;
    TNI_REQUIRE(c, ndim > 0, TN_ERR_VALUE, "Expected 1 or more dimensions (got 0)");
    classes = x[ndim == 1 ? 0 : 1];
    if (ndim == 1)
        TNI_REQUIRE(c, target->ndim == 0 || (target->ndim == 1 && batch == 1), TN_ERR_VALUE,
                    "For 1D input, 1D target must have size 1, but got target size: %lld", (long long)batch);
    else
        TNI_REQUIRE(c, x[0] == batch && target->ndim > 0, TN_ERR_VALUE,
                    "Expected input batch_size (%lld) to match target batch_size (%lld).", (long long)x[0], (long long)batch);
    TNI_REQUIRE(c, ndim > 2 || target->ndim <= 1, TN_ERR_SHAPE, "0D or 1D target tensor expected, multi-target not supported");
    if (ndim > 2) {
        int64_t expected[TNI_MAX_DIMS] = {x[0]};
        bool fits = target->ndim == ndim - 1;
        for (size_t d = 1; d + 1 < ndim; d++) {
            expected[d] = x[d + 1];
            fits = fits && target->sizes[d] == expected[d];
        }
        TNI_REQUIRE(c, fits, TN_ERR_SHAPE, "Expected target size %s, got %s",
                    tni_shape_text((char[160]){0}, 160, expected, ndim - 1), TNI_SHAPE(target));
    }
    TNI_REQUIRE(c, !weight || (weight->a.ndim == 1 && weight->a.numel == classes), TN_ERR_SHAPE,
                "weight tensor should be defined either for all %lld classes or no classes but got weight tensor of shape: %s",
                (long long)classes, TNI_SHAPE(&weight->a));
    return true;
}

static bool check_dtypes(const tni_call *c, tn_dtype x, const tn_tensor *target, const tn_tensor *weight) {
    tn_dtype t = (tn_dtype)target->a.dtype;
    TNI_REQUIRE(c, t == TN_INT64 || t == TN_UINT8, TN_ERR_DTYPE, "expected target dtype to be Long or Byte, but got %s",
                tni_dtype_get(t)->legacy);
    TNI_REQUIRE(c, tni_dtype_is_float(x), TN_ERR_NOT_IMPLEMENTED, "\"nll_loss_out_frame\" not implemented for '%s'",
                tni_dtype_get(x)->legacy);
    TNI_REQUIRE(c, !weight || weight->a.dtype == (int8_t)x, TN_ERR_DTYPE, "expected scalar type %s but found %s",
                tni_dtype_get(x)->legacy, tni_dtype_get((tn_dtype)weight->a.dtype)->legacy);
    return true;
}

/* in[1] is the target, in[2] the weight; x the shape and dtype of the input. Everything is checked. */
static bool prepare(tni_call *c, nll *p, const int64_t *x, size_t ndim, tn_dtype dtype, int64_t ignore) {
    const tn_tensor *weight = c->in[2];
    TNI_TRY(check_shapes(c, x, ndim, &c->in[1]->a, weight));
    TNI_TRY(check_dtypes(c, dtype, c->in[1], weight));
    const tni_array *target = tni_in_as(c, 1, TN_INT64), *w = target && weight ? tni_in_as(c, 2, dtype) : NULL;
    if (!target || (weight && !w)) return false;
    *p = (nll){.outer = ndim > 1 ? x[0] : 1,
               .classes = x[ndim > 1],
               .inner = 1,
               .ignore = ignore,
               .target = target->data,
               .weight = w ? w->data : NULL};
    for (size_t d = 2; d < ndim; d++) p->inner *= x[d];
    for (int64_t i = 0; i < target->numel && target->device == TNI_CPU; i++)
        if (TNI_UNLIKELY((p->target[i] < 0 || p->target[i] >= p->classes) && p->target[i] != ignore))
            return tni_call_fail(c, TN_ERR_INDEX, "Target %lld is out of bounds.", (long long)p->target[i]);
    return true;
}

/* Arguments: reduction, ignore_index. */
static bool nll_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t reduction = c->arg[0].i;
    tn_dtype dtype = (tn_dtype)x->dtype;
    nll p;
    TNI_TRY(tni_loss_check_reduction(c, reduction));
    TNI_TRY(prepare(c, &p, x->sizes, x->ndim, dtype, c->arg[1].i));
    if (!(x = tni_in_as(c, 0, dtype))) return false;
    bool each = reduction == TN_REDUCTION_NONE && x->ndim > 1, wide = dtype == TN_FLOAT64;
    TNI_TRY(tni_out(c, 0, dtype, each ? c->in[1]->a.sizes : NULL, each ? c->in[1]->a.ndim : 0));
    void *y = c->out[0]->a.data;
    if (reduction == TN_REDUCTION_NONE) {
        if (wide)
            each_f64(&p, x->data, y);
        else
            each_f32(&p, x->data, y);
    } else if (wide) {
        double loss, weight;
        total_f64(&p, x->data, &loss, &weight);
        *(double *)y = reduction == TN_REDUCTION_MEAN ? loss / weight : loss;
    } else {
        float loss, weight;
        total_f32(&p, x->data, &loss, &weight);
        *(float *)y = reduction == TN_REDUCTION_MEAN ? loss / weight : loss;
    }
    return true;
}

static tn_tensor *nll_apply(tn_tensor *x, tn_tensor *target, tn_tensor *weight, int64_t reduction, int64_t ignore);

/* Inputs: dy, target, weight; arguments: sizes of x, reduction, ignore_index. Linear in dy. */
static bool nll_backward_run(tni_call *c) {
    const int64_t *sizes = c->arg[0].ints.v;
    size_t ndim = c->arg[0].ints.n;
    int64_t reduction = c->arg[1].i;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    nll p;
    TNI_TRY(tni_loss_check_reduction(c, reduction));
    TNI_TRY(prepare(c, &p, sizes, ndim, dtype, c->arg[2].i));
    const tni_array *dy = tni_in_as(c, 0, dtype);
    if (!dy) return false;
    bool each = reduction == TN_REDUCTION_NONE && ndim > 1, mean = reduction == TN_REDUCTION_MEAN;
    TNI_REQUIRE(c, dy->numel == (each ? p.outer * p.inner : 1), TN_ERR_SHAPE, "a gradient of shape %s does not fit", TNI_SHAPE(dy));
    TNI_TRY(tni_out_zeros(c, 0, dtype, sizes, ndim));
    if (dtype == TN_FLOAT64)
        backward_f64(&p, dy->data, each, mean, c->out[0]->a.data);
    else
        backward_f32(&p, dy->data, each, mean, c->out[0]->a.data);
    return true;
}

static bool nll_backward_vjp(tni_vjp *g) {
    TNI_DX(g, 0, nll_apply(g->dy[0], tni_saved(g, TNI_IN(1)), tni_saved(g, TNI_IN(2)), g->arg[1].i, g->arg[2].i));
    return true;
}

TN_OP(nll_loss_backward,
      .schema = "nll_loss_backward(Tensor grad_output, Tensor target, Tensor? weight, int[] sizes, int reduction, int "
                "ignore_index) -> Tensor",
      .grad_name = "NllLossBackwardBackward0", .run = nll_backward_run, .hidden = true, .widen = true, .vjp = nll_backward_vjp,
      .save = TNI_IN(1) | TNI_IN(2), .optional = TNI_IN(2), .ints = 1,
      .samples = TN_SAMPLES("f32[] i64[3]<4 - (3,4) 1 -100", "f64[2,3] i64[2,3]<4 f64[4]>0.5 (2,4,3) 0 -100 nograd"));

static bool nll_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    tn_tensor *target = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0,
           target ? tni_run_op(&tni_op_nll_loss_backward, TNI_INS(g->dy[0], target, tni_saved(g, TNI_IN(2))),
                               TNI_ARGS({.ints = {sizes, ndim}}, {.i = g->arg[0].i}, {.i = g->arg[1].i}))
                  : NULL);
    return true;
}

static tn_tensor *nll_loss_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(nll_loss,
      .schema = "nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100) -> Tensor",
      .grad_name = "NllLossBackward0", .run = nll_run, .front = nll_loss_front, .widen = true, .vjp = nll_vjp,
      .save = TNI_IN(1) | TNI_IN(2), .optional = TNI_IN(2),
      .samples = TN_SAMPLES("f32[3,4] i64[3]<4 - 1 -100", "f32[3,4] i64[3]<4 f32[4]>0.5 1 2 nograd", "f64[4] i64[]<4 - 1 -100",
                            "f32[3,4] i64[3]<4 - 0 -100", "f64[3,4] u8[3]<4 - 2 1", "f32[3,4] i64[2]<4 - 1 -100 !value",
                            "f32[2,3] f32[2] - 1 -100 !dtype"));

TN_OP(
    nll_loss2d,
    .schema = "nll_loss2d(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100) -> Tensor",
    .grad_name = "NllLoss2DBackward0", .hidden = true, .run = nll_run, .widen = true, .vjp = nll_vjp, .save = TNI_IN(1) | TNI_IN(2),
    .optional = TNI_IN(2),
    .samples = TN_SAMPLES("f32[2,4,3,1] i64[2,3,1]<4 - 1 -100", "f64[2,4,3,2] i64[2,3,2]<4 f64[4]>0.5 1 2",
                          "f32[2,4,3,2] i64[2,3,2]<4 - 0 1", "f32[2,4,3,2] i64[2,4,2]<4 - 1 -100 !shape"));

static tn_tensor *nll_apply(tn_tensor *x, tn_tensor *target, tn_tensor *weight, int64_t reduction, int64_t ignore) {
    const tni_op *op = x && x->object.tag == TNI_TENSOR && x->a.ndim > 2 ? &tni_op_nll_loss2d : &tni_op_nll_loss;
    return tni_run_op(op, TNI_INS(x, target, weight), TNI_ARGS({.i = reduction}, {.i = ignore}));
}

#ifdef TN_HEADER
/* Keywords of tn_nll_loss. */
typedef struct tn_nll_loss_opts {
    size_t size;
    tn_tensor *weight;      /* NULL: all 1; else one number for each class, of the input's dtype */
    int64_t ignore_index;   /* -100: targets that take no part */
    tn_reduction reduction; /* TN_REDUCTION_MEAN: the weighted mean */
} tn_nll_loss_opts;
#ifndef __cplusplus
#define tn_nll_loss(x, ...)                                                                                                        \
    TN_WITH(tn_nll_loss_opts, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN),                                              \
            (tn_nll_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** Negative log likelihood of the target classes: torch.nn.functional.nll_loss.
 *  logp     (C), (N, C) or (N, C, d1, ...), log-probabilities, floating point
 *  target   (), (N) or (N, d1, ...), int64 or uint8 class numbers
 *  returns  0-d, or target's shape without reduction; the mean of no elements is NaN [scope]; TN_ERR_INDEX for a target outside
 *           0..C-1
 */
TN_API tn_tensor *(tn_nll_loss)(tn_tensor *logp, tn_tensor *target, const tn_nll_loss_opts *opts) {
    return nll_apply(logp, target, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, reduction, TN_REDUCTION_MEAN),
                     TNI_OPT(opts, ignore_index, -100));
}

/* ---- cross_entropy: log_softmax and nll_loss ---- */

/* weight in a shape that broadcasts against x. */
static tn_tensor *class_weight(const tni_array *x, tn_tensor *weight, int64_t dim) {
    int64_t sizes[TNI_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) sizes[d] = d == dim ? x->sizes[d] : 1;
    return (tn_view)(weight, sizes, x->ndim);
}

/* Target: a probability for each class. */
static tn_tensor *entropy_of_probabilities(tni_call *c, int64_t dim, double smoothing) {
    const tni_array *x = &c->in[0]->a;
    tn_tensor *target = c->in[1], *weight = c->in[2], *loss;
    int64_t reduction = c->arg[0].i, classes = x->ndim ? x->sizes[dim] : 1;
    if (smoothing > 0 && (!(target = tn_mul(target, 1 - smoothing)) || !(target = tn_add(target, smoothing / (double)classes))))
        return NULL;
    if (!(loss = tn_log_softmax(c->in[0], dim)) || !(loss = tn_mul(loss, target))) return NULL;
    if (weight && (!(weight = class_weight(x, weight, dim)) || !(loss = tn_mul(loss, weight)))) return NULL;
    loss = reduction == TN_REDUCTION_NONE ? tn_sum(loss, dim) : tn_sum(loss);
    if (!loss || !(loss = tn_neg(loss)) || reduction != TN_REDUCTION_MEAN) return loss;
    return tn_div(loss, classes ? x->numel / classes : (int64_t)0);
}

/* The weights of the targets that count; any on the meta device. NaN with an error. */
static double weight_of_targets(tni_call *c, int64_t ignore) {
    const tni_array *x = &c->in[0]->a;
    nll p;
    if (!prepare(c, &p, x->sizes, x->ndim, (tn_dtype)x->dtype, ignore)) return NAN;
    if (x->device != TNI_CPU) return 1;
    if (x->dtype == TN_FLOAT64) {
        double loss, weight;
        total_f64(&p, NULL, &loss, &weight);
        return weight;
    }
    float loss, weight;
    total_f32(&p, NULL, &loss, &weight);
    return (double)weight;
}

/* Target: class numbers; each of the C classes gets smoothing / C of the probability. */
static tn_tensor *smoothed_entropy(tni_call *c, int64_t dim, double smoothing) {
    const tni_array *x = &c->in[0]->a;
    int64_t reduction = c->arg[0].i, ignore = c->arg[1].i, classes = x->sizes[dim];
    tn_tensor *weight = c->in[2], *logp, *hard, *smooth, *ignored;
    if (!(logp = tn_log_softmax(c->in[0], dim)) || !(hard = nll_apply(logp, c->in[1], weight, reduction, ignore))) return NULL;
    smooth = weight ? tn_mul(logp, class_weight(x, weight, dim)) : logp;
    if (!smooth || !(smooth = tn_neg(tn_sum(smooth, dim))) || !(ignored = tn_eq(c->in[1], ignore))) return NULL;
    if (x->ndim == 1 && !(ignored = (tn_reshape)(ignored, NULL, 0))) return NULL;
    if (!(smooth = (tn_where)(ignored, tn_number_double(0), smooth))) return NULL;
    if (reduction != TN_REDUCTION_NONE && !(smooth = tn_sum(smooth))) return NULL;
    if (reduction == TN_REDUCTION_MEAN && !(smooth = tn_div(smooth, weight_of_targets(c, ignore)))) return NULL;
    return tn_add(tn_mul(hard, 1 - smoothing), tn_mul(smooth, smoothing / (double)classes));
}

/* Arguments: reduction, ignore_index, label_smoothing. */
static bool cross_entropy_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *target = &c->in[1]->a;
    int64_t reduction = c->arg[0].i, ignore = c->arg[1].i, dim = x->ndim > 1;
    double smoothing = c->arg[2].d;
    TNI_TRY(tni_loss_check_reduction(c, reduction));
    TNI_REQUIRE(c, !(smoothing > 1), TN_ERR_RUNTIME, "label_smoothing must be between 0.0 and 1.0. Got: %g", smoothing);
    if (tni_same_shape(x, target)) {
        TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)target->dtype), TN_ERR_DTYPE,
                    "Expected floating point type for target with class probabilities, got %s",
                    tni_dtype_get((tn_dtype)target->dtype)->legacy);
        TNI_REQUIRE(c, ignore < 0, TN_ERR_RUNTIME, "ignore_index is not supported for floating point target");
        int64_t classes = x->ndim ? x->sizes[dim] : 1;
        TNI_REQUIRE(c, !c->in[2] || (c->in[2]->a.ndim == 1 && c->in[2]->a.numel == classes), TN_ERR_SHAPE,
                    "weight tensor should be defined either for all %lld classes or no classes but got weight tensor of shape: %s",
                    (long long)classes, TNI_SHAPE(&c->in[2]->a));
        c->out[0] = entropy_of_probabilities(c, dim, smoothing);
        return c->out[0] != NULL;
    }
    TNI_TRY(check_shapes(c, x->sizes, x->ndim, target, c->in[2]));
    if (smoothing > 0)
        c->out[0] = smoothed_entropy(c, dim, smoothing);
    else {
        tn_tensor *logp = tn_log_softmax(c->in[0], dim);
        c->out[0] = logp ? nll_apply(logp, c->in[1], c->in[2], reduction, ignore) : NULL;
    }
    return c->out[0] != NULL;
}

static tn_tensor *cross_entropy_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(cross_entropy,
      .schema = "cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt ignore_index=-100, "
                "float label_smoothing=0.0) -> Tensor",
      .run = cross_entropy_run, .front = cross_entropy_front, .composite = true, .optional = TNI_IN(2),
      .samples = TN_SAMPLES("f32[3,4] i64[3]<4 - 1 -100 0.0 @bench", "f32[3,4] i64[3]<4 f32[4]>0.5 1 2 0.1 nograd",
                            "f64[2,4,3] i64[2,3]<4 - 0 -100 0.0", "f64[3,4] f64[3,4]>0.5 - 1 -100 0.1",
                            "f64[3,4] f64[3,4]>0.5 f64[4]>0.5 2 -100 0.0", "f32[4] i64[]<4 - 1 -100 0.0",
                            "f32[2,3] i64[3]<3 - 1 -100 0.0 !value", "f32[2,3] f32[2] - 1 -100 0.0 !dtype"));

#ifdef TN_HEADER
/* Keywords of tn_cross_entropy. */
typedef struct tn_cross_entropy_opts {
    size_t size;
    tn_tensor *weight;      /* NULL: all 1; else one number for each class, of the input's dtype */
    int64_t ignore_index;   /* -100: class numbers that take no part */
    tn_reduction reduction; /* TN_REDUCTION_MEAN: the weighted mean */
    double label_smoothing; /* 0; up to 1 */
} tn_cross_entropy_opts;
#ifndef __cplusplus
#define tn_cross_entropy(x, ...)                                                                                                   \
    TN_WITH(tn_cross_entropy_opts, (.ignore_index = -100, .reduction = TN_REDUCTION_MEAN),                                         \
            (tn_cross_entropy)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** Cross entropy of logits: torch.nn.functional.cross_entropy.
 *  x        (C), (N, C) or (N, C, d1, ...), floating point, not normalised
 *  target   class numbers as tn_nll_loss takes them, or probabilities: floating point of x's shape
 *  returns  0-d, or the losses without reduction [scope]
 */
TN_API tn_tensor *(tn_cross_entropy)(tn_tensor *x, tn_tensor *target, const tn_cross_entropy_opts *opts) {
    return tni_run_op(&tni_op_cross_entropy, TNI_INS(x, target, TNI_OPT(opts, weight, NULL)),
                      TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}, {.i = TNI_OPT(opts, ignore_index, -100)},
                               {.d = TNI_OPT(opts, label_smoothing, 0.0)}));
}

/* ---- mse_loss ---- */

TNI_FLOAT2(mse, (a - b) * (a - b))
static const tni_map mse_map = TNI_MAP(TNI_SAME, TNI_FLOAT_COLUMNS(mse));

TNI_LOSS_BACKWARD(mse_backward, scale *(a - b) * dy)

/* The squares are summed as they lie in memory, as PyTorch does: the array is dense. */
static void sum_dense(const tni_array *x, void *out, bool mean) {
    if (x->dtype == TN_FLOAT32) {
        float sum = 0;
        if (x->numel) tni_sum_2d_f32(&sum, 0, x->data, x->numel, 1, 1, 0, 0, 1);
        *(float *)out = mean ? sum / (float)x->numel : sum;
    } else {
        double sum = 0;
        if (x->numel) tni_sum_2d_f64(&sum, 0, x->data, x->numel, 1, 1, 0, 0, 1);
        *(double *)out = mean ? sum / (double)x->numel : sum;
    }
}

static bool mse_run(tni_call *c) {
    int64_t reduction = c->arg[0].i;
    tn_dtype dtype = tni_result_type(c->in, 2);
    TNI_TRY(tni_loss_check_reduction(c, reduction));
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"mse_cpu\" not implemented for '%s'",
                tni_dtype_get(dtype)->legacy);
    return tni_run_map_with(c, &mse_map) && tni_loss_reduce(c, reduction);
}

bool tni_loss_reduce(tni_call *c, int64_t reduction) {
    tn_tensor *losses = c->out[0];
    if (reduction == TN_REDUCTION_NONE) return true;
    bool right = tni_out(c, 0, (tn_dtype)losses->a.dtype, NULL, 0);
    if (right) sum_dense(&losses->a, c->out[0]->a.data, reduction == TN_REDUCTION_MEAN);
    tni_tensor_destroy_new(c->t, losses);
    return right;
}

double tni_loss_scale(double n, const tni_array *x, const tni_array *t, int64_t reduction) {
    int64_t sizes[TNI_MAX_DIMS], count = 1;
    size_t ndim = 0;
    if (reduction != TN_REDUCTION_MEAN) return n;
    if (!tni_shape_broadcast("loss", sizes, &ndim, x->sizes, x->ndim) ||
        !tni_shape_broadcast("loss", sizes, &ndim, t->sizes, t->ndim))
        return n;
    for (size_t d = 0; d < ndim; d++) count *= sizes[d];
    return n / (double)count;
}

bool tni_loss_run_backward(tni_call *c, const tni_map *map, double scale, double extra) {
    tni_value numbers[] = {{.d = scale}, {.d = extra}}, *kept = c->arg;
    c->arg = numbers;
    bool right = tni_run_map_with(c, map);
    c->arg = kept;
    return right;
}

static bool mse_backward_run(tni_call *c) {
    TNI_TRY(tni_loss_check_reduction(c, c->arg[0].i));
    return tni_loss_run_backward(c, &mse_backward_map, tni_loss_scale(2, &c->in[1]->a, &c->in[2]->a, c->arg[0].i), 0);
}

TN_OP(mse_loss_backward, .schema = "mse_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction) -> Tensor",
      .run = mse_backward_run, .hidden = true, .widen = true,
      .samples = TN_SAMPLES("f32[] f32[3,4] f32[3,4] 1 nograd", "f64[3,4] f64[3,4] f64[4] 0 nograd"));

static tn_tensor *mse_gradient(const tni_vjp *g, tn_tensor *x, tn_tensor *t) {
    return tn_mul(tn_mul(tn_sub(x, t), tni_loss_scale(2, &x->a, &t->a, g->arg[0].i)), g->dy[0]);
}

static bool mse_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *t = tni_saved(g, TNI_IN(1));
    if (!x || !t) return false;
    TNI_DX(g, 0, mse_gradient(g, x, t));
    TNI_DX(g, 1, mse_gradient(g, t, x));
    return true;
}

static bool mse_fused_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *t = tni_saved(g, TNI_IN(1));
    TNI_DX(g, 0, tni_run_op(&tni_op_mse_loss_backward, TNI_INS(g->dy[0], x, t), TNI_ARGS({.i = g->arg[0].i})));
    TNI_DX(g, 1, tni_run_op(&tni_op_mse_loss_backward, TNI_INS(g->dy[0], t, x), TNI_ARGS({.i = g->arg[0].i})));
    return true;
}

static tn_tensor *mse_loss_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(mse_loss, .schema = "mse_loss(Tensor self, Tensor target, int reduction=Mean) -> Tensor", .grad_name = "MseLossBackward0",
      .run = mse_run, .front = mse_loss_front, .widen = true, .vjp = mse_vjp, .fused_vjp = mse_fused_vjp,
      .save = TNI_IN(0) | TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 @bench", "f64[3,4] f64[4] 2", "f64[3,4]^T f64[3,4]^T 0", "f32[0] f32[0] 1",
                            "f32[] f32[] 1", "i64[2] i64[2] 1 !not_implemented", "f32[2,3] f32[2] 1 !shape"));

#ifdef TN_HEADER
/* Keywords of tn_mse_loss. */
typedef struct tn_mse_loss_opts {
    size_t size;
    tn_reduction reduction; /* TN_REDUCTION_MEAN */
} tn_mse_loss_opts;
#ifndef __cplusplus
#define tn_mse_loss(x, ...)                                                                                                        \
    TN_WITH(tn_mse_loss_opts, (.reduction = TN_REDUCTION_MEAN), (tn_mse_loss)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                  \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

static bool is_tensor(const tn_tensor *x) { return x && x->object.tag == TNI_TENSOR; }

void tni_loss_warn_shapes(const tn_tensor *x, const tn_tensor *target) {
    if (is_tensor(x) && is_tensor(target) && !tni_failed() && !tni_same_shape(&x->a, &target->a))
        tni_warn("Using a target size (torch.Size(%s)) that is different to the input size (torch.Size(%s)). This will likely lead "
                 "to incorrect "
                 "results due to broadcasting. Please ensure they have the same size.",
                 TNI_SHAPE(&target->a), TNI_SHAPE(&x->a));
}

/** Mean of (x - target)^2: torch.nn.functional.mse_loss. Floating point; the shapes broadcast, with PyTorch's warning. [scope] */
TN_API tn_tensor *(tn_mse_loss)(tn_tensor *x, tn_tensor *target, const tn_mse_loss_opts *opts) {
    tni_loss_warn_shapes(x, target);
    return tni_run_op(&tni_op_mse_loss, TNI_INS(x, target), TNI_ARGS({.i = TNI_OPT(opts, reduction, TN_REDUCTION_MEAN)}));
}

static tn_tensor *nll_loss_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_nll_loss_opts o = {.size = sizeof o, .weight = in[2], .reduction = (tn_reduction)arg[0].i, .ignore_index = arg[1].i};
    return (tn_nll_loss)(in[0], in[1], &o);
}

static tn_tensor *cross_entropy_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_cross_entropy_opts o = {.size = sizeof o,
                               .weight = in[2],
                               .reduction = (tn_reduction)arg[0].i,
                               .ignore_index = arg[1].i,
                               .label_smoothing = arg[2].d};
    return (tn_cross_entropy)(in[0], in[1], &o);
}

static tn_tensor *mse_loss_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_mse_loss_opts o = {.size = sizeof o, .reduction = (tn_reduction)arg[0].i};
    return (tn_mse_loss)(in[0], in[1], &o);
}
