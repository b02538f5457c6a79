/* ops/sort.c - sort, argsort, topk, kthvalue, median. */
#include "cpu/sort.h"
#include "ops/reduce.h"
#include <math.h>
#include <tison/ops.h>

/* The kernels know bool as uint8. */
static tn_dtype kernel_dtype(const tni_call *c) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    return dtype == TN_BOOL ? TN_UINT8 : dtype;
}

static bool rows_along(tni_call *c, int64_t *dim, tni_rows *r) {
    TNI_REQUIRE(c, !tni_dtype_is_complex((tn_dtype)c->in[0]->a.dtype), TN_ERR_RUNTIME,
                "Sort does not support complex dtypes on CPU");
    TNI_TRY(tni_wrap_dim(c->op->name, dim, c->in[0]->a.ndim));
    tni_value dims = {.ints = {dim, 1}};
    return tni_rows_of(c, (tn_dtype)c->in[0]->a.dtype, &dims, r);
}

/* ---- results with k elements along dim: made as rows, with dim last, and then turned ---- */

/* Sizes of out[o], with the strides, where dim stands last. */
static void turn(const tni_array *out, int64_t dim, int64_t *sizes, int64_t *strides) {
    size_t n = 0;
    for (int d = 0; d < out->ndim; d++)
        if (d != dim) sizes[n] = out->sizes[d], strides[n++] = out->strides[d];
    if (out->ndim) sizes[n] = out->sizes[dim], strides[n] = out->strides[dim];
}

/* out[0] and out[1], and work[0] and work[1] for the rows: the same where dim is the last one. */
static bool make_results(tni_call *c, int64_t dim, int64_t k, bool like_input, tn_tensor **work) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) sizes[d] = d == dim ? k : x->sizes[d];
    for (size_t o = 0; o < 2; o++) {
        tn_dtype dtype = o ? TN_INT64 : (tn_dtype)x->dtype;
        TNI_TRY(like_input ? tni_out_like(c, o, c->in[0], dtype) : tni_out(c, o, dtype, sizes, x->ndim));
    }
    for (size_t o = 0; o < 2; o++) {
        work[o] = c->out[o];
        if (dim + 1 >= x->ndim && work[o]->a.contiguous) continue;
        turn(&c->out[o]->a, dim, sizes, strides);
        work[o] = tni_tensor_new(c->t, c->op->name, (tn_dtype)c->out[o]->a.dtype, sizes, x->ndim);
        if (!work[o] || !(work[o] = tni_give(c->t, work[o]))) return false;
    }
    return true;
}

static bool turn_results(tni_call *c, int64_t dim, tn_tensor *const *work) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    for (size_t o = 0; o < 2; o++) {
        const tni_array *y = &c->out[o]->a;
        if (work[o] == c->out[o]) continue;
        turn(y, dim, sizes, strides);
        tn_tensor *view = tni_tensor_view(c->t, c->op->name, c->out[o], sizes, strides, y->ndim, y->offset);
        bool right = view && tni_copy_array(&view->a, &work[o]->a);
        tni_tensor_destroy_new(c->t, view);
        if (!right) return false;
    }
    return true;
}

/* The gradient of values that stood at `indices` along dim. */
static bool back_along(tni_vjp *g, int64_t dim) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, tni_put_along(g->dy[0], tni_saved(g, TNI_OUT(1)), sizes, ndim, dim));
    return true;
}

/* ---- sort, argsort ---- */

static bool run_sort(tni_call *c, int64_t *dim, bool descending) {
    tni_rows r;
    tn_tensor *work[2];
    TNI_TRY(rows_along(c, dim, &r));
    TNI_TRY(make_results(c, *dim, r.n, true, work));
    TNI_TRY(tni_sort_rows(kernel_dtype(c), r.data, r.rows, r.n, descending, work[0]->a.data, work[1]->a.data));
    return turn_results(c, *dim, work);
}

static bool sort_run(tni_call *c) { return run_sort(c, &c->arg[0].i, c->arg[1].b); }
static bool sort_vjp(tni_vjp *g) { return back_along(g, g->arg[0].i); }
static bool sort_stable_run(tni_call *c) { return run_sort(c, &c->arg[1].i, c->arg[2].b); }
static bool sort_stable_vjp(tni_vjp *g) { return back_along(g, g->arg[1].i); }

