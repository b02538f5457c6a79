/* ops/norm.c - layer_norm, rms_norm, group_norm. */
#include "ops/norm.h"
#include "cpu/norm.h"
#include <float.h>
#include <math.h>
#include <tison/ops.h>

/* ---- shared by all normalisations ---- */

static tn_tensor *viewed(tn_tensor *x, const int64_t *sizes, size_t ndim) { return x ? (tn_reshape)(x, sizes, ndim) : NULL; }

static tn_tensor *mean_over(tn_tensor *x, const tni_norm_form *f) {
    tn_mean_opts opts = {.size = sizeof opts, .dim = TN_NONE, .keepdim = true, .dtype = TN_DTYPE_NONE, .dims = {f->ndims, f->dims}};
    return (tn_mean)(x, &opts);
}

static tn_tensor *like_input(const tni_vjp *g, size_t i, tn_tensor *gradient) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, i, &ndim);
    return viewed(gradient, sizes, ndim);
}

/* With h = (x - mean) * r and u = dy * weight: dx = r * (u - mean(u) - h * mean(u * h)). */
bool tni_norm_formula(tni_vjp *g, const tni_norm_form *f, tn_tensor *x, tn_tensor *weight) {
    bool fixed = f->mean != NULL;
    tn_tensor *dy = viewed(g->dy[0], f->sizes, f->ndim), *h = viewed(x, f->sizes, f->ndim);
    if (!f->rms) h = tn_sub(h, fixed ? viewed(f->mean, f->affine, f->ndim) : mean_over(h, f));
    tn_tensor *var = fixed ? viewed(f->var, f->affine, f->ndim) : mean_over(tn_mul(h, h), f);
    tn_tensor *r = tn_pow(tn_add(var, f->eps), -0.5);
    h = tn_mul(h, r);
    if (!dy || !h) return false;
    if (tni_needs(g, 0)) {
        tn_tensor *u = weight ? tn_mul(dy, viewed(weight, f->affine, f->ndim)) : dy, *d = u;
        if (!fixed) d = tn_sub(d, tn_mul(h, mean_over(tn_mul(u, h), f)));
        if (!fixed && !f->rms) d = tn_sub(d, mean_over(u, f));
        TNI_DX(g, 0, like_input(g, 0, tn_mul(d, r)));
    }
    TNI_DX(g, 1, like_input(g, 1, (tn_sum_to_size)(tn_mul(dy, h), f->affine, f->ndim)));
    TNI_DX(g, 2, like_input(g, 2, (tn_sum_to_size)(dy, f->affine, f->ndim)));
    return true;
}

int64_t tni_norm_needs(const tni_vjp *g) {
    int64_t needs = 0;
    for (size_t i = 0; i < 3; i++) needs |= (int64_t)tni_needs(g, i) << i;
    return needs;
}

bool tni_norm_out(tni_call *c, size_t k, int64_t needs, tn_dtype dtype, const int64_t *sizes, size_t ndim) {
    return !(needs >> k & 1) || tni_out(c, k, dtype, sizes, ndim);
}

bool tni_norm_in(tni_call *c, size_t i, tn_dtype dtype, const void **data) {
    *data = NULL;
    if (!c->in[i]) return true;
    const tni_array *a = tni_in_as(c, i, dtype);
    if (a) *data = a->data;
    return a != NULL;
}

bool tni_norm_check_dtypes(tni_call *c, const char *kernel) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                tni_dtype_get(dtype)->legacy);
    for (size_t i = 1; i < c->nin; i++)
        TNI_REQUIRE(c, !c->in[i] || c->in[i]->a.dtype == (int8_t)dtype, TN_ERR_DTYPE,
                    "mixed dtype (CPU): expect parameter to have scalar type of %s", tni_dtype_get(dtype)->legacy);
    return true;
}

static bool take_gradients(tni_vjp *g, bool right, tn_tensor **dx, size_t n) {
    for (size_t i = 0; right && i < n; i++)
        if (tni_needs(g, i)) g->dx[i] = dx[i];
    return right;
}

