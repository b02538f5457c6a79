/* ops/repeat.c - repeated and moved elements: repeat, tile, repeat_interleave, roll, flip. */
#include "base/error.h"
#include "base/pool.h"
#include "core/map.h"
#include <string.h>
#include <tison/ops.h>

/* ---- repeat, tile ---- */

/* x seen with a dim of 1 before each of its own is expanded there, then copied into one block. */
static tn_tensor *repeat(tni_call *c, tn_tensor *x, const int64_t *times, size_t n) {
    int64_t twice[TNI_MAX_DIMS], wide[TNI_MAX_DIMS], sizes[TNI_MAX_DIMS];
    size_t lead = n - x->a.ndim, k = 0;
    if (n + x->a.ndim > TNI_MAX_DIMS) {
        tni_call_fail(c, TN_ERR_SHAPE, "%zu dimensions are too many", n);
        return NULL;
    }
    for (size_t d = 0; d < n; d++) {
        int64_t own = d < lead ? 1 : x->a.sizes[d - lead];
        if (times[d] < 0 || __builtin_mul_overflow(own, times[d], &sizes[d])) {
            tni_call_fail(c, TN_ERR_SHAPE, "Trying to create tensor with negative dimension %lld", (long long)(own * times[d]));
            return NULL;
        }
        twice[k] = 1, wide[k++] = times[d];
        if (d >= lead) twice[k] = own, wide[k++] = own;
    }
    tn_tensor *y = (tn_expand)((tn_reshape)(x, twice, k), wide, k);
    return (tn_reshape)(y ? tn_clone(tn_contiguous(y)) : NULL, sizes, n);
}

static bool repeat_run(tni_call *c) {
    tn_tensor *x = c->in[0];
    TNI_REQUIRE(c, c->arg[0].ints.n >= x->a.ndim, TN_ERR_SHAPE,
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
    return (c->out[0] = repeat(c, x, c->arg[0].ints.v, c->arg[0].ints.n)) != NULL;
}

TN_OP(repeat, .schema = "repeat(Tensor self, SymInt[] repeats) -> Tensor", .run = repeat_run, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[2,3] (2,3)", "f64[3] (2,1,2)", "f32[2,3]^T (1,2)", "f32[] (2,2)", "f32[] ()", "f32[2,3] (0,2)",
                            "i64[3] (2)", "bool[2] (3)", "f16[2] (2)", "f32[2,3] (2) !shape", "f32[2] (-1) !shape"));

static bool tile_run(tni_call *c) {
    int64_t times[TNI_MAX_DIMS];
    size_t n = c->arg[0].ints.n, ndim = TNI_MAX(n, c->in[0]->a.ndim);
    TNI_REQUIRE(c, ndim <= TNI_MAX_DIMS, TN_ERR_SHAPE, "%zu dimensions are too many", ndim);
    for (size_t d = 0; d < ndim; d++) times[d] = d < ndim - n ? 1 : c->arg[0].ints.v[d - (ndim - n)];
    return (c->out[0] = repeat(c, c->in[0], times, ndim)) != NULL;
}

