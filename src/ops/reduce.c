/* ops/reduce.c - sums and means over all elements or over dims, with PyTorch's one-thread order of addition. */
#include "base/pool.h"
#include "cpu/sum.h"
#include "ops/reduce.h"
#include "ops/sparse.h"
#include <string.h>
#include <tison/ops.h>

enum { GRAIN = 32768, COLUMNS = 8 * TNI_SUM_COLUMNS };

/* ---- the walk: shares the outputs among threads, never the elements of one output ---- */

/* out[j * out_stride] += sum over i < n of x[i * n_stride + j * m_stride], begin <= j < end <= m: tni_sum_2d_f32 and its kin. */
typedef void sum_2d(void *out, int64_t out_stride, const void *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                    int64_t begin, int64_t end);

/* The dims stand innermost first, the summed ones before the kept ones. */
typedef struct walk {
    tni_sum_dim dims[TNI_MAX_DIMS + 2];
    int count, summed;
    int64_t width, blocks; /* with one summed dim: dims[1] is cut in blocks of this width */
    char *out;
    const char *x;
    int64_t out_item, x_item; /* bytes */
    sum_2d *kernel;
} walk;

static void f32_2d(void *out, int64_t out_stride, const void *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                   int64_t begin, int64_t end) {
    tni_sum_2d_f32(out, out_stride, x, n, n_stride, m, m_stride, begin, end);
}
static void f64_2d(void *out, int64_t out_stride, const void *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,
                   int64_t begin, int64_t end) {
    tni_sum_2d_f64(out, out_stride, x, n, n_stride, m, m_stride, begin, end);
}

/* The parts of complex numbers, one after the other. */
#define COMPLEX_2D(name, T, part)                                                                                                  \
    static void name(void *out, int64_t out_stride, const void *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,       \
                     int64_t begin, int64_t end) {                                                                                 \
        for (int i = 0; i < 2; i++)                                                                                                \
            part((T *)out + i, 2 * out_stride, (const T *)x + i, n, 2 * n_stride, m, 2 * m_stride, begin, end);                    \
    }
COMPLEX_2D(c64_2d, float, f32_2d)
COMPLEX_2D(c128_2d, double, f64_2d)

/* Integers: any order gives the same, so the one that walks along the memory. */
#define WHOLE_2D(name, T, value)                                                                                                   \
    static void name(void *out, int64_t out_stride, const void *x, int64_t n, int64_t n_stride, int64_t m, int64_t m_stride,       \
                     int64_t begin, int64_t end) {                                                                                 \
        uint64_t *y = out;                                                                                                         \
        const T *p = x;                                                                                                            \
        (void)m;                                                                                                                   \
        if (m_stride < n_stride) {                                                                                                 \
            for (int64_t i = 0; i < n; i++)                                                                                        \
                for (int64_t j = begin; j < end; j++) y[j * out_stride] += (uint64_t)value(p[i * n_stride + j * m_stride]);        \
            return;                                                                                                                \
        }                                                                                                                          \
        for (int64_t j = begin; j < end; j++) {                                                                                    \
            uint64_t total = 0;                                                                                                    \
            for (int64_t i = 0; i < n; i++) total += (uint64_t)value(p[i * n_stride + j * m_stride]);                              \
            y[j * out_stride] += total;                                                                                            \
        }                                                                                                                          \
    }
#define SAME(v) (v)
#define TRUTH(v) ((v) != 0)
WHOLE_2D(u8_2d, uint8_t, SAME)
WHOLE_2D(i32_2d, int32_t, (int64_t)SAME)
WHOLE_2D(i64_2d, int64_t, SAME)
WHOLE_2D(bool_2d, uint8_t, TRUTH)

static sum_2d *kernel_of(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8: return u8_2d;
    case TN_INT32: return i32_2d;
    case TN_INT64: return i64_2d;
    case TN_FLOAT32: return f32_2d;
    case TN_FLOAT64: return f64_2d;
    case TN_BOOL: return bool_2d;
    case TN_COMPLEX64: return c64_2d;
    case TN_COMPLEX128: return c128_2d;
    default: return NULL;
    }
}

