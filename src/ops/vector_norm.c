/* ops/vector_norm.c - norms of vectors and logsumexp, over all elements or over dims. */
#include "base/pool.h"
#include "cpu/fold.h"
#include "cpu/row.h"
#include "ops/reduce.h"
#include <math.h>
#include <tison/ops.h>

enum { GRAIN = 16384 };

/* ---- one row; sums are made in double ---- */

#define ROW_LOOP(name, T, expr)                                                                                                    \
    static double name(const void *data, int64_t n, double p) {                                                                    \
        const T *x = data;                                                                                                         \
        double sum = 0;                                                                                                            \
        (void)p;                                                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                                          \
            const double a = fabs((double)x[i]);                                                                                   \
            sum = expr;                                                                                                            \
        }                                                                                                                          \
        return sum;                                                                                                                \
    }
#define ROW_LOOPS(name, expr) ROW_LOOP(name##_f32, float, expr) ROW_LOOP(name##_f64, double, expr)
ROW_LOOPS(count_row, sum + (a != 0))
ROW_LOOPS(power_row, sum + pow(a, p))
ROW_LOOPS(largest_row, a != a || a > sum ? a : sum)
ROW_LOOPS(smallest_row, i == 0 || a != a || a < sum ? a : sum)
typedef double row_loop(const void *data, int64_t n, double p);

#define FOLDED(name, fold, T)                                                                                                      \
    static double name(const void *data, int64_t n, double p) {                                                                    \
        double sum;                                                                                                                \
        (void)p;                                                                                                                   \
        fold(&sum, (const T *)data, 1, n);                                                                                         \
        return sum;                                                                                                                \
    }
FOLDED(sum_row_f32, tni_fold_abs_f32, float)
FOLDED(sum_row_f64, tni_fold_abs_f64, double)
FOLDED(square_row_f32, tni_fold_square_f32, float)
FOLDED(square_row_f64, tni_fold_square_f64, double)

static row_loop *loop_of(double p, bool wide) {
    if (p == 0) return wide ? count_row_f64 : count_row_f32;
    if (p == 1) return wide ? sum_row_f64 : sum_row_f32;
    if (p == 2) return wide ? square_row_f64 : square_row_f32;
    if (isinf(p)) return p > 0 ? (wide ? largest_row_f64 : largest_row_f32) : (wide ? smallest_row_f64 : smallest_row_f32);
    return wide ? power_row_f64 : power_row_f32;
}

typedef struct job {
    tni_rows rows;
    row_loop *loop;
    void *out;
    double p;
    bool wide;
} job;

static void run_some(int64_t begin, int64_t end, void *context) {
    const job *j = context;
    size_t item = j->wide ? sizeof(double) : sizeof(float);
    for (int64_t i = begin; i < end; i++) {
        double y = j->loop((const char *)j->rows.data + (size_t)(i * j->rows.n) * item, j->rows.n, j->p);
        if (j->p == 2)
            y = sqrt(y);
        else if (j->p != 0 && j->p != 1 && !isinf(j->p))
            y = pow(y, 1 / j->p);
        if (j->wide)
            ((double *)j->out)[i] = y;
        else
            ((float *)j->out)[i] = (float)y;
    }
}

/* ---- linalg_vector_norm: arguments ord, dim, keepdim ---- */

static bool vector_norm_run(tni_call *c) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    job j = {.p = c->arg[0].d, .wide = dtype == TN_FLOAT64};
    TNI_REQUIRE(c, tni_dtype_is_wide(dtype), TN_ERR_RUNTIME, "Expected a floating point or complex tensor as input. Got %s",
                tni_dtype_get(dtype)->legacy);
    TNI_TRY(tni_rows_of(c, dtype, &c->arg[1], &j.rows));
    TNI_REQUIRE(c, j.rows.n > 0 || j.rows.rows == 0 || (j.p >= 0 && !isinf(j.p)), TN_ERR_RUNTIME,
                "linalg.vector_norm cannot compute the %g norm on an empty tensor because the operation does not have an identity",
                j.p);
    TNI_TRY(tni_rows_result(c, 0, &j.rows, c->arg[2].b, dtype));
    j.loop = loop_of(j.p, j.wide);
    j.out = c->out[0]->a.data;
    tni_parallel(j.rows.rows, GRAIN / TNI_MAX(j.rows.n, 1) + 1, run_some, &j);
    return true;
}

