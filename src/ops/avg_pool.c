/* ops/avg_pool.c - average pooling by windows and to a given size, and pooling of one dim. */
#include "cpu/avg_pool.h"
#include "core/op.h"
#include "ops/pair.h"
#include <tison/ops.h>

/* Arguments of the row: kernel, stride, padding (h, w each), ceil_mode, count_include_pad, divisor; of the derivative the sizes too. */
enum { KERNEL = 0, STRIDE = 2, PADDING = 4, CEIL = 6, INCLUDE, DIVISOR, ARGS };

static bool check_window(const tni_call *c) {
    const tni_value *v = c->arg;
    const tni_array *x = &c->in[0]->a;
    TNI_REQUIRE(c, v[STRIDE].i != 0 && v[STRIDE + 1].i != 0, TN_ERR_RUNTIME, "stride should not be zero");
    TNI_REQUIRE(c, v[DIVISOR].i != 0, TN_ERR_RUNTIME, "divisor must be not zero");
    TNI_REQUIRE(c, x->ndim > 2, TN_ERR_INDEX, "Dimension out of range (expected to be in range of [%d, %d], but got -3)",
                -TNI_MAX(x->ndim, 1), TNI_MAX(x->ndim, 1) - 1);
    for (int i = 0; i < 2; i++) {
        int64_t kernel = v[KERNEL + i].i, stride = v[STRIDE + i].i, padding = v[PADDING + i].i;
        TNI_REQUIRE(c, kernel > 0 && kernel < INT32_MAX, TN_ERR_RUNTIME,
                    "kernel size should be greater than zero, but got kernel size %lld", (long long)kernel);
        TNI_REQUIRE(c, stride > 0 && stride < INT32_MAX, TN_ERR_RUNTIME, "stride should be greater than zero, but got stride %lld",
                    (long long)stride);
        TNI_REQUIRE(c, padding >= 0, TN_ERR_RUNTIME, "pad must be non-negative, but got pad: %lld", (long long)padding);
        TNI_REQUIRE(c, padding <= kernel / 2, TN_ERR_RUNTIME,
                    "pad should be at most half of effective kernel size, but got pad=%lld, kernel_size=%lld and dilation=1",
                    (long long)padding, (long long)kernel);
    }
    bool fits = x->ndim == 3 || x->ndim == 4;
    for (int d = x->ndim - 3; fits && d < x->ndim; d++) fits = x->sizes[d] > 0;
    TNI_REQUIRE(c, fits, TN_ERR_SHAPE, "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:%s",
                TNI_SHAPE(x));
    return true;
}

static void set_planes(tni_avg_pool2d *g, tn_dtype dtype, const int64_t *sizes, int ndim) {
    g->wide = dtype == TN_FLOAT64;
    g->window.planes = 1;
    g->window.h = sizes[ndim - 2];
    g->window.w = sizes[ndim - 1];
    for (int i = 0; i < ndim - 2; i++) g->window.planes *= sizes[i];
}

static tni_avg_pool2d window_geometry(const tni_value *v, tn_dtype dtype, const int64_t *sizes, int ndim) {
    tni_avg_pool2d g = {.window = {.kh = v[KERNEL].i,
                                   .kw = v[KERNEL + 1].i,
                                   .stride_h = v[STRIDE].i,
                                   .stride_w = v[STRIDE + 1].i,
                                   .pad_h = v[PADDING].i,
                                   .pad_w = v[PADDING + 1].i,
                                   .dilation_h = 1,
                                   .dilation_w = 1,
                                   .ceil_mode = v[CEIL].b},
                        .count_include_pad = v[INCLUDE].b,
                        .divisor = v[DIVISOR].i == TN_NONE ? 0 : v[DIVISOR].i};
    set_planes(&g, dtype, sizes, ndim);
    return g;
}

static bool require_float(const tni_call *c, const char *kernel) {
    tn_dtype dtype = (tn_dtype)c->in[0]->a.dtype;
    TNI_REQUIRE(c, tni_dtype_is_float(dtype), TN_ERR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                tni_dtype_get(dtype)->legacy);
    return true;
}

