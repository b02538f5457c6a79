/* ops/max.c - the largest and the smallest element: over all, over one dim with its place, the place alone, over several dims. */
#include "base/memory.h"
#include "base/pool.h"
#include "cpu/row.h"
#include "ops/reduce.h"
#include <math.h>
#include <string.h>
#include <tison/ops.h>

enum { GRAIN = 32768, ELEMENTS = 8192 };

/* ---- the largest or the smallest of one line: the first of equals; the first NaN ---- */

typedef int64_t first_best(const void *x, int64_t n, int64_t stride);

#define WHOLE_LINE(name, T, order)                                                                                                 \
    static int64_t name(const void *data, int64_t n, int64_t stride) {                                                             \
        const T *x = data;                                                                                                         \
        T best = x[0];                                                                                                             \
        int64_t at = 0;                                                                                                            \
        for (int64_t i = 1; i < n; i++)                                                                                            \
            if (x[i * stride] order best) best = x[i * stride], at = i;                                                            \
        return at;                                                                                                                 \
    }
#define FLOAT_LINE(name, T, order)                                                                                                 \
    static int64_t name(const void *data, int64_t n, int64_t stride) {                                                             \
        const T *x = data;                                                                                                         \
        T best = x[0];                                                                                                             \
        int64_t at = 0;                                                                                                            \
        for (int64_t i = 1; i < n && best == best; i++)                                                                            \
            if (!(best order x[i * stride]) && best != x[i * stride]) best = x[i * stride], at = i;                                \
        return at;                                                                                                                 \
    }
/* A contiguous line is gone through by vector code first, which finds the value but not its place. */
#define BEST_LINE(name, T, row_best, strided)                                                                                      \
    static int64_t name(const void *data, int64_t n, int64_t stride) {                                                             \
        const T *x = data;                                                                                                         \
        T best = x[0];                                                                                                             \
        int64_t at = 0;                                                                                                            \
        if (stride != 1) return strided(data, n, stride);                                                                          \
        row_best(&best, x, 1, n);                                                                                                  \
        while (best == best ? x[at] != best : x[at] == x[at]) at++;                                                                \
        return at;                                                                                                                 \
    }
WHOLE_LINE(max_u8, uint8_t, >)
WHOLE_LINE(max_i32, int32_t, >)
WHOLE_LINE(max_i64, int64_t, >)
FLOAT_LINE(max_strided_f32, float, >)
FLOAT_LINE(max_strided_f64, double, >)
BEST_LINE(max_f32, float, tni_row_max_f32, max_strided_f32)
BEST_LINE(max_f64, double, tni_row_max_f64, max_strided_f64)
WHOLE_LINE(min_u8, uint8_t, <)
WHOLE_LINE(min_i32, int32_t, <)
WHOLE_LINE(min_i64, int64_t, <)
FLOAT_LINE(min_strided_f32, float, <)
FLOAT_LINE(min_strided_f64, double, <)
BEST_LINE(min_f32, float, tni_row_min_f32, min_strided_f32)
BEST_LINE(min_f64, double, tni_row_min_f64, min_strided_f64)

static first_best *line_of(tn_dtype dtype, bool smallest) {
    switch (dtype) {
    case TN_INT32: return smallest ? min_i32 : max_i32;
    case TN_INT64: return smallest ? min_i64 : max_i64;
    case TN_FLOAT32: return smallest ? min_f32 : max_f32;
    case TN_FLOAT64: return smallest ? min_f64 : max_f64;
    default: return smallest ? min_u8 : max_u8;
    }
}

/* ---- lines: a dim of n elements seen as (outer, n, inner) ---- */

