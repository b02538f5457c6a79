/* ops/batch_norm.c - batch_norm, which keeps running statistics in place, and instance_norm, which is made of it. */
#include "base/memory.h"
#include "cpu/norm.h"
#include "ops/norm.h"
#include <math.h>
#include <tison/ops.h>

enum { X, WEIGHT, BIAS, MEAN, VAR, INPUTS }; /* MEAN, VAR: the running ones */

static tni_batch_norm geometry_of(const tni_array *x) {
    tni_batch_norm g = {.wide = x->dtype == TN_FLOAT64, .n = x->sizes[0], .c = x->sizes[1], .inner = 1};
    for (int d = 2; d < x->ndim; d++) g.inner *= x->sizes[d];
    return g;
}

/* Argument 0: training. A vector of the wrong length would be read beyond its end. */
static bool check(tni_call *c) {
    static const char *const names[INPUTS] = {"", "weight", "bias", "running_mean", "running_var"};
    static const size_t order[] = {MEAN, VAR, WEIGHT, BIAS};
    const tni_array *x = &c->in[X]->a;
    int64_t channels = x->ndim > 1 ? x->sizes[1] : 0;
    for (size_t k = 0; k < TNI_COUNT(order); k++) {
        const tn_tensor *v = c->in[order[k]];
        TNI_REQUIRE(c, v || order[k] < MEAN || c->arg[0].b, TN_ERR_RUNTIME, "%s must be defined in evaluation mode",
                    names[order[k]]);
        TNI_REQUIRE(c, !v || (v->a.ndim == 1 && v->a.numel == channels && x->ndim > 1), TN_ERR_SHAPE,
                    "%s should contain %lld elements not %lld", names[order[k]], (long long)channels, (long long)v->a.numel);
    }
    TNI_REQUIRE(c, x->ndim > 1, TN_ERR_INDEX, "Dimension out of range (expected to be in range of [-1, 0], but got 1)");
    return tni_norm_check_dtypes(c, "batch_norm");
}

/* out[i] = 1 / sqrt(var[i] + eps) */
static void invert(bool wide, const void *var, double eps, void *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (wide)
            ((double *)out)[i] = 1 / sqrt(((const double *)var)[i] + eps);
        else
            ((float *)out)[i] = (float)(1 / sqrt((double)((const float *)var)[i] + eps));
    }
}

/* Arguments: training, eps. Outputs: y; while training the batch's mean and biased variance. */
static bool batch_norm_run(tni_call *c) {
    TNI_TRY(check(c));
    const tni_array *like = &c->in[X]->a;
    tn_dtype dtype = (tn_dtype)like->dtype;
    tni_batch_norm g = geometry_of(like);
    bool training = c->arg[0].b;
    const void *in[INPUTS];
    for (size_t i = 0; i < INPUTS; i++) TNI_TRY(tni_norm_in(c, i, dtype, &in[i]));
    TNI_TRY(tni_out(c, 0, dtype, like->sizes, like->ndim));
    for (size_t k = 1; k < 3 && training; k++) TNI_TRY(tni_out(c, k, dtype, &g.c, 1));
    if (like->numel == 0 || c->device != TNI_CPU) return true;
    size_t bytes = (size_t)g.c * tni_array_item(&c->out[0]->a);
    void *invstd = tni_alloc(bytes);
    if (!invstd) return false;
    const void *mean = training ? c->out[1]->a.data : in[MEAN], *var = training ? c->out[2]->a.data : in[VAR];
    bool right = !training || tni_batch_norm_stats(&g, in[X], c->out[1]->a.data, c->out[2]->a.data);
    invert(g.wide, var, c->arg[1].d, invstd, g.c);
    right = right && tni_batch_norm_forward(&g, in[X], mean, invstd, in[WEIGHT], in[BIAS], c->out[0]->a.data);
    tni_free(invstd, bytes);
    return right;
}

