/* ops/views.c - views by shape: view, reshape, flatten, transpose, permute, expand, squeeze, unsqueeze. */
#include "core/op.h"
#include "ops/sparse.h"
#include <string.h>
#include <tison/ops.h>

static bool reshape_back(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, (tn_reshape)(g->dy[0], sizes, ndim));
    return true;
}

/* ---- view, reshape, flatten ---- */

static bool view_as(tni_call *c, const int64_t *sizes, size_t ndim) {
    const tni_array *x = &c->in[0]->a;
    int64_t strides[TNI_MAX_DIMS];
    TNI_REQUIRE(c, tni_view_strides(x, sizes, ndim, strides), TN_ERR_SHAPE,
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
                "contiguous subspaces). Use .reshape(...) instead.");
    return tni_out_view(c, sizes, strides, ndim, x->offset);
}

static bool view_run(tni_call *c) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = c->arg[0].ints.n;
    return tni_infer_size("view", c->arg[0].ints.v, ndim, c->in[0]->a.numel, sizes) && view_as(c, sizes, ndim);
}

TN_OP(view, .schema = "view(Tensor(a) self, SymInt[] size) -> Tensor(a)", .grad_name = "ViewBackward0", .run = view_run,
      .vjp = reshape_back, .ints = 1, .view = true,
      .samples = TN_SAMPLES("f32[3,4] (2,6)", "f32[3,4] (-1)", "f32[2,3,4] (2,-1)", "f64[1] ()", "f32[0,3] (3,0)", "i64[4] (2,2)",
                            "f32[] (1,1)", "f32[3,4] (5,2) !shape", "f32[3,4]^T (12) !shape", "f32[3,4] (-1,-1) !shape"));

/* The same, of a copy that nobody else sees: no view for autograd. */
TN_OP(unsafe_view, .schema = "_unsafe_view(Tensor self, SymInt[] size) -> Tensor", .grad_name = "UnsafeViewBackward0",
      .run = view_run, .hidden = true, .vjp = reshape_back, .ints = 1);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_view(x, shape) (tn_view)(x, TN_DIMS(shape))
#define tn_reshape(x, shape) (tn_reshape)(x, TN_DIMS(shape))
#endif
#endif

/** x with other sizes over the same memory: x.view. One size may be -1. TN_ERR_SHAPE when the sizes do not fit x's
 *  elements or strides. [scope] */
TN_API tn_tensor *(tn_view)(tn_tensor *x, const int64_t *sizes, size_t ndim) {
    return tni_run_op(&tni_op_view, TNI_INS(x), TNI_ARGS({.ints = {sizes, ndim}}));
}

static tn_tensor *copy_as(tn_tensor *x, const int64_t *sizes, size_t ndim) {
    tn_tensor *copy = tn_contiguous(x);
    return copy ? tni_run_op(&tni_op_unsafe_view, TNI_INS(copy), TNI_ARGS({.ints = {sizes, ndim}})) : NULL;
}

static bool reshape_to(tni_call *c, const int64_t *wanted, size_t ndim) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(tni_infer_size(c->op->name, wanted, ndim, x->numel, sizes));
    c->out[0] = tni_view_strides(x, sizes, ndim, strides) ? (tn_view)(c->in[0], sizes, ndim) : copy_as(c->in[0], sizes, ndim);
    return c->out[0] != NULL;
}

static bool reshape_run(tni_call *c) { return reshape_to(c, c->arg[0].ints.v, c->arg[0].ints.n); }

TN_OP(reshape, .schema = "reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)", .run = reshape_run, .ints = 1, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] (2,6)", "f32[3,4]^T (12)", "f64[2,3,4]^T (-1,2)", "f32[0,3] (0)", "f32[] (1)",
                            "f32[3,4] (5,-1) !shape"));