typedef struct lines {
    first_best *line;
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

static void find_best(lines *l, const tni_array *x, int64_t dim, bool smallest) {
    split_at(x->sizes, x->ndim, dim, &l->outer, &l->n, &l->inner);
    l->line = line_of((tn_dtype)x->dtype, smallest);
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
    first_best *line;
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

/* The place of the first largest (smallest) of a row-major array; -1 with an error. */
static int64_t place_of_best(const tni_array *x, bool smallest) {
    first_best *line = line_of((tn_dtype)x->dtype, smallest);
    if (x->device != TNI_CPU) return 0;
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

static bool run_over_all(tni_call *c, bool smallest) {
    if (c->in[0]->a.numel == 0)
        return tni_fail(TN_ERR_RUNTIME,
                        "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                        "Specify the reduction dim with the 'dim' argument.",
                        c->op->name);
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    const tni_array *x = tni_in_as(c, 0, dtype);
    int64_t at = x ? place_of_best(x, smallest) : -1;
    if (at < 0 || !tni_out(c, 0, dtype, NULL, 0)) return false;
    size_t item = tni_array_item(x);
    memcpy(c->out[0]->a.data, (const char *)x->data + (size_t)at * item, item);
    return true;
}

static bool max_run(tni_call *c) { return run_over_all(c, false); }
static bool min_run(tni_call *c) { return run_over_all(c, true); }

/* Equal extremes share the gradient evenly. */
static bool best_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *y = tni_saved(g, TNI_OUT(0));
    if (!x || !y) return false;
    bool nan = y->a.device == TNI_CPU && isnan(tni_array_double_at(&y->a, 0));
    tn_tensor *mask = nan ? tn_ne(x, x) : tn_eq(x, y);
    tn_tensor *share = mask ? tn_div(g->dy[0], tn_sum(mask)) : NULL;
    TNI_DX(g, 0, share ? (tn_where)(mask, share, tn_number_double(0)) : NULL);
    return true;
}

TN_OP(max, .schema = "max(Tensor self) -> Tensor", .grad_name = "MaxBackward1", .run = max_run, .widen = true, .vjp = best_vjp,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3]^T", "f32[]", "i64[5]", "bool[4]", "u8[3]<10", "f32[0] !runtime"));

/** The largest element; NaN if there is one: torch.max(x). Its gradient is shared evenly among equal maxima.
 *  returns  0-d, x's dtype [scope]; TN_ERR_RUNTIME for an empty x
 */
TN_API tn_tensor *(tn_max)(tn_tensor *x) { return tni_run_op(&tni_op_max, TNI_INS(x), TNI_NO_ARGS); }

TN_OP(min, .schema = "min(Tensor self) -> Tensor", .grad_name = "MinBackward1", .run = min_run, .widen = true, .vjp = best_vjp,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3]^T", "f32[]", "i64[5]", "bool[4]", "u8[3]<10", "f16[5]",
                            "f32[0] !runtime"));

/** The smallest element; NaN if there is one: torch.min(x). As tn_max. [scope] */
TN_API tn_tensor *(tn_min)(tn_tensor *x) { return tni_run_op(&tni_op_min, TNI_INS(x), TNI_NO_ARGS); }

