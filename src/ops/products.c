/* ops/products.c - products over all elements or a dim; running sums and products. */
#include "base/pool.h"
#include "cpu/cmath.h"
#include "cpu/fold.h"
#include "cpu/scan.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include <string.h>
#include <tison/ops.h>

/* ---- prod ---- */

#define ROW_LOOP(name, T, A, expr)                                                                                                 \
    static void name(const void *data, int64_t rows, int64_t n, void *out) {                                                       \
        for (int64_t i = 0; i < rows; i++) {                                                                                       \
            A a = 1;                                                                                                               \
            for (int64_t k = 0; k < n; k++) {                                                                                      \
                const T b = ((const T *)data)[i * n + k];                                                                          \
                a = expr;                                                                                                          \
            }                                                                                                                      \
            ((T *)out)[i] = (T)a;                                                                                                  \
        }                                                                                                                          \
    }
ROW_LOOP(prod_u8, uint8_t, uint8_t, (uint8_t)(a *b))
ROW_LOOP(prod_bool, uint8_t, uint8_t, a &&b)
ROW_LOOP(prod_i32, int32_t, int32_t, a *b)
ROW_LOOP(prod_i64, int64_t, int64_t, a *b)
ROW_LOOP(prod_c64, float _Complex, float _Complex, tni_cmul_c64(a, b))
ROW_LOOP(prod_c128, double _Complex, double _Complex, tni_cmul_c128(a, b))
static void prod_f32(const void *data, int64_t rows, int64_t n, void *out) {
    double product;
    for (int64_t i = 0; i < rows; i++) {
        tni_fold_product_f32(&product, (const float *)data + i * n, 1, n);
        ((float *)out)[i] = (float)product;
    }
}
static void prod_f64(const void *data, int64_t rows, int64_t n, void *out) { tni_fold_product_f64(out, data, rows, n); }
typedef void row_loop(const void *data, int64_t rows, int64_t n, void *out);

static row_loop *loop_of(tn_dtype dtype) {
    switch (dtype) {
    case TN_UINT8: return prod_u8;
    case TN_BOOL: return prod_bool;
    case TN_INT32: return prod_i32;
    case TN_FLOAT32: return prod_f32;
    case TN_FLOAT64: return prod_f64;
    case TN_COMPLEX64: return prod_c64;
    case TN_COMPLEX128: return prod_c128;
    default: return prod_i64;
    }
}

typedef struct job {
    tni_rows rows;
    row_loop *loop;
    char *out;
    int64_t item;
} job;

static void run_some(int64_t begin, int64_t end, void *context) {
    const job *j = context;
    j->loop((const char *)j->rows.data + begin * j->rows.n * j->item, end - begin, j->rows.n, j->out + begin * j->item);
}

static tn_dtype whole_dtype(const tni_call *c, tn_dtype wanted) {
    tn_dtype own = (tn_dtype)c->in[0]->a.dtype;
    if (wanted != TN_DTYPE_NONE) return wanted;
    return tni_dtype_is_integral(own, true) ? TN_INT64 : own;
}

static bool run_prod(tni_call *c, const tni_value *dims, bool keepdim, tn_dtype wanted) {
    tn_dtype dtype = whole_dtype(c, wanted);
    job j = {.loop = loop_of(dtype), .item = (int64_t)tni_dtype_size(dtype)};
    TNI_TRY(tni_dtype_check(c->op->name, dtype));
    TNI_TRY(tni_rows_of(c, dtype, dims, &j.rows));
    TNI_TRY(tni_rows_result(c, 0, &j.rows, keepdim, dtype));
    j.out = c->out[0]->a.data;
    tni_parallel(j.rows.rows, 32768 / TNI_MAX(j.rows.n, 1) + 1, run_some, &j);
    return true;
}

static bool has_zero(tn_tensor *zero) { return zero && tn_item(tn_any(zero)) != 0; }

/* The same where derivatives of it will be asked for and there are zeros, whose places a division forgets: for each element the product
 * of a row in which it is 1. */
