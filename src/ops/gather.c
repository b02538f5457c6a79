/* ops/gather.c - gather, scatter and scatter_add along a dim; take_along_dim. */
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

/* ---- what they check ---- */

static bool check_index_dtype(const tni_array *index, const char *who) {
    TNI_CHECK(index->dtype == TN_INT64 || index->dtype == TN_INT32, TN_ERR_DTYPE, "%s(): Expected dtype int32/int64 for index",
              who);
    return true;
}

static bool smaller(const tni_array *a, const tni_array *b, int64_t but) {
    for (int64_t d = 0; d < tni_dims(a); d++)
        if (d != but && tni_size(a, d) > tni_size(b, d)) return false;
    return true;
}

/* ---- gather ---- */

static bool check_gather(const tni_call *c, int64_t dim) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a;
    TNI_REQUIRE(c, tni_dims(index) == tni_dims(x), TN_ERR_SHAPE,
                "Index tensor must have the same number of dimensions as input tensor");
    for (int64_t d = 0; d < tni_dims(x); d++)
        TNI_REQUIRE(
            c, d == dim || tni_size(index, d) <= tni_size(x, d), TN_ERR_SHAPE,
            "Size does not match at dimension %lld expected index %s to be no larger than self %s apart from dimension %lld",
            (long long)d, TNI_SHAPE(index), TNI_SHAPE(x), (long long)dim);
    return true;
}

static bool gather_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a;
    TNI_TRY(tni_wrap_dim("gather", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i;
    if (index->numel == 0) return tni_out(c, 0, (tn_dtype)x->dtype, index->sizes, index->ndim);
    TNI_TRY(check_index_dtype(index, "gather"));
    TNI_TRY(check_gather(c, dim));
    if (!(index = tni_indices(c, 1, dim, tni_size(x, dim), false))) return false;
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, index->sizes, index->ndim));
    tni_along a;
    int64_t one = 1;
    tni_along_set(&a, x, &c->out[0]->a, index, dim, index->ndim ? index->sizes : &one, false);
    return tni_along_run(c, &a, TNI_GET_ALONG);
}

static bool gather_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_scatter_add(tni_zeros_like_input(g, 0), g->arg[0].i, tni_saved(g, TNI_IN(1)), g->dy[0]));
    return true;
}

TN_OP(gather, .schema = "gather(Tensor self, int dim, Tensor index) -> Tensor", .grad_name = "GatherBackward0", .run = gather_run,
      .vjp = gather_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] i64[3,2]<4 1 @bench", "f64[3,4] i64[5,3]<3 0", "f32[3,4]^T i32[2,4]<3 -2",
                            "f32[2,3,4] i64[2,2,4]<3 1", "f32[] i64[]<1 0", "f32[3] i64[]<3 0", "f32[3,4] i64[0] 0 nograd",
                            "i64[4] i64[6]<4 0", "bool[2,3] i64[2,3]<3 1", "c64[3] i64[4]<3 0 nograd", "f16[3,2] i64[1,2]<3 0",
                            "f32[3] i64[2]=3 0 !index", "f32[3] i64[2]=-1 0 !index", "f32[3] f32[2] 0 !dtype",
                            "f32[3,4] i64[2] 0 !shape", "f32[3,4] i64[4,4]<4 1 !shape", "f32[3] i64[2]<3 1 !index"));

/** The elements of x that an index along one dim names: torch.gather.
 *  index    int64 or int32, of x's number of dims, no larger than x but along dim; 0 <= index < x's size there, else TN_ERR_INDEX
 *  returns  index's shape [scope]; TN_ERR_SHAPE, TN_ERR_DTYPE for an index that does not fit
 */
TN_API tn_tensor *tn_gather(tn_tensor *x, int64_t dim, tn_tensor *index) {
    return tni_run_op(&tni_op_gather, TNI_INS(x, index), TNI_ARGS({.i = dim}));
}

/* ---- scatter ---- */