/* torch.max(a, b) by its name. */
static bool max_other_run(tni_call *c) { return (c->out[0] = tn_maximum(c->in[0], c->in[1])) != NULL; }
static bool min_other_run(tni_call *c) { return (c->out[0] = tn_minimum(c->in[0], c->in[1])) != NULL; }
TN_OP(max_other, .schema = "max.other(Tensor self, Tensor other) -> Tensor", .run = max_other_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[4]", "i64[3] i64[3]"));
TN_OP(min_other, .schema = "min.other(Tensor self, Tensor other) -> Tensor", .run = min_other_run, .composite = true,
      .samples = TN_SAMPLES("f32[3,4] f32[4]", "i64[3] i64[3]"));

/* ---- over one dim, and the pair of operators that its derivatives need ---- */

static bool run_over_dim(tni_call *c, bool smallest) {
    int64_t *dim = &c->arg[0].i, sizes[TNI_MAX_DIMS];
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(check_dim(c, smallest ? "min" : "max", dim));
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    const tni_array *x = tni_in_as(c, 0, dtype);
    if (!x) return false;
    size_t ndim = reduced_shape(x, *dim, c->arg[1].b, sizes);
    TNI_TRY(tni_out(c, 0, dtype, sizes, ndim));
    TNI_TRY(tni_out(c, 1, TN_INT64, sizes, ndim));
    lines l = {.values = c->out[0]->a.data, .indices = c->out[1]->a.data};
    find_best(&l, x, *dim, smallest);
    return true;
}
static bool max_dim_run(tni_call *c) { return run_over_dim(c, false); }
static bool min_dim_run(tni_call *c) { return run_over_dim(c, true); }

/* Moves elements between the lines of `whole` (row-major, with dim) and `picked`, k for each line. */
static void move_picked(const tni_array *whole, const tni_array *picked, const int64_t *indices, int64_t dim, bool scatter) {
    int64_t outer, n, inner;
    size_t item = tni_array_item(whole);
    split_at(whole->sizes, whole->ndim, dim, &outer, &n, &inner);
    int64_t k = picked->numel / TNI_MAX(outer * inner, 1);
    for (int64_t i = 0; i < picked->numel; i++) {
        char *w = (char *)whole->data + (size_t)((i / inner / k * n + indices[i]) * inner + i % inner) * item;
        char *p = (char *)picked->data + (size_t)i * item;
        memcpy(scatter ? w : p, scatter ? p : w, item);
    }
}

/* One index for each line or several, all inside it. */
static bool check_indices(const tni_call *c, const tni_array *indices, int64_t lines_count, int64_t n) {
    const int64_t *v = indices->data;
    TNI_REQUIRE(c, lines_count > 0 ? indices->numel % lines_count == 0 : indices->numel == 0, TN_ERR_SHAPE,
                "the indices have %lld elements for %lld lines", (long long)indices->numel, (long long)lines_count);
    for (int64_t i = 0; i < indices->numel && indices->device == TNI_CPU; i++)
        TNI_REQUIRE(c, v[i] >= 0 && v[i] < n, TN_ERR_INDEX, "index %lld is out of bounds for dimension with size %lld",
                    (long long)v[i], (long long)n);
    return true;
}

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
    TNI_TRY(tni_out_zeros(c, 0, dtype, sizes, ndim));
    move_picked(&c->out[0]->a, dy, indices->data, dim, true);
    return true;
}

static bool put_along_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_pick_along(g->dy[0], tni_saved(g, TNI_IN(1)), g->arg[1].i));
    return true;
}

TN_OP(put_along, .schema = "value_selecting_reduction_backward(Tensor grad, Tensor indices, int[] sizes, int dim) -> Tensor",
      .grad_name = "ScatterBackward0", .run = put_along_run, .hidden = true, .widen = true, .vjp = put_along_vjp, .save = TNI_IN(1),
      .ints = 1, .samples = TN_SAMPLES("f32[3] i64[3]<4 (3,4) 1", "f64[2,1,2] i64[2,1,2]<3 (2,3,2) 1", "f32[] i64[]<1 () 0"));

tn_tensor *tni_put_along(tn_tensor *dy, tn_tensor *indices, const int64_t *sizes, size_t ndim, int64_t dim) {
    if (!indices) return NULL;
    return tni_run_op(&tni_op_put_along, TNI_INS(dy, indices), TNI_ARGS({.ints = {sizes, ndim}}, {.i = dim}));
}

static bool pick_along_run(tni_call *c) {
    int64_t *dim = &c->arg[0].i, outer, n, inner;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_wrap_dim(c->op->name, dim, c->in[0]->a.ndim));
    const tni_array *x = tni_in_as(c, 0, dtype), *indices = x ? tni_in_as(c, 1, TN_INT64) : NULL;
    if (!indices) return false;
    split_at(x->sizes, x->ndim, *dim, &outer, &n, &inner);
    TNI_TRY(check_indices(c, indices, outer * inner, n));
    TNI_TRY(tni_out(c, 0, dtype, indices->sizes, indices->ndim));
    move_picked(x, &c->out[0]->a, indices->data, *dim, false);
    return true;
}