/* y from the planes of in[0]. */
static bool pool(tni_call *c, const tni_avg_pool2d *g) {
    const tni_array *like = &c->in[0]->a, *x = tni_in_as(c, 0, (tn_dtype)like->dtype);
    int64_t sizes[4];
    for (int i = 0; i < like->ndim; i++) sizes[i] = like->sizes[i];
    sizes[like->ndim - 2] = g->window.oh, sizes[like->ndim - 1] = g->window.ow;
    if (!x || !tni_out(c, 0, (tn_dtype)like->dtype, sizes, like->ndim)) return false;
    if (c->out[0]->a.numel) tni_avg_pool2d_forward(g, x->data, c->out[0]->a.data);
    return true;
}

/* dx, of the given sizes, from dy in in[0]. */
static bool spread(tni_call *c, const tni_avg_pool2d *g, const tni_value *sizes) {
    const tni_array *dy = tni_in_as(c, 0, (tn_dtype)c->in[0]->a.dtype);
    if (!dy || !tni_out(c, 0, (tn_dtype)dy->dtype, sizes->ints.v, sizes->ints.n)) return false;
    if (c->out[0]->a.numel) tni_avg_pool2d_backward(g, dy->data, c->out[0]->a.data);
    return true;
}

static bool avg_pool2d_run(tni_call *c) {
    TNI_TRY(check_window(c) && require_float(c, "avg_pool2d"));
    const tni_array *x = &c->in[0]->a;
    tni_avg_pool2d g = window_geometry(c->arg, (tn_dtype)x->dtype, x->sizes, x->ndim);
    TNI_REQUIRE(c, tni_pool2d_shape(&g.window), TN_ERR_SHAPE, "Given input size: %s. Output size is too small", TNI_SHAPE(x));
    return pool(c, &g);
}

/* ---- the derivative, linear in dy: its own is the pooling again ---- */

extern const tni_op tni_op_avg_pool2d_backward, tni_op_adaptive_avg_pool2d_backward;

static bool backward_run(tni_call *c) {
    const tni_value *sizes = &c->arg[ARGS];
    tni_avg_pool2d g = window_geometry(c->arg, (tn_dtype)c->in[0]->a.dtype, sizes->ints.v, (int)sizes->ints.n);
    return tni_pool2d_shape(&g.window) && spread(c, &g, sizes);
}

static bool avg_pool2d_vjp(tni_vjp *g) {
    tni_value arg[ARGS + 1];
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    for (int i = 0; i < ARGS; i++) arg[i] = g->arg[i];
    arg[ARGS].ints.v = sizes, arg[ARGS].ints.n = ndim;
    TNI_DX(g, 0, tni_run_op(&tni_op_avg_pool2d_backward, TNI_INS(g->dy[0]), arg, ARGS + 1));
    return true;
}

static tn_tensor *avg_pool2d_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(avg_pool2d,
      .schema = "avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool "
                "count_include_pad=True, int? divisor_override=None) -> Tensor",
      .grad_name = "AvgPool2DBackward0", .run = avg_pool2d_run, .front = avg_pool2d_front, .widen = true, .vjp = avg_pool2d_vjp,
      .samples = TN_SAMPLES("f32[2,3,6,8] (2,2) @bench", "f64[1,2,5,5] (3,2) stride=(2,1) padding=(1,0)",
                            "f32[3,5,5] (2,2) ceil_mode=true", "f64[1,2,5,7]^T (3,3) padding=1 count_include_pad=false",
                            "f32[1,1,6,6] 3 divisor_override=-2", "f64[1,1,5,5] 3 2 1 true false", "f16[1,2,4,4] 2",
                            "f32[0,3,4,4] 2", "f32[4,4] 2 !index", "f32[2,3,0,4] 2 !shape", "f32[1,1,4,4] 0 !runtime",
                            "f32[1,1,4,4] 2 padding=2 !runtime", "f32[1,1,4,4] 2 padding=-1 !runtime", "f32[1,1,4,4] 5 !shape",
                            "f32[1,1,4,4] 2 divisor_override=0 !runtime", "i32[1,1,4,4] 2 !not_implemented"));

