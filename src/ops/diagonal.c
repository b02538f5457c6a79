/* ops/diagonal.c - triangles and diagonals: tril, triu, diagonal, diag, diag_embed. */
#include "base/pool.h"
#include "core/loop.h"
#include <string.h>
#include <tison/ops.h>

/* ---- tril, triu ---- */

/* Row `row` of a matrix of `columns`: what is kept stands from *first to before *end. */
static void kept(bool lower, int64_t row, int64_t diagonal, int64_t columns, int64_t *first, int64_t *end) {
    int64_t edge = TNI_MAX(TNI_MIN(row + diagonal + (lower ? 1 : 0), columns), 0);
    *first = lower ? 0 : edge;
    *end = lower ? edge : columns;
}

typedef struct triangle {
    const tni_array *x, *y;
    bool lower, inplace;
    int64_t diagonal;
} triangle;

#define ROW(name, T)                                                                                                               \
    static void name(char *y, int64_t y_by, const char *x, int64_t x_by, int64_t n, int64_t first, int64_t end, bool inplace) {    \
        for (int64_t i = 0; i < first; i++) *(T *)(y + i * y_by) = (T){0};                                                         \
        for (int64_t i = first; i < end && !inplace; i++) *(T *)(y + i * y_by) = *(const T *)(x + i * x_by);                       \
        for (int64_t i = end; i < n; i++) *(T *)(y + i * y_by) = (T){0};                                                           \
    }
TNI_EACH_SIZE(ROW, row)

static void run_rows(int64_t begin, int64_t end, void *context) {
    const triangle *q = context;
    const tni_array *x = q->x, *y = q->y;
    int64_t item = (int64_t)tni_array_item(x), columns = x->sizes[x->ndim - 1], first, last;
    for (int64_t r = begin; r < end; r++) {
        int64_t rest = r, from = 0, to = 0;
        for (int d = x->ndim - 2; d >= 0; rest /= x->sizes[d--]) {
            from += rest % x->sizes[d] * x->strides[d];
            to += rest % x->sizes[d] * y->strides[d];
        }
        kept(q->lower, r % x->sizes[x->ndim - 2], q->diagonal, columns, &first, &last);
        TNI_BY_SIZE(item, row)
        ((char *)y->data + to * item, y->strides[y->ndim - 1] * item, (const char *)x->data + from * item,
         x->strides[x->ndim - 1] * item, columns, first, last, q->inplace);
    }
}

static bool run_triangle(tni_call *c, bool lower) {
    const tni_array *x = &c->in[0]->a;
    if (x->ndim < 2) return tni_fail(TN_ERR_SHAPE, "%s: input tensor must have at least 2 dimensions", lower ? "tril" : "triu");
    if (!c->inplace) TNI_TRY(tni_out(c, 0, (tn_dtype)x->dtype, x->sizes, x->ndim));
    if (x->numel == 0 || x->device != TNI_CPU) return true;
    int64_t columns = x->sizes[x->ndim - 1], far = INT64_C(1) << 60, diagonal = TNI_MAX(TNI_MIN(c->arg[0].i, far), -far);
    triangle q = {x, &c->out[0]->a, lower, c->inplace, diagonal};
    tni_parallel(x->numel / columns, 32768 / TNI_MIN(columns, 32768), run_rows, &q);
    return true;
}
static bool tril_run(tni_call *c) { return run_triangle(c, true); }
static bool triu_run(tni_call *c) { return run_triangle(c, false); }

static bool tril_vjp(tni_vjp *g) {
    TNI_DX(g, 0, (tn_tril)(g->dy[0], &(tn_tril_opts){sizeof(tn_tril_opts), g->arg[0].i}));
    return true;
}
static bool triu_vjp(tni_vjp *g) {
    TNI_DX(g, 0, (tn_triu)(g->dy[0], &(tn_tril_opts){sizeof(tn_tril_opts), g->arg[0].i}));
    return true;
}

TN_OP(tril, .schema = "tril(Tensor self, SymInt diagonal=0) -> Tensor", .grad_name = "TrilBackward0", .run = tril_run,
      .vjp = tril_vjp, .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[4,3] 1", "f32[2,3,3] -1", "f32[3,4]^T -9", "i64[3,3] 9", "bool[2,2]",
                            "f32[0,3]", "c64[2,2] nograd", "bf16[3,3]", "f32[3] !shape"));