static bool pick_along_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, tni_put_along(g->dy[0], tni_saved(g, TNI_IN(1)), sizes, ndim, g->arg[0].i));
    return true;
}

TN_OP(pick_along, .schema = "pick_along(Tensor self, Tensor indices, int dim) -> Tensor", .grad_name = "GatherBackward0",
      .run = pick_along_run, .hidden = true, .vjp = pick_along_vjp, .save = TNI_IN(1),
      .samples = TN_SAMPLES("f32[3,4] i64[3]<4 1", "f64[2,3,2] i64[2,1,2]<3 1"));

tn_tensor *tni_pick_along(tn_tensor *x, tn_tensor *indices, int64_t dim) {
    if (!indices) return NULL;
    return tni_run_op(&tni_op_pick_along, TNI_INS(x, indices), TNI_ARGS({.i = dim}));
}

static bool max_dim_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, tni_put_along(g->dy[0], tni_saved(g, TNI_OUT(1)), sizes, ndim, g->arg[0].i));
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

TN_OP(min_dim, .schema = "min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      .grad_name = "MinBackward0", .run = min_dim_run, .widen = true, .vjp = max_dim_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[3,4] 1 @bench", "f64[2,3,4] 1 True", "f32[3,4]^T 0", "i32[3,4]<10 0", "f32[] 0", "bool[3] 0",
                            "f32[0,3] 1", "f32[3]=nan 0 nograd", "f32[0,3] 0 !index", "f32[2,3] 2 !index"));

/** The smallest of each line along dim and its place, the first of equals; NaN wins: torch.min(x, dim). As tn_max_dim. */
TN_API bool tn_min_dim(tn_tensor *x, int64_t dim, bool keepdim, tn_tensor **values, tn_tensor **indices) {
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_min_dim, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = keepdim}), out, 2);
    if (values) *values = out[0];
    if (indices) *indices = out[1];
    return right;
}

/* ---- argmax, argmin ---- */

/* Over all elements: the place in row-major order. */
static bool place_over_all(tni_call *c, const tni_array *x, bool keepdim, bool smallest) {
    int64_t sizes[TNI_MAX_DIMS], at;
    if (x->numel == 0)
        return tni_fail(TN_ERR_INDEX,
                        "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                        "Specify the reduction dim with the 'dim' argument.",
                        c->op->name);
    for (int d = 0; d < x->ndim; d++) sizes[d] = 1;
    if ((at = place_of_best(x, smallest)) < 0 || !tni_out(c, 0, TN_INT64, sizes, keepdim ? x->ndim : 0)) return false;
    *(int64_t *)c->out[0]->a.data = at;
    return true;
}

static bool run_place(tni_call *c, bool smallest) {
    int64_t *dim = &c->arg[0].i, sizes[TNI_MAX_DIMS];
    bool keepdim = c->arg[1].b;
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    if (*dim != TN_NONE) TNI_TRY(check_dim(c, c->op->name, dim));
    const tni_array *x = tni_in_as(c, 0, dtype);
    if (!x) return false;
    if (*dim == TN_NONE) return place_over_all(c, x, keepdim, smallest);
    size_t ndim = reduced_shape(x, *dim, keepdim, sizes);
    TNI_TRY(tni_out(c, 0, TN_INT64, sizes, ndim));
    lines l = {.indices = c->out[0]->a.data};
    find_best(&l, x, *dim, smallest);
    return true;
}
static bool argmax_run(tni_call *c) { return run_place(c, false); }
static bool argmin_run(tni_call *c) { return run_place(c, true); }

TN_OP(argmax, .schema = "argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", .run = argmax_run, .widen = true,
      .samples = TN_SAMPLES("f32[3,4]", "f32[3,4] 1 @bench", "f64[2,3,4] 0 True", "f32[3,4]^T 1", "i64[7]<10 0", "f32[]",
                            "f32[0] 0 !index", "f32[2] 1 !index"));