/* ---- layer_norm and rms_norm ---- */

static bool same_sizes(const tni_array *a, const int64_t *sizes, size_t n) {
    bool same = a->ndim == n;
    for (size_t i = 0; same && i < n; i++) same = a->sizes[i] == sizes[i];
    return same;
}

#define LIST(list) tni_shape_text((char[160]){0}, 160, (list)->ints.v, (list)->ints.n)

/* Weight and bias are inputs 1 and 2; argument 0 is normalized_shape. */
static bool layer_check(tni_call *c, bool rms) {
    static const char *const names[] = {"", "weight", "bias"};
    const tni_array *x = &c->in[0]->a;
    const tni_value *shape = &c->arg[0];
    size_t n = shape->ints.n;
    TNI_REQUIRE(c, n > 0, TN_ERR_SHAPE,
                "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
                "normalized_shape = []");
    for (size_t i = 1; i < c->nin; i++)
        TNI_REQUIRE(c, !c->in[i] || same_sizes(&c->in[i]->a, shape->ints.v, n), TN_ERR_SHAPE,
                    "Expected %s to be of same shape as normalized_shape, but got %s of shape %s and normalized_shape = %s",
                    names[i], names[i], TNI_SHAPE(&c->in[i]->a), LIST(shape));
    bool fits = x->ndim >= n;
    for (size_t i = 0; fits && i < n; i++) fits = x->sizes[x->ndim - n + i] == shape->ints.v[i];
    TNI_REQUIRE(c, fits, TN_ERR_SHAPE, "Given normalized_shape=%s, expected input with shape [*%s%s, but got input of size%s",
                LIST(shape), rms ? "" : ", ", LIST(shape) + 1, TNI_SHAPE(x));
    return tni_norm_check_dtypes(c, rms ? "rms_norm" : "LayerNormKernelImpl");
}

/* eps: NaN is None, the smallest step from 1 of the dtype that is computed in. */
static double rms_eps(double eps, tn_dtype dtype) {
    return !isnan(eps) ? eps : dtype == TN_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
}

static tni_layer_norm layer_geometry(const tni_array *x, size_t normalized, double eps, bool rms) {
    tni_layer_norm g = {.wide = x->dtype == TN_FLOAT64, .rms = rms, .rows = 1, .n = 1};
    g.eps = rms ? rms_eps(eps, (tn_dtype)x->dtype) : eps;
    for (size_t d = 0; d < x->ndim; d++) *(d + normalized < x->ndim ? &g.rows : &g.n) *= x->sizes[d];
    return g;
}

/* Outputs: y, rstd, and mean but for rms_norm. */
static bool layer_run(tni_call *c, bool rms) {
    TNI_TRY(layer_check(c, rms));
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    tni_layer_norm g = layer_geometry(&c->in[0]->a, c->arg[0].ints.n, c->arg[1].d, rms);
    const void *x, *weight, *bias = NULL;
    TNI_TRY(tni_norm_in(c, 0, dtype, &x) && tni_norm_in(c, 1, dtype, &weight) && (rms || tni_norm_in(c, 2, dtype, &bias)));
    TNI_TRY(tni_out(c, 0, dtype, c->in[0]->a.sizes, c->in[0]->a.ndim) && tni_out(c, 1, dtype, &g.rows, 1) &&
            (rms || tni_out(c, 2, dtype, &g.rows, 1)));
    if (c->out[0]->a.numel)
        tni_layer_norm_forward(&g, x, weight, bias, c->out[0]->a.data, tni_norm_data(rms ? NULL : c->out[2]), c->out[1]->a.data);
    return true;
}
static bool layer_norm_run(tni_call *c) { return layer_run(c, false); }
static bool rms_norm_run(tni_call *c) { return layer_run(c, true); }