/* Inputs: dy, x, mean, var, weight. Arguments: training, eps, the needs. */
static bool backward_run(tni_call *c) {
    const tni_array *like = &c->in[1]->a;
    tn_dtype dtype = (tn_dtype)like->dtype;
    tni_batch_norm g = geometry_of(like);
    const void *in[5];
    for (size_t i = 0; i < 5; i++) TNI_TRY(tni_norm_in(c, i, dtype, &in[i]));
    TNI_TRY(tni_norm_out(c, 0, c->arg[2].i, dtype, like->sizes, like->ndim));
    for (size_t k = 1; k < 3; k++) TNI_TRY(tni_norm_out(c, k, c->arg[2].i, dtype, &g.c, 1));
    if (c->device != TNI_CPU) return true;
    size_t bytes = (size_t)g.c * tni_array_item(like);
    void *invstd = bytes ? tni_alloc(bytes) : NULL;
    if (bytes && !invstd) return false;
    invert(g.wide, in[3], c->arg[1].d, invstd, g.c);
    bool right = tni_batch_norm_backward(&g, c->arg[0].b, in[0], in[1], in[2], invstd, in[4], tni_norm_data(c->out[0]),
                                         tni_norm_data(c->out[1]), tni_norm_data(c->out[2]));
    tni_free(invstd, bytes);
    return right;
}
TN_OP(batch_norm_backward, .run = backward_run, .widen = true, .hidden = true, .optional = TNI_IN(4));

static bool batch_norm_vjp(tni_vjp *g) {
    bool training = g->arg[0].b;
    tn_tensor *x = tni_saved(g, TNI_IN(X)), *weight = tni_saved(g, TNI_IN(WEIGHT)), *dx[3] = {NULL};
    if (!x) return false;
    if (!tn_is_grad_enabled()) {
        tn_tensor *mean = tni_saved(g, training ? TNI_OUT(1) : TNI_IN(MEAN)),
                  *var = tni_saved(g, training ? TNI_OUT(2) : TNI_IN(VAR));
        if (!tni_run_op_multi(&tni_op_batch_norm_backward, TNI_INS(g->dy[0], x, mean, var, weight),
                              TNI_ARGS({.b = training}, {.d = g->arg[1].d}, {.i = tni_norm_needs(g)}), dx, 3))
            return false;
        for (size_t i = 0; i < 3; i++)
            if (tni_needs(g, i)) g->dx[i] = dx[i];
        return true;
    }
    tni_batch_norm k = geometry_of(&x->a);
    tni_norm_form f = {.sizes = {k.n, k.c, k.inner},
                       .ndim = 3,
                       .dims = {0, 2},
                       .ndims = 2,
                       .affine = {1, k.c, 1},
                       .eps = g->arg[1].d,
                       .mean = training ? NULL : tni_saved(g, TNI_IN(MEAN)),
                       .var = training ? NULL : tni_saved(g, TNI_IN(VAR))};
    return (training || (f.mean && f.var)) && tni_norm_formula(g, &f, x, weight);
}

