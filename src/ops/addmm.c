/* ops/addmm.c - products added to something, and products of vectors: addmm, addmv, addbmm, baddbmm, outer, dot, mv, tensordot. */
#include "core/op.h"
#include <math.h>
#include <string.h>
#include <tison/ops.h>

#define SIZE(x, i) ((long long)(x)->a.sizes[i])
#define NAME(x) tni_dtype_get((tn_dtype)(x)->a.dtype)->legacy

/* ---- beta input + alpha product; arguments: beta, alpha ---- */

/* For integers both factors are cut to whole numbers, as PyTorch does. */
static double factor(const tn_tensor *x, double f) { return tni_dtype_is_integral((tn_dtype)x->a.dtype, true) ? trunc(f) : f; }

/* With beta = 0 the input's values do not matter, not even NaN. */
static tn_tensor *combine(tni_call *c, tn_tensor *input, tn_tensor *product) {
    if (!product) return NULL;
    double beta = factor(product, c->arg[0].d), alpha = factor(product, c->arg[1].d);
    tn_tensor *wide = (tn_expand)(input, product->a.sizes, product->a.ndim);
    if (!wide) return NULL;
    if (beta == 0) return alpha == 1 ? product : tn_mul(product, alpha);
    tn_tensor *first = beta == 1 ? wide
                                 : (tn_mul)(wide, tni_dtype_is_float((tn_dtype)wide->a.dtype) ? tn_number_double(beta)
                                                                                              : tn_number_int((int64_t)beta));
    return first ? tn_add(first, product, .alpha = alpha) : NULL;
}

static bool addmm_run(tni_call *c) {
    const tn_tensor *a = c->in[1], *b = c->in[2];
    TNI_REQUIRE(c, a->a.ndim == 2, TN_ERR_SHAPE, "mat1 must be a matrix, got %d-D tensor", a->a.ndim);
    TNI_REQUIRE(c, b->a.ndim == 2, TN_ERR_SHAPE, "mat2 must be a matrix, got %d-D tensor", b->a.ndim);
    TNI_REQUIRE(c, a->a.sizes[1] == b->a.sizes[0], TN_ERR_SHAPE,
                "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", SIZE(a, 0), SIZE(a, 1), SIZE(b, 0),
                SIZE(b, 1));
    TNI_REQUIRE(c, c->in[0]->a.dtype == b->a.dtype && a->a.dtype == b->a.dtype, TN_ERR_DTYPE,
                "self and mat2 must have the same dtype, but got %s and %s", NAME(c->in[0]), NAME(b));
    return (c->out[0] = combine(c, c->in[0], tn_mm(c->in[1], c->in[2]))) != NULL;
}

static bool addmv_run(tni_call *c) {
    tn_tensor *x = c->in[0], *m = c->in[1], *v = c->in[2];
    TNI_REQUIRE(c, x->a.ndim < 2 && m->a.ndim == 2 && v->a.ndim == 1, TN_ERR_SHAPE,
                "vector + matrix @ vector expected, got %d, %d, %d", x->a.ndim, m->a.ndim, v->a.ndim);
    int64_t length = x->a.ndim ? x->a.sizes[0] : m->a.sizes[0];
    TNI_REQUIRE(c, m->a.sizes[1] == v->a.sizes[0] && (length == m->a.sizes[0] || length == 1), TN_ERR_SHAPE,
                "size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)", (long long)length, SIZE(m, 0), SIZE(m, 1),
                SIZE(v, 0));
    TNI_REQUIRE(c, x->a.dtype == m->a.dtype && m->a.dtype == v->a.dtype, TN_ERR_DTYPE,
                "input tensors must have the same dtype, but got %s, %s, and %s", NAME(x), NAME(m), NAME(v));
    return (c->out[0] = combine(c, x, tn_matmul(m, v))) != NULL;
}