TN_OP(sort, .schema = "sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
      .grad_name = "SortBackward0", .run = sort_run, .vjp = sort_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3,4] 1 True", "f32[3,4]^T 0", "i64[9]", "u8[9] descending=True", "f32[]",
                            "f16[5]", "i16[5]", "f32[0,3] 0", "f32[2,0]", "f32[4]=nan nograd", "c64[2] !runtime",
                            "f32[2] 1 !index"));
TN_OP(sort_stable,
      .schema = "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
      .grad_name = "SortBackward0", .run = sort_stable_run, .vjp = sort_stable_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("i64[9] stable=True", "f32[3,4] stable=True dim=0", "bool[7] stable=True descending=True",
                            "i64[9] stable=True descending=True"));

/** The elements along dim in their order, and where they stood: torch.sort. Stable in both directions; a NaN counts as the largest.
 *  values, indices  receive tensors [scope], x's dtype and int64; NULL: not wanted. NULL is stored on failure
 *  returns          false with TN_ERR_INDEX when dim is out of range */
TN_API bool tn_sort(tn_tensor *x, int64_t dim, bool descending, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_sort, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = descending}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

static bool argsort_run(tni_call *c) { return tn_sort(c->in[0], c->arg[0].i, c->arg[1].b, NULL, &c->out[0]); }
TN_OP(argsort, .schema = "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor", .run = argsort_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4]", "i64[9] descending=True", "f32[3,4]^T 0", "f32[0]", "f32[]"));

#ifdef TN_HEADER
/* Keywords of tn_argsort. */
typedef struct tn_argsort_opts {
    size_t size;
    int64_t dim;     /* -1 */
    bool descending; /* false */
} tn_argsort_opts;
#ifndef __cplusplus
#define tn_argsort(...) TN_WITH(tn_argsort_opts, (.dim = -1), (tn_argsort)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The places of the elements along dim in their order: torch.argsort. Stable. [scope] */
TN_API tn_tensor *(tn_argsort)(tn_tensor *x, const tn_argsort_opts *opts) {
    return tni_run_op(&tni_op_argsort, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, dim, (int64_t)-1)}, {.b = TNI_OPT(opts, descending, false)}));
}

/* ---- topk ---- */

static bool topk_run(tni_call *c) {
    int64_t k = c->arg[0].i, *dim = &c->arg[1].i;
    tni_rows r;
    tn_tensor *work[2];
    TNI_TRY(rows_along(c, dim, &r));
    if (k < 0 || k > r.n) return tni_fail(TN_ERR_RUNTIME, "selected index k out of range");
    TNI_TRY(make_results(c, *dim, k, false, work));
    TNI_TRY(tni_topk_rows(kernel_dtype(c), r.data, r.rows, r.n, k, c->arg[2].b, work[0]->a.data, work[1]->a.data));
    return turn_results(c, *dim, work);
}
static bool topk_vjp(tni_vjp *g) { return back_along(g, g->arg[1].i); }

TN_OP(topk,
      .schema = "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
      .grad_name = "TopkBackward0", .run = topk_run, .vjp = topk_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,7] 3 @bench", "f64[2,5,4] 2 1 False", "f32[3,4]^T 2 0", "f32[] 1", "f16[5] 2", "f32[5] 5",
                            "i64[2,40]<4 9", "f32[200]=1 3 0 False nograd", "f32[3,4] 0", "f32[3] 4 !runtime",
                            "f32[2] 1 1 !index"));

/** The k largest (or smallest) along dim, in their order, and where they stood; of equals those that PyTorch takes: torch.topk.
 *  values, indices  as tn_sort
 *  returns          false with TN_ERR_RUNTIME when there are not so many, TN_ERR_INDEX when dim is out of range */
