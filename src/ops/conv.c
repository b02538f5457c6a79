/* ops/conv.c - two-dimensional convolution and its derivatives, which are operators too, so that they can be derived again. */
#include "cpu/conv.h"
#include "core/op.h"
#include "ops/pair.h"
#include <tison/ops.h>

/* Arguments of all three operators: stride, padding, dilation (h, w each), groups, then the spatial sizes that a derivative cannot see. */
enum { STRIDE = 0, PADDING = 2, DILATION = 4, GROUPS = 6, H = 7, W = 8, ARGS = 9 };

static bool check_geometry(const tni_call *c, const tni_value *v) {
    for (int i = 0; i < 2; i++) {
        TNI_REQUIRE(c, v[STRIDE + i].i > 0, TN_ERR_RUNTIME, "non-positive stride is not supported, got stride = %lld",
                    (long long)v[STRIDE + i].i);
        TNI_REQUIRE(c, v[PADDING + i].i >= 0, TN_ERR_RUNTIME, "negative padding is not supported, got padding = %lld",
                    (long long)v[PADDING + i].i);
        TNI_REQUIRE(c, v[DILATION + i].i > 0, TN_ERR_RUNTIME, "dilation should be greater than zero, got dilation = %lld",
                    (long long)v[DILATION + i].i);
        TNI_REQUIRE(c, v[STRIDE + i].i < INT32_MAX && v[PADDING + i].i < INT32_MAX && v[DILATION + i].i < INT32_MAX, TN_ERR_RUNTIME,
                    "stride, padding and dilation must be below 2^31");
    }
    TNI_REQUIRE(c, v[GROUPS].i > 0, TN_ERR_RUNTIME, "non-positive groups is not supported, got groups = %lld",
                (long long)v[GROUPS].i);
    return true;
}

static bool check_shapes(const tni_call *c, const tni_array *x, const tni_array *w, const tni_array *b) {
    int64_t groups = c->arg[GROUPS].i;
    TNI_REQUIRE(c, x->ndim == 4, TN_ERR_SHAPE, "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: %s",
                TNI_SHAPE(x));
    TNI_REQUIRE(c, w->ndim == 4, TN_ERR_SHAPE, "Expected 4-dimensional weight, but got weight of size %s", TNI_SHAPE(w));
    TNI_REQUIRE(c, w->sizes[2] > 0 && w->sizes[3] > 0, TN_ERR_SHAPE,
                "kernel size must be greater than zero, but got weight of size %s", TNI_SHAPE(w));
    TNI_REQUIRE(c, x->sizes[1] == w->sizes[1] * groups, TN_ERR_SHAPE,
                "Given groups=%lld, weight of size %s, expected input%s to have %lld channels, but got %lld channels instead",
                (long long)groups, TNI_SHAPE(w), TNI_SHAPE(x), (long long)(w->sizes[1] * groups), (long long)x->sizes[1]);
    TNI_REQUIRE(c, w->sizes[0] % groups == 0, TN_ERR_SHAPE,
                "Given groups=%lld, expected weight to be divisible by %lld at dimension 0, but got weight of size %s instead",
                (long long)groups, (long long)groups, TNI_SHAPE(w));
    TNI_REQUIRE(c, !b || (b->ndim == 1 && b->sizes[0] == w->sizes[0]), TN_ERR_SHAPE,
                "Given weight of size %s, expected bias to be 1-dimensional with %lld elements, but got bias of size %s instead",
                TNI_SHAPE(w), (long long)w->sizes[0], b ? TNI_SHAPE(b) : "");
    TNI_REQUIRE(c, x->dtype == w->dtype && (!b || b->dtype == x->dtype), TN_ERR_DTYPE,
                "Input type (torch.%s) and %s type (torch.%s) should be the same", tni_dtype_get((tn_dtype)x->dtype)->name,
                b && b->dtype != x->dtype ? "bias" : "weight",
                tni_dtype_get((tn_dtype)(b && b->dtype != x->dtype ? b->dtype : w->dtype))->name);
    TNI_REQUIRE(c, tni_dtype_is_float((tn_dtype)x->dtype), TN_ERR_NOT_IMPLEMENTED, "\"slow_conv2d_cpu\" not implemented for '%s'",
                tni_dtype_get((tn_dtype)x->dtype)->legacy);
    return true;
}