static bool check_batches(const tni_call *c) {
    const tn_tensor *x = c->in[0], *a = c->in[1], *b = c->in[2];
    TNI_REQUIRE(c, a->a.ndim == 3, TN_ERR_SHAPE, "batch1 must be a 3D tensor");
    TNI_REQUIRE(c, b->a.ndim == 3, TN_ERR_SHAPE, "batch2 must be a 3D tensor");
    TNI_REQUIRE(c, a->a.sizes[0] == b->a.sizes[0] && a->a.sizes[2] == b->a.sizes[1], TN_ERR_SHAPE,
                "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, %lld].", SIZE(a, 0),
                SIZE(a, 2), SIZE(b, 0), SIZE(b, 1));
    TNI_REQUIRE(c, x->a.dtype == a->a.dtype && a->a.dtype == b->a.dtype, TN_ERR_DTYPE,
                "Input dtypes must be the same, got: input %s, batch1: %s, batch2: %s", tni_dtype_c_name((tn_dtype)x->a.dtype),
                tni_dtype_c_name((tn_dtype)a->a.dtype), tni_dtype_c_name((tn_dtype)b->a.dtype));
    return true;
}

static bool baddbmm_run(tni_call *c) {
    return check_batches(c) && (c->out[0] = combine(c, c->in[0], tn_bmm(c->in[1], c->in[2]))) != NULL;
}

/* The sum of a batch's products is one product of the matrices side by side. */
static bool addbmm_run(tni_call *c) {
    TNI_TRY(check_batches(c));
    const int64_t *a = c->in[1]->a.sizes, *b = c->in[2]->a.sizes;
    tn_tensor *left = (tn_reshape)(tn_transpose(c->in[1], 0, 1), (const int64_t[]){a[1], a[0] * a[2]}, 2);
    tn_tensor *right = (tn_reshape)(c->in[2], (const int64_t[]){b[0] * b[1], b[2]}, 2);
    return (c->out[0] = combine(c, c->in[0], left && right ? tn_mm(left, right) : NULL)) != NULL;
}

TN_OP(addmm, .schema = "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", .run = addmm_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[3,5] f32[3,4] f32[4,5] @bench", "f64[5] f64[3,4] f64[4,5] beta=0.5 alpha=2",
                            "f32[] f32[2,3] f32[3,2] beta=0", "f32[3,1] f32[3,4]^T f32[4,2] alpha=-1",
                            "i64[2] i64[2,3] i64[3,2] beta=2 alpha=3", "f32[2] f32[0,3] f32[3,2]",
                            "f32[2] f32[2,3] f32[2,3] !shape", "f32[3] f32[2,3] f32[3,2] !shape", "f32[2] f32[3] f32[3,2] !shape",
                            "f64[2] f32[2,3] f32[3,2] !dtype"));
TN_OP(addmv, .schema = "addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor", .run = addmv_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[3] f32[3,4] f32[4]", "f64[] f64[3,4] f64[4] beta=0.5 alpha=2", "f32[3] f32[3,4]^T f32[4] beta=0",
                            "f32[3] f32[2,3] f32[3] !shape", "f32[2] f32[2,3] f32[3,3] !shape", "f32[2] f64[2,3] f64[3] !dtype"));
TN_OP(baddbmm, .schema = "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      .run = baddbmm_run, .composite = true,
      .samples = TN_SAMPLES("f32[2,3,2] f32[2,3,4] f32[2,4,2]", "f64[2] f64[2,3,4] f64[2,4,2] beta=0.5 alpha=2",
                            "f32[1] f32[2,3,4] f32[2,4,2] beta=0", "f32[2] f32[3,4] f32[2,4,2] !shape",
                            "f32[1] f32[2,3,4] f32[2,3,4] !shape", "f64[1] f32[2,3,4] f32[2,4,2] !dtype"));
TN_OP(addbmm, .schema = "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      .run = addbmm_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,2] f32[2,3,4] f32[2,4,2]", "f64[2] f64[2,3,4] f64[2,4,2] beta=0.5 alpha=2",
                            "f32[] f32[2,3,4] f32[2,4,2] beta=0", "f32[2] f32[2,3] f32[2,4,2] !shape",
                            "f32[3] f32[2,3,4] f32[2,4,2] !shape"));