TN_OP(tile, .schema = "tile(Tensor self, SymInt[] dims) -> Tensor", .run = tile_run, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[2,3] (2)", "f64[3] (2,1,2)", "f32[2,3]^T (2,2)", "f32[] (2)", "i64[3] ()", "f32[2] (-1) !shape"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_repeat(x, times) (tn_repeat)(x, TN_DIMS(times))
#define tn_tile(x, times) (tn_tile)(x, TN_DIMS(times))
#endif
#endif

/** x several times along each dim, with dims added in front: x.repeat. A copy.
 *  repeats  at least one number for each dim of x (TN_ERR_SHAPE), not negative
 *  returns  [scope]
 */
TN_API tn_tensor *(tn_repeat)(tn_tensor *x, const int64_t *repeats, size_t n) {
    return tni_run_op(&tni_op_repeat, TNI_INS(x), TNI_ARGS({.ints = {repeats, n}}));
}
/** tn_repeat with ones in front of the numbers where there are fewer than dims: torch.tile. [scope] */
TN_API tn_tensor *(tn_tile)(tn_tensor *x, const int64_t *dims, size_t n) {
    return tni_run_op(&tni_op_tile, TNI_INS(x), TNI_ARGS({.ints = {dims, n}}));
}

/* ---- repeat_interleave ---- */

static bool repeat_interleave_run(tni_call *c) {
    tn_tensor *x = c->in[0];
    int64_t times = c->arg[0].i, dim = c->arg[1].i, sizes[TNI_MAX_DIMS + 1];
    TNI_REQUIRE(c, times >= 0, TN_ERR_RUNTIME, "Repeats must be non-negative");
    if (dim == TN_NONE || x->a.ndim == 0) x = (tn_reshape)(x, (const int64_t[]){-1}, 1), dim = dim == TN_NONE ? 0 : dim;
    TNI_TRY(x && tni_wrap_dim("repeat_interleave", &dim, x->a.ndim));
    size_t n = x->a.ndim;
    for (size_t d = 0; d <= n; d++) sizes[d] = (int64_t)d <= dim ? x->a.sizes[d] : d == (size_t)dim + 1 ? times : x->a.sizes[d - 1];
    tn_tensor *wide = tn_unsqueeze(x, dim + 1);
    tn_tensor *y = wide ? (tn_expand)(wide, sizes, n + 1) : NULL;
    return (c->out[0] = y ? tn_flatten(tn_clone(tn_contiguous(y)), dim, dim + 1) : NULL) != NULL;
}

TN_OP(repeat_interleave, .schema = "repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None) -> Tensor",
      .run = repeat_interleave_run, .composite = true,
      .samples = TN_SAMPLES("f32[2,3] 2", "f64[2,3] 3 1", "f32[2,3]^T 2 -2", "f32[] 2", "i64[3] 0", "f32[0,2] 2 0",
                            "f32[2] -1 !runtime", "f32[2] 2 1 !index"));

/* The number of each element as often as it is repeated. */
static tn_tensor *repeated_numbers(tni_call *c, const tni_array *repeats) {
    const int64_t *v = repeats->data;
    int64_t total = 0, at = 0;
    for (int64_t i = 0; i < repeats->numel; i++)
        if (v[i] < 0 || !TNI_ADD(total, v[i], &total)) {
            tni_call_fail(c, TN_ERR_RUNTIME, "repeats can not be negative");
            return NULL;
        }
    tn_tensor *y = tni_give(c->t, tni_tensor_new(c->t, "repeat_interleave", TN_INT64, &total, 1));
    for (int64_t i = 0; y && i < repeats->numel; i++)
        for (int64_t k = 0; k < v[i]; k++) ((int64_t *)y->a.data)[at++] = i;
    return y;
}

static bool repeat_interleave_tensor_run(tni_call *c) {
    tn_tensor *x = c->in[0];
    const tni_array *repeats = &c->in[1]->a;
    int64_t dim = c->arg[0].i;
    if (dim == TN_NONE || x->a.ndim == 0) x = (tn_reshape)(x, (const int64_t[]){-1}, 1), dim = dim == TN_NONE ? 0 : dim;
    TNI_TRY(x && tni_wrap_dim("repeat_interleave", &dim, x->a.ndim));
    TNI_REQUIRE(c, repeats->ndim < 2, TN_ERR_SHAPE, "repeats must be 0-dim or 1-dim tensor");
    TNI_REQUIRE(c, repeats->dtype == TN_INT64 || repeats->dtype == TN_INT32, TN_ERR_NOT_IMPLEMENTED,
                "\"repeat_interleave_cpu\" not implemented for '%s'", tni_dtype_get((tn_dtype)repeats->dtype)->legacy);
    int64_t n = x->a.sizes[dim];
    TNI_REQUIRE(c, repeats->numel == n || repeats->numel == 1, TN_ERR_SHAPE,
                "repeats must have the same size as input along dim, but got repeats.size(0) = %lld and input.size(%lld) = %lld",
                (long long)repeats->numel, (long long)dim, (long long)n);
    tn_tensor *each = repeats->numel == 1 ? (tn_expand)((tn_reshape)(c->in[1], (const int64_t[]){1}, 1), &n, 1) : c->in[1];
    if (!each || !(each = tn_contiguous(tn_to(each, TN_INT64)))) return false;
    tn_tensor *numbers = repeated_numbers(c, &each->a);
    return (c->out[0] = numbers ? tn_index_select(x, dim, numbers) : NULL) != NULL;
}

TN_OP(repeat_interleave_tensor, .schema = "repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None) -> Tensor",
      .run = repeat_interleave_tensor_run, .composite = true, .by_value = true,
      .samples = TN_SAMPLES("f32[3,2] i64[3]<4 0", "f64[2,3] i64[3]<3 1", "f32[3] i32[3]<3", "f32[2,3] i64[]=2 0",
                            "i64[3] i64[1]=2", "f32[3] i64[2]=1 !shape", "f32[3] i64[3]=-1 !runtime",
                            "f32[3] f32[3] !not_implemented", "f32[1] i64[1,1]=1 !shape"));

#ifdef TN_HEADER
/* Keywords of tn_repeat_interleave and tn_repeat_interleave_tensor. */
typedef struct tn_repeat_interleave_opts {
    size_t size;
    int64_t dim; /* TN_NONE: of all elements as one line */
} tn_repeat_interleave_opts;
#ifndef __cplusplus
#define tn_repeat_interleave(x, ...)                                                                                               \
    TN_WITH(tn_repeat_interleave_opts, (.dim = TN_NONE), (tn_repeat_interleave)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),                \
            TN_REST(__VA_ARGS__, ))
