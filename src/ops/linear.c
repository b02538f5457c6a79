/* ops/linear.c - y = x W^T + b in one operator. */
#include "cpu/sum.h"
#include "ops/product.h"
#include "ops/unary.h"
#include <string.h>
#include <tison/ops.h>

/* The last dim of x is multiplied; the others are rows. */
typedef struct shape {
    int64_t rows, in, out;
} shape;

static bool check_linear(tni_call *c, shape *s) {
    const tni_array *x = &c->in[0]->a, *w = &c->in[1]->a, *b = c->nin > 2 && c->in[2] ? &c->in[2]->a : NULL;
    TNI_REQUIRE(c, x->ndim >= 1, TN_ERR_SHAPE, "both arguments to linear need to be at least 1D, but they are 0D and %dD",
                (int)w->ndim);
    TNI_REQUIRE(c, w->ndim == 2, TN_ERR_SHAPE, "the weight must be 2D, but got %s", TNI_SHAPE(w));
    *s = (shape){1, x->sizes[x->ndim - 1], w->sizes[0]};
    for (int i = 0; i < x->ndim - 1; i++) s->rows *= x->sizes[i];
    TNI_REQUIRE(c, s->in == w->sizes[1], TN_ERR_SHAPE, "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                (long long)s->rows, (long long)s->in, (long long)w->sizes[1], (long long)w->sizes[0]);
    TNI_REQUIRE(c, x->dtype == w->dtype && (!b || b->dtype == w->dtype), TN_ERR_DTYPE,
                "mat1 and mat2 must have the same dtype, but got %s and %s", tni_dtype_get((tn_dtype)x->dtype)->legacy,
                tni_dtype_get((tn_dtype)(b && b->dtype != w->dtype ? b->dtype : w->dtype))->legacy);
    TNI_REQUIRE(c, tni_dtype_has_grad((tn_dtype)x->dtype), TN_ERR_NOT_IMPLEMENTED, "\"addmm_impl_cpu_\" not implemented for '%s'",
                tni_dtype_get((tn_dtype)x->dtype)->legacy);
    TNI_REQUIRE(c, !b || (b->ndim == 1 && b->sizes[0] == s->out), TN_ERR_SHAPE, "the bias must be of shape [%lld], but got %s",
                (long long)s->out, b ? TNI_SHAPE(b) : "");
    return true;
}

static bool linear_run(tni_call *c) {
    shape s = {0};
    int64_t sizes[TNI_MAX_DIMS];
    TNI_TRY(check_linear(c, &s));
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    const tni_array *x = tni_in_as(c, 0, dtype), *b = c->nin > 2 && c->in[2] ? tni_in_as(c, 2, dtype) : NULL;
    tni_matrix w;
    tn_tensor *made;
    if (!x || !tni_matrix_of(c->t, "linear", c->in[1], &w, &made)) return false;
    for (int i = 0; i < x->ndim; i++) sizes[i] = x->sizes[i];
    sizes[x->ndim - 1] = s.out;
    w = tni_matrix_transpose(w);
    tni_matrix rows = {x->data, s.rows, s.in, TNI_MAX(s.in, 1), false};
    bool right = tni_out(c, 0, dtype, sizes, x->ndim) &&
                 tni_multiply(dtype, &rows, &w, c->out[0]->a.data, TNI_MAX(s.out, 1), b ? b->data : NULL);
    tni_tensor_destroy_new(c->t, made);
    return right;
}

static tn_tensor *as_rows(tn_tensor *x) {
    if (!x || x->a.ndim == 2) return x;
    return (tn_reshape)(x,
                        (const int64_t[]){x->a.ndim == 1 ? 1 : x->a.numel / TNI_MAX(x->a.sizes[x->a.ndim - 1], 1),
                                          x->a.sizes[x->a.ndim - 1]},
                        2);
}

/* Each is kept for the other's derivative, and else NULL. */
static bool find_saved(tni_vjp *g, tn_tensor **x, tn_tensor **w) {
    *x = tni_needs(g, 1) ? tni_saved(g, TNI_IN(0)) : NULL;
    *w = tni_needs(g, 0) ? tni_saved(g, TNI_IN(1)) : NULL;
    return (*x || !tni_needs(g, 1)) && (*w || !tni_needs(g, 0));
}

static bool linear_vjp(tni_vjp *g) {
    tn_tensor *dy = as_rows(g->dy[0]), *x, *w;
    size_t ndim;
    if (!dy || !find_saved(g, &x, &w)) return false;
    TNI_DX(g, 0, (tn_reshape)(tn_mm(dy, tni_conjugate(w)), tni_input_sizes(g, 0, &ndim), g->dy[0]->a.ndim));
    TNI_DX(g, 1, tn_mm(tn_t(dy), as_rows(tni_conjugate(x))));
    TNI_DX(g, 2, tn_sum(dy, 0));
    return true;
}

/* A gradient of input i, not initialised. */
static tn_tensor *new_result(tni_vjp *g, size_t i, tn_dtype dtype) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, i, &ndim);
    return tni_give(g->t, tni_tensor_new(g->t, "linear", dtype, sizes, ndim));
}