#ifdef TN_HEADER
/* Keywords of tn_addmm, tn_addmv, tn_addbmm and tn_baddbmm. */
typedef struct tn_addmm_opts {
    size_t size;
    double beta;  /* 1; 0: the input's values, also NaN, do not count */
    double alpha; /* 1; both are cut to whole numbers for integers */
} tn_addmm_opts;
#ifndef __cplusplus
#define tn_addmm_with(function, x, a, b, ...)                                                                                      \
    TN_WITH(tn_addmm_opts, (.beta = 1, .alpha = 1), (function)(x, a, b, &tn_o), __VA_ARGS__)
#define tn_addmm(x, a, ...) tn_addmm_with(tn_addmm, x, a, __VA_ARGS__, )
#define tn_addmv(x, a, ...) tn_addmm_with(tn_addmv, x, a, __VA_ARGS__, )
#define tn_addbmm(x, a, ...) tn_addmm_with(tn_addbmm, x, a, __VA_ARGS__, )
#define tn_baddbmm(x, a, ...) tn_addmm_with(tn_baddbmm, x, a, __VA_ARGS__, )
#endif
#endif

#define BETA_ALPHA(opts) TNI_ARGS({.d = TNI_OPT(opts, beta, 1.0)}, {.d = TNI_OPT(opts, alpha, 1.0)})

/** beta x + alpha (mat1 mat2): torch.addmm. x broadcasts to the product's shape; one dtype. [scope] */
TN_API tn_tensor *(tn_addmm)(tn_tensor *x, tn_tensor *mat1, tn_tensor *mat2, const tn_addmm_opts *opts) {
    return tni_run_op(&tni_op_addmm, TNI_INS(x, mat1, mat2), BETA_ALPHA(opts));
}
/** beta x + alpha (mat vec): torch.addmv. As tn_addmm. [scope] */
TN_API tn_tensor *(tn_addmv)(tn_tensor *x, tn_tensor *mat, tn_tensor *vec, const tn_addmm_opts *opts) {
    return tni_run_op(&tni_op_addmv, TNI_INS(x, mat, vec), BETA_ALPHA(opts));
}
/** beta x + alpha (the sum of the products of two batches' matrices): torch.addbmm. As tn_addmm. [scope] */
TN_API tn_tensor *(tn_addbmm)(tn_tensor *x, tn_tensor *batch1, tn_tensor *batch2, const tn_addmm_opts *opts) {
    return tni_run_op(&tni_op_addbmm, TNI_INS(x, batch1, batch2), BETA_ALPHA(opts));
}
/** beta x + alpha (the products of two batches' matrices): torch.baddbmm. As tn_addmm. [scope] */
TN_API tn_tensor *(tn_baddbmm)(tn_tensor *x, tn_tensor *batch1, tn_tensor *batch2, const tn_addmm_opts *opts) {
    return tni_run_op(&tni_op_baddbmm, TNI_INS(x, batch1, batch2), BETA_ALPHA(opts));
}

/* ---- outer, dot, mv ---- */

static bool outer_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_REQUIRE(c, a->a.ndim == 1, TN_ERR_SHAPE, "Expected 1-D argument self, but got %d-D", a->a.ndim);
    TNI_REQUIRE(c, b->a.ndim == 1, TN_ERR_SHAPE, "Expected 1-D argument vec2, but got %d-D", b->a.ndim);
    tn_tensor *column = tn_unsqueeze(a, 1);
    return (c->out[0] = column ? tn_mul(column, b) : NULL) != NULL;
}

static bool dot_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    TNI_REQUIRE(c, a->a.ndim == 1 && b->a.ndim == 1, TN_ERR_SHAPE, "1D tensors expected, but got %dD and %dD tensors", a->a.ndim,
                b->a.ndim);
    TNI_REQUIRE(c, a->a.dtype == b->a.dtype, TN_ERR_DTYPE, "expected both vectors to have same dtype, but found %s and %s", NAME(a),
                NAME(b));
    TNI_REQUIRE(c, a->a.dtype != TN_BOOL, TN_ERR_NOT_IMPLEMENTED, "\"dot\" not implemented for 'Bool'");
    return (c->out[0] = tn_matmul(a, b)) != NULL;
}