/* The largest (or smallest) share the gradient evenly. */
static tn_tensor *extreme_slope(const tni_vjp *g, tn_tensor *x, tn_tensor *y, tn_tensor *dy) {
    tn_ints dims = {g->arg[1].ints.n, g->arg[1].ints.v};
    tn_sum_opts opts = {.size = sizeof opts, .dim = TN_NONE, .keepdim = true, .dtype = TN_DTYPE_NONE, .dims = dims};
    tn_tensor *same = tn_eq(tn_abs(x), y), *count = same ? (tn_sum)(same, &opts) : NULL;
    return count ? tn_mul(tn_mul(tn_sgn(x), same), tn_div(dy, count)) : NULL;
}

static bool vector_norm_vjp(tni_vjp *g) {
    size_t ndim;
    double p = g->arg[0].d;
    tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[1], ndim);
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *y = tni_dims_back(g, tni_saved(g, TNI_OUT(0)), mask, g->arg[2].b);
    tn_tensor *dy = tni_dims_back(g, g->dy[0], mask, g->arg[2].b), *dx;
    if (!x || !y || !dy) return false;
    if (p == 0)
        dx = tni_zeros_like_input(g, 0);
    else if (p == 1)
        dx = tn_mul(dy, tn_sgn(x));
    else if (p == 2)
        dx = tn_where(tn_eq(y, 0), 0, tn_mul(dy, tn_div(x, y)));
    else if (isinf(p))
        dx = extreme_slope(g, x, y, dy);
    else if (p < 1)
        dx = tn_where(tn_eq(x, 0), 0, tn_mul(tn_mul(tn_sgn(x), tn_pow(tn_abs(x), p - 1)), tn_mul(dy, tn_pow(y, 1 - p))));
    else
        dx = tn_where(tn_eq(y, 0), 0, tn_mul(tn_mul(tn_sgn(x), tn_pow(tn_abs(x), p - 1)), tn_div(dy, tn_pow(y, p - 1))));
    TNI_DX(g, 0, dx);
    return true;
}

TN_OP(linalg_vector_norm, .schema = "linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False) -> Tensor",
      .grad_name = "LinalgVectorNormBackward0", .run = vector_norm_run, .widen = true, .vjp = vector_norm_vjp,
      .save = TNI_IN(0) | TNI_OUT(0), .ints = 2,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f32[3,4] 2 (1,)", "f64[2,3,4] 1 (0,2) True", "f64[3,4]^T 3 (0,)",
                            "f32[3,4] 0 nograd", "f64[5] 0.5", "f64[3,4] inf (1,)", "f64[3,4] -inf", "f64[4] 1.5", "f32[]",
                            "f32[0,3] 2 (0,)", "bf16[4]", "f32[0] inf !runtime", "i64[3] !runtime", "f32[2] 2 (1,) !index"));

#ifdef TN_HEADER
/* Keywords of tn_linalg_vector_norm and tn_norm. */
typedef struct tn_norm_opts {
    size_t size;
    double p;     /* 2: any number, infinities included */
    int64_t dim;  /* TN_NONE: all dims, or those of `dims` */
    bool keepdim; /* false */
    tn_ints dims; /* several: .dims = TN_INTS(0, 2) */
} tn_norm_opts;
#ifndef __cplusplus
#define TN_NORM_(function, ...)                                                                                                    \
    TN_WITH(tn_norm_opts, (.p = 2, .dim = TN_NONE), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_linalg_vector_norm(...) TN_NORM_(tn_linalg_vector_norm, __VA_ARGS__)
#define tn_norm(...) TN_NORM_(tn_norm, __VA_ARGS__)
#endif
#endif

/** (sum |x|^p)^(1/p) over all elements, a dim, or several: torch.linalg.vector_norm. p = 0 counts what is not 0, infinities give the
 *  largest and smallest |x|. Floating point. [scope] */
TN_API tn_tensor *(tn_linalg_vector_norm)(tn_tensor *x, const tn_norm_opts *opts) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    if (dims.n == 0 && dim != TN_NONE) dims = (tn_ints){1, &dim};
    return tni_run_op(&tni_op_linalg_vector_norm, TNI_INS(x),
                      TNI_ARGS({.d = TNI_OPT(opts, p, 2.0)}, {.ints = {dims.v, dims.n}}, {.b = TNI_OPT(opts, keepdim, false)}));
}