static bool backward_vjp(tni_vjp *g) {
    tni_value arg[ARGS];
    for (int i = 0; i < ARGS; i++) arg[i] = g->arg[i];
    TNI_DX(g, 0, tni_run_op(&tni_op_avg_pool2d, TNI_INS(g->dy[0]), arg, ARGS));
    return true;
}
TN_OP(avg_pool2d_backward, .grad_name = "AvgPool2DBackwardBackward0", .run = backward_run, .hidden = true, .widen = true,
      .vjp = backward_vjp, .ints = 1u << ARGS);

#ifdef TN_HEADER
/* Keywords of tn_avg_pool2d. */
typedef struct tn_avg_pool2d_opts {
    size_t size;
    int64_t stride;                      /* TN_NONE: the kernel's size */
    int64_t padding;                     /* 0 */
    bool ceil_mode, count_include_pad;   /* false, true */
    int64_t divisor_override;            /* TN_NONE: the number of elements in the window */
    int64_t stride_hw[2], padding_hw[2]; /* {h, w} apart; {0, 0}: not given */
} tn_avg_pool2d_opts;
#ifndef __cplusplus
#define tn_avg_pool2d(x, ...)                                                                                                      \
    TN_WITH(tn_avg_pool2d_opts, (.stride = TN_NONE, .count_include_pad = true, .divisor_override = TN_NONE),                       \
            (tn_avg_pool2d)(x, TN_DIMS(TN_FIRST(__VA_ARGS__, )), &tn_o), TN_REST(__VA_ARGS__, ))
#endif
#endif

/** F.avg_pool2d: x (N, C, H, W) or (C, H, W), floating point, kernel an int or (h, w) -> (N, C, oh, ow), the mean of each window. Zeroes of
 *  the padding count unless .count_include_pad is false. Errors: TN_ERR_SHAPE, TN_ERR_RUNTIME. [scope] */
TN_API tn_tensor *(tn_avg_pool2d)(tn_tensor *x, const int64_t *kernel, size_t nkernel, const tn_avg_pool2d_opts *opts) {
    if (tni_failed()) return NULL;
    if (!kernel || nkernel < 1 || nkernel > 2)
        return (void)tni_fail(TN_ERR_RUNTIME, "avg_pool2d: kernel_size must either be a single int, or a tuple of two ints"), NULL;
    int64_t kh = kernel[0], kw = kernel[nkernel - 1], sh = PAIR(opts, stride, 0, TN_NONE), sw = PAIR(opts, stride, 1, TN_NONE);
    return tni_run_op(&tni_op_avg_pool2d, TNI_INS(x),
                      TNI_ARGS({.i = kh}, {.i = kw}, {.i = sh == TN_NONE ? kh : sh}, {.i = sw == TN_NONE ? kw : sw},
                               {.i = PAIR(opts, padding, 0, 0)}, {.i = PAIR(opts, padding, 1, 0)},
                               {.b = TNI_OPT(opts, ceil_mode, false)}, {.b = TNI_OPT(opts, count_include_pad, true)},
                               {.i = TNI_OPT(opts, divisor_override, TN_NONE)}));
}

static tn_tensor *avg_pool2d_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    tn_avg_pool2d_opts o = {
        .size = sizeof o, .stride = TN_NONE, .ceil_mode = arg[3].b, .count_include_pad = arg[4].b, .divisor_override = arg[5].i};
    SET_PAIR(o, stride, arg[1]);
    SET_PAIR(o, padding, arg[2]);
    return (tn_avg_pool2d)(in[0], arg[0].ints.v, arg[0].ints.n, &o);
}

/* ---- to a given size; arguments of the row: oh, ow; of the derivative the sizes too ---- */

static tni_avg_pool2d adaptive_geometry(const tni_value *v, tn_dtype dtype, const int64_t *sizes, int ndim) {
    tni_avg_pool2d g = {.window = {.oh = v[0].i, .ow = v[1].i}, .adaptive = true};
    set_planes(&g, dtype, sizes, ndim);
    return g;
}