static bool mv_run(tni_call *c) {
    tn_tensor *m = c->in[0], *v = c->in[1];
    TNI_REQUIRE(c, m->a.ndim == 2 && v->a.ndim == 1, TN_ERR_SHAPE, "vector + matrix @ vector expected, got 1, %d, %d", m->a.ndim,
                v->a.ndim);
    TNI_REQUIRE(c, m->a.sizes[1] == v->a.sizes[0], TN_ERR_SHAPE, "size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)",
                SIZE(m, 0), SIZE(m, 0), SIZE(m, 1), SIZE(v, 0));
    return (c->out[0] = tn_matmul(m, v)) != NULL;
}

TN_OP(outer, .schema = "outer(Tensor self, Tensor vec2) -> Tensor", .run = outer_run, .composite = true,
      .samples = TN_SAMPLES("f32[3] f32[4] small", "f64[2] i64[3] small", "i64[2] i64[2] small", "f32[0] f32[2]",
                            "f32[2,2] f32[2] !shape", "f32[2] f32[] !shape"));
TN_OP(dot, .schema = "dot(Tensor self, Tensor tensor) -> Tensor", .run = dot_run, .composite = true,
      .samples = TN_SAMPLES("f32[5] f32[5]", "f64[3] f64[3]", "i64[4] i64[4]", "f32[0] f32[0]", "f16[3] f16[3]",
                            "f32[2] f32[3] !shape", "f32[2,2] f32[2,2] !shape", "f32[2] f64[2] !dtype",
                            "bool[2] bool[2] !not_implemented"));
TN_OP(mv, .schema = "mv(Tensor self, Tensor vec) -> Tensor", .run = mv_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[4]", "f64[3,4]^T f64[4]", "i64[2,3] i64[3]", "f32[0,3] f32[3]", "f32[2,3] f32[2] !shape",
                            "f32[2,3] f32[3,1] !shape", "f32[2,3] f64[3] !dtype"));

/** All products of two vectors' elements, a matrix: torch.outer. [scope] */
TN_API tn_tensor *tn_outer(tn_tensor *x, tn_tensor *vec2) { return tni_run_op(&tni_op_outer, TNI_INS(x, vec2), TNI_NO_ARGS); }
/** The sum of the products of two vectors' elements: torch.dot. One length (TN_ERR_SHAPE) and dtype. 0-d [scope] */
TN_API tn_tensor *tn_dot(tn_tensor *x, tn_tensor *other) { return tni_run_op(&tni_op_dot, TNI_INS(x, other), TNI_NO_ARGS); }
/** A matrix times a vector: torch.mv. [scope] */
TN_API tn_tensor *tn_mv(tn_tensor *x, tn_tensor *vec) { return tni_run_op(&tni_op_mv, TNI_INS(x, vec), TNI_NO_ARGS); }

/* ---- tensordot ---- */

/* The dims that are not contracted first (or last), the others at the other end; *free, *inner: the products of their sizes. */
static tn_tensor *fold(tni_call *c, tn_tensor *x, const tni_value *dims, bool free_first, int64_t *sizes, size_t *n,
                       int64_t *inner) {
    int64_t order[TNI_MAX_DIMS] = {0}, outer = 1;
    bool used[TNI_MAX_DIMS] = {false};
    size_t ndim = x->a.ndim, k = dims->ints.n, rest = 0;
    *inner = 1;
    for (size_t i = 0; i < k; i++) {
        int64_t d = dims->ints.v[i];
        if (!tni_wrap_dim("tensordot", &d, ndim)) return NULL;
        if (used[d] || ndim == 0) {
            tni_call_fail(c, TN_ERR_RUNTIME, "dim %lld appears multiple times in the list of dims", (long long)d);
            return NULL;
        }
        used[d] = true;
        *inner *= x->a.sizes[d];
        order[free_first ? ndim - k + i : i] = d;
    }
    for (size_t d = 0; d < ndim; d++) {
        if (used[d]) continue;
        order[free_first ? rest : k + rest] = (int64_t)d;
        rest++, outer *= x->a.sizes[d];
        sizes[(*n)++] = x->a.sizes[d];
    }
    tn_tensor *y = (tn_permute)(x, order, ndim);
    return (tn_reshape)(y, free_first ? (const int64_t[]){outer, *inner} : (const int64_t[]){*inner, outer}, 2);
}

