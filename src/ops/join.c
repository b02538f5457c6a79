/* ops/join.c - joining tensors: cat, stack. */
#include "base/error.h"
#include "base/memory.h"
#include "core/node.h"
#include "core/op.h"
#include <string.h>
#include <tison/ops.h>

/* Copies x into y's elements that begin `at` along a dim; extra: y has a dim more, of which one place is filled. */
static bool write_part(const tni_call *c, const tni_array *x, int64_t dim, int64_t at, bool extra) {
    const tni_array *y = &c->out[0]->a;
    int64_t strides[TNI_MAX_DIMS];
    for (int i = 0, from = 0; i < y->ndim; i++)
        if (!extra || i != dim) strides[from++] = y->strides[i];
    tni_array to = {0};
    if (x->numel == 0) return true;
    TNI_TRY(tni_array_view(&to, c->op->name, y->storage, (tn_dtype)y->dtype, x->sizes, strides, x->ndim, at * y->strides[dim]));
    bool right = tni_copy_array(&to, x);
    tni_array_clear(&to);
    return right;
}

/* ---- cat ---- */

/* torch passes over 1-d tensors without elements, whatever the shape of the others. */
static bool skipped(const tni_array *x) { return x->ndim == 1 && x->sizes[0] == 0; }

static bool cat_fits(const tni_call *c, const tni_array *first, const tni_array *x, int64_t dim, size_t i) {
    TNI_REQUIRE(c, x->ndim == first->ndim, TN_ERR_SHAPE, "Tensors must have same number of dimensions: got %d and %d", first->ndim,
                x->ndim);
    for (int d = 0; d < x->ndim; d++)
        TNI_REQUIRE(c, d == dim || x->sizes[d] == first->sizes[d], TN_ERR_SHAPE,
                    "Sizes of tensors must match except in dimension %lld. Expected size %lld but got size %lld for tensor number "
                    "%zu in the list.",
                    (long long)dim, (long long)first->sizes[d], (long long)x->sizes[d], i);
    return true;
}

static bool cat_shape(tni_call *c, int64_t *sizes, size_t *ndim) {
    const tni_array *first = NULL;
    TNI_REQUIRE(c, c->nin > 0, TN_ERR_VALUE, "expected a non-empty list of Tensors");
    for (size_t i = 0; i < c->nin; i++) {
        const tni_array *x = &c->in[i]->a;
        TNI_REQUIRE(c, x->ndim > 0, TN_ERR_RUNTIME, "zero-dimensional tensor (at position %zu) cannot be concatenated", i);
        if (!first && !skipped(x)) first = x;
    }
    if (!first) first = &c->in[0]->a;
    TNI_TRY(tni_wrap_dim("cat", &c->arg[0].i, first->ndim));
    int64_t dim = c->arg[0].i, total = 0;
    for (size_t i = 0; i < c->nin; i++) {
        const tni_array *x = &c->in[i]->a;
        if (skipped(x)) continue;
        TNI_TRY(cat_fits(c, first, x, dim, i));
        TNI_REQUIRE(c, TNI_ADD(total, x->sizes[dim], &total), TN_ERR_SHAPE, "the size of the result overflows");
    }
    memcpy(sizes, first->sizes, first->ndim * sizeof *sizes);
    sizes[dim] = total;
    *ndim = first->ndim;
    return true;
}

static bool cat_run(tni_call *c) {
    int64_t sizes[TNI_MAX_DIMS], at = 0;
    size_t ndim = 0;
    TNI_TRY(cat_shape(c, sizes, &ndim));
    TNI_TRY(tni_out(c, 0, tni_result_type(c->in, c->nin), sizes, ndim));
    for (size_t i = 0; i < c->nin; i++) {
        const tni_array *x = &c->in[i]->a;
        if (skipped(x)) continue;
        TNI_TRY(write_part(c, x, c->arg[0].i, at, false));
        at += x->sizes[c->arg[0].i];
    }
    return true;
}

/* The second argument, which only tn_cat gives, holds the sizes along the dim, also of the inputs without gradient. */
static bool cat_vjp(tni_vjp *g) {
    int64_t at = 0, dim = g->arg[0].i;
    for (size_t i = 0; i < tni_input_count(g); i++) {
        int64_t size = 0;
        if (g->node->args > 1)
            size = g->arg[1].ints.v[i];
        else if (!tni_needs(g, i))
            return tni_fail(TN_ERR_AUTOGRAD, "cat: the size of input %zu is not known", i);
        if (tni_needs(g, i)) {
            size_t ndim;
            const int64_t *sizes = tni_input_sizes(g, i, &ndim);
            bool empty = ndim == 1 && sizes[0] == 0;
            if (!empty) size = sizes[dim];
            TNI_DX(g, i, empty ? tni_zeros_like_input(g, i) : tn_narrow(g->dy[0], dim, at, size));
        }
        at += size;
    }
    return true;
}

static tn_tensor *cat_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(cat, .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor", .grad_name = "CatBackward0", .run = cat_run, .front = cat_front,
      .vjp = cat_vjp, .ints = 2,
      .samples = TN_SAMPLES("(f32[2,3] f32[1,3])", "(f32[2,3] f32[2,1] f32[2,2]) 1", "(f32[2] i64[3])", "(f32[0] f32[2,2]) -1",
                            "(f32[3,2]^T f32[1,2])", "(i64[2] i64[1])", "(f32[2,3] f32[2,2]) !shape", "(f32[2] f32[]) !runtime",
                            "(f32[2] f32[2]) 1 !index"));