/* Inputs: dy, x, rstd, mean, weight. Arguments: the number of normalized dims, the needs, rms. */
static bool layer_backward_run(tni_call *c) {
    const tni_array *like = &c->in[1]->a;
    tn_dtype dtype = (tn_dtype)like->dtype;
    size_t normalized = (size_t)c->arg[0].i;
    tni_layer_norm g = layer_geometry(like, normalized, 0, c->arg[2].b);
    const void *in[5];
    for (size_t i = 0; i < 5; i++) TNI_TRY(tni_norm_in(c, i, dtype, &in[i]));
    for (size_t k = 0; k < 3; k++) {
        size_t skip = k ? like->ndim - normalized : 0;
        TNI_TRY(tni_norm_out(c, k, c->arg[1].i, dtype, like->sizes + skip, like->ndim - skip));
    }
    if (c->device != TNI_CPU) return true;
    return tni_layer_norm_backward(&g, in[0], in[1], in[3], in[2], in[4], tni_norm_data(c->out[0]), tni_norm_data(c->out[1]),
                                   tni_norm_data(c->out[2]));
}
TN_OP(layer_norm_backward, .run = layer_backward_run, .widen = true, .hidden = true, .optional = TNI_IN(3) | TNI_IN(4));

static bool layer_fused(tni_vjp *g, bool rms) {
    tn_tensor *dx[3], *mean = rms ? NULL : tni_saved(g, TNI_OUT(2));
    return take_gradients(
        g,
        tni_run_op_multi(&tni_op_layer_norm_backward,
                         TNI_INS(g->dy[0], tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_OUT(1)), mean, tni_saved(g, TNI_IN(1))),
                         TNI_ARGS({.i = (int64_t)g->arg[0].ints.n}, {.i = tni_norm_needs(g)}, {.b = rms}), dx, 3),
        dx, rms ? 2 : 3);
}

static bool layer_vjp(tni_vjp *g, bool rms) {
    if (!tn_is_grad_enabled()) return layer_fused(g, rms);
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    if (!x) return false;
    tni_layer_norm geometry = layer_geometry(&x->a, g->arg[0].ints.n, g->arg[1].d, rms);
    tni_norm_form f = {.sizes = {geometry.rows, geometry.n},
                       .ndim = 2,
                       .dims = {1},
                       .ndims = 1,
                       .affine = {1, geometry.n},
                       .eps = geometry.eps,
                       .rms = rms};
    return tni_norm_formula(g, &f, x, tni_saved(g, TNI_IN(1)));
}
static bool layer_norm_vjp(tni_vjp *g) { return layer_vjp(g, false); }
static bool rms_norm_vjp(tni_vjp *g) { return layer_vjp(g, true); }

static tn_tensor *layer_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(layer_norm,
      .schema = "layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> "
                "Tensor",
      .grad_name = "NativeLayerNormBackward0", .run = layer_norm_run, .front = layer_norm_front, .widen = true,
      .vjp = layer_norm_vjp, .save = TNI_IN(0) | TNI_IN(1) | TNI_OUT(1) | TNI_OUT(2), .no_grad_outputs = 6, .ints = 1,
      .optional = TNI_IN(1) | TNI_IN(2),
      .samples = TN_SAMPLES("f32[4,7] f32[7] f32[7] (7) @bench", "f64[2,3,4] f64[3,4] f64[3,4] (3,4) 0.1",
                            "f32[2,3,4]^T - f32[4] (4)", "f64[5] f64[5] - (5)", "f32[3,4] - - (4)", "bf16[3,4] bf16[4] - (4)",
                            "f32[0,4] f32[4] f32[4] (4)", "f32[3,0] - - (0)", "f32[3,1] - - (1)", "f32[3,4] f32[3] - (4) !shape",
                            "f32[3,4] - f32[5] (4) !shape", "f32[3,4] - - (3,4,5) !shape", "f32[3,4] - - () !shape",
                            "i64[3,4] - - (4) !not_implemented", "f32[3,4] f64[4] - (4) !dtype"));