static bool adaptive_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    TNI_REQUIRE(c, x->ndim == 3 || x->ndim == 4, TN_ERR_SHAPE, "Expected 3D or 4D tensor, but got %s", TNI_SHAPE(x));
    TNI_REQUIRE(c, c->arg[0].i >= 0 && c->arg[1].i >= 0, TN_ERR_RUNTIME,
                "elements of output_size must be greater than or equal to 0 but received {%lld, %lld}", (long long)c->arg[0].i,
                (long long)c->arg[1].i);
    for (int d = 1; d < x->ndim; d++)
        TNI_REQUIRE(c, x->sizes[d] > 0 || d < x->ndim - 2, TN_ERR_SHAPE,
                    "Expected input to have non-zero size for non-batch dimensions, but input has sizes %s with dimension %d being "
                    "empty",
                    TNI_SHAPE(x), d);
    TNI_TRY(require_float(c, "adaptive_avg_pool2d"));
    tni_avg_pool2d g = adaptive_geometry(c->arg, (tn_dtype)x->dtype, x->sizes, x->ndim);
    return pool(c, &g);
}

static bool adaptive_backward_run(tni_call *c) {
    const tni_value *sizes = &c->arg[2];
    tni_avg_pool2d g = adaptive_geometry(c->arg, (tn_dtype)c->in[0]->a.dtype, sizes->ints.v, (int)sizes->ints.n);
    return spread(c, &g, sizes);
}

static bool adaptive_vjp(tni_vjp *g) {
    size_t ndim;
    const int64_t *sizes = tni_input_sizes(g, 0, &ndim);
    TNI_DX(g, 0,
           tni_run_op(&tni_op_adaptive_avg_pool2d_backward, TNI_INS(g->dy[0]),
                      TNI_ARGS({.i = g->arg[0].i}, {.i = g->arg[1].i}, {.ints = {sizes, ndim}})));
    return true;
}

static tn_tensor *adaptive_front(tn_tensor *const *in, size_t n, const tni_value *arg);
TN_OP(adaptive_avg_pool2d, .schema = "adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
      .grad_name = "AdaptiveAvgPool2DBackward0", .run = adaptive_run, .front = adaptive_front, .widen = true, .vjp = adaptive_vjp,
      .samples = TN_SAMPLES("f32[2,3,6,8] (3,4) @bench", "f64[1,2,5,7] (2,3)", "f32[2,4,5] (3,5)", "f64[2,3,4,5]^T (1,1)",
                            "f64[1,2,2,2] (3,5)", "f32[2,3,4,4] (0,3)", "f32[0,3,4,4] (2,3)", "bf16[1,2,4,4] 2",
                            "f32[2,3,4,4] (-1,3) !runtime", "f32[2,3,0,4] (2,3) !shape", "i64[1,1,4,4] 2 !not_implemented"));

static bool adaptive_backward_vjp(tni_vjp *g) {
    TNI_DX(g, 0, tni_run_op(&tni_op_adaptive_avg_pool2d, TNI_INS(g->dy[0]), TNI_ARGS({.i = g->arg[0].i}, {.i = g->arg[1].i})));
    return true;
}
TN_OP(adaptive_avg_pool2d_backward, .grad_name = "AdaptiveAvgPool2DBackwardBackward0", .run = adaptive_backward_run, .hidden = true,
      .widen = true, .vjp = adaptive_backward_vjp, .ints = 1u << 2);

#ifdef TN_HEADER
#ifndef __cplusplus
#define tn_adaptive_avg_pool2d(x, output_size) (tn_adaptive_avg_pool2d)(x, TN_DIMS(output_size))
#endif
#endif

/** F.adaptive_avg_pool2d: x (N, C, H, W) or (C, H, W), floating point -> (N, C, oh, ow), each element the mean of its share of the plane.
 *  output_size  an int or (oh, ow); TN_NONE keeps x's
 *  returns      [scope]; TN_ERR_SHAPE, TN_ERR_RUNTIME for a negative size
 */