static bool make_geometry(const tni_call *c, tni_conv2d *g, tn_dtype dtype, const int64_t *x, const int64_t *w) {
    const tni_value *v = c->arg;
    *g = (tni_conv2d){.wide = dtype == TN_FLOAT64,
                      .n = x[0],
                      .c = x[1],
                      .h = x[2],
                      .w = x[3],
                      .k = w[0],
                      .kh = w[2],
                      .kw = w[3],
                      .stride_h = v[STRIDE].i,
                      .stride_w = v[STRIDE + 1].i,
                      .pad_h = v[PADDING].i,
                      .pad_w = v[PADDING + 1].i,
                      .dilation_h = v[DILATION].i,
                      .dilation_w = v[DILATION + 1].i,
                      .groups = v[GROUPS].i};
    int64_t kh, kw;
    bool fits = TNI_MUL(v[DILATION].i, w[2] - 1, &kh) && TNI_MUL(v[DILATION + 1].i, w[3] - 1, &kw) && kh < INT64_MAX / 2 &&
                kw < INT64_MAX / 2;
    TNI_REQUIRE(c, fits && tni_conv2d_shape(g), TN_ERR_SHAPE,
                "Calculated padded input size per channel: (%lld x %lld). Kernel size: (%lld x %lld). Kernel size can't be greater "
                "than actual input size",
                (long long)(x[2] + 2 * v[PADDING].i), (long long)(x[3] + 2 * v[PADDING + 1].i), (long long)(fits ? kh + 1 : w[2]),
                (long long)(fits ? kw + 1 : w[3]));
    return true;
}

static bool out_of_scratch(bool right) { return right || tni_failed() ? right : tni_fail_memory(0); }

/* ---- forward ---- */

static bool conv2d_run(tni_call *c) {
    TNI_TRY(check_geometry(c, c->arg));
    TNI_TRY(check_shapes(c, &c->in[0]->a, &c->in[1]->a, c->in[2] ? &c->in[2]->a : NULL));
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    tni_conv2d g;
    TNI_TRY(make_geometry(c, &g, dtype, c->in[0]->a.sizes, c->in[1]->a.sizes));
    const tni_array *x = tni_in_as(c, 0, dtype), *w = tni_in_as(c, 1, dtype), *b = c->in[2] ? tni_in_as(c, 2, dtype) : NULL;
    if (!x || !w || (c->in[2] && !b)) return false;
    c->arg[H].i = g.h, c->arg[W].i = g.w;
    TNI_TRY(tni_out(c, 0, dtype, (const int64_t[]){g.n, g.k, g.oh, g.ow}, 4));
    return c->out[0]->a.numel == 0 ||
           out_of_scratch(tni_conv2d_forward(&g, x->data, w->data, b ? b->data : NULL, c->out[0]->a.data));
}

/* The derivatives as calls of the two operators below, with the same arguments. */
extern const tni_op tni_op_conv2d_backward_input, tni_op_conv2d_backward_weight;
static void copy_args(tni_value *to, const tni_value *from) {
    for (int i = 0; i < ARGS; i++) to[i] = from[i];
}
static tn_tensor *backward_input(tn_tensor *dy, tn_tensor *w, const tni_value *arg, int64_t h, int64_t width) {
    tni_value v[ARGS];
    copy_args(v, arg);
    v[H].i = h, v[W].i = width;
    return tni_run_op(&tni_op_conv2d_backward_input, TNI_INS(dy, w), v, ARGS);
}
static tn_tensor *backward_weight(tn_tensor *x, tn_tensor *dy, const tni_value *arg, int64_t kh, int64_t kw) {
    tni_value v[ARGS];
    copy_args(v, arg);
    v[H].i = kh, v[W].i = kw;
    return tni_run_op(&tni_op_conv2d_backward_weight, TNI_INS(x, dy), v, ARGS);
}

