/* ops/index_select.c - whole slices by their numbers along a dim: index_select, index_add, index_copy, index_fill. */
#include "ops/along.h"
#include <string.h>
#include <tison/ops.h>

#define NAME(d) tni_dtype_get((tn_dtype)(d))->legacy

/* One index for each place along dim, the first argument. */
static void set_slices(const tni_call *c, tni_along *a, const tni_array *whole, const tni_array *part, const tni_array *index) {
    int64_t sizes[TNI_MAX_DIMS], dim = c->arg[0].i;
    for (int64_t d = 0; d < tni_dims(whole); d++) sizes[d] = d == dim ? index->numel : tni_size(whole, d);
    tni_along_set(a, whole, part, index, dim, sizes, true);
}

/* Input i as indices below `size`. */
static const tni_array *numbers(tni_call *c, size_t i, int64_t size) { return tni_indices(c, i, -1, size, false); }

/* ---- index_select ---- */

static bool index_select_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a;
    TNI_TRY(tni_wrap_dim("index_select", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i, sizes[TNI_MAX_DIMS];
    if (index->ndim > 1) return tni_fail(TN_ERR_INDEX, "index_select(): Index is supposed to be a vector");
    if (x->ndim == 0 && index->numel != 1)
        return tni_fail(TN_ERR_SHAPE, "index_select(): Index to scalar can have only 1 value, got %lld value(s)",
                        (long long)index->numel);
    if (index->dtype != TN_INT64 && index->dtype != TN_INT32)
        return tni_fail(TN_ERR_DTYPE, "index_select(): Expected dtype int32 or int64 for index");
    if (!(index = numbers(c, 1, tni_size(x, dim)))) return false;
    for (int d = 0; d < x->ndim; d++) sizes[d] = d == dim ? index->numel : x->sizes[d];
    TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, sizes, x->ndim));
    tni_along a;
    set_slices(c, &a, x, &c->out[0]->a, index);
    return tni_along_run(c, &a, TNI_GET_ALONG);
}

static bool index_select_vjp(tni_vjp *g) {
    TNI_DX(g, 0, (tn_index_add)(tni_zeros_like_input(g, 0), g->arg[0].i, tni_saved(g, TNI_IN(1)), g->dy[0], NULL));
    return true;
}

TN_OP(index_select, .schema = "index_select(Tensor self, int dim, Tensor index) -> Tensor", .grad_name = "IndexSelectBackward0",
      .run = index_select_run, .vjp = index_select_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[5,4] i64[3]<5 0 @bench", "f64[3,4] i32[6]<4 1", "f32[2,3,4] i64[2]<3 -2", "f32[4,3]^T i64[5]<3 0",
                            "f32[] i64[1]<1 0", "f32[3] i64[]<3 0", "f32[3,2] i64[0] 0", "f32[0,2] i64[0] 0", "i64[4] i64[3]<4 0",
                            "bool[3,2] i64[3]<3 0", "c64[3] i64[2]<3 0 nograd", "bf16[3,2] i64[2]<2 1", "f32[3] i64[2]=3 0 !index",
                            "f32[3] i64[2]=-1 0 !index", "f32[3] f32[2] 0 !dtype", "f32[3] i64[1,1] 0 !index",
                            "f32[3] i64[1]<3 1 !index", "f32[] i64[2]=0 0 !shape"));

/** The slices of x along a dim that an index names: torch.index_select.
 *  index    int64 or int32, a vector or 0-d; 0 <= index < x's size, else TN_ERR_INDEX
 *  returns  x's shape but along dim, row-major [scope]
 */
TN_API tn_tensor *tn_index_select(tn_tensor *x, int64_t dim, tn_tensor *index) {
    return tni_run_op(&tni_op_index_select, TNI_INS(x, index), TNI_ARGS({.i = dim}));
}

/* ---- index_add ---- */