#define tn_repeat_interleave_tensor(x, ...)                                                                                        \
    TN_WITH(tn_repeat_interleave_opts, (.dim = TN_NONE), (tn_repeat_interleave_tensor)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),         \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** Each element, or each slice along a dim, `repeats` times in a row: torch.repeat_interleave. [scope] */
TN_API tn_tensor *(tn_repeat_interleave)(tn_tensor *x, int64_t repeats, const tn_repeat_interleave_opts *opts) {
    return tni_run_op(&tni_op_repeat_interleave, TNI_INS(x), TNI_ARGS({.i = repeats}, {.i = TNI_OPT(opts, dim, TN_NONE)}));
}
/** The same with a number of its own for each slice: int64 or int32, one for each, or one for all. [scope] */
TN_API tn_tensor *(tn_repeat_interleave_tensor)(tn_tensor *x, tn_tensor *repeats, const tn_repeat_interleave_opts *opts) {
    return tni_run_op(&tni_op_repeat_interleave_tensor, TNI_INS(x, repeats), TNI_ARGS({.i = TNI_OPT(opts, dim, TN_NONE)}));
}

/* ---- roll ---- */

static tn_tensor *roll_dim(tn_tensor *x, int64_t shift, int64_t dim) {
    int64_t size = x->a.sizes[dim], first = size ? (shift % size + size) % size : 0;
    if (first == 0) return x;
    return (tn_cat)((tn_tensor *const[]){tn_narrow(x, dim, size - first, first), tn_narrow(x, dim, 0, size - first)}, 2,
                    &(tn_cat_opts){sizeof(tn_cat_opts), dim});
}

static bool roll_run(tni_call *c) {
    tn_tensor *x = c->in[0], *y = x;
    size_t shifts = c->arg[0].ints.n, dims = c->arg[1].ints.n;
    TNI_REQUIRE(c, shifts > 0, TN_ERR_RUNTIME, "`shifts` required");
    TNI_REQUIRE(c, shifts == dims || (dims == 0 && shifts == 1), TN_ERR_RUNTIME,
                "shifts and dimensions must align. shifts: %zu, dims:%zu", shifts, dims);
    if (dims == 0) {
        const int64_t all = -1;
        y = (tn_reshape)(x, &all, 1);
        y = y ? roll_dim(y, c->arg[0].ints.v[0], 0) : NULL;
        y = (tn_reshape)(y, x->a.sizes, x->a.ndim);
    }
    for (size_t i = 0; i < dims && y; i++) {
        int64_t dim = c->arg[1].ints.v[i];
        TNI_REQUIRE(c, x->a.ndim > 0, TN_ERR_INDEX, "Dimension specified as %lld but tensor has no dimensions", (long long)dim);
        TNI_TRY(tni_wrap_dim("roll", &dim, x->a.ndim));
        y = roll_dim(y, c->arg[0].ints.v[i], dim);
    }
    if (y && y->a.storage == x->a.storage) y = tn_clone(y); /* nothing moved */
    return (c->out[0] = y) != NULL;
}

TN_OP(roll, .schema = "roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor", .run = roll_run, .composite = true,
      .ints = 3,
      .samples = TN_SAMPLES("f32[3,4] (1)", "f64[3,4] (1,-1) (0,1)", "f32[3,4]^T (5) (0)", "f32[] (1)", "f32[0] (1) (0)",
                            "i64[5] (-2)", "bool[4] (0)", "f32[3,4] (1,1) !runtime", "f32[3] () !runtime",
                            "f32[3] (1) (1) !index"));