static bool conv2d_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *w = tni_saved(g, TNI_IN(1));
    if (!x || !w) return false;
    TNI_DX(g, 0, backward_input(g->dy[0], w, g->arg, x->a.sizes[2], x->a.sizes[3]));
    TNI_DX(g, 1, backward_weight(x, g->dy[0], g->arg, w->a.sizes[2], w->a.sizes[3]));
    TNI_DX(g, 2,
           (tn_sum)(g->dy[0],
                    &(tn_sum_opts){.size = sizeof(tn_sum_opts), .dim = TN_NONE, .dtype = TN_DTYPE_NONE, .dims = TN_INTS(0, 2, 3)}));
    return true;
}

static tn_tensor *conv2d_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(conv2d,
      .schema = "conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, SymInt[2] padding=0, SymInt[2] "
                "dilation=1, SymInt groups=1) -> Tensor",
      .grad_name = "ConvolutionBackward0", .run = conv2d_run, .front = conv2d_front, .widen = true, .vjp = conv2d_vjp,
      .save = TNI_IN(0) | TNI_IN(1), .optional = 4,
      .samples = TN_SAMPLES("f32[2,3,5,6] f32[4,3,3,3] f32[4]", "f32[2,3,5,6] f32[4,3,2,3] - stride=(2,1) padding=(1,0)",
                            "f64[1,4,5,5] f64[6,2,3,3] f64[6] groups=2 padding=1", "f64[2,2,7,7] f64[3,2,3,2] - dilation=2",
                            "f32[0,3,5,5] f32[4,3,3,3] -", "f32[1,3,5,5] f32[4,2,3,3] - !shape",
                            "f32[1,1,2,2] f32[1,1,3,3] - !shape", "f32[1,1,4,4] f32[1,1,3,3] - stride=0 !runtime"));