static bool check_index_add(const tni_call *c, int64_t dim) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a, *src = &c->in[2]->a;
    if (index->ndim > 1)
        return tni_fail(TN_ERR_INDEX, "index_add_(): Index is supposed to be a vector, but got dim: %d with type: %s and size: %s",
                        index->ndim, NAME(index->dtype), TNI_SHAPE(index));
    if (index->dtype != TN_INT64 && index->dtype != TN_INT32)
        return tni_fail(TN_ERR_DTYPE, "index_add_(): Expected dtype int32/int64 for index but got: %s", NAME(index->dtype));
    if (x->dtype != src->dtype)
        return tni_fail(TN_ERR_DTYPE, "index_add_(): self (%s) and source (%s) must have the same scalar type", NAME(x->dtype),
                        NAME(src->dtype));
    if (x->ndim == src->ndim && dim < tni_dims(src) && index->numel != tni_size(src, dim))
        return tni_fail(TN_ERR_SHAPE,
                        "index_add_(): Number of indices (%lld) should be equal to source.size(dim): (%lld), for dim: %lld",
                        (long long)index->numel, (long long)tni_size(src, dim), (long long)dim);
    bool same = x->ndim == src->ndim;
    for (int d = 0; same && d < x->ndim; d++) same = d == dim || x->sizes[d] == src->sizes[d];
    TNI_REQUIRE(c, same, TN_ERR_SHAPE,
                "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = %s "
                "source.shape = %s",
                TNI_SHAPE(x), TNI_SHAPE(src));
    return true;
}

static bool index_add_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *index, *src;
    TNI_TRY(tni_wrap_dim("index_add", &c->arg[0].i, x->ndim));
    TNI_TRY(check_index_add(c, c->arg[0].i));
    if (!(index = numbers(c, 1, tni_size(x, c->arg[0].i))) || !(src = tni_input_apart(c, 2))) return false;
    TNI_TRY(tni_out_copy(c, true));
    tni_along a;
    set_slices(c, &a, &c->out[0]->a, src, index);
    a.alpha = c->arg[1].d, a.count = (int64_t)c->arg[1].d;
    return tni_along_run(c, &a, TNI_ADD_ALONG);
}

static bool index_add_vjp(tni_vjp *g) {
    double alpha = g->arg[1].d;
    TNI_DX(g, 0, g->dy[0]);
    if (!tni_needs(g, 2)) return true;
    tn_tensor *part = tn_index_select(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1)));
    TNI_DX(g, 2, alpha == 1 ? part : part ? tn_mul(part, alpha) : NULL);
    return true;
}

TN_OP(index_add, .schema = "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
      .grad_name = "IndexAddBackward0", .run = index_add_run, .widen = true, .vjp = index_add_vjp, .save = TNI_IN(1),
      .inplace = true,
      .samples = TN_SAMPLES("f32[5,4] i64[7]<5 f32[7,4] 0 @bench", "f64[3,4] i32[6]<4 f64[3,6] 1 alpha=0.5",
                            "f32[2,3,4] i64[2]<3 f32[2,2,4] -2 alpha=2", "f32[3,4]^T i64[5]<3 f32[5,4] 0", "f32[] i64[1]<1 f32[] 0",
                            "f32[3,2] i64[0] f32[0,2] 0", "i64[4] i64[3]<4 i64[3] 0 alpha=3", "bool[3] i64[3]<3 bool[3] 0",
                            "u8[3] i64[5]<3 u8[5]<9 0", "c64[3] i64[4]<3 c64[4] 0 nograd", "f32[3] i64[2]=3 f32[2] 0 !index",
                            "f32[3] i64[2]=-1 f32[2] 0 !index", "f32[3,4] i64[1]<3 f32[2,4] 0 !shape",
                            "f32[3,4] i64[2]<3 f32[2,3] 0 !shape", "f32[3] i64[2]<3 f64[2] 0 !dtype",
                            "f32[3] f32[2] f32[2] 0 !dtype", "f32[3] i64[1,1] f32[1] 0 !index"));

