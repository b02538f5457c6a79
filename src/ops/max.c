/* ops/max.c - the largest element: over all, over one dim with its place, and the place alone. */
#include "base/memory.h"
#include "base/pool.h"
#include "core/op.h"
#include "cpu/row.h"
#include <math.h>
#include <string.h>
#include <tison/ops.h>

enum { GRAIN = 32768, ELEMENTS = 8192 };

/* ---- the largest of one line: the first of equals; the first NaN ---- */

typedef int64_t first_largest(const void *x, int64_t n, int64_t stride);

#define WHOLE_LINE(name, T)                                                                                                        \
    static int64_t name(const void *data, int64_t n, int64_t stride) {                                                             \
        const T *x = data;                                                                                                         \
        T best = x[0];                                                                                                             \
        int64_t at = 0;                                                                                                            \
        for (int64_t i = 1; i < n; i++)                                                                                            \
            if (x[i * stride] > best) best = x[i * stride], at = i;                                                                \
        return at;                                                                                                                 \
    }
/* A contiguous line is gone through by vector code first, which finds the value but not its place. */
#define FLOAT_LINE(name, T, row_max)                                                                                               \
    static int64_t name(const void *data, int64_t n, int64_t stride) {                                                             \
        const T *x = data;                                                                                                         \
        T best = x[0];                                                                                                             \
        int64_t at = 0;                                                                                                            \
        if (stride == 1) {                                                                                                         \
            row_max(&best, x, 1, n);                                                                                               \
            while (best == best ? x[at] != best : x[at] == x[at]) at++;                                                            \
            return at;                                                                                                             \
        }                                                                                                                          \
        for (int64_t i = 1; i < n && best == best; i++)                                                                            \
            if (!(x[i * stride] <= best)) best = x[i * stride], at = i;                                                            \
        return at;                                                                                                                 \
    }
WHOLE_LINE(line_u8, uint8_t)
WHOLE_LINE(line_i32, int32_t)
WHOLE_LINE(line_i64, int64_t)
FLOAT_LINE(line_f32, float, tni_row_max_f32)
FLOAT_LINE(line_f64, double, tni_row_max_f64)

static first_largest *line_of(tn_dtype dtype) {
    switch (dtype) {
    case TN_INT32: return line_i32;
    case TN_INT64: return line_i64;
    case TN_FLOAT32: return line_f32;
    case TN_FLOAT64: return line_f64;
    default: return line_u8;
    }
}

/* ---- lines: a dim of n elements seen as (outer, n, inner) ---- */

typedef struct lines {
    first_largest *line;
    const char *x;
    char *values; /* or NULL */
    int64_t *indices;
    int64_t outer, n, inner, item;
} lines;

/* Sizes around dim; the array is row-major. */
static void split_at(const int64_t *sizes, size_t ndim, int64_t dim, int64_t *outer, int64_t *n, int64_t *inner) {
    *outer = *inner = 1;
    *n = ndim ? sizes[dim] : 1;
    for (int64_t d = 0; d < dim; d++) *outer *= sizes[d];
    for (size_t d = (size_t)dim + 1; d < ndim; d++) *inner *= sizes[d];
}

static void run_lines(int64_t begin, int64_t end, void *context) {
    const lines *l = context;
    for (int64_t i = begin; i < end; i++) {
        const char *x = l->x + (i / l->inner * l->n * l->inner + i % l->inner) * l->item;
        int64_t at = l->line(x, l->n, l->inner);
        if (l->values) memcpy(l->values + i * l->item, x + at * l->inner * l->item, (size_t)l->item);
        l->indices[i] = at;
    }
}

static void find_largest(lines *l, const tni_array *x, int64_t dim) {
    split_at(x->sizes, x->ndim, dim, &l->outer, &l->n, &l->inner);
    l->line = line_of((tn_dtype)x->dtype);
    l->x = x->data;
    l->item = (int64_t)tni_array_item(x);
    tni_parallel(l->outer * l->inner, GRAIN / TNI_MAX(l->n, 1) + 1, run_lines, l);
}

/* x's shape without dim, or with 1 there. */
static size_t reduced_shape(const tni_array *x, int64_t dim, bool keepdim, int64_t *sizes) {
    size_t n = 0;
    for (int64_t d = 0; d < x->ndim; d++) {
        if (d != dim)
            sizes[n++] = x->sizes[d];
        else if (keepdim)
            sizes[n++] = 1;
    }
    return n;
}