/* One unit: a block of columns, or one output of several summed dims; then all rounds of the further summed dims. */
static void run_unit(const walk *w, int64_t unit) {
    const tni_sum_dim *n = &w->dims[0], *m = &w->dims[1];
    int64_t begin = unit % w->blocks * w->width, end = TNI_MIN(begin + w->width, m->size), rounds = 1;
    char *out = w->out;
    const char *x = w->x;
    unit /= w->blocks;
    for (int d = TNI_MAX(w->summed, 2); d < w->count; d++) {
        int64_t at = unit % w->dims[d].size;
        unit /= w->dims[d].size;
        out += at * w->dims[d].out_stride * w->out_item;
        x += at * w->dims[d].x_stride * w->x_item;
    }
    for (int d = 2; d < w->summed; d++) rounds *= w->dims[d].size;
    for (int64_t round = 0; round < rounds; round++) {
        const char *from = x;
        int64_t rest = round;
        for (int d = 2; d < w->summed; d++) {
            from += rest % w->dims[d].size * w->dims[d].x_stride * w->x_item;
            rest /= w->dims[d].size;
        }
        w->kernel(out, m->out_stride, from, n->size, n->x_stride, m->size, m->x_stride, begin, end);
    }
}

static void run_units(int64_t begin, int64_t end, void *context) {
    for (int64_t unit = begin; unit < end; unit++) run_unit(context, unit);
}

/* Strides of the result, where every summed dim has stride 0. */
static void make_dims(walk *w, const tni_array *x, uint64_t mask) {
    int64_t stride = 1;
    w->count = x->ndim;
    for (int d = x->ndim - 1; d >= 0; d--) {
        bool summed = mask >> d & 1;
        w->dims[d] = (tni_sum_dim){x->sizes[d], x->strides[d], summed ? 0 : stride};
        if (!summed) stride *= x->sizes[d];
    }
    w->count = tni_sum_order(w->dims, w->count);
    w->summed = 0;
    while (w->summed < w->count && w->dims[w->summed].out_stride == 0) w->summed++;
    if (w->summed == 0) { /* nothing is summed: sums of one element */
        memmove(w->dims + 1, w->dims, (size_t)w->count * sizeof *w->dims);
        w->dims[0] = (tni_sum_dim){1, 0, 0};
        w->count++, w->summed = 1;
    }
    if (w->count == 1) w->dims[w->count++] = (tni_sum_dim){1, 0, 0};
}

/* out, zeros at first, += sums of x over the dims in mask. out is int64 when x is not floating point. */
static void sum_into(const tni_array *out, const tni_array *x, uint64_t mask) {
    sum_2d *kernel = kernel_of((tn_dtype)x->dtype);
    if (x->numel == 0) return;
    if (out->numel == 1 && x->contiguous) {
        kernel(out->data, 0, x->data, x->numel, 1, 1, 0, 0, 1);
        return;
    }
    walk w = {.out = out->data,
              .x = x->data,
              .out_item = (int64_t)tni_array_item(out),
              .x_item = (int64_t)tni_array_item(x),
              .kernel = kernel};
    make_dims(&w, x, mask);
    int64_t work = w.dims[0].size, units = 1;
    bool cut = w.summed == 1 && w.dims[1].size > COLUMNS;
    w.width = cut ? COLUMNS : w.dims[1].size;
    w.blocks = cut ? (w.dims[1].size + COLUMNS - 1) / COLUMNS : 1;
    for (int d = TNI_MAX(w.summed, 2); d < w.count; d++) units *= w.dims[d].size;
    units *= w.blocks;
    work = x->numel / units;
    tni_parallel(units, work >= GRAIN ? 1 : GRAIN / TNI_MAX(work, 1) + 1, run_units, &w);
}