static bool check_scatter(const tni_call *c, int64_t dim, const tni_array *src) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a;
    TNI_REQUIRE(c, tni_dims(index) == tni_dims(x), TN_ERR_SHAPE,
                "Index tensor must have the same number of dimensions as self tensor");
    if (!src) {
        TNI_REQUIRE(c, smaller(index, x, dim), TN_ERR_SHAPE,
                    "Expected index %s to be no larger than self %s apart from dimension %lld", TNI_SHAPE(index), TNI_SHAPE(x),
                    (long long)dim);
        return true;
    }
    TNI_REQUIRE(c, tni_dims(index) == tni_dims(src), TN_ERR_SHAPE,
                "Index tensor must have the same number of dimensions as src tensor");
    TNI_REQUIRE(c, smaller(index, x, dim) && smaller(index, src, -1), TN_ERR_SHAPE,
                "Expected index %s to be no larger than self %s apart from dimension %lld and to be no larger size than src %s",
                TNI_SHAPE(index), TNI_SHAPE(x), (long long)dim, TNI_SHAPE(src));
    return true;
}

/* Inputs: self, index, src; or without src one element of self's dtype. */
static bool scatter(tni_call *c, tni_along_what what, const void *element) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a, *src = c->nin > 2 ? &c->in[2]->a : NULL;
    TNI_TRY(tni_wrap_dim("scatter", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i, one = 1;
    if (index->numel) TNI_TRY(check_index_dtype(index, "scatter"));
    if (src && x->dtype != src->dtype) return tni_fail(TN_ERR_DTYPE, "scatter(): Expected self.dtype to be equal to src.dtype");
    if (index->numel) TNI_TRY(check_scatter(c, dim, src));
    if (index->numel && !(index = tni_indices(c, 1, dim, tni_size(x, dim), false))) return false;
    if (src && !(src = tni_input_apart(c, 2))) return false;
    TNI_TRY(tni_out_copy(c, true));
    if (index->numel == 0) return true;
    tni_along a;
    tni_along_set(&a, &c->out[0]->a, src ? src : &c->out[0]->a, index, dim, index->ndim ? index->sizes : &one, false);
    if (!src) {
        memset(a.part_strides, 0, a.ndim * sizeof *a.part_strides);
        a.part = (char *)(uintptr_t)element;
    }
    return tni_along_run(c, &a, what);
}

static bool scatter_run(tni_call *c) { return scatter(c, TNI_SET_ALONG, NULL); }
static bool scatter_add_run(tni_call *c) { return scatter(c, TNI_ADD_ALONG, NULL); }

/* A number as one element; whole numbers are cut, as PyTorch does. */
static bool element_of(const tni_call *c, tn_scalar v, void *bits) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    bool whole = v.kind != TN_SCALAR_DOUBLE;
    double d = whole ? 0 : v.value.d;
    int64_t i = whole ? v.value.i : 0;
    TNI_REQUIRE(c, tni_dtype_holds(dtype, d, i, whole), TN_ERR_RUNTIME, "value cannot be converted to type %s without overflow",
                tni_dtype_c_name(dtype));
    tni_element_set(bits, dtype, d, i, whole);
    return true;
}

static bool scatter_value_run(tni_call *c) {
    uint64_t bits[2] = {0, 0};
    return element_of(c, c->arg[1].scalar, bits) && scatter(c, TNI_SET_ALONG, bits);
}

static bool reduction_of(const tni_call *c, const char *name, tni_along_what *what) {
    bool add = name && strcmp(name, "add") == 0;
    TNI_REQUIRE(c, add || (name && strcmp(name, "multiply") == 0), TN_ERR_RUNTIME,
                "reduce argument must be either add or multiply.");
    *what = add ? TNI_ADD_ALONG : TNI_MULTIPLY_ALONG;
    return true;
}