static tn_tensor *recorded_slope(tn_tensor *x, tn_tensor *dy, int64_t dim) {
    tn_tensor *row = dim == TN_NONE ? tn_view(x, -1) : x->a.ndim ? tn_movedim(x, dim, -1) : tn_unsqueeze(x, 0);
    if (!row) return NULL;
    tn_tensor *own = tn_eye(row->a.sizes[row->a.ndim - 1], .dtype = TN_BOOL);
    tn_tensor *others = own ? tn_prod(tn_where(own, 1, tn_unsqueeze(row, -2)), -1) : NULL;
    if (!others) return NULL;
    if (dim == TN_NONE || x->a.ndim == 0)
        others = (tn_view)(others, x->a.sizes, x->a.ndim);
    else
        others = tn_movedim(others, -1, dim);
    return tn_mul(dy, tni_conjugate(others));
}

/* dy times the product of the others: y / x, and where x is 0 the product with 1 in the place of the only 0. */
static tn_tensor *product_slope(tn_tensor *x, tn_tensor *y, tn_tensor *dy, int64_t dim) {
    tn_tensor *zero = x ? tn_eq(x, 0) : NULL, *filled = zero ? tn_where(zero, 1, x) : NULL;
    if (!filled) return NULL;
    if (!tni_self()->no_grad && has_zero(zero)) return recorded_slope(x, dy, dim);
    tn_tensor *zeros = dim == TN_NONE ? tn_sum(zero) : tn_sum(zero, dim, true);
    tn_tensor *rest = dim == TN_NONE ? tn_prod(filled) : tn_prod(filled, dim, true);
    tn_tensor *only = tn_logical_and(zero, tn_eq(zeros, 1));
    return tn_mul(dy, tni_conjugate(tn_where(zero, tn_where(only, rest, 0), tn_div(y, filled))));
}

static bool prod_run(tni_call *c) { return run_prod(c, NULL, false, c->arg[0].dtype); }
static bool prod_vjp(tni_vjp *g) {
    TNI_DX(g, 0, product_slope(tni_saved(g, TNI_IN(0)), tni_saved(g, TNI_OUT(0)), g->dy[0], TN_NONE));
    return true;
}

TN_OP(prod, .schema = "prod(Tensor self, *, ScalarType? dtype=None) -> Tensor", .grad_name = "ProdBackward0", .run = prod_run,
      .widen = true, .dtype_arg = 1, .vjp = prod_vjp, .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 @bench", "f64[5]", "f64[3,4]^T>0.5", "f32[]", "i64[5]", "u8[3]<9", "bool[3]", "bf16[3]",
                            "c64[3]", "f32[0,3]", "f32[3]=0 nograd", "f64[5]<2", "f64[2,3]<3", "f64[4]=0", "i64[3] dtype=float64"));

static bool prod_dim_run(tni_call *c) {
    TNI_TRY(tni_wrap_dim(c->op->name, &c->arg[0].i, c->in[0]->a.ndim));
    tni_value dims = {.ints = {&c->arg[0].i, 1}};
    return run_prod(c, &dims, c->arg[1].b, c->arg[2].dtype);
}
static bool prod_dim_vjp(tni_vjp *g) {
    uint64_t mask = (uint64_t)1 << g->arg[0].i;
    tn_tensor *y = tni_dims_back(g, tni_saved(g, TNI_OUT(0)), mask, g->arg[1].b),
              *dy = tni_dims_back(g, g->dy[0], mask, g->arg[1].b);
    TNI_DX(g, 0, y && dy ? product_slope(tni_saved(g, TNI_IN(0)), y, dy, g->arg[0].i) : NULL);
    return true;
}

TN_OP(prod_dim, .schema = "prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      .grad_name = "ProdBackward1", .run = prod_dim_run, .widen = true, .dtype_arg = 3, .vjp = prod_dim_vjp,
      .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4]>0.5 1 @bench", "f64[2,3,4] -2 True", "f64[3,4]^T 0", "f32[] 0", "i64[3,4] 1", "bf16[3,2] 0",
                            "f32[2,0] 1", "f64[3,4]<2 1", "f64[4,3]^T<3 0 True", "i32[3] 0 dtype=float64", "f32[2] 1 !index"));