static tn_tensor *batch_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(batch_norm,
      .schema = "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, "
                "float momentum, float eps, bool cudnn_enabled) -> Tensor",
      .grad_name = "NativeBatchNormBackward0", .run = batch_norm_run, .front = batch_norm_front, .widen = true,
      .vjp = batch_norm_vjp, .save = TNI_IN(X) | TNI_IN(WEIGHT) | TNI_IN(MEAN) | TNI_IN(VAR) | TNI_OUT(1) | TNI_OUT(2),
      .no_grad_outputs = 6, .optional = TNI_IN(WEIGHT) | TNI_IN(BIAS) | TNI_IN(MEAN) | TNI_IN(VAR),
      .samples = TN_SAMPLES(
          "f32[4,3,5,2] f32[3] f32[3] - - true 0.1 1e-5 false @bench", "f64[4,3] f64[3] f64[3] - - true 0.1 0.1 false",
          "f64[2,3,4]^T - f64[3] - - true 0.1 1e-5 false", "f32[0,3] f32[3] - - - true 0.1 1e-5 false",
          "f32[2,3,0] - - - - true 0.1 1e-5 false", "f64[2,3,4] f64[3] f64[3] f64[3] f64[3]>0.5 false 0.1 1e-5 false nograd",
          "f32[2,3,4,2] f32[3] f32[3] f32[3] f32[3]>0.5 false 0.1 1e-5 false nograd",
          "f32[4,3] f32[3] f32[3] f32[3] f32[3]>0.5 true 0.1 1e-5 false nograd",
          "f32[4,3] - - f32[3] f32[3]>0.5 true 1.0 1e-5 false nograd", "f32[4,3] f32[2] - - - true 0.1 1e-5 false !shape",
          "f32[4,3] - f32[2] - - true 0.1 1e-5 false !shape", "f32[4,3] - - f32[2] f32[3] true 0.1 1e-5 false !shape",
          "f32[4,3] - - f32[3] f32[0] true 0.1 1e-5 false !shape", "f32[4,3] - - f32[3] f32[3,1] false 0.1 1e-5 false !shape",
          "f32[4,3] - - - - false 0.1 1e-5 false !runtime", "f32[4] - - - - true 0.1 1e-5 false !index",
          "f32[] - - f32[1] - true 0.1 1e-5 false !shape", "i64[4,3] - - - - true 0.1 1e-5 false !not_implemented",
          "f32[4,3] f64[3] - - - true 0.1 1e-5 false !dtype"));

/* ---- the running statistics ---- */

static double element(const tn_tensor *x, int64_t i) {
    return tni_array_double_at(&x->a, (size_t)(i * x->a.strides[0]) * tni_array_item(&x->a));
}

/* running = momentum * factor * seen + (1 - momentum) * running. As in PyTorch, no version counter notices. */
static void follow(tn_tensor *running, const tn_tensor *seen, double factor, double momentum) {
    if (!running || running->a.device != TNI_CPU) return;
    for (int64_t i = 0; i < running->a.numel; i++) {
        double value = momentum * (factor * element(seen, i)) + (1 - momentum) * element(running, i);
        char *at = (char *)running->a.data + (size_t)(i * running->a.strides[0]) * tni_array_item(&running->a);
        tni_element_set(at, (tn_dtype)running->a.dtype, value, 0, false);
    }
}

static bool refuse_gradients(tn_tensor *const *in) {
    static const char *const names[] = {"running_mean", "running_var"};
    for (size_t i = 0; i < 2 && !tni_failed(); i++) {
        tn_tensor *x = in[MEAN + i];
        if (x && x->object.tag == TNI_TENSOR && tni_wants_grad(x) && tn_is_grad_enabled())
            return tni_fail(
                TN_ERR_RUNTIME,
                "The function 'native_batch_norm' is not differentiable with respect to argument '%s'. This input cannot "
                "have requires_grad True.",
                names[i]);
    }
    return true;
}

static tn_tensor *batch_norm(tn_tensor *const *in, bool training, double momentum, double eps) {
    tn_tensor *out[3];
    if (!refuse_gradients(in) || !tni_run_op_multi(&tni_op_batch_norm, TNI_INS(in[X], in[WEIGHT], in[BIAS], in[MEAN], in[VAR]),
                                                   TNI_ARGS({.b = training}, {.d = eps}), out, 3))
        return NULL;
    if (training && in[X]->a.numel > 0) {
        double n = (double)(in[X]->a.numel / in[X]->a.sizes[1]);
        follow(in[MEAN], out[1], 1, momentum);
        follow(in[VAR], out[2], n / (n - 1), momentum);
    }
    return out[0];
}

static tn_tensor *batch_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return batch_norm(in, arg[0].b, arg[1].d, arg[2].d);
}