#ifdef TN_HEADER
/* Keywords of tn_roll. */
typedef struct tn_roll_opts {
    size_t size;
    tn_ints dims; /* .dims = TN_INTS(0, 1), one for each shift; none: the elements as one line */
} tn_roll_opts;
#ifndef __cplusplus
#define tn_roll(x, ...) tn_roll_by(x, __VA_ARGS__, )
#define tn_roll_by(x, shifts, ...) TN_WITH(tn_roll_opts, (.dims = {0, NULL}), (tn_roll)(x, TN_DIMS(shifts), &tn_o), __VA_ARGS__)
#define tn_flip(x, dims) (tn_flip)(x, TN_DIMS(dims))
#endif
#endif

/** The elements moved on along dims; what leaves one end comes in at the other: torch.roll. A copy. [scope] */
TN_API tn_tensor *(tn_roll)(tn_tensor *x, const int64_t *shifts, size_t n, const tn_roll_opts *opts) {
    tn_ints dims = TNI_OPT(opts, dims, ((tn_ints){0, NULL}));
    return tni_run_op(&tni_op_roll, TNI_INS(x), TNI_ARGS({.ints = {shifts, n}}, {.ints = {dims.v, dims.n}}));
}

/* ---- flip ---- */

typedef struct flip_job {
    const tni_array *x, *y;
    const bool *turned;
    int64_t item;
} flip_job;

#define REVERSE(name, T)                                                                                                           \
    static void name(const char *x, int64_t by, char *y, int64_t y_by, int64_t n) {                                                \
        for (int64_t i = 0; i < n; i++) *(T *)(y + i * y_by) = *(const T *)(x + i * by);                                           \
    }
TNI_EACH_SIZE(REVERSE, copy_line)

/* Lines along the last dim. */
static void flip_lines(int64_t begin, int64_t end, void *context) {
    const flip_job *q = context;
    const tni_array *x = q->x;
    int last = x->ndim - 1;
    int64_t n = x->sizes[last], by = x->strides[last] * q->item;
    for (int64_t line = begin; line < end; line++) {
        int64_t rest = line, at = 0, to = 0;
        for (int d = last - 1; d >= 0; rest /= x->sizes[d--]) {
            int64_t i = rest % x->sizes[d];
            at += (q->turned[d] ? x->sizes[d] - 1 - i : i) * x->strides[d];
            to += i * q->y->strides[d];
        }
        const char *from = (const char *)x->data + at * q->item + (q->turned[last] ? (n - 1) * by : 0);
        TNI_BY_SIZE(q->item, copy_line)
        (from, q->turned[last] ? -by : by, (char *)q->y->data + to * q->item, q->y->strides[last] * q->item, n);
    }
}

static bool flip_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    bool turned[TNI_MAX_DIMS] = {false};
    for (size_t i = 0; i < c->arg[0].ints.n; i++) {
        int64_t dim = c->arg[0].ints.v[i];
        TNI_TRY(tni_wrap_dim("flip", &dim, x->ndim));
        TNI_REQUIRE(c, !turned[dim], TN_ERR_RUNTIME, "dim %lld appears multiple times in the list of dims", (long long)dim);
        turned[dim] = true;
    }
    TNI_TRY(tni_out_like(c, 0, c->in[0], (tn_dtype)x->dtype));
    if (x->ndim == 0 || x->numel == 0) return tni_copy_array(&c->out[0]->a, x);
    flip_job q = {x, &c->out[0]->a, turned, (int64_t)tni_array_item(x)};
    int64_t n = x->sizes[x->ndim - 1];
    tni_parallel(x->numel / n, 32768 / TNI_MIN(n, 32768), flip_lines, &q);
    return true;
}

static bool flip_vjp(tni_vjp *g) {
    TNI_DX(g, 0, (tn_flip)(g->dy[0], g->arg[0].ints.v, g->arg[0].ints.n));
    return true;
}

TN_OP(flip, .schema = "flip(Tensor self, int[] dims) -> Tensor", .grad_name = "FlipBackward0", .run = flip_run, .vjp = flip_vjp,
      .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] (0) @bench", "f64[3,4] (0,1)", "f32[2,3,4] (-1)", "f32[3,4]^T (1)", "f32[] (0)",
                            "f32[0,3] (1)", "i64[5] (0)", "bool[3,2] ()", "c64[3] (0) nograd", "f16[3] (0)",
                            "f32[3] (0,0) !runtime", "f32[3] (1) !index"));

/** The elements in reverse order along dims: torch.flip. A copy with the order of memory of x. A dim named twice is TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_flip)(tn_tensor *x, const int64_t *dims, size_t n) {
    return tni_run_op(&tni_op_flip, TNI_INS(x), TNI_ARGS({.ints = {dims, n}}));
}