/** x with other sizes: torch.reshape. A view where the strides allow it, else a copy. One size may be -1. [scope] */
TN_API tn_tensor *(tn_reshape)(tn_tensor *x, const int64_t *sizes, size_t ndim) {
    return tni_run_op(&tni_op_reshape, TNI_INS(x), TNI_ARGS({.ints = {sizes, ndim}}));
}

static bool flatten_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t start = c->arg[0].i, end = c->arg[1].i, sizes[TNI_MAX_DIMS], merged = 1;
    TNI_TRY(tni_wrap_dim("flatten", &start, x->ndim) && tni_wrap_dim("flatten", &end, x->ndim));
    TNI_REQUIRE(c, start <= end, TN_ERR_RUNTIME, "flatten() has invalid args: start_dim cannot come after end_dim");
    if (x->ndim == 0) return reshape_to(c, (int64_t[]){1}, 1);
    if (start == end) {
        c->out[0] = c->in[0];
        return true;
    }
    size_t n = 0;
    for (int64_t i = 0; i < start; i++) sizes[n++] = x->sizes[i];
    for (int64_t i = start; i <= end; i++) merged *= x->sizes[i];
    sizes[n++] = merged;
    for (int64_t i = end + 1; i < x->ndim; i++) sizes[n++] = x->sizes[i];
    return reshape_to(c, sizes, n);
}

TN_OP(flatten, .schema = "flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)", .run = flatten_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[2,3,4] 1 -1", "f32[2,3,4] 0 1", "f32[3,4]^T 0 -1", "f32[] 0 -1", "f32[0,2,3] 1 2",
                            "f32[2,3] 1 0 !runtime"));

/** Merges the dims start .. end, both included, into one: torch.flatten. A view where possible; x itself when there is nothing
 *  to merge. [scope] */
TN_API tn_tensor *tn_flatten(tn_tensor *x, int64_t start, int64_t end) {
    return tni_run_op(&tni_op_flatten, TNI_INS(x), TNI_ARGS({.i = start}, {.i = end}));
}

/* ---- transpose, t, permute ---- */

static bool swap_dims(tni_call *c, int64_t first, int64_t second) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    memcpy(sizes, x->sizes, x->ndim * sizeof *sizes);
    memcpy(strides, x->strides, x->ndim * sizeof *strides);
    if (first != second) {
        sizes[first] = x->sizes[second], sizes[second] = x->sizes[first];
        strides[first] = x->strides[second], strides[second] = x->strides[first];
    }
    return tni_out_view(c, sizes, strides, x->ndim, x->offset);
}

static bool transpose_run(tni_call *c) {
    size_t ndim = c->in[0]->a.ndim;
    TNI_TRY(tni_wrap_dim("transpose", &c->arg[0].i, ndim) && tni_wrap_dim("transpose", &c->arg[1].i, ndim));
    return swap_dims(c, c->arg[0].i, c->arg[1].i);
}
static bool transpose_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_transpose(g->dy[0], g->arg[0].i, g->arg[1].i));
    return true;
}
TN_OP(transpose, .schema = "transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", .grad_name = "TransposeBackward0",
      .run = transpose_run, .sparse = tni_sparse_transpose_run, .vjp = transpose_vjp, .view = true,
      .samples = TN_SAMPLES("f32[3,4] 0 1", "f32[2,3,4] -1 0", "f32[] 0 -1", "f32[0,3] 0 1", "f32[3,4] 0 2 !index"));

/** Swaps two dims: torch.transpose. A view. [scope] */
TN_API tn_tensor *tn_transpose(tn_tensor *x, int64_t dim0, int64_t dim1) {
    return tni_run_op(&tni_op_transpose, TNI_INS(x), TNI_ARGS({.i = dim0}, {.i = dim1}));
}

