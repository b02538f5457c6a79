/* ops/truth.c - all, any, count_nonzero, nansum. */
#include "base/pool.h"
#include "ops/reduce.h"
#include <tison/ops.h>

/* Is some element of the row true (not 0)? Or, with `all`, is none false? */
typedef struct job {
    tni_rows rows;
    uint8_t *out;
    bool all;
} job;

static void run_some(int64_t begin, int64_t end, void *context) {
    const job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const uint8_t *x = (const uint8_t *)j->rows.data + i * j->rows.n;
        uint8_t wrong = 0; /* a bool read from foreign memory may hold any byte */
        for (int64_t k = 0; k < j->rows.n; k++) wrong |= (x[k] == 0) == j->all;
        j->out[i] = j->all != wrong;
    }
}

/* uint8 gives uint8, all else bool. Arguments: dim, keepdim, where the row has them. */
static bool run_truth(tni_call *c, bool all) {
    const tni_array *x = &c->in[0]->a;
    tn_dtype dtype = x->dtype == TN_UINT8 ? TN_UINT8 : TN_BOOL;
    job j = {.all = all};
    tni_value dims = {.ints = {c->narg ? &c->arg[0].i : NULL, c->narg ? 1 : 0}};
    TNI_TRY(tni_rows_of(c, TN_BOOL, &dims, &j.rows));
    TNI_TRY(tni_rows_result(c, 0, &j.rows, c->narg && c->arg[1].b, dtype));
    j.out = c->out[0]->a.data;
    tni_parallel(j.rows.rows, 65536 / TNI_MAX(j.rows.n, 1) + 1, run_some, &j);
    return true;
}

static bool all_run(tni_call *c) { return run_truth(c, true); }
static bool any_run(tni_call *c) { return run_truth(c, false); }
#define TRUTH_SAMPLES                                                                                                              \
    TN_SAMPLES("bool[3,4] @bench", "bool[3]=1", "f32[3,4]", "i64[5]<2", "u8[4]<2", "f64[3,4]^T=0", "bool[0,3]", "f32[]",           \
               "f16[2]=nan", "c64[2]=0")
#define TRUTH_DIM_SAMPLES                                                                                                          \
    TN_SAMPLES("bool[3,4] 1 @bench", "bool[3,4]^T 0 True", "f32[3,4] -1", "u8[3,2]<2 0", "bool[0,3] 0", "bool[0,3] 1", "f32[] 0",  \
               "i64[2,3,4]<2 1", "bool[2] 1 !index")
TN_OP(all, .schema = "all(Tensor self) -> Tensor", .run = all_run, .samples = TRUTH_SAMPLES);
TN_OP(all_dim, .schema = "all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", .run = all_run,
      .samples = TRUTH_DIM_SAMPLES);
TN_OP(any, .schema = "any(Tensor self) -> Tensor", .run = any_run, .samples = TRUTH_SAMPLES);
TN_OP(any_dim, .schema = "any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", .run = any_run,
      .samples = TRUTH_DIM_SAMPLES);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_all(...) TN_ALONG_(tn_all, __VA_ARGS__)
#define tn_any(...) TN_ALONG_(tn_any, __VA_ARGS__)
#endif
#endif

static tn_tensor *truth(const tni_op *over_all, const tni_op *along, tn_tensor *x, const tn_along_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    if (dim == TN_NONE) return tni_run_op(over_all, TNI_INS(x), TNI_NO_ARGS);
    return tni_run_op(along, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = TNI_OPT(opts, keepdim, false)}));
}

/** Are all elements true (not 0), in all or along a dim? torch.all. bool, of uint8 uint8; of no elements true. [scope] */
TN_API tn_tensor *(tn_all)(tn_tensor *x, const tn_along_opts *opts) { return truth(&tni_op_all, &tni_op_all_dim, x, opts); }
/** Is some element true (not 0), in all or along a dim? torch.any. bool, of uint8 uint8; of no elements false. [scope] */
TN_API tn_tensor *(tn_any)(tn_tensor *x, const tn_along_opts *opts) { return truth(&tni_op_any, &tni_op_any_dim, x, opts); }

/* ---- count_nonzero, nansum ---- */

static bool count_run(tni_call *c) {
    tn_sum_opts opts = {.size = sizeof opts, .dim = TN_NONE, .dtype = TN_DTYPE_NONE, .dims = {c->arg[0].ints.n, c->arg[0].ints.v}};
    tn_tensor *is = tn_ne(c->in[0], 0);
    return (c->out[0] = is ? (tn_sum)(is, &opts) : NULL) != NULL;
}
static bool count_one_run(tni_call *c) {
    tn_tensor *is = tn_ne(c->in[0], 0);
    return (c->out[0] = is ? tn_sum(is, c->arg[0].i) : NULL) != NULL;
}
TN_OP(count_nonzero, .schema = "count_nonzero(Tensor self, int? dim=None) -> Tensor", .run = count_one_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4]", "i64[3,4]<2 1", "bool[3,4]^T 0", "f32[0,3]", "f32[]", "c64[2]", "f32[2] 1 !index"));
TN_OP(count_nonzero_dims, .schema = "count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor", .run = count_run,
      .composite = true, .ints = 1, .samples = TN_SAMPLES("i64[3,4]<2 (0,1)", "f64[2,3,4] (0,-1)"));

#ifdef TN_HEADER
/* Keywords of tn_count_nonzero. */
typedef struct tn_count_nonzero_opts {
    size_t size;
    int64_t dim; /* TN_NONE: all */
} tn_count_nonzero_opts;
#ifndef __cplusplus
#define tn_count_nonzero(...)                                                                                                      \
    TN_WITH(tn_count_nonzero_opts, (.dim = TN_NONE), (tn_count_nonzero)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_nansum(...)                                                                                                             \
    TN_WITH(tn_sum_opts, (.dim = TN_NONE, .dtype = TN_DTYPE_NONE), (tn_nansum)(TN_FIRST(__VA_ARGS__, ), &tn_o),                    \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** How many elements are not 0, int64: torch.count_nonzero. [scope] */
TN_API tn_tensor *(tn_count_nonzero)(tn_tensor *x, const tn_count_nonzero_opts *opts) {
    return tni_run_op(&tni_op_count_nonzero, TNI_INS(x), TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}));
}

static bool nansum_run(tni_call *c) {
    tn_sum_opts opts = {.size = sizeof opts,
                        .dim = TN_NONE,
                        .keepdim = c->arg[1].b,
                        .dtype = c->arg[2].dtype,
                        .dims = {c->arg[0].ints.n, c->arg[0].ints.v}};
    tn_tensor *x = tn_where(tn_isnan(c->in[0]), 0, c->in[0]);
    return (c->out[0] = x ? (tn_sum)(x, &opts) : NULL) != NULL;
}
TN_OP(nansum, .schema = "nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .run = nansum_run, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4] (1,)", "f32[3]=nan nograd", "f64[2,3,4] (0,2) True", "i64[3]", "f32[0]"));

/** The sum of the elements that are not NaN: torch.nansum. As tn_sum. [scope] */
TN_API tn_tensor *(tn_nansum)(tn_tensor *x, const tn_sum_opts *opts) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    if (dims.n == 0 && dim != TN_NONE) dims = (tn_ints){1, &dim};
    return tni_run_op(
        &tni_op_nansum, TNI_INS(x),
        TNI_ARGS({.ints = {dims.v, dims.n}}, {.b = TNI_OPT(opts, keepdim, false)}, {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)}));
}
