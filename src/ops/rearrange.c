/* ops/rearrange.c - other names for views: movedim, swapaxes, broadcast_to, expand_as, view_as, unflatten; hstack and its kin. */
#include "base/error.h"
#include "base/memory.h"
#include "core/op.h"
#include <string.h>
#include <tison/ops.h>

/* ---- movedim, swapaxes, swapdims ---- */

static bool wrap_all(const tni_call *c, const int64_t *dims, size_t n, size_t ndim, const char *what, int64_t *out, bool *used) {
    for (size_t i = 0; i < n; i++) {
        out[i] = dims[i];
        TNI_TRY(tni_wrap_dim("movedim", &out[i], ndim));
        TNI_REQUIRE(c, !used[out[i]], TN_ERR_RUNTIME, "repeated dim in `%s` (%s)", what,
                    tni_shape_text((char[160]){0}, 160, dims, n));
        used[out[i]] = true;
    }
    return true;
}

static bool movedim_run(tni_call *c) {
    const int64_t *source = c->arg[0].ints.v, *target = c->arg[1].ints.v;
    size_t n = c->arg[0].ints.n, ndim = c->in[0]->a.ndim, next = 0;
    TNI_REQUIRE(
        c, n == c->arg[1].ints.n, TN_ERR_RUNTIME,
        "Invalid source or destination dims: source (%s dims) should contain the same number of dims as destination (%s dims)",
        tni_shape_text((char[160]){0}, 160, source, n), tni_shape_text((char[160]){0}, 160, target, c->arg[1].ints.n));
    int64_t from[TNI_MAX_DIMS + 1], to[TNI_MAX_DIMS + 1], order[TNI_MAX_DIMS + 1];
    bool moved[TNI_MAX_DIMS + 1] = {false}, taken[TNI_MAX_DIMS + 1] = {false};
    TNI_REQUIRE(c, n <= TNI_MAX_DIMS, TN_ERR_RUNTIME, "%zu dims are too many", n);
    TNI_TRY(wrap_all(c, source, n, ndim, "source", from, moved) && wrap_all(c, target, n, ndim, "destination", to, taken));
    if (ndim == 0) return (c->out[0] = (tn_permute)(c->in[0], NULL, 0)) != NULL;
    for (size_t i = 0; i < n; i++) order[to[i]] = from[i];
    for (size_t d = 0; d < ndim; d++) {
        if (taken[d]) continue;
        while (moved[next]) next++;
        order[d] = (int64_t)next++;
    }
    return (c->out[0] = (tn_permute)(c->in[0], order, ndim)) != NULL;
}

TN_OP(movedim, .schema = "movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)", .run = movedim_run,
      .composite = true, .ints = 3,
      .samples = TN_SAMPLES("f32[2,3,4] (0) (-1)", "f64[2,3,4] (0,1) (2,0)", "f32[2,3]^T (1) (0)", "f32[] (0) (0)",
                            "i64[2,3] () ()", "f32[2,3] (0,1) (0) !runtime", "f32[2,3] (0,0) (0,1) !runtime",
                            "f32[2,3] (0,1) (1,1) !runtime", "f32[2,3] (0) (5) !index"));

static bool swap_run(tni_call *c) { return (c->out[0] = tn_transpose(c->in[0], c->arg[0].i, c->arg[1].i)) != NULL; }
TN_OP(swapaxes, .schema = "swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", .run = swap_run, .composite = true,
      .samples = TN_SAMPLES("f32[2,3,4] 0 2", "f32[2,3] 0 2 !index"));