static bool check_dim(tni_call *c, const char *who, int64_t *dim) {
    const tni_array *x = &c->in[0]->a;
    TNI_TRY(tni_wrap_dim(c->op->name, dim, x->ndim));
    if (x->ndim && x->sizes[*dim] == 0)
        return tni_fail(TN_ERR_INDEX, "%s(): Expected reduction dim %lld to have non-zero size.", who, (long long)*dim);
    return true;
}

/* ---- max over all ---- */

/* The largest of each block, then of those. */
typedef struct blocks {
    const tni_array *x;
    first_largest *line;
    int64_t *place; /* of the largest of each block */
} blocks;

static void run_blocks(int64_t begin, int64_t end, void *context) {
    const blocks *b = context;
    size_t item = tni_array_item(b->x);
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * ELEMENTS;
        b->place[i] = first + b->line((const char *)b->x->data + (size_t)first * item, TNI_MIN(ELEMENTS, b->x->numel - first), 1);
    }
}

/* The place of the first largest of a row-major array; -1 with an error. */
static int64_t place_of_largest(const tni_array *x) {
    first_largest *line = line_of((tn_dtype)x->dtype);
    if (x->numel <= ELEMENTS) return line(x->data, x->numel, 1);
    size_t count = (size_t)((x->numel + ELEMENTS - 1) / ELEMENTS), item = tni_array_item(x),
           bytes = count * (item + sizeof(int64_t));
    int64_t *place = tni_alloc(bytes);
    if (!place) return -1;
    blocks b = {x, line, place};
    tni_parallel((int64_t)count, GRAIN / ELEMENTS, run_blocks, &b);
    char *best = (char *)(place + count);
    for (size_t i = 0; i < count; i++) memcpy(best + i * item, (const char *)x->data + (size_t)place[i] * item, item);
    int64_t at = place[line(best, (int64_t)count, 1)];
    tni_free(place, bytes);
    return at;
}

static bool max_run(tni_call *c) {
    if (c->in[0]->a.numel == 0)
        return tni_fail(TN_ERR_RUNTIME, "max(): Expected reduction dim to be specified for input.numel() == 0. "
                                        "Specify the reduction dim with the 'dim' argument.");
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    const tni_array *x = tni_in_as(c, 0, dtype);
    int64_t at = x ? place_of_largest(x) : -1;
    if (at < 0 || !tni_out(c, 0, dtype, NULL, 0)) return false;
    size_t item = tni_array_item(x);
    memcpy(c->out[0]->a.data, (const char *)x->data + (size_t)at * item, item);
    return true;
}

/* Equal maxima share the gradient evenly. */
static bool max_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *y = tni_saved(g, TNI_OUT(0));
    if (!x || !y) return false;
    tn_tensor *mask = isnan(tni_array_double_at(&y->a, 0)) ? tn_ne(x, x) : tn_eq(x, y);
    tn_tensor *share = mask ? tn_div(g->dy[0], tn_sum(mask)) : NULL;
    TNI_DX(g, 0, share ? (tn_where)(mask, share, tn_number_double(0)) : NULL);
    return true;
}

TN_OP(max, .schema = "max(Tensor self) -> Tensor", .grad_name = "MaxBackward1", .run = max_run, .widen = true, .vjp = max_vjp,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3]^T", "f32[]", "i64[5]", "bool[4]", "u8[3]<10", "f32[0] !runtime"));

/** The largest element; NaN if there is one: torch.max(x). Its gradient is shared evenly among equal maxima.
 *  returns  0-d, x's dtype [scope]; TN_ERR_RUNTIME for an empty x
 */
TN_API tn_tensor *(tn_max)(tn_tensor *x) { return tni_run_op(&tni_op_max, TNI_INS(x), TNI_NO_ARGS); }

/* ---- max over one dim, and the pair of operators that its derivatives need ---- */

static bool max_dim_run(tni_call *c) {
    int64_t *dim = &c->arg[0].i, sizes[TNI_MAX_DIMS];
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(check_dim(c, "max", dim));
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    const tni_array *x = tni_in_as(c, 0, dtype);
    if (!x) return false;
    size_t ndim = reduced_shape(x, *dim, c->arg[1].b, sizes);
    TNI_TRY(tni_out(c, 0, dtype, sizes, ndim));
    TNI_TRY(tni_out(c, 1, TN_INT64, sizes, ndim));
    lines l = {.values = c->out[0]->a.data, .indices = c->out[1]->a.data};
    find_largest(&l, x, *dim);
    return true;
}