TN_OP(triu, .schema = "triu(Tensor self, SymInt diagonal=0) -> Tensor", .grad_name = "TriuBackward0", .run = triu_run,
      .vjp = triu_vjp, .inplace = true,
      .samples = TN_SAMPLES("f32[3,4] @bench", "f64[4,3] 1", "f32[2,3,3] -1", "f32[3,4]^T -9", "i64[3,3] 9", "bool[2,2]",
                            "f32[3,0]", "f32[] !shape"));

#ifdef TN_HEADER
/* Keywords of tn_tril, tn_tril_, tn_triu, tn_triu_ and tn_diag. */
typedef struct tn_tril_opts {
    size_t size;
    int64_t diagonal; /* 0; above it when positive, below it when negative */
} tn_tril_opts;
#ifndef __cplusplus
#define tn_tril_with(function, x, ...) TN_WITH(tn_tril_opts, (.diagonal = 0), (function)(x, &tn_o), __VA_ARGS__)
#define tn_tril(...) tn_tril_with(tn_tril, __VA_ARGS__, )
#define tn_tril_(...) tn_tril_with(tn_tril_, __VA_ARGS__, )
#define tn_triu(...) tn_tril_with(tn_triu, __VA_ARGS__, )
#define tn_triu_(...) tn_tril_with(tn_triu_, __VA_ARGS__, )
#define tn_diag(...) tn_tril_with(tn_diag, __VA_ARGS__, )
#endif
#endif

#define DIAGONAL_ARGS(opts) TNI_ARGS({.i = TNI_OPT(opts, diagonal, 0)})

/** The lower triangle of each matrix (the last two dims), zeros above: torch.tril. Fewer than two dims are TN_ERR_SHAPE. [scope] */
TN_API tn_tensor *(tn_tril)(tn_tensor *x, const tn_tril_opts *opts) {
    return tni_run_op(&tni_op_tril, TNI_INS(x), DIAGONAL_ARGS(opts));
}
/** tn_tril in place: Tensor.tril_. Returns x. */
TN_API tn_tensor *(tn_tril_)(tn_tensor *x, const tn_tril_opts *opts) {
    return tni_run_op_inplace(&tni_op_tril, TNI_INS(x), DIAGONAL_ARGS(opts));
}
/** The upper triangle, zeros below: torch.triu. As tn_tril. [scope] */
TN_API tn_tensor *(tn_triu)(tn_tensor *x, const tn_tril_opts *opts) {
    return tni_run_op(&tni_op_triu, TNI_INS(x), DIAGONAL_ARGS(opts));
}
/** tn_triu in place: Tensor.triu_. Returns x. */
TN_API tn_tensor *(tn_triu_)(tn_tensor *x, const tn_tril_opts *opts) {
    return tni_run_op_inplace(&tni_op_triu, TNI_INS(x), DIAGONAL_ARGS(opts));
}

/* ---- diagonal: arguments offset, dim1, dim2 ---- */

/* The geometry of a diagonal of x: its dim comes last. */
static bool diagonal_of(const tni_call *c, const tni_array *x, const tni_value *arg, int64_t *sizes, int64_t *strides,
                        int64_t *offset) {
    int64_t by = arg[0].i, a = arg[1].i, b = arg[2].i;
    TNI_TRY(tni_wrap_dim("diagonal", &a, x->ndim) && tni_wrap_dim("diagonal", &b, x->ndim));
    TNI_REQUIRE(c, a != b, TN_ERR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld", (long long)arg[1].i,
                (long long)arg[2].i);
    int64_t rows = x->sizes[a], columns = x->sizes[b], length;
    length = by >= 0 ? TNI_MIN(rows, columns - TNI_MIN(by, columns)) : TNI_MIN(rows - TNI_MIN(-TNI_MAX(by, -rows), rows), columns);
    *offset = length > 0 ? (by >= 0 ? by * x->strides[b] : -by * x->strides[a]) : 0;
    size_t n = 0;
    for (int d = 0; d < x->ndim; d++) {
        if (d == a || d == b) continue;
        sizes[n] = x->sizes[d], strides[n++] = x->strides[d];
    }
    sizes[n] = length, strides[n] = x->strides[a] + x->strides[b];
    return true;
}