/* ---- shared by sum and mean ---- */

bool tni_dims_mask(const tni_call *c, const tni_value *dims, size_t ndim, uint64_t *mask) {
    *mask = 0;
    if (dims == NULL || dims->ints.n == 0) *mask = ~(uint64_t)0;
    for (size_t i = 0; dims && i < dims->ints.n; i++) {
        int64_t d = dims->ints.v[i];
        TNI_TRY(tni_wrap_dim(c->op->name, &d, ndim));
        TNI_REQUIRE(c, !(*mask >> d & 1), TN_ERR_RUNTIME, "dim %lld appears multiple times in the list of dims", (long long)d);
        *mask |= (uint64_t)1 << d;
    }
    return true;
}

uint64_t tni_dims_mask_again(const tni_value *dims, size_t ndim) {
    uint64_t mask = dims->ints.n == 0 ? ~(uint64_t)0 : 0;
    for (size_t i = 0; i < dims->ints.n; i++)
        mask |= (uint64_t)1 << (dims->ints.v[i] < 0 ? dims->ints.v[i] + (int64_t)ndim : dims->ints.v[i]);
    return mask;
}

static bool make_result(tni_call *c, const tni_array *x, uint64_t mask, bool keepdim, tn_dtype dtype) {
    int64_t sizes[TNI_MAX_DIMS];
    size_t ndim = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (!(mask >> d & 1))
            sizes[ndim++] = x->sizes[d];
        else if (keepdim)
            sizes[ndim++] = 1;
    }
    TNI_TRY(tni_out(c, 0, dtype, sizes, ndim));
    const tni_array *out = &c->out[0]->a;
    if (out->numel) memset(out->data, 0, (size_t)out->numel * tni_array_item(out));
    return true;
}

/* Sums of integers are made in int64; another dtype takes what fits, as arithmetic in it would. */
static bool sum_whole(tni_call *c, const tni_array *x, uint64_t mask) {
    const tni_array *out = &c->out[0]->a;
    if (out->dtype == TN_INT64) {
        sum_into(out, x, mask);
        return true;
    }
    tn_tensor *wide = tni_tensor_zeros(c->t, c->op->name, TN_INT64, out->sizes, out->ndim);
    if (!wide) return false;
    sum_into(&wide->a, x, mask);
    bool right = tni_copy_array(out, &wide->a);
    tni_tensor_destroy_new(c->t, wide);
    return right;
}

/* The input is cast first, its memory order kept; integers are read as they are where that gives the same. */
static const tni_array *cast_input(tni_call *c, tn_dtype dtype) {
    tn_tensor *made = NULL;
    const tni_array *x = &c->in[0]->a;
    if (dtype == TN_INT64 && tni_dtype_is_integral((tn_dtype)x->dtype, true)) return x;
    x = tni_array_as(c->t, c->op->name, c->in[0], dtype, false, &made);
    return made && !tni_give(c->t, made) ? NULL : x;
}

static bool run_sum(tni_call *c, const tni_value *dims, bool keepdim, tn_dtype dtype) {
    uint64_t mask;
    TNI_TRY(tni_dims_mask(c, dims, c->in[0]->a.ndim, &mask));
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    const tni_array *x = cast_input(c, dtype);
    if (!x) return false;
    TNI_TRY(make_result(c, x, mask, keepdim, dtype));
    if (tni_dtype_is_integral(dtype, true)) return sum_whole(c, x, mask);
    sum_into(&c->out[0]->a, x, mask);
    return true;
}

int64_t tni_dims_count(const int64_t *sizes, size_t ndim, uint64_t mask) {
    int64_t count = 1;
    for (size_t d = 0; d < ndim; d++)
        if (mask >> d & 1) count *= sizes[d];
    return count;
}

tn_tensor *tni_dims_back(const tni_vjp *g, tn_tensor *x, uint64_t mask, bool keepdim) {
    size_t ndim;
    tni_input_sizes(g, 0, &ndim);
    for (size_t d = 0; !keepdim && x && d < ndim; d++)
        if (mask >> d & 1) x = tn_unsqueeze(x, (int64_t)d);
    return x;
}