static bool t_run(tni_call *c) {
    int ndim = c->in[0]->a.ndim;
    TNI_REQUIRE(c, ndim <= 2, TN_ERR_RUNTIME, "t() expects a tensor with <= 2 dimensions, but self is %dD", ndim);
    return swap_dims(c, 0, ndim == 2);
}
static bool t_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_t(g->dy[0]));
    return true;
}
TN_OP(t, .schema = "t(Tensor(a) self) -> Tensor(a)", .grad_name = "TBackward0", .run = t_run, .sparse = tni_sparse_t_run,
      .vjp = t_vjp, .view = true, .samples = TN_SAMPLES("f32[3,4]", "f32[3]", "f32[]", "f32[2,2,2] !runtime"));

/** The transpose of a matrix; a vector or a 0-d tensor as it is: x.t(). A view. [scope] */
TN_API tn_tensor *tn_t(tn_tensor *x) { return tni_run_op(&tni_op_t, TNI_INS(x), TNI_NO_ARGS); }

static bool permute_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    size_t n = c->arg[0].ints.n;
    bool used[TNI_MAX_DIMS] = {false};
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    TNI_REQUIRE(c, n == x->ndim, TN_ERR_SHAPE,
                "number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. "
                "input.dim() = %d is not equal to len(dims) = %zu",
                x->ndim, n);
    for (size_t i = 0; i < n; i++) {
        int64_t dim = c->arg[0].ints.v[i];
        TNI_TRY(tni_wrap_dim("permute", &dim, n));
        TNI_REQUIRE(c, !used[dim], TN_ERR_RUNTIME, "duplicate dims are not allowed.");
        used[dim] = true;
        sizes[i] = x->sizes[dim];
        strides[i] = x->strides[dim];
    }
    return tni_out_view(c, sizes, strides, n, x->offset);
}
static bool permute_vjp(tni_vjp *g) {
    int64_t back[TNI_MAX_DIMS];
    size_t n = g->arg[0].ints.n;
    for (size_t i = 0; i < n; i++) {
        int64_t dim = g->arg[0].ints.v[i];
        back[dim < 0 ? dim + (int64_t)n : dim] = (int64_t)i;
    }
    TNI_DX(g, 0, (tn_permute)(g->dy[0], back, n));
    return true;
}
TN_OP(permute, .schema = "permute(Tensor(a) self, int[] dims) -> Tensor(a)", .grad_name = "PermuteBackward0", .run = permute_run,
      .vjp = permute_vjp, .ints = 1, .view = true,
      .samples = TN_SAMPLES("f32[2,3,4] (2,0,1)", "f32[2,3,4] (-1,0,1)", "f32[3] (0)", "f32[] ()", "f32[2,3] (0,0) !runtime",
                            "f32[2,3] (0) !shape", "f32[2,3] (0,2) !index"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_permute(x, dims) (tn_permute)(x, TN_DIMS(dims))
#define tn_expand(x, shape) (tn_expand)(x, TN_DIMS(shape))
#endif
#endif

/** The dims in another order: torch.permute. A view. [scope] */
TN_API tn_tensor *(tn_permute)(tn_tensor *x, const int64_t *dims, size_t n) {
    return tni_run_op(&tni_op_permute, TNI_INS(x), TNI_ARGS({.ints = {dims, n}}));
}

/* ---- expand ---- */

static bool expand_dim(const tni_call *c, size_t i, size_t lead, int64_t *size, int64_t *stride) {
    const tni_array *x = &c->in[0]->a;
    int64_t wanted = c->arg[0].ints.v[i];
    *size = wanted, *stride = 0;
    if (i < lead) {
        TNI_REQUIRE(c, wanted >= 0, TN_ERR_SHAPE,
                    "The expanded size of the tensor (%lld) isn't allowed in a leading, non-existing dimension %zu",
                    (long long)wanted, i);
        return true;
    }
    int64_t own = x->sizes[i - lead];
    if (wanted == -1) *size = own;
    TNI_REQUIRE(c, *size == own || (own == 1 && wanted >= 0), TN_ERR_SHAPE,
                "The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton dimension %zu.  "
                "Target sizes: %s.  Tensor sizes: %s",
                (long long)wanted, (long long)own, i, tni_shape_text((char[160]){0}, 160, c->arg[0].ints.v, c->arg[0].ints.n),
                TNI_SHAPE(x));
    if (*size == own) *stride = x->strides[i - lead];
    return true;
}

static bool expand_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    size_t n = c->arg[0].ints.n;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    TNI_REQUIRE(c, n <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%zu dimensions, at most %d are supported", n, (int)TNI_MAX_DIMS);
    TNI_REQUIRE(c, n >= x->ndim, TN_ERR_SHAPE,
                "the number of sizes provided (%zu) must be greater or equal to the number of dimensions in the tensor (%d)", n,
                x->ndim);
    for (size_t i = 0; i < n; i++) TNI_TRY(expand_dim(c, i, n - x->ndim, &sizes[i], &strides[i]));
    return tni_out_view(c, sizes, strides, n, x->offset);
}
/* The core sums over the dims that were repeated. */
static bool expand_vjp(tni_vjp *g) {
    TNI_DX(g, 0, g->dy[0]);
    return true;
}
TN_OP(expand, .schema = "expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
      .grad_name = "ExpandBackward0", .run = expand_run, .vjp = expand_vjp, .ints = 1, .view = true,
      .samples = TN_SAMPLES("f32[3,1] (3,4)", "f32[3] (2,3)", "f32[3,1] (2,-1,5)", "f32[] (2,2)", "f32[1] (0)", "f32[3] (4) !shape",
                            "f32[2,3] (3) !shape", "f32[3] (-1,3) !shape"));

/** Repeats dims of size 1, and adds dims in front, without a copy: x.expand. -1 keeps a size. [scope] */
TN_API tn_tensor *(tn_expand)(tn_tensor *x, const int64_t *sizes, size_t ndim) {
    return tni_run_op(&tni_op_expand, TNI_INS(x), TNI_ARGS({.ints = {sizes, ndim}}));
}

/* ---- squeeze, unsqueeze ---- */

/* Without the dims of size 1 among the chosen ones; NULL: all. */
static bool squeeze_chosen(tni_call *c, const bool *chosen) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS];
    size_t n = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (x->sizes[i] == 1 && (!chosen || chosen[i])) continue;
        sizes[n] = x->sizes[i];
        strides[n++] = x->strides[i];
    }
    return tni_out_view(c, sizes, strides, n, x->offset);
}