TN_API bool tn_topk(tn_tensor *x, int64_t k, int64_t dim, bool largest, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_topk, TNI_INS(x), TNI_ARGS({.i = k}, {.i = dim}, {.b = largest}, {.b = true}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

/* ---- kthvalue, median ---- */

static bool run_kth(tni_call *c, const tni_rows *r, int64_t k, bool keepdim) {
    TNI_TRY(tni_rows_result(c, 0, r, keepdim, (tn_dtype)c->in[0]->a.dtype));
    TNI_TRY(tni_rows_result(c, 1, r, keepdim, TN_INT64));
    return tni_kthvalue_rows(kernel_dtype(c), r->data, r->rows, r->n, k, c->out[0]->a.data, c->out[1]->a.data);
}

static bool kthvalue_run(tni_call *c) {
    tni_rows r;
    TNI_TRY(rows_along(c, &c->arg[1].i, &r));
    int64_t k = c->arg[0].i;
    if (k < 1 || k > r.n)
        return tni_fail(TN_ERR_RUNTIME, "kthvalue(): selected number k out of range for dimension %lld", (long long)c->arg[1].i);
    return run_kth(c, &r, k, c->arg[2].b);
}
static bool kthvalue_vjp(tni_vjp *g) { return back_along(g, g->arg[1].i); }

TN_OP(kthvalue, .schema = "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
      .grad_name = "KthvalueBackward0", .run = kthvalue_run, .vjp = kthvalue_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,7] 3 @bench", "f64[2,5,4] 2 1 True", "f32[3,4]^T 3 0", "f32[] 1", "f32[3] 4 !runtime",
                            "f32[3] 0 !runtime", "f32[2] 1 1 !index"));

/** The k-th smallest along dim, k from 1 on, and its place: torch.kthvalue.
 *  values, indices  as tn_sort
 *  returns          false with TN_ERR_RUNTIME when there are not so many, TN_ERR_INDEX when dim is out of range */
TN_API bool tn_kthvalue(tn_tensor *x, int64_t k, int64_t dim, bool keepdim, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_kthvalue, TNI_INS(x), TNI_ARGS({.i = k}, {.i = dim}, {.b = keepdim}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

/* A row with a NaN has the first NaN as its median. */
static void prefer_nan(tni_call *c, const tni_rows *r) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    if (!tni_dtype_is_float(dtype)) return;
    const tni_array rows = {.data = (void *)(uintptr_t)r->data, .dtype = (int8_t)dtype};
    size_t item = tni_dtype_size(dtype);
    for (int64_t i = 0; i < r->rows; i++)
        for (int64_t k = 0; k < r->n; k++) {
            if (!isnan(tni_array_double_at(&rows, (size_t)(i * r->n + k) * item))) continue;
            tni_element_set((char *)c->out[0]->a.data + (size_t)i * item, dtype, (double)NAN, 0, false);
            ((int64_t *)c->out[1]->a.data)[i] = k;
            break;
        }
}

static bool median_dim_run(tni_call *c) {
    tni_rows r;
    TNI_TRY(rows_along(c, &c->arg[0].i, &r));
    if (r.n == 0)
        return tni_fail(TN_ERR_INDEX, "median(): Expected reduction dim %lld to have non-zero size.", (long long)c->arg[0].i);
    TNI_TRY(run_kth(c, &r, (r.n + 1) / 2, c->arg[1].b));
    prefer_nan(c, &r);
    return true;
}
static bool median_dim_vjp(tni_vjp *g) { return back_along(g, g->arg[0].i); }

TN_OP(median_dim, .schema = "median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      .grad_name = "MedianBackward1", .run = median_dim_run, .vjp = median_dim_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,7] 1 @bench", "f64[2,5,4] 1 True", "f32[3,4]^T 0", "f32[] 0", "f32[3]=nan 0 nograd",
                            "f32[0,3] 1", "f32[0,3] 0 !index", "f32[2] 1 !index"));

/** The lower median of each line along dim and its place; NaN wins: torch.median(x, dim).
 *  values, indices  as tn_sort
 *  returns          false with TN_ERR_INDEX when dim is out of range or has no elements */
TN_API bool tn_median_dim(tn_tensor *x, int64_t dim, bool keepdim, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_median_dim, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = keepdim}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

static bool median_run(tni_call *c) {
    tn_tensor *x = c->in[0];
    if (x->a.numel == 0 && tni_dtype_is_float((tn_dtype)x->a.dtype))
        c->out[0] = tn_full((), (double)NAN, .dtype = (tn_dtype)x->a.dtype);
    else
        tn_median_dim(tn_reshape(x, -1), 0, false, &c->out[0], NULL);
    return c->out[0] != NULL;
}
TN_OP(median, .schema = "median(Tensor self) -> Tensor", .run = median_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,7]", "f64[3,4]^T", "i64[5]", "f32[]", "f32[0] nograd", "f32[3]=nan nograd", "bf16[5]"));

/** The lower median of all elements; NaN if there is one, and of no elements: torch.median(x). [scope] */
TN_API tn_tensor *tn_median(tn_tensor *x) { return tni_run_op(&tni_op_median, TNI_INS(x), TNI_NO_ARGS); }
