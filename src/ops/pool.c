/* ops/pool.c - two-dimensional max pooling. */
#include "cpu/pool2d.h"
#include "core/op.h"
#include <string.h>
#include "ops/pair.h"
#include <tison/ops.h>

/* Arguments: kernel, stride, padding, dilation (h, w each), ceil_mode. */
enum { KERNEL = 0, STRIDE = 2, PADDING = 4, DILATION = 6, CEIL = 8, ARGS = 9 };

static bool check_pool(const tni_call *c) {
    const tni_value *v = c->arg;
    const tni_array *x = &c->in[0]->a;
    TNI_REQUIRE(c, x->ndim == 3 || x->ndim == 4, TN_ERR_SHAPE,
                "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got: %s", TNI_SHAPE(x));
    for (int i = 0; i < 2; i++) {
        int64_t kernel = v[KERNEL + i].i, stride = v[STRIDE + i].i, padding = v[PADDING + i].i, dilation = v[DILATION + i].i;
        TNI_REQUIRE(c, kernel > 0 && kernel < INT32_MAX, TN_ERR_RUNTIME,
                    "kernel size should be greater than zero, but got kernel size %lld", (long long)kernel);
        TNI_REQUIRE(c, stride > 0 && stride < INT32_MAX, TN_ERR_RUNTIME, "stride should be greater than zero, but got stride %lld",
                    (long long)stride);
        TNI_REQUIRE(c, dilation > 0 && dilation < INT32_MAX, TN_ERR_RUNTIME,
                    "dilation should be greater than zero, but got dilation %lld", (long long)dilation);
        TNI_REQUIRE(c, padding >= 0, TN_ERR_RUNTIME, "pad must be non-negative, but got pad: %lld", (long long)padding);
        TNI_REQUIRE(c, padding <= ((kernel - 1) * dilation + 1) / 2, TN_ERR_RUNTIME,
                    "pad should be at most half of effective kernel size, but got pad=%lld, kernel_size=%lld and dilation=%lld",
                    (long long)padding, (long long)kernel, (long long)dilation);
    }
    for (int d = x->ndim - 3; d < x->ndim; d++)
        TNI_REQUIRE(c, x->sizes[d] > 0, TN_ERR_SHAPE, "Expected input to have non-zero size for non-batch dimensions, but got %s",
                    TNI_SHAPE(x));
    return true;
}

static void make_geometry(tni_pool2d *g, const tni_value *v, const int64_t *sizes, int ndim) {
    *g = (tni_pool2d){.planes = 1,
                      .h = sizes[ndim - 2],
                      .w = sizes[ndim - 1],
                      .kh = v[KERNEL].i,
                      .kw = v[KERNEL + 1].i,
                      .stride_h = v[STRIDE].i,
                      .stride_w = v[STRIDE + 1].i,
                      .pad_h = v[PADDING].i,
                      .pad_w = v[PADDING + 1].i,
                      .dilation_h = v[DILATION].i,
                      .dilation_w = v[DILATION + 1].i,
                      .ceil_mode = v[CEIL].b};
    for (int i = 0; i < ndim - 2; i++) g->planes *= sizes[i];
}

static bool max_pool2d_run(tni_call *c) {
    TNI_TRY(check_pool(c));
    const tni_array *in = &c->in[0]->a;
    tni_pool2d g;
    make_geometry(&g, c->arg, in->sizes, in->ndim);
    TNI_REQUIRE(c, tni_pool2d_shape(&g), TN_ERR_SHAPE, "Given input size: %s. Calculated output size is too small", TNI_SHAPE(in));
    int64_t sizes[4];
    for (int i = 0; i < in->ndim; i++) sizes[i] = in->sizes[i];
    sizes[in->ndim - 2] = g.oh, sizes[in->ndim - 1] = g.ow;
    const tni_array *x = tni_in_as(c, 0, (tn_dtype)in->dtype);
    if (!x || !tni_out(c, 0, (tn_dtype)in->dtype, sizes, in->ndim) || !tni_out(c, 1, TN_INT64, sizes, in->ndim)) return false;
    return c->out[0]->a.numel == 0 || tni_max_pool2d(&g, (tn_dtype)x->dtype, x->data, c->out[0]->a.data, c->out[1]->a.data);
}

/* ---- the derivative, linear in dy, and its own, which reads at the indices ---- */

extern const tni_op tni_op_max_pool2d_backward, tni_op_max_pool2d_gather;

/* Inputs dy and indices; the arguments of the pooling, then the sizes of x. */
static bool backward_run(tni_call *c) {
    const tni_value *sizes = &c->arg[ARGS];
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    tni_pool2d g;
    make_geometry(&g, c->arg, sizes->ints.v, (int)sizes->ints.n);
    const tni_array *dy = tni_in_as(c, 0, dtype), *indices = tni_in_as(c, 1, TN_INT64);
    if (!dy || !indices || !tni_pool2d_shape(&g) || !tni_out(c, 0, dtype, sizes->ints.v, sizes->ints.n)) return false;
    return c->out[0]->a.numel == 0 || tni_max_pool2d_backward(&g, dtype, dy->data, indices->data, c->out[0]->a.data);
}

static bool backward_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_run_op(&tni_op_max_pool2d_gather, TNI_INS(g->dy[0], tni_saved(g, TNI_IN(1))), (tni_value[ARGS]){0}, ARGS));
    return true;
}
TN_OP(max_pool2d_backward, .grad_name = "MaxPool2DWithIndicesBackwardBackward0", .run = backward_run, .widen = true,
      .vjp = backward_vjp, .save = TNI_IN(1), .ints = 1u << ARGS);