static bool scatter_reduce_run(tni_call *c) {
    tni_along_what what = TNI_ADD_ALONG;
    return reduction_of(c, c->arg[1].p, &what) && scatter(c, what, NULL);
}

static bool scatter_value_reduce_run(tni_call *c) {
    tni_along_what what = TNI_ADD_ALONG;
    uint64_t bits[2] = {0, 0};
    return reduction_of(c, c->arg[2].p, &what) && element_of(c, c->arg[1].scalar, bits) && scatter(c, what, bits);
}

static tn_tensor *without_written(tni_vjp *g) {
    return (tn_scatter_value)(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1)), tn_scalar_int(0));
}

static bool scatter_vjp(tni_vjp *g) {
    if (tni_needs(g, 0)) TNI_DX(g, 0, without_written(g));
    if (tni_needs(g, 2)) TNI_DX(g, 2, tn_gather(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1))));
    return true;
}
static bool scatter_value_vjp(tni_vjp *g) {
    TNI_DX(g, 0, without_written(g));
    return true;
}
static bool scatter_add_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    if (tni_needs(g, 2)) TNI_DX(g, 2, tn_gather(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1))));
    return true;
}
/* PyTorch has none either. */
static bool no_derivative(tni_vjp *g) {
    (void)g;
    return tni_fail(TN_ERR_RUNTIME, "derivative for aten::scatter is not implemented");
}

TN_OP(scatter, .schema = "scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", .grad_name = "ScatterBackward0",
      .run = scatter_run, .vjp = scatter_vjp, .save = TNI_IN(1), .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] i64[3,1]<4 f32[3,1] 1", "f64[3,4] i64[1,4]<3 f64[1,4] 0", "f32[4,3]^T i32[1,3]<4 f32[1,3] 0",
                            "f32[] i64[]<1 f32[] 0", "f32[3,2] i64[0,2] f32[2,2] 0 nograd", "i64[4] i64[6]<4 i64[6] 0",
                            "bool[4] i64[2]<4 bool[2] 0", "f16[4] i64[1]<4 f16[1] -1", "f32[3] i64[2]=3 f32[2] 0 !index",
                            "f32[3] i64[2]<3 f64[2] 0 !dtype", "f32[3] i64[2]<3 f32[1] 0 !shape", "f32[3] f32[2] f32[2] 0 !dtype",
                            "f32[3,4] i64[2]<2 f32[2] 0 !shape", "f32[3] i64[2]<3 f32[2] 2 !index"));
TN_OP(scatter_value, .schema = "scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      .grad_name = "ScatterBackward1", .run = scatter_value_run, .vjp = scatter_value_vjp, .save = TNI_IN(1), .inplace = true,
      .scalars = 2,
      .samples = TN_SAMPLES("f32[3,4] i64[3,2]<4 1 2.5", "f64[3,4]^T i64[2,4]<3 0 -1", "i64[4] i64[2]<4 0 7", "f32[] i64[]<1 0 3",
                            "bf16[4] i32[2]<4 0 1.5", "f32[3] i64[2]=-1 0 1.0 !index", "f32[3,1] i64[2]<1 0 1 !shape",
                            "u8[3] i64[1]<3 0 300 !runtime"));
TN_OP(scatter_reduce, .schema = "scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
      .grad_name = "NotImplemented", .run = scatter_reduce_run, .widen = true, .vjp = no_derivative, .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] i64[3,6]<4 f32[3,6] 1 reduce='add' nograd",
                            "f64[3,4]^T i64[5,4]<3 f64[5,4] 0 reduce='multiply' nograd",
                            "i64[4] i64[6]<4 i64[6] 0 reduce='multiply'", "bool[4] i64[6]<4 bool[6] 0 reduce='add'",
                            "f32[3] i64[2]<3 f32[2] 0 reduce='mean' !runtime", "f32[3] i64[2]=5 f32[2] 0 reduce='add' !index"));