/* Moves elements between the lines of `whole` (row-major, with dim) and `picked`, one for each line. */
static void move_picked(const tni_array *whole, const tni_array *picked, const int64_t *indices, int64_t dim, bool scatter) {
    int64_t outer, n, inner;
    size_t item = tni_array_item(whole);
    split_at(whole->sizes, whole->ndim, dim, &outer, &n, &inner);
    for (int64_t i = 0; i < outer * inner; i++) {
        char *w = (char *)whole->data + (size_t)((i / inner * n + indices[i]) * inner + i % inner) * item;
        char *p = (char *)picked->data + (size_t)i * item;
        memcpy(scatter ? w : p, scatter ? p : w, item);
    }
}

/* One index for each line, all inside it. */
static bool check_indices(const tni_call *c, const tni_array *indices, int64_t lines_count, int64_t n) {
    const int64_t *v = indices->data;
    TNI_REQUIRE(c, indices->numel == lines_count, TN_ERR_SHAPE, "the indices have %lld elements, expected %lld",
                (long long)indices->numel, (long long)lines_count);
    for (int64_t i = 0; i < indices->numel; i++)
        TNI_REQUIRE(c, v[i] >= 0 && v[i] < n, TN_ERR_INDEX, "index %lld is out of bounds for dimension with size %lld",
                    (long long)v[i], (long long)n);
    return true;
}

static tn_tensor *pick_along(tn_tensor *x, tn_tensor *indices, int64_t dim, bool keepdim);
static tn_tensor *put_along(tn_tensor *dy, tn_tensor *indices, const int64_t *sizes, size_t ndim, int64_t dim);

static bool put_along_run(tni_call *c) {
    const int64_t *sizes = c->arg[0].ints.v;
    size_t ndim = c->arg[0].ints.n;
    int64_t dim = c->arg[1].i, outer, n, inner;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_wrap_dim(c->op->name, &dim, ndim));
    split_at(sizes, ndim, dim, &outer, &n, &inner);
    const tni_array *dy = tni_in_as(c, 0, dtype), *indices = dy ? tni_in_as(c, 1, TN_INT64) : NULL;
    if (!indices) return false;
    TNI_TRY(check_indices(c, indices, outer * inner, n));
    TNI_REQUIRE(c, dy->numel == indices->numel, TN_ERR_SHAPE, "values and indices differ in size");
    c->out[0] = tni_tensor_zeros(c->t, c->op->name, dtype, sizes, ndim);
    if (!c->out[0]) return false;
    move_picked(&c->out[0]->a, dy, indices->data, dim, true);
    return true;
}

static bool put_along_vjp(tni_vjp *g) {
    size_t ndim, full = g->arg[0].ints.n;
    tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, pick_along(g->dy[0], tni_saved(g, TNI_IN(1)), g->arg[1].i, ndim == full));
    return true;
}

TN_OP(put_along, .schema = "value_selecting_reduction_backward(Tensor grad, Tensor indices, int[] sizes, int dim) -> Tensor",
      .grad_name = "ScatterBackward0", .run = put_along_run, .hidden = true, .widen = true, .vjp = put_along_vjp, .save = TNI_IN(1),
      .ints = 1, .samples = TN_SAMPLES("f32[3] i64[3]<4 (3,4) 1", "f64[2,1,2] i64[2,1,2]<3 (2,3,2) 1", "f32[] i64[]<1 () 0"));

static tn_tensor *put_along(tn_tensor *dy, tn_tensor *indices, const int64_t *sizes, size_t ndim, int64_t dim) {
    if (!indices) return NULL;
    return tni_run_op(&tni_op_put_along, TNI_INS(dy, indices), TNI_ARGS({.ints = {sizes, ndim}}, {.i = dim}));
}

static bool pick_along_run(tni_call *c) {
    int64_t *dim = &c->arg[0].i, sizes[TNI_MAX_DIMS], outer, n, inner;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_wrap_dim(c->op->name, dim, c->in[0]->a.ndim));
    const tni_array *x = tni_in_as(c, 0, dtype), *indices = x ? tni_in_as(c, 1, TN_INT64) : NULL;
    if (!indices) return false;
    split_at(x->sizes, x->ndim, *dim, &outer, &n, &inner);
    TNI_TRY(check_indices(c, indices, outer * inner, n));
    size_t ndim = reduced_shape(x, *dim, c->arg[1].b, sizes);
    TNI_TRY(tni_out(c, 0, dtype, sizes, ndim));
    move_picked(x, &c->out[0]->a, indices->data, *dim, false);
    return true;
}

