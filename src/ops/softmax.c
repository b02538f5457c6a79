/* ops/softmax.c - softmax and log_softmax over one dim. */
#include "base/pool.h"
#include "core/op.h"
#include "cpu/row.h"
#include <tison/ops.h>

enum { GRAIN = 16384 };

/* ---- rows: the work of one dim, shared among threads ---- */

typedef void row_kernel_f32(float *out, const float *a, const float *b, int64_t rows, int64_t n);
typedef void row_kernel_f64(double *out, const double *a, const double *b, int64_t rows, int64_t n);
typedef struct row_kernel {
    row_kernel_f32 *f32;
    row_kernel_f64 *f64;
} row_kernel;

static void softmax_f32(float *y, const float *x, const float *none, int64_t rows, int64_t n) {
    (void)none;
    tni_row_softmax_f32(y, x, rows, n);
}
static void softmax_f64(double *y, const double *x, const double *none, int64_t rows, int64_t n) {
    (void)none;
    tni_row_softmax_f64(y, x, rows, n);
}
static void log_softmax_f32(float *y, const float *x, const float *none, int64_t rows, int64_t n) {
    (void)none;
    tni_row_log_softmax_f32(y, x, rows, n);
}
static void log_softmax_f64(double *y, const double *x, const double *none, int64_t rows, int64_t n) {
    (void)none;
    tni_row_log_softmax_f64(y, x, rows, n);
}
static const row_kernel softmax_rows = {softmax_f32, softmax_f64}, log_softmax_rows = {log_softmax_f32, log_softmax_f64},
                        softmax_backward_rows = {tni_row_softmax_backward_f32, tni_row_softmax_backward_f64},
                        log_softmax_backward_rows = {tni_row_log_softmax_backward_f32, tni_row_log_softmax_backward_f64};

typedef struct row_job {
    const row_kernel *kernel;
    void *out;
    const void *a, *b;
    int64_t n;
    bool is_double;
} row_job;

static void run_rows(int64_t begin, int64_t end, void *context) {
    const row_job *j = context;
    int64_t at = begin * j->n;
    if (j->is_double)
        j->kernel->f64((double *)j->out + at, (const double *)j->a + at, j->b ? (const double *)j->b + at : NULL, end - begin,
                       j->n);
    else
        j->kernel->f32((float *)j->out + at, (const float *)j->a + at, j->b ? (const float *)j->b + at : NULL, end - begin, j->n);
}

/* All arrays row-major of one shape, rows of n; b may be NULL. */
static void run_all_rows(const row_kernel *kernel, const tni_array *out, const tni_array *a, const tni_array *b, int64_t n) {
    if (out->numel == 0) return;
    row_job j = {kernel, out->data, a->data, b ? b->data : NULL, n, out->dtype == TN_FLOAT64};
    tni_parallel(out->numel / n, GRAIN / n + 1, run_rows, &j);
}

/* A view of row-major x where dim is last, the dims before and after it merged: (outer, inner, n). */
static tn_tensor *dim_last(tni_call *c, const tn_tensor *x, int64_t dim) {
    int64_t sizes[3] = {1, 1, x->a.sizes[dim]}, strides[3];
    for (int64_t d = 0; d < x->a.ndim; d++)
        if (d != dim) sizes[d < dim ? 0 : 1] *= x->a.sizes[d];
    strides[0] = sizes[1] * sizes[2], strides[1] = 1, strides[2] = sizes[1];
    return tni_tensor_view(c->t, c->op->name, x, sizes, strides, 3, x->a.offset);
}

/* Input i row-major with dim last, for as long as the call lasts. */
static const tn_tensor *turned_input(tni_call *c, size_t i, tn_dtype dtype, int64_t dim) {
    tn_tensor *made = NULL, *view, *turned;
    const tn_tensor *x = c->in[i];
    if (!tni_array_as(c->t, c->op->name, x, dtype, true, &made)) return NULL;
    if (made && !(x = tni_give(c->t, made))) return NULL;
    if (!(view = dim_last(c, x, dim)) || !(view = tni_give(c->t, view))) return NULL;
    if (!(turned = tni_tensor_new(c->t, c->op->name, dtype, view->a.sizes, 3)) || !(turned = tni_give(c->t, turned))) return NULL;
    return tni_copy_array(&turned->a, &view->a) ? turned : NULL;
}