#ifdef TN_HEADER
/* Keywords of tn_prod, tn_all and tn_any. */
typedef struct tn_along_opts {
    size_t size;
    int64_t dim;  /* TN_NONE: all dims */
    bool keepdim; /* false */
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* of tn_prod: x is cast to it first */
} tn_along_opts;
#ifndef __cplusplus
#define TN_ALONG_(function, ...)                                                                                                   \
    TN_WITH(tn_along_opts, (.dim = TN_NONE, .dtype = TN_DTYPE_NONE), (function)(TN_FIRST(__VA_ARGS__, ), &tn_o),                   \
            TN_REST(__VA_ARGS__, ))
#define tn_prod(...) TN_ALONG_(tn_prod, __VA_ARGS__)
#endif
#endif
/** The product of all elements, or of each line along a dim: torch.prod. Integers and bool give int64. [scope] */
TN_API tn_tensor *(tn_prod)(tn_tensor *x, const tn_along_opts *opts) {
    int64_t dim = TNI_OPT(opts, dim, TN_NONE);
    tni_value dtype = {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)};
    if (dim == TN_NONE) return tni_run_op(&tni_op_prod, TNI_INS(x), TNI_ARGS(dtype));
    return tni_run_op(&tni_op_prod_dim, TNI_INS(x), TNI_ARGS({.i = dim}, {.b = TNI_OPT(opts, keepdim, false)}, dtype));
}

/* ---- cumsum, cumprod ---- */

typedef bool scan(tn_dtype dtype, const void *x, int64_t outer, int64_t n, int64_t inner, void *y);

/* Turns the order of the n around: y is [outer, n, bytes]. */
static void turn_around(char *y, int64_t outer, int64_t n, int64_t bytes) {
    char block[256];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0, k = n - 1; i < k; i++, k--)
            for (int64_t at = 0; at < bytes; at += (int64_t)sizeof block) {
                size_t count = (size_t)TNI_MIN((int64_t)sizeof block, bytes - at);
                char *a = y + (o * n + i) * bytes + at, *b = y + (o * n + k) * bytes + at;
                memcpy(block, a, count), memcpy(a, b, count), memcpy(b, block, count);
            }
}

/* Arguments: dim, dtype. Bool counts as int64. */
static bool run_scan(tni_call *c, scan *run, bool backwards) {
    tn_dtype dtype = whole_dtype(c, c->arg[1].dtype);
    TNI_TRY(tni_wrap_dim(c->op->name, &c->arg[0].i, c->in[0]->a.ndim));
    const tni_array *x = tni_in_as(c, 0, dtype);
    if (!x || !tni_out(c, 0, dtype, x->sizes, x->ndim)) return false;
    int64_t outer = 1, inner = 1, n = x->ndim ? x->sizes[c->arg[0].i] : 1;
    for (int d = 0; d < x->ndim; d++)
        if (d != c->arg[0].i) *(d < c->arg[0].i ? &outer : &inner) *= x->sizes[d];
    char *y = c->out[0]->a.data;
    int64_t bytes = inner * (int64_t)tni_array_item(x);
    if (x->numel == 0) return true;
    if (!backwards) return run(dtype, x->data, outer, n, inner, y);
    memcpy(y, x->data, (size_t)x->numel * tni_array_item(x));
    turn_around(y, outer, n, bytes);
    TNI_TRY(run(dtype, y, outer, n, inner, y));
    turn_around(y, outer, n, bytes);
    return true;
}

static bool cumsum_run(tni_call *c) { return run_scan(c, tni_cumsum, false); }
static bool cumsum_back_run(tni_call *c) { return run_scan(c, tni_cumsum, true); }

static bool cumsum_vjp(tni_vjp *g);
static bool cumsum_back_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tn_cumsum(g->dy[0], g->arg[0].i));
    return true;
}

TN_OP(cumsum_back, .schema = "_cumsum_back(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
      .grad_name = "CumsumBackward0", .run = cumsum_back_run, .hidden = true, .widen = true, .dtype_arg = 2, .vjp = cumsum_back_vjp,
      .samples = TN_SAMPLES("f32[3,4] 1", "f64[2,3,4] 1", "f64[3,200]^T 0", "f32[] 0"));

/* Sums from the end on. NULL passes. */
static tn_tensor *cumsum_back(tn_tensor *x, int64_t dim) {
    return x ? tni_run_op(&tni_op_cumsum_back, TNI_INS(x), TNI_ARGS({.i = dim}, {.dtype = TN_DTYPE_NONE})) : NULL;
}