#ifdef TN_HEADER
typedef struct tn_conv2d_opts {
    size_t size;
    int64_t stride, padding, dilation;                   /* 1, 0, 1: of height and width alike */
    int64_t groups;                                      /* 1 */
    int64_t stride_hw[2], padding_hw[2], dilation_hw[2]; /* {h, w} apart; {0, 0}: not given */
} tn_conv2d_opts;
#ifndef __cplusplus
#define tn_conv2d(x, weight, ...)                                                                                                  \
    TN_WITH(tn_conv2d_opts, (.stride = 1, .dilation = 1, .groups = 1), (tn_conv2d)(x, weight, TN_FIRST(__VA_ARGS__, ), &tn_o),     \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** F.conv2d: input (N, C, H, W) or (C, H, W), weight (K, C / groups, kh, kw), bias (K) or NULL -> (N, K, oh, ow). One floating dtype.
 *  Errors: TN_ERR_SHAPE, TN_ERR_DTYPE, TN_ERR_RUNTIME for a stride, padding, dilation or groups out of range. [scope] */
TN_API tn_tensor *(tn_conv2d)(tn_tensor *input, tn_tensor *weight, tn_tensor *bias, const tn_conv2d_opts *opts) {
    bool single = !tni_failed() && tni_check_handle("conv2d", "input", input, TNI_TENSOR) && input->a.ndim == 3;
    if (single) {
        tn_tensor *y = (tn_conv2d)(tn_unsqueeze(input, 0), weight, bias, opts);
        return y ? tn_select(y, 0, 0) : NULL;
    }
    return tni_run_op(&tni_op_conv2d, TNI_INS(input, weight, bias),
                      TNI_ARGS({.i = PAIR(opts, stride, 0, 1)}, {.i = PAIR(opts, stride, 1, 1)}, {.i = PAIR(opts, padding, 0, 0)},
                               {.i = PAIR(opts, padding, 1, 0)}, {.i = PAIR(opts, dilation, 0, 1)},
                               {.i = PAIR(opts, dilation, 1, 1)}, {.i = opts ? opts->groups : 1}, {.i = 0}, {.i = 0}));
}

/* ---- derivatives ---- */

/* dx (N, C, h, w) from dy (N, K, oh, ow) and w; arg H and W: the spatial sizes of x. */
static bool backward_input_run(tni_call *c) {
    const int64_t *dy = c->in[0]->a.sizes, *w = c->in[1]->a.sizes,
                  x[4] = {dy[0], w[1] * c->arg[GROUPS].i, c->arg[H].i, c->arg[W].i};
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    tni_conv2d g;
    TNI_TRY(make_geometry(c, &g, dtype, x, w));
    const tni_array *ady = tni_in_as(c, 0, dtype), *aw = tni_in_as(c, 1, dtype);
    if (!ady || !aw || !tni_out(c, 0, dtype, x, 4)) return false;
    return c->out[0]->a.numel == 0 || out_of_scratch(tni_conv2d_backward_x(&g, aw->data, ady->data, c->out[0]->a.data));
}

static tn_tensor *forward_again(tn_tensor *x, tn_tensor *w, const tni_value *arg) {
    tni_value v[ARGS];
    copy_args(v, arg);
    return tni_run_op(&tni_op_conv2d, TNI_INS(x, w, NULL), v, ARGS);
}

static bool backward_input_vjp(tni_vjp *g) {
    tn_tensor *dy = tni_saved(g, TNI_IN(0)), *w = tni_saved(g, TNI_IN(1));
    if (!dy || !w) return false;
    TNI_DX(g, 0, forward_again(g->dy[0], w, g->arg));
    TNI_DX(g, 1, backward_weight(g->dy[0], dy, g->arg, w->a.sizes[2], w->a.sizes[3]));
    return true;
}

TN_OP(conv2d_backward_input, .grad_name = "ConvolutionBackwardBackward0", .run = backward_input_run, .widen = true,
      .vjp = backward_input_vjp, .save = TNI_IN(0) | TNI_IN(1));

/* dw (K, C / groups, kh, kw) from x and dy; arg H and W: the sizes of the kernel. */
static bool backward_weight_run(tni_call *c) {
    const int64_t *x = c->in[0]->a.sizes, *dy = c->in[1]->a.sizes,
                  w[4] = {dy[1], x[1] / c->arg[GROUPS].i, c->arg[H].i, c->arg[W].i};
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    tni_conv2d g;
    TNI_TRY(make_geometry(c, &g, dtype, x, w));
    const tni_array *ax = tni_in_as(c, 0, dtype), *ady = tni_in_as(c, 1, dtype);
    if (!ax || !ady || !tni_out(c, 0, dtype, w, 4)) return false;
    return c->out[0]->a.numel == 0 || out_of_scratch(tni_conv2d_backward_w(&g, ax->data, ady->data, c->out[0]->a.data, NULL));
}

static bool backward_weight_vjp(tni_vjp *g) {
    tn_tensor *x = tni_saved(g, TNI_IN(0)), *dy = tni_saved(g, TNI_IN(1));
    if (!x || !dy) return false;
    TNI_DX(g, 0, backward_input(dy, g->dy[0], g->arg, x->a.sizes[2], x->a.sizes[3]));
    TNI_DX(g, 1, forward_again(x, g->dy[0], g->arg));
    return true;
}

TN_OP(conv2d_backward_weight, .grad_name = "ConvolutionBackwardBackward0", .run = backward_weight_run, .widen = true,
      .vjp = backward_weight_vjp, .save = TNI_IN(0) | TNI_IN(1));

static tn_tensor *conv2d_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_conv2d_opts o = {.size = sizeof o, .stride = 1, .dilation = 1, .groups = arg[3].i};
    SET_PAIR(o, stride, arg[0]);
    SET_PAIR(o, padding, arg[1]);
    SET_PAIR(o, dilation, arg[2]);
    return (tn_conv2d)(in[0], in[1], in[2], &o);
}