/* out[0] = kernel(in[0], in[1]) along dim. */
static bool run_turned(tni_call *c, const row_kernel *kernel, tn_dtype dtype, int64_t dim) {
    const tn_tensor *a = turned_input(c, 0, dtype, dim), *b = a && c->nin > 1 ? turned_input(c, 1, dtype, dim) : NULL;
    if (!a || (c->nin > 1 && !b)) return false;
    tn_tensor *view = dim_last(c, c->out[0], dim);
    if (!view) return false;
    run_all_rows(kernel, &a->a, &a->a, b ? &b->a : NULL, a->a.sizes[2]);
    bool right = tni_copy_array(&view->a, &a->a);
    tni_tensor_destroy_new(c->t, view);
    return right;
}

static bool run_along(tni_call *c, const row_kernel *kernel, tn_dtype dtype, int64_t dim) {
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(tni_out(c, 0, dtype, x->sizes, x->ndim));
    if (x->numel == 0) return true;
    int64_t inner = 1;
    for (int d = (int)dim + 1; d < x->ndim; d++) inner *= x->sizes[d];
    if (inner > 1) return run_turned(c, kernel, dtype, dim);
    const tni_array *a = tni_in_as(c, 0, dtype), *b = a && c->nin > 1 ? tni_in_as(c, 1, dtype) : NULL;
    if (!a || (c->nin > 1 && !b)) return false;
    run_all_rows(kernel, &c->out[0]->a, a, b, x->ndim ? x->sizes[dim] : 1);
    return true;
}

/* ---- the operators ---- */

/* Arguments: dim, dtype. The input is cast to the dtype first. */
static bool run_forward(tni_call *c, const row_kernel *kernel) {
    const tni_array *x = &c->in[0]->a;
    tn_dtype dtype = c->arg[1].dtype != TN_DTYPE_NONE ? c->arg[1].dtype : (tn_dtype)x->dtype;
    TNI_TRY(tni_wrap_dim(c->op->name, &c->arg[0].i, x->ndim));
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s_%skernel_impl\" not implemented for '%s'", c->op->name,
                c->arg[0].i + 1 >= x->ndim ? "lastdim_" : "", tni_dtype_get(dtype)->legacy);
    return run_along(c, kernel, dtype, c->arg[0].i);
}

/* Inputs: dy and the forward's result; argument: dim. */
static bool run_backward(tni_call *c, const row_kernel *kernel) {
    const tni_array *dy = &c->in[0]->a, *y = &c->in[1]->a;
    TNI_TRY(tni_wrap_dim(c->op->name, &c->arg[0].i, y->ndim));
    TNI_REQUIRE(c, tni_same_shape(dy, y), TN_ERR_SHAPE, "shapes %s and %s differ", TNI_SHAPE(dy), TNI_SHAPE(y));
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)y->dtype), TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'",
                tni_dtype_get((tn_dtype)y->dtype)->legacy);
    return run_along(c, kernel, (tn_dtype)y->dtype, c->arg[0].i);
}

static tn_tensor *sum_kept(tn_tensor *x, int64_t dim) { return x ? tn_sum(x, dim, true) : NULL; }

static bool softmax_run(tni_call *c) { return run_forward(c, &softmax_rows); }
static bool softmax_backward_run(tni_call *c) { return run_backward(c, &softmax_backward_rows); }

TN_OP(softmax_backward, .schema = "_softmax_backward_data(Tensor grad_output, Tensor output, int dim) -> Tensor",
      .run = softmax_backward_run, .hidden = true, .widen = true,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 nograd", "f64[2,3,4] f64[2,3,4] 1 nograd"));

static bool softmax_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0)), *weighted = y ? tn_mul(y, g->dy[0]) : NULL;
    tn_tensor *sum = sum_kept(weighted, g->arg[0].i);
    TNI_DX(g, 0, sum ? tn_sub(weighted, tn_mul(y, sum)) : NULL);
    return true;
}