/* torch.norm by name: arguments p, dim, keepdim. */
static bool norm_run(tni_call *c) {
    double p = c->arg[0].d;
    tn_norm_opts opts = {.size = sizeof opts, .p = p != p ? 2 : p, .dim = TN_NONE};
    if (c->narg > 1) opts.dims = (tn_ints){c->arg[1].ints.n, c->arg[1].ints.v}, opts.keepdim = c->arg[2].b;
    c->out[0] = (tn_linalg_vector_norm)(c->in[0], &opts);
    return c->out[0] != NULL;
}
TN_OP(norm, .schema = "norm.Scalar(Tensor self, Scalar p=2) -> Tensor", .run = norm_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4] 1", "f64[3,4] 3"));
TN_OP(norm_dim, .schema = "norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor", .run = norm_run,
      .composite = true, .ints = 2, .samples = TN_SAMPLES("f32[3,4] 2 (1,)", "f64[3,4] 1 (0,) True", "f64[3,4] None (0,1)"));

/** The same as tn_linalg_vector_norm: torch.norm. [scope] */
TN_API tn_tensor *(tn_norm)(tn_tensor *x, const tn_norm_opts *opts) { return (tn_linalg_vector_norm)(x, opts); }

/* ---- logsumexp ---- */

static void logsumexp_some(int64_t begin, int64_t end, void *context) {
    const job *j = context;
    int64_t first = begin * j->rows.n;
    if (j->wide)
        tni_row_logsumexp_f64((double *)j->out + begin, (const double *)j->rows.data + first, end - begin, j->rows.n);
    else
        tni_row_logsumexp_f32((float *)j->out + begin, (const float *)j->rows.data + first, end - begin, j->rows.n);
}

/* Arguments: dim, keepdim. */
static bool logsumexp_run(tni_call *c) {
    tn_dtype own = (tn_dtype)c->in[0]->a.dtype, dtype = tni_dtype_is_integral(own, true) ? tn_get_default_dtype() : own;
    job j = {.wide = dtype == TN_FLOAT64};
    TNI_REQUIRE(c, tni_dtype_is_wide(dtype), TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    TNI_TRY(tni_rows_of(c, dtype, &c->arg[0], &j.rows));
    TNI_TRY(tni_rows_result(c, 0, &j.rows, c->arg[1].b, dtype));
    j.out = c->out[0]->a.data;
    tni_parallel(j.rows.rows, GRAIN / TNI_MAX(j.rows.n, 1) + 1, logsumexp_some, &j);
    return true;
}

static bool logsumexp_vjp(tni_vjp *g) {
    size_t ndim;
    tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    tn_tensor *y = tni_dims_back(g, tni_saved(g, TNI_OUT(0)), mask, g->arg[1].b);
    tn_tensor *dy = tni_dims_back(g, g->dy[0], mask, g->arg[1].b);
    TNI_DX(g, 0, y && dy ? tn_mul(dy, tn_exp(tn_sub(tni_saved(g, TNI_IN(0)), y))) : NULL);
    return true;
}

TN_OP(logsumexp, .schema = "logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor", .grad_name = "LogsumexpBackward0",
      .run = logsumexp_run, .widen = true, .vjp = logsumexp_vjp, .save = TNI_IN(0) | TNI_OUT(0), .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] (1,) @bench", "f64[2,3,4] (0,2) True", "f64[3,4]^T (-1,)", "f32[] (0,)",
                            "f32[2,0] (1,) nograd", "i64[3] (0,)", "bf16[4] (0,)", "f32[3]=inf (0,) nograd",
                            "f32[3]=-inf (0,) nograd", "f32[2] (1,) !index"));

#ifdef TN_HEADER
/* Keywords of tn_logsumexp. */
typedef struct tn_logsumexp_opts {
    size_t size;
    bool keepdim; /* false */
    tn_ints dims; /* several, in the place of dim: .dims = TN_INTS(0, 2) */
} tn_logsumexp_opts;
#ifndef __cplusplus
#define tn_logsumexp(x, ...)                                                                                                       \
    TN_WITH(tn_logsumexp_opts, (.keepdim = false), (tn_logsumexp)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** log(sum(e^x)) along dim, without overflow: torch.logsumexp. Integers give the default dtype. [scope] */
TN_API tn_tensor *(tn_logsumexp)(tn_tensor *x, int64_t dim, const tn_logsumexp_opts *opts) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    if (dims.n == 0) dims = (tn_ints){1, &dim};
    return tni_run_op(&tni_op_logsumexp, TNI_INS(x), TNI_ARGS({.ints = {dims.v, dims.n}}, {.b = TNI_OPT(opts, keepdim, false)}));
}