/* x (..., h, w) at the indices (..., oh, ow) of each plane. */
static bool gather_run(tni_call *c) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    const tni_array *x = tni_in_as(c, 0, dtype), *at = tni_in_as(c, 1, TN_INT64);
    if (!x || !at || !tni_out(c, 0, dtype, at->sizes, at->ndim)) return false;
    int64_t in = x->sizes[x->ndim - 2] * x->sizes[x->ndim - 1], out = at->sizes[at->ndim - 2] * at->sizes[at->ndim - 1];
    size_t item = tni_array_item(x);
    const int64_t *index = at->data;
    for (int64_t i = 0; i < at->numel; i++) {
        int64_t place = index[i];
        TNI_REQUIRE(c, place >= 0 && place < in, TN_ERR_INDEX, "index %lld is out of bounds for a plane of %lld", (long long)place,
                    (long long)in);
        memcpy((char *)c->out[0]->a.data + (size_t)i * item, (const char *)x->data + (size_t)(i / out * in + place) * item, item);
    }
    return true;
}

static bool gather_vjp(tni_vjp *g) {
    tni_value arg[ARGS + 1] = {{0}};
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    for (int i = 0; i < ARGS - 1; i++) arg[i].i = i >= PADDING && i < DILATION ? 0 : 1;
    arg[ARGS].ints.v = sizes, arg[ARGS].ints.n = ndim;
    TNI_DX(g, 0, tni_run_op(&tni_op_max_pool2d_backward, TNI_INS(g->dy[0], tni_saved(g, TNI_IN(1))), arg, ARGS + 1));
    return true;
}
TN_OP(max_pool2d_gather, .grad_name = "MaxPool2DWithIndicesBackward0", .run = gather_run, .vjp = gather_vjp, .save = TNI_IN(1));

static bool max_pool2d_vjp(tni_vjp *g) {
    tni_value arg[ARGS + 1];
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    for (int i = 0; i < ARGS; i++) arg[i] = g->arg[i];
    arg[ARGS].ints.v = sizes, arg[ARGS].ints.n = ndim;
    TNI_DX(g, 0, tni_run_op(&tni_op_max_pool2d_backward, TNI_INS(g->dy[0], tni_saved(g, TNI_OUT(1))), arg, ARGS + 1));
    return true;
}

static tn_tensor *max_pool2d_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(max_pool2d,
      .schema = "max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool "
                "ceil_mode=False) -> Tensor",
      .grad_name = "MaxPool2DWithIndicesBackward0", .run = max_pool2d_run, .front = max_pool2d_front, .widen = true,
      .vjp = max_pool2d_vjp, .save = TNI_OUT(1), .no_grad_outputs = 2,
      .samples = TN_SAMPLES("f32[2,3,4,6] (2,2)", "f64[1,2,5,5] (3,2) stride=(2,1) padding=(1,0)",
                            "f32[3,5,5] (2,2) ceil_mode=true", "f32[1,1,7,7] (2,2) dilation=2", "i64[1,1,4,4] (2,2)",
                            "f32[4,4] (2,2) !shape", "f32[1,1,4,4] (0,1) !runtime"));

#ifdef TN_HEADER
typedef struct tn_max_pool2d_opts {
    size_t size;
    int64_t stride;                                      /* TN_NONE: the kernel's size */
    int64_t padding, dilation;                           /* 0, 1 */
    bool ceil_mode;                                      /* false */
    int64_t stride_hw[2], padding_hw[2], dilation_hw[2]; /* {h, w} apart; {0, 0}: not given */
} tn_max_pool2d_opts;
#ifndef __cplusplus
#define tn_max_pool2d(x, ...)                                                                                                      \
    TN_WITH(tn_max_pool2d_opts, (.stride = TN_NONE, .dilation = 1), (tn_max_pool2d)(x, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o),   \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/** F.max_pool2d: x (N, C, H, W) or (C, H, W), kernel an int or (h, w) -> (N, C, oh, ow). Of equal values the first one gets the gradient;
 *  NaN wins. Errors: TN_ERR_SHAPE, TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_max_pool2d)(tn_tensor *x, const int64_t *kernel, size_t nkernel, const tn_max_pool2d_opts *opts) {
    if (tni_failed()) return NULL;
    if (!kernel || nkernel < 1 || nkernel > 2)
        return (void)tni_fail(TN_ERR_VALUE, "max_pool2d: kernel_size must either be a single int, or a tuple of two ints"), NULL;
    int64_t kh = kernel[0], kw = kernel[nkernel - 1], sh = PAIR(opts, stride, 0, TN_NONE), sw = PAIR(opts, stride, 1, TN_NONE);
    tn_tensor *out[2];
    bool right = tni_run_op_multi(&tni_op_max_pool2d, TNI_INS(x),
                                  TNI_ARGS({.i = kh}, {.i = kw}, {.i = sh == TN_NONE ? kh : sh}, {.i = sw == TN_NONE ? kw : sw},
                                           {.i = PAIR(opts, padding, 0, 0)}, {.i = PAIR(opts, padding, 1, 0)},
                                           {.i = PAIR(opts, dilation, 0, 1)}, {.i = PAIR(opts, dilation, 1, 1)},
                                           {.b = opts && opts->ceil_mode}),
                                  out, 2);
    return right ? out[0] : NULL;
}

static tn_tensor *max_pool2d_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_max_pool2d_opts o = {.size = sizeof o, .stride = TN_NONE, .dilation = 1, .ceil_mode = arg[4].b};
    SET_PAIR(o, stride, arg[1]);
    SET_PAIR(o, padding, arg[2]);
    SET_PAIR(o, dilation, arg[3]);
    return (tn_max_pool2d)(in[0], arg[0].ints.v, arg[0].ints.n, &o);
}
