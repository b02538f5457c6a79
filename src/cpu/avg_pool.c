/* cpu/avg_pool.c - average pooling: runs of outputs side by side, the borders one by one. */
#include "cpu/avg_pool.h"
#include "base/pool.h"
#include "cpu/level.h"
#include <string.h>

enum { RUN = 64 };

typedef struct work {
    const tni_avg_pool2d *g;
    const void *from;
    void *to;
} work;

/* A window along one dim: what lies inside the plane, and how much it was before it was cut there. */
typedef struct span {
    int64_t start, end, whole;
} span;

TNI_INLINE span window(const tni_avg_pool2d *g, int64_t at, int64_t size, int64_t out, int64_t kernel, int64_t stride,
                       int64_t pad) {
    if (g->adaptive) {
        int64_t start = at * size / out, end = ((at + 1) * size + out - 1) / out;
        return (span){start, end, end - start};
    }
    int64_t start = at * stride - pad, end = TNI_MIN(start + kernel, size + pad);
    return (span){TNI_MAX(start, 0), TNI_MIN(end, size), end - start};
}
TNI_INLINE span rows_of(const tni_avg_pool2d *g, int64_t oy) {
    const tni_pool2d *p = &g->window;
    return window(g, oy, p->h, p->oh, p->kh, p->stride_h, p->pad_h);
}
TNI_INLINE span columns_of(const tni_avg_pool2d *g, int64_t ox) {
    const tni_pool2d *p = &g->window;
    return window(g, ox, p->w, p->ow, p->kw, p->stride_w, p->pad_w);
}
TNI_INLINE int64_t divisor_of(const tni_avg_pool2d *g, span down, span across) {
    if (g->divisor != 0) return g->divisor;
    if (g->count_include_pad) return down.whole * across.whole;
    return (down.end - down.start) * (across.end - across.start);
}

/* The outputs of a row for which every column of the kernel lies inside. */
TNI_INLINE void inner_outputs(const tni_pool2d *p, int64_t *low, int64_t *high) {
    int64_t last = p->w - p->kw + p->pad_w;
    *low = TNI_MIN((p->pad_w + p->stride_w - 1) / p->stride_w, p->ow);
    *high = last < 0 ? 0 : TNI_MIN(last / p->stride_w + 1, p->ow);
}

#define KERNEL(...) TNI_KERNEL(__VA_ARGS__) /* expands the names first */
#define T float
#define N(name) name##_f32
#include "cpu/avg_pool_kernel.h"
#define T double
#define N(name) name##_f64
#include "cpu/avg_pool_kernel.h"

static int64_t planes_a_chunk(const tni_pool2d *p) { return 32768 / TNI_MAX(TNI_MAX(p->h * p->w, p->oh * p->ow), 1) + 1; }

void tni_avg_pool2d_forward(const tni_avg_pool2d *g, const void *x, void *y) {
    work t = {g, x, y};
    tni_parallel(g->window.planes, planes_a_chunk(&g->window), g->wide ? forward_f64 : forward_f32, &t);
}

void tni_avg_pool2d_backward(const tni_avg_pool2d *g, const void *dy, void *dx) {
    work t = {g, dy, dx};
    tni_parallel(g->window.planes, planes_a_chunk(&g->window), g->wide ? backward_f64 : backward_f32, &t);
}
