/* cpu/pool2d.c - max pooling: runs of outputs side by side without branches, the borders one by one. */
#include "cpu/pool2d.h"
#include "base/error.h"
#include "base/pool.h"
#include "cpu/level.h"
#include <math.h>
#include <string.h>

enum { RUN = 64 };

typedef struct work {
    const tni_pool2d *g;
    const void *x;
    void *y;
    int64_t *indices;
    const int64_t *places; /* of the backward pass */
} work;

TNI_INLINE int64_t first_inside(int64_t start, int64_t dilation) {
    return start >= 0 ? start : start + (-start + dilation - 1) / dilation * dilation;
}

/* The outputs of a row for which every column of the kernel lies inside; none where a place would not fit 32 bits. */
TNI_INLINE void inner_outputs(const tni_pool2d *g, int64_t *low, int64_t *high) {
    int64_t last = g->w - 1 - (g->kw - 1) * g->dilation_w + g->pad_w;
    *low = TNI_MIN((g->pad_w + g->stride_w - 1) / g->stride_w, g->ow);
    *high = last < 0 ? 0 : TNI_MIN(last / g->stride_w + 1, g->ow);
    if (*high < *low || (double)g->kh * (double)g->dilation_h * (double)g->w + (double)g->kw * (double)g->dilation_w > 1e9)
        *high = *low;
}

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define N(name) name##_f32
#define LOWEST (-INFINITY)
#define IS_NAN(x) __builtin_isnan(x)
#define PLACE int32_t
#include "cpu/pool2d_kernel.h"
#define T double
#define N(name) name##_f64
#define LOWEST (-(double)INFINITY)
#define IS_NAN(x) __builtin_isnan(x)
#define PLACE int64_t
#include "cpu/pool2d_kernel.h"
#define T int64_t
#define N(name) name##_i64
#define LOWEST INT64_MIN
#define IS_NAN(x) false
#define PLACE int64_t
#include "cpu/pool2d_kernel.h"
#define T int32_t
#define N(name) name##_i32
#define LOWEST INT32_MIN
#define IS_NAN(x) false
#define PLACE int32_t
#include "cpu/pool2d_kernel.h"
#define T uint8_t
#define N(name) name##_u8
#define LOWEST 0
#define IS_NAN(x) false
#define PLACE int32_t
#include "cpu/pool2d_kernel.h"

static int64_t output_size(int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation, bool up) {
    int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1 + (up ? stride - 1 : 0);
    int64_t out = (room >= 0 ? room / stride : -1) + 1;
    if (up && (out - 1) * stride >= size + pad) out--; /* the last window must begin inside the input or its left padding */
    return out;
}

bool tni_pool2d_shape(tni_pool2d *g) {
    g->oh = output_size(g->h, g->kh, g->stride_h, g->pad_h, g->dilation_h, g->ceil_mode);
    g->ow = output_size(g->w, g->kw, g->stride_w, g->pad_w, g->dilation_w, g->ceil_mode);
    return g->oh >= 1 && g->ow >= 1;
}

static int64_t planes_a_chunk(const tni_pool2d *g) {
    int64_t plane = TNI_MAX(g->h * g->w, g->oh * g->ow);
    return 32768 / TNI_MAX(plane, 1) + 1;
}

bool tni_max_pool2d(const tni_pool2d *g, tn_dtype dtype, const void *x, void *y, int64_t *indices) {
    work t = {.g = g, .x = x, .y = y, .indices = indices};
    void (*body)(int64_t begin, int64_t end, void *context) = dtype == TN_FLOAT32   ? planes_f32
                                                              : dtype == TN_FLOAT64 ? planes_f64
                                                              : dtype == TN_INT64   ? planes_i64
                                                              : dtype == TN_INT32   ? planes_i32
                                                              : dtype == TN_UINT8   ? planes_u8
                                                                                    : NULL;
    TNI_CHECK(body != NULL, TN_ERR_NOT_IMPLEMENTED, "max_pool2d is not implemented for this dtype");
    tni_parallel(g->planes, planes_a_chunk(g), body, &t);
    return true;
}

static void backward_f32(int64_t begin, int64_t end, void *context) {
    const work *t = context;
    int64_t in = t->g->h * t->g->w, out = t->g->oh * t->g->ow;
    memset((float *)t->y + begin * in, 0, (size_t)((end - begin) * in) * sizeof(float));
    for (int64_t p = begin; p < end; p++) {
        float *dx = (float *)t->y + p * in;
        const float *dy = (const float *)t->x + p * out;
        const int64_t *at = t->places + p * out;
        for (int64_t i = 0; i < out; i++)
            if (at[i] >= 0 && at[i] < in) dx[at[i]] += dy[i];
    }
}

static void backward_f64(int64_t begin, int64_t end, void *context) {
    const work *t = context;
    int64_t in = t->g->h * t->g->w, out = t->g->oh * t->g->ow;
    memset((double *)t->y + begin * in, 0, (size_t)((end - begin) * in) * sizeof(double));
    for (int64_t p = begin; p < end; p++) {
        double *dx = (double *)t->y + p * in;
        const double *dy = (const double *)t->x + p * out;
        const int64_t *at = t->places + p * out;
        for (int64_t i = 0; i < out; i++)
            if (at[i] >= 0 && at[i] < in) dx[at[i]] += dy[i];
    }
}

bool tni_max_pool2d_backward(const tni_pool2d *g, tn_dtype dtype, const void *dy, const int64_t *indices, void *dx) {
    work t = {.g = g, .x = dy, .y = dx, .places = indices};
    TNI_CHECK(dtype == TN_FLOAT32 || dtype == TN_FLOAT64, TN_ERR_NOT_IMPLEMENTED, "max_pool2d has a gradient for floats only");
    tni_parallel(g->planes, planes_a_chunk(g), dtype == TN_FLOAT32 ? backward_f32 : backward_f64, &t);
    return true;
}