static bool squeeze_run(tni_call *c) { return squeeze_chosen(c, NULL); }
static bool squeeze_dim_run(tni_call *c) {
    bool chosen[TNI_MAX_DIMS] = {false};
    TNI_TRY(tni_wrap_dim("squeeze", &c->arg[0].i, c->in[0]->a.ndim));
    chosen[c->arg[0].i] = true;
    return squeeze_chosen(c, chosen);
}
static bool squeeze_dims_run(tni_call *c) {
    bool chosen[TNI_MAX_DIMS] = {false};
    for (size_t i = 0; i < c->arg[0].ints.n; i++) {
        int64_t dim = c->arg[0].ints.v[i];
        TNI_TRY(tni_wrap_dim("squeeze", &dim, c->in[0]->a.ndim));
        TNI_REQUIRE(c, !chosen[dim], TN_ERR_RUNTIME, "dim %lld appears multiple times in the list of dims", (long long)dim);
        chosen[dim] = true;
    }
    return squeeze_chosen(c, chosen);
}
TN_OP(squeeze, .schema = "squeeze(Tensor(a) self) -> Tensor(a)", .grad_name = "SqueezeBackward0", .run = squeeze_run,
      .vjp = reshape_back, .view = true, .samples = TN_SAMPLES("f32[1,3,1]", "f32[3]", "f32[1]", "f32[]", "f32[1,0]"));