TN_API tn_tensor *(tn_adaptive_avg_pool2d)(tn_tensor *x, const int64_t *output_size, size_t n) {
    static const int64_t planes[] = {-1, -2};
    if (tni_failed() || !tni_check_handle("adaptive_avg_pool2d", "x", x, TNI_TENSOR)) return NULL;
    if (x->uninitialized) return (void)tni_refuse_uninitialized("adaptive_avg_pool2d"), NULL;
    if (!output_size || n < 1 || n > 2) return (void)tni_fail(TN_ERR_RUNTIME, "adaptive_avg_pool2d: output_size must be 2"), NULL;
    if (x->a.ndim < 3) return (void)tni_fail(TN_ERR_VALUE, "adaptive_avg_pool2d: Input dimension should be at least 3"), NULL;
    int64_t oh = output_size[0], ow = output_size[n - 1];
    if (oh == TN_NONE) oh = x->a.sizes[x->a.ndim - 2];
    if (ow == TN_NONE) ow = x->a.sizes[x->a.ndim - 1];
    if (oh == 1 && ow == 1 && x->a.ndim <= 4 && x->a.numel > 0) { /* as PyTorch does, bit by bit */
        tn_mean_opts opts = {.size = sizeof opts, .dim = TN_NONE, .keepdim = true, .dtype = TN_DTYPE_NONE, .dims = {2, planes}};
        return (tn_mean)(x, &opts);
    }
    return tni_run_op(&tni_op_adaptive_avg_pool2d, TNI_INS(x), TNI_ARGS({.i = oh}, {.i = ow}));
}

static tn_tensor *adaptive_front(tn_tensor *const *in, size_t n, const tni_value *arg) {
    (void)n;
    return (tn_adaptive_avg_pool2d)(in[0], arg[0].ints.v, arg[0].ints.n);
}

/* ---- one dim: the pooling of planes of height 1. Arguments: lists of one ---- */

static int64_t one(const tni_value *v, int64_t other) { return v->ints.n ? v->ints.v[0] : other; }

static bool avg_pool1d_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t kernel = one(&c->arg[0], 0);
    TNI_REQUIRE(c, x->ndim == 2 || x->ndim == 3, TN_ERR_SHAPE,
                "Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 'self' (while checking arguments for "
                "avg_pool1d)",
                (int)x->ndim);
    tn_avg_pool2d_opts o = {.size = sizeof o,
                            .stride_hw = {1, one(&c->arg[1], kernel)},
                            .padding_hw = {0, one(&c->arg[2], 0)},
                            .ceil_mode = c->arg[3].b,
                            .count_include_pad = c->arg[4].b,
                            .divisor_override = TN_NONE};
    tn_tensor *y = (tn_avg_pool2d)(tn_unsqueeze(c->in[0], -2), (const int64_t[]){1, kernel}, 2, &o);
    c->out[0] = tn_squeeze(y, -2);
    return c->out[0] != NULL;
}
TN_OP(avg_pool1d,
      .schema = "avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, bool ceil_mode=False, bool "
                "count_include_pad=True) -> Tensor",
      .run = avg_pool1d_run, .composite = true, .ints = 7,
      .samples = TN_SAMPLES("f32[2,3,8] 2 @bench", "f64[2,3,9] 3 2 1", "f64[3,7]^T 2 1 padding=1 count_include_pad=false",
                            "f32[2,8] 3 ceil_mode=true", "f16[1,2,4] 2", "f32[8] 2 !shape", "f32[2,3,4] 0 !runtime"));

static bool max_pool1d_run(tni_call *c) {
    const tni_array *x = &c->in[0]->a;
    int64_t kernel = one(&c->arg[0], 0), stride = one(&c->arg[1], kernel), padding = one(&c->arg[2], 0),
            dilation = one(&c->arg[3], 1);
    TNI_REQUIRE(c, x->ndim == 2 || x->ndim == 3, TN_ERR_SHAPE,
                "Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:%s", TNI_SHAPE(x));
    TNI_REQUIRE(c, kernel > 0, TN_ERR_RUNTIME, "kernel_size must be greater than zero, but got %lld", (long long)kernel);
    TNI_REQUIRE(c, stride > 0, TN_ERR_RUNTIME, "stride must be greater than zero, but got %lld", (long long)stride);
    TNI_REQUIRE(c, padding >= 0, TN_ERR_RUNTIME, "padding must be non-negative, but got %lld", (long long)padding);
    TNI_REQUIRE(c, padding <= kernel / 2, TN_ERR_RUNTIME,
                "padding should be at most half of kernel size, but got padding=%lld and kernel_size=%lld", (long long)padding,
                (long long)kernel);
    TNI_REQUIRE(c, dilation > 0, TN_ERR_RUNTIME, "dilation must be greater than zero, but got %lld", (long long)dilation);
    tn_max_pool2d_opts o = {.size = sizeof o,
                            .stride_hw = {1, stride},
                            .padding_hw = {0, padding},
                            .dilation_hw = {1, dilation},
                            .ceil_mode = c->arg[4].b};
    tn_tensor *y = (tn_max_pool2d)(tn_unsqueeze(c->in[0], -2), (const int64_t[]){1, kernel}, 2, &o);
    c->out[0] = tn_squeeze(y, -2);
    return c->out[0] != NULL;
}
TN_OP(max_pool1d,
      .schema = "max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=0, int[1] dilation=1, bool "
                "ceil_mode=False) -> Tensor",
      .run = max_pool1d_run, .composite = true, .ints = 15,
      .samples = TN_SAMPLES("f32[2,3,8] 2 @bench", "f64[2,3,9] 3 2 1", "f64[3,7]^T 2 1 dilation=2", "f32[2,8] 3 ceil_mode=true",
                            "bf16[1,2,4] 2", "f32[8] 2 !shape", "f32[2,4] 0 !runtime", "f32[2,4] 2 padding=2 !runtime"));