static tn_tensor *rms_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(rms_norm, .schema = "rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
      .grad_name = "MulBackward0", .run = rms_norm_run, .front = rms_norm_front, .widen = true, .vjp = rms_norm_vjp,
      .save = TNI_IN(0) | TNI_IN(1) | TNI_OUT(1), .no_grad_outputs = 2, .ints = 1, .optional = TNI_IN(1),
      .samples = TN_SAMPLES("f32[4,7] f32[7] (7) @bench", "f64[2,3,4] f64[3,4] (3,4) 0.1", "f32[2,3,4]^T - (4)",
                            "f64[5] f64[5] (5)", "f16[3,4] f16[4] (4)", "f32[0,4] f32[4] (4)", "f32[3,0] - (0)",
                            "f32[3,4] f32[3] (4) !shape", "f32[3,4] - (3) !shape", "f32[3,4] - () !shape",
                            "i64[3,4] - (4) !not_implemented"));

#ifdef TN_HEADER
/* Keywords of tn_layer_norm. */
typedef struct tn_layer_norm_opts {
    size_t size;
    tn_tensor *weight, *bias; /* NULL: 1 and 0 */
    double eps;               /* 1e-5 */
} tn_layer_norm_opts;
/* Keywords of tn_rms_norm. */
typedef struct tn_rms_norm_opts {
    size_t size;
    tn_tensor *weight; /* NULL: 1 */
    double eps;        /* NaN: None, the float's epsilon */
} tn_rms_norm_opts;
#ifndef __cplusplus
#define tn_layer_norm(x, ...)                                                                                                      \
    TN_WITH(tn_layer_norm_opts, (.eps = 1e-5), (tn_layer_norm)(x, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_rms_norm(x, ...)                                                                                                        \
    TN_WITH(tn_rms_norm_opts, (.eps = (double)__builtin_nanf("")), (tn_rms_norm)(x, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o),      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** (x - mean) / sqrt(variance + eps) * weight + bias, with mean and biased variance over the last dims, which must have the sizes
 *  of normalized_shape: torch.nn.functional.layer_norm.
 *  x, weight, bias  one floating dtype; weight and bias [NULL ok] have the shape normalized_shape
 *  returns          x's shape [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE
 */
TN_API tn_tensor *(tn_layer_norm)(tn_tensor *x, const int64_t *normalized_shape, size_t n, const tn_layer_norm_opts *opts) {
    tn_tensor *out[3];
    bool right = tni_run_op_multi(&tni_op_layer_norm, TNI_INS(x, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, bias, NULL)),
                                  TNI_ARGS({.ints = {normalized_shape, n}}, {.d = TNI_OPT(opts, eps, 1e-5)}), out, 3);
    return right ? out[0] : NULL;
}

static tn_tensor *layer_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_layer_norm_opts o = {.size = sizeof o, .weight = in[1], .bias = in[2], .eps = arg[1].d};
    return (tn_layer_norm)(in[0], arg[0].ints.v, arg[0].ints.n, &o);
}

/** x / sqrt(mean(x^2) + eps) * weight, over the last dims, which must have the sizes of normalized_shape:
 *  torch.nn.functional.rms_norm. As tn_layer_norm. [scope] */
TN_API tn_tensor *(tn_rms_norm)(tn_tensor *x, const int64_t *normalized_shape, size_t n, const tn_rms_norm_opts *opts) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_rms_norm, TNI_INS(x, TNI_OPT(opts, weight, NULL)),
                                  TNI_ARGS({.ints = {normalized_shape, n}}, {.d = TNI_OPT(opts, eps, (double)NAN)}), out, 2);
    return right ? out[0] : NULL;
}

static tn_tensor *rms_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_rms_norm_opts o = {.size = sizeof o, .weight = in[1], .eps = arg[1].d};
    return (tn_rms_norm)(in[0], arg[0].ints.v, arg[0].ints.n, &o);
}

/* ---- group_norm ---- */

