/* ops/sparse.c - sparse tensors in coordinate form: making them, their parts, to and from dense ones. */
#include "core/sparse.h"
#include "ops/sparse.h"
#include "ops/sparse_places.h"
#include <tison/autograd.h>
#include <tison/ops.h>

static bool check_is_sparse(const char *what, tn_tensor *x) {
    if (tni_failed() || !tni_check_handle(what, "x", x, TNI_TENSOR)) return false;
    return tni_is_sparse(x) || tni_fail(TN_ERR_RUNTIME, "%s expected sparse coordinate tensor layout but got Strided", what);
}

/* ---- sparse_coo_tensor ---- */

/* The smallest shape that has room for all places. */
static bool infer_sizes(const char *who, const tni_array *index, const tni_array *values, int64_t *sizes, size_t *ndim) {
    int64_t dims = index->sizes[0], n = index->sizes[1];
    const int64_t *at = index->data;
    *ndim = (size_t)dims + values->ndim - 1u;
    TNI_CHECK(*ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%s: %zu dimensions", who, *ndim);
    for (int64_t d = 0; d < dims; d++) {
        sizes[d] = 0;
        for (int64_t k = 0; k < n; k++) sizes[d] = TNI_MAX(sizes[d], at[d * n + k] < INT64_MAX ? at[d * n + k] + 1 : INT64_MAX);
    }
    for (int d = 1; d < values->ndim; d++) sizes[dims + d - 1] = values->sizes[d];
    return true;
}

static bool check_parts(tni_call *c) {
    const tni_array *index = &c->in[0]->a, *values = &c->in[1]->a;
    TNI_REQUIRE(c, index->ndim == 2, TN_ERR_RUNTIME, "indices must be sparse_dim x nnz, but got: %s", TNI_SHAPE(index));
    TNI_REQUIRE(c, tni_dtype_is_integral((tn_dtype)index->dtype, false), TN_ERR_DTYPE,
                "indices must be an int64 tensor, but got %s", tni_dtype_get((tn_dtype)index->dtype)->legacy);
    TNI_REQUIRE(c, values->ndim >= 1 && values->sizes[0] == index->sizes[1], TN_ERR_RUNTIME,
                "indices and values must have same nnz, but got nnz from indices: %lld, nnz from values: %lld",
                (long long)index->sizes[1], values->ndim ? (long long)values->sizes[0] : 1ll);
    return true;
}

/* PyTorch does not look at the places unless it is asked to. */
static bool check_places(tni_call *c, const tni_array *index, const tni_array *values, const int64_t *sizes, size_t ndim) {
    int64_t dims = index->sizes[0], n = index->sizes[1], dense = values->ndim - 1;
    const int64_t *at = index->data;
    TNI_REQUIRE(c, dims + dense == (int64_t)ndim, TN_ERR_SHAPE,
                "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = %zu, sparse_dim = %lld, dense_dim = %lld",
                ndim, (long long)dims, (long long)dense);
    for (int64_t d = 0; d < dense; d++)
        TNI_REQUIRE(c, sizes[dims + d] == values->sizes[d + 1], TN_ERR_SHAPE,
                    "values has incorrect size, expected dim %lld to be %lld, got %s", (long long)d + 1, (long long)sizes[dims + d],
                    TNI_SHAPE(values));
    for (int64_t d = 0; d < dims; d++)
        for (int64_t k = 0; k < n; k++)
            TNI_REQUIRE(c, at[d * n + k] >= 0 && at[d * n + k] < sizes[d], TN_ERR_INDEX,
                        "size is inconsistent with indices: for dim %lld, size is %lld but found index %lld", (long long)d,
                        (long long)sizes[d], (long long)at[d * n + k]);
    return true;
}

/* Arguments: sizes, or none to infer them; are the places in order? */
static bool make_of_parts(tni_call *c) {
    int64_t inferred[TNI_MAX_DIMS];
    const int64_t *sizes = c->arg[0].ints.v;
    size_t ndim = c->arg[0].ints.n;
    TNI_TRY(check_parts(c));
    tn_tensor *index = tni_row_major_copy(c->t, c->op->name, c->in[0], TN_INT64),
              *values = index ? tni_row_major_copy(c->t, c->op->name, c->in[1], (tn_dtype)c->in[1]->a.dtype) : NULL;
    if (!values) return false;
    if (ndim == 0) {
        TNI_TRY(infer_sizes(c->op->name, &index->a, &values->a, inferred, &ndim));
        sizes = inferred;
    }
    TNI_TRY(check_places(c, &index->a, &values->a, sizes, ndim));
    c->out[0] = tni_sparse_new(c->t, c->op->name, index, values, sizes, ndim, c->arg[1].b);
    TNI_REQUIRE(c, !c->out[0] || !c->arg[1].b || tni_places_in_order(c->out[0]), TN_ERR_VALUE,
                "is_coalesced, but the indices are not sorted, or not unique");
    return c->out[0] != NULL;
}

static bool sparse_coo_tensor_run(tni_call *c) { return tni_run_apart(c, make_of_parts); }

static bool sparse_coo_tensor_vjp(tni_vjp *g) {
    TNI_DX(g, 1, tni_values_at(g->dy[0], tni_saved(g, TNI_OUT(0))));
    return true;
}

TN_OP(
    sparse_coo_tensor,
    .schema = "sparse_coo_tensor.indices_size(Tensor indices, Tensor values, SymInt[] size, *, bool? is_coalesced=None) -> Tensor",
    .grad_name = "SparseCooTensorWithDimsAndTensorsBackward0", .run = sparse_coo_tensor_run, .vjp = sparse_coo_tensor_vjp,
    .save = TNI_OUT(0), .ints = 1, .by_value = true, .hidden = true);

#ifdef TN_HEADER
/* Keywords of tn_sparse_coo_tensor. */
typedef struct tn_sparse_coo_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    bool is_coalesced;  /* false; true is checked: each place once, in row-major order */
    bool requires_grad; /* of the result, as a leaf; values that require grad make it a result of theirs */
} tn_sparse_coo_opts;
#ifndef __cplusplus
#define tn_sparse_coo_tensor(indices, values, ...)                                                                                 \
    TN_WITH(tn_sparse_coo_opts, (.is_coalesced = false),                                                                           \
            (tn_sparse_coo_tensor)(indices, values, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** A tensor of zeros but for some places: torch.sparse_coo_tensor. The parts are copied, and the places checked. Few operators take sparse
 *  tensors: neg, mul and div with numbers, add, sub, sum, t, transpose, matmul, clone, to, copy_, zero_ and what stands here; others are
 *  TN_ERR_NOT_IMPLEMENTED.
 *  indices  (sparse dims, nnz), integers; a place that comes several times stands for the sum
 *  values   (nnz, dense dims...); part of the graph
 *  sizes    of all dims; () takes the smallest that fit
 *  returns  [scope]; TN_ERR_INDEX for a place outside, TN_ERR_SHAPE, TN_ERR_RUNTIME, TN_ERR_DTYPE for parts that do not fit,
 *           TN_ERR_NOT_IMPLEMENTED for those of the meta device
 */
TN_API tn_tensor *(tn_sparse_coo_tensor)(tn_tensor *indices, tn_tensor *values, const int64_t *sizes, size_t ndim,
                                         const tn_sparse_coo_opts *opts) {
    tn_tensor *x = tni_run_op(&tni_op_sparse_coo_tensor, TNI_INS(indices, values),
                              TNI_ARGS({.ints = {sizes, ndim}}, {.b = TNI_OPT(opts, is_coalesced, false)}));
    return x && TNI_OPT(opts, requires_grad, false) && !x->requires_grad ? tn_requires_grad_(x, true) : x;
}

/* ---- parts ---- */

/** Is x sparse? torch.Tensor.is_sparse */
TN_API bool tn_is_sparse(tn_tensor *x) { return tni_check_handle("is_sparse", "x", x, TNI_TENSOR) && tni_is_sparse(x); }
/** The number of places of a sparse tensor, those that come several times counted each: Tensor._nnz. TN_ERR_RUNTIME for a dense one. */
TN_API int64_t tn_nnz(tn_tensor *x) { return check_is_sparse("_nnz", x) ? tni_sparse_nnz(tni_sparse_of(x)) : 0; }
/** Dims that the places of a sparse tensor have; 0 for a dense one: Tensor.sparse_dim. */
TN_API int64_t tn_sparse_dim(tn_tensor *x) { return tn_is_sparse(x) ? (int64_t)tni_sparse_dims(tni_sparse_of(x)) : 0; }
/** Dims of each value of a sparse tensor; all of a dense one: Tensor.dense_dim. */
TN_API int64_t tn_dense_dim(tn_tensor *x) {
    if (!tni_check_handle("dense_dim", "x", x, TNI_TENSOR)) return 0;
    return tni_is_sparse(x) ? tni_sparse_of(x)->values->a.ndim - 1 : x->a.ndim;
}
/** Does each place come once, and in row-major order, as far as is known? Tensor.is_coalesced */
TN_API bool tn_is_coalesced(tn_tensor *x) { return check_is_sparse("is_coalesced", x) && tni_sparse_of(x)->coalesced; }

static bool check_coalesced(tn_tensor *x, const char *what) {
    return check_is_sparse(what, x) &&
           (tni_sparse_of(x)->coalesced ||
            tni_fail(TN_ERR_RUNTIME, "Cannot get %s on an uncoalesced tensor, please call .coalesce() first", what));
}

/** A copy of the places of a coalesced tensor, (sparse dims, nnz) of int64: Tensor.indices. TN_ERR_RUNTIME when it is not coalesced.
 *  [scope] */
TN_API tn_tensor *tn_indices(tn_tensor *x) {
    return check_coalesced(x, "indices") ? tni_row_major_copy(tni_self(), "indices", tni_sparse_of(x)->indices, TN_INT64) : NULL;
}

static bool values_of_run(tni_call *c) {
    const tni_array *values = &tni_sparse_of(c->in[0])->values->a;
    return tni_out(c, 0, (tn_dtype)values->dtype, values->sizes, values->ndim) && tni_copy_array(&c->out[0]->a, values);
}
static bool refuse_dense(tni_call *c) {
    return tni_fail(TN_ERR_RUNTIME, "%s expected sparse coordinate tensor layout but got Strided", c->op->name);
}

static bool values_of_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0));
    TNI_DX(g, 0, tni_with_values(x, g->dy[0]));
    return true;
}
TN_OP(values_of, .schema = "values(Tensor(a) self) -> Tensor(a)", .grad_name = "ValuesBackward0", .run = refuse_dense,
      .sparse = values_of_run, .vjp = values_of_vjp, .save = TNI_IN(0), .hidden = true);