tn_tensor *tni_spread(const tni_vjp *g, tn_tensor *x, uint64_t mask, bool keepdim) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    x = tni_dims_back(g, x, mask, keepdim);
    return x ? (tn_expand)(x, sizes, ndim) : NULL;
}

/* ---- sum ---- */

static tn_dtype sum_dtype(const tni_call *c, tn_dtype wanted) {
    tn_dtype own = (tn_dtype)c->in[0]->a.dtype;
    if (wanted != TN_DTYPE_NONE) return wanted;
    return tni_dtype_is_integral(own, true) ? TN_INT64 : own;
}

static bool sum_run(tni_call *c) { return run_sum(c, NULL, false, sum_dtype(c, c->arg[0].dtype)); }

static bool sum_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_spread(g, g->dy[0], 0, true));
    return true;
}

TN_OP(sum, .schema = "sum(Tensor self, *, ScalarType? dtype=None) -> Tensor", .grad_name = "SumBackward0", .run = sum_run,
      .sparse = tni_sparse_sum_run, .widen = true, .dtype_arg = 1, .vjp = sum_vjp,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3,4]", "f32[]", "f32[0,3]", "f32[3,4]^T", "i32[5]<10", "u8[5]<10", "bool[4]",
                            "c64[3,4]", "f32[3] dtype=complex64"));

static bool sum_dim_run(tni_call *c) { return run_sum(c, &c->arg[0], c->arg[1].b, sum_dtype(c, c->arg[2].dtype)); }

static bool sum_dim_vjp(tni_vjp *g) {
    size_t ndim;
    tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0, tni_spread(g, g->dy[0], tni_dims_mask_again(&g->arg[0], ndim), g->arg[1].b));
    return true;
}