static bool group_check(tni_call *c) {
    static const char *const names[] = {"", "weight", "bias"};
    const tni_array *x = &c->in[0]->a;
    int64_t groups = c->arg[0].i;
    TNI_REQUIRE(c, x->ndim >= 2, TN_ERR_SHAPE, "Expected at least 2 dimensions for input tensor but received %d", (int)x->ndim);
    TNI_REQUIRE(c, groups > 0, TN_ERR_RUNTIME, "Expected num groups to be greater than 0, got %lld", (long long)groups);
    int64_t channels = x->sizes[1];
    TNI_REQUIRE(c, channels % groups == 0, TN_ERR_SHAPE,
                "Expected number of channels in input to be divisible by num_groups, but got input of shape %s and num_groups=%lld",
                TNI_SHAPE(x), (long long)groups);
    for (size_t i = 1; i < c->nin; i++)
        TNI_REQUIRE(c, !c->in[i] || same_sizes(&c->in[i]->a, &channels, 1), TN_ERR_SHAPE,
                    "Expected %s to be a vector of size equal to the number of channels in input, but got %s of shape %s and input "
                    "of shape %s",
                    names[i], names[i], TNI_SHAPE(&c->in[i]->a), TNI_SHAPE(x));
    return tni_norm_check_dtypes(c, "GroupNormKernelImpl");
}

static tni_group_norm group_geometry(const tni_array *x, int64_t groups, double eps) {
    tni_group_norm g = {
        .wide = x->dtype == TN_FLOAT64, .n = x->sizes[0], .c = x->sizes[1], .inner = 1, .groups = groups, .eps = eps};
    for (int d = 2; d < x->ndim; d++) g.inner *= x->sizes[d];
    return g;
}

/* Outputs: y, mean, rstd. */
static bool group_norm_run(tni_call *c) {
    TNI_TRY(group_check(c));
    const tni_array *like = &c->in[0]->a;
    tn_dtype dtype = (tn_dtype)like->dtype;
    tni_group_norm g = group_geometry(like, c->arg[0].i, c->arg[1].d);
    const void *in[3];
    for (size_t i = 0; i < 3; i++) TNI_TRY(tni_norm_in(c, i, dtype, &in[i]));
    TNI_TRY(tni_out(c, 0, dtype, like->sizes, like->ndim));
    for (size_t k = 1; k < 3; k++) TNI_TRY(tni_out(c, k, dtype, (const int64_t[]){g.n, g.groups}, 2));
    if (like->numel) tni_group_norm_forward(&g, in[0], in[1], in[2], c->out[0]->a.data, c->out[1]->a.data, c->out[2]->a.data);
    return true;
}

/* Inputs: dy, x, mean, rstd, weight. Arguments: groups, the needs. */
static bool group_backward_run(tni_call *c) {
    const tni_array *like = &c->in[1]->a;
    tn_dtype dtype = (tn_dtype)like->dtype;
    tni_group_norm g = group_geometry(like, c->arg[0].i, 0);
    const void *in[5];
    for (size_t i = 0; i < 5; i++) TNI_TRY(tni_norm_in(c, i, dtype, &in[i]));
    TNI_TRY(tni_norm_out(c, 0, c->arg[1].i, dtype, like->sizes, like->ndim));
    for (size_t k = 1; k < 3; k++) TNI_TRY(tni_norm_out(c, k, c->arg[1].i, dtype, &g.c, 1));
    if (c->device != TNI_CPU) return true;
    return tni_group_norm_backward(&g, in[0], in[1], in[2], in[3], in[4], tni_norm_data(c->out[0]), tni_norm_data(c->out[1]),
                                   tni_norm_data(c->out[2]));
}
TN_OP(group_norm_backward, .run = group_backward_run, .widen = true, .hidden = true, .optional = TNI_IN(4));

static bool group_norm_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *weight = tni_saved(g, TNI_IN(1)), *dx[3];
    if (!x) return false;
    if (!tn_is_grad_enabled())
        return take_gradients(g,
                              tni_run_op_multi(&tni_op_group_norm_backward,
                                               TNI_INS(g->dy[0], x, tni_saved(g, TNI_OUT(1)), tni_saved(g, TNI_OUT(2)), weight),
                                               TNI_ARGS({.i = g->arg[0].i}, {.i = tni_norm_needs(g)}), dx, 3),
                              dx, 3);
    tni_group_norm k = group_geometry(&x->a, g->arg[0].i, g->arg[1].d);
    tni_norm_form f = {.sizes = {k.n, k.groups, k.c / k.groups, k.inner},
                       .ndim = 4,
                       .dims = {2, 3},
                       .ndims = 2,
                       .affine = {1, k.groups, k.c / k.groups, 1},
                       .eps = k.eps};
    return tni_norm_formula(g, &f, x, weight);
}

