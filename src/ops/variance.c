/* ops/variance.c - variances, standard deviations, both with the mean. */
#include "base/pool.h"
#include "cpu/norm.h"
#include "ops/reduce.h"
#include <math.h>
#include <tison/ops.h>

enum { GRAIN = 16384 };

/* ---- the work: arguments dims, correction, keepdim ---- */

typedef struct job {
    tni_rows rows;
    void *mean, *variance;
    double correction;
    bool wide, root;
} job;

static void run_some(int64_t begin, int64_t end, void *context) {
    const job *j = context;
    int64_t n = j->rows.n;
    if (j->wide) {
        double *v = (double *)j->variance + begin;
        tni_row_moments_f64(j->mean ? (double *)j->mean + begin : NULL, v, (const double *)j->rows.data + begin * n, end - begin, n,
                            j->correction);
        for (int64_t i = 0; j->root && i < end - begin; i++) v[i] = sqrt(v[i]);
    } else {
        float *v = (float *)j->variance + begin;
        tni_row_moments_f32(j->mean ? (float *)j->mean + begin : NULL, v, (const float *)j->rows.data + begin * n, end - begin, n,
                            j->correction);
        for (int64_t i = 0; j->root && i < end - begin; i++) v[i] = sqrtf(v[i]);
    }
}

static bool run_moments(tni_call *c, bool root, bool with_mean) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_REQUIRE(c, tni_dtype_is_wide(dtype), TN_ERR_RUNTIME, "std and var only support floating point and complex dtypes");
    if (isnan(c->arg[1].d)) c->arg[1].d = 1; /* None */
    job j = {.correction = c->arg[1].d, .wide = dtype == TN_FLOAT64, .root = root};
    TNI_TRY(tni_rows_of(c, dtype, &c->arg[0], &j.rows));
    TNI_TRY(tni_rows_result(c, 0, &j.rows, c->arg[2].b, dtype));
    if (with_mean) TNI_TRY(tni_rows_result(c, 1, &j.rows, c->arg[2].b, dtype));
    if ((double)j.rows.n <= j.correction)
        tni_warn(
            "%s(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel divided "
            "by output numel).",
            c->op->name);
    j.variance = c->out[0]->a.data, j.mean = with_mean ? c->out[1]->a.data : NULL;
    tni_parallel(j.rows.rows, GRAIN / TNI_MAX(j.rows.n, 1) + 1, run_some, &j);
    return true;
}

/* dy * 2 / (n - correction) * (x - mean) */
static tn_tensor *slope(const tni_vjp *g, tn_tensor *dy, tn_tensor *x) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    double n = (double)tni_dims_count(sizes, ndim, mask), freedom = fmax(n - g->arg[1].d, 0);
    tn_ints dims = {g->arg[0].ints.n, g->arg[0].ints.v};
    tn_mean_opts opts = {.size = sizeof opts, .dim = TN_NONE, .keepdim = true, .dtype = TN_DTYPE_NONE, .dims = dims};
    tn_tensor *centred = x ? tn_sub(x, (tn_mean)(x, &opts)) : NULL;
    dy = tni_dims_back(g, dy, mask, g->arg[2].b);
    return centred && dy ? tn_mul(tn_mul(dy, 2 / freedom), centred) : NULL;
}

static bool var_run(tni_call *c) { return run_moments(c, false, false); }
static bool var_vjp(tni_vjp *g) {
    TNI_DX(g, 0, slope(g, g->dy[0], tni_saved(g, TNI_IN(0))));
    return true;
}

TN_OP(var, .schema = "var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
      .grad_name = "VarBackward0", .run = var_run, .widen = true, .vjp = var_vjp, .save = TNI_IN(0), .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f32[3,4] (1,)", "f64[2,3,4] (0,2) keepdim=True", "f64[3,4]^T (0,) correction=0",
                            "f32[3,4] -1 correction=2", "f32[4] correction=0.5", "f32[] correction=0 nograd",
                            "f32[2,0] (1,) nograd", "bf16[4]", "i64[3] !runtime", "f32[2] (1,) !index"));

static bool std_run(tni_call *c) { return run_moments(c, true, false); }
/* 0 where the deviation is 0. */
static bool std_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0));
    tn_tensor *dy = y ? tn_where(tn_eq(y, 0), 0, tn_div(g->dy[0], tn_mul(y, 2))) : NULL;
    TNI_DX(g, 0, dy ? slope(g, dy, tni_saved(g, TNI_IN(0))) : NULL);
    return true;
}