/** A copy of the values of a coalesced tensor, (nnz, dense dims...), part of the graph: Tensor.values. [scope] */
TN_API tn_tensor *tn_values(tn_tensor *x) {
    return check_coalesced(x, "values") ? tni_run_op(&tni_op_values_of, TNI_INS(x), TNI_NO_ARGS) : NULL;
}

/* ---- coalesce ---- */

static bool coalesce_run(tni_call *c) { return (c->out[0] = tni_coalesced(c->t, c->op->name, c->in[0])) != NULL; }

static bool coalesce_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    return true;
}
TN_OP(coalesce, .schema = "coalesce(Tensor(a) self) -> Tensor(a)", .grad_name = "CoalesceBackward0", .run = refuse_dense,
      .sparse = coalesce_run, .vjp = coalesce_vjp, .hidden = true);

/** A sparse tensor with each place once, in row-major order, its values summed; x itself when it is so already: Tensor.coalesce.
 *  [scope] */
TN_API tn_tensor *tn_coalesce(tn_tensor *x) {
    if (!check_is_sparse("coalesce", x)) return NULL;
    return tni_sparse_of(x)->coalesced ? tn_hold(x) : tni_run_op(&tni_op_coalesce, TNI_INS(x), TNI_NO_ARGS);
}

/* ---- to_dense, to_sparse ---- */