static bool pick_along_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, put_along(g->dy[0], tni_saved(g, TNI_IN(1)), sizes, ndim, g->arg[0].i));
    return true;
}

TN_OP(pick_along, .schema = "pick_along(Tensor self, Tensor indices, int dim, bool keepdim) -> Tensor",
      .grad_name = "GatherBackward0", .run = pick_along_run, .hidden = true, .vjp = pick_along_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] i64[3]<4 1 False", "f64[2,3,2] i64[2,1,2]<3 1 True"));

static tn_tensor *pick_along(tn_tensor *x, tn_tensor *indices, int64_t dim, bool keepdim) {
    if (!indices) return NULL;
    return tni_run_op(&tni_op_pick_along, TNI_INS(x, indices), TNI_ARGS({.i = dim}, {.b = keepdim}));
}

static bool max_dim_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, put_along(g->dy[0], tni_saved(g, TNI_OUT(1)), sizes, ndim, g->arg[0].i));
    return true;
}

TN_OP(max_dim, .schema = "max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      .grad_name = "MaxBackward0", .run = max_dim_run, .widen = true, .vjp = max_dim_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,4] 1 @bench", "f64[2,3,4] 1 True", "f32[3,4]^T 0", "i32[3,4]<10 0", "f32[] 0", "bool[3] 0",
                            "f32[0,3] 1", "f32[0,3] 0 !index", "f32[2,3] 2 !index"));

/** The largest of each line along dim and its place, the first of equals; NaN wins: torch.max(x, dim).
 *  values, indices  receive tensors [scope], x's dtype and int64; NULL: not wanted. NULL is stored on failure
 *  returns          false with TN_ERR_INDEX when dim is out of range or has no elements
 */
TN_API bool(tn_max_dim)(tn_tensor *x, int64_t dim, bool keepdim, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_max_dim, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = keepdim}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

/* ---- argmax ---- */

/* Over all elements: the place in row-major order. */
static bool argmax_all(tni_call *c, const tni_array *x, bool keepdim) {
    int64_t sizes[TNI_MAX_DIMS], at;
    if (x->numel == 0)
        return tni_fail(TN_ERR_INDEX, "argmax(): Expected reduction dim to be specified for input.numel() == 0. "
                                      "Specify the reduction dim with the 'dim' argument.");
    for (int d = 0; d < x->ndim; d++) sizes[d] = 1;
    if ((at = place_of_largest(x)) < 0 || !tni_out(c, 0, TN_INT64, sizes, keepdim ? x->ndim : 0)) return false;
    *(int64_t *)c->out[0]->a.data = at;
    return true;
}

static bool argmax_run(tni_call *c) {
    int64_t *dim = &c->arg[0].i, sizes[TNI_MAX_DIMS];
    bool keepdim = c->arg[1].b;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    if (*dim != TN_NONE) TNI_TRY(check_dim(c, "argmax", dim));
    const tni_array *x = tni_in_as(c, 0, dtype);
    if (!x) return false;
    if (*dim == TN_NONE) return argmax_all(c, x, keepdim);
    size_t ndim = reduced_shape(x, *dim, keepdim, sizes);
    TNI_TRY(tni_out(c, 0, TN_INT64, sizes, ndim));
    lines l = {.indices = c->out[0]->a.data};
    find_largest(&l, x, *dim);
    return true;
}

TN_OP(argmax, .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", .run = argmax_run, .widen = true,
      .samples = TN_SAMPLES("f32[3,4]", "f32[3,4] 1 @bench", "f64[2,3,4] 0 True", "f32[3,4]^T 1", "i64[7]<10 0", "f32[]",
                            "f32[0] 0 !index", "f32[2] 1 !index"));

#ifdef TN_HEADER
/* Keywords of tn_argmax. */
typedef struct tn_argmax_opts {
    size_t size;
    int64_t dim;  /* TN_NONE: the place in row-major order among all elements */
    bool keepdim; /* false */
} tn_argmax_opts;
#ifndef __cplusplus
#define tn_argmax(...)                                                                                                             \
    TN_WITH(tn_argmax_opts, (.dim = TN_NONE), (tn_argmax)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The place of the largest element, the first of equals; NaN wins: torch.argmax. No gradient.
 *  returns  int64 [scope]; TN_ERR_INDEX when dim is out of range or there is nothing to choose from
 */
TN_API tn_tensor *(tn_argmax)(tn_tensor *x, const tn_argmax_opts *opts) {
    return tni_run_op(&tni_op_argmax, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}, {.b = TNI_OPT(opts, keepdim, false)}));
}