static tn_tensor *group_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(group_norm,
      .schema = "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> Tensor",
      .grad_name = "NativeGroupNormBackward0", .run = group_norm_run, .front = group_norm_front, .widen = true,
      .vjp = group_norm_vjp, .save = TNI_IN(0) | TNI_IN(1) | TNI_OUT(1) | TNI_OUT(2), .no_grad_outputs = 6,
      .optional = TNI_IN(1) | TNI_IN(2),
      .samples = TN_SAMPLES("f32[2,6,3,2] f32[6] f32[6] 3 @bench", "f64[2,4,3] f64[4] f64[4] 2 0.1", "f64[2,4,3]^T - f64[4] 4",
                            "f32[3,4] f32[4] - 1", "f16[2,4,3] f16[4] - 2", "f32[0,4,3] f32[4] f32[4] 2", "f32[2,4,0] - - 2",
                            "f32[2,4,3] - - 3 !shape", "f32[4] - - 2 !shape", "f32[2,4,3] f32[3] - 2 !shape",
                            "f32[2,4,3] - f32[3] 2 !shape", "f32[2,4,3] - - 0 !runtime", "i64[2,4] - - 2 !not_implemented",
                            "f32[2,4] f64[4] - 2 !dtype"));

#ifdef TN_HEADER
/* Keywords of tn_group_norm. */
typedef struct tn_group_norm_opts {
    size_t size;
    tn_tensor *weight, *bias; /* NULL: 1 and 0 */
    double eps;               /* 1e-5 */
} tn_group_norm_opts;
#ifndef __cplusplus
#define tn_group_norm(x, ...)                                                                                                      \
    TN_WITH(tn_group_norm_opts, (.eps = 1e-5), (tn_group_norm)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

static tn_tensor *group_norm(tn_tensor *x, int64_t num_groups, tn_tensor *weight, tn_tensor *bias, double eps) {
    tn_tensor *out[3];
    bool right = tni_run_op_multi(&tni_op_group_norm, TNI_INS(x, weight, bias), TNI_ARGS({.i = num_groups}, {.d = eps}), out, 3);
    return right ? out[0] : NULL;
}

static tn_tensor *group_norm_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return group_norm(in[0], arg[0].i, in[1], in[2], arg[1].d);
}

/* A group of one value has no variance. */
static bool more_than_one_value(const tn_tensor *x, int64_t groups) {
    if (tni_failed() || !x || x->object.tag != TNI_TENSOR || x->uninitialized || x->a.ndim < 2 || groups <= 0) return true;
    const tni_array *a = &x->a;
    int64_t n = a->sizes[0] * a->sizes[1] / groups;
    for (int d = 2; d < a->ndim; d++) n *= a->sizes[d];
    return n != 1 || tni_fail(TN_ERR_VALUE, "group_norm: Expected more than 1 value per channel when training, got input size %s",
                              TNI_SHAPE(a));
}

/** Normalises each group of channels of each item: x (N, C, ...), num_groups divides C; torch.nn.functional.group_norm.
 *  x, weight, bias  one floating dtype; weight and bias (C) [NULL ok]
 *  returns          x's shape [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE; TN_ERR_VALUE when there is one value for all statistics
 */
TN_API tn_tensor *(tn_group_norm)(tn_tensor *x, int64_t num_groups, const tn_group_norm_opts *opts) {
    if (!more_than_one_value(x, num_groups)) return NULL;
    return group_norm(x, num_groups, TNI_OPT(opts, weight, NULL), TNI_OPT(opts, bias, NULL), TNI_OPT(opts, eps, 1e-5));
}