static bool tensordot_run(tni_call *c) {
    tn_tensor *a = c->in[0], *b = c->in[1];
    const tni_value *da = &c->arg[0], *db = &c->arg[1];
    if (da->ints.n != db->ints.n) return tni_fail(TN_ERR_RUNTIME, "both dimension lists should have same length");
    TNI_CHECK(a->a.dtype == b->a.dtype, TN_ERR_DTYPE, "both inputs should have same dtype");
    TNI_REQUIRE(c, da->ints.n <= TNI_MAX_DIMS && a->a.ndim + b->a.ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "too many dimensions");
    for (size_t i = 0; i < da->ints.n; i++) {
        int64_t p = da->ints.v[i], q = db->ints.v[i];
        TNI_TRY(tni_wrap_dim("tensordot", &p, a->a.ndim) && tni_wrap_dim("tensordot", &q, b->a.ndim));
        int64_t m = a->a.ndim ? a->a.sizes[p] : 1, n = b->a.ndim ? b->a.sizes[q] : 1;
        if (m != n && m != 1 && n != 1)
            return tni_fail(
                TN_ERR_SHAPE,
                "contracted dimensions need to match, but first has size %lld in dim %lld and second has size %lld in dim "
                "%lld",
                (long long)m, (long long)da->ints.v[i], (long long)n, (long long)db->ints.v[i]);
        if (m != n && n == 1 && !(a = tn_sum(a, p, true))) return false; /* one element stands for all: the others add up */
        if (m != n && m == 1 && !(b = tn_sum(b, q, true))) return false;
    }
    int64_t sizes[TNI_MAX_DIMS], inner;
    size_t n = 0;
    tn_tensor *left = fold(c, a, da, true, sizes, &n, &inner), *right = left ? fold(c, b, db, false, sizes, &n, &inner) : NULL;
    return (c->out[0] = right ? (tn_reshape)(tn_mm(left, right), sizes, n) : NULL) != NULL;
}

TN_OP(tensordot, .schema = "tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
      .run = tensordot_run, .composite = true, .ints = 3,
      .samples = TN_SAMPLES("f32[2,3] f32[3,4] (1) (0)", "f64[2,3,4] f64[4,3] (2,1) (0,1)", "f32[2,3]^T f32[3,2] (-1) (0)",
                            "f32[2,3] f32[1,2] (1) (0)", "i64[2] i64[3] () () small", "f32[2,3] f32[2,3] (0,1) (0,1)",
                            "f32[2,3] f32[2,3] (1) (0) !shape", "f32[2,3] f32[3] (1) () !runtime", "f32[2] f64[2] (0) (0) !dtype",
                            "f32[2] f32[2] (1) (0) !index"));

#ifdef TN_HEADER
#ifndef __cplusplus
/* tn_tensordot(a, b, (0, 1), (1, 0)) */
#define tn_tensordot(x, other, dims, other_dims) (tn_tensordot)(x, other, TN_DIMS(dims), TN_DIMS(other_dims))
#endif
#endif

/** Sums of products over pairs of dims: torch.tensordot with dims=(dims, other_dims). The others stand in the result, x's first.
 *  returns  [scope]; TN_ERR_SHAPE when the sizes of a pair differ and neither is 1
 */
TN_API tn_tensor *(tn_tensordot)(tn_tensor *x, tn_tensor *other, const int64_t *dims, size_t n, const int64_t *other_dims,
                                 size_t count) {
    return tni_run_op(&tni_op_tensordot, TNI_INS(x, other), TNI_ARGS({.ints = {dims, n}}, {.ints = {other_dims, count}}));
}