#ifdef TN_HEADER
/* Keywords of tn_batch_norm. */
typedef struct tn_batch_norm_opts {
    size_t size;
    tn_tensor *weight, *bias; /* NULL: 1 and 0 */
    bool training;            /* false */
    double momentum, eps;     /* 0.1, 1e-5 */
} tn_batch_norm_opts;
/* Keywords of tn_instance_norm. */
typedef struct tn_instance_norm_opts {
    size_t size;
    tn_tensor *running_mean, *running_var; /* NULL: none */
    tn_tensor *weight, *bias;              /* NULL: 1 and 0 */
    bool use_input_stats;                  /* true */
    double momentum, eps;                  /* 0.1, 1e-5 */
} tn_instance_norm_opts;
#ifndef __cplusplus
#define tn_batch_norm(x, running_mean, ...)                                                                                        \
    TN_WITH(tn_batch_norm_opts, (.momentum = 0.1, .eps = 1e-5), (tn_batch_norm)(x, running_mean, TN_FIRST(__VA_ARGS__, ), &tn_o),  \
            TN_REST(__VA_ARGS__, ))
#define tn_instance_norm(...)                                                                                                      \
    TN_WITH(tn_instance_norm_opts, (.use_input_stats = true, .momentum = 0.1, .eps = 1e-5),                                        \
            (tn_instance_norm)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/* The number of values that share statistics, x seen as (N, C, ...) with the dims from `from` on; 2 where x is none. */
static int64_t shared_values(const tn_tensor *x, int from) {
    if (tni_failed() || !x || x->object.tag != TNI_TENSOR || x->uninitialized || x->a.ndim < 2) return 2;
    int64_t n = from == 0 ? x->a.sizes[0] : 1;
    for (int d = 2; d < x->a.ndim; d++) n *= x->a.sizes[d];
    return n;
}

/** (x - mean) / sqrt(variance + eps) * weight + bias for each channel of x (N, C, ...): torch.nn.functional.batch_norm. With .training
 *  mean and biased variance are the batch's, and running_mean and running_var become (1 - momentum) * old + momentum * new, with the
 *  unbiased variance, in place and unrecorded; without it they are the running ones.
 *  running_mean, running_var  (C) [NULL ok while training]
 *  x, weight, bias            one floating dtype; weight and bias (C) [NULL ok]
 *  returns                    x's shape [scope]; TN_ERR_SHAPE for a vector of another length, TN_ERR_DTYPE; TN_ERR_VALUE while
 *                             training with one value for each channel
 */
TN_API tn_tensor *(tn_batch_norm)(tn_tensor *x, tn_tensor *running_mean, tn_tensor *running_var, const tn_batch_norm_opts *opts) {
    bool training = TNI_OPT(opts, training, false);
    if (training && shared_values(x, 0) == 1)
        return (void)tni_fail(TN_ERR_VALUE,
                              "batch_norm: Expected more than 1 value per channel when training, got input size torch.Size(%s)",
                              TNI_SHAPE(&x->a)),
               NULL;
    if (!tni_failed() && !running_mean != !running_var && training)
        return (void)tni_fail(TN_ERR_VALUE, "batch_norm: running_mean and running_var must either both be None or neither be None"),
               NULL;
    tn_tensor *in[INPUTS] = {x, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, bias, NULL), running_mean, running_var};
    return batch_norm(in, training, TNI_OPT(opts, momentum, 0.1), TNI_OPT(opts, eps, 1e-5));
}

/* ---- instance_norm: batch_norm where each channel of each item is a channel ---- */

static tn_tensor *repeated(tn_tensor *v, int64_t times) {
    if (!v) return NULL;
    int64_t n = v->a.numel;
    return tn_reshape(tn_contiguous(tn_expand(tn_reshape(v, (1, n)), (times, n))), (times * n));
}

/* The items' running statistics become their mean. */
static bool gather(tn_tensor *running, tn_tensor *all, int64_t times) {
    TN_NO_GRAD;
    return !running || tn_copy_(running, tn_mean(tn_reshape(all, (times, running->a.numel)), 0));
}