TN_OP(swapdims, .schema = "swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", .run = swap_run, .composite = true,
      .samples = TN_SAMPLES("f32[2,3,4] -1 0", "f32[2,3] 0 2 !index"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_movedim(x, source, destination) (tn_movedim)(x, TN_DIMS(source), TN_DIMS(destination))
#define tn_broadcast_to(x, shape) (tn_broadcast_to)(x, TN_DIMS(shape))
#define tn_unflatten(x, dim, shape) (tn_unflatten)(x, dim, TN_DIMS(shape))
#endif
#endif

/** Dims moved to other places, the others keep their order: torch.movedim. A view. [scope] */
TN_API tn_tensor *(tn_movedim)(tn_tensor *x, const int64_t *source, size_t n, const int64_t *destination, size_t count) {
    return tni_run_op(&tni_op_movedim, TNI_INS(x), TNI_ARGS({.ints = {source, n}}, {.ints = {destination, count}}));
}
/** tn_transpose by another name: torch.swapaxes. [scope] */
TN_API tn_tensor *tn_swapaxes(tn_tensor *x, int64_t axis0, int64_t axis1) {
    return tni_run_op(&tni_op_swapaxes, TNI_INS(x), TNI_ARGS({.i = axis0}, {.i = axis1}));
}
/** tn_transpose by another name: torch.swapdims. [scope] */
TN_API tn_tensor *tn_swapdims(tn_tensor *x, int64_t dim0, int64_t dim1) {
    return tni_run_op(&tni_op_swapdims, TNI_INS(x), TNI_ARGS({.i = dim0}, {.i = dim1}));
}

/* ---- broadcast_to, expand_as, view_as, unflatten ---- */

static bool broadcast_to_run(tni_call *c) {
    return (c->out[0] = (tn_expand)(c->in[0], c->arg[0].ints.v, c->arg[0].ints.n)) != NULL;
}
static bool expand_as_run(tni_call *c) {
    const tni_array *like = &c->in[1]->a;
    return (c->out[0] = (tn_expand)(c->in[0], like->sizes, like->ndim)) != NULL;
}
static bool view_as_run(tni_call *c) {
    const tni_array *like = &c->in[1]->a;
    return (c->out[0] = (tn_view)(c->in[0], like->sizes, like->ndim)) != NULL;
}

TN_OP(broadcast_to, .schema = "broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)", .run = broadcast_to_run,
      .composite = true, .ints = 1, .samples = TN_SAMPLES("f32[3,1] (2,3,4)", "i64[3] (3)", "f32[3] (2) !shape"));
TN_OP(expand_as, .schema = "expand_as(Tensor(a) self, Tensor other) -> Tensor(a)", .run = expand_as_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,1] i64[2,3,4]", "f64[] f32[2]", "f32[3] f32[2] !shape"));
TN_OP(view_as, .schema = "view_as(Tensor(a) self, Tensor other) -> Tensor(a)", .run = view_as_run, .composite = true,
      .samples = TN_SAMPLES("f32[12] i64[3,4]", "f64[1] f32[]", "f32[3] f32[2] !shape"));

/** tn_expand by another name: torch.broadcast_to. [scope] */
TN_API tn_tensor *(tn_broadcast_to)(tn_tensor *x, const int64_t *sizes, size_t ndim) {
    return tni_run_op(&tni_op_broadcast_to, TNI_INS(x), TNI_ARGS({.ints = {sizes, ndim}}));
}
/** x expanded to another tensor's shape: x.expand_as. A view. [scope] */
TN_API tn_tensor *tn_expand_as(tn_tensor *x, tn_tensor *other) {
    return tni_run_op(&tni_op_expand_as, TNI_INS(x, other), TNI_NO_ARGS);
}
/** x viewed with another tensor's shape: x.view_as. [scope] */
TN_API tn_tensor *tn_view_as(tn_tensor *x, tn_tensor *other) { return tni_run_op(&tni_op_view_as, TNI_INS(x, other), TNI_NO_ARGS); }

static bool unflatten_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t dim = c->arg[0].i, part[TNI_MAX_DIMS], sizes[TNI_MAX_DIMS];
    size_t n = c->arg[1].ints.n, k = 0;
    TNI_TRY(tni_wrap_dim("unflatten", &dim, x->ndim));
    TNI_REQUIRE(c, n > 0, TN_ERR_RUNTIME, "sizes must be non-empty");
    TNI_REQUIRE(c, n + x->ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%zu dimensions are too many", n + x->ndim);
    int64_t known = 1, own = x->ndim ? x->sizes[dim] : 1, unknown = -1;
    bool right = true;
    for (size_t i = 0; i < n; i++) {
        part[i] = c->arg[1].ints.v[i];
        if (part[i] == -1 && unknown < 0)
            unknown = (int64_t)i;
        else
            right = right && part[i] >= 0 && !__builtin_mul_overflow(known, part[i], &known);
    }
    if (right && unknown >= 0 && known > 0) part[unknown] = own / known, known *= part[unknown];
    TNI_REQUIRE(c, right && known == own, TN_ERR_RUNTIME,
                "Provided sizes %s don't multiply up to the size of dim %lld (%lld) in the input tensor",
                tni_shape_text((char[160]){0}, 160, c->arg[1].ints.v, n), (long long)dim, (long long)own);
    for (int d = 0; d < TNI_MAX(x->ndim, 1); d++) {
        for (size_t i = 0; d == dim && i < n; i++) sizes[k++] = part[i];
        if (d != dim) sizes[k++] = x->sizes[d];
    }
    return (c->out[0] = (tn_view)(c->in[0], sizes, k)) != NULL;
}

TN_OP(unflatten, .schema = "unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)", .run = unflatten_run,
      .composite = true, .ints = 2,
      .samples = TN_SAMPLES("f32[3,4] 1 (2,2)", "f64[3,4] -1 (-1,2)", "f32[6,2]^T 0 (2,3)", "i64[6] 0 (6,1)", "f32[0] 0 (0,2)",
                            "f32[3,4] 1 (3,2) !runtime", "f32[3,4] 1 (-1,3) !runtime", "f32[3,4] 1 () !runtime",
                            "f32[3] 1 (3) !index"));

/** One dim as several: torch.unflatten. One size may be -1. A view. [scope] */
TN_API tn_tensor *(tn_unflatten)(tn_tensor *x, int64_t dim, const int64_t *sizes, size_t n) {
    return tni_run_op(&tni_op_unflatten, TNI_INS(x), TNI_ARGS({.i = dim}, {.ints = {sizes, n}}));
}

/* ---- hstack, vstack, dstack ---- */

/* With at least n dims; a vector becomes a row. */
static tn_tensor *at_least(tn_tensor *x, int n) {
    int64_t sizes[3] = {1, 1, 1};
    if (x->a.ndim >= n) return x;
    if (x->a.ndim == 1) sizes[n > 1] = x->a.sizes[0];
    if (x->a.ndim == 2) sizes[0] = x->a.sizes[0], sizes[1] = x->a.sizes[1];
    return (tn_reshape)(x, sizes, (size_t)n);
}

static bool stack_up(tni_call *c, int least, int64_t dim) {
    TNI_REQUIRE(c, c->nin > 0, TN_ERR_RUNTIME, "%s expects a non-empty TensorList", c->op->name);
    for (size_t i = 0; i < c->nin; i++)
        if (!(c->in[i] = at_least(c->in[i], least))) return false;
    if (least == 1 && c->in[0]->a.ndim == 1) dim = 0;
    return (c->out[0] = (tn_cat)(c->in, c->nin, &(tn_cat_opts){sizeof(tn_cat_opts), dim})) != NULL;
}
static bool hstack_run(tni_call *c) { return stack_up(c, 1, 1); }
static bool vstack_run(tni_call *c) { return stack_up(c, 2, 0); }
static bool dstack_run(tni_call *c) { return stack_up(c, 3, 2); }

TN_OP(hstack, .schema = "hstack(Tensor[] tensors) -> Tensor", .run = hstack_run, .composite = true,
      .samples = TN_SAMPLES("(f32[2] f32[3])", "(f32[2,3] f32[2,1])", "(f64[] f64[2])", "(i64[2] f32[1])",
                            "(f32[2,3] f32[3,3]) !shape"));
TN_OP(vstack, .schema = "vstack(Tensor[] tensors) -> Tensor", .run = vstack_run, .composite = true,
      .samples = TN_SAMPLES("(f32[3] f32[3])", "(f32[2,3] f32[3])", "(f64[] f64[1])", "(f32[2,3] f32[2,2]) !shape"));
TN_OP(dstack, .schema = "dstack(Tensor[] tensors) -> Tensor", .run = dstack_run, .composite = true,
      .samples = TN_SAMPLES("(f32[3] f32[3])", "(f32[2,3] f32[2,3])", "(f64[] f64[])", "(f32[2,3] f32[2,2]) !shape"));

/* The call path gets a copy of the list, which the run replaces. */
static tn_tensor *run_stack(const tni_op *op, tn_tensor *const *tensors, size_t n) {
    if (tni_failed()) return NULL;
    if (n == 0) return (void)tni_fail(TN_ERR_RUNTIME, "%s expects a non-empty TensorList", op->name), NULL;
    if (!tensors) return (void)tni_fail(TN_ERR_TYPE, "%s: argument 'tensors' is NULL", op->name), NULL;
    size_t bytes = n * sizeof(tn_tensor *);
    tn_tensor *few[8], **in = n <= TNI_COUNT(few) ? few : tni_alloc(bytes), *y = NULL;
    if (!in) return NULL;
    memcpy(in, tensors, bytes);
    y = tni_run_op(op, in, n, TNI_NO_ARGS);
    if (in != few) tni_free(in, bytes);
    return y;
}

/** Tensors one after the other along the second dim, vectors along their only one: torch.hstack. [scope] */
TN_API tn_tensor *tn_hstack(tn_tensor *const *tensors, size_t n) { return run_stack(&tni_op_hstack, tensors, n); }
/** Tensors one after the other along the first dim, a vector as a row: torch.vstack. [scope] */
TN_API tn_tensor *tn_vstack(tn_tensor *const *tensors, size_t n) { return run_stack(&tni_op_vstack, tensors, n); }
/** Tensors one after the other along the third dim: torch.dstack. [scope] */
TN_API tn_tensor *tn_dstack(tn_tensor *const *tensors, size_t n) { return run_stack(&tni_op_dstack, tensors, n); }