static bool diagonal_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], offset = 0;
    TNI_TRY(diagonal_of(c, x, c->arg, sizes, strides, &offset));
    return tni_out_view(c, sizes, strides, x->ndim - 1u, x->offset + offset);
}

static tn_tensor *put_diagonal(tn_tensor *x, const int64_t *sizes, size_t n, const tni_value *arg);
static bool diagonal_vjp(tni_vjp *g) {
    size_t n;
    const int64_t *sizes = tni_input_sizes(g, 0, &n);
    TNI_DX(g, 0, put_diagonal(g->dy[0], sizes, n, g->arg));
    return true;
}

TN_OP(diagonal, .schema = "diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
      .grad_name = "DiagonalBackward0", .run = diagonal_run, .vjp = diagonal_vjp, .view = true,
      .samples = TN_SAMPLES("f32[3,4]", "f64[3,4] 1", "f32[4,3] -2", "f32[2,3,4] 0 -1 0", "f32[3,4]^T 1", "f32[3,3] 7",
                            "f32[3,3] -7", "f32[0,3]", "i64[3,3]", "f32[2,2] 0 1 1 !runtime", "f32[3] !index",
                            "f32[2,2] 0 0 2 !index"));

#ifdef TN_HEADER
/* Keywords of tn_diagonal. */
typedef struct tn_diagonal_opts {
    size_t size;
    int64_t offset; /* 0 */
    int64_t dim1;   /* 0 */
    int64_t dim2;   /* 1 */
} tn_diagonal_opts;
/* Keywords of tn_diag_embed. */
typedef struct tn_diag_embed_opts {
    size_t size;
    int64_t offset; /* 0 */
    int64_t dim1;   /* -2 */
    int64_t dim2;   /* -1 */
} tn_diag_embed_opts;
#ifndef __cplusplus
#define tn_diagonal(...)                                                                                                           \
    TN_WITH(tn_diagonal_opts, (.dim2 = 1), (tn_diagonal)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_diag_embed(...)                                                                                                         \
    TN_WITH(tn_diag_embed_opts, (.dim1 = -2, .dim2 = -1), (tn_diag_embed)(TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** The elements with equal places along two dims, `offset` apart, as the last dim: torch.diagonal. A view. [scope] */
TN_API tn_tensor *(tn_diagonal)(tn_tensor *x, const tn_diagonal_opts *opts) {
    return tni_run_op(&tni_op_diagonal, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, offset, 0)}, {.i = TNI_OPT(opts, dim1, 0)}, {.i = TNI_OPT(opts, dim2, 1)}));
}

/* Zeros with the input on a diagonal. Arguments: offset, dim1, dim2, sizes. */
static bool diagonal_backward_run(tni_call *c) {
    int64_t sizes[TNI_MAX_DIMS], strides[TNI_MAX_DIMS], offset = 0;
    TNI_TRY(tni_out_zeros(c, 0, (tn_dtype)c->in[0]->a.dtype, c->arg[3].ints.v, c->arg[3].ints.n));
    const tni_array *y = &c->out[0]->a;
    tni_array to = {0};
    TNI_TRY(diagonal_of(c, y, c->arg, sizes, strides, &offset));
    TNI_TRY(tni_array_view(&to, c->op->name, y->storage, (tn_dtype)y->dtype, sizes, strides, y->ndim - 1u, offset));
    bool right = tni_same_shape(&to, &c->in[0]->a) || tni_call_fail(c, TN_ERR_SHAPE, "the gradient has the wrong shape");
    right = right && tni_copy_array(&to, &c->in[0]->a);
    tni_array_clear(&to);
    return right;
}
static bool diagonal_backward_vjp(tni_vjp *g) {
    tni_value *a = (tni_value[]){g->arg[0], g->arg[1], g->arg[2]};
    TNI_DX(g, 0, tni_run_op(&tni_op_diagonal, TNI_INS(g->dy[0]), a, 3));
    return true;
}
TN_OP(diagonal_backward,
      .schema = "_diagonal_backward(Tensor grad_output, int offset, int dim1, int dim2, SymInt[] input_sizes) -> Tensor",
      .grad_name = "DiagonalBackwardBackward0", .run = diagonal_backward_run, .hidden = true, .vjp = diagonal_backward_vjp,
      .ints = 8, .samples = TN_SAMPLES("f32[3] 1 0 1 (3,4)", "f64[2,3] 0 0 2 (3,2,4)", "f32[4] 0 0 1 (3,3) !shape"));