TN_OP(argmin, .schema = "argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", .run = argmin_run, .widen = true,
      .samples = TN_SAMPLES("f32[3,4]", "f32[3,4] 1 @bench", "f64[2,3,4] 0 True", "f32[3,4]^T 1", "i64[7]<10 0", "f32[]",
                            "f32[3]=nan", "f32[0] 0 !index", "f32[2] 1 !index"));

#ifdef TN_HEADER
/* Keywords of tn_argmax and tn_argmin. */
typedef struct tn_argmax_opts {
    size_t size;
    int64_t dim;  /* TN_NONE: the place in row-major order among all elements */
    bool keepdim; /* false */
} tn_argmax_opts;
#ifndef __cplusplus
#define tn_argmax(...)                                                                                                             \
    TN_WITH(tn_argmax_opts, (.dim = TN_NONE), (tn_argmax)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_argmin(...)                                                                                                             \
    TN_WITH(tn_argmax_opts, (.dim = TN_NONE), (tn_argmin)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif
/** The place of the largest element, the first of equals; NaN wins: torch.argmax. No gradient.
 *  returns  int64 [scope]; TN_ERR_INDEX when dim is out of range or there is nothing to choose from
 */
TN_API tn_tensor *(tn_argmax)(tn_tensor *x, const tn_argmax_opts *opts) {
    return tni_run_op(&tni_op_argmax, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}, {.b = TNI_OPT(opts, keepdim, false)}));
}
/** The place of the smallest element, the first of equals; NaN wins: torch.argmin. As tn_argmax. [scope] */
TN_API tn_tensor *(tn_argmin)(tn_tensor *x, const tn_argmax_opts *opts) {
    return tni_run_op(&tni_op_argmin, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}, {.b = TNI_OPT(opts, keepdim, false)}));
}

/* ---- amax, amin: over several dims, the gradient shared among equals ---- */

typedef struct row_job {
    tni_rows rows;
    first_best *line;
    char *out;
    int64_t item;
} row_job;

/* Of floating point the values alone, without their places, are quicker had. */
static void run_float_rows(int64_t begin, int64_t end, void *context) {
    const row_job *j = context;
    int64_t n = j->rows.n, count = end - begin;
    void *y = j->out + begin * j->item;
    const void *x = (const char *)j->rows.data + begin * n * j->item;
    if (j->line == max_f32)
        tni_row_max_f32(y, x, count, n);
    else if (j->line == min_f32)
        tni_row_min_f32(y, x, count, n);
    else if (j->line == max_f64)
        tni_row_max_f64(y, x, count, n);
    else
        tni_row_min_f64(y, x, count, n);
}

static void run_some_rows(int64_t begin, int64_t end, void *context) {
    const row_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const char *x = (const char *)j->rows.data + i * j->rows.n * j->item;
        memcpy(j->out + i * j->item, x + j->line(x, j->rows.n, 1) * j->item, (size_t)j->item);
    }
}

/* Arguments: dims, keepdim. */
static bool run_over_dims(tni_call *c, bool smallest) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    row_job j = {.line = line_of(dtype, smallest), .item = (int64_t)tni_dtype_size(dtype)};
    TNI_REQUIRE(c, !tni_dtype_is_complex(dtype), TN_ERR_NOT_IMPLEMENTED, "not implemented for '%s'", tni_dtype_get(dtype)->legacy);
    TNI_TRY(tni_rows_of(c, dtype, &c->arg[0], &j.rows));
    for (int d = 0; d < c->in[0]->a.ndim; d++)
        if ((j.rows.mask >> d & 1) && c->in[0]->a.sizes[d] == 0)
            return tni_fail(TN_ERR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.", c->op->name, d);
    TNI_TRY(tni_rows_result(c, 0, &j.rows, c->arg[1].b, dtype));
    j.out = c->out[0]->a.data;
    tni_parallel(j.rows.rows, GRAIN / TNI_MAX(j.rows.n, 1) + 1, tni_dtype_is_wide(dtype) ? run_float_rows : run_some_rows, &j);
    return true;
}
static bool amax_run(tni_call *c) { return run_over_dims(c, false); }
static bool amin_run(tni_call *c) { return run_over_dims(c, true); }