TN_OP(std, .schema = "std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
      .grad_name = "StdBackward0", .run = std_run, .widen = true, .vjp = std_vjp, .save = TNI_IN(0) | TNI_OUT(0), .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f32[3,4] (1,)", "f64[2,3,4] (0,2) keepdim=True", "f64[3,4]^T (0,) correction=0",
                            "f32[] correction=0 nograd", "bf16[4]", "i64[3] !runtime"));

static bool var_mean_run(tni_call *c) { return run_moments(c, false, true); }
static bool var_mean_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    tn_tensor *dx = g->dy[0] ? slope(g, g->dy[0], tni_saved(g, TNI_IN(0))) : NULL;
    if (g->dy[0] && !dx) return false;
    if (g->dy[1]) {
        tn_tensor *dy = tni_spread(g, g->dy[1], mask, g->arg[2].b);
        tn_tensor *other = dy ? tn_div(dy, tni_dims_count(sizes, ndim, mask)) : NULL;
        dx = dx && other ? tn_add(dx, other) : other;
    }
    TNI_DX(g, 0, dx);
    return true;
}

TN_OP(var_mean,
      .schema =
          "var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> (Tensor, Tensor)",
      .grad_name = "VarMeanBackward0", .run = var_mean_run, .widen = true, .vjp = var_mean_vjp, .save = TNI_IN(0), .ints = 1,
      .samples = TN_SAMPLES("f32[3,4]", "f32[3,4] (1,) @bench", "f64[2,3,4] (0,2) keepdim=True", "f64[3,4]^T (0,) correction=0",
                            "bf16[4]", "i64[3] !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_var, tn_std and tn_var_mean. */
typedef struct tn_var_opts {
    size_t size;
    int64_t dim; /* TN_NONE: all dims, or those of `dims` */
    struct tn_keywords_only *keywords_only;
    double correction; /* 1: the sum of squares is divided by the count less this */
    bool keepdim;      /* false */
    tn_ints dims;      /* several: .dims = TN_INTS(0, 2) */
} tn_var_opts;
#ifndef __cplusplus
#define TN_VAR_(function, ...)                                                                                                     \
    TN_WITH(tn_var_opts, (.dim = TN_NONE, .correction = 1), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_var(...) TN_VAR_(tn_var, __VA_ARGS__)
#define tn_std(...) TN_VAR_(tn_std, __VA_ARGS__)
#endif
#endif

/* The three arguments; `dim` is where a single dim may stand. */
#define VAR_ARGS(opts, dim)                                                                                                        \
    TNI_ARGS(var_dims(opts, dim), {.d = TNI_OPT(opts, correction, 1.0)}, {.b = TNI_OPT(opts, keepdim, false)})
static tni_value var_dims(const tn_var_opts *opts, int64_t *dim) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    *dim = TNI_OPT(opts, dim, TN_NONE);
    if (dims.n == 0 && *dim != TN_NONE) dims = (tn_ints){1, dim};
    return (tni_value){.ints = {dims.v, dims.n}};
}

/** The variance over all elements, a dim, or several: torch.var. Floating point; without degrees of freedom NaN or infinite, with a
 *  warning. [scope] */
TN_API tn_tensor *(tn_var)(tn_tensor *x, const tn_var_opts *opts) {
    int64_t dim;
    return tni_run_op(&tni_op_var, TNI_INS(x), VAR_ARGS(opts, &dim));
}
/** The standard deviation, the square root of tn_var: torch.std. [scope] */
TN_API tn_tensor *(tn_std)(tn_tensor *x, const tn_var_opts *opts) {
    int64_t dim;
    return tni_run_op(&tni_op_std, TNI_INS(x), VAR_ARGS(opts, &dim));
}
/** tn_var and the mean: torch.var_mean. opts [NULL ok].
 *  variance, mean  receive tensors [scope]; NULL: not wanted. NULL is stored on failure */
TN_API bool tn_var_mean(tn_tensor *x, const tn_var_opts *opts, tn_tensor **variance, tn_tensor **mean) {
    int64_t dim;
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_var_mean, TNI_INS(x), VAR_ARGS(opts, &dim), out, 2);
    if (variance) *variance = out[0];
    if (mean) *mean = out[1];
    return right;
}