TN_OP(scatter_value_reduce,
      .schema = "scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
      .grad_name = "NotImplemented", .run = scatter_value_reduce_run, .widen = true, .vjp = no_derivative, .inplace = true,
      .scalars = 2,
      .samples = TN_SAMPLES("f32[3,4] i64[3,6]<4 1 2 reduce='multiply' nograd", "i64[4] i64[6]<4 0 3 reduce='add'",
                            "f32[3] i64[2]<3 0 1.5 reduce='max' !runtime"));
TN_OP(scatter_add, .schema = "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      .grad_name = "ScatterAddBackward0", .run = scatter_add_run, .widen = true, .vjp = scatter_add_vjp, .save = TNI_IN(1),
      .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] i64[3,6]<4 f32[3,6] 1 @bench", "f64[3,4] i64[5,4]<3 f64[5,4] 0",
                            "f32[4,3]^T i64[5,3]<4 f32[5,3] -2", "f32[2,3,4] i64[2,6,4]<3 f32[2,6,4] 1", "f32[] i64[]<1 f32[] 0",
                            "f32[3,2] i64[0,2] f32[2,2] 0 nograd", "i64[4] i32[6]<4 i64[6] 0", "u8[4] i64[6]<4 u8[6]<9 0",
                            "bool[4] i64[6]<4 bool[6] 0", "c64[4] i64[6]<4 c64[6] 0 nograd", "f32[3] i64[2]=3 f32[2] 0 !index",
                            "f32[3] i64[2]<3 f64[2] 0 !dtype", "f32[3] i64[2]<3 f32[1] 0 !shape"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_scatter_value(x, dim, index, value) (tn_scatter_value)(x, dim, index, TN_SCALAR(value))
#define tn_scatter_value_(x, dim, index, value) (tn_scatter_value_)(x, dim, index, TN_SCALAR(value))
#define tn_scatter_value_reduce(x, dim, index, value, reduce) (tn_scatter_value_reduce)(x, dim, index, TN_SCALAR(value), reduce)
#endif
#endif

/** x with src's elements written where an index along one dim says; of several for one place the last one stays: torch.scatter.
 *  index    as tn_gather's, and no larger than src
 *  src      x's dtype
 *  returns  x's shape [scope]; TN_ERR_INDEX, TN_ERR_SHAPE, TN_ERR_DTYPE
 */
TN_API tn_tensor *tn_scatter(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *src) {
    return tni_run_op(&tni_op_scatter, TNI_INS(x, index, src), TNI_ARGS({.i = dim}));
}
/** tn_scatter in place: Tensor.scatter_. Returns x. */
TN_API tn_tensor *tn_scatter_(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *src) {
    return tni_run_op_inplace(&tni_op_scatter, TNI_INS(x, index, src), TNI_ARGS({.i = dim}));
}
/** One number written where the index says: torch.scatter with a value. [scope] */
TN_API tn_tensor *(tn_scatter_value)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_scalar value) {
    return tni_run_op(&tni_op_scatter_value, TNI_INS(x, index), TNI_ARGS({.i = dim}, {.scalar = value}));
}
/** tn_scatter_value in place. Returns x. */
TN_API tn_tensor *(tn_scatter_value_)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_scalar value) {
    return tni_run_op_inplace(&tni_op_scatter_value, TNI_INS(x, index), TNI_ARGS({.i = dim}, {.scalar = value}));
}
/** As tn_scatter, but src is added to the elements ("add") or multiplied with them ("multiply"), in the index's order:
 *  torch.scatter(..., reduce=). It has no derivative. [scope] */