static bool cumsum_vjp(tni_vjp *g) {
    TNI_DX(g, 0, cumsum_back(g->dy[0], g->arg[0].i));
    return true;
}

TN_OP(cumsum, .schema = "cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", .grad_name = "CumsumBackward0",
      .run = cumsum_run, .widen = true, .dtype_arg = 2, .vjp = cumsum_vjp,
      .samples = TN_SAMPLES("f32[3,4] 1 @bench", "f64[2,3,4] -2", "f64[3,4]^T 0", "f32[] 0", "i64[5] 0", "bool[5] 0", "u8[3] 0",
                            "bf16[4] 0", "i32[3] 0 dtype=float64", "f32[0,3] 0", "f32[2] 1 !index"));

static bool cumprod_run(tni_call *c) { return run_scan(c, tni_cumprod, false); }

/* Before the first 0 of a line it is the sum, from there on, of dy * y, over x; at it the same with 1 in its place; behind it 0. */
static bool cumprod_vjp(tni_vjp *g) {
    int64_t dim = g->arg[0].i;
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *y = tni_saved(g, TNI_OUT(0)), *zero = x ? tn_eq(x, 0) : NULL;
    if (!g->t->no_grad && has_zero(zero)) /* the formula below is right once, but forgets how the zeros came into it */
        return tni_fail(TN_ERR_NOT_IMPLEMENTED,
                        "cumprod: not implemented: derivatives of the derivative at an input that holds a 0");
    tn_tensor *first = zero ? tn_logical_and(zero, tn_eq(tn_cumsum(zero, dim), 1)) : NULL;
    tn_tensor *filled = first ? tn_where(first, 1, x) : NULL, *other = filled ? tn_cumprod(filled, dim) : NULL;
    if (!other || !y) return false;
    tn_tensor *before = tn_div(cumsum_back(tn_mul(g->dy[0], y), dim), tn_where(zero, 1, x));
    TNI_DX(g, 0, tn_where(first, cumsum_back(tn_mul(g->dy[0], other), dim), tn_where(zero, 0, before)));
    return true;
}

TN_OP(cumprod, .schema = "cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", .grad_name = "CumprodBackward0",
      .run = cumprod_run, .widen = true, .dtype_arg = 2, .vjp = cumprod_vjp, .save = TNI_IN(0) | TNI_OUT(0),
      .samples = TN_SAMPLES("f32[3,4] 1 @bench", "f64[2,3,4] -2", "f64[3,4]^T 0", "f32[] 0", "i64[5] 0", "bool[5] 0", "bf16[4] 0",
                            "f32[0,3] 0", "f32[2] 1 !index"));

#ifdef TN_HEADER
/* Keywords of tn_cumsum and tn_cumprod. */
typedef struct tn_cumsum_opts {
    size_t size;
    struct tn_keywords_only *keywords_only;
    tn_dtype dtype; /* TN_DTYPE_NONE: x's, int64 for integers and bool; x is cast to it first */
} tn_cumsum_opts;
#ifndef __cplusplus
#define TN_CUM_(function, x, ...)                                                                                                  \
    TN_WITH(tn_cumsum_opts, (.dtype = TN_DTYPE_NONE), (function)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_cumsum(x, ...) TN_CUM_(tn_cumsum, x, __VA_ARGS__)
#define tn_cumprod(x, ...) TN_CUM_(tn_cumprod, x, __VA_ARGS__)
#endif
#endif
/** Running sums along dim: torch.cumsum. Integers and bool give int64. [scope] */
TN_API tn_tensor *(tn_cumsum)(tn_tensor *x, int64_t dim, const tn_cumsum_opts *opts) {
    return tni_run_op(&tni_op_cumsum, TNI_INS(x), TNI_ARGS({.i = dim}, {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)}));
}
/** Running products along dim: torch.cumprod. Integers and bool give int64. [scope] */
TN_API tn_tensor *(tn_cumprod)(tn_tensor *x, int64_t dim, const tn_cumsum_opts *opts) {
    return tni_run_op(&tni_op_cumprod, TNI_INS(x), TNI_ARGS({.i = dim}, {.dtype = TNI_OPT(opts, dtype, TN_DTYPE_NONE)}));
}