static bool instance_norm_run(tni_call *c) {
    const tni_array *x = &c->in[X]->a;
    bool own = c->arg[0].b;
    TNI_REQUIRE(c, own || (c->in[MEAN] && c->in[VAR]), TN_ERR_RUNTIME,
                "Expected running_mean and running_var to be defined when use_input_stats is false");
    TNI_REQUIRE(c, x->ndim >= 2, TN_ERR_INDEX, "Dimension out of range (expected to be in range of [%d, %d], but got %d)",
                -TNI_MAX(x->ndim, 1), TNI_MAX(x->ndim, 1) - 1, x->ndim ? 1 : 0);
    int64_t n = x->sizes[0], sizes[TNI_MAX_DIMS] = {1, n * x->sizes[1]};
    for (int d = 2; d < x->ndim; d++) sizes[d] = x->sizes[d];
    tn_tensor *in[INPUTS] = {(tn_reshape)(c->in[X], sizes, x->ndim)}, *y;
    for (size_t i = WEIGHT; i < INPUTS; i++) in[i] = repeated(c->in[i], n);
    if (tni_failed() || !(y = batch_norm(in, own, c->arg[1].d, c->arg[2].d))) return false;
    c->out[0] = (tn_view)(y, x->sizes, x->ndim);
    return c->out[0] && (!own || n == 0 || (gather(c->in[MEAN], in[MEAN], n) && gather(c->in[VAR], in[VAR], n)));
}
TN_OP(instance_norm,
      .schema = "instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool "
                "use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
      .run = instance_norm_run, .composite = true, .optional = TNI_IN(WEIGHT) | TNI_IN(BIAS) | TNI_IN(MEAN) | TNI_IN(VAR),
      .samples = TN_SAMPLES("f32[2,3,4,5] f32[3] f32[3] - - true 0.1 1e-5 false @bench",
                            "f64[2,3,4] f64[3] - - - true 0.1 0.1 false", "f64[2,3,4]^T - f64[3] - - true 0.1 1e-5 false",
                            "f32[0,3,4] - - - - true 0.1 1e-5 false", "bf16[2,3,4] - - - - true 0.1 1e-5 false",
                            "f32[2,3,4] f32[3] f32[3] f32[3] f32[3]>0.5 false 0.1 1e-5 false nograd",
                            "f32[2,3,4] - - f32[3] f32[3]>0.5 true 0.3 1e-5 false nograd",
                            "f32[2,3,4] f32[2] - - - true 0.1 1e-5 false !shape",
                            "f32[2,3,4] - - f32[4] f32[3] true 0.1 1e-5 false !shape",
                            "f32[2,3,4] - - - - false 0.1 1e-5 false !runtime", "f32[4] - - - - true 0.1 1e-5 false !index"));

/** As tn_batch_norm in training, but each channel of each item has statistics of its own: torch.nn.functional.instance_norm. The running
 *  ones take in their mean over the items. Without .use_input_stats the running ones are used. TN_ERR_VALUE when a channel of an item is
 *  one value. [scope] */
TN_API tn_tensor *(tn_instance_norm)(tn_tensor *x, const tn_instance_norm_opts *opts) {
    bool own = TNI_OPT(opts, use_input_stats, true);
    tn_tensor *mean = TNI_OPT(opts, running_mean, NULL), *var = TNI_OPT(opts, running_var, NULL);
    if (own && shared_values(x, 2) == 1)
        return (void)tni_fail(TN_ERR_VALUE,
                              "instance_norm: Expected more than 1 spatial element when training, got input size torch.Size(%s)",
                              TNI_SHAPE(&x->a)),
               NULL;
    if (!tni_failed() && !mean != !var)
        return (void)tni_fail(TN_ERR_VALUE,
                              "instance_norm: running_mean and running_var must either both be None or neither be None"),
               NULL;
    return tni_run_op(&tni_op_instance_norm, TNI_INS(x, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, bias, NULL), mean, var),
                      TNI_ARGS({.b = own}, {.d = TNI_OPT(opts, momentum, 0.1)}, {.d = TNI_OPT(opts, eps, 1e-5)}, {.b = false}));
}