#ifdef TN_HEADER
/* Keywords of tn_avg_pool1d. */
typedef struct tn_avg_pool1d_opts {
    size_t size;
    int64_t stride, padding;           /* TN_NONE: the kernel's size; 0 */
    bool ceil_mode, count_include_pad; /* false, true */
} tn_avg_pool1d_opts;
/* Keywords of tn_max_pool1d. */
typedef struct tn_max_pool1d_opts {
    size_t size;
    int64_t stride, padding, dilation; /* TN_NONE: the kernel's size; 0, 1 */
    bool ceil_mode;                    /* false */
} tn_max_pool1d_opts;
#ifndef __cplusplus
#define tn_avg_pool1d(x, ...)                                                                                                      \
    TN_WITH(tn_avg_pool1d_opts, (.stride = TN_NONE, .count_include_pad = true),                                                    \
            (tn_avg_pool1d)(x, TN_FIRST(__VA_ARGS__, ), &tn_o), TN_REST(__VA_ARGS__, ))
#define tn_max_pool1d(x, ...)                                                                                                      \
    TN_WITH(tn_max_pool1d_opts, (.stride = TN_NONE, .dilation = 1), (tn_max_pool1d)(x, TN_FIRST(__VA_ARGS__, ), &tn_o),            \
            TN_REST(__VA_ARGS__, ))
#endif
#endif

/* A list of one int, or none for TN_NONE. */
#define LIST(v)                                                                                                                    \
    {                                                                                                                              \
        .ints = { &(v), (v) != TN_NONE }                                                                                           \
    }

/** F.avg_pool1d: x (N, C, L) or (C, L), floating point -> (N, C, l). As tn_avg_pool2d. [scope] */
TN_API tn_tensor *(tn_avg_pool1d)(tn_tensor *x, int64_t kernel, const tn_avg_pool1d_opts *opts) {
    int64_t stride = TNI_OPT(opts, stride, TN_NONE), padding = TNI_OPT(opts, padding, 0);
    return tni_run_op(&tni_op_avg_pool1d, TNI_INS(x),
                      TNI_ARGS(LIST(kernel), LIST(stride), LIST(padding), {.b = TNI_OPT(opts, ceil_mode, false)},
                               {.b = TNI_OPT(opts, count_include_pad, true)}));
}

/** F.max_pool1d: x (N, C, L) or (C, L) -> (N, C, l). As tn_max_pool2d. [scope] */
TN_API tn_tensor *(tn_max_pool1d)(tn_tensor *x, int64_t kernel, const tn_max_pool1d_opts *opts) {
    int64_t stride = TNI_OPT(opts, stride, TN_NONE), padding = TNI_OPT(opts, padding, 0), dilation = TNI_OPT(opts, dilation, 1);
    return tni_run_op(&tni_op_max_pool1d, TNI_INS(x),
                      TNI_ARGS(LIST(kernel), LIST(stride), LIST(padding), LIST(dilation), {.b = TNI_OPT(opts, ceil_mode, false)}));
}