#ifdef TN_HEADER
/* Keywords of tn_index_add. */
typedef struct tn_index_add_opts {
    size_t size;
    double alpha; /* 1; its fraction is cut for integers */
} tn_index_add_opts;
#ifndef __cplusplus
#define tn_index_add(x, dim, index, ...)                                                                                           \
    TN_WITH(tn_index_add_opts, (.alpha = 1), (tn_index_add)(x, dim, index, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_index_add_(x, dim, index, ...)                                                                                          \
    TN_WITH(tn_index_add_opts, (.alpha = 1), (tn_index_add_)(x, dim, index, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_index_fill(x, dim, index, value) (tn_index_fill)(x, dim, index, TN_PICK(value))
#define tn_index_fill_(x, dim, index, value) (tn_index_fill_)(x, dim, index, TN_PICK(value))
#endif
#endif

/** x with alpha times the slices of source added to those along dim that the index names, in its order: torch.index_add.
 *  index    int64 or int32, one for each slice of source; 0 <= index < x's size, else TN_ERR_INDEX
 *  source   x's dtype, and x's shape but along dim
 *  returns  x's shape [scope]
 */
TN_API tn_tensor *(tn_index_add)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *source, const tn_index_add_opts *opts) {
    return tni_run_op(&tni_op_index_add, TNI_INS(x, index, source), TNI_ARGS({.i = dim}, {.d = TNI_OPT(opts, alpha, 1.0)}));
}
/** tn_index_add in place: Tensor.index_add_. Returns x. */
TN_API tn_tensor *(tn_index_add_)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *source, const tn_index_add_opts *opts) {
    return tni_run_op_inplace(&tni_op_index_add, TNI_INS(x, index, source), TNI_ARGS({.i = dim}, {.d = TNI_OPT(opts, alpha, 1.0)}));
}

/* ---- index_copy ---- */

/* "[4" of [3, 4] without dim 0. */
static void slice_text(char *text, const tni_array *a, int64_t dim) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t n = 0;
    for (int d = 0; d < a->ndim; d++)
        if (d != dim) sizes[n++] = a->sizes[d];
    tni_shape_text(text, 160, sizes, n);
    text[strlen(text) - 1] = '\0';
}

static bool check_index_copy(int64_t dim, const tni_array *x, const tni_array *index, const tni_array *src) {
    char a[160], b[160];
    TNI_CHECK(index->ndim < 2, TN_ERR_INDEX, "index_copy_(): Index should have dimension 1 or 0 (got %d)", index->ndim);
    TNI_CHECK(src->ndim || index->numel == 1, TN_ERR_INDEX,
              "index_copy_(): When source is scalar, index should have one element (got %lld)", (long long)index->numel);
    TNI_CHECK(x->ndim == src->ndim || x->ndim == 0 || src->ndim == 0, TN_ERR_INDEX,
              "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source dimensionality "
              "(%d), destination dimensionality (%d)",
              src->ndim, x->ndim);
    TNI_CHECK(index->dtype == TN_INT64, TN_ERR_DTYPE, "index_copy_(): Expected a long tensor for index, but got %s",
              NAME(index->dtype));
    TNI_CHECK(x->dtype == src->dtype, TN_ERR_DTYPE,
              "index_copy_(): self and source expected to have the same dtype, but got (self) %s and (source) %s", NAME(x->dtype),
              NAME(src->dtype));
    slice_text(a, x, dim), slice_text(b, src, src->ndim ? dim : 0);
    TNI_CHECK(
        strcmp(a, b) == 0, TN_ERR_SHAPE,
        "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: %s at dimension %lld and "
        "source slice shape: %s at dimension 0.",
        a + 1, (long long)dim, b + 1);
    TNI_CHECK(src->ndim == 0 || index->numel == tni_size(src, dim), TN_ERR_INDEX,
              "index_copy_(): Number of indices (%lld) should be equal to source.size(dim) (%lld)", (long long)index->numel,
              (long long)tni_size(src, dim));
    return true;
}

static bool index_copy_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a, *src = &c->in[2]->a;
    TNI_TRY(tni_wrap_dim("index_copy", &c->arg[0].i, x->ndim));
    TNI_TRY(check_index_copy(c->arg[0].i, x, index, src));
    if (!(index = tni_indices(c, 1, c->arg[0].i, tni_size(x, c->arg[0].i), false)) || !(src = tni_input_apart(c, 2))) return false;
    TNI_TRY(tni_out_copy(c, true));
    tni_along a;
    set_slices(c, &a, &c->out[0]->a, src, index);
    return tni_along_run(c, &a, TNI_SET_ALONG);
}

static bool index_copy_vjp(tni_vjp *g) {
    if (tni_needs(g, 0)) TNI_DX(g, 0, tn_index_fill(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1)), 0));
    if (tni_needs(g, 2)) TNI_DX(g, 2, tn_index_select(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1))));
    return true;
}

TN_OP(index_copy, .schema = "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
      .grad_name = "IndexCopyBackward0", .run = index_copy_run, .vjp = index_copy_vjp, .save = TNI_IN(1), .inplace = true,
      .samples = TN_SAMPLES("f32[5,4] i64[1]<5 f32[1,4] 0", "f64[3,4] i64[1]<4 f64[3,1] 1", "f32[3,4]^T i64[1]<3 f32[1,4] 0",
                            "f32[] i64[1]<1 f32[] 0", "f32[3] i64[1]<3 f32[] 0", "f32[3,2] i64[0] f32[0,2] 0",
                            "i64[4] i64[3]<4 i64[3] 0", "f16[4] i64[2]<4 f16[2] 0 nograd", "bool[3] i64[3]<3 bool[3] 0",
                            "f32[3] i64[2]=3 f32[2] 0 !index", "f32[3,4] i64[1]<3 f32[2,4] 0 !index",
                            "f32[3,4] i64[2]<3 f32[2,3] 0 !shape", "f32[3] i64[2]<3 f64[2] 0 !dtype",
                            "f32[3] i32[2]<3 f32[2] 0 !dtype"));