TN_OP(squeeze_dim, .schema = "squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)", .grad_name = "SqueezeBackward1",
      .run = squeeze_dim_run, .vjp = reshape_back, .view = true,
      .samples = TN_SAMPLES("f32[1,3,1] 0", "f32[1,3,1] -1", "f32[1,3] 1", "f32[] 0", "f32[1,3] 2 !index"));
TN_OP(squeeze_dims, .schema = "squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", .grad_name = "SqueezeBackward2",
      .run = squeeze_dims_run, .vjp = reshape_back, .view = true, .ints = 1,
      .samples = TN_SAMPLES("f32[1,3,1] (0,2)", "f32[1,3,1] (1,-1)", "f32[1,3] ()", "f32[] (0)", "f32[1,3] (0,0) !runtime",
                            "f32[1,3] (2) !index"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_squeeze_dims(x, dims) (tn_squeeze_dims)(x, TN_DIMS(dims))
#endif
/* Keywords of tn_squeeze. */
typedef struct tn_squeeze_opts {
    size_t size;
    int64_t dim; /* TN_NONE: every dim of size 1 */
} tn_squeeze_opts;
#ifndef __cplusplus
#define tn_squeeze(...)                                                                                                            \
    TN_WITH(tn_squeeze_opts, (.dim = TN_NONE), (tn_squeeze)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Without its dims of size 1, or without one of them: torch.squeeze. A view. [scope] */
TN_API tn_tensor *(tn_squeeze)(tn_tensor *x, const tn_squeeze_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    return dim == TN_NONE ? tni_run_op(&tni_op_squeeze, TNI_INS(x), TNI_NO_ARGS)
                          : tni_run_op(&tni_op_squeeze_dim, TNI_INS(x), TNI_ARGS({.i = dim}));
}

/** Without those of the given dims that have size 1: torch.squeeze with a tuple. A view. [scope] */
TN_API tn_tensor *(tn_squeeze_dims)(tn_tensor *x, const int64_t *dims, size_t n) {
    return tni_run_op(&tni_op_squeeze_dims, TNI_INS(x), TNI_ARGS({.ints = {dims, n}}));
}

static bool unsqueeze_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    size_t n = x->ndim + 1u;
    int64_t sizes[TNI_MAX_DIMS + 1], strides[TNI_MAX_DIMS + 1];
    TNI_TRY(tni_wrap_dim("unsqueeze", &c->arg[0].i, n));
    size_t dim = (size_t)c->arg[0].i;
    for (size_t i = 0, from = 0; i < n; i++) {
        if (i == dim) continue;
        sizes[i] = x->sizes[from];
        strides[i] = x->strides[from++];
    }
    sizes[dim] = 1;
    strides[dim] = dim < x->ndim ? x->sizes[dim] * x->strides[dim] : 1;
    return tni_out_view(c, sizes, strides, n, x->offset);
}
static bool unsqueeze_vjp(tni_vjp *g) {
    TNI_DX(g, 0, (tn_squeeze)(g->dy[0], &(tn_squeeze_opts){sizeof(tn_squeeze_opts), g->arg[0].i}));
    return true;
}
TN_OP(unsqueeze, .schema = "unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", .grad_name = "UnsqueezeBackward0",
      .run = unsqueeze_run, .vjp = unsqueeze_vjp, .view = true,
      .samples = TN_SAMPLES("f32[3,4] 0", "f32[3,4] -1", "f32[3,4] 1", "f32[] 0", "f32[3] 3 !index"));

/** With a dim of size 1 put in before `dim`: torch.unsqueeze. dim is in -ndim-1 .. ndim. A view. [scope] */
TN_API tn_tensor *tn_unsqueeze(tn_tensor *x, int64_t dim) {
    return tni_run_op(&tni_op_unsqueeze, TNI_INS(x), TNI_ARGS({.i = dim}));
}