TN_API tn_tensor *tn_scatter_reduce(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *src, const char *reduce) {
    return tni_run_op(&tni_op_scatter_reduce, TNI_INS(x, index, src), TNI_ARGS({.i = dim}, {.p = reduce}));
}
/** The same with one number. [scope] */
TN_API tn_tensor *(tn_scatter_value_reduce)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_scalar value, const char *reduce) {
    return tni_run_op(&tni_op_scatter_value_reduce, TNI_INS(x, index), TNI_ARGS({.i = dim}, {.scalar = value}, {.p = reduce}));
}
/** x with src added where an index along one dim says, in the index's order: torch.scatter_add. As tn_scatter. [scope] */
TN_API tn_tensor *tn_scatter_add(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *src) {
    return tni_run_op(&tni_op_scatter_add, TNI_INS(x, index, src), TNI_ARGS({.i = dim}));
}
/** tn_scatter_add in place: Tensor.scatter_add_. Returns x. */
TN_API tn_tensor *tn_scatter_add_(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *src) {
    return tni_run_op_inplace(&tni_op_scatter_add, TNI_INS(x, index, src), TNI_ARGS({.i = dim}));
}

/* ---- take_along_dim ---- */

static bool take_along_dim_run(tni_call *c) {
    tn_tensor *x = c->in[0], *index = c->in[1];
    if (index->a.dtype != TN_INT64)
        return tni_fail(TN_ERR_DTYPE, "torch.take_along_dim(): dtype of indices should be Long but got %s",
                        tni_dtype_get((tn_dtype)index->a.dtype)->legacy);
    if (c->arg[0].i == TN_NONE) {
        const int64_t all = -1;
        x = (tn_reshape)(x, &all, 1), index = (tn_reshape)(index, &all, 1);
        return (c->out[0] = tn_gather(x, 0, index)) != NULL;
    }
    int64_t dim = c->arg[0].i, xs[TNI_MAX_DIMS], is[TNI_MAX_DIMS];
    size_t n = x->a.ndim, m = n;
    if (n != index->a.ndim)
        return tni_fail(
            TN_ERR_SHAPE,
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got %zu dimensions "
            "for input, and %d dimensions for indices",
            n, index->a.ndim);
    TNI_TRY(tni_wrap_dim("take_along_dim", &dim, n));
    int64_t a[TNI_MAX_DIMS], b[TNI_MAX_DIMS];
    for (size_t i = 0; i < n; i++) a[i] = x->a.sizes[i], b[i] = (int64_t)i == dim ? a[i] : index->a.sizes[i];
    TNI_TRY(tni_shape_broadcast("take_along_dim", a, &m, b, n));
    for (size_t i = 0; i < n; i++) xs[i] = is[i] = a[i];
    if (n) xs[dim] = x->a.sizes[dim], is[dim] = index->a.sizes[dim];
    return (c->out[0] = tn_gather((tn_expand)(x, xs, n), dim, (tn_expand)(index, is, n))) != NULL;
}

TN_OP(take_along_dim, .schema = "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor", .run = take_along_dim_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[3,4] i64[3,2]<4 1", "f64[3,4] i64[5]<12", "f32[3,4]^T i64[1,2]<4 -1", "f32[1,4] i64[3,2]<4 1",
                            "i64[3] i64[]<3", "f32[3,4] i32[3,2]<4 1 !dtype", "f32[3,4] i64[3]<4 1 !shape",
                            "f32[3,4] i64[2,2]<4 1 !shape"));

#ifdef TN_HEADER
/* Keywords of tn_take_along_dim. */
typedef struct tn_take_along_dim_opts {
    size_t size;
    int64_t dim; /* TN_NONE: both are taken as one line */
} tn_take_along_dim_opts;
#ifndef __cplusplus
#define tn_take_along_dim(x, ...)                                                                                                  \
    TN_WITH(tn_take_along_dim_opts, (.dim = TN_NONE), (tn_take_along_dim)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                      \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** tn_gather with x and the indices, int64, broadcast to each other but along dim: torch.take_along_dim. [scope] */
TN_API tn_tensor *(tn_take_along_dim)(tn_tensor *x, tn_tensor *indices, const tn_take_along_dim_opts *opts) {
    return tni_run_op(&tni_op_take_along_dim, TNI_INS(x, indices), TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}));
}