#ifdef TN_HEADER
/* Keywords of tn_cat and tn_stack. */
typedef struct tn_cat_opts {
    size_t size;
    int64_t dim; /* 0 */
} tn_cat_opts;
#ifndef __cplusplus
/* tn_cat(TN_TENSORS(a, b), .dim = 1), or with an array and its length: tn_cat(list, n, .dim = 1). */
#define tn_cat(...) tn_cat_list(tn_cat, __VA_ARGS__, )
#define tn_stack(...) tn_cat_list(tn_stack, __VA_ARGS__, )
#define tn_cat_list(function, list, n, ...) TN_WITH(tn_cat_opts, (.dim = 0), (function)(list, n, &tn_o), __VA_ARGS__)
#endif
#endif

/* The inputs as the call path takes them; it does not write into them. */
static tn_tensor **inputs(tn_tensor *const *tensors) { return (tn_tensor **)(uintptr_t)tensors; }

static bool any_tensors(const char *who, tn_tensor *const *tensors, size_t n) {
    if (tni_failed()) return false;
    TNI_CHECK(n > 0, TN_ERR_VALUE, "%s: expected a non-empty list of Tensors", who);
    TNI_CHECK(tensors, TN_ERR_TYPE, "%s: argument 'tensors' is NULL", who);
    for (size_t i = 0; i < n; i++) TNI_TRY(tni_check_handle(who, "tensors", tensors[i], TNI_TENSOR));
    return true;
}

/** One tensor after the other along a dim: torch.cat. The dtype is the promoted one; the other sizes must agree (TN_ERR_SHAPE); 1-d
 *  tensors without elements are passed over. [scope] */
TN_API tn_tensor *(tn_cat)(tn_tensor *const *tensors, size_t n, const tn_cat_opts *opts) {
    if (!any_tensors("cat", tensors, n)) return NULL;
    int64_t dim = TNI_OPT(opts, dim, 0), few[8], *lengths = n <= TNI_COUNT(few) ? few : tni_alloc(n * sizeof(int64_t));
    if (!lengths) return NULL;
    for (size_t i = 0; i < n; i++) {
        const tni_array *x = &tensors[i]->a;
        int64_t d = dim < 0 ? dim + x->ndim : dim;
        lengths[i] = !skipped(x) && d >= 0 && d < x->ndim ? x->sizes[d] : 0; /* a bad dim is refused by the operator */
    }
    tn_tensor *y = tni_run_op(&tni_op_cat, inputs(tensors), n, TNI_ARGS({.i = dim}, {.ints = {lengths, n}}));
    if (lengths != few) tni_free(lengths, n * sizeof(int64_t));
    return y;
}

/* ---- stack ---- */

static bool stack_run(tni_call *c) {
    const tni_array *first = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS + 1];
    for (size_t i = 1; i < c->nin; i++)
        TNI_REQUIRE(c, tni_same_shape(first, &c->in[i]->a), TN_ERR_SHAPE,
                    "stack expects each tensor to be equal size, but got %s at entry 0 and %s at entry %zu", TNI_SHAPE(first),
                    TNI_SHAPE(&c->in[i]->a), i);
    TNI_TRY(tni_wrap_dim("stack", &c->arg[0].i, first->ndim + 1u));
    int64_t dim = c->arg[0].i;
    for (int i = 0, from = 0; i <= first->ndim; i++) sizes[i] = i == dim ? (int64_t)c->nin : first->sizes[from++];
    TNI_TRY(tni_out(c, 0, tni_result_type(c->in, c->nin), sizes, first->ndim + 1u));
    for (size_t i = 0; i < c->nin; i++) TNI_TRY(write_part(c, &c->in[i]->a, dim, (int64_t)i, true));
    return true;
}
static bool stack_vjp(tni_vjp *g) {
    for (size_t i = 0; i < tni_input_count(g); i++) TNI_DX(g, i, tn_select(g->dy[0], g->arg[0].i, (int64_t)i));
    return true;
}
TN_OP(stack, .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor", .grad_name = "StackBackward0", .run = stack_run,
      .vjp = stack_vjp,
      .samples = TN_SAMPLES("(f32[2,3] f32[2,3])", "(f32[2,3] f32[2,3]) 1", "(f32[2] f64[2]) -1", "(f32[] f32[] f32[])",
                            "(f32[0,2] f32[0,2]) 2", "(f32[2] f32[3]) !shape", "(f32[2] f32[2]) 2 !index"));

/** Tensors of one shape along a new dim: torch.stack. [scope] */
TN_API tn_tensor *(tn_stack)(tn_tensor *const *tensors, size_t n, const tn_cat_opts *opts) {
    if (!any_tensors("stack", tensors, n)) return NULL;
    return tni_run_op(&tni_op_stack, inputs(tensors), n, TNI_ARGS({.i = TNI_OPT(opts, dim, 0)}));
}

static tn_tensor *cat_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    tn_cat_opts o = {.size = sizeof o, .dim = arg[0].i};
    return (tn_cat)(in, n, &o);
}
