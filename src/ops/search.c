/* ops/search.c - counting and looking up: bincount, searchsorted, bucketize. */
#include "base/pool.h"
#include "core/op.h"
#include <string.h>
#include <tison/ops.h>

/* ---- bincount ---- */

static bool check_counts(const tni_call *c) {
    const tni_array *x = &c->in[0]->a, *weights = c->in[1] ? &c->in[1]->a : NULL;
    TNI_REQUIRE(c, tni_dtype_is_integral((tn_dtype)x->dtype, false), TN_ERR_NOT_IMPLEMENTED,
                "\"bincount_cpu\" not implemented for '%s'", tni_dtype_get((tn_dtype)x->dtype)->legacy);
    TNI_REQUIRE(c, c->arg[0].i >= 0, TN_ERR_RUNTIME, "minlength should be >= 0");
    TNI_REQUIRE(c, x->ndim == 1, TN_ERR_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
    TNI_REQUIRE(c, !weights || (weights->ndim == 1 && weights->numel == x->numel), TN_ERR_SHAPE,
                "weights should be 1-d and have the same length as input");
    return true;
}

static bool bincount_run(tni_call *c) {
    TNI_TRY(check_counts(c));
    const tni_array *x = tni_in_as(c, 0, TN_INT64), *w = c->in[1] ? &c->in[1]->a : NULL;
    bool narrow = w && w->dtype == TN_FLOAT32 && x && x->numel; /* other weights are counted in float64 */
    if (!x || (w && !(w = tni_in_as(c, 1, narrow ? TN_FLOAT32 : TN_FLOAT64)))) return false;
    int64_t length = c->arg[0].i;
    const int64_t *v = x->data;
    for (int64_t i = 0; i < x->numel; i++) {
        TNI_REQUIRE(c, v[i] >= 0 && v[i] < INT64_MAX, TN_ERR_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
        length = TNI_MAX(length, v[i] + 1);
    }
    tn_dtype dtype = !w || x->numel == 0 ? TN_INT64 : narrow ? TN_FLOAT32 : TN_FLOAT64;
    TNI_TRY(tni_out_zeros(c, 0, dtype, &length, 1));
    void *y = c->out[0]->a.data;
    for (int64_t i = 0; i < x->numel; i++) {
        if (dtype == TN_INT64)
            ((int64_t *)y)[v[i]]++;
        else if (narrow)
            ((float *)y)[v[i]] += ((const float *)w->data)[i];
        else
            ((double *)y)[v[i]] += ((const double *)w->data)[i];
    }
    return true;
}

TN_OP(bincount, .schema = "bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor", .run = bincount_run,
      .optional = 2, .by_value = true,
      .samples = TN_SAMPLES("i64[9]<5 -", "i64[9]<5 f32[9] nograd", "i32[9]<5 f64[9] 8 nograd", "u8[4]<3 i64[4]", "i64[0] - 3",
                            "i64[0] -", "i64[3]=-1 - !runtime", "i64[2,2]<3 - !runtime", "i64[3]<3 f32[2] !shape",
                            "f32[3] - !not_implemented", "i64[3]<3 - -1 !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_bincount. */
typedef struct tn_bincount_opts {
    size_t size;
    tn_tensor *weights; /* NULL; else a number to add for each element, instead of 1 */
    int64_t minlength;  /* 0 */
} tn_bincount_opts;
/* Keywords of tn_searchsorted and tn_bucketize. */
typedef struct tn_searchsorted_opts {
    size_t size;
    bool out_int32; /* false; true: int32 instead of int64 */
    bool right;     /* false; true: after equal boundaries, not before them */
} tn_searchsorted_opts;
#ifndef __cplusplus
#define tn_bincount(...)                                                                                                           \
    TN_WITH(tn_bincount_opts, (.minlength = 0), (tn_bincount)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_searchsorted(sorted, ...) tn_searchsorted_in(tn_searchsorted, sorted, __VA_ARGS__, )
#define tn_bucketize(x, ...) tn_searchsorted_in(tn_bucketize, x, __VA_ARGS__, )
#define tn_searchsorted_in(function, a, b, ...)                                                                                    \
    TN_WITH(tn_searchsorted_opts, (.right = false), (function)(a, b, &tn_o), __VA_ARGS__)
#endif
#endif

/** How often each number from 0 on stands in x: torch.bincount.
 *  x        1-d, integers, not negative (TN_ERR_RUNTIME)
 *  returns  int64, or float32 or float64 with weights [scope]
 */
TN_API tn_tensor *(tn_bincount)(tn_tensor *x, const tn_bincount_opts *opts) {
    return tni_run_op(&tni_op_bincount, TNI_INS(x, TNI_OPT(opts, weights, NULL)), TNI_ARGS({.i = TNI_OPT(opts, minlength, 0)}));
}

/* ---- searchsorted, bucketize ---- */

typedef struct search {
    const char *sorted, *values;
    int64_t *to;
    int64_t length, per_row; /* boundaries of a row, values for each row; all share one row when per_row is 0 */
    bool right;
} search;

/* The number of boundaries below the value, or not above it; NaN is above all. */
#define SEARCH(name, T)                                                                                                            \
    static void name(int64_t begin, int64_t end, void *context) {                                                                  \
        const search *q = context;                                                                                                 \
        for (int64_t i = begin; i < end; i++) {                                                                                    \
            const T *row = (const T *)q->sorted + (q->per_row ? i / q->per_row * q->length : 0), v = ((const T *)q->values)[i];    \
            int64_t low = 0, high = q->length;                                                                                     \
            while (low < high) {                                                                                                   \
                int64_t middle = low + (high - low) / 2;                                                                           \
                if (q->right ? !(row[middle] > v) : !(row[middle] >= v))                                                           \
                    low = middle + 1;                                                                                              \
                else                                                                                                               \
                    high = middle;                                                                                                 \
            }                                                                                                                      \
            q->to[i] = low;                                                                                                        \
        }                                                                                                                          \
    }
SEARCH(search_i64, int64_t)
SEARCH(search_f32, float)
SEARCH(search_f64, double)

static bool rows_match(const tni_array *sorted, const tni_array *values) {
    if (sorted->ndim == 1) return true;
    if (sorted->ndim != values->ndim) return false;
    for (int d = 0; d < sorted->ndim - 1; d++)
        if (sorted->sizes[d] != values->sizes[d]) return false;
    return true;
}

static bool run_search(tni_call *c, size_t boundaries, size_t looked_up) {
    const tni_array *sorted = &c->in[boundaries]->a, *values = &c->in[looked_up]->a;
    tn_dtype dtype = tni_promote((tn_dtype)sorted->dtype, (tn_dtype)values->dtype);
    TNI_REQUIRE(c, !tni_dtype_is_complex(dtype) && dtype != TN_BOOL, TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'",
                tni_dtype_get(dtype)->legacy);
    dtype = dtype == TN_FLOAT64 ? TN_FLOAT64 : tni_dtype_is_float(dtype) ? TN_FLOAT32 : TN_INT64;
    if (!(sorted = tni_in_as(c, boundaries, dtype)) || !(values = tni_in_as(c, looked_up, dtype))) return false;
    TNI_TRY(tni_out(c, 0, c->arg[0].b && c->device != TNI_CPU ? TN_INT32 : TN_INT64, values->sizes, values->ndim));
    int64_t length = sorted->sizes[sorted->ndim - 1];
    search q = {sorted->data, values->data, c->out[0]->a.data, length, 0, c->arg[1].b};
    if (sorted->ndim > 1) q.per_row = values->sizes[values->ndim - 1];
    tni_parallel(values->numel, 1024, dtype == TN_FLOAT64 ? search_f64 : dtype == TN_FLOAT32 ? search_f32 : search_i64, &q);
    if (!c->arg[0].b) return true;
    tn_tensor *narrow = tni_tensor_new(c->t, c->op->name, TN_INT32, values->sizes, values->ndim);
    if (!narrow || !tni_copy_array(&narrow->a, &c->out[0]->a)) {
        tni_tensor_destroy_new(c->t, narrow);
        return false;
    }
    tni_tensor_destroy_new(c->t, c->out[0]);
    c->out[0] = narrow;
    return true;
}

static bool searchsorted_run(tni_call *c) {
    const tni_array *sorted = &c->in[0]->a, *values = &c->in[1]->a;
    if (sorted->ndim == 0)
        return tni_fail(TN_ERR_SHAPE,
                        "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension");
    if (!rows_match(sorted, values))
        return tni_fail(
            TN_ERR_SHAPE,
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            "and input value tensor must match, but we got boundaries tensor %s and input value tensor %s",
            TNI_SHAPE(sorted), TNI_SHAPE(values));
    return run_search(c, 0, 1);
}
static bool bucketize_run(tni_call *c) {
    if (c->in[1]->a.ndim != 1)
        return tni_fail(TN_ERR_SHAPE, "boundaries tensor must be 1 dimension, but got dim(%d)", c->in[1]->a.ndim);
    return run_search(c, 1, 0);
}

TN_OP(searchsorted,
      .schema = "searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False) -> Tensor",
      .run = searchsorted_run,
      .samples = TN_SAMPLES("f32[4]=0.5 f32[3,2]", "f64[2,3]=0 f64[2,5] right=True", "i64[3]=2 i64[4] out_int32=True",
                            "f32[0] f32[2]", "f32[3]=1 f32[]", "i32[3]=1 i32[2]", "f16[3]=1 f16[2]", "f32[2,3] f32[3,3] !shape",
                            "f32[] f32[2] !shape"));
TN_OP(bucketize, .schema = "bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
      .run = bucketize_run,
      .samples = TN_SAMPLES("f32[3,2] f32[4]=0.5", "i64[4] i64[3]=2 right=True", "f64[] f64[2]=0 out_int32=True",
                            "f32[2] f32[2,2] !shape"));

/** The places where values would be put in so that the sequence stays sorted: torch.searchsorted.
 *  sorted   in ascending order along its last dim; 1-d, or with values' other dims
 *  returns  int64 (int32 by option), values' shape [scope]; TN_ERR_SHAPE when the dims do not match
 */
TN_API tn_tensor *(tn_searchsorted)(tn_tensor *sorted, tn_tensor *values, const tn_searchsorted_opts *opts) {
    return tni_run_op(&tni_op_searchsorted, TNI_INS(sorted, values),
                      TNI_ARGS({.b = TNI_OPT(opts, out_int32, false)}, {.b = TNI_OPT(opts, right, false)}));
}
/** The same with the arguments the other way round and 1-d boundaries: torch.bucketize. [scope] */
TN_API tn_tensor *(tn_bucketize)(tn_tensor *x, tn_tensor *boundaries, const tn_searchsorted_opts *opts) {
    return tni_run_op(&tni_op_bucketize, TNI_INS(x, boundaries),
                      TNI_ARGS({.b = TNI_OPT(opts, out_int32, false)}, {.b = TNI_OPT(opts, right, false)}));
}