TN_OP(sum_dim, .schema = "sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .grad_name = "SumBackward1", .run = sum_dim_run, .widen = true, .dtype_arg = 3, .vjp = sum_dim_vjp, .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] (1,) @bench", "f32[3,4] (0,)", "f32[2,3,4] (0,2) True", "f64[2,3,4] (-2,)", "f32[3,4]^T (1,)",
                            "f32[] (0,)", "f32[2,0] (1,)", "i64[3,4]<10 (1,)", "bool[3,4] (0,)", "c128[2,3,4] (0,2)",
                            "c64[3,4]^T (1,)", "f32[2,3] (2,) !index", "f32[2,3] (0,-2) !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_sum. */
typedef struct tn_sum_opts {
    size_t size;
    int64_t dim;  /* TN_NONE: all dims, or those of `dims` */
    bool keepdim; /* false */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* TN_DTYPE_NONE: x's, int64 for integers and bool; x is cast to it first */
    tn_ints dims;   /* several: .dims = TN_INTS(0, 2) */
} tn_sum_opts;
typedef tn_sum_opts tn_mean_opts;
#ifndef __cplusplus
#define tn_sum(...)                                                                                                                \
    TN_WITH(tn_sum_opts, (.dim = TN_NONE, .dtype = TN_DTYPE_NONE), (tn_sum)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_mean(...)                                                                                                               \
    TN_WITH(tn_mean_opts, (.dim = TN_NONE, .dtype = TN_DTYPE_NONE), (tn_mean)(TN_FIRST(__VA_ARGS__, ), &tn_o),                     \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/* The operator over all elements, or the one over dims. */
static tn_tensor *reduce(const tni_op *all, const tni_op *some, tn_tensor *x, const tn_sum_opts *opts) {
    tn_ints none = {0, NULL}, dims = TNI_OPT(opts, dims, none);
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    tn_dtype dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE);
    bool keepdim = TNI_OPT(opts, keepdim, false);
    if (dims.n == 0 && dim != TN_NONE) dims = (tn_ints){1, &dim};
    if (dims.n == 0 && !keepdim) return tni_run_op(all, TNI_INS(x), TNI_ARGS({.dtype = dtype}));
    return tni_run_op(some, TNI_INS(x), TNI_ARGS({.ints = {dims.v, dims.n}}, {.b = keepdim}, {.dtype = dtype}));
}

/** Sum over all elements, a dim, or several: torch.sum. Bits are PyTorch's on one thread, whatever the number of threads here.
 *  x        any dtype; integers and bool give int64
 *  returns  0-d, or x's shape without the dims (1 there with keepdim) [scope]; TN_ERR_INDEX for a dim out of range
 */
TN_API tn_tensor *(tn_sum)(tn_tensor *x, const tn_sum_opts *opts) { return reduce(&tni_op_sum, &tni_op_sum_dim, x, opts); }

/* ---- mean: the sum divided by the count ---- */

static void divide(const tni_array *out, int64_t count) {
    int64_t n = tni_dtype_is_complex((tn_dtype)out->dtype) ? 2 * out->numel : out->numel;
    if (tni_dtype_real((tn_dtype)out->dtype) == TN_FLOAT32) {
        float *y = out->data;
        for (int64_t i = 0; i < n; i++) y[i] /= (float)count;
    } else {
        double *y = out->data;
        for (int64_t i = 0; i < n; i++) y[i] /= (double)count;
    }
}

static bool run_mean(tni_call *c, const tni_value *dims, bool keepdim, tn_dtype wanted) {
    const tni_array *x = &c->in[0]->a;
    tn_dtype dtype = wanted != TN_DTYPE_NONE ? wanted : (tn_dtype)x->dtype;
    if (!tni_dtype_has_grad(dtype))
        return tni_fail(TN_ERR_DTYPE,
                        "mean(): could not infer output dtype. %s dtype must be either a floating point or complex dtype. Got: %s",
                        wanted != TN_DTYPE_NONE ? "Optional" : "Input", tni_dtype_get(dtype)->legacy);
    TNI_TRY(run_sum(c, dims, keepdim, dtype));
    uint64_t mask;
    TNI_TRY(tni_dims_mask(c, dims, x->ndim, &mask));
    divide(&c->out[0]->a, tni_dims_count(x->sizes, x->ndim, mask));
    return true;
}

static bool mean_run(tni_call *c) { return run_mean(c, NULL, false, c->arg[0].dtype); }

static bool mean_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    tn_tensor *dy = tni_spread(g, g->dy[0], 0, true);
    TNI_DX(g, 0, dy ? tn_div(dy, tni_dims_count(sizes, ndim, ~(uint64_t)0)) : NULL);
    return true;
}

/* The same bits; the division is made once, before the spreading. */
static bool mean_fused_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    tn_tensor *dy = tn_div(g->dy[0], tni_dims_count(sizes, ndim, ~(uint64_t)0));
    TNI_DX(g, 0, dy ? tni_spread(g, dy, 0, true) : NULL);
    return true;
}

TN_OP(mean, .schema = "mean(Tensor self, *, ScalarType? dtype=None) -> Tensor", .grad_name = "MeanBackward0", .run = mean_run,
      .widen = true, .dtype_arg = 1, .vjp = mean_vjp, .fused_vjp = mean_fused_vjp,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[2,3,4]", "f32[]", "f32[0]", "f64[3,4]^T", "c64[3,4]", "i64[3] !dtype"));

static bool mean_dim_run(tni_call *c) { return run_mean(c, &c->arg[0], c->arg[1].b, c->arg[2].dtype); }

static bool mean_dim_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    tn_tensor *dy = tni_spread(g, g->dy[0], mask, g->arg[1].b);
    TNI_DX(g, 0, dy ? tn_div(dy, tni_dims_count(sizes, ndim, mask)) : NULL);
    return true;
}