static tn_tensor *put_diagonal(tn_tensor *x, const int64_t *sizes, size_t n, const tni_value *arg) {
    return tni_run_op(&tni_op_diagonal_backward, TNI_INS(x), TNI_ARGS(arg[0], arg[1], arg[2], {.ints = {sizes, n}}));
}

/* ---- diag_embed, diag ---- */

static tn_tensor *embed(const tni_call *c, tn_tensor *x, int64_t offset, int64_t dim1, int64_t dim2) {
    int64_t sizes[TNI_MAX_DIMS + 1], a = dim1, b = dim2;
    size_t n = x->a.ndim + 1u, from = 0;
    if (!tni_wrap_dim("diag_embed", &a, n) || !tni_wrap_dim("diag_embed", &b, n)) return NULL;
    if (a == b) {
        tni_call_fail(c, TN_ERR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld", (long long)dim1, (long long)dim2);
        return NULL;
    }
    int64_t length = x->a.sizes[x->a.ndim - 1], size;
    if (offset == INT64_MIN || !TNI_ADD(length, offset < 0 ? -offset : offset, &size)) {
        tni_call_fail(c, TN_ERR_SHAPE, "the size of the result overflows");
        return NULL;
    }
    for (size_t d = 0; d < n; d++) sizes[d] = (int64_t)d == a || (int64_t)d == b ? size : x->a.sizes[from++];
    return put_diagonal(x, sizes, n, (const tni_value[]){{.i = offset}, {.i = a}, {.i = b}});
}

static bool diag_embed_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    if (x->ndim == 0) {
        int64_t dim = c->arg[1].i; /* what one dim allows */
        TNI_TRY(tni_wrap_dim("diag_embed", &dim, 1));
        return tni_call_fail(c, TN_ERR_INDEX, "Dimension out of range: the input has no dimensions");
    }
    return (c->out[0] = embed(c, c->in[0], c->arg[0].i, c->arg[1].i, c->arg[2].i)) != NULL;
}

TN_OP(diag_embed, .schema = "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", .run = diag_embed_run,
      .composite = true,
      .samples = TN_SAMPLES("f32[3] small", "f64[2,3] 1", "f32[2,3] -1 0 2", "f32[3,2]^T", "i64[3] small", "f32[0]",
                            "bool[2] small", "f32[2] 0 1 1 !runtime", "f32[] !index"));

static bool diag_run(tni_call *c) {
    int ndim = c->in[0]->a.ndim;
    if (ndim != 1 && ndim != 2) return tni_fail(TN_ERR_SHAPE, "diag(): Supports 1D or 2D tensors. Got %dD", ndim);
    if (ndim == 1) return (c->out[0] = embed(c, c->in[0], c->arg[0].i, 0, 1)) != NULL;
    tn_tensor *view = (tn_diagonal)(c->in[0], &(tn_diagonal_opts){sizeof(tn_diagonal_opts), c->arg[0].i, 0, 1});
    return (c->out[0] = view ? tn_clone(view) : NULL) != NULL;
}

TN_OP(diag, .schema = "diag(Tensor self, int diagonal=0) -> Tensor", .run = diag_run, .composite = true,
      .samples = TN_SAMPLES("f32[3] small", "f64[3] 1 small", "f32[3] -2 small", "f32[3,4]", "f32[3,4]^T 1", "f32[3,3] 9",
                            "i64[2,2]", "f32[0]", "f32[2,2,2] !shape", "f32[] !shape"));

/** A vector as the diagonal of a matrix of zeros, or the diagonal of a matrix as a vector: torch.diag. A copy. [scope] */
TN_API tn_tensor *(tn_diag)(tn_tensor *x, const tn_tril_opts *opts) {
    return tni_run_op(&tni_op_diag, TNI_INS(x), DIAGONAL_ARGS(opts));
}
/** Zeros with the last dim of x on the diagonal of two new dims: torch.diag_embed. [scope] */
TN_API tn_tensor *(tn_diag_embed)(tn_tensor *x, const tn_diag_embed_opts *opts) {
    return tni_run_op(&tni_op_diag_embed, TNI_INS(x),
                      TNI_ARGS({.i = TNI_OPT(opts, offset, 0)}, {.i = TNI_OPT(opts, dim1, -2)}, {.i = TNI_OPT(opts, dim2, -1)}));
}