static bool to_dense_run(tni_call *c) {
    const tn_tensor *x = c->in[0];
    TNI_TRY(tni_out_zeros(c, 0, (tn_dtype)x->a.dtype, x->a.sizes, x->a.ndim));
    return tni_add_values(c->t, c->out[0], x, 1);
}

static bool to_dense_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_sparse_mask(g->dy[0], tni_saved(g, TNI_IN(0))));
    return true;
}
TN_OP(to_dense, .schema = "_to_dense(Tensor self, ScalarType? dtype=None, bool? masked_grad=None) -> Tensor",
      .grad_name = "ToDenseBackward0", .run = refuse_dense, .sparse = to_dense_run, .vjp = to_dense_vjp, .save = TNI_IN(0),
      .hidden = true);

/** All elements of a sparse tensor; a dense one itself: Tensor.to_dense. The gradient of x is sparse: that of its places. [scope] */
TN_API tn_tensor *tn_to_dense(tn_tensor *x) {
    if (tni_failed() || !tni_check_handle("to_dense", "x", x, TNI_TENSOR)) return NULL;
    return tni_is_sparse(x) ? tni_run_op(&tni_op_to_dense, TNI_INS(x), TNI_NO_ARGS) : tn_hold(x);
}

static bool make_of_dense(tni_call *c) {
    const tn_tensor *x = c->in[0];
    int64_t dims = c->arg[0].i;
    TNI_REQUIRE(c, x->a.ndim > 0 && dims >= 1 && dims <= x->a.ndim, TN_ERR_VALUE,
                "sparse_dim argument for dim=%d must be in range [1, %d], got %lld", x->a.ndim, x->a.ndim, (long long)dims);
    return (c->out[0] = tni_sparse_of_dense(c->t, c->op->name, x, (size_t)dims)) != NULL;
}