static bool softmax_fused_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_run_op(&tni_op_softmax_backward, TNI_INS(g->dy[0], tni_saved(g, TNI_OUT(0))), TNI_ARGS({.i = g->arg[0].i})));
    return true;
}

TN_OP(softmax, .schema = "softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", .grad_name = "SoftmaxBackward0",
      .run = softmax_run, .widen = true, .dtype_arg = 2, .vjp = softmax_vjp, .fused_vjp = softmax_fused_vjp, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[4,7] 1 @bench", "f32[4,7] 0", "f64[2,3,4] -2", "f32[3,4]^T 1", "f32[] 0", "f32[0,3] 1",
                            "f32[3,0] 1", "i64[3] 0 !not_implemented", "f32[2,3] 2 !index"));

#ifdef TN_HEADER
/* Keywords of tn_softmax and tn_log_softmax. */
typedef struct tn_softmax_opts {
    size_t size;
    tn_dtype dtype; /* TN_DTYPE_NONE: x's; x is cast to it first */
} tn_softmax_opts;
#ifndef __cplusplus
#define tn_softmax(x, ...)                                                                                                         \
    TN_WITH(tn_softmax_opts, (.dtype = TN_DTYPE_NONE), (tn_softmax)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_log_softmax(x, ...)                                                                                                     \
    TN_WITH(tn_softmax_opts, (.dtype = TN_DTYPE_NONE), (tn_log_softmax)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** exp(x) / sum(exp(x)) along dim, without overflow: torch.softmax.
 *  x        floating point, or any dtype with .dtype
 *  returns  x's shape, row-major [scope]; TN_ERR_INDEX for a dim out of range
 */
TN_API tn_tensor *(tn_softmax)(tn_tensor *x, int64_t dim, const tn_softmax_opts *opts) {
    return tni_run_op(&tni_op_softmax, TNI_INS(x), TNI_ARGS({.i = dim}, {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)}));
}

static bool log_softmax_run(tni_call *c) { return run_forward(c, &log_softmax_rows); }
static bool log_softmax_backward_run(tni_call *c) { return run_backward(c, &log_softmax_backward_rows); }

TN_OP(log_softmax_backward, .schema = "_log_softmax_backward_data(Tensor grad_output, Tensor output, int dim) -> Tensor",
      .run = log_softmax_backward_run, .hidden = true, .widen = true,
      .samples = TN_SAMPLES("f32[3,4] f32[3,4] 1 nograd", "f64[2,3,4] f64[2,3,4] 1 nograd"));

static bool log_softmax_vjp(tni_vjp *g) {
    tn_tensor *y = tni_saved(g, TNI_OUT(0)), *sum = y ? sum_kept(g->dy[0], g->arg[0].i) : NULL;
    TNI_DX(g, 0, sum ? tn_sub(g->dy[0], tn_mul(tn_exp(y), sum)) : NULL);
    return true;
}

static bool log_softmax_fused_vjp(tni_vjp *g) {
    TNI_DX(g, 0,
           tni_run_op(&tni_op_log_softmax_backward, TNI_INS(g->dy[0], tni_saved(g, TNI_OUT(0))), TNI_ARGS({.i = g->arg[0].i})));
    return true;
}

TN_OP(log_softmax, .schema = "log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
      .grad_name = "LogSoftmaxBackward0", .run = log_softmax_run, .widen = true, .dtype_arg = 2, .vjp = log_softmax_vjp,
      .fused_vjp = log_softmax_fused_vjp, .save = TNI_OUT(0),
      .samples = TN_SAMPLES("f32[4,7] 1 @bench", "f32[4,7] 0", "f64[2,3,4] -2", "f32[3,4]^T 1", "f32[] 0", "f32[0,3] 1",
                            "f32[3,0] 1", "i64[3] 0 !not_implemented", "f32[2,3] 2 !index"));

/** log(softmax(x)) along dim, accurately: torch.log_softmax. As tn_softmax. [scope] */
TN_API tn_tensor *(tn_log_softmax)(tn_tensor *x, int64_t dim, const tn_softmax_opts *opts) {
    return tni_run_op(&tni_op_log_softmax, TNI_INS(x), TNI_ARGS({.i = dim}, {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)}));
}