/** x with the slices of source in the places along dim that the index names; of several for one the last one stays:
 *  torch.index_copy. As tn_index_add, with an int64 index. [scope] */
TN_API tn_tensor *tn_index_copy(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *source) {
    return tni_run_op(&tni_op_index_copy, TNI_INS(x, index, source), TNI_ARGS({.i = dim}));
}
/** tn_index_copy in place: Tensor.index_copy_. Returns x. */
TN_API tn_tensor *tn_index_copy_(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *source) {
    return tni_run_op_inplace(&tni_op_index_copy, TNI_INS(x, index, source), TNI_ARGS({.i = dim}));
}

/* ---- index_fill ---- */

static bool index_fill_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a, *index = &c->in[1]->a;
    uint64_t bits[2] = {0, 0};
    TNI_TRY(tni_wrap_dim("index_fill", &c->arg[0].i, x->ndim));
    int64_t dim = c->arg[0].i;
    if (index->dtype != TN_INT64) return tni_fail(TN_ERR_INDEX, "index_fill_(): Expected dtype int64 for index.");
    TNI_REQUIRE(c, index->ndim < 2, TN_ERR_SHAPE, "Index has to be a vector/scalar");
    TNI_TRY(tni_value_as(c, 2, (tn_dtype)x->dtype, bits));
    if (!(index = tni_indices(c, 1, dim, tni_size(x, dim), true))) return false;
    TNI_TRY(tni_out_copy(c, false));
    tni_along a;
    set_slices(c, &a, &c->out[0]->a, &c->out[0]->a, index);
    memset(a.part_strides, 0, a.ndim * sizeof *a.part_strides);
    a.part = (char *)bits;
    return tni_along_run(c, &a, TNI_SET_ALONG);
}

static bool index_fill_vjp(tni_vjp *g) {
    if (tni_needs(g, 0)) TNI_DX(g, 0, tn_index_fill(g->dy[0], g->arg[0].i, tni_saved(g, TNI_IN(1)), 0));
    if (!tni_needs(g, 2)) return true;
    tn_tensor *index = tni_saved(g, TNI_IN(1)), *zero = tni_zeros_like_input(g, 2);
    tn_tensor *rest =
        index && zero ? (tn_index_fill)(g->dy[0], g->arg[0].i, index, zero) : NULL; /* a place named twice counts once */
    TNI_DX(g, 2, rest ? tn_sub(tn_sum(g->dy[0]), tn_sum(rest)) : NULL);
    return true;
}

TN_OP(index_fill, .schema = "index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
      .grad_name = "IndexFillBackward0", .run = index_fill_run, .vjp = index_fill_vjp, .save = TNI_IN(1), .inplace = true,
      .samples = TN_SAMPLES("f32[5,4] i64[2]<5 f32[] 0", "f64[3,4] i64[1]=-1 f64[] 1", "f32[4,3]^T i64[5]<3 f32[] 0",
                            "f32[] i64[1]<1 f32[] 0", "f32[3,2] i64[0] f32[] 0", "i64[4] i64[3]<4 i64[] 0",
                            "f32[3] i64[]<3 i64[] 0", "bf16[4] i64[2]<4 f32[] 0 nograd", "f32[3] i64[2]=3 f32[] 0 !index",
                            "f32[3] i64[2]=-4 f32[] 0 !index", "f32[3] i32[2]<3 f32[] 0 !index", "f32[3] i64[2]<3 f32[1] 0 !shape",
                            "f32[3] i64[1,1]=0 f32[] 0 !shape"));

/** x with one value in the slices along dim that the index names: torch.index_fill.
 *  index    int64, a vector or 0-d; -size <= index < size, else TN_ERR_INDEX
 *  value    a number or a 0-d tensor; it becomes x's dtype
 *  returns  x's shape [scope]
 */
TN_API tn_tensor *(tn_index_fill)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *value) {
    return tni_run_op(&tni_op_index_fill, TNI_INS(x, index, value), TNI_ARGS({.i = dim}));
}
/** tn_index_fill in place: Tensor.index_fill_. Returns x. */
TN_API tn_tensor *(tn_index_fill_)(tn_tensor *x, int64_t dim, tn_tensor *index, tn_tensor *value) {
    return tni_run_op_inplace(&tni_op_index_fill, TNI_INS(x, index, value), TNI_ARGS({.i = dim}));
}