static bool to_sparse_run(tni_call *c) { return tni_run_apart(c, make_of_dense); }

static bool to_sparse_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_to_dense(g->dy[0]));
    return true;
}
TN_OP(to_sparse, .schema = "_to_sparse.sparse_dim(Tensor self, int sparse_dim) -> Tensor", .grad_name = "ToSparseBackward1",
      .run = to_sparse_run, .by_value = true, .vjp = to_sparse_vjp, .hidden = true);

#ifdef TN_HEADER
/* The keyword of tn_to_sparse. */
typedef struct tn_to_sparse_opts {
    size_t size;
    int64_t sparse_dim; /* TN_NONE: all */
} tn_to_sparse_opts;
#ifndef __cplusplus
#define tn_to_sparse(...)                                                                                                          \
    TN_WITH(tn_to_sparse_opts, (.sparse_dim = TN_NONE), (tn_to_sparse)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** x by the places that are not zero, coalesced; a sparse tensor itself: Tensor.to_sparse(sparse_dim). The last dims become those of the
 *  values. TN_ERR_VALUE for a sparse_dim out of range. [scope] */
TN_API tn_tensor *(tn_to_sparse)(tn_tensor *x, const tn_to_sparse_opts *opts) {
    if (tni_failed() || !tni_check_handle("to_sparse", "x", x, TNI_TENSOR)) return NULL;
    int64_t dims = TNI_OPT(opts, sparse_dim, TN_NONE);
    if (tni_is_sparse(x)) return tn_hold(x);
    return tni_run_op(&tni_op_to_sparse, TNI_INS(x), TNI_ARGS({.i = dims == TN_NONE ? x->a.ndim : dims}));
}