static bool over_dims_vjp(tni_vjp *g) {
    size_t ndim;
    tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    tn_sum_opts opts = {
        .size = sizeof opts, .dim = TN_NONE, .keepdim = true, .dtype = TN_DTYPE_NONE, .dims = {g->arg[0].ints.n, g->arg[0].ints.v}};
    tn_tensor *y = tni_dims_back(g, tni_saved(g, TNI_OUT(0)), mask, g->arg[1].b),
              *dy = tni_dims_back(g, g->dy[0], mask, g->arg[1].b);
    tn_tensor *same = y && dy ? tn_eq(tni_saved(g, TNI_IN(0)), y) : NULL, *count = same ? (tn_sum)(same, &opts) : NULL;
    TNI_DX(g, 0, count ? tn_mul(tn_div(dy, count), same) : NULL);
    return true;
}

#define AMAX_SAMPLES                                                                                                               \
    TN_SAMPLES("f32[3,4] (1,) @bench", "f64[2,3,4] (0,2) True", "f32[3,4]^T (0,)", "i64[3,4] (1,)", "bool[3,4] (0,)", "f32[3,4]",  \
               "f32[] (0,)", "bf16[4] (0,)", "f32[3]=nan (0,) nograd", "f64[3]=1 (0,) nograd", "f32[0,3] (1,)",                    \
               "f32[0,3] (0,) !index", "f32[2] (1,) !index")
TN_OP(amax, .schema = "amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", .grad_name = "AmaxBackward0",
      .run = amax_run, .widen = true, .vjp = over_dims_vjp, .save = TNI_IN(0) | TNI_OUT(0), .ints = 1, .samples = AMAX_SAMPLES);
TN_OP(amin, .schema = "amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", .grad_name = "AminBackward0",
      .run = amin_run, .widen = true, .vjp = over_dims_vjp, .save = TNI_IN(0) | TNI_OUT(0), .ints = 1, .samples = AMAX_SAMPLES);

#ifdef TN_HEADER
/* Keywords of tn_amax and tn_amin. */
typedef struct tn_amax_opts {
    size_t size;
    int64_t dim;  /* TN_NONE: all dims, or those of `dims` */
    bool keepdim; /* false */
    tn_ints dims; /* several: .dims = TN_INTS(0, 2) */
} tn_amax_opts;
#ifndef __cplusplus
#define TN_AMAX_(function, ...)                                                                                                    \
    TN_WITH(tn_amax_opts, (.dim = TN_NONE), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_amax(...) TN_AMAX_(tn_amax, __VA_ARGS__)
#define tn_amin(...) TN_AMAX_(tn_amin, __VA_ARGS__)
#endif
#endif

static tn_tensor *over_dims(const tni_op *op, tn_tensor *x, const tn_amax_opts *opts) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    if (dims.n == 0 && dim != TN_NONE) dims = (tn_ints){1, &dim};
    return tni_run_op(op, TNI_INS(x), TNI_ARGS({.ints = {dims.v, dims.n}}, {.b = TNI_OPT(opts, keepdim, false)}));
}
/** The largest over all elements, a dim, or several: torch.amax. NaN wins; equal ones share the gradient.
 *  returns  x's dtype [scope]; TN_ERR_INDEX when there is nothing to choose from */
TN_API tn_tensor *(tn_amax)(tn_tensor *x, const tn_amax_opts *opts) { return over_dims(&tni_op_amax, x, opts); }
/** The smallest over all elements, a dim, or several: torch.amin. As tn_amax. [scope] */
TN_API tn_tensor *(tn_amin)(tn_tensor *x, const tn_amax_opts *opts) { return over_dims(&tni_op_amin, x, opts); }