static void sum_rows(const tni_array *dy, void *out, int64_t rows, int64_t columns) {
    if (dy->dtype == TN_FLOAT32)
        tni_sum_outer_f32(out, dy->data, columns, 1, rows, columns);
    else
        tni_sum_outer_f64(out, dy->data, columns, 1, rows, columns);
}

/* Straight on the arrays; only for the common case of row-major x, W and dy. */
static bool linear_fused_vjp(tni_vjp *g) {
    tn_tensor *dy = g->dy[0], *x, *w;
    if (!find_saved(g, &x, &w)) return false;
    if ((x && !x->a.contiguous) || (w && !w->a.contiguous) || !dy->a.contiguous) return linear_vjp(g);
    tn_dtype dtype = (tn_dtype)dy->a.dtype;
    int64_t out = dy->a.sizes[dy->a.ndim - 1], rows = out ? dy->a.numel / out : 0;
    int64_t in = x ? x->a.sizes[x->a.ndim - 1] : w ? w->a.sizes[1] : 0;
    tni_matrix mx = {x ? x->a.data : NULL, rows, in, TNI_MAX(in, 1), false};
    tni_matrix mw = {w ? w->a.data : NULL, out, in, TNI_MAX(in, 1), false};
    tni_matrix my = {dy->a.data, rows, out, TNI_MAX(out, 1), false}, myt = tni_matrix_transpose(my);
    if (out == 0) return linear_vjp(g);
    if (tni_needs(g, 0) &&
        (!(g->dx[0] = new_result(g, 0, dtype)) || !tni_multiply(dtype, &my, &mw, g->dx[0]->a.data, TNI_MAX(in, 1), NULL)))
        return false;
    if (tni_needs(g, 1) &&
        (!(g->dx[1] = new_result(g, 1, dtype)) || !tni_multiply(dtype, &myt, &mx, g->dx[1]->a.data, TNI_MAX(in, 1), NULL)))
        return false;
    if (!tni_needs(g, 2)) return true;
    g->dx[2] = tni_give(g->t, tni_tensor_new(g->t, "linear", dtype, &out, 1));
    if (g->dx[2]) sum_rows(&dy->a, g->dx[2]->a.data, rows, out);
    return g->dx[2] != NULL;
}

static tn_tensor *linear_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(linear, .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", .grad_name = "AddmmBackward0",
      .run = linear_run, .front = linear_front, .widen = true, .vjp = linear_vjp, .fused_vjp = linear_fused_vjp,
      .save = TNI_IN(0) | TNI_IN(1), .save_for = {TNI_IN(1), TNI_IN(0)}, .optional = 4,
      .samples = TN_SAMPLES("f32[3,4] f32[5,4] f32[5]", "f32[2,3,4] f32[5,4] f32[5]", "f64[4] f64[2,4] f64[2]",
                            "f32[0,4] f32[2,4] f32[2]", "f64[4,3]^T f64[2,3]^T f64[2]", "c64[3,4] c64[5,4] c64[5]",
                            "c128[2,3,4] c128[2,4]^T c128[2]", "f32[3,4] f32[5,3] f32[5] !shape", "f32[3,4] f64[5,4] - !dtype"));
/* The same without a bias: torch's node has another name. */
TN_OP(linear_no_bias, .schema = "linear_no_bias(Tensor input, Tensor weight) -> Tensor", .grad_name = "MmBackward0",
      .run = linear_run, .hidden = true, .widen = true, .vjp = linear_vjp, .fused_vjp = linear_fused_vjp,
      .save = TNI_IN(0) | TNI_IN(1), .save_for = {TNI_IN(1), TNI_IN(0)},
      .samples = TN_SAMPLES("f32[3,4] f32[5,4]", "f64[2,3,4] f64[5,4]", "c128[3,4] c128[5,4]"));

/** x (..., in) times weight (out, in) transposed, plus bias (out): (..., out). F.linear. bias [NULL ok]; one floating or complex
 *  dtype. [scope] */
TN_API tn_tensor *tn_linear(tn_tensor *x, tn_tensor *weight, tn_tensor *bias) {
    if (!bias) return tni_run_op(&tni_op_linear_no_bias, TNI_INS(x, weight), TNI_NO_ARGS);
    return tni_run_op(&tni_op_linear, TNI_INS(x, weight, bias), TNI_NO_ARGS);
}

static tn_tensor *linear_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    (void)arg;
    return (tn_linear)(in[0], in[1], in[2]);
}