static bool mean_dim_fused_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    uint64_t mask = tni_dims_mask_again(&g->arg[0], ndim);
    tn_tensor *dy = tn_div(g->dy[0], tni_dims_count(sizes, ndim, mask));
    TNI_DX(g, 0, dy ? tni_spread(g, dy, mask, g->arg[1].b) : NULL);
    return true;
}

TN_OP(mean_dim, .schema = "mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .grad_name = "MeanBackward1", .run = mean_dim_run, .widen = true, .dtype_arg = 3, .vjp = mean_dim_vjp,
      .fused_vjp = mean_dim_fused_vjp, .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] (1,)", "f64[2,3,4] (0,2) True", "f32[3,4]^T (-1,)", "f32[2,0] (1,)", "f32[] (0,)",
                            "i64[3,4] (1,) !dtype"));

/** Mean over all elements, a dim, or several: torch.mean. As tn_sum; an integer dtype without .dtype is TN_ERR_DTYPE; the mean of
 *  no elements is NaN. [scope] */
TN_API tn_tensor *(tn_mean)(tn_tensor *x, const tn_mean_opts *opts) { return reduce(&tni_op_mean, &tni_op_mean_dim, x, opts); }

/* ---- sum_to_size ---- */

/* The sizes must be those of x after broadcasting in reverse: at the end of x's, each equal or 1. */
static bool check_sizes(const tni_call *c, const tni_array *x, const int64_t *sizes, size_t n) {
    bool fits = n <= x->ndim;
    for (size_t i = 0; fits && i < n; i++) fits = sizes[i] == 1 || sizes[i] == x->sizes[x->ndim - n + i];
    TNI_REQUIRE(c, fits, TN_ERR_SHAPE, "size {%s} is not expandable to size {%s}.", tni_shape_text((char[160]){0}, 160, sizes, n),
                TNI_SHAPE(x));
    return true;
}

static bool sum_to_size_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    const int64_t *sizes = c->arg[0].ints.v;
    size_t n = c->arg[0].ints.n;
    TNI_TRY(check_sizes(c, x, sizes, n));
    int64_t dims[TNI_MAX_DIMS];
    size_t leading = x->ndim - n, count = 0;
    for (; count < leading; count++) dims[count] = (int64_t)count;
    for (size_t d = leading; d < x->ndim; d++)
        if (sizes[d - leading] == 1 && x->sizes[d] != 1) dims[count++] = (int64_t)d;
    c->out[0] = c->in[0];
    if (count == 0) return true;
    bool keepdim = count > leading;
    tn_sum_opts opts = {
        .size = sizeof opts, .dim = TN_NONE, .keepdim = keepdim, .dtype = (tn_dtype)x->dtype, .dims = {count, dims}};
    c->out[0] = (tn_sum)(c->in[0], &opts);
    if (c->out[0] && keepdim && leading > 0) c->out[0] = (tn_view)(c->out[0], sizes, n);
    return c->out[0] != NULL;
}

TN_OP(sum_to_size, .schema = "sum_to_size(Tensor self, int[] size) -> Tensor", .run = sum_to_size_run, .composite = true, .ints = 1,
      .samples = TN_SAMPLES("f32[3,4] (4,)", "f32[3,4] (3,1)", "f32[2,3,4] (1,4)", "f32[3,4] (1,1)", "f32[2,3] (2,3)",
                            "f32[2,3] ()", "f32[2,3] (2,) !shape"));

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_sum_to_size(x, sizes) (tn_sum_to_size)(x, TN_DIMS(sizes))
#endif
#endif
/** Sums x over the dims that broadcasting `sizes` to x's shape would have made: Tensor.sum_to_size. x itself when the shapes agree.
 *  returns  in x's dtype [scope]; TN_ERR_SHAPE when sizes does not broadcast to x's shape
 */
TN_API tn_tensor *(tn_sum_to_size)(tn_tensor *x, const int64_t *sizes, size_t n) {
    return tni_run_op(&tni_op_sum_to_size, TNI_INS(x), TNI_ARGS({.ints = {sizes, n}}));
}
